"""One function over time: invocations, errors, throttles, durations, concurrency, and the events that wait for it."""

from __future__ import annotations

from attrs import define, field

from lambdarun.model.mapping_records import MappingScaled
from lambdarun.model.records import (
    InvocationFailed,
    InvocationLost,
    InvocationStarted,
    InvocationSucceeded,
)
from lambdarun.views.timeline_series import Count, Gauge, Most, Scale, Spread


@define(eq=False)
class FunctionTimeline:
    """Series of one function. As CloudWatch does, an invocation's figures stand at its start."""

    scale: Scale
    invocations: Count = field(factory=Count, init=False)
    errors: Count = field(factory=Count, init=False)
    throttles: Count = field(factory=Count, init=False)
    duration: Spread = field(factory=Spread, init=False)
    running: Gauge = field(factory=lambda: Gauge(idle=False), init=False)
    allowed: Gauge = field(factory=lambda: Gauge(idle=False), init=False)
    """How many batches its queues' mappings may have under way at once."""
    pending: Gauge = field(factory=lambda: Gauge(idle=False), init=False)
    """Asynchronous events that were accepted and are neither settled nor discarded."""
    waited: Most = field(factory=Most, init=False)
    """The greatest age of an event as its invocation began (asynchronous and streams), in microseconds."""
    _concurrency: dict[str, int] = field(factory=dict, init=False)
    """By mapping."""

    def __attrs_post_init__(self) -> None:
        counts = (self.invocations, self.errors, self.throttles)
        self.scale.series += [*counts, self.duration, self.running, self.allowed, self.pending, self.waited]

    def take_started(self, bucket: int, record: InvocationStarted) -> None:
        """An environment was given an event."""
        self.running.set(bucket, record.running)
        if record.age_us or record.trigger == "async":
            self.waited.add(bucket, record.age_us)

    def take_ended(self, bucket: int, record: InvocationSucceeded | InvocationFailed) -> None:
        """The invocation ended."""
        self._free(bucket)
        begun = max(record.started // self.scale.width, self.scale.begin)
        self.invocations.add(begun)
        self.duration.add(begun, record.duration_us)
        # Zeros are told too: here an invocation could have failed, or been throttled.
        self.errors.add(begun, 1 if type(record) is InvocationFailed else 0)
        self.throttles.add(begun, 0)

    def take_lost(self, bucket: int, record: InvocationLost) -> None:
        """The service failed in the invocation: it is counted nowhere."""
        del record
        self._free(bucket)

    def take_throttled(self, bucket: int) -> None:
        """The ledger had no room."""
        self.throttles.add(bucket)
        self.errors.add(bucket, 0)

    def take_scaled(self, bucket: int, record: MappingScaled) -> None:
        """A mapping may have another number of batches under way."""
        self._concurrency[record.mapping] = record.concurrency
        self.allowed.set(bucket, sum(self._concurrency.values()))

    def take_accepted(self, bucket: int) -> None:
        """An asynchronous event came."""
        self.pending.set(bucket, self.pending.value + 1)

    def take_settled(self, bucket: int) -> None:
        """An asynchronous event ended, one way or the other."""
        self.pending.set(bucket, max(0, self.pending.value - 1))

    def finish(self, bucket: int) -> None:
        """Tell what stands at the end of the run."""
        for gauge in (self.running, self.allowed, self.pending):
            gauge.carry(bucket)

    def _free(self, bucket: int) -> None:
        # Each start tells how many run, so that this never drifts.
        self.running.set(bucket, max(0, self.running.value - 1))
