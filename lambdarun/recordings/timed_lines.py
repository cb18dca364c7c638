"""Lines that say more than an event: `{"time": ..., "event": ...}`, and messages `{"time": ..., "queue": ..., "body": ...}`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from lambdarun.aws import limits
from lambdarun.errors import Place, RecordingError
from lambdarun.model.arrival import Delivery
from lambdarun.model.instant import MILLISECOND, SECOND, Duration, Instant, parse_instant
from lambdarun.model.near_names import did_you_mean
from lambdarun.model.sources import SOURCES
from lambdarun.recordings.event_clock import LATEST, number_time
from lambdarun.recordings.to_arrivals import Line

_ABOUT: Final = {"time", "function", "report", "duration_ms"}
EVENT_KEYS: Final = {"event", "source"} | _ABOUT
_IDS: Final = ("message_id", "message_group_id", "message_deduplication_id")
MESSAGE_KEYS: Final = {"queue", "body", "message_attributes", "delay_seconds", *_IDS} | _ABOUT
# null stands for a key that is left out, but a message has these.
_MUST: Final = ("queue", "body")
_TEXTS: Final = ("queue", "body", *_IDS, "function", "source", "report")
# Their events are objects: a text or a number beside such a name is no event of its own, but a mistake to be told.
_POLLED: Final = tuple(name for name, delivery in SOURCES.items() if delivery is Delivery.POLL)
_REPORT_DURATION: Final = re.compile(r"\bDuration: ([0-9.]+) ms")
_NUMBER: Final = re.compile(r"\s*\d+(\.\d+)?\s*")
# Below it a number of seconds (until the year 5138), from it on one of milliseconds (since 1973).
_MILLISECONDS_FROM: Final = 1e11


def parse_duration_of(report: str) -> Duration | None:
    """The Duration of a REPORT line."""
    found = _REPORT_DURATION.search(report)
    return Duration(round(float(found[1]) * MILLISECOND)) if found else None


def line_of(place: Place, item: Any, text: str | bytes | None) -> tuple[Line, dict[str, Any] | None]:
    """What stands in a line, with its fields where it is a message. Raises RecordingError."""
    if isinstance(item, dict):
        if "queue" in item and "body" in item:
            given = {key: value for key, value in item.items() if value is not None or key in _MUST}
            return _envelope(place, given, MESSAGE_KEYS, None), given
        about_event = (
            "time" in item or isinstance(item.get("event"), (dict, list)) or item.get("source") in _POLLED
        )
        if "event" in item and about_event and (not item.keys() - EVENT_KEYS or "time" in item):
            return _envelope(place, item, EVENT_KEYS, item["event"]), None
    if isinstance(text, str):
        text = text.strip().encode("utf-8", "surrogatepass")
    return Line(place, item, text), None


def _envelope(place: Place, item: dict[str, Any], keys: set[str], event: Any) -> Line:
    _known(place, item, keys)
    for key in _TEXTS:
        if key in item and not isinstance(item[key], str):
            mend = (
                "Write the body as SQS carries it: JSON within quotes."
                if key == "body"
                else "Put it in quotes."
            )
            raise RecordingError(place, f"{key}: {_short(item[key])} is no text.", mend)
    if "source" in item and item["source"] not in SOURCES:
        raise RecordingError(
            place, f"source: {item['source']!r} is not known.", _nearest(item["source"], SOURCES)
        )
    delay = item.get("delay_seconds", 0)
    if type(delay) is not int:
        raise RecordingError(
            place,
            f"delay_seconds: {_short(delay)} is no whole number.",
            f"Write {limits.DELAY_SECONDS.low} to {limits.DELAY_SECONDS.high} (seconds).",
        )
    duration = None
    if "report" in item:
        duration = parse_duration_of(item["report"])
        if duration is None:
            raise RecordingError(place, "report: has no `Duration: ... ms`.", "Give the whole REPORT line.")
    if "duration_ms" in item:
        duration = Duration(round(_milliseconds(place, item["duration_ms"]) * MILLISECOND))
    time = _time(place, item["time"]) if "time" in item else None
    return Line(place, event, None, time, item.get("function"), item.get("source"), duration)


def _known(place: Place, item: Mapping[str, Any], keys: set[str]) -> None:
    unknown = sorted(item.keys() - keys)
    if unknown:
        kind = "a message's line" if "queue" in keys else "a timed line"
        mend = (
            f'{_nearest(unknown[0], keys)} (An event with such keys of its own goes into {{"event": ...}}.)'
        )
        raise RecordingError(place, f"{unknown[0]}: {kind} has no such key.", mend)


def _nearest(name: str, known: Any) -> str:
    return did_you_mean(name, known, f"Known: {', '.join(sorted(known))}.")


def _milliseconds(place: Place, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1e9:
        raise RecordingError(place, f"duration_ms: {_short(value)} is no duration.", "Write milliseconds.")
    return float(value)


def _time(place: Place, value: Any) -> Instant:
    """ISO 8601, or seconds or milliseconds since 1970: their size tells which."""
    try:
        if isinstance(value, str) and not _NUMBER.fullmatch(value):
            found = parse_instant(value.strip())
            if not 0 <= found < LATEST:
                raise ValueError("before 1970, or too far ahead")
            return found
        if isinstance(value, bool):
            raise TypeError("true and false are no times")
        number = float(value)
        return number_time(number, MILLISECOND if number >= _MILLISECONDS_FROM else SECOND)
    except (OverflowError, TypeError, ValueError):
        raise RecordingError(
            place,
            f"time: {_short(value)} is no time.",
            "Write ISO 8601 (2026-01-02T03:04:05Z), or seconds or milliseconds since 1970.",
        ) from None


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
