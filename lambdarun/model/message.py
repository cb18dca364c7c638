"""A message: as it is sent, as it stands in a queue, and as a receive returned it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, Protocol

from attrs import define

from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import MessageId
from lambdarun.model.instant import Duration, Instant

_NO_ATTRIBUTES: Final[Mapping[str, Mapping[str, object]]] = MappingProxyType({})


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


@define(eq=False)
class Message:
    """A message in a queue, or moved on from one."""

    id: MessageId
    body: str
    attributes: Mapping[str, Mapping[str, object]]
    sent: Instant
    sender_id: str
    number: int
    duration: Duration | None = None
    state: State = State.VISIBLE
    shows: Instant = Instant(0)
    """Hidden or delayed: when it becomes visible."""
    receive_count: int = 0
    first_received: Instant = Instant(0)
    source_arn: str | None = None
    """The queue that it was moved from."""
    handled_by: RequestId | None = None
    """The invocation that works on it."""


@define(eq=False)
class Received:
    """A message as one receive returned it: its receipt. It still deletes after another receive."""

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
