"""Stretches of time as a person says them."""

from __future__ import annotations

from typing import Final

# Limits where rounding would read oddly: 999.6 ms becomes `1 s`, not `1000 ms`; two minutes are still `119 s` at 119.
_UNITS: Final = (
    (0.9995, 0.001, "ms"),
    (119.95, 1, "s"),
    (7_190, 60, "min"),
    (172_700, 3_600, "h"),
    (float("inf"), 86_400, "days"),
)
"""Below how many seconds a unit is used, and how long it is."""


def span(seconds: float) -> str:
    """A stretch of time as a person says it: `41 ms`, `2.3 s`, `10 min`, `1.2 h`, `4 days`."""
    if seconds <= 0:
        return "0"
    unit, name = next((unit, name) for limit, unit, name in _UNITS if seconds < limit)
    value = seconds / unit
    places = 0 if value >= 99.5 or (name == "ms" and value >= 9.95) else 1
    return f"{value:.{places}f}".removesuffix(".0") + f" {name}"
