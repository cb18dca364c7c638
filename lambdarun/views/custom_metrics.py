"""Metrics that handlers put into their logs, read from the output in the event log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import define, field, frozen

from lambdarun.aws import metric_names as names
from lambdarun.aws.limits import EMF
from lambdarun.aws.metric_names import Metric
from lambdarun.model.declarations import Account
from lambdarun.model.function import Function
from lambdarun.model.function_log import FunctionLog
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.records import InitialisationFailed, OutputCaptured
from lambdarun.views.datapoint import datapoint_line
from lambdarun.views.emf import Dimensions, EmbeddedMetric, Invalid, Malformed, NoObject, read_event
from lambdarun.views.histogram import Histogram

_MARK: Final = b'"_aws"'
_MINUTE_S: Final = 60
_FAULTS_MAX: Final = 200
_OTHER_FAULT: Final = "another fault"


@define
class SignedValues:
    """Counts of values of either sign."""

    _positive: Histogram = field(factory=Histogram)
    _negative: Histogram = field(factory=Histogram)
    """By their amounts."""

    def add(self, value: float) -> None:
        """Count a value."""
        if value < 0:
            self._negative.add(-value)
        else:
            self._positive.add(value)

    def merge(self, other: SignedValues | Histogram) -> None:
        """Count all of another's values too."""
        if isinstance(other, Histogram):
            self._positive.merge(other)
            return
        self._positive.merge(other._positive)
        self._negative.merge(other._negative)

    @property
    def count(self) -> int:
        """How many."""
        return self._positive.count + self._negative.count

    @property
    def total(self) -> float:
        """Their sum."""
        return self._positive.total - self._negative.total

    @property
    def least(self) -> float | None:
        """The smallest; None where there is none."""
        return self._positive.least if self._negative.most is None else -self._negative.most

    @property
    def most(self) -> float | None:
        """The greatest; None where there is none."""
        if self._positive.most is not None or self._negative.least is None:
            return self._positive.most
        return -self._negative.least

    @property
    def mean(self) -> float:
        """The average; 0.0 where there is none."""
        return self.total / self.count if self.count else 0.0

    def quantile(self, share: float) -> float:
        """The value below which `share` (0 to 1) of all lie, within half a per cent."""
        below = self._negative.count
        rank = share * self.count
        if below and rank <= below:
            return (
                -self._negative.quantile(1 - rank / below) if rank < below else -(self._negative.least or 0.0)
            )
        return self._positive.quantile((rank - below) / self._positive.count) if self._positive.count else 0.0


@frozen
class CustomMetric:
    """A metric of a user's own, all dimensions and times together."""

    namespace: str
    name: str
    unit: str


@define(eq=False)
class CustomMetrics:
    """Reads outputs; datapoints by metric, dimensions and period (a minute, or a second of high resolution)."""

    functions: Mapping[str, Function] = field(factory=dict)
    """By name: their log levels say which lines reach CloudWatch."""
    totals: dict[CustomMetric, SignedValues] = field(factory=dict, init=False)
    faults: Counter[str] = field(factory=Counter, init=False)
    """What was wrong with events, in words, by how often."""
    not_objects: int = field(default=0, init=False)
    """Lines that would be such events but for what stands before or behind the object."""
    _series: dict[tuple[Metric, Dimensions, int], dict[int, SignedValues]] = field(factory=dict, init=False)
    """By metric, dimensions and resolution in seconds: values by the number of the period."""

    def read(self, record: OutputCaptured | InitialisationFailed) -> None:
        """Take the output of one invocation in."""
        text = record.text if type(record) is OutputCaptured else record.output  # type: ignore[union-attr]  # by type()
        # The common case by far: nothing of the kind in it.
        if _MARK not in text:
            return
        function = self.functions.get(record.function)
        if function is None:
            return
        for line in FunctionLog(function, Account()).output(text):
            for found in read_event(line, record.time):
                match found:
                    case EmbeddedMetric():
                        self._take(found)
                    case NoObject():
                        self.not_objects += 1
                    case Malformed():
                        self._fault(names.EMF_PARSING_ERRORS, function, record.time, found.why)
                    case Invalid():
                        self._fault(names.EMF_VALIDATION_ERRORS, function, record.time, found.why)

    def _take(self, found: EmbeddedMetric) -> None:
        key = CustomMetric(found.namespace, found.name, found.unit)
        total = self.totals.setdefault(key, SignedValues())
        metric = Metric(found.name, found.namespace, found.unit, "Average", EMF)
        points = self._at(metric, found.dimensions, found.time, found.resolution_s)
        for value in found.values:
            points.add(value)
        # Once, however many sets of dimensions it is told under: the values are the same.
        if found.is_first_set:
            for value in found.values:
                total.add(value)

    def _fault(self, counter: Metric, function: Function, time: Instant, why: str) -> None:
        # Texts name what a handler named, and a handler may make up names without end.
        self.faults[why if why in self.faults or len(self.faults) < _FAULTS_MAX else _OTHER_FAULT] += 1
        self._at(counter, (("LogGroupName", function.log_group),), time, _MINUTE_S).add(1)

    def _at(self, metric: Metric, dimensions: Dimensions, time: Instant, resolution_s: int) -> SignedValues:
        series = self._series.setdefault((metric, dimensions, resolution_s), {})
        number = time // (resolution_s * SECOND)
        found = series.get(number)
        if found is None:
            found = series[number] = SignedValues()
        return found

    def series(
        self, namespace: str, name: str, dimensions: Dimensions, unit: str | None
    ) -> list[tuple[int, Mapping[int, SignedValues]]]:
        """What is known of a metric under exactly these dimensions, of one unit or of any: by resolution in seconds,
        the values by the number of the period.
        """
        return [
            (resolution_s, series)
            for (metric, under, resolution_s), series in self._series.items()
            if (metric.namespace, metric.name) == (namespace, name)
            and under == dimensions
            and unit in (None, metric.unit)
        ]

    def lines(self) -> Iterator[str]:
        """Datapoints as JSON, one a line, by metric, dimensions and time; those of a second say so."""
        ordered = sorted(
            (
                (
                    (metric.namespace, metric.name, metric.unit, dimensions, number, resolution_s),
                    metric,
                    values,
                )
                for (metric, dimensions, resolution_s), series in self._series.items()
                for number, values in series.items()
            ),
            key=lambda item: item[0],
        )
        for (_, _, _, dimensions, number, resolution_s), metric, values in ordered:
            more = {"storage_resolution": resolution_s} if resolution_s != _MINUTE_S else {}
            time = Instant(number * resolution_s * SECOND)
            yield datapoint_line(metric, dimensions, time, values, **more)

    def as_json(self) -> dict[str, Any]:
        """The totals as a document."""
        return {
            "metrics": [
                {
                    "namespace": metric.namespace,
                    "metric": metric.name,
                    "unit": metric.unit,
                    "count": values.count,
                    "sum": round(values.total, 6),
                    "min": values.least,
                    "max": values.most,
                }
                for metric, values in self.ordered()
            ],
            "faults": dict(self.faults.most_common()),
            "not_objects": self.not_objects,
        }

    def ordered(self) -> list[tuple[CustomMetric, SignedValues]]:
        """The totals by namespace and name."""
        return sorted(self.totals.items(), key=lambda item: (item[0].namespace, item[0].name, item[0].unit))
