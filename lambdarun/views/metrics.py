"""CloudWatch's metrics by minute, read from the event log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.aws import metric_names as names
from lambdarun.aws.metric_names import Metric
from lambdarun.model.event_records import (
    BatchReceived,
    BatchSettled,
    EventAccepted,
    EventDiscarded,
    EventSettled,
    MessageDeadLettered,
    MessageExpired,
    MessageSent,
)
from lambdarun.model.instant import MILLISECOND, SECOND, Instant
from lambdarun.model.records import (
    ExtensionsFinished,
    InvocationFailed,
    InvocationLost,
    InvocationStarted,
    InvocationSucceeded,
    InvocationThrottled,
    Record,
)
from lambdarun.model.version_records import (
    ProvisionedConcurrencyFailed,
    ProvisionedConcurrencyReady,
    ProvisionedConcurrencySpilledOver,
    ProvisionedConcurrencyUsed,
)
from lambdarun.views.datapoint import datapoint_line
from lambdarun.views.histogram import Histogram
from lambdarun.views.provisioned_use import ProvisionedUse
from lambdarun.views.queue_age import QueueAge

PERIOD: Final = 60 * SECOND
_MINUTES_TOLD: Final = limits.MESSAGE_RETENTION_PERIOD.high // 60
"""No message is older than a queue's longest retention."""
Dimensions = tuple[tuple[str, str], ...]


class _OfFunction(Protocol):
    """A record about a function; of one that ran it names the version too."""

    @property
    def function(self) -> str:
        """The name."""

    @property
    def qualifier(self) -> str:
        """By which it was called; empty: none."""


@define(eq=False)
class Metrics:
    """Datapoints by metric, dimensions and minute. A datapoint stands at the start of its minute.

    `reserved` is the reserved concurrency by function, where there is any.
    """

    reserved: Mapping[str, int] = field(factory=dict)
    _points: dict[tuple[Metric, Dimensions, int], Histogram] = field(factory=dict, init=False)
    _readers: dict[type, Callable[[Any], None]] = field(init=False)
    _running_reserved: dict[str, int] = field(factory=dict, init=False)
    _provisioned: ProvisionedUse = field(factory=ProvisionedUse, init=False)
    _ages: dict[str, QueueAge] = field(factory=dict, init=False)
    _polled: set[str] = field(factory=set, init=False)
    _minute: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._readers = {
            InvocationStarted: self._started,
            InvocationSucceeded: self._ended,
            InvocationFailed: self._ended,
            InvocationLost: self._freed,
            ExtensionsFinished: self._extended,
            InvocationThrottled: self._throttled,
            EventAccepted: self._accepted,
            EventSettled: self._settled,
            EventDiscarded: self._settled,
            MessageSent: self._sent,
            BatchReceived: self._received,
            BatchSettled: self._deleted,
            MessageDeadLettered: self._moved,
            MessageExpired: self._expired,
            ProvisionedConcurrencyUsed: self._used,
            ProvisionedConcurrencySpilledOver: self._spilled,
            ProvisionedConcurrencyReady: self._allocated,
            ProvisionedConcurrencyFailed: self._allocated,
        }

    def read(self, records: Iterable[Record]) -> None:
        """Take records in."""
        readers = self._readers
        for record in records:
            minute = record.time // PERIOD
            if minute != self._minute:
                self._pass_minutes(minute)
            reader = readers.get(type(record))
            if reader is not None:
                reader(record)

    def total(self, metric: Metric, **dimensions: str) -> float:
        """The sum of a metric over all minutes."""
        wanted = tuple(sorted(dimensions.items()))
        return sum(
            h.total for (m, d, _), h in self._points.items() if m is metric and tuple(sorted(d)) == wanted
        )

    def lines(self) -> Iterator[str]:
        """Datapoints as JSON, one a line, by metric, dimensions and time."""
        ordered = sorted(
            self._points.items(), key=lambda item: (item[0][0].namespace, item[0][0].name, *item[0][1:])
        )
        for (metric, dimensions, minute), points in ordered:
            yield datapoint_line(metric, dimensions, Instant(minute * PERIOD), points)

    def _add(self, metric: Metric, dimensions: Dimensions, time: int, value: float) -> None:
        key = (metric, dimensions, time // PERIOD)
        found = self._points.get(key)
        if found is None:
            found = self._points[key] = Histogram()
        found.add(value)

    # CloudWatch publishes each of these under several sets of dimensions at once; a user's alarm may be on any of them.
    def _function(self, metric: Metric, record: _OfFunction, time: int, value: float) -> None:
        """A datapoint for the function, for what of it was called (AWS's Resource), of an alias for the version that
        ran too, and for the Region.
        """
        function, qualifier = ("FunctionName", record.function), record.qualifier
        self._add(metric, (function,), time, value)
        resource = ("Resource", f"{record.function}:{qualifier}" if qualifier else record.function)
        self._add(metric, (function, resource), time, value)
        version = getattr(record, "version", qualifier)
        if qualifier and version != qualifier:
            self._add(metric, (function, resource, ("ExecutedVersion", version)), time, value)
        self._add(metric, (), time, value)

    def _started(self, record: InvocationStarted) -> None:
        self._add(
            names.CONCURRENT_EXECUTIONS, (("FunctionName", record.function),), record.time, record.running
        )
        self._add(names.CONCURRENT_EXECUTIONS, (), record.time, record.running_account)
        if record.function in self.reserved:
            self._running_reserved[record.function] = record.running
        unreserved = record.running_account - sum(self._running_reserved.values())
        self._add(names.UNRESERVED_CONCURRENT_EXECUTIONS, (), record.time, unreserved)
        claimed = unreserved + sum(self.reserved.values()) + self._provisioned.unused(self.reserved)
        self._add(names.CLAIMED_ACCOUNT_CONCURRENCY, (), record.time, claimed)
        if record.trigger == "async":
            self._function(names.ASYNC_EVENT_AGE, record, record.time, record.age_us / MILLISECOND)

    def _ended(self, record: InvocationSucceeded | InvocationFailed) -> None:
        # AWS stamps an invocation's datapoints with its start.
        start = record.started
        self._freed(record)
        self._function(names.INVOCATIONS, record, start, 1)
        self._function(names.ERRORS, record, start, 1 if type(record) is InvocationFailed else 0)
        self._function(names.DURATION, record, start, record.duration_us / MILLISECOND)
        self._function(names.THROTTLES, record, start, 0)

    def _extended(self, record: ExtensionsFinished) -> None:
        duration_ms = record.duration_us / MILLISECOND
        self._function(names.POST_RUNTIME_EXTENSIONS_DURATION, record, record.started, duration_ms)

    def _freed(self, record: InvocationSucceeded | InvocationFailed | InvocationLost) -> None:
        if record.function in self._running_reserved:
            self._running_reserved[record.function] -= 1
        self._provisioned.end(record.request_id)

    def _used(self, record: ProvisionedConcurrencyUsed) -> None:
        self._provisioned.use(record.function, record.request_id)
        self._function(names.PROVISIONED_CONCURRENCY_INVOCATIONS, record, record.time, 1)
        self._function(names.PROVISIONED_CONCURRENT_EXECUTIONS, record, record.time, record.running)
        busy = record.running / record.allocated
        self._function(names.PROVISIONED_CONCURRENCY_UTILIZATION, record, record.time, busy)

    def _spilled(self, record: ProvisionedConcurrencySpilledOver) -> None:
        self._function(names.PROVISIONED_CONCURRENCY_SPILLOVER, record, record.time, 1)

    def _allocated(self, record: ProvisionedConcurrencyReady | ProvisionedConcurrencyFailed) -> None:
        allocated = record.allocated if isinstance(record, ProvisionedConcurrencyReady) else 0
        self._provisioned.allocate(record.function, record.qualifier, allocated)

    def _throttled(self, record: InvocationThrottled) -> None:
        # A throttle counts neither as an invocation nor as an error, but an Errors point of 0 is emitted.
        self._function(names.THROTTLES, record, record.time, 1)
        self._function(names.ERRORS, record, record.time, 0)

    def _accepted(self, record: EventAccepted) -> None:
        self._function(names.ASYNC_EVENTS_RECEIVED, record, record.time, 1)

    def _settled(self, record: EventSettled | EventDiscarded) -> None:
        dropped = 1 if type(record) is EventDiscarded else 0
        self._function(names.ASYNC_EVENTS_DROPPED, record, record.time, dropped)

    def _sent(self, record: MessageSent) -> None:
        queue = (("QueueName", record.queue),)
        self._add(names.MESSAGES_SENT, queue, record.time, 1)
        self._add(names.SENT_MESSAGE_SIZE, queue, record.time, record.body_bytes)
        self._age(record.queue).add(record.time, record.message_id)

    def _received(self, record: BatchReceived) -> None:
        queue = (("QueueName", record.queue),)
        self._add(names.MESSAGES_RECEIVED, queue, record.time, len(record.message_ids))
        self._add(names.MESSAGES_VISIBLE, queue, record.time, record.visible)
        self._add(names.MESSAGES_NOT_VISIBLE, queue, record.time, record.hidden)
        self._polled.add(record.queue)
        self._tell_age(record.queue, record.time)
        age = self._age(record.queue)
        for message_id in record.message_ids:
            age.receive(message_id)

    def _deleted(self, record: BatchSettled) -> None:
        self._add(names.MESSAGES_DELETED, (("QueueName", record.queue),), record.time, len(record.deleted))
        age = self._age(record.queue)
        for message_id in record.deleted:
            age.remove(message_id)

    def _moved(self, record: MessageDeadLettered) -> None:
        self._age(record.queue).remove(record.message_id)
        target = self._age(record.target)
        target.add(record.time, record.message_id)
        if record.target not in self._polled:
            # Nobody receives there, so that no batch tells how many messages wait.
            self._add(names.MESSAGES_VISIBLE, (("QueueName", record.target),), record.time, len(target))

    def _expired(self, record: MessageExpired) -> None:
        self._age(record.queue).remove(record.message_id)

    def _age(self, queue: str) -> QueueAge:
        found = self._ages.get(queue)
        if found is None:
            found = self._ages[queue] = QueueAge()
        return found

    def _tell_age(self, queue: str, time: int) -> None:
        oldest = self._age(queue).oldest()
        age = 0 if oldest is None else time - oldest
        self._add(names.OLDEST_MESSAGE_AGE, (("QueueName", queue),), time, age / SECOND)

    def _pass_minutes(self, minute: int) -> None:
        """Tell the ages at the start of each minute that came, for queues that hold messages."""
        first, self._minute = self._minute, minute
        held = [queue for queue, age in self._ages.items() if len(age)]
        for passed in range(max(first + 1, minute - _MINUTES_TOLD), minute + 1) if held else ():
            for queue in held:
                self._tell_age(queue, passed * PERIOD)
