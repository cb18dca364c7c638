"""The pollers of one mapping on a queue: batch, invoke, settle.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.batch_failures import AllSucceeded, Malformed, Partial, verdict
from lambdarun.model.batch_gathering import Gathering
from lambdarun.model.draws import RequestId
from lambdarun.model.due_queue import DueQueue
from lambdarun.model.event_records import (
    BatchDelayed,
    BatchDropped,
    BatchReceived,
    BatchSettled,
    MessageId,
)
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function
from lambdarun.model.instant import MILLISECOND, SECOND, Duration, Instant
from lambdarun.model.lambda_events import sqs_event
from lambdarun.model.mapping_records import MappingScaled, MessagesNotDeleted
from lambdarun.model.message import Received
from lambdarun.model.outcome import FunctionFailed, Outcome, Succeeded
from lambdarun.model.poller_fleet import PollerFleet, scaling_of
from lambdarun.model.queue_core import QueueCore
from lambdarun.model.records import Record

# AWS does not publish how a throttled batch is retried within its visibility: 0.2 s, doubled to 20 s, with jitter.
THROTTLE_WAIT_FIRST: Final = Duration(200 * MILLISECOND)
THROTTLE_WAIT_MAX: Final = Duration(20 * SECOND)
_EVER: Final = Instant(1 << 62)


# A poller here is a permission to have one more batch under way, not a loop: queues are cores in the same process, so
# `poll` is asked whenever the queue or a batch changed, and idle long polls need not be made at all. A batch holds
# its poller from its receive until it is settled or dropped; throttled ones keep theirs, as AWS's pollers do.
@define(eq=False)
class Batch:
    """Messages that go to the function together."""

    messages: list[Received]
    mapping: QueueMapping
    visible_until: Instant
    reports_failures: bool
    """Whether its reply may name the items that failed: as the mapping was when it was last invoked with."""
    ids: tuple[MessageId, ...] = field(init=False)
    """The messages' ids, in order."""
    # `attempts` counts the runs, `tries` the refusals: only the first is in the log, only the second makes waits longer.
    attempts: int = 0
    tries: int = 0
    _event: bytes = field(default=b"", init=False)

    def __attrs_post_init__(self) -> None:
        self.ids = tuple([received.message.id for received in self.messages])

    def payload(self) -> bytes:
        """The event as JSON text; made once, however often a throttle has it tried again."""
        if not self._event:
            mapping = self.mapping
            self._event = sqs_event(
                self.messages, mapping.queue.arn, mapping.region, null_md5=mapping.writes_null_md5
            )
        return self._event

    @property
    def duration(self) -> Duration | None:
        """The longest recorded duration among its messages."""
        # Past the property: each message of each batch is asked.
        envelopes = [one.message.envelope for one in self.messages]
        found = [envelope.duration for envelope in envelopes if envelope.duration is not None]
        return max(found) if found else None


@define(eq=False)
class QueueMapping:
    """One mapping, as far as its queue and its function are concerned."""

    declaration: EventSourceMapping
    function: Function
    queue: QueueCore
    region: str
    polls: bool = field(init=False)
    """Whether it receives: not while it is disabled, being made or being deleted."""
    writes_null_md5: bool = field(init=False)
    fleet: PollerFleet = field(init=False)
    _gathering: Gathering = field(init=False)
    _told: int = field(init=False)
    """The level of the fleet that is in the log."""
    _throttled: DueQueue[Batch] = field(factory=DueQueue, init=False)

    def __attrs_post_init__(self) -> None:
        declared = self.declaration
        self.polls = declared.enabled
        self.writes_null_md5 = _writes_null_md5(declared)
        self.fleet = PollerFleet(scaling_of(declared))
        self._told = self.fleet.allowed
        self._gathering = Gathering(declared, self.function, self.queue, self.region)

    @property
    def can_take(self) -> bool:
        """Whether a message that waits is any of its business now."""
        return self.polls and (self._gathering.is_open or not self.fleet.is_full)

    def poll(self, now: Instant, records: list[Record]) -> list[Batch]:
        """The batches to be invoked now: throttled ones that are due, and as many new ones as pollers are free."""
        if not self.polls:
            return []
        fleet, gathering = self.fleet, self._gathering
        fleet.advance(now)
        batches = self._retry(now, records) if len(self._throttled) else []
        allowed = fleet.allowed
        if gathering.is_open:
            # Its poller was there when the window opened, whatever the scaling says since.
            allowed = max(allowed, fleet.busy + 1)
        while fleet.busy < allowed:
            received, visible_until = gathering.take(now, records)
            if not received:
                break
            fleet.take()
            batches.append(self._batch(now, received, visible_until, records))
        fleet.look(now, waiting=self.queue.ready)
        if fleet.allowed != self._told:
            self._tell_level(now, records)
        return batches

    def began(self, batch: Batch, request_id: RequestId) -> None:
        """The batch was handed to an environment."""
        batch.attempts += 1
        batch.reports_failures = self.declaration.report_batch_item_failures
        for received in batch.messages:
            received.message.handled_by = request_id

    def throttled(self, now: Instant, batch: Batch, cause: str, records: list[Record]) -> None:
        """Keep a batch that found no room, and try again while its messages are hidden. Costs no receive."""
        declared = self.declaration
        if not self.polls or batch.visible_until <= now:
            self._drop(now, batch, records)
            return
        if not batch.tries:
            self.fleet.failed()
        wait = min(THROTTLE_WAIT_FIRST << min(batch.tries, 8), THROTTLE_WAIT_MAX)
        # Jitter, or all batches that one throttle hit would come back at one instant; drawn by the mapping's own stream of
        # chance.
        wait = round(wait * self.queue.draws.stream(f"throttle:{declared.name}").uniform(0.5, 1.0))
        batch.tries += 1
        # Not later: at that instant the messages show again, and the batch is dropped by _retry.
        due = min(Instant(now + wait), batch.visible_until)
        self._throttled.put(due, batch)
        records.append(
            BatchDelayed(now, declared.name, "sqs", self.function.name, cause, due, len(batch.messages))
        )

    def settle(
        self, now: Instant, batch: Batch, request_id: RequestId, outcome: Outcome, records: list[Record]
    ) -> None:
        """Delete what succeeded; the rest comes back when its visibility timeout ends, not before."""
        # Another invocation may hold the message by now (its visibility ended too soon): that one's mark stays.
        for received in batch.messages:
            if received.message.handled_by == request_id:
                received.message.handled_by = None
        if not isinstance(outcome, Succeeded | FunctionFailed):
            batch.attempts -= 1
            self.throttled(now, batch, "system", records)
            return
        # What failed is *not* shown at once: AWS leaves it hidden until its visibility timeout ends.
        self.fleet.free(now)
        said, failed = self._judge(batch, outcome)
        if failed is not None:
            self.fleet.succeeded()
        elif not batch.reports_failures:
            # "Lambda doesn't scale down message polling when function invocations fail", where it asks for partial replies.
            self.fleet.failed()
        deleted, kept = self._delete(now, batch, failed, records)
        self._gathering.end(batch.messages, kept)
        declared = self.declaration
        records.append(
            BatchSettled(
                now,
                declared.name,
                declared.queue,
                self.function.name,
                request_id,
                said,
                deleted,
                kept,
            )
        )
        if self.fleet.allowed != self._told:
            self._tell_level(now, records)

    def next_due(self) -> Instant | None:
        """When a batch is retried, a window ends or the fleet grows or shrinks."""
        if not self.polls:
            return None
        due, window_ends = self.fleet.next_due(), self._gathering.window_ends
        if window_ends is not None and (due is None or window_ends < due):
            due = window_ends
        if len(self._throttled):
            retried = self._throttled.next_due()
            if retried is not None and (due is None or retried < due):
                due = retried
        return due

    def begin(self) -> None:
        """Receive from now on."""
        self.polls = True

    def stop(self, now: Instant, records: list[Record]) -> None:
        """Receive no more. What is under way goes on to its end; what was received and is not comes back when its
        visibility timeout ends.
        """
        self.polls = False
        self._gathering.forget()
        for batch in self._throttled.take_due(_EVER):
            self._drop(now, batch, records)

    def change(
        self, now: Instant, declared: EventSourceMapping, function: Function, records: list[Record]
    ) -> None:
        """Go on with other settings; an invocation that is under way is judged by those that it began with."""
        scaling = scaling_of(declared)
        if scaling != self.fleet.scaling:
            self.fleet.rescale(scaling)
        self.declaration = declared
        self._gathering.change(declared)
        self.writes_null_md5 = _writes_null_md5(declared)
        self.run(function)
        self._tell_level(now, records)

    def run(self, function: Function) -> None:
        """Be told that the function has another timeout, or is another one."""
        self.function = self._gathering.function = function

    def _delete(
        self, now: Instant, batch: Batch, failed: frozenset[str] | None, records: list[Record]
    ) -> tuple[tuple[MessageId, ...], tuple[MessageId, ...]]:
        """Delete all but what failed; the ids of what is deleted, and of what stays."""
        if failed is None:
            return (), batch.ids
        done = batch.messages
        if failed:
            done = [received for received in done if received.message.id not in failed]
        # Of a FIFO queue a receipt ends with the visibility timeout: what it does not delete comes back.
        refused = self.queue.delete_all(done)
        if not failed and not refused:
            return batch.ids, ()
        late = {received.message.id for received in refused}
        if late:
            declared, ids = self.declaration, tuple([one.message.id for one in refused])
            records.append(MessagesNotDeleted(now, declared.name, declared.queue, self.function.name, ids))
        return (
            tuple([one.message.id for one in done if one.message.id not in late]),
            tuple([one for one in batch.ids if one in failed or one in late]),
        )

    def _judge(self, batch: Batch, outcome: Succeeded | FunctionFailed) -> tuple[str, frozenset[str] | None]:
        """What a reply says: a word for the log, and the ids that failed (None: all of them)."""
        if isinstance(outcome, FunctionFailed):
            return "failed", None
        if not batch.reports_failures:
            return "succeeded", frozenset()
        # The three replies that nearly all handlers give, without a parser.
        if outcome.payload in (b"null", b"{}", b'{"batchItemFailures": []}'):
            return "succeeded", frozenset()
        ids = {received.message.id for received in batch.messages}
        match verdict(outcome.payload, ids):
            case AllSucceeded():
                return "succeeded", frozenset()
            case Partial(failed):
                return "partial", failed
            case Malformed():
                return "malformed", None

    def _retry(self, now: Instant, records: list[Record]) -> list[Batch]:
        batches: list[Batch] = []
        for batch in self._throttled.take_due(now):
            # Their messages show again in this very step; to invoke with them now would be the double delivery that AWS avoids.
            if batch.visible_until <= now:
                self._drop(now, batch, records)
            else:
                batches.append(batch)
        return batches

    def _drop(self, now: Instant, batch: Batch, records: list[Record]) -> None:
        self.fleet.free(now)
        self._gathering.end(batch.messages, batch.ids)
        declared = self.declaration
        records.append(BatchDropped(now, declared.name, declared.queue, self.function.name, batch.ids))

    def _tell_level(self, now: Instant, records: list[Record]) -> None:
        allowed = self.fleet.allowed
        if allowed != self._told:
            self._told = allowed
            declared = self.declaration
            records.append(MappingScaled(now, declared.name, declared.queue, self.function.name, allowed))

    def _batch(
        self, now: Instant, received: list[Received], visible_until: Instant, records: list[Record]
    ) -> Batch:
        declared = self.declaration
        queue = self.queue
        batch = Batch(received, self, visible_until, declared.report_batch_item_failures)
        records.append(
            BatchReceived(
                now,
                declared.name,
                declared.queue,
                self.function.name,
                batch.ids,
                min([one.message.sent for one in received]),
                queue.visible,
                queue.hidden,
            )
        )
        return batch


def _writes_null_md5(declared: EventSourceMapping) -> bool:
    window = declared.maximum_batching_window_in_seconds
    return bool(window) or declared.batch_size > limits.SQS_BATCH_WITHOUT_WINDOW.value
