"""Alarms as `lambdarun list` shows them."""

from __future__ import annotations

from typing import Final

from lambdarun.model.alarm import Alarm, ComparisonOperator, Percentile, WatchedLog
from lambdarun.model.declarations import Project
from lambdarun.report.spans import span

_SIGNS: Final = {
    ComparisonOperator.GREATER: ">",
    ComparisonOperator.GREATER_OR_EQUAL: ">=",
    ComparisonOperator.LESS: "<",
    ComparisonOperator.LESS_OR_EQUAL: "<=",
}


def alarm_rows(project: Project) -> list[tuple[str, ...]]:
    """A table with a head."""
    rows: list[tuple[str, ...]] = [("ALARM", "WATCHES", "RAISED WHEN", "MISSING DATA")]
    for alarm in project.alarms.values():
        missing = alarm.treat_missing_data.value
        rows.append((alarm.name, str(alarm.watched), _condition(alarm), missing))
    return rows


def _condition(alarm: Alarm) -> str:
    sign = _SIGNS[alarm.comparison_operator]
    periods = f"{alarm.enough} of {alarm.evaluation_periods} x {span(alarm.period)}"
    return f"{_statistic(alarm)} {sign} {alarm.threshold:g} in {periods}"


def _statistic(alarm: Alarm) -> str:
    statistic = alarm.statistic
    return str(statistic) if isinstance(statistic, Percentile) else statistic.value


def alarms_as_json(project: Project) -> list[dict[str, object]]:
    """All alarms, under the keys of the project file."""
    return [
        {
            "name": alarm.name,
            "alarm_description": alarm.description,
            **_watched(alarm),
            "statistic": _statistic(alarm),
            "period": alarm.period,
            "evaluation_periods": alarm.evaluation_periods,
            "datapoints_to_alarm": alarm.datapoints_to_alarm,
            "comparison_operator": alarm.comparison_operator.value,
            "threshold": alarm.threshold,
            "treat_missing_data": alarm.treat_missing_data.value,
            "evaluate_low_sample_count_percentile": alarm.low_samples.value,
        }
        for alarm in project.alarms.values()
    ]


def _watched(alarm: Alarm) -> dict[str, object]:
    watched = alarm.watched
    if isinstance(watched, WatchedLog):
        zero = 0 if watched.counts_zeros else None
        return {"function": watched.function, "log_pattern": watched.pattern.text, "default_value": zero}
    return {
        "namespace": watched.namespace,
        "metric_name": watched.name,
        "dimensions": dict(watched.dimensions),
        "unit": watched.unit,
    }
