"""One queue over time: what waits, what is in flight, and how old the oldest message is."""

from __future__ import annotations

from collections import deque
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.event_records import (
    BatchReceived,
    BatchSettled,
    MessageDeadLettered,
    MessageExpired,
    MessageId,
    MessageReturned,
    MessageSent,
)
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.mapping_records import MessagesFiltered
from lambdarun.views.queue_age import QueueAge
from lambdarun.views.timeline_series import Count, Gauge, Most, Scale

_ACTIVE: Final = limits.QUEUE_ACTIVITY.value * SECOND


# What is visible and in flight is counted on from record to record, and taken from each receive, which tells both: so an
# odd case (a message that expires in flight) is off by one until the next receive at most.
@define(eq=False)
class QueueTimeline:
    """Series of one queue. A queue that nobody polls is known to CloudWatch for six hours after something happened in it."""

    scale: Scale
    delay: int = 0
    """Microseconds for which the queue delays its messages."""
    visible: Gauge = field(factory=lambda: Gauge(idle=True), init=False)
    in_flight: Gauge = field(factory=lambda: Gauge(idle=True), init=False)
    delayed: Gauge = field(factory=lambda: Gauge(idle=True), init=False)
    oldest: Most = field(factory=Most, init=False)
    """Age of the oldest message, in microseconds, by CloudWatch's rule."""
    sent: Count = field(factory=Count, init=False)
    handled: Count = field(factory=Count, init=False)
    """Deletions."""
    returned: Count = field(factory=Count, init=False)
    _age: QueueAge = field(factory=QueueAge, init=False)
    _due: deque[int] = field(factory=deque, init=False)
    """When the delayed messages show."""
    _polled: bool = field(default=False, init=False)
    _bucket: int | None = field(default=None, init=False)
    """The newest bucket with an age."""
    _touched: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        gauges = (self.visible, self.in_flight, self.delayed)
        self.scale.series += [*gauges, self.oldest, self.sent, self.handled, self.returned, self]

    def take_sent(self, bucket: int, record: MessageSent) -> None:
        """A message came."""
        self._reach(bucket, record.time)
        self.sent.add(bucket)
        if not len(self._age):
            self.oldest.add(bucket, 0)
        self._age.add(record.time, record.message_id)
        if self.delay:
            self._due.append(record.time + self.delay)
            self.delayed.set(bucket, self.delayed.value + 1)
        else:
            self.visible.set(bucket, self.visible.value + 1)

    def take_received(self, bucket: int, record: BatchReceived) -> None:
        """A poller took messages."""
        self._polled = True
        self._reach(bucket, record.time)
        self._tell_age(bucket, record.time)
        age = self._age
        for message_id in record.message_ids:
            age.receive(message_id)
        self.visible.set(bucket, record.visible)
        self.in_flight.set(bucket, record.hidden)
        delayed = max(0, len(age) - record.visible - record.hidden)
        if delayed != self.delayed.value:
            self.delayed.set(bucket, delayed)

    def take_settled(self, bucket: int, record: BatchSettled) -> None:
        """A batch was deleted, or what of it succeeded."""
        self._reach(bucket, record.time)
        self.handled.add(bucket, len(record.deleted))
        self._remove(bucket, record.time, record.deleted)
        self.in_flight.set(bucket, max(0, self.in_flight.value - len(record.deleted)))

    def take_filtered(self, bucket: int, record: MessagesFiltered) -> None:
        """Messages were deleted because no filter lets them through."""
        self._reach(bucket, record.time)
        self.handled.add(bucket, len(record.message_ids))
        self._remove(bucket, record.time, record.message_ids)
        self.visible.set(bucket, max(0, self.visible.value - len(record.message_ids)))

    def take_returned(self, bucket: int, record: MessageReturned) -> None:
        """A received message shows again."""
        self._reach(bucket, record.time)
        self.returned.add(bucket)
        self.in_flight.set(bucket, max(0, self.in_flight.value - 1))
        self.visible.set(bucket, self.visible.value + 1)

    def take_moved(self, bucket: int, record: MessageDeadLettered) -> None:
        """A message left for the dead-letter queue, at what would have been a receive."""
        self._reach(bucket, record.time)
        self._remove(bucket, record.time, (record.message_id,))
        self.visible.set(bucket, max(0, self.visible.value - 1))

    def take_dead_letter(self, bucket: int, record: MessageDeadLettered) -> None:
        """A message came from the queue that this one is the dead-letter queue of; its age runs from here."""
        self._reach(bucket, record.time)
        if not len(self._age):
            self.oldest.add(bucket, 0)
        self._age.add(record.time, record.message_id)
        self.visible.set(bucket, self.visible.value + 1)

    def take_expired(self, bucket: int, record: MessageExpired) -> None:
        """A message's retention ended."""
        self._reach(bucket, record.time)
        self._remove(bucket, record.time, (record.message_id,))
        gauge = self.visible if self.visible.value else self.in_flight
        gauge.set(bucket, max(0, gauge.value - 1))

    def finish(self, bucket: int, time: Instant) -> None:
        """Tell what stands at the end of the run."""
        self._pass(bucket, time)
        for gauge in (self.visible, self.in_flight, self.delayed):
            gauge.carry(bucket, self._known_until())
        if self._known(time):
            self._tell_age(bucket, time)

    def widen(self, ratio: int) -> None:
        """Merge buckets."""
        if self._bucket is not None:
            self._bucket //= ratio

    def _reach(self, bucket: int, time: Instant) -> None:
        """Come to the instant of a record."""
        if self._bucket is None:
            self._bucket = bucket
            for gauge in (self.visible, self.in_flight, self.delayed):
                gauge.set(bucket, 0)
        elif bucket != self._bucket or self._due:
            self._pass(bucket, time)
        self._touched = time

    def _pass(self, bucket: int, time: Instant) -> None:
        """Tell what stood in the buckets since the last record."""
        width = self.scale.width
        for passed in range(self._bucket if self._bucket is not None else bucket, bucket):
            end = Instant((passed + 1) * width)
            if self._known(end):
                self._tell_age(passed, end)
        while self._due and self._due[0] <= time:
            shown = max(self._due.popleft() // width, self.scale.begin)
            if self.delayed.value:
                self.delayed.set(shown, self.delayed.value - 1)
                self.visible.set(shown, self.visible.value + 1)
        if bucket != self._bucket:
            self._bucket = bucket
            for gauge in (self.visible, self.in_flight, self.delayed):
                gauge.carry(bucket, self._known_until())

    def _known(self, time: int) -> bool:
        """Whether CloudWatch knows the queue at an instant."""
        return self._polled or time <= self._touched + _ACTIVE

    def _known_until(self) -> int | None:
        return None if self._polled else (self._touched + _ACTIVE) // self.scale.width

    def _tell_age(self, bucket: int, time: int) -> None:
        oldest = self._age.oldest()
        self.oldest.add(bucket, 0 if oldest is None else time - oldest)

    def _remove(self, bucket: int, time: int, ids: tuple[MessageId, ...]) -> None:
        self._tell_age(bucket, time)
        for message_id in ids:
            self._age.remove(message_id)
