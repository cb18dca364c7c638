"""What calls about event source mappings take: names and kinds of their parameters, as an SDK checks them before it asks AWS.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from attrs import frozen

from lambdarun.model.near_names import did_you_mean


@frozen
class ListOf:
    """Any number of values of one shape."""

    of: Shape


@frozen
class TextMap:
    """Texts by names of the caller's."""


Shape = type[int] | type[bool] | type[str] | ListOf | TextMap | Mapping[str, Any]
"""Of a value; a mapping: a structure of these members, each of a shape."""

SETTINGS: Final[Mapping[str, Shape]] = {
    "BatchSize": int,
    "Enabled": bool,
    "FilterCriteria": {"Filters": ListOf({"Pattern": str})},
    "FunctionName": str,
    "FunctionResponseTypes": ListOf(str),
    "MaximumBatchingWindowInSeconds": int,
    "MetricsConfig": {"Metrics": ListOf(str)},
    "ProvisionedPollerConfig": {"MinimumPollers": int, "MaximumPollers": int},
    "ScalingConfig": {"MaximumConcurrency": int},
}
CREATE: Final[Mapping[str, Shape]] = {**SETTINGS, "EventSourceArn": str, "Tags": TextMap()}
LIST: Final[Mapping[str, Shape]] = {
    "EventSourceArn": str,
    "FunctionName": str,
    "Marker": str,
    "MaxItems": int,
}
# Taken by the calls whatever they hold, and then refused in AWS's words.
OF_STREAMS: Final = (
    "BisectBatchOnFunctionError", "DestinationConfig", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts",
    "ParallelizationFactor", "StartingPosition", "StartingPositionTimestamp", "TumblingWindowInSeconds",
)  # fmt: skip
_NOT_BUILT: Final = frozenset(
    {
        "AmazonManagedKafkaEventSourceConfig", "DocumentDBEventSourceConfig", "KMSKeyArn", "LoggingConfig",
        "PollerGroupName", "Queues", "SelfManagedEventSource", "SelfManagedKafkaEventSourceConfig",
        "SourceAccessConfigurations", "Topics",
    }
)  # fmt: skip
_KINDS: Final[Mapping[type, str]] = {int: "whole number", bool: "truth value", str: "text"}


def check(
    given: Mapping[str, Any], shapes: Mapping[str, Shape], call: str, needed: Collection[str] = ()
) -> None:
    """Raise TypeError, which names the parameter, for what an SDK would not send."""
    for name in needed:
        if name not in given:
            raise TypeError(f"{call} needs {name}.")
    _check_members({name: given[name] for name in given if name not in OF_STREAMS}, shapes, call, "")


def _check_members(given: Mapping[str, Any], shapes: Mapping[str, Shape], owner: str, path: str) -> None:
    for name, value in given.items():
        if name in _NOT_BUILT:
            raise TypeError(f"{owner}: {name} is not built yet. Leave it out.")
        if name not in shapes:
            mend = did_you_mean(name, tuple(shapes), f"It has {', '.join(shapes) or 'none but the UUID'}.")
            raise TypeError(f"{owner} has no parameter {name}. {mend}")
        _check(value, shapes[name], f"{path}{name}")


def _check(value: Any, shape: Shape, at: str) -> None:
    if isinstance(shape, Mapping):
        if not isinstance(value, Mapping):
            raise TypeError(f"{at}: {value!r} is no dictionary of {', '.join(shape)}.")
        _check_members(value, shape, at, f"{at}.")
    elif isinstance(shape, ListOf):
        if not isinstance(value, list | tuple):
            raise TypeError(f"{at}: {value!r} is no list.")
        for number, one in enumerate(value):
            _check(one, shape.of, f"{at}[{number}]")
    elif isinstance(shape, TextMap):
        if not isinstance(value, Mapping):
            raise TypeError(f"{at}: {value!r} is no dictionary of texts.")
        for key, one in value.items():
            _check(key, str, f"{at}, a key")
            _check(one, str, f"{at}[{key!r}]")
    # A truth value is a whole number to Python, and none to an SDK.
    elif not isinstance(value, shape) or (isinstance(value, bool) and shape is not bool):
        raise TypeError(f"{at}: {value!r} is no {_KINDS[shape]}.")
