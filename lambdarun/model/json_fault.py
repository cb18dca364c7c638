"""What AWS's JSON parser (Jackson) says of a text that is no JSON.

Recorded from AWS: an unexpected character where a value should stand, and a byte that is no UTF-8. The other texts are
that parser's own, from its source (com.fasterxml.jackson.core.json.UTF8StreamJsonParser); what it says of faults
that are not listed here is not known, and Python's words stand in.
"""

from __future__ import annotations

import json
import re
from typing import Final

from attrs import frozen

from lambdarun.model.json_text import DIGITS_MAX, NESTING_MAX, NO_NUMBER, TOO_DEEP, TOO_LONG, parse

_VALUE: Final = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_CONSTANT: Final = "NaN|-?Infinity"
_DIGITS: Final = "[0-9]+"
_WORD: Final = r"[A-Za-z_$][A-Za-z0-9_$]*"
# What Python's parser says -> what Jackson expected.
_EXPECTED: Final = {
    "Expecting value": f"expected a valid value {_VALUE}",
    "Expecting property name enclosed in double quotes": "was expecting double-quote to start field name",
    "Expecting ':' delimiter": "was expecting a colon to separate field name and value",
}


@frozen
class JsonFault:
    """A fault's text and place; line and column count from 1."""

    text: str
    line: int
    column: int


def json_fault(payload: bytes) -> JsonFault:
    """The first fault of a payload that is refused."""
    text = payload.decode("latin-1")  # one character a byte: Jackson counts bytes
    fault = _syntax_fault(text)
    try:
        payload.decode()
    except UnicodeDecodeError as broken:
        if fault is None or broken.start < fault.pos:
            return _at(text, broken.start, f"Invalid UTF-8 start byte 0x{payload[broken.start]:x}")
    if fault is None:
        return JsonFault("Unexpected end-of-input", 1, 1)
    limit = _limit_fault(text, fault)
    if limit is not None:
        return _at(text, fault.pos, limit)
    word = re.compile(_WORD).match(text, fault.pos)
    if fault.msg == "Expecting value" and word is not None:
        expecting = f"Unrecognized token '{word[0]}': was expecting {_VALUE}"
        return _at(text, word.end(), expecting)
    if fault.pos >= len(text):
        return _at(text, fault.pos, "Unexpected end-of-input")
    if fault.msg in _EXPECTED:
        found = f"Unexpected character ({_described(text[fault.pos])}): {_EXPECTED[fault.msg]}"
        return _at(text, fault.pos, found)
    return _at(text, fault.pos, fault.msg)


def _syntax_fault(text: str) -> json.JSONDecodeError | None:
    try:
        parse(text)
    except json.JSONDecodeError as fault:
        return fault
    return None


def _limit_fault(text: str, fault: json.JSONDecodeError) -> str | None:
    """What Jackson says where Python's parser would have gone on, or broken off without a place."""
    if fault.msg == TOO_DEEP:
        return (
            f"Document nesting depth ({NESTING_MAX + 1}) exceeds the maximum allowed ({NESTING_MAX}, from"
            " `StreamReadConstraints.getMaxNestingDepth()`)"
        )
    digits = re.compile(_DIGITS).match(text, fault.pos)
    if fault.msg == TOO_LONG and digits is not None:
        return (
            f"Number value length ({len(digits[0])}) exceeds the maximum allowed ({DIGITS_MAX}, from"
            " `StreamReadConstraints.getMaxNumberLength()`)"
        )
    constant = re.compile(_CONSTANT).match(text, fault.pos)
    if fault.msg == NO_NUMBER and constant is not None:
        return (
            f"Non-standard token '{constant[0]}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
        )
    return None


def _at(text: str, position: int, said: str) -> JsonFault:
    line_start = text.rfind("\n", 0, position) + 1
    return JsonFault(said, text.count("\n", 0, position) + 1, position - line_start + 1)


def _described(character: str) -> str:
    code = ord(character)
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"(CTRL-CHAR, code {code})"
    return f"'{character}' (code {code})"
