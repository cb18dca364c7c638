"""The pollers of one mapping on a standard queue: batch, invoke, settle.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

from collections import deque
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.batch_failures import AllSucceeded, Malformed, Partial, verdict
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
from lambdarun.model.lambda_events import sqs_event, sqs_record
from lambdarun.model.message import Received
from lambdarun.model.outcome import FunctionFailed, Outcome, Succeeded
from lambdarun.model.queue_core import QueueCore
from lambdarun.model.records import (
    Record,
)

# AWS does not publish how a throttled batch is retried within its visibility: 0.2 s, doubled to 20 s, with jitter.
THROTTLE_WAIT_FIRST: Final = Duration(200 * MILLISECOND)
THROTTLE_WAIT_MAX: Final = Duration(20 * SECOND)
_RECORD_BYTES: Final = 1_200
_CHARACTER_BYTES: Final = 12
"""At most so much takes a record without its body and its attributes, and a character of its body (two escapes)."""
_NOTHING_MEASURED: Final = (0, len('{"Records":[]}'))


# A poller here is a permission to have one more batch under way, not a loop: queues are cores in the same process, so
# `poll` is asked whenever the queue or a batch changed, and idle long polls need not be made at all. A batch holds
# its poller from its receive until it is settled or dropped; throttled ones keep theirs, as AWS's pollers do.
@define(eq=False)
class Batch:
    """Messages that go to the function together."""

    messages: list[Received]
    mapping: QueueMapping
    visible_until: Instant
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
        found = [one.message.duration for one in self.messages if one.message.duration is not None]
        return max(found) if found else None


@define(eq=False)
class QueueMapping:
    """One declared mapping."""

    declaration: EventSourceMapping
    function: Function
    queue: QueueCore
    region: str
    writes_null_md5: bool = field(init=False)
    _pollers: int = field(default=0, init=False)
    """Batches received and not settled: each keeps a poller."""
    _busy_since: Instant | None = field(default=None, init=False)
    _gathered: list[Received] = field(factory=list, init=False)
    _carried: deque[Received] = field(factory=deque, init=False)
    """Received, but over the size limit of the batch before: the next one begins with them."""
    _window_ends: Instant | None = field(default=None, init=False)
    _measured: tuple[int, int] = field(default=_NOTHING_MEASURED, init=False)
    """How many of the gathered messages were measured, and the bytes of their event."""
    _throttled: DueQueue[Batch] = field(factory=DueQueue, init=False)
    _visibility_s: int = field(init=False)
    _grows_at: Instant | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        declared = self.declaration
        window = declared.maximum_batching_window_in_seconds
        self.writes_null_md5 = bool(window) or declared.batch_size > limits.SQS_BATCH_WITHOUT_WINDOW.value
        # Waiting for the window is part of the time for which the first message is hidden: AWS stretches it (with-sqs.html).
        visibility = self.queue.declaration.visibility_timeout
        if window and window + self.function.timeout > visibility:
            visibility = window + self.function.timeout + limits.WINDOW_VISIBILITY_MARGIN.value
        self._visibility_s = visibility

    def poll(self, now: Instant, records: list[Record]) -> list[Batch]:
        """The batches to be invoked now: throttled ones that are due, and as many new ones as pollers are free."""
        if not self.declaration.enabled:
            return []
        batches = self._retry(now, records)
        allowed = self._allowed(now)
        if self._gathered:
            # Its poller was there when the window opened, whatever the scaling says since.
            allowed = max(allowed, self._pollers + 1)
        while self._pollers < allowed:
            received = self._gather(now, records)
            if not received:
                break
            self._pollers += 1
            batches.append(self._batch(now, received, records))
        self._plan_growth(now, allowed)
        return batches

    def began(self, batch: Batch, request_id: RequestId) -> None:
        """The batch was handed to an environment."""
        batch.attempts += 1
        for received in batch.messages:
            received.message.handled_by = request_id

    def throttled(self, now: Instant, batch: Batch, cause: str, records: list[Record]) -> None:
        """Keep a batch that found no room, and try again while its messages are hidden. Costs no receive."""
        wait = min(THROTTLE_WAIT_FIRST << min(batch.tries, 8), THROTTLE_WAIT_MAX)
        # Jitter, or all batches that one throttle hit would come back at one instant; drawn by the mapping's own stream of
        # chance.
        wait = round(wait * self.queue.draws.stream(f"throttle:{self.declaration.name}").uniform(0.5, 1.0))
        batch.tries += 1
        # Not later: at that instant the messages show again, and the batch is dropped by _retry.
        due = min(Instant(now + wait), batch.visible_until)
        self._throttled.put(due, batch)
        declared = self.declaration
        records.append(BatchDelayed(now, declared.name, "sqs", self.function.name, cause, due))

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
        self._pollers -= 1
        said, failed = self._judge(batch, outcome)
        deleted: tuple[MessageId, ...] = ()
        kept: tuple[MessageId, ...] = ()
        if failed is None:
            kept = batch.ids
        elif not failed:
            self.queue.delete_all(batch.messages)
            deleted = batch.ids
        else:
            done = [received for received in batch.messages if received.message.id not in failed]
            self.queue.delete_all(done)
            deleted = tuple([received.message.id for received in done])
            kept = tuple([message_id for message_id in batch.ids if message_id in failed])
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

    def next_due(self) -> Instant | None:
        """When a batch is retried, a window ends or a poller is added."""
        due = self._throttled.next_due()
        for wanted in (self._window_ends, self._grows_at):
            if wanted is not None and (due is None or wanted < due):
                due = wanted
        return due

    def at_rest(self) -> bool:
        """Whether no batch is under way or being gathered."""
        return not self._pollers and not self._gathered and not self._carried

    def _judge(self, batch: Batch, outcome: Succeeded | FunctionFailed) -> tuple[str, frozenset[str] | None]:
        """What a reply says: a word for the log, and the ids that failed (None: all of them)."""
        if isinstance(outcome, FunctionFailed):
            return "failed", None
        if not self.declaration.report_batch_item_failures:
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
        if not len(self._throttled):
            return batches
        for batch in self._throttled.take_due(now):
            # Their messages show again in this very step; to invoke with them now would be the double delivery that AWS avoids.
            if batch.visible_until <= now:
                self._pollers -= 1
                declared = self.declaration
                records.append(
                    BatchDropped(now, declared.name, declared.queue, self.function.name, batch.ids)
                )
            else:
                batches.append(batch)
        return batches

    def _allowed(self, now: Instant) -> int:
        if self._busy_since is None:
            return limits.POLLER_START.value
        # A rate, since AWS tells one: 300 more a minute is 5 a second, for as long as messages wait.
        grown = (now - self._busy_since) * limits.POLLER_GROWTH_PER_SECOND.value // SECOND
        return min(limits.POLLER_START.value + grown, limits.POLLER_MAX.value)

    def _plan_growth(self, now: Instant, allowed: int) -> None:
        """While messages stay behind because all pollers are busy, wake when there is one more."""
        self._grows_at = None
        if not self.queue.visible:
            self._busy_since = None
        elif self._pollers >= allowed:
            if self._busy_since is None:
                self._busy_since = now
            if allowed < limits.POLLER_MAX.value:
                more = allowed - limits.POLLER_START.value + 1
                per_second = limits.POLLER_GROWTH_PER_SECOND.value
                self._grows_at = Instant(self._busy_since + -(-more * SECOND // per_second))

    def _gather(self, now: Instant, records: list[Record]) -> list[Received]:
        """The messages of the next batch; none where a window is still open or the queue is empty."""
        queue, gathered = self.queue, self._gathered
        if not (queue.visible or gathered or self._carried):
            return []
        window = self.declaration.maximum_batching_window_in_seconds
        size = self.declaration.batch_size
        while self._carried and len(gathered) < size:
            carried = self._carried.popleft()
            if now < carried.at + self._visibility_s * SECOND:  # else it shows again, for another receive
                gathered.append(carried)
        while len(gathered) < size and queue.visible:
            # As AWS: ten a receive, and a batch of more is several receives, which takes a window.
            wanted = min(size - len(gathered), limits.RECEIVE_BATCH.high)
            received = queue.receive(now, wanted, records, self._visibility_s)
            gathered += received
            if not window or not received:
                break
        fits = self._fitting(gathered)
        if not gathered:
            return []
        if window and fits == len(gathered) < size:
            # The window opens with its first message.
            if self._window_ends is None:
                self._window_ends = Instant(now + window * SECOND)
            if now < self._window_ends:
                return []
        self._window_ends = None
        self._measured = _NOTHING_MEASURED
        self._gathered = []
        if fits < len(gathered):
            self._carried.extend(gathered[fits:])
            del gathered[fits:]
        return gathered

    def _fitting(self, gathered: list[Received]) -> int:
        """How many of these fit into one event of at most 6 MB, metadata included."""
        at_most = len(gathered) * _RECORD_BYTES
        for received in gathered:
            message = received.message
            if message.attributes:
                break
            at_most += len(message.body) * _CHARACTER_BYTES
        else:
            if at_most < limits.BATCH_BYTES.value:
                return len(gathered)
        fits, total = self._measured
        while fits < len(gathered):
            record = sqs_record(gathered[fits], f"{self.queue.arn}{self.region}" + " " * 64, " " * 30)
            total += len(record) + 1
            if total > limits.BATCH_BYTES.value:
                break
            fits += 1
            self._measured = fits, total
        # One message alone is too large once its characters are escaped.
        if fits == 0:
            # Escaped it can never fit: left hidden, it comes back until the redrive policy moves it.
            gathered.pop(0)
            return self._fitting(gathered)
        return fits

    def _batch(self, now: Instant, received: list[Received], records: list[Record]) -> Batch:
        declared = self.declaration
        queue = self.queue
        # Of the first receive: with a window the others were hidden later, and the whole batch must end with the first.
        first = min([one.at for one in received])
        batch = Batch(received, self, Instant(first + self._visibility_s * SECOND))
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
