"""CloudWatch's metrics of queues (namespace AWS/SQS), read from the event log.

Counters tell what happened within a minute. Gauges are samples: at the start of each minute for as long as a queue is
active, and at each receive, so that a backlog of seconds is seen too.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.aws import metric_names as names
from lambdarun.aws.metric_names import Metric
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
from lambdarun.model.queue import FIFO_SUFFIX
from lambdarun.model.queue_records import (
    MessageDeduplicated,
    MessageDuplicated,
    MessagesDeleted,
    MessagesMovedBack,
    MessagesReceived,
    QueuePurged,
    QueueUpdated,
    TenantBecameNoisy,
    TenantBecameQuiet,
    VisibilityChanged,
)
from lambdarun.views.queue_messages import QueueMessages

PERIOD: Final = 60 * SECOND
MINUTES_TOLD: Final = limits.MESSAGE_RETENTION_PERIOD.high // 60
"""Of a silence, at most so many are told: no message is older than a queue's longest retention."""
_ALWAYS: Final = (names.MESSAGES_SENT, names.MESSAGES_RECEIVED, names.MESSAGES_DELETED)
"""Counters that are told as 0 while nothing is counted and the queue is active."""
_ONE: Final = 1


class Adds(Protocol):
    """Takes a value of a metric."""

    def __call__(
        self, metric: Metric, dimensions: tuple[tuple[str, str], ...], time: int, value: float, times: int = 1
    ) -> None:
        """At `time` it was `value`, `times` times."""


# Counted by hand for a minute and handed over at its end: a message costs two additions to small dictionaries, not two
# datapoints. Of a million messages a day that is most of what this view would take.
@define(eq=False)
class _Queue:
    """One queue, and what was counted in the present minute: by metric and value, how often."""

    dimensions: tuple[tuple[str, str], ...]
    messages: QueueMessages
    counted: dict[Metric, dict[int, int]] = field(factory=dict, init=False)
    sent: int = field(default=0, init=False)
    sizes: dict[int, int] = field(factory=dict, init=False)

    def count(self, metric: Metric, value: int = _ONE) -> None:
        """Count a value."""
        values = self.counted.setdefault(metric, {})
        values[value] = values.get(value, 0) + 1


@define(eq=False)
class QueueMetrics:
    """Hands datapoints of all queues to `add`."""

    add: Adds
    _queues: dict[str, _Queue] = field(factory=dict, init=False)

    def readers(self) -> dict[type, Callable[[Any], None]]:
        """Who reads which records."""
        return {
            MessageSent: self._sent,
            BatchReceived: self._received,
            MessagesReceived: self._received,
            BatchSettled: self._settled,
            MessagesDeleted: self._deleted,
            MessagesFiltered: self._filtered,
            MessageReturned: self._returned,
            VisibilityChanged: self._changed,
            MessageDeadLettered: self._moved,
            MessagesMovedBack: self._moved_back,
            MessageExpired: self._expired,
            QueuePurged: self._purged,
            QueueUpdated: self._updated,
            MessageDeduplicated: self._deduplicated,
            MessageDuplicated: self._duplicated,
            TenantBecameNoisy: self._noisy,
            TenantBecameQuiet: self._quiet,
        }

    def flush(self, minute: int) -> None:
        """Hand over what was counted in `minute` so far."""
        for queue in self._queues.values():
            self._flush(queue, minute)

    def pass_minutes(self, first: int, minute: int) -> None:
        """Time went on from minute `first` to `minute`: hand over what was counted, and what stands at the start of each."""
        for queue in self._queues.values():
            self._flush(queue, first)
            if queue.messages.is_active(Instant(first * PERIOD)):
                self._zeros(queue, first)
            for passed in range(max(first + 1, minute - MINUTES_TOLD), minute + 1):
                if not queue.messages.is_active(Instant(passed * PERIOD)):
                    break
                self._stand(queue, passed * PERIOD)
                if passed < minute:
                    self._zeros(queue, passed)

    def _flush(self, queue: _Queue, minute: int) -> None:
        time, add, dimensions = minute * PERIOD, self.add, queue.dimensions
        if queue.sent:
            add(names.MESSAGES_SENT, dimensions, time, 1, queue.sent)
            for size, times in queue.sizes.items():
                add(names.SENT_MESSAGE_SIZE, dimensions, time, size, times)
            queue.sent = 0
            queue.sizes.clear()
        for metric, values in queue.counted.items():
            for value, times in values.items():
                add(metric, dimensions, time, value, times)
            values.clear()

    def _zeros(self, queue: _Queue, minute: int) -> None:
        for metric in _ALWAYS:
            self.add(metric, queue.dimensions, minute * PERIOD, 0)

    def _stand(self, queue: _Queue, time: int) -> None:
        """The gauges at `time`."""
        messages, add, dimensions = queue.messages, self.add, queue.dimensions
        now = Instant(time)
        standing = messages.standing(now)
        add(names.MESSAGES_VISIBLE, dimensions, time, standing.visible)
        add(names.MESSAGES_NOT_VISIBLE, dimensions, time, standing.in_flight)
        add(names.MESSAGES_DELAYED, dimensions, time, standing.delayed)
        self._tell_age(queue, time)
        if messages.is_fifo:
            add(names.GROUPS_IN_FLIGHT, dimensions, time, len(messages.groups_in_flight))
        if messages.is_fair:
            quiet = messages.standing_in_quiet_groups(now)
            add(names.NOISY_GROUPS, dimensions, time, len(messages.noisy))
            add(names.VISIBLE_IN_QUIET_GROUPS, dimensions, time, quiet.visible)
            add(names.NOT_VISIBLE_IN_QUIET_GROUPS, dimensions, time, quiet.in_flight)
            add(names.DELAYED_IN_QUIET_GROUPS, dimensions, time, quiet.delayed)
            oldest = messages.oldest_in_quiet_groups()
            age = 0 if oldest is None else time - oldest
            add(names.OLDEST_IN_QUIET_GROUPS, dimensions, time, age / SECOND)

    def _tell_age(self, queue: _Queue, time: int) -> None:
        oldest = queue.messages.age.oldest()
        age = 0 if oldest is None else time - oldest
        self.add(names.OLDEST_MESSAGE_AGE, queue.dimensions, time, age / SECOND)

    def _queue(self, name: str) -> _Queue:
        found = self._queues.get(name)
        if found is None:
            messages = QueueMessages(name.endswith(FIFO_SUFFIX))
            found = self._queues[name] = _Queue((("QueueName", name),), messages)
        return found

    def _sent(self, record: MessageSent) -> None:
        queue = self._queue(record.queue)
        queue.sent += 1
        size = record.body_bytes
        queue.sizes[size] = queue.sizes.get(size, 0) + 1
        queue.messages.send(record)

    def _received(self, record: BatchReceived | MessagesReceived) -> None:
        queue, ids = self._queue(record.queue), record.message_ids
        if not ids:
            queue.count(names.EMPTY_RECEIVES)
        queue.count(names.MESSAGES_RECEIVED, len(ids))
        time, dimensions = record.time, queue.dimensions
        self.add(names.MESSAGES_VISIBLE, dimensions, time, record.visible)
        self.add(names.MESSAGES_NOT_VISIBLE, dimensions, time, record.hidden)
        self._tell_age(queue, time)
        messages = queue.messages
        messages.receive(time, ids)
        if messages.is_fifo:
            self.add(names.GROUPS_IN_FLIGHT, dimensions, time, len(messages.groups_in_flight))

    def _settled(self, record: BatchSettled) -> None:
        if record.deleted:
            self._delete(self._queue(record.queue), record.time, record.deleted)

    def _deleted(self, record: MessagesDeleted) -> None:
        self._delete(self._queue(record.queue), record.time, record.message_ids)

    def _delete(self, queue: _Queue, time: Instant, ids: Iterable[MessageId]) -> None:
        messages = queue.messages
        messages.last = time
        count = 0
        for message_id in ids:
            count += 1
            messages.remove(message_id)
        queue.count(names.MESSAGES_DELETED, count)

    def _filtered(self, record: MessagesFiltered) -> None:
        # The poller received them as it does others, and deletes them as others are deleted.
        queue = self._queue(record.queue)
        queue.count(names.MESSAGES_RECEIVED, len(record.message_ids))
        self._delete(queue, record.time, record.message_ids)

    def _returned(self, record: MessageReturned) -> None:
        self._queue(record.queue).messages.show(record.message_id)

    def _changed(self, record: VisibilityChanged) -> None:
        # Hidden with 0 seconds it returns at once, which is told by itself.
        messages = self._queue(record.queue).messages
        messages.last = record.time
        messages.hide(record.message_id)

    def _moved(self, record: MessageDeadLettered) -> None:
        # No send: AWS counts none in NumberOfMessagesSent.
        source, target = self._queue(record.queue), self._queue(record.target)
        group = source.messages.remove(record.message_id)
        target.messages.come(record.time, record.message_id, group)
        waiting = target.messages.standing(record.time).visible
        self.add(names.MESSAGES_VISIBLE, target.dimensions, record.time, waiting)

    def _moved_back(self, record: MessagesMovedBack) -> None:
        messages = self._queue(record.queue).messages
        messages.last = record.time
        for message_id in record.message_ids:
            messages.remove(message_id)

    def _expired(self, record: MessageExpired) -> None:
        self._queue(record.queue).messages.remove(record.message_id)

    def _purged(self, record: QueuePurged) -> None:
        self._queue(record.queue).messages.clear(record.time)

    def _updated(self, record: QueueUpdated) -> None:
        self._queue(record.queue).messages.change_delay(record.time, record.delay_seconds)

    def _deduplicated(self, record: MessageDeduplicated) -> None:
        queue = self._queue(record.queue)
        queue.messages.last = record.time
        queue.count(names.DEDUPLICATED_MESSAGES)

    def _duplicated(self, record: MessageDuplicated) -> None:
        messages = self._queue(record.queue).messages
        messages.stay(record.kept_since, record.message_id, record.message_group_id)

    def _noisy(self, record: TenantBecameNoisy) -> None:
        self._queue(record.queue).messages.noisy.add(record.message_group_id)

    def _quiet(self, record: TenantBecameQuiet) -> None:
        self._queue(record.queue).messages.noisy.discard(record.message_group_id)
