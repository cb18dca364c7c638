"""Messages that were delivered again while an invocation still worked on them: why, and which setting ends it.

A failure and its retry are no double delivery: there the first invocation had ended.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.capacity import effective_visibility, visibility_needed
from lambdarun.model.declarations import Project
from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import (
    BatchDropped,
    BatchReceived,
    BatchSettled,
    MessageDeadLettered,
    MessageExpired,
    MessageId,
    MessageReturned,
)
from lambdarun.model.instant import SECOND, Duration, Instant, iso
from lambdarun.model.key_text import key_text
from lambdarun.model.mapping_records import MessagesNotDeleted
from lambdarun.model.queue_records import QueueUpdated
from lambdarun.model.records import (
    InvocationFailed,
    InvocationLost,
    InvocationStarted,
    InvocationSucceeded,
)

_LISTED_MOST: Final = 1_000


class Cause(Enum):
    """Why a message showed again too soon."""

    HANDLER_LONGER = "the handler ran longer than the visibility timeout"
    THROTTLED_FIRST = (
        "the batch was throttled first, and what was left of the visibility timeout was too short"
    )
    WINDOW_FIRST = "the batching window took a part of the visibility timeout"
    FIFO_LATE_DELETE = "a FIFO queue refuses a delete after the visibility timeout"
    STILL_RUNNING = "the first invocation had not ended when the run did"
    NEVER_RUN = "the batch was throttled until its visibility timeout ended, and was never run"


@define(eq=False)
class DoubleDelivery:
    """One message that showed again while `first` was still at work."""

    queue: str
    message_id: MessageId
    shown: Instant
    first: RequestId
    receive_count: int
    again: RequestId | None = None
    """The invocation that it was given to, too; None: it was deleted before."""
    received_again: bool = False
    mapping: str | None = None
    function: str | None = None
    cause: Cause = Cause.STILL_RUNNING
    needed: Duration = Duration(0)
    """From its receive until its invocation ended: a visibility timeout of so much would have done."""
    remedy: str | None = None
    """The setting with its value, as it stands in a project file."""

    def as_json(self) -> dict[str, Any]:
        """Under the names of the document."""
        return {
            "queue": self.queue,
            "message_id": self.message_id,
            "receive_count": self.receive_count,
            "shown": iso(self.shown),
            "first": self.first,
            "again": self.again,
            "delivered_again": self.received_again,
            "mapping": self.mapping,
            "function": self.function,
            "cause": self.cause.value,
            "visibility_needed_s": round(self.needed / SECOND, 6),
            "set": self.remedy,
        }


@define
class DoubleGroup:
    """The double deliveries of one queue by one cause."""

    queue: str
    cause: Cause
    count: int = 0
    again: int = 0
    """How many of them were received again before they were deleted."""
    needed: Duration = Duration(0)
    """The longest of them."""
    remedy: str | None = None
    """That of the longest."""
    example: DoubleDelivery | None = None


@define(eq=False)
class DoubleDeliveries:
    """Reads records; tells the double deliveries with cause and remedy."""

    project: Project = field(factory=Project)
    groups: dict[tuple[str, Cause], DoubleGroup] = field(factory=dict, init=False)
    listed: list[DoubleDelivery] = field(factory=list, init=False)
    """The first thousand, as they were found."""
    _running: dict[RequestId, tuple[Instant, str, str]] = field(factory=dict, init=False)
    """Of invocations by a mapping: start, mapping and function."""
    _shown_in: dict[RequestId, list[DoubleDelivery]] = field(factory=dict, init=False)
    """What showed again during an invocation that has not ended."""
    _visibility: dict[str, int] = field(factory=dict, init=False)
    """Visibility timeouts that were changed in the run, by queue."""
    _to_judge: dict[RequestId, tuple[Instant, Instant, str, str]] = field(factory=dict, init=False)
    """Of invocations that ended just now: end, start, mapping and function."""
    _late: frozenset[MessageId] = field(default=frozenset(), init=False)
    """What the queue refused to delete for the batch that is settled next."""
    _by_message: dict[MessageId, DoubleDelivery] = field(factory=dict, init=False)
    """Those whose message is not settled yet: empty in a healthy run."""
    _peak: dict[str, int] = field(factory=dict, init=False)
    """The most batches of a mapping under way at once, throttled ones too."""
    _under_way: dict[str, int] = field(factory=dict, init=False)

    def readers(self) -> dict[type, Callable[[Any], None]]:
        """What reads each kind of record."""
        return {
            InvocationStarted: self._started,
            InvocationSucceeded: self._ended,
            InvocationFailed: self._ended,
            InvocationLost: self._ended,
            MessagesNotDeleted: self._not_deleted,
            QueueUpdated: self._updated,
            BatchReceived: self._received,
            BatchSettled: self._settled,
            BatchDropped: self._dropped,
            MessageReturned: self._returned,
            MessageDeadLettered: self._gone,
            MessageExpired: self._gone,
        }

    @property
    def count(self) -> int:
        """Messages that showed again while an invocation worked on them."""
        return sum(group.count for group in self._groups() if group.cause is not Cause.NEVER_RUN)

    @property
    def delivered_again(self) -> int:
        """Of these, how many were received again."""
        return sum(group.again for group in self._groups() if group.cause is not Cause.NEVER_RUN)

    def told(self) -> list[DoubleGroup]:
        """By queue and cause; what still runs at the end of the run among them."""
        return sorted(self._groups(), key=lambda group: (group.queue, group.cause.value))

    def _groups(self) -> Iterator[DoubleGroup]:
        yield from self.groups.values()
        unended: dict[str, DoubleGroup] = {}
        for found in self._shown_in.values():
            for one in found:
                group = unended.setdefault(one.queue, DoubleGroup(one.queue, Cause.STILL_RUNNING))
                _count(group, one)
        yield from unended.values()

    def as_json(self) -> dict[str, Any]:
        """The groups, and the first thousand one by one."""
        unended = [one for found in self._shown_in.values() for one in found]
        return {
            "count": self.count,
            "delivered_again": self.delivered_again,
            "causes": [
                {
                    "queue": group.queue,
                    "cause": group.cause.value,
                    "count": group.count,
                    "delivered_again": group.again,
                    "visibility_needed_s": round(group.needed / SECOND, 6),
                    "set": group.remedy,
                }
                for group in self.told()
            ],
            "messages": [one.as_json() for one in (*self.listed, *unended)[:_LISTED_MOST]],
        }

    def _started(self, record: InvocationStarted) -> None:
        self._running[record.request_id] = record.time, record.trigger, record.function

    def _ended(self, record: InvocationSucceeded | InvocationFailed | InvocationLost) -> None:
        known = self._running.pop(record.request_id, None)
        if known is not None and record.request_id in self._shown_in:
            # Judged when its batch is settled, in the same step: by then it is known what a queue refused to delete.
            self._to_judge[record.request_id] = record.time, *known

    def _not_deleted(self, record: MessagesNotDeleted) -> None:
        self._late = frozenset(record.message_ids)

    def _updated(self, record: QueueUpdated) -> None:
        self._visibility[record.queue] = record.visibility_timeout

    def _judge(self, one: DoubleDelivery, ended: Instant, started: Instant) -> None:
        mapping, function = one.mapping, one.function
        assert mapping is not None
        assert function is not None
        timeout, window, visibility = self._settings(one.queue, mapping, function)
        ran = ended - started
        hidden_since = one.shown - effective_visibility(visibility, timeout, window) * SECOND
        waited = max(0, started - hidden_since)
        one.needed = Duration(waited + ran)
        needed_s = -(-one.needed // SECOND)
        advised = max(visibility_needed(timeout, window), needed_s)
        one.remedy = f"{key_text(('queues', one.queue, 'visibility_timeout'))} = {min(advised, limits.VISIBILITY_TIMEOUT.high)}"
        if one.message_id in self._late:
            one.cause = Cause.FIFO_LATE_DELETE
        elif ran >= visibility * SECOND or not waited:
            one.cause = Cause.HANDLER_LONGER
        elif waited <= window * SECOND:
            one.cause = Cause.WINDOW_FIRST
        else:
            one.cause = Cause.THROTTLED_FIRST
            one.remedy = self._without_throttles(mapping, function) or one.remedy
        _count(self._group(one.queue, one.cause), one)
        if len(self.listed) < _LISTED_MOST:
            self.listed.append(one)

    def _settings(self, queue: str, mapping: str, function: str) -> tuple[int, int, int]:
        """Timeout, window and the queue's visibility timeout; AWS's defaults for what is not declared."""
        declared, reader = self.project.queues.get(queue), self.project.mappings.get(mapping)
        visibility = (
            declared.visibility_timeout if declared is not None else limits.VISIBILITY_TIMEOUT.default
        )
        called = self.project.function(reader.function if reader is not None else function)
        return (
            called.timeout if called is not None else limits.FUNCTION_TIMEOUT.default,
            reader.maximum_batching_window_in_seconds if reader is not None else 0,
            self._visibility.get(queue, visibility),
        )

    def _without_throttles(self, mapping: str, function: str) -> str | None:
        """Pollers that take no more than the function may run; None: nothing of the project throttles it."""
        declared = self.project.functions.get(function)
        reserved = declared.reserved_concurrent_executions if declared is not None else None
        if not reserved:
            return None
        least = limits.MAXIMUM_CONCURRENCY.low
        if reserved < least:
            return f"functions.{function}.reserved_concurrent_executions = {self._peak.get(mapping, least)}"
        key = key_text(("event_source_mappings", mapping, "scaling_config"))
        return f"{key} = {{ maximum_concurrency = {reserved} }}"

    def _group(self, queue: str, cause: Cause) -> DoubleGroup:
        found = self.groups.get((queue, cause))
        if found is None:
            found = self.groups[queue, cause] = DoubleGroup(queue, cause)
        return found

    def _received(self, record: BatchReceived) -> None:
        under_way = self._under_way.get(record.mapping, 0) + 1
        self._under_way[record.mapping] = under_way
        if under_way > self._peak.get(record.mapping, 0):
            self._peak[record.mapping] = under_way
        for message_id in record.message_ids if self._by_message else ():
            one = self._by_message.get(message_id)
            if one is not None and not one.received_again:
                one.received_again = True
                group = self.groups.get((one.queue, one.cause))
                if group is not None:  # else it is counted when the first invocation ends
                    group.again += 1

    def _settled(self, record: BatchSettled) -> None:
        self._under_way[record.mapping] = self._under_way.get(record.mapping, 0) - 1
        if not (self._by_message or self._shown_in):
            return
        known = self._to_judge.pop(record.request_id, None)
        if known is not None:
            ended, started, mapping, function = known
            for shown in self._shown_in.pop(record.request_id):
                shown.mapping, shown.function = mapping, function
                self._judge(shown, ended, started)
        self._late = frozenset()
        for message_id in (*record.deleted, *record.failed):
            one = self._by_message.get(message_id)
            if one is None:
                continue
            if one.received_again and record.request_id != one.first:
                one.again = record.request_id
                del self._by_message[message_id]
            elif not one.received_again and message_id in record.deleted:
                del self._by_message[message_id]

    def _dropped(self, record: BatchDropped) -> None:
        self._under_way[record.mapping] = self._under_way.get(record.mapping, 0) - 1
        group = self._group(record.queue, Cause.NEVER_RUN)
        group.count += len(record.message_ids)
        group.remedy = self._without_throttles(record.mapping, record.function) or group.remedy

    def _returned(self, record: MessageReturned) -> None:
        if record.while_handled is None:
            return
        one = DoubleDelivery(
            record.queue, record.message_id, record.time, record.while_handled, record.receive_count
        )
        before = self._by_message.get(record.message_id)
        if before is not None and before.received_again and before.again is None:
            before.again = record.while_handled
        self._shown_in.setdefault(record.while_handled, []).append(one)
        self._by_message[record.message_id] = one

    def _gone(self, record: MessageDeadLettered | MessageExpired) -> None:
        self._by_message.pop(record.message_id, None)


def _count(group: DoubleGroup, one: DoubleDelivery) -> None:
    group.count += 1
    group.again += one.received_again
    if group.example is None:
        group.example = one
    if one.needed >= group.needed:
        group.needed, group.remedy = one.needed, one.remedy
