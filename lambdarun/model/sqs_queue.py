"""A standard queue: any order, any number of receivers, and a delete by any receipt."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import chain
from typing import Final

from attrs import define, field

from lambdarun.aws import fifo_messages, limits
from lambdarun.model.event_records import MessageSent
from lambdarun.model.fair_tenants import FairTenants
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.message import PLAIN, Message, Received, Sendable, State
from lambdarun.model.queue_core import QueueCore, numbered
from lambdarun.model.queue_records import MessageDuplicated, TenantBecameQuiet
from lambdarun.model.queue_refusal import QueueRefusal, content_refusal, id_refusal, refused
from lambdarun.model.records import Record

_VISIBLE: Final = State.VISIBLE
_HIDDEN: Final = State.HIDDEN
_DELAYED: Final = State.DELAYED
_GONE: Final = State.GONE


@define(eq=False)
class SqsQueue(QueueCore):
    """One standard queue."""

    _visible: deque[Message] = field(factory=deque, init=False)
    _moved_in: list[tuple[Instant, int, Message]] = field(factory=list, init=False)
    """By age too: messages of another queue, which are older than when they came."""
    _moves: deque[Message] = field(factory=deque, init=False)
    """The same in order of their moves, which is what their age in this queue counts from."""
    _copies: list[Message] = field(factory=list, init=False)
    """Left behind by deletes, and not told yet."""
    _fair: FairTenants | None = field(default=None, init=False)
    """From the first message with a group on."""

    @property
    def ready(self) -> bool:
        """Whether a receive may find a message now."""
        return self.visible > 0

    def refusal(self, message: Sendable) -> QueueRefusal | None:
        """Why AWS would refuse `message`; None: it would not."""
        body = message.body
        most = self.declaration.maximum_message_size
        # The usual message, judged without encoding it: for ASCII, characters are bytes and printable ones are allowed.
        plain = (
            not message.attributes
            and message.delay_seconds is None
            and message.message_group_id is None
            and message.message_deduplication_id is None
            and body.isascii()
            and body.isprintable()
        )
        if plain and 0 < len(body) <= most:
            return None
        deduplication = message.message_deduplication_id
        if deduplication is not None:
            return refused(
                fifo_messages.NOT_FOR_THIS_TYPE, name="MessageDeduplicationId", value=deduplication
            )
        return content_refusal(message, most) or id_refusal("MessageGroupId", message.message_group_id)

    def send(self, now: Instant, message: Sendable, records: list[Record]) -> Message:
        """Take a message that is not refused."""
        self._numbers = number = self._numbers + 1
        own = message.message_id
        message_id = self.draws.new_id() if own is None else own
        body = message.body
        envelope = (
            PLAIN
            if message.sender_id is None
            and not message.attributes
            and message.duration is None
            and message.trace_header is None
            else self._envelopes.of(message)
        )
        group = message.message_group_id
        taken = Message(message_id, body, envelope, now, number, group)
        self._by_age.append(taken)
        if group is not None:
            self._fairly().come(now, taken)
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
        records.append(MessageSent(now, self.declaration.name, message_id, size, delay, group or ""))
        return taken

    def receive(
        self,
        now: Instant,
        count: int,
        records: list[Record],
        visibility_timeout_s: int | None = None,
        attempt_id: str | None = None,
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
        fair, looks = self._fair, True
        while looks and len(hidden) < count:
            wanted = count - len(hidden)
            visible = self._visible if fair is None else fair.in_order(now, self._visible, wanted, records)
            # Where one of those moves, another takes its place.
            looks = fair is not None and bool(visible)
            while visible and len(hidden) < count:
                message = visible.popleft()
                if message.state is not _VISIBLE:
                    continue
                receives = message.receive_count
                # At the receive that would be one too many, not when the last one fails: so a message that nobody asks for
                # again stays.
                if most is not None and receives >= most and self._receives_here(message) >= most:
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
            if fair is not None:
                for message in hidden:
                    fair.hide(message)
                fair.look(now, hidden, self.hidden, records)
        return [Received(message, message.receive_count, now) for message in hidden]

    def sampled(self, count: int) -> int:
        """How many of the `count` messages that a short poll asks for the servers have that it reaches.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
        """
        if not self.declaration.sampling or self.visible >= limits.SAMPLED_BELOW.value:
            return count
        return self.draws.stream(f"sampling:{self.declaration.name}").randint(0, count)

    def delete(self, received: Received) -> bool:
        """Delete by receipt; an old one still deletes. False where the message is gone already (AWS: also 200)."""
        share = self.declaration.duplicates
        # A server that holds a copy was not there to be told; what it holds shows when its timeout ends.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
        if (
            share
            and received.message.state is _HIDDEN
            and self.draws.stream(f"duplicates:{self.declaration.name}").random() < share
        ):
            self._copies.append(received.message)
            return True
        return super().delete(received)

    def delete_all(self, received: Iterable[Received]) -> Sequence[Received]:
        """Delete by receipts; those of messages that are gone do nothing. None is refused."""
        if self._fair is not None or self.declaration.duplicates:
            for one in received:
                self.delete(one)
            return ()
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
        return ()

    def next_out(self) -> Message | None:
        """The message that `take_out` would remove first."""
        visible = self._visible
        if self._fair is not None:
            self._fair.release(visible)
        while visible and visible[0].state is not _VISIBLE:
            visible.popleft()
        return visible[0] if visible else None

    def take_out(self, count: int) -> list[Message]:
        """Remove up to `count` visible messages without receiving them; what a fair queue passed over goes first."""
        taken: list[Message] = []
        if self._fair is not None:
            self._fair.release(self._visible)
        while self._visible and len(taken) < count:
            message = self._visible.popleft()
            if message.state is _VISIBLE:
                self._forget(message)
                taken.append(message)
        return taken

    def purge(self, now: Instant, records: list[Record]) -> None:
        """Delete all messages, those in flight and delayed ones too."""
        super().purge(now, records)
        self._visible.clear()
        self._moved_in.clear()
        self._moves.clear()
        if self._fair is not None:
            records += [TenantBecameQuiet(now, self.declaration.name, noisy) for noisy in self._fair.noisy]
            self._fair = None

    def advance(self, now: Instant, records: list[Record]) -> None:
        """Show what is hidden no longer, end what is retained no longer."""
        if self._copies:
            name = self.declaration.name
            records += [
                MessageDuplicated(now, name, copy.id, copy.kept_since, copy.message_group_id or "")
                for copy in self._copies
            ]
            self._copies.clear()
        super().advance(now, records)
        if self._fair is not None:
            self._fair.calm(now, self._visible, records)

    def oldest(self) -> Instant | None:
        """Since when the oldest message that is not deleted is in this queue: a dead letter since its move."""
        by_age, moves = self._by_age, self._moves
        while by_age and by_age[0].state is _GONE:
            by_age.popleft()
        while moves and moves[0].state is _GONE:
            moves.popleft()
        return min([queue[0].kept_since for queue in (by_age, moves) if queue], default=None)

    def _find(self, number: int) -> Message | None:
        found = super()._find(number)
        return numbered(self._moves, number) if found is None else found

    def _all(self) -> Iterator[Message]:
        return chain(self._by_age, (message for _, _, message in self._moved_in))

    def _fairly(self) -> FairTenants:
        if self._fair is None:
            self._fair = FairTenants(self.declaration.name)
        return self._fair

    def _hide_again(self, message: Message) -> None:
        super()._hide_again(message)
        if self._fair is not None:
            self._fair.hide(message)

    def _forget(self, message: Message) -> None:
        if self._fair is not None:
            self._fair.remove(message)
        super()._forget(message)

    def _show(self, message: Message) -> None:
        if self._fair is not None and message.state is _HIDDEN:
            self._fair.show(message)
        message.state = _VISIBLE
        self.visible += 1
        self._visible.append(message)

    def _oldest(self) -> Message | None:
        by_age, moved_in = self._by_age, self._moved_in
        while by_age and by_age[0].state is _GONE:
            by_age.popleft()
        while moved_in and moved_in[0][2].state is _GONE:
            heappop(moved_in)
        if moved_in and (not by_age or moved_in[0][0] <= by_age[0].sent):
            return moved_in[0][2]
        return by_age[0] if by_age else None

    def _take_in(self, moved: Message) -> None:
        # Its old age goes with it, so it may be older than what stands there already: the deque by age would lose its order.
        heappush(self._moved_in, (moved.sent, moved.number, moved))
        moves = self._moves
        while moves and moves[0].state is _GONE:
            moves.popleft()
        moves.append(moved)
        if moved.message_group_id is not None:
            self._fairly().come(moved.kept_since, moved)
        self._show(moved)
