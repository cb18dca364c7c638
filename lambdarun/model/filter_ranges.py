"""Which of many ranges a number lies in, at a cost that hardly grows with the ranges."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

from attrs import define, field

Bound = tuple[float, int]
"""A place on the line of numbers: at a number (0), or right behind it (1)."""


@define(eq=False)
class Ranges:
    """The line of numbers cut at all bounds, with the branches of each piece as the bits of a number."""

    _spans: list[tuple[Bound, Bound, int]] = field(factory=list)
    _bounds: list[Bound] = field(factory=list)
    _masks: list[int] = field(factory=list)

    def add(self, bit: int, low: Bound, high: Bound) -> None:
        """The numbers from `low` to before `high` suit the branch of `bit`."""
        if low < high:
            self._spans.append((low, high, bit))
            self._masks.clear()

    def __bool__(self) -> bool:
        return bool(self._spans)

    def at(self, value: float) -> int:
        """The branches whose ranges `value` lies in."""
        if not self._masks:
            self._cut()
        return self._masks[bisect_right(self._bounds, (value, 0))]

    def _cut(self) -> None:
        opened: dict[Bound, list[int]] = defaultdict(list)
        closed: dict[Bound, list[int]] = defaultdict(list)
        for low, high, bit in self._spans:
            opened[low].append(bit)
            closed[high].append(bit)
        self._bounds = sorted(opened.keys() | closed.keys())
        depth: dict[int, int] = defaultdict(int)  # ranges of one branch may overlap
        mask = 0
        self._masks.append(0)
        for bound in self._bounds:
            for bit in opened.get(bound, ()):
                depth[bit] += 1
                mask |= bit
            for bit in closed.get(bound, ()):
                depth[bit] -= 1
                if not depth[bit]:
                    mask &= ~bit
            self._masks.append(mask)
