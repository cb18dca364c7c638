"""Recorded batches of streams, Kafka and MQ: a lane keeps order and is retried until its data expires."""

from __future__ import annotations

from attrs import define

from lambdarun.model.admission import Admission
from lambdarun.model.arrival import BatchArrival
from lambdarun.model.catalog import Callee, Catalog
from lambdarun.model.event_records import BatchDelayed, RetriedBatchSettled
from lambdarun.model.instant import Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.outcome import Outcome, Usage
from lambdarun.model.retried_lane import Delayed, Done, LaneBatch, RetriedLane
from lambdarun.model.wakes import Wakes


@define(eq=False)
class LanePolling:
    """One shard, partition or broker queue, and the function that handles it."""

    lane: RetriedLane
    callee: Callee
    catalog: Catalog
    admission: Admission
    wakes: Wakes

    def put(self, arrival: BatchArrival) -> None:
        """Append a batch to the lane."""
        self.lane.put(arrival)
        self.wakes.stir(self)

    def wake(self, now: Instant) -> None:
        """Invoke the lane's head if it may be invoked."""
        batch = self.lane.take(now)
        if batch is None:
            return
        function = self.catalog.get(self.callee.resource)
        assert function is not None
        invocation = Invocation(
            function,
            self.admission.draws.new_id(),
            batch.arrival.payload,
            self,
            batch,
            self.lane.name,
            batch.attempts,  # `take` has counted this one
            True,
            Duration(now - batch.arrival.newest),
            batch.arrival.duration,
            invoked_arn=self.callee.arn,
            qualifier=self.callee.qualifier,
        )
        if self.admission.start(now, invocation) is not None:
            self._record(now, batch, self.lane.throttled(now, batch))

    def next_due(self) -> Instant | None:
        """When the head may be tried again."""
        return self.lane.next_due()

    def settle(self, now: Instant, invocation: Invocation, outcome: Outcome, usage: Usage) -> None:
        """Go on behind a batch that succeeded or expired; try it again otherwise."""
        batch: LaneBatch = invocation.item
        self._record(now, batch, self.lane.settle(now, batch, outcome))
        self.wakes.stir(self)

    def at_rest(self) -> bool:
        """Whether the lane is empty."""
        return self.lane.at_rest()

    def _record(self, now: Instant, batch: LaneBatch, verdict: Delayed | Done) -> None:
        lane, name, records = self.lane, self.callee.name, self.admission.records
        match verdict:
            case Delayed():
                records.append(BatchDelayed(now, lane.name, lane.source, name, verdict.cause, verdict.due))
            case Done():
                records.append(
                    RetriedBatchSettled(
                        now,
                        lane.name,
                        lane.source,
                        name,
                        verdict.condition,
                        batch.attempts,
                        batch.arrival.size,
                    )
                )
