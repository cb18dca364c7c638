"""A standard queue: visibility, receipts, delay, retention, redrive.

Visible messages wait in a deque, hidden and delayed ones in a heap by the instant at which they show; a message that is
gone or was moved leaves its old entries behind, and they are passed over when they come up.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import chain
from typing import Final

from attrs import define, field, frozen

from lambdarun.aws import limits, sqs_messages
from lambdarun.aws.messages import ErrorText
from lambdarun.model.draws import Draws
from lambdarun.model.event_records import (
    MessageDeadLettered,
    MessageExpired,
    MessageReturned,
    MessageSent,
)
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.message import Message, Received, Sendable, State
from lambdarun.model.message_attributes import attribute_bytes, empty_attribute
from lambdarun.model.queue import Queue
from lambdarun.model.records import (
    Record,
)

SENDER: Final = "AIDALAMBDARUN00000000"
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_FORBIDDEN: Final = "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


# Bound to names of their own: reading a member of an Enum takes as long as the comparison.
_VISIBLE: Final = State.VISIBLE
_HIDDEN: Final = State.HIDDEN
_DELAYED: Final = State.DELAYED
_GONE: Final = State.GONE


@frozen
class QueueRefusal:
    """AWS's error for a call on a queue."""

    code: str
    message: str


@frozen
class Counts:
    """Messages in a queue."""

    visible: int
    hidden: int
    delayed: int


# Why three structures for one queue: most messages are sent, received once and deleted. So a fresh message goes into
# a deque, which costs less than a heap, what one receive hides is one entry in the heap for all of its messages, and
# order by age, which retention and metrics want, is a second deque. Each message carries its state, and is the truth:
# entries in the structures are hints, checked when they come up. That makes a deletion a change of one field.
#
# The counters are kept by hand for the same reason: CloudWatch and the pollers ask for them after every receive.
@define(eq=False)
class SqsQueue:
    """One declared queue."""

    declaration: Queue
    arn: str
    draws: Draws
    dead_letter: SqsQueue | None = None
    _visible: deque[Message] = field(factory=deque, init=False)
    _shows: list[tuple[Instant, int, list[Message]]] = field(factory=list, init=False)
    """What one receive (or change, or delayed send) hid."""
    _hides: int = field(default=0, init=False)
    _by_age: deque[Message] = field(factory=deque, init=False)
    _moved_in: list[tuple[Instant, int, Message]] = field(factory=list, init=False)
    """By age too: messages of another queue, which are older than when they came."""
    _numbers: int = field(default=0, init=False)
    visible: int = field(default=0, init=False)
    """Messages that a receive would find."""
    hidden: int = field(default=0, init=False)
    """Messages in flight."""
    delayed: int = field(default=0, init=False)

    def refusal(self, message: Sendable) -> QueueRefusal | None:
        """Why AWS would refuse `message`; None: it would not."""
        body = message.body
        most = self.declaration.maximum_message_size
        # The usual message, judged without encoding it: for ASCII, characters are bytes and printable ones are allowed.
        plain = (
            not message.attributes and message.delay_seconds is None and body.isascii() and body.isprintable()
        )
        if plain and 0 < len(body) <= most:
            return None
        if not body:
            return _refusal(sqs_messages.MESSAGE_BODY_MISSING)
        # UTF-8 takes four bytes a character at most: below that bound its size need not be known.
        if len(body) * 4 > most or message.attributes:
            size = len(body.encode("utf-8", "surrogatepass")) + attribute_bytes(message.attributes)
            if size > most:
                return _refusal(sqs_messages.MESSAGE_TOO_LONG, most=most)
        if len(message.attributes) > limits.MESSAGE_ATTRIBUTES.value:
            return _refusal(
                sqs_messages.TOO_MANY_ATTRIBUTES,
                count=len(message.attributes),
                most=limits.MESSAGE_ATTRIBUTES.value,
            )
        empty = empty_attribute(message.attributes)
        if empty is not None:
            return _refusal(sqs_messages.EMPTY_ATTRIBUTE, name=empty[0], kind=empty[1])
        odd = not (body.isascii() and body.isprintable())
        if odd and re.search(_FORBIDDEN, body) is not None:
            return _refusal(sqs_messages.INVALID_CHARACTERS)
        delay = message.delay_seconds
        if delay is not None and not limits.DELAY_SECONDS.low <= delay <= limits.DELAY_SECONDS.high:
            return _refusal(sqs_messages.DELAY_INVALID, value=delay)
        return None

    def send(self, now: Instant, message: Sendable, records: list[Record]) -> Message:
        """Take a message that is not refused."""
        self._numbers = number = self._numbers + 1
        own = message.message_id
        message_id = self.draws.new_id() if own is None else own
        body = message.body
        sender = message.sender_id or SENDER
        taken = Message(message_id, body, message.attributes, now, sender, number, message.duration)
        self._by_age.append(taken)
        delay = message.delay_seconds
        if delay is None:
            delay = self.declaration.delay_seconds
        if delay:
            taken.state = _DELAYED
            self.delayed += 1
            self._hide([taken], Instant(now + delay * SECOND))
        else:
            self.visible += 1
            self._visible.append(taken)
        size = len(body) if body.isascii() else len(body.encode())
        records.append(MessageSent(now, self.declaration.name, message_id, size))
        return taken

    def receive(
        self, now: Instant, count: int, records: list[Record], visibility_timeout_s: int | None = None
    ) -> list[Received]:
        """Up to `count` visible messages, now hidden. One that was received too often moves instead."""
        policy = self.declaration.redrive_policy
        most = policy.max_receive_count if policy is not None and self.dead_letter is not None else None
        timeout = (
            self.declaration.visibility_timeout if visibility_timeout_s is None else visibility_timeout_s
        )
        shows = Instant(now + timeout * SECOND)
        hidden: list[Message] = []
        # Beyond the messages in flight that AWS allows, a long poll stays empty.
        count = min(count, limits.MESSAGES_IN_FLIGHT.value - self.hidden)
        visible = self._visible
        while visible and len(hidden) < count:
            message = visible.popleft()
            if message.state is not _VISIBLE:
                continue
            receives = message.receive_count
            # At the receive that would be one too many, not when the last one fails: so a message that nobody asks for again
            # stays.
            if most is not None and receives >= most:
                self.visible -= 1
                self._move(now, message, records)
                continue
            if not receives:
                message.first_received = now
            message.receive_count = receives + 1
            message.state = _HIDDEN
            hidden.append(message)
        if hidden:
            self.visible -= len(hidden)
            self.hidden += len(hidden)
            self._hide(hidden, shows)
        return [Received(message, message.receive_count, now) for message in hidden]

    def delete_all(self, received: Iterable[Received]) -> None:
        """Delete by receipts; those of messages that are gone do nothing."""
        hidden = 0
        for one in received:
            message = one.message
            if message.state is _HIDDEN:
                message.state = _GONE
                hidden += 1
            elif message.state is not _GONE:
                self._forget(message)
        self.hidden -= hidden
        self._oldest()

    def delete(self, received: Received) -> bool:
        """Delete by receipt; an old one still deletes. False where the message is gone already (AWS: also 200)."""
        message = received.message
        if message.state is _GONE:
            return False
        self._forget(message)
        return True

    def change_visibility(self, now: Instant, received: Received, timeout_s: int) -> QueueRefusal | None:
        """Hide a message for `timeout_s` from now on, or show it at once with 0."""
        message = received.message
        most = limits.VISIBILITY_TIMEOUT.high
        if not 0 <= timeout_s <= most:
            return _refusal(sqs_messages.VISIBILITY_INVALID, value=timeout_s)
        if message.state is _GONE:
            return _refusal(sqs_messages.MESSAGE_NOT_THERE, handle=received.handle())
        # The cap runs from the receive, not from the last change: a change cannot extend it.
        if now + timeout_s * SECOND >= received.at + most * SECOND:
            return _refusal(sqs_messages.VISIBILITY_TOTAL, value=timeout_s, most=most)
        if message.state is _HIDDEN:
            self.hidden -= 1
        elif message.state is _VISIBLE:
            self.visible -= 1
        message.state = _HIDDEN
        self.hidden += 1
        self._hide([message], Instant(now + timeout_s * SECOND))
        return None

    def advance(self, now: Instant, records: list[Record]) -> None:
        """Show what is hidden no longer, end what is retained no longer."""
        shows = self._shows
        while shows and shows[0][0] <= now:
            due, _, hidden = heappop(shows)
            for message in hidden:
                # Else it was deleted, or hidden anew by another call, which has an entry of its own.
                if message.shows == due and message.state in (_HIDDEN, _DELAYED):
                    self._come_back(now, message, records)
        # By the first send: neither a receive nor a move to a dead-letter queue makes a message younger.
        kept_since = Instant(now - self.declaration.message_retention_period * SECOND)
        while (oldest := self._oldest()) is not None and oldest.sent <= kept_since:
            self._forget(oldest)
            records.append(MessageExpired(now, self.declaration.name, oldest.id, oldest.sent))

    def next_due(self) -> Instant | None:
        """When the next message shows or expires."""
        shows = self._shows
        while shows:
            due, _, hidden = shows[0]
            if any(message.shows == due and message.state is not _GONE for message in hidden):
                break
            heappop(shows)
        wake = shows[0][0] if shows else None
        oldest = self._oldest()
        if oldest is not None:
            ends = Instant(oldest.sent + self.declaration.message_retention_period * SECOND)
            wake = ends if wake is None or ends < wake else wake
        return wake

    def taken(self) -> int:
        """How many messages ever came, by a send or from another queue."""
        return self._numbers

    def counts(self) -> Counts:
        """How many messages are visible, hidden and delayed."""
        return Counts(self.visible, self.hidden, self.delayed)

    def oldest(self) -> Instant | None:
        """When the oldest message that is not deleted was sent."""
        message = self._oldest()
        return None if message is None else message.sent

    def peek(self) -> list[Message]:
        """All messages in order of arrival, without receiving them."""
        found = {message.number: message for message in self._all() if message.state is not _GONE}
        return [found[number] for number in sorted(found)]

    def _all(self) -> Iterator[Message]:
        return chain(self._by_age, (message for _, _, message in self._moved_in))

    def _come_back(self, now: Instant, message: Message, records: list[Record]) -> None:
        if message.state is _HIDDEN:
            self.hidden -= 1
            name = self.declaration.name
            records.append(MessageReturned(now, name, message.id, message.receive_count, message.handled_by))
        else:
            self.delayed -= 1
        self._show(message)

    def _show(self, message: Message) -> None:
        message.state = _VISIBLE
        self.visible += 1
        self._visible.append(message)

    def _hide(self, hidden: list[Message], until: Instant) -> None:
        for message in hidden:
            message.shows = until
        self._hides += 1
        heappush(self._shows, (until, self._hides, hidden))

    def _forget(self, message: Message) -> None:
        if message.state is _VISIBLE:
            self.visible -= 1
        elif message.state is _HIDDEN:
            self.hidden -= 1
        else:
            self.delayed -= 1
        message.state = _GONE
        self._oldest()

    def _oldest(self) -> Message | None:
        by_age, moved_in = self._by_age, self._moved_in
        while by_age and by_age[0].state is _GONE:
            by_age.popleft()
        while moved_in and moved_in[0][2].state is _GONE:
            heappop(moved_in)
        if moved_in and (not by_age or moved_in[0][0] <= by_age[0].sent):
            return moved_in[0][2]
        return by_age[0] if by_age else None

    def _move(self, now: Instant, message: Message, records: list[Record]) -> None:
        target = self.dead_letter
        assert target is not None
        message.state = _GONE
        moved = Message(
            message.id,
            message.body,
            message.attributes,
            message.sent,
            message.sender_id,
            target._numbers + 1,
            message.duration,
        )
        moved.receive_count, moved.first_received = message.receive_count, message.first_received
        moved.source_arn = self.arn
        target._numbers += 1
        # Its old age goes with it, so it may be older than what stands there already: the deque by age would lose its order.
        heappush(target._moved_in, (moved.sent, moved.number, moved))
        target._show(moved)
        records.append(
            MessageDeadLettered(
                now,
                self.declaration.name,
                target.declaration.name,
                message.id,
                message.receive_count,
                message.body,
                message.attributes,
            )
        )


def _refusal(text: ErrorText, **values: object) -> QueueRefusal:
    return QueueRefusal(text.code, text.of(**values))
