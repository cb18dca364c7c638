"""Which log events a metric filter counts.

Examples: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarun.model.json_log_pattern import PatternFault
from lambdarun.model.log_pattern import LogPattern

LINES = ("ERROR WARN message", "ERROR message", "WARN message")


def matched(pattern: str, *events: str) -> list[int]:
    """The numbers, from 1, of the events that match."""
    compiled = LogPattern.compile(pattern)
    return [number for number, event in enumerate(events, 1) if compiled.matches(event)]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("ERROR", [1, 2]),
        ("?ERROR ?WARN", [1, 2, 3]),
        ("ERROR WARN", [1]),
        ("ERROR -WARN", [2]),
        ("", [1, 2, 3]),
    ],
)
def test_terms_are_joined_as_in_awss_examples(pattern: str, found: list[int]) -> None:
    assert matched(pattern, *LINES) == found


def test_a_term_is_found_within_words_and_in_its_own_case() -> None:
    assert matched("ERROR", "Exiting with ERRORCODE: -1", "[ERROR] fatal", "error") == [1, 2]
    assert matched('"ERROR" - "Exiting"', "Exiting with ERRORCODE: -1", "[ERROR] fatal") == [2]


def test_quotes_hold_blanks_and_signs() -> None:
    assert matched('"[ERROR]\\"x"', '[ERROR]"x y', "[ERROR] x") == [1]
    assert matched('"Task timed out"', "2026 id Task timed out after 3.00 seconds", "Task out") == [1]


EVENT = json.dumps(
    {
        "eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": None, "ThisFlag": True,
        "latency": 501.5, "user": {"id": 1, "email": "John.Stiles@example.com"},
        "users": [{"id": 2, "email": "John.Doe@example.com"}], "actions": ["GET", "PUT", "DELETE"],
        "coordinates": [[0, 1, 2], [4, 5, 6]], "code": "400",
    }
)  # fmt: skip


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.eventType = "UpdateTrail" }',
        "{ $.sourceIPAddress != 123.123.* }",
        '{ $.arrayKey[0] = "value" }',
        "{ $.objectList[1].id = 2 }",
        "{ $.SomeObject IS NULL }",
        "{ $.SomeOtherObject NOT EXISTS }",
        "{ $.ThisFlag IS TRUE }",
        '{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }',
        '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }',
        "{ $.latency >= 500 }",
        "{ $.latency < 10e3 }",
        "{ $.latency > +501 }",
        "{ $.eventType = Update* }",
        "{ $.eventType = *Trail }",
        "{ $.eventType = * }",
        "{ $.code = 400 }",
        "{$.user.id=1}",
    ],
)
def test_json_patterns_of_awss_page_match(pattern: str) -> None:
    assert matched(pattern, EVENT) == [1]


@pytest.mark.parametrize(
    "pattern",
    [
        '{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }',
        '{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }',
        "{ $.users = 1 }",
        "{ $.users != 1 }",
        "{ $.missing != 1 }",
        "{ $.eventType IS NULL }",
        "{ $.eventType = Up*ail }",
        "{ $.eventType > 5 }",
        "{ $.arrayKey[9] = value }",
        "{ $.user[0] = 1 }",
    ],
)
def test_json_patterns_of_awss_page_do_not_match(pattern: str) -> None:
    assert matched(pattern, EVENT) == []


def test_a_json_pattern_matches_no_plain_text() -> None:
    assert matched(
        '{ $.level = "ERROR" }', '{"level": "ERROR"}', '[ERROR] {"level": "ERROR"}', '{"level"', "[1]"
    ) == [1]


@pytest.mark.parametrize(
    ("pattern", "event"),
    [
        ('ERROR "100%"', "ERROR: disk is 100% full"),
        ('{ $.used = "9*" && $.of = "10%" }', '{"used": "95", "of": "10%"}'),
    ],
)
def test_a_per_cent_in_quotes_is_no_regular_expression(pattern: str, event: str) -> None:
    assert LogPattern.compile(pattern).matches(event)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("[ip, user, status = 4*]", "space-delimited fields, which is not built"),
        ("%ERROR.*%", "regular expression, which is not built"),
        ("{ $.a = %x% }", "regular expression, which is not built"),
        ("[ERROR]", "in quotes"),
        ("a.b", "in double quotes"),
        ('"open', "is no term"),
        ("?ERROR WARN", "mixes terms"),
        ("{ $.users[*].id = 1 }", "selector"),
        ("{ $ = 1 }", "names no member"),
        ("{ level = 1 }", "stands where it cannot"),
        ("{ $.a = }", "ends within a condition"),
        ("{ $.a }", "ends within a condition"),
        ("{ ($.a = 1 }", "not closed"),
        ("{ $.a = 1 $.b = 2 }", "stands where it cannot"),
        ("{ $.a > text }", "compares numbers"),
        ("{ $.a IS MISSING }", "is no condition"),
        ("{ }", "no JSON pattern"),
        ("{ $.a = 1", "no JSON pattern"),
        ("{ $.a = && }", "stands where it cannot"),
        ("{ " + "(" * 60 + "$.a = 1" + ")" * 60 + " }", "deep"),
        ("x" * 1_025, "above 1024"),
    ],
)
def test_what_is_no_pattern_or_not_built_is_refused_with_its_reason(pattern: str, said: str) -> None:
    with pytest.raises(PatternFault) as fault:
        LogPattern.compile(pattern)
    assert said in str(fault.value)
    assert fault.value.mend.endswith(".") or fault.value.mend.endswith("}.")


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_a_pattern_or_refused(pattern: str, event: str) -> None:
    try:
        compiled = LogPattern.compile(pattern)
    except PatternFault:
        return
    assert compiled.matches(event) in (True, False)


@given(st.text(alphabet='{}$.[]()=!<>&|"*ISNULTRE 01a\\-?', max_size=30), st.text(max_size=10))
def test_any_text_of_its_signs_is_a_pattern_or_refused(pattern: str, event: str) -> None:
    try:
        compiled = LogPattern.compile("{" + pattern + "}")
    except PatternFault:
        return
    assert compiled.matches(event) is False
