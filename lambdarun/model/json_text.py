"""JSON as AWS's services accept it: stricter than Python's parser, which also takes NaN, and raises what it likes.

AWS's parser (Jackson) nests at most 1,000 deep and takes numbers of at most 1,000 digits (its StreamReadConstraints).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

NESTING_MAX: Final = 1_000
DIGITS_MAX: Final = 1_000
NO_NUMBER: Final = "not a number of JSON's"
TOO_DEEP: Final = f"nested more than {NESTING_MAX} deep"
_TOO_DEEP_HERE: Final = "nested deeper than the parser of this Python goes"
TOO_LONG: Final = f"a number of more than {DIGITS_MAX} digits"
_PIECE: Final = r'"(?:[^"\\]|\\.)*"|NaN|-?Infinity|[\[{\]}]|\d{1001,}'


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)


def parse(text: str | bytes) -> Any:
    """The value of a JSON text. Raises json.JSONDecodeError, and UnicodeDecodeError for bytes that are no text."""
    if not isinstance(text, str):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    # Python's parser raises JSONDecodeError with a place for most faults, a plain ValueError for numbers that are too
    # long and from _refuse, RecursionError for depth: the last two are found again by hand, to have a place.
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):
        raise _fault(text) from None
    _refuse_depth(text, 0, len(text))
    return value


def parse_prefix(text: str, at: int) -> tuple[Any, int]:
    """The JSON value that begins at `at`, and where it ends. Raises json.JSONDecodeError."""
    try:
        value, end = _DECODER.raw_decode(text, at)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):
        raise _fault(text) from None
    _refuse_depth(text, at, end)
    return value, end


def _refuse_depth(text: str, at: int, end: int) -> None:
    # From Python 3.12 on the parser goes deeper than AWS's.
    if text.count("[", at, end) + text.count("{", at, end) > NESTING_MAX:
        fault = _fault(text[at:end])
        if fault.msg == TOO_DEEP:
            raise json.JSONDecodeError(TOO_DEEP, text, at + fault.pos)


def _fault(text: str) -> json.JSONDecodeError:
    """What Python's parser does not place: the first number or bracket that is too much."""
    depth = deepest = deepest_at = 0
    for found in re.finditer(_PIECE, text, re.DOTALL):
        piece = found[0]
        if piece in "[{":
            depth += 1
            if depth > deepest:
                deepest, deepest_at = depth, found.start()
            if depth > NESTING_MAX:
                break
        elif piece in "]}":
            depth -= 1
        elif piece[0].isdigit():
            return json.JSONDecodeError(TOO_LONG, text, found.start())
        elif piece[0] != '"':
            return json.JSONDecodeError(NO_NUMBER, text, found.start())
    return json.JSONDecodeError(TOO_DEEP if depth > NESTING_MAX else _TOO_DEEP_HERE, text, deepest_at)
