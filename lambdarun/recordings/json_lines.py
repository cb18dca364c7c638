"""JSON files as lines: single events, arrays, one event a line, and lines that carry a time of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from lambdarun.errors import Place, RecordingError
from lambdarun.model.json_text import NO_NUMBER, TOO_DEEP, TOO_LONG, parse, parse_prefix
from lambdarun.recordings.timed_lines import line_of
from lambdarun.recordings.to_arrivals import Line

_EXPECTED: Final = "Expected an event, an array of events, or one event a line."
_ACCESS_LOG: Final = r"\S+ \S+ \S+ \[\d+/\w+/\d+:.*"


def json_lines(name: str, text: str) -> Iterator[tuple[Line, dict[str, Any] | None]]:
    """The events of a JSON text, each with the fields of its message line if it is one. Raises RecordingError."""
    # If the first line alone is whole JSON and more follows, every line has to be: a fault in line 4,000 is then told
    # there, and not as `extra data` in line 2. Anything else is read as one value after the other, over as many lines as
    # each takes.
    first, _, rest = text.lstrip().partition("\n")
    if rest.strip() and _parses(first):
        yield from _one_a_line(name, text)
        return
    start = len(text) - len(text.lstrip())
    whole, end = _decoded(name, text, start)
    if whole == []:
        raise RecordingError(Place(name), "is an empty array.", _EXPECTED)
    if text[end:].strip():
        if not isinstance(whole, (dict, list)):
            line = text.count("\n", 0, start) + 1
            raise RecordingError(Place(name, line, 1), f"is not JSON: {_seen(text[start:])}.", _EXPECTED)
        yield from _concatenated(name, text)
    elif isinstance(whole, list) and all(isinstance(item, dict) for item in whole) and not _is_batch(whole):
        for number, item in enumerate(whole, 1):
            yield line_of(Place(f"{name}[{number}]"), item, None)
    else:
        yield line_of(Place(name), whole, text.strip().encode())


def _parses(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _is_batch(items: list[Any]) -> bool:
    """Whether an array is one event: a batch of EventBridge Pipes."""
    return "eventSource" in items[0] or "eventSourceARN" in items[0]


def _one_a_line(name: str, text: str) -> Iterator[tuple[Line, dict[str, Any] | None]]:
    for number, raw in enumerate(text.split("\n"), 1):
        if not raw or raw.isspace():
            continue
        try:
            item = parse(raw)
        except json.JSONDecodeError as fault:
            place = Place(name, number, fault.colno)
            raise _not_json(place, fault, fault.msg, "Each line must be one whole event.") from None
        yield line_of(Place(name, number), item, raw)


def _concatenated(name: str, text: str) -> Iterator[tuple[Line, dict[str, Any] | None]]:
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return
        item, end = _decoded(name, text, at)
        yield line_of(Place(name, text.count("\n", 0, at) + 1), item, text[at:end])
        at = end


def _decoded(name: str, text: str, at: int) -> tuple[Any, int]:
    try:
        return parse_prefix(text, at)
    except json.JSONDecodeError as fault:
        place = Place(name, fault.lineno, fault.colno)
        said = fault.msg if fault.pos > at else _seen(text[at:])
        raise _not_json(place, fault, said, _EXPECTED) from None


def _not_json(place: Place, fault: json.JSONDecodeError, said: str, mend: str) -> RecordingError:
    if fault.msg in (NO_NUMBER, TOO_DEEP, TOO_LONG):
        mend = "AWS would refuse it too."
    return RecordingError(place, f"is not JSON: {said}.", mend)


def _seen(text: str) -> str:
    """What a text that is no JSON looks like."""
    begin = text.split("\n", 1)[0].strip()
    shown = begin if len(begin) <= 40 else f"{begin[:37]}..."
    if re.fullmatch(_ACCESS_LOG, begin):
        return f"it begins with {shown!r}, as a web server's access log does"
    if begin.startswith("@") or begin.count(",") >= 2:
        return f"it begins with {shown!r}, as a CSV file does"
    if begin.startswith("<"):
        return f"it begins with {shown!r}, as XML or HTML does"
    return f"it begins with {shown!r}"
