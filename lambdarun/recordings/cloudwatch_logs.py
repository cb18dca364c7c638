"""Logs of a function that printed its events: START, the event, REPORT. Arrivals and durations out of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from lambdarun.errors import Place
from lambdarun.model.instant import Instant, parse_instant
from lambdarun.model.json_text import parse
from lambdarun.recordings.timed_lines import parse_duration_of
from lambdarun.recordings.to_arrivals import Line

_STAMP: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z)\s+(.*)", re.DOTALL)
_PLATFORM: Final = re.compile(r"(START|END|REPORT) RequestId: (\S+)")


def is_log(text: str) -> bool:
    """Whether a text is a function's log."""
    return any(_PLATFORM.search(line) for line in text.split("\n", 50)[:50])


def log_lines(name: str, text: str) -> Iterator[Line]:
    """The events that were printed between START and REPORT, each with its time and duration."""
    began: Instant | None = None
    found: Line | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        stamped = _STAMP.fullmatch(raw.strip())
        time = parse_instant(stamped[1]) if stamped else None
        body = stamped[2] if stamped else raw.strip()
        platform = _PLATFORM.match(body)
        if platform is None:
            event, exact = _event(body)
            if event is not None and found is None:
                found = Line(Place(name, number), event, exact, began if began is not None else time)
        elif platform[1] == "START":
            began, found = time, None
        elif platform[1] == "REPORT" and found is not None:
            found.duration = parse_duration_of(body)
            yield found
            found = None
    if found is not None:
        yield found


def _event(body: str) -> tuple[Any, bytes | None]:
    if not body.startswith("{"):
        return None, None
    try:
        value = parse(body)
    except ValueError:
        return None, None
    inner = value.get("message")
    if isinstance(inner, dict) and "function_request_id" in value:
        # Powertools' log_event: the event is the message.
        return inner, None
    return value, body.encode()
