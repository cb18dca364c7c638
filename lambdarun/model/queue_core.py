"""What both kinds of queue are: messages that are visible, hidden or delayed, kept for a time, and moved when they fail.

Callers see this class alone; `open_queue` makes the standard or the FIFO queue behind it.

What is hidden waits in a heap by the instant at which it shows; a message that is gone or was moved leaves its old entries
behind, and they are passed over when they come up.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import ClassVar, Final

from attrs import define, evolve, field, frozen

from lambdarun.aws import limits, sqs_messages
from lambdarun.model.draws import Draws
from lambdarun.model.event_records import MessageDeadLettered, MessageExpired, MessageReturned
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.message import Envelopes, Message, Received, Sendable, State
from lambdarun.model.queue import Queue
from lambdarun.model.queue_records import QueuePurged, QueueUpdated
from lambdarun.model.queue_refusal import QueueRefusal, refused
from lambdarun.model.records import Record

# Bound to names of their own: reading a member of an Enum takes as long as the comparison.
_VISIBLE: Final = State.VISIBLE
_HIDDEN: Final = State.HIDDEN
_DELAYED: Final = State.DELAYED
_GONE: Final = State.GONE
_COMPACT: Final = 10_000
"""Of fewer messages in order of age, those that are gone may stay behind one that is there."""
_HANDLE: Final = re.compile(r"AQEB([0-9]+)/([0-9]+)/([0-9]+)")


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
class QueueCore:
    """One queue. Its state is that of the last `advance`: call it before anything that asks for the time."""

    RESETS_RETENTION: ClassVar[bool] = False
    """Whether a move to a dead-letter queue gives a message its whole retention period again."""

    declaration: Queue
    arn: str
    draws: Draws
    dead_letter: QueueCore | None = None
    visible: int = field(default=0, init=False)
    """Messages neither in flight nor delayed. A FIFO queue counts those of locked groups too, as AWS does."""
    hidden: int = field(default=0, init=False)
    """Messages in flight."""
    delayed: int = field(default=0, init=False)
    _shows: list[tuple[Instant, int, list[Message]]] = field(factory=list, init=False)
    """What one receive (or change, or delayed send) hid."""
    _hides: int = field(default=0, init=False)
    _by_age: deque[Message] = field(factory=deque, init=False)
    _numbers: int = field(default=0, init=False)
    _envelopes: Envelopes = field(factory=Envelopes, init=False)

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Whether a receive may find a message now. (It may find none, where all that is left is one to be moved.)"""

    @property
    def groups_in_flight(self) -> int:
        """Message groups that are locked by messages in flight; 0 on standard queues."""
        return 0

    @property
    def fifo(self) -> bool:
        """Whether this is a FIFO queue."""
        return self.declaration.fifo is not None

    @abstractmethod
    def refusal(self, message: Sendable) -> QueueRefusal | None:
        """Why AWS would refuse `message`; None: it would not."""

    @abstractmethod
    def send(self, now: Instant, message: Sendable, records: list[Record]) -> Message:
        """Take a message that is not refused. A FIFO queue that has it already answers with the first one."""

    @abstractmethod
    def receive(
        self,
        now: Instant,
        count: int,
        records: list[Record],
        visibility_timeout_s: int | None = None,
        attempt_id: str | None = None,
    ) -> list[Received]:
        """Up to `count` messages, now hidden for `visibility_timeout_s` (None: the queue's). One that was received too
        often moves instead. `attempt_id` (ReceiveRequestAttemptId) asks a FIFO queue for the same messages again.
        """

    def over_limit(self) -> bool:
        """Whether as many messages are in flight as AWS allows: a standard queue answers short polls with OverLimit."""
        return self.hidden >= limits.MESSAGES_IN_FLIGHT.value

    def sampled(self, count: int) -> int:
        """How many of the `count` messages that a short poll asks for the servers have that it reaches."""
        return count

    def delete_refusal(self, received: Received) -> QueueRefusal | None:
        """Why AWS would refuse to delete by this receipt; None: it would not, even where the message is gone."""
        return None

    def delete(self, received: Received) -> bool:
        """Delete by receipt. False where the message is gone already (AWS: 200), or where that is refused."""
        message = received.message
        if message.state is _GONE or self.delete_refusal(received) is not None:
            return False
        self._forget(message)
        return True

    def delete_all(self, received: Iterable[Received]) -> Sequence[Received]:
        """Delete by receipts; those of messages that are gone do nothing. Returns those that were refused."""
        kept = []
        for one in received:
            if self.delete_refusal(one) is not None:
                kept.append(one)
            elif one.message.state is not _GONE:
                self._forget(one.message)
        return kept

    def change_visibility(self, now: Instant, received: Received, timeout_s: int) -> QueueRefusal | None:
        """Hide a message for `timeout_s` from now on, or show it at once with 0 (at the next `advance`)."""
        message = received.message
        most = limits.VISIBILITY_TIMEOUT.high
        if not 0 <= timeout_s <= most:
            return refused(sqs_messages.VISIBILITY_INVALID, value=timeout_s)
        if message.state is _GONE:
            return refused(sqs_messages.MESSAGE_NOT_THERE, handle=received.handle())
        # The cap runs from the receive, not from the last change: a change cannot extend it.
        if now + timeout_s * SECOND >= received.at + most * SECOND:
            return refused(sqs_messages.VISIBILITY_TOTAL, value=timeout_s, most=most)
        if message.state is not _HIDDEN:
            self._hide_again(message)
        self._hide([message], Instant(now + timeout_s * SECOND))
        return None

    def configure(self, now: Instant, declaration: Queue, records: list[Record]) -> None:
        """Change the queue's attributes. A shorter retention ends messages at the next `advance`."""
        assert declaration.name == self.declaration.name
        self.declaration = declaration
        records.append(
            QueueUpdated(
                now,
                declaration.name,
                declaration.visibility_timeout,
                declaration.delay_seconds,
                declaration.message_retention_period,
            )
        )

    def purge(self, now: Instant, records: list[Record]) -> None:
        """Delete all messages, those in flight and delayed ones too."""
        removed = self.visible + self.hidden + self.delayed
        for message in self._all():
            message.state = _GONE
        self.visible = self.hidden = self.delayed = 0
        self._shows.clear()
        self._by_age.clear()
        records.append(QueuePurged(now, self.declaration.name, removed))

    @abstractmethod
    def next_out(self) -> Message | None:
        """The message that `take_out` would remove first."""

    @abstractmethod
    def take_out(self, count: int) -> list[Message]:
        """Remove up to `count` visible messages without receiving them, oldest first: for a redrive task."""

    def advance(self, now: Instant, records: list[Record]) -> None:
        """Show what is hidden no longer, end what is retained no longer."""
        shows = self._shows
        while shows and shows[0][0] <= now:
            due, _, hidden = heappop(shows)
            for message in hidden:
                # Else it was deleted, or hidden anew by another call, which has an entry of its own.
                if message.shows == due and message.state in (_HIDDEN, _DELAYED):
                    self._come_back(now, message, records)
        # One message that stays long must not hold all that came and went behind it.
        if len(self._by_age) > _COMPACT and len(self._by_age) > 2 * (
            self.visible + self.hidden + self.delayed
        ):
            self._by_age = deque([message for message in self._by_age if message.state is not _GONE])
        kept_since = Instant(now - self.declaration.message_retention_period * SECOND)
        while (oldest := self._oldest()) is not None and self._retained_since(oldest) <= kept_since:
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
            retention = self.declaration.message_retention_period * SECOND
            ends = Instant(self._retained_since(oldest) + retention)
            wake = ends if wake is None or ends < wake else wake
        return wake

    def taken(self) -> int:
        """How many messages ever came, by a send or from another queue."""
        return self._numbers

    def counts(self) -> Counts:
        """How many messages are visible, hidden and delayed."""
        return Counts(self.visible, self.hidden, self.delayed)

    def oldest(self) -> Instant | None:
        """Since when the oldest message that is not deleted is in this queue: a dead letter since its move."""
        message = self._oldest()
        return None if message is None else message.kept_since

    def peek(self) -> list[Message]:
        """All messages in order of arrival, without receiving them."""
        found = {message.number: message for message in self._all() if message.state is not _GONE}
        return [found[number] for number in sorted(found)]

    def receipt(self, handle: str) -> Received | None:
        """The receipt that a handle stands for; None: its message is gone. Raises ValueError: no handle of a queue."""
        found = _HANDLE.fullmatch(handle)
        if found is None:
            raise ValueError(f"{handle!r} is no receipt handle")
        at, number, receive_count = (int(part) for part in found.groups())
        message = self._find(number)
        if message is None or message.state is _GONE:
            return None
        return Received(message, receive_count, Instant(at))

    def _find(self, number: int) -> Message | None:
        return numbered(self._by_age, number)

    def _all(self) -> Iterator[Message]:
        return iter(self._by_age)

    def _retained_since(self, message: Message) -> Instant:
        return message.kept_since if self.RESETS_RETENTION else message.sent

    def _oldest(self) -> Message | None:
        by_age = self._by_age
        while by_age and by_age[0].state is _GONE:
            by_age.popleft()
        return by_age[0] if by_age else None

    def _come_back(self, now: Instant, message: Message, records: list[Record]) -> None:
        if message.state is _HIDDEN:
            self.hidden -= 1
            name = self.declaration.name
            records.append(MessageReturned(now, name, message.id, message.receive_count, message.handled_by))
        else:
            self.delayed -= 1
        self._show(message)

    @abstractmethod
    def _show(self, message: Message) -> None:
        """Count it among the visible, where a receive finds it."""

    def _hide(self, hidden: list[Message], until: Instant) -> None:
        for message in hidden:
            message.shows = until
        self._hides += 1
        heappush(self._shows, (until, self._hides, hidden))

    def _hide_again(self, message: Message) -> None:
        """A message is in flight once more, without a receive."""
        if message.state is _VISIBLE:
            self.visible -= 1
        else:
            self.delayed -= 1
        message.state = _HIDDEN
        self.hidden += 1

    def _forget(self, message: Message) -> None:
        if message.state is _VISIBLE:
            self.visible -= 1
        elif message.state is _HIDDEN:
            self.hidden -= 1
        else:
            self.delayed -= 1
        message.state = _GONE
        self._oldest()

    def _receives_here(self, message: Message) -> int:
        return message.receive_count - message.envelope.receives_before

    def _move(self, now: Instant, message: Message, records: list[Record]) -> None:
        target = self.dead_letter
        assert target is not None
        self._forget(message)
        target._numbers += 1
        receives = message.receive_count
        envelope = evolve(message.envelope, source_arn=self.arn, moved=now, receives_before=receives)
        moved = type(message)(
            message.id, message.body, envelope, message.sent, target._numbers, message.message_group_id
        )
        moved.receive_count, moved.first_received = receives, message.first_received
        target._take_in(moved)
        records.append(
            MessageDeadLettered(
                now,
                self.declaration.name,
                target.declaration.name,
                message.id,
                receives,
                message.body,
                dict(message.attributes),
            )
        )

    @abstractmethod
    def _take_in(self, moved: Message) -> None:
        """Take a message of another queue."""


def numbered(messages: deque[Message], number: int) -> Message | None:
    """The message of that number among those that stand in order of their numbers."""
    index = bisect_left(messages, number, key=_number)
    return messages[index] if index < len(messages) and messages[index].number == number else None


def _number(message: Message) -> int:
    return message.number
