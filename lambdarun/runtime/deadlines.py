"""When invocations at work are overdue: one heap for all, in seconds of the wall."""

from __future__ import annotations

import select
from collections.abc import Container, Iterator, Sized
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

from attrs import define, field

from lambdarun.model.handler_time import longest_init
from lambdarun.model.instant import SECOND
from lambdarun.model.invocation import Invocation
from lambdarun.runtime.environment_process import EnvironmentProcess

_POLL_GRAIN_S: Final = 0.002
# So many deadlines of ended invocations are left in the heap before it is built anew: to take each out would cost a
# search.
_STALE_MAX: Final = 256
SPIN_LIMIT_MIN_S: Final = 10
"""Of the wall, for a handler that never returns, in virtual time."""


def limit_s(process: EnvironmentProcess, invocation: Invocation, *, virtual: bool) -> int:
    """How long an invocation that is handed over now may take, in seconds of the wall."""
    longest = longest_init(invocation) // SECOND
    limit = longest if invocation.ahead else invocation.function.timeout
    if virtual:
        # There the model decides what timed out; the wall's limit is there for handlers that never return, and generous, so
        # that a slow machine changes no outcome.
        return max(SPIN_LIMIT_MIN_S, 2 * limit)
    if process.fresh and not invocation.init_within:
        return longest  # until its initialisation is told
    return limit


def nearly(epoll: select.epoll, overdue_s: float) -> float:
    """How long to poll when the next time-out is due in `overdue_s`. A poll counts in whole milliseconds, rounded up, so
    it ends a little before, and the rest is waited for here by the microsecond.
    """
    if overdue_s > _POLL_GRAIN_S:
        return overdue_s - _POLL_GRAIN_S
    select.select([epoll], [], [], overdue_s)
    return 0


class AtWork(Container[int], Sized, Protocol):
    """The numbers of the invocations that are at work."""


@define(eq=False)
class Deadlines:
    """Deadlines by invocation; what has ended is left in it until it is met."""

    at_work: AtWork
    _heap: list[tuple[float, int]] = field(factory=list, init=False)

    def put(self, deadline: float, number: int) -> None:
        """Have the invocation `number` overdue at `deadline`; an earlier word of it is not taken back."""
        if len(self._heap) > 2 * len(self.at_work) + _STALE_MAX:
            # A lone caller never looks at the heap, and what has ended stays in it.
            self._heap = [one for one in self._heap if one[1] in self.at_work]
            heapify(self._heap)
        heappush(self._heap, (deadline, number))

    def next(self) -> float | None:
        """The next deadline of one that is at work."""
        while self._heap and self._heap[0][1] not in self.at_work:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: float) -> Iterator[tuple[float, int]]:
        """Deadlines that have come, each with its invocation, which may have another one by now."""
        while self._heap and self._heap[0][0] <= now:
            yield heappop(self._heap)
