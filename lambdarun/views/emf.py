"""CloudWatch's embedded metric format: a log event that is a JSON object with `_aws` becomes metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isfinite
from typing import Any, Final

from attrs import frozen

from lambdarun.aws import limits
from lambdarun.aws.metric_names import UNITS
from lambdarun.model.instant import MILLISECOND, SECOND, Instant

MARK: Final = '"_aws"'
"""What stands in every such event: so a line without it needs no look."""
_NONE: Final = "None"
_ABSENT: Final = object()

Dimensions = tuple[tuple[str, str], ...]


@frozen
class EmbeddedMetric:
    """Values of one metric under one set of dimensions, at the event's own time."""

    namespace: str
    name: str
    unit: str
    resolution_s: int
    dimensions: Dimensions
    time: Instant
    values: tuple[float, ...]
    is_first_set: bool
    """The same values stand under each set of dimensions: whoever sums over all counts them once."""


@frozen
class Malformed:
    """An event that is marked as this format and is not of its form (AWS/Logs: EMFParsingErrors)."""

    why: str


@frozen
class Invalid:
    """Something in it that is not allowed: that metric or that set of dimensions is left out (EMFValidationErrors)."""

    why: str


@frozen
class NoObject:
    """A line that has the mark and is no JSON object, a logger's prefix before it most likely: just text for CloudWatch."""


Found = EmbeddedMetric | Malformed | Invalid | NoObject


def read_event(line: str, now: Instant) -> Iterator[Found]:
    """What one log event, taken in at `now`, tells. Nothing for an event that is not of this format."""
    if MARK not in line:
        return
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        yield NoObject()
        return
    if "_aws" not in document:
        return
    if len(line.encode("utf-8", "surrogatepass")) > limits.LOG_EVENT_BYTES.value:
        yield Invalid(f"the event is above {limits.LOG_EVENT_BYTES.value} bytes")
        return
    metadata = document["_aws"]
    why = _form_fault(metadata)
    if why is not None:
        yield Malformed(why)
        return
    time = Instant(metadata["Timestamp"] * MILLISECOND)
    why = _time_fault(time, now)
    if why is not None:
        yield Invalid(why)
        return
    for directive in metadata["CloudWatchMetrics"]:
        yield from _directive(document, directive, time)


def _form_fault(metadata: Any) -> str | None:
    """What is not of the format in `_aws`."""
    if not isinstance(metadata, dict):
        return "_aws is no object"
    # A bool is an int to Python, not to JSON.
    if type(metadata.get("Timestamp")) is not int:
        return "_aws.Timestamp is no whole number"
    directives = metadata.get("CloudWatchMetrics")
    if not isinstance(directives, list):
        return "_aws.CloudWatchMetrics is no array"
    for directive in directives:
        if not isinstance(directive, dict):
            return "a member of _aws.CloudWatchMetrics is no object"
        if not isinstance(directive.get("Namespace"), str):
            return "a directive's Namespace is no string"
        for key in ("Dimensions", "Metrics"):
            if not isinstance(directive.get(key), list):
                return f"a directive's {key} is no array"
    return None


def _time_fault(time: Instant, now: Instant) -> str | None:
    oldest = limits.METRIC_AGE_MAX.value * SECOND
    newest = limits.METRIC_AHEAD_MAX.value * SECOND
    if time < now - oldest:
        return "_aws.Timestamp is more than two weeks old"
    if time > now + newest:
        return "_aws.Timestamp is more than two hours ahead"
    return None


def _directive(document: dict[str, Any], directive: dict[str, Any], time: Instant) -> Iterator[Found]:
    namespace, sets, metrics = directive["Namespace"], directive["Dimensions"], directive["Metrics"]
    if not 1 <= len(namespace) <= limits.METRIC_NAMESPACE_LENGTH.high:
        yield Invalid(f"a Namespace of {len(namespace)} characters")
        return
    if not sets:
        yield Invalid("Dimensions without a set")
        return
    if len(metrics) > limits.EMF_METRICS.value:
        yield Invalid(f"{len(metrics)} metrics in a directive")
        return
    dimensions: list[Dimensions] = []
    for keys in sets:
        found = _dimensions(document, keys)
        if isinstance(found, Invalid):
            yield found
        else:
            dimensions.append(found)
    for metric in metrics:
        made = _metric(document, metric)
        if isinstance(made, Invalid):
            yield made
            continue
        name, unit, resolution, values = made
        # An empty array is allowed, and tells nothing.
        for number, one in enumerate(dimensions if values else ()):
            yield EmbeddedMetric(namespace, name, unit, resolution, one, time, values, number == 0)


def _dimensions(document: dict[str, Any], keys: Any) -> Dimensions | Invalid:
    """A set's dimensions with their values, which are members of the root: a dot in a name reaches nowhere."""
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        return Invalid("a set of dimensions is no array of strings")
    if len(keys) > limits.EMF_DIMENSIONS.value:
        return Invalid(f"{len(keys)} dimensions in a set")
    found = []
    for key in keys:
        value = document.get(key, _ABSENT)
        if not 1 <= len(key) <= limits.DIMENSION_NAME_LENGTH.high:
            return Invalid(f"a dimension's name of {len(key)} characters")
        if value is _ABSENT:
            return Invalid(f"dimension {key!r} is no member of the event")
        if not isinstance(value, str):
            return Invalid(f"dimension {key!r} is no string")
        if not 1 <= len(value) <= limits.DIMENSION_VALUE_LENGTH.high:
            return Invalid(f"the value of dimension {key!r} has {len(value)} characters")
        found.append((key, value))
    return tuple(sorted(dict(found).items()))


def _metric(document: dict[str, Any], metric: Any) -> tuple[str, str, int, tuple[float, ...]] | Invalid:
    """Name, unit, resolution and values of a metric's definition."""
    if not isinstance(metric, dict) or not isinstance(metric.get("Name"), str):
        return Invalid("a metric without a Name")
    name = metric["Name"]
    if not 1 <= len(name) <= limits.METRIC_NAME_LENGTH.high:
        return Invalid(f"a metric's name of {len(name)} characters")
    unit = metric.get("Unit", _NONE)
    if not isinstance(unit, str) or unit not in UNITS:
        return Invalid(f"metric {name!r}: {unit!r} is no unit")
    resolution = metric.get("StorageResolution", 60)
    if type(resolution) is not int or resolution not in (1, 60):
        return Invalid(f"metric {name!r}: StorageResolution is neither 1 nor 60")
    value = document.get(name, _ABSENT)
    if value is _ABSENT:
        return Invalid(f"metric {name!r} is no member of the event")
    values = value if isinstance(value, list) else [value]
    if len(values) > limits.EMF_VALUES.value:
        return Invalid(f"metric {name!r} has {len(values)} values")
    for one in values:
        if type(one) not in (int, float) or not _in_range(one):
            return Invalid(f"metric {name!r} is no number")
    return name, unit, resolution, tuple(values)


def _in_range(value: float) -> bool:
    most = 2.0**limits.METRIC_VALUE_BITS.value
    return -most <= value <= most if isinstance(value, int) else isfinite(value) and abs(value) <= most
