"""A case beside its floor, and the table of all."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import TypeVar

from attrs import define, frozen

T = TypeVar("T")


@frozen
class Row:
    """One line of the table. `floor` and `figure` are texts with their units; `held` compares with the target."""

    name: str
    floor: str
    figure: str
    ratio: str
    target: str
    held: bool


@define
class Pair:
    """Medians of interleaved rounds."""

    floor: float
    subject: float
    spread: float

    @property
    def ratio(self) -> float:
        """Subject over floor: the median of the rounds' own ratios."""
        return self.subject / self.floor


def interleaved(floor: Callable[[], float], subject: Callable[[], float], rounds: int = 5) -> Pair:
    """Run both in turn, so that a machine whose speed drifts moves both."""
    pairs = [(floor(), subject()) for _ in range(rounds)]
    ratios = sorted(s / f for f, s in pairs)
    middle = median(ratios)
    base = median(f for f, _ in pairs)
    return Pair(base, middle * base, (ratios[-1] - ratios[0]) / middle)


def at_most(name: str, pair: Pair, most: float, unit: str = "us", scale: float = 1e6) -> Row:
    """A row whose ratio may be at most `most`."""
    return Row(
        name,
        f"{pair.floor * scale:,.1f} {unit}",
        f"{pair.subject * scale:,.1f} {unit}",
        f"{pair.ratio:.2f} x (spread {pair.spread:.0%})",
        f"<= {most} x",
        pair.ratio <= most,
    )


def _verdict(row: Row) -> str:
    if not row.target:
        return ""
    return "ok" if row.held else "MISSED"


def render(rows: list[Row]) -> str:
    """The table."""
    cells = [("case", "floor", "measured", "ratio", "target", "")]
    cells += [(r.name, r.floor, r.figure, r.ratio, r.target, _verdict(r)) for r in rows]
    widths = [max(len(row[n]) for row in cells) for n in range(6)]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    )
