"""CloudWatch's metrics by minute, read from the event log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from lambdarun.aws import metric_names as names
from lambdarun.aws.metric_names import Metric
from lambdarun.model.instant import MILLISECOND, SECOND, Instant, iso
from lambdarun.model.records import (
    BatchReceived,
    BatchSettled,
    EventAccepted,
    EventDiscarded,
    EventSettled,
    InvocationFailed,
    InvocationLost,
    InvocationStarted,
    InvocationSucceeded,
    InvocationThrottled,
    MessageSent,
    Record,
)
from lambdarun.views.histogram import Histogram

PERIOD: Final = 60 * SECOND
Dimensions = tuple[tuple[str, str], ...]


@define(eq=False)
class Metrics:
    """Datapoints by metric, dimensions and minute. A datapoint stands at the start of its minute."""

    reserved: Mapping[str, int] = field(factory=dict)
    """Reserved concurrency by function, where there is any."""
    _running_reserved: dict[str, int] = field(factory=dict, init=False)
    _points: dict[tuple[Metric, Dimensions, int], Histogram] = field(factory=dict, init=False)
    _readers: dict[type, Callable[[Any], None]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._readers = {
            InvocationStarted: self._started,
            InvocationSucceeded: self._ended,
            InvocationFailed: self._ended,
            InvocationLost: self._lost,
            InvocationThrottled: self._throttled,
            EventAccepted: self._accepted,
            EventSettled: self._settled,
            EventDiscarded: self._settled,
            MessageSent: self._sent,
            BatchReceived: self._received,
            BatchSettled: self._deleted,
        }

    def read(self, records: Iterable[Record]) -> None:
        """Take records in."""
        readers = self._readers
        for record in records:
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
            # Counts are whole; the histogram's half per cent would make 6.026 of 6.
            places = 0 if metric.unit == "Count" else 3
            yield json.dumps(
                {
                    "schema": 1,
                    "namespace": metric.namespace,
                    "metric": metric.name,
                    "dimensions": dict(dimensions),
                    "timestamp": iso(Instant(minute * PERIOD)),
                    "unit": metric.unit,
                    "statistic": metric.statistic,
                    "statistics": {
                        "sum": round(points.total, 6),
                        "min": points.least,
                        "max": points.most,
                        "count": points.count,
                        "avg": round(points.mean, 6),
                        "p50": round(points.quantile(0.5), places),
                        "p90": round(points.quantile(0.9), places),
                        "p99": round(points.quantile(0.99), places),
                    },
                }
            )

    def _add(self, metric: Metric, dimensions: Dimensions, time: int, value: float) -> None:
        key = (metric, dimensions, time // PERIOD)
        found = self._points.get(key)
        if found is None:
            found = self._points[key] = Histogram()
        found.add(value)

    def _function(self, metric: Metric, function: str, time: int, value: float) -> None:
        """A datapoint for the function, for its $LATEST (AWS's Resource), and for the Region."""
        self._add(metric, (("FunctionName", function),), time, value)
        self._add(metric, (("FunctionName", function), ("Resource", function)), time, value)
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
        claimed = unreserved + sum(self.reserved.values())
        self._add(names.CLAIMED_ACCOUNT_CONCURRENCY, (), record.time, claimed)
        if record.trigger == "async":
            self._function(names.ASYNC_EVENT_AGE, record.function, record.time, record.age_us / MILLISECOND)

    def _ended(self, record: InvocationSucceeded | InvocationFailed) -> None:
        self._lost(record)
        # AWS stamps an invocation's datapoints with its start.
        start, function = record.started, record.function
        self._function(names.INVOCATIONS, function, start, 1)
        self._function(names.ERRORS, function, start, 1 if type(record) is InvocationFailed else 0)
        self._function(names.DURATION, function, start, record.duration_us / MILLISECOND)
        self._function(names.THROTTLES, function, start, 0)

    def _lost(self, record: InvocationSucceeded | InvocationFailed | InvocationLost) -> None:
        if record.function in self._running_reserved:
            self._running_reserved[record.function] -= 1

    def _throttled(self, record: InvocationThrottled) -> None:
        # A throttle counts neither as an invocation nor as an error, but an Errors point of 0 is emitted.
        self._function(names.THROTTLES, record.function, record.time, 1)
        self._function(names.ERRORS, record.function, record.time, 0)

    def _accepted(self, record: EventAccepted) -> None:
        self._function(names.ASYNC_EVENTS_RECEIVED, record.function, record.time, 1)

    def _settled(self, record: EventSettled | EventDiscarded) -> None:
        dropped = 1 if type(record) is EventDiscarded else 0
        self._function(names.ASYNC_EVENTS_DROPPED, record.function, record.time, dropped)

    def _sent(self, record: MessageSent) -> None:
        queue = (("QueueName", record.queue),)
        self._add(names.MESSAGES_SENT, queue, record.time, 1)
        self._add(names.SENT_MESSAGE_SIZE, queue, record.time, record.body_bytes)

    def _received(self, record: BatchReceived) -> None:
        queue = (("QueueName", record.queue),)
        self._add(names.MESSAGES_RECEIVED, queue, record.time, len(record.message_ids))
        self._add(names.MESSAGES_VISIBLE, queue, record.time, record.visible)
        self._add(names.MESSAGES_NOT_VISIBLE, queue, record.time, record.hidden)
        self._add(names.OLDEST_MESSAGE_AGE, queue, record.time, (record.time - record.oldest) / SECOND)

    def _deleted(self, record: BatchSettled) -> None:
        self._add(names.MESSAGES_DELETED, (("QueueName", record.queue),), record.time, len(record.deleted))
