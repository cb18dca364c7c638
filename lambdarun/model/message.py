"""A message: as it is sent, as it stands in a queue, and as a receive returned it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Protocol

from attrs import define, field, frozen

from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import MessageId
from lambdarun.model.instant import Duration, Instant

_NO_ATTRIBUTES: Final[Mapping[str, Mapping[str, object]]] = MappingProxyType({})
SENDER: Final = "AIDALAMBDARUN00000000"
"""Who sent a message that names nobody."""
# AWS's numbers have 20 digits, start in this region and go up by 256 in what it has shown (with-sqs.html's sample).
_SEQUENCE_FIRST: Final = 18_849_496_460_467_696_128
_SEQUENCE_STEP: Final = 256


class State(Enum):
    """Where a message stands."""

    VISIBLE = "visible"
    HIDDEN = "hidden"
    DELAYED = "delayed"
    GONE = "gone"


@define(kw_only=True)
class NewMessage:
    """A message to be sent."""

    body: str
    attributes: Mapping[str, Mapping[str, object]] = _NO_ATTRIBUTES
    message_id: MessageId | None = None
    delay_seconds: int | None = None
    sender_id: str | None = None
    duration: Duration | None = None
    message_group_id: str | None = None
    message_deduplication_id: str | None = None
    trace_header: str | None = None
    """AWSTraceHeader, the one system attribute that a sender may give."""


@frozen
class Envelope:
    """What goes with a message and is nearly always the same: many messages share one."""

    attributes: Mapping[str, Mapping[str, object]] = _NO_ATTRIBUTES
    sender_id: str = SENDER
    duration: Duration | None = None
    trace_header: str | None = None
    source_arn: str | None = None
    """The queue that it was moved from."""
    moved: Instant | None = None
    """When it was moved."""
    receives_before: int = 0
    """Receives in the queues that it was moved from: they count in the message, but not against this queue's limit."""


PLAIN: Final = Envelope()


# A million of them must fit: twelve slots, of which most hold what others hold too.
@define(eq=False, weakref_slot=False)
class Message:
    """A message in a queue, or moved on from one."""

    id: MessageId
    body: str
    envelope: Envelope
    sent: Instant
    number: int
    """Counts up in its queue: order of arrival."""
    message_group_id: str | None = None
    deduplication_id: str | None = None
    """As sent; None where the body stands for it (ContentBasedDeduplication), and on standard queues."""
    state: State = State.VISIBLE
    shows: Instant = Instant(0)
    """Hidden or delayed: when it becomes visible."""
    receive_count: int = 0
    first_received: Instant = Instant(0)
    handled_by: RequestId | None = None
    """The invocation that works on it."""

    @property
    def attributes(self) -> Mapping[str, Mapping[str, object]]:
        """Message attributes by name."""
        return self.envelope.attributes

    @property
    def sender_id(self) -> str:
        """Who sent it."""
        return self.envelope.sender_id

    @property
    def duration(self) -> Duration | None:
        """How long the recorded invocation took."""
        return self.envelope.duration

    @property
    def source_arn(self) -> str | None:
        """The queue that it was moved from."""
        return self.envelope.source_arn

    @property
    def kept_since(self) -> Instant:
        """Since when it is in its queue: a move starts anew what CloudWatch calls its age."""
        moved = self.envelope.moved
        return self.sent if moved is None else moved

    @property
    def message_deduplication_id(self) -> str:
        """Of a FIFO queue's message: as sent, or the body's SHA-256."""
        own = self.deduplication_id
        return own if own is not None else sha256(self.body.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def sequence_number(self) -> str:
        """Of a FIFO queue's message: 20 digits, larger than those of all messages before it."""
        return str(_SEQUENCE_FIRST + _SEQUENCE_STEP * self.number)


class FifoMessage(Message):
    """A message in a FIFO queue: receivers see its sequence number and its deduplication id."""

    __slots__ = ()


@define(eq=False, weakref_slot=False)
class Received:
    """A message as one receive returned it: its receipt. On a standard queue it still deletes after another receive."""

    message: Message
    receive_count: int
    at: Instant

    def handle(self) -> str:
        """AWS's receipt handle: an opaque text, another one for each receive."""
        return f"AQEB{self.at}/{self.message.number}/{self.receive_count}"


class Sendable(Protocol):
    """What can be sent: a NewMessage, or a recorded message as it is."""

    @property
    def body(self) -> str:
        """The text."""

    @property
    def attributes(self) -> Mapping[str, Mapping[str, object]]:
        """Message attributes by name."""

    @property
    def message_id(self) -> MessageId | None:
        """Its own id, None draws one."""

    @property
    def delay_seconds(self) -> int | None:
        """None: the queue's."""

    @property
    def sender_id(self) -> str | None:
        """None: nobody in particular."""

    @property
    def duration(self) -> Duration | None:
        """How long the recorded invocation took."""

    @property
    def message_group_id(self) -> str | None:
        """Its group (FIFO) or its tenant (standard)."""

    @property
    def message_deduplication_id(self) -> str | None:
        """What tells a FIFO queue that it has this message already."""

    @property
    def trace_header(self) -> str | None:
        """AWSTraceHeader."""


@define(eq=False)
class Envelopes:
    """Makes envelopes, the same one for messages that have the same around them."""

    _last: Envelope = field(default=PLAIN, init=False)

    def of(self, message: Sendable) -> Envelope:
        """The envelope of a message as it is sent."""
        attributes, sender, duration = message.attributes, message.sender_id, message.duration
        trace = message.trace_header
        if sender is None:
            if not attributes and duration is None and trace is None:
                return PLAIN
            sender = SENDER
        last = self._last
        if (
            last.sender_id == sender
            and last.duration == duration
            and last.trace_header == trace
            and not attributes
            and not last.attributes
        ):
            return last
        self._last = made = Envelope(attributes or _NO_ATTRIBUTES, sender, duration, trace)
        return made
