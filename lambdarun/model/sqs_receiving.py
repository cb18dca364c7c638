"""ReceiveMessage, and receives that wait for a message.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from attrs import define, evolve, field, frozen

from lambdarun.aws import fifo_messages, limits, sqs_messages
from lambdarun.aws.limits import Setting
from lambdarun.aws.messages import ErrorText
from lambdarun.model.effects import Answer, SqsReply
from lambdarun.model.instant import MILLISECOND, SECOND, Instant
from lambdarun.model.message import Received
from lambdarun.model.queue_records import MessagesReceived
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_message_attributes import TRACE_HEADER, answered, body_checksum, checksum, chosen
from lambdarun.model.sqs_receipts import handle_text
from lambdarun.model.sqs_request import SqsRequest
from lambdarun.model.sqs_room import LiveQueue, QueueRoom

_ATTEMPT_ID: Final = re.compile(f"[!-~]{{1,{limits.MESSAGE_GROUP_ID_LENGTH.high}}}")


@frozen
class Receive:
    """What a caller asked for."""

    count: int
    visibility_timeout: int | None
    wait_time: int
    attempt_id: str | None
    system_attributes: frozenset[str]
    message_attributes: tuple[str, ...]


@define(eq=False)
class LongPoll:
    """A receive that waits: it is answered when a message shows, or when its time is over."""

    live: LiveQueue
    receive: Receive
    until: Instant
    answer: dict[str, Any] | None = None
    ticket: int | None = None


@define(eq=False)
class Receiving:
    """Answers receives, and keeps those that wait, in the order of their coming."""

    room: QueueRoom
    _waiting: list[LongPoll] = field(factory=list, init=False)

    def receive(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any] | LongPoll:
        """ReceiveMessage: the answer, or what waits for it. Raises SqsError."""
        wanted = _read(live, request)
        core = live.core
        if not wanted.wait_time:
            if not core.fifo and core.over_limit():
                raise SqsError.of(sqs_messages.OVER_LIMIT)
            wanted = evolve(wanted, count=core.sampled(wanted.count))
        told = self._try(now, live, wanted)
        if told or not wanted.wait_time:
            return told if told else self._empty(now, live)
        poll = LongPoll(live, wanted, Instant(now + wanted.wait_time * SECOND))
        self._waiting.append(poll)
        live.polled.receivers = self
        # Have its time be planned.
        self.room.wakes.stir(self)
        return poll

    def wake(self, now: Instant) -> None:
        """Answer those for whom there is something now, and those who have waited long enough."""
        waiting, self._waiting = self._waiting, []
        for poll in waiting:
            self._look(now, poll)
            if poll.answer is None:
                self._waiting.append(poll)
            elif poll.ticket is not None:
                self.room.admission.effects.append(Answer(poll.ticket, SqsReply(poll.answer)))
        left = {id(poll.live.polled) for poll in self._waiting}
        for poll in waiting:
            if id(poll.live.polled) not in left:
                poll.live.polled.receivers = None

    def next_due(self) -> Instant | None:
        """When the first of those that wait has waited long enough."""
        return min((poll.until for poll in self._waiting), default=None)

    def _look(self, now: Instant, poll: LongPoll) -> None:
        poll.live.core.advance(now, self.room.records)
        found = self._try(now, poll.live, poll.receive)
        if found:
            poll.answer = found
        elif poll.until <= now:
            poll.answer = self._empty(now, poll.live)

    def _try(self, now: Instant, live: LiveQueue, wanted: Receive) -> dict[str, Any]:
        if not live.core.ready and wanted.attempt_id is None:
            return {}
        received = self.room.receive(now, live, wanted.count, wanted.visibility_timeout, wanted.attempt_id)
        if not received:
            return {}
        core = live.core
        ids = tuple(one.message.id for one in received)
        self.room.records.append(MessagesReceived(now, live.name, ids, core.visible, core.hidden))
        return {"Messages": [_told(live, one, wanted) for one in received]}

    def _empty(self, now: Instant, live: LiveQueue) -> dict[str, Any]:
        core = live.core
        self.room.records.append(MessagesReceived(now, live.name, (), core.visible, core.hidden))
        return {}


def _read(live: LiveQueue, request: SqsRequest) -> Receive:
    count = _within(request, "MaxNumberOfMessages", limits.RECEIVE_BATCH, sqs_messages.RECEIVE_COUNT)
    wait = _within(request, "WaitTimeSeconds", limits.RECEIVE_WAIT_TIME, sqs_messages.WAIT_TIME)
    visibility = _within(
        request, "VisibilityTimeout", limits.VISIBILITY_TIMEOUT, sqs_messages.VISIBILITY_INVALID
    )
    attempt = request.text("ReceiveRequestAttemptId")
    if attempt is not None:
        member = {"name": "ReceiveRequestAttemptId", "value": attempt}
        if not live.core.fifo:
            raise SqsError.of(fifo_messages.NOT_FOR_THIS_TYPE, **member)
        if not _ATTEMPT_ID.fullmatch(attempt):
            # The rule is documented; the text follows that of the other two identifiers.
            raise SqsError.of(fifo_messages.ID_INVALID, **member)
    names = {*request.texts("AttributeNames"), *request.texts("MessageSystemAttributeNames")}
    return Receive(
        count if count is not None else limits.RECEIVE_BATCH.default,
        visibility,
        live.core.declaration.receive_message_wait_time_seconds if wait is None else wait,
        attempt,
        frozenset(names),
        tuple(request.texts("MessageAttributeNames")),
    )


def _within(request: SqsRequest, name: str, bounds: Setting, text: ErrorText) -> int | None:
    value = request.number(name)
    if value is not None and not bounds.low <= value <= bounds.high:
        raise SqsError.of(text, value=value)
    return value


def _told(live: LiveQueue, received: Received, wanted: Receive) -> dict[str, Any]:
    message = received.message
    told: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": handle_text(live, received),
        "MD5OfBody": body_checksum(message.body),
        "Body": message.body,
    }
    system = _system_attributes(live, received, wanted.system_attributes)
    if system:
        told["Attributes"] = system
    attributes = chosen(message.attributes, wanted.message_attributes)
    if attributes:
        told["MD5OfMessageAttributes"] = checksum(attributes)
        told["MessageAttributes"] = answered(attributes)
    return told


# Names that are not known ask for nothing: AWS documents no error for them.
_SYSTEM: Final[dict[str, Callable[[LiveQueue, Received], str | None]]] = {
    "SenderId": lambda _, received: received.message.sender_id,
    "SentTimestamp": lambda _, received: _milliseconds(received.message.sent),
    "ApproximateReceiveCount": lambda _, received: str(received.receive_count),
    "ApproximateFirstReceiveTimestamp": lambda _, received: _milliseconds(received.message.first_received),
    TRACE_HEADER: lambda _, received: received.message.envelope.trace_header,
    "DeadLetterQueueSourceArn": lambda _, received: received.message.source_arn,
    "MessageGroupId": lambda _, received: received.message.message_group_id,
    "MessageDeduplicationId": lambda live, received: (
        received.message.message_deduplication_id if live.core.fifo else None
    ),
    "SequenceNumber": lambda live, received: received.message.sequence_number if live.core.fifo else None,
}


def _system_attributes(live: LiveQueue, received: Received, names: frozenset[str]) -> dict[str, str]:
    if not names:
        return {}
    wanted = _SYSTEM if "All" in names else [name for name in _SYSTEM if name in names]
    found = {name: _SYSTEM[name](live, received) for name in wanted}
    return {name: value for name, value in found.items() if value is not None}


def _milliseconds(instant: Instant) -> str:
    return str(instant // MILLISECOND)
