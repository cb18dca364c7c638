"""What can happen to events that wait: asynchronous ones, messages of queues, batches of mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from lambdarun.model.draws import RequestId
from lambdarun.model.happened import Happened
from lambdarun.model.instant import Instant
from lambdarun.model.record_class import record

MessageId = str
"""A drawn UUID, or whatever identifier was recorded."""


@record
class EventAccepted(Happened):
    """An asynchronous event is in its function's queue. AWS: 202."""

    kind: ClassVar[str] = "event.accepted"
    time: Instant
    function: str
    request_id: RequestId
    source: str
    payload_bytes: int
    qualifier: str = ""


@record
class EventDelayed(Happened):
    """An attempt did not succeed; the event waits until `due`. `cause` is error, throttle or system."""

    kind: ClassVar[str] = "event.delayed"
    time: Instant
    function: str
    request_id: RequestId
    cause: str
    due: Instant


@record
class EventSettled(Happened):
    """An asynchronous event succeeded, after `attempts` runs."""

    kind: ClassVar[str] = "event.settled"
    time: Instant
    function: str
    request_id: RequestId
    attempts: int
    qualifier: str = ""


@record
class EventDiscarded(Happened):
    """An asynchronous event ended without success. `condition` is AWS's, of the destination record."""

    kind: ClassVar[str] = "event.discarded"
    level: ClassVar[str] = "error"
    time: Instant
    function: str
    request_id: RequestId
    condition: str
    attempts: int
    qualifier: str = ""


@record
class MessageSent(Happened):
    """A queue took a message."""

    kind: ClassVar[str] = "message.sent"
    time: Instant
    queue: str
    message_id: MessageId
    body_bytes: int
    delay_seconds: int = 0
    """For how long it is delayed."""
    message_group_id: str = ""


@record
class BatchReceived(Happened):
    """A mapping's poller took messages; `oldest` is when the oldest of them was sent."""

    kind: ClassVar[str] = "batch.received"
    time: Instant
    mapping: str
    queue: str
    function: str
    message_ids: tuple[MessageId, ...]
    oldest: Instant
    visible: int
    """Messages that stay visible in the queue."""
    hidden: int
    """Messages of the queue in flight, these included."""


@record
class BatchDelayed(Happened):
    """A batch could not be invoked, or failed and is retried as a whole; it waits until `due`."""

    kind: ClassVar[str] = "batch.delayed"
    time: Instant
    mapping: str
    source: str
    function: str
    cause: str
    due: Instant


@record
class BatchDropped(Happened):
    """A throttled batch's visibility ended before it could be invoked; its messages show again."""

    kind: ClassVar[str] = "batch.dropped"
    level: ClassVar[str] = "warning"
    time: Instant
    mapping: str
    queue: str
    function: str
    message_ids: tuple[MessageId, ...]


@record
class BatchSettled(Happened):
    """A batch was invoked: what was deleted from the queue and what stays hidden until its timeout.

    `verdict` is succeeded, partial, failed (the function failed) or malformed (its reply named what is not there).
    """

    kind: ClassVar[str] = "batch.settled"
    time: Instant
    mapping: str
    queue: str
    function: str
    request_id: RequestId
    verdict: str
    deleted: tuple[MessageId, ...]
    failed: tuple[MessageId, ...]


@record
class MessageReturned(Happened):
    """A received message was not deleted in time and shows again; `while_handled` names the invocation that
    still works on it, if one does (its visibility timeout is too short)."""

    kind: ClassVar[str] = "message.returned"
    level: ClassVar[str] = "warning"
    time: Instant
    queue: str
    message_id: MessageId
    receive_count: int
    while_handled: RequestId | None


@record
class MessageDeadLettered(Happened):
    """A message moved to the dead-letter queue, at the receive that would have passed maxReceiveCount."""

    kind: ClassVar[str] = "message.dead_lettered"
    level: ClassVar[str] = "error"
    time: Instant
    queue: str
    target: str
    message_id: MessageId
    receive_count: int
    body: str
    message_attributes: Mapping[str, Mapping[str, object]]


@record
class MessageExpired(Happened):
    """A message's retention period ended before anybody deleted it."""

    kind: ClassVar[str] = "message.expired"
    level: ClassVar[str] = "error"
    time: Instant
    queue: str
    message_id: MessageId
    sent: Instant


@record
class RetriedBatchSettled(Happened):
    """A recorded batch of a stream, Kafka or MQ ended: `condition` is Success or RecordAgeExceeded."""

    kind: ClassVar[str] = "retried_batch.settled"
    time: Instant
    mapping: str
    source: str
    function: str
    condition: str
    attempts: int
    size: int
