"""JSON files as lines: single events, arrays, one event a line, and lines that carry a time of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from lambdarun.errors import Place, RecordingError
from lambdarun.recordings.timed_lines import line_of
from lambdarun.recordings.to_arrivals import Line

_DECODER: Final = json.JSONDecoder()
_EXPECTED: Final = "Expected an event, an array of events, or one event a line."
_ACCESS_LOG: Final = re.compile(r"\S+ \S+ \S+ \[\d+/\w+/\d+:")


def json_lines(name: str, text: str) -> Iterator[tuple[Line, dict[str, Any] | None]]:
    """The events of a JSON text, each with the fields of its message line if it is one. Raises RecordingError."""
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
    elif (
        isinstance(whole, list)
        and whole
        and all(isinstance(item, dict) for item in whole)
        and not _is_batch(whole)
    ):
        for number, item in enumerate(whole, 1):
            yield line_of(Place(f"{name}[{number}]"), item, None)
    else:
        yield line_of(Place(name), whole, text.strip().encode())


def _parses(text: str) -> bool:
    try:
        json.loads(text)
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
            item = json.loads(raw)
        except json.JSONDecodeError as fault:
            place = Place(name, number, fault.colno)
            raise RecordingError(
                place, f"is not JSON: {fault.msg}.", "Each line must be one whole event."
            ) from None
        except (RecursionError, ValueError) as fault:
            raise _beyond(Place(name, number), fault) from None
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
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as fault:
        place = Place(name, fault.lineno, fault.colno)
        if fault.pos > at:
            raise RecordingError(place, f"is not JSON: {fault.msg}.", _EXPECTED) from None
        raise RecordingError(place, f"is not JSON: {_seen(text[at:])}.", _EXPECTED) from None
    except (RecursionError, ValueError) as fault:
        raise _beyond(Place(name), fault) from None


def _beyond(place: Place, fault: Exception) -> RecordingError:
    """JSON that Python reads for nobody: nested too deeply, a number of thousands of digits."""
    said = (
        "is nested too deeply" if isinstance(fault, RecursionError) else "holds a number of too many digits"
    )
    return RecordingError(place, f"{said}.", "A handler could not read it either.")


def _seen(text: str) -> str:
    """What a text that is no JSON looks like."""
    begin = text.split("\n", 1)[0].strip()
    shown = begin if len(begin) <= 40 else f"{begin[:37]}..."
    if _ACCESS_LOG.match(begin):
        return f"it begins with {shown!r}, as a web server's access log does"
    if begin.startswith("@") or begin.count(",") >= 2:
        return f"it begins with {shown!r}, as a CSV file does"
    if begin.startswith("<"):
        return f"it begins with {shown!r}, as XML or HTML does"
    return f"it begins with {shown!r}"
