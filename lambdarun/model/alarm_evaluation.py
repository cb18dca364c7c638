"""CloudWatch's decision: from the last datapoints to an alarm's state, and why.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarm-evaluation
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose
from typing import Final

from attrs import frozen

from lambdarun.aws import alarm_reasons, limits
from lambdarun.model.alarm import (
    Alarm,
    AlarmState,
    ComparisonOperator,
    LowSamples,
    MissingData,
    Percentile,
)
from lambdarun.model.instant import Instant, iso

_WORDS: Final = {
    ComparisonOperator.GREATER: "greater than",
    ComparisonOperator.GREATER_OR_EQUAL: "greater than or equal to",
    ComparisonOperator.LESS: "less than",
    ComparisonOperator.LESS_OR_EQUAL: "less than or equal to",
}
_FILLED: Final = {
    MissingData.BREACHING: alarm_reasons.BREACHING.text,
    MissingData.NOT_BREACHING: alarm_reasons.NOT_BREACHING.text,
}
# Between these Java, in which CloudWatch tells its numbers, writes them without an exponent.
_PLAIN_FROM: Final = 1e-3
_PLAIN_BELOW: Final = 1e7


@frozen
class Datapoint:
    """The statistic of one period, which begins at `start` and holds `count` values."""

    start: Instant
    value: float
    count: int = 1


@frozen
class Verdict:
    """The state that an alarm has from now on, and why."""

    state: AlarmState
    reason: str


def evaluation_range(alarm: Alarm) -> int:
    """How many periods CloudWatch looks at: more than it evaluates, in case that some are missing."""
    return alarm.evaluation_periods + limits.ALARM_RANGE_EXTRA.value


# In this order CloudWatch decides. Real datapoints come first, however old within the range; only where they are fewer
# than the evaluation periods do gaps count, as few as are needed. A breach is believed when enough datapoints breach;
# with gaps that mean nothing ("missing") it is also believed when the only datapoints breach and the oldest is as old as
# the datapoints that an alarm needs: the metric breached, and then fell silent.
def evaluate(alarm: Alarm, points: Sequence[Datapoint | None]) -> Verdict | None:
    """What `points`, the whole evaluation range with the oldest first and None for a gap, say of `alarm`. None: it stays
    in the state that it has.
    """
    periods, enough, treatment = alarm.evaluation_periods, alarm.enough, alarm.treat_missing_data
    real = [point for point in reversed(points) if point is not None][:periods]
    if _too_few_samples(alarm, real):
        return None
    gaps = periods - len(real)
    breaching: list[Datapoint] = []
    within: list[Datapoint] = []
    for point in real:
        breaches = alarm.comparison_operator.holds(point.value, alarm.threshold)
        (breaching if breaches else within).append(point)
    filled = gaps if treatment is MissingData.BREACHING else 0
    if len(breaching) + filled >= enough:
        return _crossed(alarm, AlarmState.ALARM, real, breaching)
    if within or not gaps or treatment in _FILLED:
        return _crossed(alarm, AlarmState.OK, real, within)
    if treatment is MissingData.IGNORE:
        return None
    if real and _age(points) >= enough:
        return _crossed(alarm, AlarmState.ALARM, real, breaching)
    # Nothing at all, or a breach so fresh that the next datapoint may take it back. Of that one AWS says only that the
    # alarm is not raised; that it has too little data then stood in a table that its page had until 2020.
    said = alarm_reasons.UNKNOWN.of(datapoints=_counted(gaps, "datapoint", were=True))
    return Verdict(AlarmState.INSUFFICIENT_DATA, said)


def _age(points: Sequence[Datapoint | None]) -> int:
    """How many periods old the oldest datapoint is; 1: it is the last."""
    return next(len(points) - number for number, point in enumerate(points) if point is not None)


def _too_few_samples(alarm: Alarm, real: Sequence[Datapoint]) -> bool:
    """Whether a percentile of so few values is to be left alone.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#percentiles-with-low-samples
    """
    statistic = alarm.statistic
    if not real or alarm.low_samples is LowSamples.EVALUATE or not isinstance(statistic, Percentile):
        return False
    percent = statistic.percent
    distance = min(percent, 100 - percent) / 100
    if isclose(distance, 0):
        return False
    return sum(point.count for point in real) * distance < limits.LOW_SAMPLES.value * (1 - 1e-9)


def _crossed(
    alarm: Alarm, state: AlarmState, real: Sequence[Datapoint], told: Sequence[Datapoint]
) -> Verdict:
    """The verdict, with the datapoints `told` (the latest first) as its reason."""
    periods, gaps = alarm.evaluation_periods, alarm.evaluation_periods - len(real)
    treated = ""
    if gaps and alarm.treat_missing_data in _FILLED:
        datapoints = _counted(gaps, "missing datapoint", were=True)
        treated = alarm_reasons.TREATED.of(datapoints=datapoints, treatment=_FILLED[alarm.treat_missing_data])
    if not told:
        return Verdict(
            state,
            alarm_reasons.RECEIVED.of(
                datapoints=_counted(len(real), "datapoint", were=True),
                periods=_counted(periods, "period"),
                treated=treated,
            ),
        )
    raised = state is AlarmState.ALARM
    relation = alarm_reasons.RELATION.of(
        comparison=_WORDS[alarm.comparison_operator], threshold=number(alarm.threshold)
    )
    parts = {
        "points": ", ".join(f"{number(point.value)} ({_short(point.start)})" for point in told),
        "were": "was" if len(told) == 1 else "were",
        "relation": relation if raised else f"not {relation}",
        "treated": treated,
    }
    if alarm.datapoints_to_alarm is None:
        said = alarm_reasons.CROSSED.of(count=_counted(len(told), "datapoint"), **parts)
    else:
        minimum = alarm.enough if raised else periods - alarm.enough + 1
        transition = alarm_reasons.TO_ALARM if raised else alarm_reasons.TO_OK
        said = alarm_reasons.CROSSED_OF.of(
            count=len(told),
            periods=periods,
            minimum=_counted(minimum, "datapoint"),
            transition=transition.text,
            **parts,
        )
    return Verdict(state, said)


def _counted(count: int, thing: str, *, were: bool = False) -> str:
    """`no datapoints were`, `1 period`, `3 datapoints`."""
    verb = (" was" if count == 1 else " were") if were else ""
    return f"{count or 'no'} {thing}{'' if count == 1 else 's'}{verb}"


def _short(instant: Instant) -> str:
    """`25/11/26 02:00:00`."""
    text = iso(instant)
    return f"{text[8:10]}/{text[5:7]}/{text[2:4]} {text[11:19]}"


def number(value: float) -> str:
    """A number as Java writes a double: `31.0`, `3.0E7`.

    >>> number(31), number(30_000_000), number(0.0005)
    ('31.0', '3.0E7', '5.0E-4')
    """
    value = float(value)
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_BELOW:
        return repr(value)
    # Python's shortest digits, with the point behind the first of them.
    sign = "-" if value < 0 else ""
    digits, exponent = _digits(abs(value))
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _digits(value: float) -> tuple[str, int]:
    """The shortest digits that tell `value`, and the power of ten of the first."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, part = mantissa.partition(".")
    digits = f"{whole}{part}"
    power = int(exponent or 0) + len(whole) - 1
    stripped = digits.lstrip("0")
    return stripped.rstrip("0") or "0", power - (len(digits) - len(stripped))
