"""An alarm as it is declared (AWS: PutMetricAlarm). An object that exists is valid.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

import re
from enum import Enum
from math import isfinite
from typing import Final

from attrs import Attribute, field, frozen

from lambdarun.aws import limits
from lambdarun.errors import Place
from lambdarun.model.log_pattern import LogPattern
from lambdarun.model.setting import setting

_PERCENTILE: Final = r"p(\d{1,2}(?:\.\d{1,10})?|100)"
_CONTROL: Final = r"[\x00-\x1f\x7f]"


class AlarmState(Enum):
    """What an alarm says of its metric."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Statistic(Enum):
    """What is made of the values within a period."""

    SAMPLE_COUNT = "SampleCount"
    SUM = "Sum"
    AVERAGE = "Average"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"


@frozen
class Percentile:
    """The value below which so many hundredths of all lie (AWS: ExtendedStatistic, `p99.9`)."""

    percent: float

    def __str__(self) -> str:
        return f"p{self.percent:g}"


def percentile(text: str) -> Percentile | None:
    """`p99.9` read; None where it is no percentile.

    >>> str(percentile("p99.9")), percentile("tm90")
    ('p99.9', None)
    """
    match = re.fullmatch(_PERCENTILE, text)
    return None if match is None else Percentile(float(match[1]))


class ComparisonOperator(Enum):
    """How a datapoint is compared with the threshold: it breaches where this holds."""

    GREATER = "GreaterThanThreshold"
    GREATER_OR_EQUAL = "GreaterThanOrEqualToThreshold"
    LESS = "LessThanThreshold"
    LESS_OR_EQUAL = "LessThanOrEqualToThreshold"

    def holds(self, value: float, threshold: float) -> bool:
        """Whether `value` breaches."""
        match self:
            case ComparisonOperator.GREATER:
                return value > threshold
            case ComparisonOperator.GREATER_OR_EQUAL:
                return value >= threshold
            case ComparisonOperator.LESS:
                return value < threshold
            case ComparisonOperator.LESS_OR_EQUAL:
                return value <= threshold


class MissingData(Enum):
    """How periods without a datapoint count (AWS: TreatMissingData)."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


class LowSamples(Enum):
    """Whether a percentile of few values counts (AWS: EvaluateLowSampleCountPercentile)."""

    EVALUATE = "evaluate"
    IGNORE = "ignore"


@frozen
class WatchedMetric:
    """One metric under exactly these dimensions."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    """By name."""
    unit: str | None = None
    """Only datapoints of this unit count; None: of any."""

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.dimensions)
        return f"{self.name} ({told})" if told else self.name


@frozen
class WatchedLog:
    """Log events of a function that a pattern matches, each counted as 1 (AWS: a metric filter on the log group)."""

    function: str
    pattern: LogPattern
    counts_zeros: bool = False
    """Whether a minute with events, and none that matches, is a 0 and not a gap (AWS: DefaultValue 0)."""

    def __str__(self) -> str:
        return f"{self.pattern.text} in the log of {self.function}"


def _is_a_period(_: object, attribute: Attribute[int], value: int) -> None:
    unit = limits.ALARM_PERIOD_UNIT.value
    if value in limits.HIGH_RESOLUTION_PERIODS_S:
        raise ValueError(
            f"{attribute.name}: {value} s is for metrics of high resolution, which are not built yet."
            f" Write {unit} or a multiple of it."
        )
    if value < unit or value % unit:
        raise ValueError(f"{attribute.name}: {value} is no multiple of {unit} s. Write {unit}, 300 or 3600.")


@frozen(kw_only=True)
class Alarm:
    """A threshold on a metric, and how many of how many periods must be past it. Times are whole seconds."""

    name: str = field()
    watched: WatchedMetric | WatchedLog
    statistic: Statistic | Percentile
    threshold: float = field()
    comparison_operator: ComparisonOperator = ComparisonOperator.GREATER
    period: int = field(default=60, validator=_is_a_period)
    evaluation_periods: int = setting(limits.ALARM_EVALUATION_PERIODS)
    datapoints_to_alarm: int | None = setting(limits.ALARM_DATAPOINTS, default=None)
    treat_missing_data: MissingData = MissingData.MISSING
    low_samples: LowSamples = LowSamples.EVALUATE
    description: str = field(default="")
    place: Place | None = field(default=None, eq=False)

    @name.validator
    def _name_is_awss(self, _: Attribute[str], value: str) -> None:
        most = limits.ALARM_NAME_LENGTH.high
        if not 1 <= len(value) <= most or re.search(_CONTROL, value):
            raise ValueError(
                f"name: {value!r} is no alarm's name. Use 1 to {most} characters, none of them a control."
            )

    @threshold.validator
    def _threshold_is_a_number(self, _: Attribute[float], value: float) -> None:
        if not isfinite(value):
            raise ValueError(f"threshold: {value} is no number to compare with. Write a finite one.")

    @description.validator
    def _description_is_short(self, _: Attribute[str], value: str) -> None:
        most = limits.ALARM_DESCRIPTION_LENGTH.high
        if len(value) > most:
            raise ValueError(f"alarm_description: {len(value)} characters are above {most}. Shorten it.")

    def __attrs_post_init__(self) -> None:
        if self.enough > self.evaluation_periods:
            raise ValueError(
                f"datapoints_to_alarm: {self.enough} is above evaluation_periods ({self.evaluation_periods})."
                f" Write at most {self.evaluation_periods}."
            )
        hour = limits.ALARM_LONG_PERIOD.value
        of = limits.ALARM_SPAN_OF_SHORT_PERIODS if self.period < hour else limits.ALARM_SPAN
        if self.span > of.value:
            raise ValueError(
                f"evaluation_periods: {self.evaluation_periods} periods of {self.period} s are above the"
                f" {of.value} s that AWS looks back. Write at most {of.value // self.period}."
            )

    @property
    def enough(self) -> int:
        """How many datapoints must breach (AWS: M of N)."""
        return self.evaluation_periods if self.datapoints_to_alarm is None else self.datapoints_to_alarm

    @property
    def span(self) -> int:
        """How far back it looks, without what it takes in for missing data. Seconds."""
        return self.period * self.evaluation_periods

    @property
    def evaluated_every(self) -> int:
        """How often it is evaluated: each minute, each hour where it looks back for more than a day. Seconds."""
        one_day = limits.ALARM_SPAN_OF_SHORT_PERIODS.value
        return limits.ALARM_LONG_PERIOD.value if self.span > one_day else limits.ALARM_PERIOD_UNIT.value
