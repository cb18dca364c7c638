"""How many batches a queue's mapping may have under way at once: the fleet of its pollers, growing and shrinking.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

from __future__ import annotations

from typing import Final

from attrs import define, field, frozen

from lambdarun.aws import limits
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.instant import SECOND, Duration, Instant

# AWS says that a mapping goes back to five batches when traffic is low and may go down to two, and neither how fast
# nor after what time. Ours: it loses pollers as fast as it gained them, but none that has work, and goes below its
# first five after a minute (three empty long polls of each poller) in which two would have done.
QUIET: Final = Duration(3 * limits.POLLER_WAIT.value * SECOND)


@frozen
class Scaling:
    """Between which bounds a mapping scales. Concurrent batches; `step` is the time in which one is gained or lost."""

    start: int
    """With how many it begins, and to how many it shrinks."""
    least: int
    """How many stay where nothing comes, and how many failures leave."""
    most: int
    step: Duration
    low: int
    """To how many it may shrink when traffic stays low."""


_STEP: Final = Duration(SECOND // limits.POLLER_GROWTH_PER_SECOND.value)
_PROVISIONED_STEP: Final = Duration(60 * SECOND // limits.PROVISIONED_GROWTH_PER_MINUTE.value)


def on_demand(maximum_concurrency: int | None) -> Scaling:
    """AWS's default mode, with or without MaximumConcurrency."""
    start, low = limits.POLLER_START.value, limits.POLLER_LOW.value
    if maximum_concurrency is None:
        return Scaling(start, low, limits.POLLER_MAX.value, _STEP, low)
    start = min(start, maximum_concurrency)
    # "This optimization is not available when you enable the maximum concurrency setting."
    return Scaling(start, low, maximum_concurrency, _STEP, start)


def provisioned(minimum_pollers: int, maximum_pollers: int) -> Scaling:
    """AWS's provisioned mode: the minimum is there at any time."""
    each = limits.BATCHES_PER_POLLER.value
    least = minimum_pollers * each
    # How provisioned pollers shrink AWS leaves open ("minutes"): as fast as they grow, never below the minimum. That
    # failures leave the minimum alone is ours too.
    return Scaling(least, least, maximum_pollers * each, _PROVISIONED_STEP, least)


def scaling_of(mapping: EventSourceMapping) -> Scaling:
    """How a declared mapping scales."""
    pollers = mapping.provisioned_pollers
    if pollers is None:
        return on_demand(mapping.maximum_concurrency)
    return provisioned(pollers.minimum_pollers, pollers.maximum_pollers)


# Two levels: `_ramp` is what the rate of growth gives, `_backed_off` what failures have left of it. The smaller one
# holds. AWS tells of the second only that concurrency is lowered when invocations fail: halved here, and one more after
# each success, until the ramp is reached again.
@define(eq=False)
class PollerFleet:
    """The level of one mapping, told what its pollers meet. Times must not go back."""

    scaling: Scaling
    busy: int = field(default=0, init=False)
    """Batches under way."""
    allowed: int = field(init=False)
    """How many may be under way at once. A field, not a property: it is asked six times a batch."""
    _ramp: int = field(init=False)
    _backed_off: int | None = field(default=None, init=False)
    _grows_at: Instant | None = field(default=None, init=False)
    _shrinks_at: Instant | None = field(default=None, init=False)
    _quiet_since: Instant | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._ramp = self.allowed = self.scaling.start

    def _level(self) -> None:
        if self._backed_off is not None and self._backed_off >= self._ramp:
            self._backed_off = None
        self.allowed = self._ramp if self._backed_off is None else self._backed_off

    @property
    def is_full(self) -> bool:
        """Whether all that is allowed is under way, and time alone brings more or nothing does."""
        if self.busy < self.allowed:
            return False
        return self._grows_at is not None or self._ramp >= self.scaling.most

    def advance(self, now: Instant) -> None:
        """Gain or lose what time has brought."""
        scaling = self.scaling
        grows_at = self._grows_at
        while grows_at is not None and grows_at <= now:
            self._ramp += 1
            grows_at = Instant(grows_at + scaling.step) if self._ramp < scaling.most else None
        self._grows_at = grows_at
        shrinks_at = self._shrinks_at
        while shrinks_at is not None and shrinks_at <= now:
            if self._ramp > self._kept():
                self._ramp -= 1
            shrinks_at = Instant(shrinks_at + scaling.step) if self._ramp > self._kept() else None
        self._shrinks_at = shrinks_at
        quiet = self._quiet_since
        if quiet is not None and self._shrinks_at is None and quiet + QUIET <= now:
            self._ramp = min(self._ramp, scaling.low)
            self._quiet_since = None
        self._level()

    def take(self) -> None:
        """A batch is under way."""
        self.busy += 1
        if self.busy > self.scaling.low:
            self._quiet_since = None

    def free(self, now: Instant) -> None:
        """A batch is not under way any more."""
        self.busy -= 1
        if self._grows_at is None and self._ramp > self.scaling.low:
            self._begin_to_shrink(now)

    def look(self, now: Instant, *, waiting: bool) -> None:
        """Be told whether messages wait that no poller could take."""
        scaling = self.scaling
        if not waiting:
            self._grows_at = None
            if self._ramp > scaling.low:
                self._begin_to_shrink(now)
        elif self.busy >= self.allowed:
            self._shrinks_at = self._quiet_since = None
            if self._grows_at is None and self._ramp < scaling.most:
                self._grows_at = Instant(now + scaling.step)

    def succeeded(self) -> None:
        """A batch succeeded: a fleet that had backed off gains one, up to the ramp."""
        if self._backed_off is not None:
            self._backed_off += 1
            self._level()

    def failed(self) -> None:
        """A batch failed or was throttled: the fleet backs off."""
        halved = max(self.allowed // 2, self.scaling.least)
        if halved < self.allowed:
            self._backed_off = self.allowed = halved

    def next_due(self) -> Instant | None:
        """When time alone changes the level."""
        if self._grows_at is not None:
            return self._grows_at
        if self._shrinks_at is not None or self._quiet_since is None:
            return self._shrinks_at
        return Instant(self._quiet_since + QUIET)

    def rescale(self, scaling: Scaling) -> None:
        """Take other bounds: the level goes into them at once."""
        self.scaling = scaling
        self._ramp = min(max(self._ramp, scaling.start), scaling.most)
        self._backed_off = self._grows_at = self._shrinks_at = self._quiet_since = None
        self.allowed = self._ramp

    def _kept(self) -> int:
        return max(self.scaling.start, self.busy)

    def _begin_to_shrink(self, now: Instant) -> None:
        scaling = self.scaling
        if self._shrinks_at is None and self._ramp > self._kept():
            self._shrinks_at = Instant(now + scaling.step)
        if self._quiet_since is None and self.busy <= scaling.low < self._ramp:
            self._quiet_since = now
