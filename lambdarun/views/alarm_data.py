"""Where an alarm's values come from: a metric of ours, one of a handler's own, a pattern in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from attrs import define

from lambdarun.aws.metric_names import BY_NAME
from lambdarun.model.alarm import Percentile, Statistic, WatchedMetric
from lambdarun.model.instant import SECOND, Instant
from lambdarun.views.custom_metrics import CustomMetrics, SignedValues
from lambdarun.views.datapoint import Values
from lambdarun.views.histogram import Histogram
from lambdarun.views.metrics import Metrics
from lambdarun.views.queue_metrics import PERIOD

_DIMENSIONS_IN_ORDER: Final = ("FunctionName", "Resource", "ExecutedVersion")

Kept = Histogram | SignedValues
Series = Mapping[int, Kept]
"""Values by the number of their period."""


def value_of(statistic: Statistic | Percentile, values: Values, *, whole: bool = False) -> float:
    """A statistic of values, of which there is one at least; all of them are whole numbers where that is said."""
    match statistic:
        case Percentile(percent):
            found = values.quantile(percent / 100)
            # Counts are whole; the histogram's half per cent would make 100.3 of 100, and raise an alarm above 100.
            return round(found) if whole else found
        case Statistic.SAMPLE_COUNT:
            return values.count
        case Statistic.SUM:
            return values.total
        case Statistic.AVERAGE:
            return values.mean
        case Statistic.MINIMUM:
            return values.least or 0.0
        case Statistic.MAXIMUM:
            return values.most or 0.0


@define(eq=False)
class Source:
    """Values of one metric, as they are known at the moment. `series` are asked each time: they may come into being."""

    series: Callable[[], Sequence[tuple[int, Series]]]
    """By the length of its periods in microseconds."""
    is_whole: bool = False
    """Whether all values are whole numbers."""

    def values(self, start: Instant, length: int) -> Values | None:
        """What falls into the `length` microseconds from `start`, a whole minute; None: nothing."""
        found: list[Kept] = []
        for period, series in self.series():
            if period == length:
                if (values := series.get(start // period)) is not None:
                    found.append(values)
            else:
                numbers = _between(series, start // period, (start + length) // period)
                found += [series[number] for number in numbers]
        if len(found) < 2:
            return found[0] if found else None
        whole = SignedValues()
        for values in found:
            whole.merge(values)
        return whole

    def next_from(self, start: Instant) -> Instant | None:
        """When the first period begins that is not before `start` and has values; None: there is none yet."""
        return min(
            (
                Instant(number * period)
                for period, series in self.series()
                for number in series
                if number * period >= start
            ),
            default=None,
        )


def _between(series: Series, first: int, end: int) -> Iterator[int]:
    if end - first > len(series):
        return (number for number in sorted(series) if first <= number < end)
    return (number for number in range(first, end) if number in series)


def metric_source(metrics: Metrics, watched: WatchedMetric) -> Source | None:
    """The values of a metric that the runtime emits; None: it emits none of this name."""
    metric = BY_NAME.get((watched.namespace, watched.name))
    if metric is None:
        return None
    given = dict(watched.dimensions)
    ordered = [(name, given.pop(name)) for name in _DIMENSIONS_IN_ORDER if name in given]
    dimensions = (*ordered, *given.items())
    return Source(lambda: [(PERIOD, metrics.series(metric, dimensions))], metric.unit == "Count")


def custom_source(custom: CustomMetrics, watched: WatchedMetric) -> Source:
    """The values of a metric that handlers emit."""
    return Source(
        lambda: [
            (resolution_s * SECOND, series)
            for resolution_s, series in custom.series(
                watched.namespace, watched.name, watched.dimensions, watched.unit
            )
        ]
    )


def log_source(series: Series) -> Source:
    """The values of a metric filter."""
    return Source(lambda: [(PERIOD, series)], is_whole=True)
