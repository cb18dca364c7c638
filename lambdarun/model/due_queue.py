"""The heap in which everything that waits for a time waits: ties leave in order of arrival."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Generic, TypeVar

from attrs import define, field

from lambdarun.model.instant import Instant

T = TypeVar("T")


@define(eq=False)
class DueQueue(Generic[T]):
    """Items that become due at an instant each; equal inputs leave in equal order on every run."""

    _heap: list[tuple[Instant, int, T]] = field(factory=list, init=False)
    _puts: int = field(default=0, init=False)

    def put(self, due: Instant, item: T) -> None:
        """Let `item` wait until `due`."""
        # The count breaks ties by arrival. Without it the items themselves would be compared, or their addresses: another
        # order each run.
        self._puts += 1
        heappush(self._heap, (due, self._puts, item))

    def next_due(self) -> Instant | None:
        """When the first item is due; None if nothing waits."""
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: Instant) -> list[T]:
        """All items whose time has come, in order."""
        taken = []
        while self._heap and self._heap[0][0] <= now:
            taken.append(heappop(self._heap)[2])
        return taken

    def __len__(self) -> int:
        return len(self._heap)
