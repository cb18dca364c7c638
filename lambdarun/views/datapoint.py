"""A datapoint of CloudWatch as a line of JSON."""

from __future__ import annotations

import json
from typing import Any, Protocol

from lambdarun.aws.metric_names import Metric
from lambdarun.model.instant import Instant, iso


class Values(Protocol):
    """What is known of a datapoint's values."""

    @property
    def count(self) -> int:
        """How many."""

    @property
    def total(self) -> float:
        """Their sum."""

    @property
    def least(self) -> float | None:
        """The smallest."""

    @property
    def most(self) -> float | None:
        """The greatest."""

    @property
    def mean(self) -> float:
        """The average."""

    def quantile(self, share: float) -> float:
        """The value below which `share` of all lie."""


def datapoint_line(
    metric: Metric, dimensions: tuple[tuple[str, str], ...], time: Instant, values: Values, **more: Any
) -> str:
    """The line of one datapoint, whose period begins at `time`."""
    # Counts are whole; the histogram's half per cent would make 6.026 of 6.
    places = 0 if metric.unit == "Count" else 3
    return json.dumps(
        {
            "schema": 1,
            "namespace": metric.namespace,
            "metric": metric.name,
            "dimensions": dict(dimensions),
            "timestamp": iso(time),
            "unit": metric.unit,
            "statistic": metric.statistic,
            **more,
            "statistics": {
                "sum": round(values.total, 6),
                "min": values.least,
                "max": values.most,
                "count": values.count,
                "avg": round(values.mean, 6),
                "p50": round(values.quantile(0.5), places),
                "p90": round(values.quantile(0.9), places),
                "p99": round(values.quantile(0.99), places),
            },
        }
    )
