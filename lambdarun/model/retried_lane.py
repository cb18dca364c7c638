"""A plain lane for recorded batches of streams, Kafka and MQ: in order, one at a time, retried until the data expires.

The exact pollers of Kinesis and DynamoDB Streams (attempt limits, bisecting, checkpoints) are more than this.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from attrs import define, field

from lambdarun.model.arrival import BatchArrival
from lambdarun.model.instant import MILLISECOND, SECOND, Duration, Instant
from lambdarun.model.outcome import Outcome, Succeeded, SystemFailed
from lambdarun.model.record_class import record

# AWS does not publish the waits between a stream's retries; half a second, doubled, fits what was recorded
# (LocalStack's test_kinesis_maximum_record_age_exceeded: seven calls within sixty seconds).
RETRY_WAIT_FIRST: Final = Duration(500 * MILLISECOND)
RETRY_WAIT_MAX: Final = Duration(60 * SECOND)


@define(eq=False)
class LaneBatch:
    """A batch at the head of its lane; `attempts` counts the runs, not the throttles."""

    arrival: BatchArrival
    attempts: int = 0
    tries: int = 0


@record
class Delayed:
    """The batch waits until `due`; `cause` is error, throttle or system."""

    cause: str
    due: Instant


@record
class Done:
    """The batch ended; `condition` is Success or RecordAgeExceeded."""

    condition: str


@define(eq=False)
class RetriedLane:
    """One shard, topic partition or broker queue."""

    name: str
    source: str
    _batches: deque[LaneBatch] = field(factory=deque, init=False)
    _running: bool = field(default=False, init=False)
    _waiting_until: Instant | None = field(default=None, init=False)

    def put(self, arrival: BatchArrival) -> None:
        """Append a batch."""
        self._batches.append(LaneBatch(arrival))

    def take(self, now: Instant) -> LaneBatch | None:
        """The head, if it may be invoked now."""
        if (
            self._running
            or not self._batches
            or (self._waiting_until is not None and now < self._waiting_until)
        ):
            return None
        self._waiting_until = None
        self._running = True
        head = self._batches[0]
        head.attempts += 1
        return head

    def throttled(self, now: Instant, batch: LaneBatch) -> Delayed | Done:
        """The batch found no room: no attempt is counted."""
        batch.attempts -= 1
        return self._again(now, batch, "throttle")

    def settle(self, now: Instant, batch: LaneBatch, outcome: Outcome) -> Delayed | Done:
        """Go on behind a batch that succeeded; keep a failed one at the head."""
        if isinstance(outcome, Succeeded):
            return self._done("Success")
        if isinstance(outcome, SystemFailed):
            batch.attempts -= 1
            return self._again(now, batch, "system")
        return self._again(now, batch, "error")

    def next_due(self) -> Instant | None:
        """When the head may be tried again."""
        return self._waiting_until

    def at_rest(self) -> bool:
        """Whether nothing waits or runs."""
        return not self._batches

    def _again(self, now: Instant, batch: LaneBatch, cause: str) -> Delayed | Done:
        wait = min(RETRY_WAIT_FIRST << min(batch.tries, 16), RETRY_WAIT_MAX)
        batch.tries += 1
        due = Instant(now + wait)
        # A stream's records expire where they lie; a retry that would find nothing is not waited for.
        if due > batch.arrival.newest + batch.arrival.retention:
            return self._done("RecordAgeExceeded")
        self._running = False
        self._waiting_until = due
        return Delayed(cause, due)

    def _done(self, condition: str) -> Done:
        self._running = False
        self._batches.popleft()
        return Done(condition)
