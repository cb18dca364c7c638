"""One queue over time: what waits, what is in flight, and how old the oldest message is."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field

from lambdarun.model.event_records import (
    BatchReceived,
    BatchSettled,
    MessageDeadLettered,
    MessageExpired,
    MessageId,
    MessageReturned,
    MessageSent,
)
from lambdarun.model.instant import Instant
from lambdarun.model.mapping_records import MessagesFiltered
from lambdarun.model.queue_records import (
    MessageDuplicated,
    MessagesDeleted,
    MessagesMovedBack,
    MessagesReceived,
    QueuePurged,
    QueueUpdated,
    VisibilityChanged,
)
from lambdarun.views.queue_messages import QueueMessages
from lambdarun.views.timeline_series import Count, Most, Scale


@define(eq=False)
class QueueTimeline:
    """Series of one queue, told for as long as CloudWatch knows it: while it holds messages, and six hours longer."""

    scale: Scale
    is_fifo: bool
    visible: Most = field(factory=Most, init=False)
    in_flight: Most = field(factory=Most, init=False)
    delayed: Most = field(factory=Most, init=False)
    oldest: Most = field(factory=Most, init=False)
    """Age of the oldest message, in microseconds, by CloudWatch's rule."""
    sent: Count = field(factory=Count, init=False)
    deleted: Count = field(factory=Count, init=False)
    returned: Count = field(factory=Count, init=False)
    messages: QueueMessages = field(init=False)
    """Where each message stands."""
    _bucket: int | None = field(default=None, init=False)
    """The newest bucket in which something was told."""

    def __attrs_post_init__(self) -> None:
        self.messages = QueueMessages(self.is_fifo)
        levels = (self.visible, self.in_flight, self.delayed, self.oldest)
        self.scale.series += [*levels, self.sent, self.deleted, self.returned, self]

    def take_sent(self, bucket: int, record: MessageSent) -> None:
        """A message came."""
        self._reach(bucket)
        self.sent.add(bucket)
        self.messages.send(record)
        self._tell(bucket, record.time)

    def take_received(self, bucket: int, record: BatchReceived | MessagesReceived) -> None:
        """A poller or a caller took messages."""
        self._reach(bucket)
        self._tell_age(bucket, record.time)
        self.messages.receive(record.time, record.message_ids)
        self._tell(bucket, record.time)

    def take_settled(self, bucket: int, record: BatchSettled) -> None:
        """A batch was deleted, or what of it succeeded."""
        self._delete(bucket, record.time, record.deleted)

    def take_deleted(self, bucket: int, record: MessagesDeleted | MessagesFiltered) -> None:
        """Messages were deleted by a caller, or because no filter lets them through."""
        self._delete(bucket, record.time, record.message_ids)

    def take_returned(self, bucket: int, record: MessageReturned) -> None:
        """A received message shows again."""
        self._reach(bucket)
        self.returned.add(bucket)
        self.messages.show(record.message_id)
        self._tell(bucket, record.time)

    def take_changed(self, bucket: int, record: VisibilityChanged) -> None:
        """A caller hides a message for another while; one that shows at once returns by a record of its own."""
        self._reach(bucket)
        self.messages.hide(record.message_id)
        self._tell(bucket, record.time)

    def take_moved(self, bucket: int, record: MessageDeadLettered) -> str:
        """A message left for the dead-letter queue; returns its group."""
        self._reach(bucket)
        self._tell_age(bucket, record.time)
        group = self.messages.remove(record.message_id)
        self._tell(bucket, record.time)
        return group

    def take_dead_letter(self, bucket: int, record: MessageDeadLettered, group: str) -> None:
        """A message came from the queue that this one is the dead-letter queue of; its age runs from here."""
        self._reach(bucket)
        self.messages.come(record.time, record.message_id, group)
        self._tell(bucket, record.time)

    def take_moved_back(self, bucket: int, record: MessagesMovedBack) -> None:
        """A redrive task took messages away."""
        self._leave(bucket, record.time, record.message_ids)
        self.messages.last = record.time

    def take_updated(self, bucket: int, record: QueueUpdated) -> None:
        """The queue has other attributes."""
        self._reach(bucket)
        self.messages.change_delay(record.time, record.delay_seconds)
        self._tell(bucket, record.time)

    def take_duplicated(self, bucket: int, record: MessageDuplicated) -> None:
        """A delete missed a copy, which is in flight on."""
        self._reach(bucket)
        self.messages.stay(record.kept_since, record.message_id, record.message_group_id)
        self._tell(bucket, record.time)

    def take_expired(self, bucket: int, record: MessageExpired) -> None:
        """A message's retention ended."""
        self._leave(bucket, record.time, (record.message_id,))  # that is no use of the queue

    def take_purged(self, bucket: int, record: QueuePurged) -> None:
        """All messages are gone."""
        self._reach(bucket)
        self._tell_age(bucket, record.time)
        self.messages.clear(record.time)
        self._tell(bucket, record.time)

    def finish(self, bucket: int, time: Instant) -> None:
        """Tell what stands at the end of the run."""
        self._reach(bucket)
        if self.messages.is_active(time):
            self._tell(bucket, time)

    def widen(self, ratio: int) -> None:
        """Merge buckets."""
        if self._bucket is not None:
            self._bucket //= ratio

    def _delete(self, bucket: int, time: Instant, ids: tuple[MessageId, ...]) -> None:
        self.deleted.add(bucket, len(ids))
        self._leave(bucket, time, ids)
        self.messages.last = time

    def _leave(self, bucket: int, time: Instant, ids: Iterable[MessageId]) -> None:
        self._reach(bucket)
        self._tell_age(bucket, time)
        for message_id in ids:
            self.messages.remove(message_id)
        self._tell(bucket, time)

    def _reach(self, bucket: int) -> None:
        """Come to a bucket, and tell what stood at the ends of those since the last record."""
        if bucket == self._bucket:
            return
        if self._bucket is not None:
            width = self.scale.width
            for passed in range(self._bucket, bucket):
                end = Instant((passed + 1) * width)
                if not self.messages.is_active(end):
                    break
                self._tell_standing(passed, Instant(end - 1))
                self._tell_age(passed, end)
                self._tell_standing(passed + 1, end)
        self._bucket = bucket

    def _tell(self, bucket: int, time: Instant) -> None:
        self._tell_standing(bucket, time)
        self._tell_age(bucket, time)

    def _tell_standing(self, bucket: int, time: Instant) -> None:
        standing = self.messages.standing(time)
        self.visible.add(bucket, standing.visible)
        self.in_flight.add(bucket, standing.in_flight)
        self.delayed.add(bucket, standing.delayed)

    def _tell_age(self, bucket: int, time: Instant) -> None:
        oldest = self.messages.age.oldest()
        self.oldest.add(bucket, 0 if oldest is None else time - oldest)
