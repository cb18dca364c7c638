"""A FIFO queue: order and one receiver at a time in each message group, and no message twice in five minutes.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from attrs import define, field

from lambdarun.aws import fifo_messages, limits, sqs_messages
from lambdarun.model.event_records import MessageSent
from lambdarun.model.fifo_deduplication import SHA256_LENGTH, Deduplication, ReceiveAttempts, key_of
from lambdarun.model.fifo_groups import FifoGroups
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.message import PLAIN, FifoMessage, Message, Received, Sendable, State
from lambdarun.model.queue import Fifo, Queue
from lambdarun.model.queue_core import QueueCore
from lambdarun.model.queue_records import MessageDeduplicated
from lambdarun.model.queue_refusal import QueueRefusal, content_refusal, id_refusal, refused
from lambdarun.model.records import Record

_VISIBLE: Final = State.VISIBLE
_HIDDEN: Final = State.HIDDEN
_DELAYED: Final = State.DELAYED
_GONE: Final = State.GONE


@define(eq=False)
class FifoQueue(QueueCore):
    """One FIFO queue."""

    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
    RESETS_RETENTION: ClassVar[bool] = True

    _groups: FifoGroups = field(factory=FifoGroups, init=False)
    _known: Deduplication = field(factory=Deduplication, init=False)
    _attempts: ReceiveAttempts = field(factory=ReceiveAttempts, init=False)
    _delays: deque[Message] = field(factory=deque, init=False)
    """Delayed messages in order: the delay is the queue's, so who came first shows first."""

    @property
    def ready(self) -> bool:
        """Whether a group may be open."""
        return self.visible > 0 and self._groups.may_be_open

    @property
    def groups_in_flight(self) -> int:
        """Message groups that are locked by messages in flight."""
        return self._groups.locked

    @property
    def groups(self) -> int:
        """Message groups that have messages."""
        return len(self._groups)

    def refusal(self, message: Sendable) -> QueueRefusal | None:
        """Why AWS would refuse `message`; None: it would not."""
        group, own = message.message_group_id, message.message_deduplication_id
        if not message.body:
            return refused(sqs_messages.MESSAGE_BODY_MISSING)
        if group is None:
            return refused(fifo_messages.GROUP_ID_MISSING)
        # Zero is taken, and means the queue's own delay (recorded:
        # test_fifo_queue_send_message_with_zero_delay_defaults_to_queue_delay).
        if message.delay_seconds:
            return refused(fifo_messages.NOT_FOR_THIS_TYPE, name="DelaySeconds", value=message.delay_seconds)
        odd = id_refusal("MessageGroupId", group) or id_refusal("MessageDeduplicationId", own)
        if odd is not None:
            return odd
        if own is None and not self._settings().content_based_deduplication:
            return refused(fifo_messages.DEDUPLICATION_ID_MISSING)
        return content_refusal(message, self.declaration.maximum_message_size)

    def send(self, now: Instant, message: Sendable, records: list[Record]) -> Message:
        """Take a message that is not refused; one that is there already, or was a moment ago, answers for it."""
        group, name = message.message_group_id, self.declaration.name
        assert group is not None
        own_key = message.message_deduplication_id
        # The usual id, in line: one that is no hash of a body.
        key = own_key if own_key is not None and len(own_key) != SHA256_LENGTH else key_of(message)
        first = self._known.first(now, key, group)
        if first is not None:
            records.append(MessageDeduplicated(now, name, first.id, group))
            return first
        self._numbers = number = self._numbers + 1
        own = message.message_id
        message_id = self.draws.new_id() if own is None else own
        envelope = (
            PLAIN
            if message.sender_id is None
            and not message.attributes
            and message.duration is None
            and message.trace_header is None
            else self._envelopes.of(message)
        )
        body = message.body
        taken = FifoMessage(message_id, body, envelope, now, number, group, own_key)
        self._by_age.append(taken)
        self._known.remember(key, taken, self._settings().deduplication_scope)
        delay = self.declaration.delay_seconds
        if delay:
            taken.state = _DELAYED
            self.delayed += 1
            self._delays.append(taken)
        else:
            self.visible += 1
        self._groups.add(taken)
        size = len(body) if body.isascii() else len(body.encode())
        records.append(MessageSent(now, name, message_id, size, delay, group))
        return taken

    def receive(
        self,
        now: Instant,
        count: int,
        records: list[Record],
        visibility_timeout_s: int | None = None,
        attempt_id: str | None = None,
    ) -> list[Received]:
        """Up to `count` messages, as many of one group as there are before another one, now hidden."""
        declared = self.declaration
        timeout = declared.visibility_timeout if visibility_timeout_s is None else visibility_timeout_s
        shows = Instant(now + timeout * SECOND)
        if attempt_id is not None:
            again = self._attempts.again(now, attempt_id, shows)
            if again is not None:
                self._hide([received.message for received in again], shows)
                return again
        policy = declared.redrive_policy
        most = policy.max_receive_count if policy is not None and self.dead_letter is not None else None
        # Beyond the messages in flight that AWS allows, a receive stays empty; a FIFO queue knows no OverLimit.
        room = min(count, limits.MESSAGES_IN_FLIGHT.value - self.hidden)
        hidden: list[Message] = []
        groups = self._groups
        while len(hidden) < room and (run := groups.next_run(room - len(hidden))):
            exhausted: list[Message] = []
            before = len(hidden)
            for message in run:
                receives = message.receive_count
                if most is not None and receives >= most and self._receives_here(message) >= most:
                    exhausted.append(message)
                    continue
                if not receives:
                    message.first_received = now
                message.receive_count = receives + 1
                message.state = _HIDDEN
                hidden.append(message)
            if len(hidden) > before:
                self.visible -= len(hidden) - before
                self.hidden += len(hidden) - before
                groups.hide(hidden[-1], len(hidden) - before)
            # Behind the others, so that the group opens only where none of it went in flight.
            for message in exhausted:
                self._move(now, message, records)
        if hidden:
            self._hide(hidden, shows)
        received = [Received(message, message.receive_count, now) for message in hidden]
        if attempt_id is not None and received:
            self._attempts.remember(now, attempt_id, received, shows)
        return received

    def delete_refusal(self, received: Received) -> QueueRefusal | None:
        """A receipt ends with its visibility timeout (recorded: test_fifo_delete_after_visibility_timeout)."""
        if self._holds(received) or received.message.state is _GONE:
            return None
        return refused(fifo_messages.RECEIPT_EXPIRED, handle=received.handle())

    def delete_all(self, received: Iterable[Received]) -> Sequence[Received]:
        """Delete by receipts; those of messages that are gone do nothing. Returns those that have ended."""
        refused_ones = []
        # A batch is mostly runs of one group each: its head is looked for once a run.
        name: str | None = None
        count = 0
        for one in received:
            message = one.message
            if message.state is _HIDDEN and message.receive_count == one.receive_count:
                message.state = _GONE
                if message.message_group_id != name:
                    if name is not None:
                        self._groups.remove_received(name, count)
                    name, count = message.message_group_id, 0
                count += 1
                self.hidden -= 1
            elif message.state is not _GONE:
                refused_ones.append(one)
        if name is not None:
            self._groups.remove_received(name, count)
        self._oldest()
        return refused_ones

    def change_visibility(self, now: Instant, received: Received, timeout_s: int) -> QueueRefusal | None:
        """Hide a message for `timeout_s` from now on, or show it at once with 0 (at the next `advance`)."""
        # AWS documents that a FIFO receipt ends, but not what it then says to this call.
        if 0 <= timeout_s <= limits.VISIBILITY_TIMEOUT.high and not self._holds(received):
            return refused(sqs_messages.MESSAGE_NOT_THERE, handle=received.handle())
        return super().change_visibility(now, received, timeout_s)

    def configure(self, now: Instant, declaration: Queue, records: list[Record]) -> None:
        """Change the queue's attributes; a changed delay holds for messages that are there, too.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
        """
        super().configure(now, declaration, records)
        shown_since = now - declaration.delay_seconds * SECOND
        for message in self._by_age:
            if message.state is _VISIBLE and message.sent > shown_since and not self._receives_here(message):
                message.state = _DELAYED
                self.visible -= 1
                self.delayed += 1
        self._groups.close_hidden()
        self._delays = deque([message for message in self._by_age if message.state is _DELAYED])

    def purge(self, now: Instant, records: list[Record]) -> None:
        """Delete all messages, those in flight and delayed ones too, and forget what was there."""
        super().purge(now, records)
        self._groups.clear()
        self._known.clear()
        self._delays.clear()

    def next_out(self) -> Message | None:
        """The message that `take_out` would remove first."""
        return next((message for message in self._by_age if message.state is _VISIBLE), None)

    def take_out(self, count: int) -> list[Message]:
        """Remove up to `count` visible messages without receiving them, oldest first: for a redrive task."""
        taken: list[Message] = []
        for message in self._by_age:
            if len(taken) == count:
                break
            if message.state is _VISIBLE:
                taken.append(message)
        for message in taken:
            self._forget(message)
        return taken

    def advance(self, now: Instant, records: list[Record]) -> None:
        """Show what is hidden or delayed no longer, end what is retained no longer."""
        delays = self._delays
        sent_before = now - self.declaration.delay_seconds * SECOND
        while delays and (delays[0].state is not _DELAYED or delays[0].sent <= sent_before):
            message = delays.popleft()
            if message.state is _DELAYED:
                self._come_back(now, message, records)
        super().advance(now, records)

    def next_due(self) -> Instant | None:
        """When the next message shows or expires."""
        wake, delays = super().next_due(), self._delays
        while delays and delays[0].state is not _DELAYED:
            delays.popleft()
        if delays:
            shows = Instant(delays[0].sent + self.declaration.delay_seconds * SECOND)
            wake = shows if wake is None or shows < wake else wake
        return wake

    def _settings(self) -> Fifo:
        settings = self.declaration.fifo
        assert settings is not None
        return settings

    def _holds(self, received: Received) -> bool:
        message = received.message
        return message.state is _HIDDEN and message.receive_count == received.receive_count

    def _show(self, message: Message) -> None:
        if message.state is _HIDDEN:
            self._groups.unlock(message)
        message.state = _VISIBLE
        self.visible += 1
        self._groups.show(message)

    def _forget(self, message: Message) -> None:
        was_in_flight = message.state is _HIDDEN
        super()._forget(message)
        self._groups.remove(message, was_in_flight)

    def _take_in(self, moved: Message) -> None:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
        moved.deduplication_id = moved.id
        self._by_age.append(moved)
        self.visible += 1
        self._groups.add(moved)
