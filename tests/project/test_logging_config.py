"""`logging_config` of a function: what AWS takes, and its words for what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdarun.errors import ProjectErrors
from lambdarun.model.declarations import Account
from lambdarun.model.function import Function
from lambdarun.model.logging_config import ApplicationLogLevel, LogFormat, LoggingConfig, SystemLogLevel
from lambdarun.project.project_file import load
from lambdarun.runtime.code import Code
from lambdarun.runtime.process_environment import process_environment

WITH_TEXT = (
    'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the LogFormat to'
    ' "JSON" and try again.'
)
ENUM = "failed to satisfy constraint: Member must satisfy enum value set:"


def function_of(tmp_path: Path, logging_config: str | None) -> Function:
    path = tmp_path / "lambdarun.toml"
    said = f"logging_config = {logging_config}\n" if logging_config is not None else ""
    path.write_text(f'[functions.f]\nhandler = "app.h"\n{said}')
    return load(path).functions["f"]


def variables(function: Function) -> dict[str, str]:
    given = process_environment(Account(), function, "stream", Code(function.code_uri), "/nowhere")
    return {name: value for name, value in given.items() if name.startswith("AWS_LAMBDA_LOG_")}


def test_without_a_word_the_format_is_text_and_no_variable_says_so(tmp_path: Path) -> None:
    function = function_of(tmp_path, None)
    assert (function.logging_config, function.logging.log_format) == (None, LogFormat.TEXT)
    assert variables(function) == {
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
    }


def test_json_has_levels_info_and_info_and_the_functions_own_is_a_variable(tmp_path: Path) -> None:
    function = function_of(tmp_path, '{ log_format = "JSON" }')
    config = function.logging
    assert (config.application_level, config.system_level) == (ApplicationLogLevel.INFO, SystemLogLevel.INFO)
    found = variables(function)
    assert (found["AWS_LAMBDA_LOG_FORMAT"], found["AWS_LAMBDA_LOG_LEVEL"]) == ("JSON", "INFO")
    deeper = function_of(
        tmp_path, '{ log_format = "JSON", application_log_level = "TRACE", system_log_level = "DEBUG" }'
    )
    assert variables(deeper)["AWS_LAMBDA_LOG_LEVEL"] == "TRACE"
    assert deeper.logging.system_level is SystemLogLevel.DEBUG


@pytest.mark.parametrize("given", ["{}", '{ log_format = "Text" }'])
def test_text_that_was_asked_for_is_a_variable_without_a_level(tmp_path: Path, given: str) -> None:
    found = variables(function_of(tmp_path, given))
    assert found["AWS_LAMBDA_LOG_FORMAT"] == "Text"
    assert "AWS_LAMBDA_LOG_LEVEL" not in found


def test_a_log_group_of_the_users_own_is_what_the_handler_is_told(tmp_path: Path) -> None:
    function = function_of(tmp_path, '{ log_group = "/shop/all" }')
    assert variables(function)["AWS_LAMBDA_LOG_GROUP_NAME"] == function.log_group == "/shop/all"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('{ application_log_level = "DEBUG" }', f"application_log_level: {WITH_TEXT}"),
        ('{ log_format = "Text", system_log_level = "WARN" }', f"system_log_level: {WITH_TEXT}"),
        (
            '{ log_format = "json" }',
            f"log_format: 1 validation error detected: Value 'json' at 'loggingConfig.logFormat' {ENUM} [JSON, Text].",
        ),
        (
            '{ log_format = "JSON", application_log_level = "WARNING" }',
            "application_log_level: 1 validation error detected: Value 'WARNING' at 'loggingConfig.applicationLogLevel'"
            f" {ENUM} [TRACE, DEBUG, INFO, WARN, ERROR, FATAL].",
        ),
        (
            '{ log_format = "JSON", system_log_level = "ERROR" }',
            "system_log_level: 1 validation error detected: Value 'ERROR' at 'loggingConfig.systemLogLevel'"
            f" {ENUM} [DEBUG, INFO, WARN].",
        ),
        (
            '{ log_format = 3, system_log_level = "WARN" }',
            "log_format: 1 validation error detected: Value '3' ",
        ),
        ('{ log_group = "a b" }', "log_group: 'a b' is no log group."),
        ('{ log_group = "" }', "log_group: '' is no log group."),
        ("{ log_group = 3 }", "log_group: is no text."),
        ("{ log_level = 3 }", "log_level: no such setting."),
        ("3", "functions.f.logging_config: is no table."),
    ],
)
def test_what_aws_refuses_is_refused_at_its_key_in_awss_words(tmp_path: Path, given: str, said: str) -> None:
    with pytest.raises(ProjectErrors) as told:
        function_of(tmp_path, given)
    [finding] = told.value.findings
    assert said in str(finding)
    assert str(finding).startswith(f"{tmp_path}/lambdarun.toml:3:")


def test_levels_with_text_are_refused_in_python_too() -> None:
    with pytest.raises(ValueError, match='when LogFormat is set to "Text"'):
        LoggingConfig(application_log_level=ApplicationLogLevel.INFO)
    with pytest.raises(ValueError, match="is no log group"):
        LoggingConfig(log_group="x" * 513)
