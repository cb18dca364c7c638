"""JSON files as lines: single events, arrays, one event a line, and lines that carry a time of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from lambdarun.errors import Place, RecordingError
from lambdarun.model.instant import MILLISECOND, Duration, Instant, parse_instant
from lambdarun.model.json_text import parse, parse_prefix
from lambdarun.recordings.event_clock import number_time
from lambdarun.recordings.to_arrivals import Line

EVENT_KEYS: Final = {"time", "event", "source", "function", "report", "duration_ms"}
MESSAGE_KEYS: Final = {
    "time",
    "queue",
    "body",
    "function",
    "message_attributes",
    "message_id",
    "delay_seconds",
    "report",
    "duration_ms",
}
_REPORT_DURATION: Final = re.compile(r"\bDuration: ([0-9.]+) ms")


def json_lines(name: str, text: str) -> Iterator[tuple[Line, dict[str, Any] | None]]:
    """The events of a JSON text, each with the fields of its message line if it is one. Raises RecordingError."""
    first, _, rest = text.lstrip().partition("\n")
    if rest.strip() and _parses(first):
        yield from _one_a_line(name, text)
        return
    start = len(text) - len(text.lstrip())
    try:
        whole, end = parse_prefix(text, start)
    except json.JSONDecodeError as fault:
        raise _not_json(name, fault) from None
    if text[end:].strip():
        yield from _concatenated(name, text)
    elif (
        isinstance(whole, list)
        and whole
        and all(isinstance(item, dict) for item in whole)
        and not _is_batch(whole)
    ):
        for number, item in enumerate(whole, 1):
            yield _line(Place(f"{name}[{number}]"), item, None)
    else:
        yield _line(Place(name), whole, text.strip().encode())


def parse_duration_of(report: str) -> Duration | None:
    """The Duration of a REPORT line."""
    found = _REPORT_DURATION.search(report)
    return Duration(round(float(found[1]) * MILLISECOND)) if found else None


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
            raise RecordingError(
                place, f"is not JSON: {fault.msg}.", "Each line must be one whole event."
            ) from None
        yield _line(Place(name, number), item, raw)


def _concatenated(name: str, text: str) -> Iterator[tuple[Line, dict[str, Any] | None]]:
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return
        try:
            item, end = parse_prefix(text, at)
        except json.JSONDecodeError as fault:
            raise _not_json(name, fault) from None
        yield _line(Place(name, text.count("\n", 0, at) + 1), item, text[at:end])
        at = end


def _not_json(name: str, fault: json.JSONDecodeError) -> RecordingError:
    place = Place(name, fault.lineno, fault.colno)
    return RecordingError(
        place, f"is not JSON: {fault.msg}.", "Expected an event, an array of events, or one event a line."
    )


def _line(place: Place, item: Any, text: str | bytes | None) -> tuple[Line, dict[str, Any] | None]:
    if isinstance(item, dict):
        if "queue" in item and "body" in item:
            return _envelope(place, item, MESSAGE_KEYS, None), item
        if "event" in item and not item.keys() - EVENT_KEYS:
            return _envelope(place, item, EVENT_KEYS, item["event"]), None
        if "event" in item and "time" in item:
            _refuse_keys(place, item, EVENT_KEYS)
    if isinstance(text, str):
        text = text.strip().encode("utf-8", "surrogatepass")
    return Line(place, item, text), None


def _envelope(place: Place, item: dict[str, Any], keys: set[str], event: Any) -> Line:
    if item.keys() - keys:
        _refuse_keys(place, item, keys)
    for key in ("function", "source"):
        if key in item and not isinstance(item[key], str):
            raise RecordingError(place, f"{key}: {item[key]!r} is no text.", "Write a name.")
    duration = None
    if "report" in item:
        duration = parse_duration_of(str(item["report"]))
    if "duration_ms" in item:
        duration = Duration(round(_number(place, item, "duration_ms") * MILLISECOND))
    time = _time(place, item["time"]) if "time" in item else None
    return Line(place, event, None, time, item.get("function"), item.get("source"), duration)


def _refuse_keys(place: Place, item: dict[str, Any], keys: set[str]) -> None:
    unknown = ", ".join(sorted(item.keys() - keys))
    raise RecordingError(
        place, f"has keys that a timed line does not have: {unknown}.", f"It has {', '.join(sorted(keys))}."
    )


def _number(place: Place, item: dict[str, Any], key: str) -> float:
    value = item[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RecordingError(place, f"{key}: {value!r} is no number.", "Write milliseconds.")
    return float(value)


def _time(place: Place, value: Any) -> Instant:
    try:
        if isinstance(value, str):
            return parse_instant(value)
        return number_time(value, MILLISECOND)
    except (TypeError, ValueError):
        raise RecordingError(
            place, f"time: {value!r} is no time.", "Write ISO 8601 or milliseconds since 1970."
        ) from None
