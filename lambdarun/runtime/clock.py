"""The runtime's only clocks: the wall's, and one that jumps to whatever is due next.

Virtual time stands still while work is in flight. What is in flight holds a *pin*: the earliest instant at which its
outcome can take effect. Time may go on to any instant strictly below the least pin, so invocations that overlap in
virtual time really run side by side. trio asks `deadline_to_sleep_time` only when no task can run, and before it looks
at sockets: bytes that already wait do not hold time, only a pin does. So a pin is taken before real work starts and
given back after its outcome is taken in.
"""

from __future__ import annotations

import time
from heapq import heappop, heappush
from math import inf
from typing import Final, Protocol

from attrs import define, field

from lambdarun.model.instant import FIXED_START, SECOND, Instant

UNTIL_SOMETHING_HAPPENS: Final = 86_400.0

wall_seconds: Final = time.monotonic
"""The wall's monotonic clock: for limits on real work, never for what happens in a run."""


def wall_epoch_us() -> int:
    """The wall's time, microseconds since 1970: what a handler's own clock shows where time is real."""
    return time.time_ns() // 1_000


class Clock(Protocol):
    """Tells the time of a run."""

    def now(self) -> Instant:
        """The present instant."""


@define(eq=False)
class RealClock:
    """The wall's time, read once and carried on by the monotonic clock, so that it never steps back.

    `speed` runs it faster: at 10, a second of the wall is ten of the run's.
    """

    # Anchored once: the wall's own time may be set back while we run, and a queue in which time goes back loses its
    # order.
    start: Instant = field(factory=lambda: Instant(time.time_ns() // 1_000))
    speed: int = 1
    _anchor_ns: int = field(factory=time.monotonic_ns, init=False)

    def now(self) -> Instant:
        """The present instant, microseconds since 1970."""
        return Instant(self.start + (time.monotonic_ns() - self._anchor_ns) * self.speed // 1_000)

    def wall_seconds_until(self, instant: Instant) -> float:
        """Seconds of the wall until `instant`, zero if it has passed."""
        return max(0.0, (instant - self.now()) / SECOND / self.speed)


@define(eq=False)
class Pins:
    """What holds virtual time: the earliest end of each piece of work in flight."""

    _heap: list[tuple[Instant, int]] = field(factory=list, init=False)
    _held: dict[int, Instant] = field(factory=dict, init=False)

    def hold(self, number: int, earliest_end: Instant) -> None:
        """Keep time below `earliest_end` until `release(number)`."""
        self._held[number] = earliest_end
        heappush(self._heap, (earliest_end, number))

    def release(self, number: int) -> None:
        """Let time pass the pin of `number`."""
        del self._held[number]

    def least(self) -> Instant | None:
        """The instant that time may not reach; None where nothing is held."""
        heap, held = self._heap, self._held
        # Released pins are dropped when they come up: releasing is on the path of every invocation, finding in a heap is not
        # cheap.
        while heap and heap[0][1] not in held:
            heappop(heap)
        return heap[0][0] if heap else None

    def __len__(self) -> int:
        return len(self._held)


@define(eq=False)
class VirtualClock:
    """Time that stands still while work is in flight and otherwise jumps to whatever is due next.

    It is a `trio.abc.Clock`: passed to `trio.run` (or used as pytest-trio's clock) it moves by itself whenever all tasks wait. Otherwise the
    runtime moves it, within `invoke`, `advance`, `settle` and a replay.
    """

    start: Instant = FIXED_START
    pins: Pins = field(factory=Pins, init=False)
    _now: Instant = field(init=False)
    _reached: float = field(default=0.0, init=False)
    """The last deadline that time jumped to: it may lie within half a microsecond of the instant."""

    def __attrs_post_init__(self) -> None:
        self._now = self.start

    def now(self) -> Instant:
        """The present virtual instant."""
        return self._now

    def move_to(self, instant: Instant) -> None:
        """Go on to `instant`; time never goes back."""
        if instant > self._now:
            self._now = instant

    def start_clock(self) -> None:
        """trio's hook; virtual time needs no start."""

    def current_time(self) -> float:
        """trio's view: seconds since this clock's start."""
        return max((self._now - self.start) / SECOND, self._reached)

    def deadline_at(self, instant: Instant) -> float:
        """`instant` as a deadline for trio, when trio runs on this clock."""
        return (instant - self.start) / SECOND

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Seconds for which trio may block. This is where time jumps."""
        if deadline == inf:
            return UNTIL_SOMETHING_HAPPENS
        if deadline <= self.current_time():
            return 0.0
        # trio's float is only the alarm bell: what is due is looked up in whole microseconds when it rings.
        target = Instant(self.start + round(deadline * SECOND))
        least = self.pins.least()
        if least is not None and target >= least:
            return UNTIL_SOMETHING_HAPPENS
        self.move_to(target)
        self._reached = deadline
        return 0.0
