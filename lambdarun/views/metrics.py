"""CloudWatch's metrics by minute, read from the event log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

from attrs import define, field

from lambdarun.aws import metric_names as names
from lambdarun.aws.metric_names import Metric
from lambdarun.model.declarations import Project
from lambdarun.model.event_records import EventAccepted, EventDiscarded, EventSettled
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.instant import MILLISECOND, Instant
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
from lambdarun.views.event_counts import EventCounts
from lambdarun.views.histogram import Histogram
from lambdarun.views.mapping_polls import MappingPolls
from lambdarun.views.provisioned_use import ProvisionedUse
from lambdarun.views.queue_metrics import PERIOD, QueueMetrics
from lambdarun.views.readers import Readers, joined

_NOTHING: Final[Mapping[int, Histogram]] = {}
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
    mappings: Iterable[EventSourceMapping] = ()
    """Those that are in place at first."""
    _series: dict[tuple[Metric, Dimensions], dict[int, Histogram]] = field(factory=dict, init=False)
    """By minute."""
    _of_functions: dict[tuple[Metric, str, str, str], list[dict[int, Histogram]]] = field(
        factory=dict, init=False
    )
    """By metric, function, qualifier and version: the series under all sets of dimensions that it stands under."""
    _readers: dict[type, Callable[[Any], None]] = field(init=False)
    _running_reserved: dict[str, int] = field(factory=dict, init=False)
    _provisioned: ProvisionedUse = field(factory=ProvisionedUse, init=False)
    _queues: QueueMetrics = field(init=False)
    _polls: MappingPolls = field(init=False)
    _events: EventCounts = field(init=False)
    _minute: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._queues = QueueMetrics(self._add)
        self._polls = MappingPolls(self._add, self.mappings)
        self._events = EventCounts(self._add, self.mappings)
        own: Readers = {
            InvocationStarted: self._started,
            InvocationSucceeded: self._ended,
            InvocationFailed: self._ended,
            InvocationLost: self._freed,
            ExtensionsFinished: self._extended,
            InvocationThrottled: self._throttled,
            EventAccepted: self._accepted,
            EventSettled: self._settled,
            EventDiscarded: self._settled,
            ProvisionedConcurrencyUsed: self._used,
            ProvisionedConcurrencySpilledOver: self._spilled,
            ProvisionedConcurrencyReady: self._allocated,
            ProvisionedConcurrencyFailed: self._allocated,
        }
        self._readers = joined(self._queues.readers(), self._polls.readers(), self._events.readers(), own)

    def read(self, records: Iterable[Record]) -> None:
        """Take records in."""
        readers = self._readers
        for record in records:
            minute = record.time // PERIOD
            if minute != self._minute:
                self.go_on(minute)
            reader = readers.get(type(record))
            if reader is not None:
                reader(record)

    def go_on(self, minute: int) -> None:
        """Time goes on to `minute` since 1970."""
        first, self._minute = self._minute, minute
        self._queues.pass_minutes(first, minute)
        self._polls.pass_minutes(first, minute)
        self._events.pass_minutes(first, minute)

    def total(self, metric: Metric, **dimensions: str) -> float:
        """The sum of a metric over all minutes."""
        self._queues.flush(self._minute)
        wanted = tuple(sorted(dimensions.items()))
        return sum(
            points.total
            for (of, under), series in self._series.items()
            if of is metric and tuple(sorted(under)) == wanted
            for points in series.values()
        )

    def series(self, metric: Metric, dimensions: Dimensions) -> Mapping[int, Histogram]:
        """The datapoints of a metric under exactly these dimensions, by minute since 1970."""
        return self._series.get((metric, dimensions), _NOTHING)

    def lines(self) -> Iterator[str]:
        """Datapoints as JSON, one a line, by metric, dimensions and time."""
        self._queues.flush(self._minute)
        ordered = sorted(self._series.items(), key=lambda item: (*_title(item[0][0]), item[0][1]))
        for (metric, dimensions), series in ordered:
            for minute in sorted(series):
                yield datapoint_line(metric, dimensions, Instant(minute * PERIOD), series[minute])

    def _add(self, metric: Metric, dimensions: Dimensions, time: int, value: float, times: int = 1) -> None:
        key = (metric, dimensions)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = {}
        minute = time // PERIOD
        found = series.get(minute)
        if found is None:
            found = series[minute] = Histogram()
        found.add(value, times)

    # CloudWatch publishes each of these under several sets of dimensions at once; a user's alarm may be on any of them.
    def _function(self, metric: Metric, record: _OfFunction, time: int, value: float) -> None:
        """A datapoint for the function, for what of it was called (AWS's Resource), of an alias for the version that
        ran too, and for the Region.
        """
        qualifier = record.qualifier
        named = (record.function, qualifier, getattr(record, "version", qualifier))
        found = self._of_functions.get((metric, *named))
        if found is None:
            found = [self._series.setdefault((metric, dimensions), {}) for dimensions in _sets(*named)]
            self._of_functions[metric, *named] = found
        minute = time // PERIOD
        for series in found:
            points = series.get(minute)
            if points is None:
                points = series[minute] = Histogram()
            points.add(value)

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


def metrics_of(project: Project) -> Metrics:
    """Metrics of what a project declares."""
    reserved = {
        function.name: function.reserved_concurrent_executions
        for function in project.functions.values()
        if function.reserved_concurrent_executions is not None
    }
    return Metrics(reserved, tuple(project.mappings.values()))


def _title(metric: Metric) -> tuple[str, str]:
    return metric.namespace, metric.name


def _sets(function: str, qualifier: str, version: str) -> tuple[Dimensions, ...]:
    """The sets of dimensions of a function that was called by `qualifier` and ran as `version`."""
    named = ("FunctionName", function)
    resource = ("Resource", f"{function}:{qualifier}" if qualifier else function)
    sets: tuple[Dimensions, ...] = ((named,), (named, resource), ())
    if qualifier and version != qualifier:
        sets += ((named, resource, ("ExecutedVersion", version)),)
    return sets
