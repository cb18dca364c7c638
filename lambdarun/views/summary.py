"""The figures of a run, summed up from its records as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import define, field

from lambdarun.model.event_records import (
    BatchDelayed,
    BatchReceived,
    BatchSettled,
    EventAccepted,
    EventDelayed,
    EventDiscarded,
    EventSettled,
    MessageDeadLettered,
    MessageExpired,
    MessageReturned,
    MessageSent,
    RetriedBatchSettled,
)
from lambdarun.model.instant import MILLISECOND, SECOND, Instant, iso
from lambdarun.model.mapping_records import MessagesFiltered
from lambdarun.model.queue_records import (
    GONE,
    MessageDeduplicated,
    MessageDuplicated,
    MessagesDeleted,
    MessagesMovedBack,
    QueuePurged,
)
from lambdarun.model.records import (
    ArrivalAnswered,
    ArrivalUndelivered,
    HandlerOverran,
    InitialisationFailed,
    InvocationFailed,
    InvocationLost,
    InvocationStarted,
    InvocationSucceeded,
    InvocationThrottled,
    OutputCaptured,
    Record,
    RequestRefused,
    RunEnded,
)
from lambdarun.model.version_records import (
    ProvisionedConcurrencyFailed,
    ProvisionedConcurrencyReady,
    ProvisionedConcurrencySpilledOver,
    ProvisionedConcurrencyUsed,
)
from lambdarun.views.backlog import Backlogs
from lambdarun.views.custom_metrics import CustomMetrics
from lambdarun.views.double_deliveries import DoubleDeliveries
from lambdarun.views.figures import AlarmFigures, FunctionFigures, LaneFigures, QueueFigures, Undelivered

_PLACES_KEPT: Final = 3


@define(eq=False)
class Summary:
    """Reads records; its members are the figures."""

    functions: dict[str, FunctionFigures] = field(factory=dict)
    queues: dict[str, QueueFigures] = field(factory=dict)
    lanes: dict[str, LaneFigures] = field(factory=dict)
    undelivered: dict[str, Undelivered] = field(factory=dict)
    first: Instant | None = None
    last: Instant | None = None
    custom: CustomMetrics = field(factory=CustomMetrics)
    """Metrics that handlers put into their logs; told only where it knows the functions."""
    alarms: dict[str, AlarmFigures] = field(factory=dict)
    """Told by whoever evaluates them."""
    doubles: DoubleDeliveries = field(factory=DoubleDeliveries)
    backlogs: Backlogs = field(factory=Backlogs)
    records: int = 0
    interrupted: bool = False
    hints: list[str] = field(factory=list)
    """Likely causes of what went wrong, told beside the figures."""
    _readers: dict[type, Callable[[Any], None]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._readers = {
            InvocationStarted: self._started,
            InvocationSucceeded: self._succeeded,
            InvocationFailed: self._failed,
            InvocationThrottled: self._throttled,
            InvocationLost: self._lost,
            RequestRefused: self._refused,
            EventAccepted: self._accepted,
            EventDelayed: self._delayed,
            EventSettled: self._settled,
            EventDiscarded: self._discarded,
            ArrivalAnswered: self._answered,
            ArrivalUndelivered: self._not_delivered,
            HandlerOverran: self._overran,
            OutputCaptured: self.custom.read,
            InitialisationFailed: self.custom.read,
            MessageSent: self._sent,
            BatchReceived: self._received,
            BatchSettled: self._batch,
            BatchDelayed: self._lane_delayed,
            MessageReturned: self._returned,
            MessageDeduplicated: self._deduplicated,
            MessageDuplicated: self._duplicated,
            MessagesDeleted: self._deleted,
            MessagesFiltered: self._filtered,
            MessagesMovedBack: self._moved_back,
            QueuePurged: self._purged,
            MessageDeadLettered: self._dead,
            MessageExpired: self._expired,
            RetriedBatchSettled: self._lane,
            RunEnded: self._ended,
            ProvisionedConcurrencyReady: self._allocated,
            ProvisionedConcurrencyFailed: self._not_allocated,
            ProvisionedConcurrencyUsed: self._provisioned,
            ProvisionedConcurrencySpilledOver: self._spilled,
        }
        for view in (self.doubles, self.backlogs):
            for kind, read in view.readers().items():
                own = self._readers.get(kind)
                self._readers[kind] = read if own is None else _both(own, read)

    def read(self, records: Iterable[Record]) -> None:
        """Take records in."""
        readers = self._readers
        record = None
        for record in records:
            if self.first is None:
                self.first = record.time
            self.records += 1
            reader = readers.get(type(record))
            if reader is not None:
                reader(record)
        if record is not None:
            self.last = record.time

    def function(self, name: str) -> FunctionFigures:
        """The figures of a function, begun where there are none."""
        found = self.functions.get(name)
        if found is None:
            found = self.functions[name] = FunctionFigures()
        return found

    def queue(self, name: str) -> QueueFigures:
        """The figures of a queue, begun where there are none."""
        found = self.queues.get(name)
        if found is None:
            found = self.queues[name] = QueueFigures()
        return found

    @property
    def dead_lettered(self) -> int:
        """Messages that moved to a dead-letter queue."""
        return sum(queue.dead_lettered for queue in self.queues.values())

    @property
    def raised(self) -> int:
        """How often alarms went into ALARM."""
        return sum(len(alarm.episodes) for alarm in self.alarms.values())

    @property
    def failures(self) -> dict[str, int]:
        """What ended without success, by how it ended: retries that succeeded are not among it."""
        functions, queues = self.functions.values(), self.queues.values()
        expired = sum(q.expired_first for q in queues) + sum(lane.expired for lane in self.lanes.values())
        return {
            "discarded": sum(sum(f.discarded.values()) for f in functions),
            "failed": sum(f.answered["failed"] for f in functions),
            "throttled": sum(f.answered["throttled"] for f in functions),
            "refused": sum(f.refused + f.answered["refused"] for f in functions),
            "dead-lettered": self.dead_lettered,
            "expired": expired,
            "not delivered": sum(found.count for found in self.undelivered.values()),
        }

    @property
    def failed_for_good(self) -> int:
        """How much ended without success."""
        return sum(self.failures.values())

    def as_json(self) -> dict[str, Any]:
        """All figures as one document."""
        return {
            "schema": 1,
            "first": iso(self.first) if self.first is not None else None,
            "last": iso(self.last) if self.last is not None else None,
            "records": self.records,
            "interrupted": self.interrupted,
            "failed_for_good": self.failed_for_good,
            "functions": {name: f.as_json() for name, f in sorted(self.functions.items())},
            "queues": {name: q.as_json() for name, q in sorted(self.queues.items())},
            "lanes": {name: lane.as_json() for name, lane in sorted(self.lanes.items())},
            "alarms": {name: alarm.as_json() for name, alarm in sorted(self.alarms.items())},
            "double_deliveries": self.doubles.as_json(),
            "backlogs": {name: one.as_json() for name, one in self.backlogs.told().items()},
            "custom_metrics": self.custom.as_json(),
            "undelivered": [
                {"reason": reason, "count": found.count, "places": found.places}
                for reason, found in self.undelivered.items()
            ],
            "hints": self.hints,
        }

    def _started(self, record: InvocationStarted) -> None:
        found = self.function(record.function)
        found.invocations += 1
        found.cold_starts += record.cold
        found.versions[record.version] += 1
        if record.running > found.most_running:
            found.most_running = record.running

    def _allocated(self, record: ProvisionedConcurrencyReady) -> None:
        self.function(record.function).allocated[record.qualifier] = record.allocated

    def _not_allocated(self, record: ProvisionedConcurrencyFailed) -> None:
        self.function(record.function).allocated[record.qualifier] = 0

    def _provisioned(self, record: ProvisionedConcurrencyUsed) -> None:
        self.function(record.function).provisioned += 1

    def _spilled(self, record: ProvisionedConcurrencySpilledOver) -> None:
        self.function(record.function).spilled += 1

    def _succeeded(self, record: InvocationSucceeded) -> None:
        found = self.function(record.function)
        found.succeeded += 1
        found.duration.add(record.duration_us / MILLISECOND)

    def _failed(self, record: InvocationFailed) -> None:
        found = self.function(record.function)
        found.errors[record.error_type] += 1
        found.duration.add(record.duration_us / MILLISECOND)

    def _throttled(self, record: InvocationThrottled) -> None:
        self.function(record.function).throttles[record.reason] += 1

    def _lost(self, record: InvocationLost) -> None:
        self.function(record.function).lost += 1

    def _refused(self, record: RequestRefused) -> None:
        self.function(record.function).refused += 1

    def _accepted(self, record: EventAccepted) -> None:
        found = self.function(record.function)
        found.accepted += 1
        found.sources[record.source] += 1

    def _delayed(self, record: EventDelayed) -> None:
        if record.cause == "error":
            self.function(record.function).retries += 1

    def _settled(self, record: EventSettled) -> None:
        self.function(record.function).settled += 1

    def _discarded(self, record: EventDiscarded) -> None:
        self.function(record.function).discarded[record.condition] += 1

    def _answered(self, record: ArrivalAnswered) -> None:
        found = self.function(record.function)
        if record.request_id is None:
            return  # refused before it was tried: counted as undelivered
        found.answered[record.result] += 1
        found.sources[record.source] += 1
        found.resent += max(0, record.attempts - 1)

    def _not_delivered(self, record: ArrivalUndelivered) -> None:
        found = self.undelivered.setdefault(record.reason, Undelivered())
        found.count += 1
        if len(found.places) < _PLACES_KEPT:
            found.places.append(record.place)

    def _overran(self, record: HandlerOverran) -> None:
        self.function(record.function).overran += 1

    def _sent(self, record: MessageSent) -> None:
        self.queue(record.queue).sent += 1

    def _received(self, record: BatchReceived) -> None:
        found = self.queue(record.queue)
        found.batches += 1
        found.received += len(record.message_ids)
        if record.visible > found.backlog:
            found.backlog = record.visible
        found.oldest_s = max(found.oldest_s, (record.time - record.oldest) / SECOND)

    def _batch(self, record: BatchSettled) -> None:
        found = self.queue(record.queue)
        found.deleted += len(record.deleted)
        if found.doubles:
            for message_id in record.deleted:
                found.deleted_again += found.doubles.get(message_id, False)
                if message_id in found.doubles:
                    found.doubles[message_id] = True

    def _returned(self, record: MessageReturned) -> None:
        found = self.queue(record.queue)
        found.returned += 1
        if record.while_handled is not None:
            found.returned_while_handled += 1
            found.doubles.setdefault(record.message_id, False)
            if found.first_double is None:
                found.first_double = (
                    f"{record.message_id} at {iso(record.time)}, still in {record.while_handled}"
                )

    def _deleted(self, record: MessagesDeleted) -> None:
        self.queue(record.queue).deleted += sum(message_id != GONE for message_id in record.message_ids)

    def _filtered(self, record: MessagesFiltered) -> None:
        found = self.queue(record.queue)
        found.removed += len(record.message_ids)
        found.filtered += len(record.message_ids)

    def _moved_back(self, record: MessagesMovedBack) -> None:
        self.queue(record.queue).removed += len(record.message_ids)

    def _purged(self, record: QueuePurged) -> None:
        self.queue(record.queue).removed += record.removed

    def _deduplicated(self, record: MessageDeduplicated) -> None:
        self.queue(record.queue).deduplicated += 1

    def _duplicated(self, record: MessageDuplicated) -> None:
        # It was counted as deleted, and will be once more.
        self.queue(record.queue).deleted_again += 1

    def _dead(self, record: MessageDeadLettered) -> None:
        self.queue(record.queue).dead_lettered += 1
        self.queue(record.target).moved_in += 1

    def _expired(self, record: MessageExpired) -> None:
        self.queue(record.queue).expired += 1

    def _lane_of(self, record: BatchDelayed | RetriedBatchSettled) -> LaneFigures:
        return self.lanes.setdefault(record.mapping, LaneFigures(record.source, record.function))

    def _lane_delayed(self, record: BatchDelayed) -> None:
        if record.source != "sqs" and record.cause == "error":
            self._lane_of(record).retries += 1

    def _lane(self, record: RetriedBatchSettled) -> None:
        found = self._lane_of(record)
        found.batches += 1
        found.records += record.size
        found.expired += record.condition != "Success"

    def _ended(self, record: RunEnded) -> None:
        self.interrupted = record.interrupted


def _both(first: Callable[[Any], None], second: Callable[[Any], None]) -> Callable[[Any], None]:
    """One reader of two."""

    def read(record: Any) -> None:
        first(record)
        second(record)

    return read
