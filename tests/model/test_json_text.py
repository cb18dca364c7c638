"""JSON that Python's parser takes or stumbles over, and AWS's refuses."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarun.model.invoke_request import async_refusal
from lambdarun.model.json_fault import json_fault
from lambdarun.model.json_text import parse, parse_prefix

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(value=VALUES)
def test_what_is_json_is_read_as_python_reads_it(value: object) -> None:
    text = json.dumps(value)
    assert parse(text) == value
    assert parse(text.encode()) == value
    assert parse_prefix(f" {text} ", 1) == (value, len(text) + 1)


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ('{"a":\n NaN}', 2, 2, "Non-standard token 'NaN'"),
        ('{"NaN": "NaN", "b": -Infinity}', 1, 21, "Non-standard token '-Infinity'"),
        (
            "[" * 1_001 + "]" * 1_001,
            1,
            1_001,
            "Document nesting depth (1001) exceeds the maximum allowed (1000",
        ),
        ('{"a": ' * 50_000, 1, 6_001, "Document nesting depth (1001) exceeds the maximum allowed (1000"),
        ('{"a": ' + "1" * 5_000 + "}", 1, 7, "Number value length (5000) exceeds the maximum allowed (1000"),
    ],
)
def test_a_constant_a_depth_and_a_length_that_json_has_not_are_told_with_their_place(
    text: str, line: int, column: int, said: str
) -> None:
    with pytest.raises(json.JSONDecodeError) as refused:
        parse(text)
    assert (refused.value.lineno, refused.value.colno) == (line, column)
    fault = json_fault(text.encode())
    assert (fault.line, fault.column) == (line, column)
    assert fault.text.startswith(said)
    refusal = async_refusal(text.encode())
    assert refusal is not None
    assert refusal.code == "InvalidRequestContentException"
