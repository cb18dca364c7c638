"""Points and stretches of time: whole microseconds, exact, ordered and cheap, and their texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NewType

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z."""

Duration = NewType("Duration", int)
"""Microseconds."""

SECOND: Final = 1_000_000
MILLISECOND: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final = {
    "us": 1,
    "ms": 1_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3_600 * SECOND,
    "d": 86_400 * SECOND,
}
_DURATION: Final = r"\s*([0-9]+(?:\.[0-9]+)?)\s*(us|ms|s|m|h|d)\s*"
_LONGEST: Final = 36_525 * _UNITS["d"]
"""A hundred years: with it a recording of today still ends within the calendar."""


def after(start: Instant, seconds: int) -> Instant:
    """The instant `seconds` whole seconds after `start`.

    >>> iso(after(parse_instant("2026-01-02T03:04:05Z"), 60))
    '2026-01-02T03:05:05.000000Z'
    """
    return Instant(start + seconds * SECOND)


def span_of(*, seconds: float = 0, minutes: float = 0, hours: float = 0) -> Duration:
    """So much time, to the microsecond.

    >>> span_of(hours=6, seconds=0.5)
    21600500000
    """
    return Duration(round((seconds + 60 * minutes + 3_600 * hours) * SECOND))


def seconds(duration: int) -> float:
    """Microseconds as seconds."""
    return duration / SECOND


def iso(instant: Instant) -> str:
    """`2026-01-02T03:05:05.000000Z`."""
    return f"{_EPOCH + timedelta(microseconds=instant):%Y-%m-%dT%H:%M:%S.%f}Z"


def parse_instant(text: str) -> Instant:
    """Read ISO 8601 (a text without a zone is UTC). Raises ValueError.

    >>> parse_instant("2026-01-02T05:04:05+02:00") == parse_instant("2026-01-02 03:04:05")
    True
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return Instant((moment - _EPOCH) // timedelta(microseconds=1))


FIXED_START: Final = parse_instant("2026-01-01T00:00:00Z")
"""Where time begins if nobody says otherwise, in virtual time and for recordings without any: equal runs are equal."""


def parse_duration(text: str) -> Duration:
    """Read `40ms`, `2s`, `1.5m`. Raises ValueError.

    >>> parse_duration("40ms"), parse_duration("1.5m")
    (40000, 90000000)
    """
    match = re.fullmatch(_DURATION, text)
    if match is None:
        raise ValueError(f"{text!r} is no duration. Write a number with us, ms, s, m, h or d: 40ms, 2s.")
    found = float(match[1]) * _UNITS[match[2]]
    if found > _LONGEST:
        raise ValueError(f"{text.strip()[:40]!r} is longer than a hundred years. Write less.")
    return Duration(round(found))
