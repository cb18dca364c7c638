"""What a request to Invoke may name, and the bodies of refusals.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lambdarun.model.catalog import Catalog
from lambdarun.model.declarations import Project
from lambdarun.model.draws import Draws
from lambdarun.model.function import Function
from lambdarun.model.invoke_request import Refusal, Target, request_refusal
from lambdarun.model.news import Invoke

FUNCTIONS = {"fn": Function(name="fn", handler="app.handler", code_uri=Path(), runtime="python3.11")}
CATALOG = Catalog(Project(functions=FUNCTIONS), Draws(0))


def asked(name: str, qualifier: str | None = None) -> Target | Refusal:
    return request_refusal(CATALOG, Invoke(1, name, b"{}", qualifier=qualifier))


@pytest.mark.parametrize(
    "name",
    [
        "fn",
        "fn:$LATEST",
        "123456789012:function:fn",
        "us-east-1:123456789012:function:fn",
        "arn:aws:lambda:us-east-1:123456789012:function:fn:$LATEST",
    ],
)
def test_each_form_of_a_name_finds_the_function(name: str) -> None:
    found = asked(name)
    assert isinstance(found, Target)
    assert found.function is FUNCTIONS["fn"]


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("other", "ResourceNotFoundException", "Function not found: {arn}:other:$LATEST"),
        ("a.name", "ResourceNotFoundException", "Function not found: {arn}:a.name:$LATEST"),
        ("fn:7", "ResourceNotFoundException", "Function not found: {arn}:fn:7"),
        (
            "fn:$LATEST.PUBLISHED",
            "ResourceNotFoundException",
            "Function not found: {arn}:fn:$LATEST.PUBLISHED",
        ),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:fn",
            "ResourceNotFoundException",
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ),
    ],
)
def test_a_function_that_is_not_there_is_not_found_in_awss_words(name: str, code: str, said: str) -> None:
    refusal = asked(name)
    assert isinstance(refusal, Refusal)
    text = said.format(arn="arn:aws:lambda:us-east-1:123456789012:function")
    assert json.loads(refusal.body()) == {"Type": "User", "Message": text}
    assert (refusal.status, refusal.code) == (404, code)


def test_a_name_of_another_pattern_is_refused_as_recorded_and_without_a_type() -> None:
    name = "arn:aws:lambda:us-east-1:123400000000@function:myfn"
    refusal = asked(name)
    assert isinstance(refusal, Refusal)
    # Recorded from AWS: LocalStack's test_invalid_invoke.
    assert json.loads(refusal.body()) == {
        "message": f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: Member must"
        " satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?"
        "-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
    }
    assert (refusal.status, refusal.code) == (400, "ValidationException")


def test_two_qualifiers_that_differ_are_refused() -> None:
    refusal = asked("fn:$LATEST", "7")
    assert isinstance(refusal, Refusal)
    assert json.loads(refusal.body()) == {
        "Type": "User",
        "message": "The derived qualifier from the function name does not match the specified qualifier.",
    }
