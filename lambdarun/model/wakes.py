"""When each core wants to be called next: one heap for all of them, whatever their number."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Protocol

from attrs import define, field

from lambdarun.model.instant import Instant


class Sleeper(Protocol):
    """A core that acts when it is woken, and knows when it next wants to be."""

    def wake(self, now: Instant) -> None:
        """Do what is due."""

    def next_due(self) -> Instant | None:
        """When to be woken; None: only by news."""


# Why one heap: to ask each of a thousand mappings after every step for its next due would cost more than the step. A
# sleeper that changes its mind leaves its old entry behind; `_planned` says which entry holds, and the others are
# passed over.
#
# Why dictionaries for sets: they keep the order of insertion, and a set's order would depend on addresses, so on the
# run.
@define(eq=False)
class Wakes:
    """The sleepers to call in this step, and the instants of all others."""

    _heap: list[tuple[Instant, int, Sleeper]] = field(factory=list, init=False)
    _planned: dict[Sleeper, Instant] = field(factory=dict, init=False)
    _stirred: dict[Sleeper, None] = field(factory=dict, init=False)
    _puts: int = field(default=0, init=False)

    def stir(self, sleeper: Sleeper) -> None:
        """Have `sleeper` woken in this step."""
        self._stirred[sleeper] = None

    def next_due(self) -> Instant | None:
        """The earliest instant at which somebody wants to be woken."""
        heap, planned = self._heap, self._planned
        while heap and planned.get(heap[0][2]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def run(self, now: Instant) -> None:
        """Wake whoever was stirred or is due, until nobody is left."""
        heap, stirred = self._heap, self._stirred
        while heap and heap[0][0] <= now:
            due, _, sleeper = heappop(heap)
            if self._planned.get(sleeper) == due:
                del self._planned[sleeper]
                stirred[sleeper] = None
        while stirred:
            sleeper = next(iter(stirred))
            del stirred[sleeper]
            # Waking may stir others (a dead-letter queue, a function's events), which then are woken in this same step, at this
            # instant.
            sleeper.wake(now)
            self._plan(sleeper, now)

    def call(self, sleeper: Sleeper, now: Instant) -> None:
        """Wake `sleeper` at once."""
        sleeper.wake(now)
        self._plan(sleeper, now)

    def _plan(self, sleeper: Sleeper, now: Instant) -> None:
        due = sleeper.next_due()
        if due is None:
            self._planned.pop(sleeper, None)
        elif due <= now:
            # What is due and was not done would be woken for ever.
            raise AssertionError(
                f"{type(sleeper).__name__} wants to be woken at {due}, which is not after {now}"
            )
        elif self._planned.get(sleeper) != due:
            self._planned[sleeper] = due
            self._puts += 1
            heappush(self._heap, (due, self._puts, sleeper))
