"""Durations and rates as they are typed: `100ms`, `10s`, `10x`, `20/s`."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from lambdarun.errors import UsageError
from lambdarun.model.instant import Duration, parse_duration

_TIMES: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)x")
_A_SECOND: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:/s)?")
_TIMES_MOST: Final = 1_000_000
COUNT_MOST: Final = 1_000_000_000_000
"""Of messages or environments, and of messages a second: far above what any account has, and well within a float."""


def span(flag: str, text: str) -> Duration:
    """A duration above zero. Raises UsageError."""
    try:
        found = parse_duration(text)
    except ValueError:
        raise UsageError(
            f"{flag} {text}: is no duration. Write a number with its unit: 100ms, 10s, 5m (at most 100 years)."
        ) from None
    if not found:
        raise UsageError(f"{flag} {text}: is no time at all. Write more than 0.")
    return found


def times(text: str) -> Fraction:
    """`10x`: ten times as many in the same time. Raises UsageError."""
    found = _TIMES.fullmatch(text)
    if found is None or not 0 < (value := Fraction(found[1])) <= _TIMES_MOST:
        raise UsageError(
            f"--rate {text}: is no multiple of a recording's rate. Write 10x, or 0.5x for half of it."
        )
    return value


def a_second(text: str) -> float:
    """`20/s`, or 20 alone. Raises UsageError."""
    found = _A_SECOND.fullmatch(text)
    if found is None:
        raise UsageError(
            f"--rate {text}: is no number of messages a second. Write 20/s (10x multiplies a recording's rate: "
            "name its FILE)."
        )
    if float(found[1]) > COUNT_MOST:
        raise UsageError(f"--rate: at most {COUNT_MOST:,} messages a second. Write less.")
    return float(found[1])
