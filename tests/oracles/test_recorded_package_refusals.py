"""What AWS answered to packages, layers and runtimes that it refuses: the same words stand in our findings.

Recorded by the LocalStack project's tests (Apache-2.0), whose names the cases have.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lambdarun.aws import messages
from lambdarun.aws.messages import ErrorText
from lambdarun.errors import ProjectErrors
from lambdarun.project.project_file import load
from lambdarun.runtime.blocking import open_blocking_runtime
from tests.packages import pack

CASES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "recorded_package_refusals.json").read_text()
)["cases"]
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer"
NAMED = '[layers]\nlayer = { 1 = "l", 2 = "l", 3 = "l" }\n'


def refusal(folder: Path, function: str, rest: str = NAMED) -> str:
    """What is said of a function that is declared so."""
    (folder / "l").mkdir(exist_ok=True)
    (folder / "app.py").write_text("def handler(event, context):\n    return 1\n")
    (folder / "lambdarun.toml").write_text(f'[functions.f]\nhandler = "app.handler"\n{function}\n{rest}')
    with pytest.raises(ProjectErrors) as told, open_blocking_runtime(load(folder / "lambdarun.toml")):
        pass
    [finding] = told.value.findings
    return str(finding)


def zipped(folder: Path, *, unpacked: int = 0, padding: int = 0) -> str:
    path = pack(
        folder / "fn.zip",
        ("app.py", "def handler(event, context):\n    return 1\n"),
        ("zeros", bytes(unpacked)),
    )
    data = path.read_bytes()
    with path.open("wb") as file:
        file.truncate(padding)
        file.seek(0, os.SEEK_END)
        file.write(data)
    return 'code_uri = "fn.zip"'


def no_zip(folder: Path) -> str:
    (folder / "fn.zip").write_text("no zip file")
    return 'code_uri = "fn.zip"'


LAYERS = "TestLambdaLayer::test_layer_function_exceptions: "
SIZES = "TestLambdaSizeLimits::"
CREATE = "TestLambdaFunction::test_create_lambda_exceptions: "
DEPRECATED = "TestRuntimeValidation::test_create_deprecated_function_runtime_with_validation_enabled"
# Case -> how it is brought about, and which of our texts has the recorded code and status.
BROUGHT: dict[str, tuple[Any, ErrorText]] = {
    f"{LAYERS}two_layer_versions_single_function_exc": (
        'layers = ["layers.layer:1", "layers.layer:2"]', messages.SAME_LAYER_TWICE),
    f"{LAYERS}three_layer_versions_single_function_exc": (
        'layers = ["layers.layer:1", "layers.layer:2", "layers.layer:3"]', messages.SAME_LAYER_TWICE),
    f"{LAYERS}two_identical_layer_versions_single_function_exc": (
        'layers = ["layers.layer:1", "layers.layer:1"]', messages.SAME_LAYER_TWICE),
    f"{LAYERS}add_nonexistent_layer_exc": (f'layers = ["{LAYER}:doesnotexist:1"]', messages.LAYER_MISSING),
    f"{LAYERS}add_nonexistent_layer_version_exc": ('layers = ["layers.layer:9"]', messages.LAYER_MISSING),
    f"{LAYERS}add_layer_arn_without_version_exc": (f'layers = ["{LAYER}:layer"]', messages.LAYER_MALFORMED),
    f"{LAYERS}create_function_with_layer_in_different_region": (
        'layers = ["arn:aws:lambda:eu-west-1:123456789012:layer:layer:1"]', messages.LAYER_ELSEWHERE),
    f"{SIZES}test_oversized_lambda: invalid_param_exc": (
        lambda folder: zipped(folder, unpacked=262_144_001), messages.UNZIPPED_TOO_LARGE),
    f"{SIZES}test_oversized_unzipped_lambda: invalid_param_exc": (
        lambda folder: zipped(folder, unpacked=262_144_001), messages.UNZIPPED_TOO_LARGE),
    f"{SIZES}test_oversized_zipped_create_lambda: invalid_param_exc": (
        lambda folder: zipped(folder, padding=52_428_801), messages.ZIPPED_TOO_LARGE),
    f"{CREATE}invalid_zip_exc": (no_zip, messages.NOT_UNZIPPED),
    f"{CREATE}invalid_runtime_exc": ('runtime = "non-existent-runtime"', messages.RUNTIME_UNKNOWN),
    f"{CREATE}uppercase_runtime_exc": ('runtime = "PYTHON3.9"', messages.RUNTIME_UNKNOWN),
    **{
        f"{DEPRECATED}[{name}]: deprecation_error": (f'runtime = "{name}"', messages.RUNTIME_ENDED)
        for name in ("java8", "go1.x", "provided", "nodejs14.x", "dotnetcore3.1")
    },
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_is_in_awss_words(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    brought, text = BROUGHT[case]
    said = refusal(tmp_path, brought if isinstance(brought, str) else brought(tmp_path))
    recorded = CASES[case]["message"]
    assert (text.code, text.status) == (CASES[case]["code"], CASES[case]["status"])
    for placeholder, value in (
        ("<partition>", "aws"), ("<region>", "us-east-1"), ("111111111111", "123456789012"), ("<resource:1>", "layer"),
    ):  # fmt: skip
        recorded = recorded.replace(placeholder, value)
    assert recorded in said


def test_every_recording_is_held() -> None:
    assert CASES.keys() == BROUGHT.keys()
