"""Each queue's backlog against what a target age allows: read from the log, reckoned by model/capacity.py.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isinf
from typing import Any, Final

from attrs import define, field

from lambdarun.model import capacity
from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import (
    BatchReceived,
    BatchSettled,
    MessageDeadLettered,
    MessageExpired,
    MessageId,
    MessageSent,
)
from lambdarun.model.instant import SECOND, Duration, Instant, iso
from lambdarun.model.mapping_records import MessagesFiltered
from lambdarun.model.queue_records import (
    MessagesDeleted,
    MessagesMovedBack,
    MessagesReceived,
    QueuePurged,
)
from lambdarun.model.records import (
    InvocationFailed,
    InvocationStarted,
    InvocationSucceeded,
    RunEnded,
)
from lambdarun.views.message_ages import MessageAges

_MINUTE: Final = 60 * SECOND


@define(eq=False)
class QueueBacklog:
    """One queue: what came, how it was worked on, and what follows from that."""

    ages: MessageAges
    function: str | None = None
    sent: int = 0
    first_sent: Instant | None = None
    last_sent: Instant = Instant(0)
    most_a_minute: int = 0
    batches: int = 0
    messages: int = 0
    """Of all batches that ended."""
    worked: Duration = Duration(0)
    """All their invocations together."""
    environments: int = 0
    """The most environments of its function at once."""
    largest: int = 0
    """The most messages that a poller found waiting."""
    largest_at: Instant = Instant(0)
    emptied: Instant | None = None
    """The first time after that when none was left waiting."""
    _minute: int = 0
    _in_minute: int = 0

    @property
    def duration_s(self) -> float:
        """Of an invocation, on the average."""
        return self.worked / SECOND / self.batches if self.batches else 0.0

    @property
    def batch(self) -> float:
        """Messages of a batch, on the average."""
        return self.messages / self.batches if self.batches else 1.0

    @property
    def message_s(self) -> float:
        """Of an invocation for one message."""
        return capacity.seconds_per_message(self.duration_s, self.batch)

    @property
    def rate(self) -> float:
        """Messages a second, by the gaps from the first to the last."""
        if self.first_sent is None or self.last_sent <= self.first_sent:
            return 0.0
        return (self.sent - 1) / ((self.last_sent - self.first_sent) / SECOND)

    @property
    def rate_of_busiest_minute(self) -> float:
        """Messages a second."""
        return self.most_a_minute / 60

    @property
    def each(self) -> float:
        """The largest backlog for each environment."""
        return capacity.backlog_per_environment(self.largest, max(1, self.environments))

    @property
    def acceptable(self) -> float:
        """As much for each environment would keep the target; any number where messages take no time."""
        target = self.ages.target
        return inf if target is None else capacity.acceptable_backlog(target / SECOND, self.message_s)

    @property
    def environments_needed(self) -> int:
        """Environments among which the largest backlog would be acceptable."""
        return capacity.environments_needed(self.largest, self.acceptable)

    def needed_concurrency(self, rate: float) -> int:
        """Invocations at once that keep up with `rate`."""
        return capacity.needed_concurrency(rate, self.duration_s, self.batch)

    @property
    def drain_s(self) -> float:
        """How long the largest backlog takes by the arithmetic, while messages come at the average rate."""
        environments = max(1, self.environments)
        return capacity.drain_seconds(self.largest, environments, self.duration_s, self.batch, self.rate)

    @property
    def drained_s(self) -> float | None:
        """How long it took; None: it was not drained."""
        return None if self.emptied is None else (self.emptied - self.largest_at) / SECOND

    def as_json(self) -> dict[str, Any]:
        """The figures under the names of the document; what has no end is null."""
        target, passed = self.ages.target, self.ages.passed
        return {
            "target_age_s": None if target is None else target / SECOND,
            "oldest_age_s": round(self.ages.most / SECOND, 6),
            "messages_older": self.ages.late,
            "target_passed": None if passed is None else iso(passed),
            "arrivals_per_s": round(self.rate, 6),
            "arrivals_per_s_busiest_minute": round(self.rate_of_busiest_minute, 6),
            "duration_s": round(self.duration_s, 6),
            "messages_per_batch": round(self.batch, 3),
            "environments": self.environments,
            "largest_backlog": self.largest,
            "backlog_per_environment": round(self.each, 3),
            "acceptable_backlog_per_environment": _finite(self.acceptable),
            "environments_needed": self.environments_needed,
            "needed_concurrency": self.needed_concurrency(self.rate),
            "needed_concurrency_busiest_minute": self.needed_concurrency(self.rate_of_busiest_minute),
            "drain_s_by_arithmetic": _finite(self.drain_s),
            "drain_s": self.drained_s,
        }


@define(eq=False)
class Backlogs:
    """Reads records; tells the backlogs of the queues that have a target age."""

    targets: Mapping[str, Duration] = field(factory=dict)
    """By queue."""
    target: Duration | None = None
    """For every queue that somebody reads."""
    _queues: dict[str, QueueBacklog] = field(factory=dict, init=False)
    _running: dict[str, int] = field(factory=dict, init=False)
    """Environments by function, the most."""
    _ended: tuple[RequestId, Duration] | None = field(default=None, init=False)
    """The invocation that ended last: its batch, if it had one, is settled next."""

    def readers(self) -> dict[type, Callable[[Any], None]]:
        """What reads each kind of record; nothing where nobody asks for a target."""
        if not self.targets and self.target is None:
            return {}
        return {
            MessageSent: self._sent,
            BatchReceived: self._received,
            BatchSettled: self._settled,
            MessagesFiltered: self._removed,
            MessagesDeleted: self._removed,
            MessagesMovedBack: self._removed,
            MessagesReceived: self._received_by_caller,
            QueuePurged: self._purged,
            MessageDeadLettered: self._moved,
            MessageExpired: self._gone,
            InvocationStarted: self._started,
            InvocationSucceeded: self._invoked,
            InvocationFailed: self._invoked,
            RunEnded: self._over,
        }

    def told(self) -> dict[str, QueueBacklog]:
        """By queue: those that have a target and were read."""
        for backlog in self._queues.values():
            backlog.environments = self._running.get(backlog.function or "", 0)
        return {name: one for name, one in sorted(self._queues.items()) if one.function is not None}

    def _queue(self, name: str) -> QueueBacklog | None:
        found = self._queues.get(name)
        if found is None:
            target = self.target if self.target is not None else self.targets.get(name)
            if target is None:
                return None
            found = self._queues[name] = QueueBacklog(MessageAges(target))
        return found

    def _sent(self, record: MessageSent) -> None:
        self._came(record.queue, record.time, record.message_id)

    def _came(self, queue: str, time: Instant, message_id: MessageId) -> None:
        found = self._queue(queue)
        if found is None:
            return
        found.ages.add(time, message_id)
        found.sent += 1
        if found.first_sent is None:
            found.first_sent = time
        found.last_sent = time
        minute = time // _MINUTE
        if minute != found._minute:
            found._minute, found._in_minute = minute, 0
        found._in_minute += 1
        found.most_a_minute = max(found.most_a_minute, found._in_minute)

    def _received(self, record: BatchReceived) -> None:
        found = self._queue(record.queue)
        if found is None:
            return
        found.function = record.function
        waiting = record.visible + len(record.message_ids)
        if waiting > found.largest:
            found.largest, found.largest_at, found.emptied = waiting, record.time, None
        if not record.visible and found.emptied is None:
            found.emptied = record.time
        for message_id in record.message_ids:
            found.ages.receive(record.time, message_id)

    def _settled(self, record: BatchSettled) -> None:
        found = self._queue(record.queue)
        if found is None:
            return
        if self._ended is not None and self._ended[0] == record.request_id:
            found.worked = Duration(found.worked + self._ended[1])
            found.batches += 1
            found.messages += len(record.deleted) + len(record.failed)
        for message_id in record.deleted:
            found.ages.leave(record.time, message_id)

    def _received_by_caller(self, record: MessagesReceived) -> None:
        found = self._queue(record.queue)
        if found is not None:
            for message_id in record.message_ids:
                found.ages.receive(record.time, message_id)

    def _purged(self, record: QueuePurged) -> None:
        found = self._queue(record.queue)
        if found is not None:
            found.ages.end(record.time)

    def _removed(self, record: MessagesFiltered | MessagesDeleted | MessagesMovedBack) -> None:
        found = self._queue(record.queue)
        if found is not None:
            for message_id in record.message_ids:
                found.ages.leave(record.time, message_id)

    def _moved(self, record: MessageDeadLettered) -> None:
        self._gone(record)
        self._came(record.target, record.time, record.message_id)

    def _gone(self, record: MessageDeadLettered | MessageExpired) -> None:
        found = self._queue(record.queue)
        if found is not None:
            found.ages.leave(record.time, record.message_id)

    def _started(self, record: InvocationStarted) -> None:
        if record.running > self._running.get(record.function, 0):
            self._running[record.function] = record.running

    def _invoked(self, record: InvocationSucceeded | InvocationFailed) -> None:
        self._ended = record.request_id, Duration(record.duration_us + (record.init_us or 0))

    def _over(self, record: RunEnded) -> None:
        for backlog in self._queues.values():
            backlog.ages.end(record.time)


def _finite(value: float) -> float | None:
    return None if isinf(value) else round(value, 6)
