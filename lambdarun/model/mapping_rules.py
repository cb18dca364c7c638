"""What AWS refuses of a queue's event source mapping, whether it is declared or asked for in a run.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import frozen

from lambdarun.aws import limits, mapping_messages
from lambdarun.aws.limits import Setting
from lambdarun.aws.messages import ErrorText
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import LATEST, Function, parted
from lambdarun.model.queue import Queue

REPORT_BATCH_ITEM_FAILURES: Final = "ReportBatchItemFailures"
EVENT_COUNT: Final = "EventCount"
KAFKA_METRICS: Final = ("ErrorCount", "KafkaMetrics")
BOUNDED: Final[Mapping[tuple[str, ...], Setting]] = {
    ("batch_size",): limits.SQS_BATCH_SIZE,
    ("maximum_batching_window_in_seconds",): limits.BATCHING_WINDOW,
    ("scaling_config", "maximum_concurrency"): limits.MAXIMUM_CONCURRENCY,
    ("provisioned_poller_config", "minimum_pollers"): limits.MINIMUM_POLLERS,
    ("provisioned_poller_config", "maximum_pollers"): limits.MAXIMUM_POLLERS,
}
"""Numbers with bounds, by their keys in a mapping's table."""


@frozen
class MappingFault:
    """One of AWS's errors: at which key of the mapping, as it reads here, and how to mend it."""

    key: tuple[str, ...]
    text: ErrorText
    said: str
    mend: str


def is_fifo(queue: str) -> bool:
    """Whether a queue of this name is a FIFO queue."""
    return queue.endswith(".fifo")


def range_fault(key: tuple[str, ...], value: int) -> MappingFault | None:
    """Why the API's model refuses the number at `key`; None: it does not."""
    return bounds_fault(key, value, BOUNDED[key])


def bounds_fault(key: tuple[str, ...], value: int, bounds: Setting) -> MappingFault | None:
    """Why the API's model refuses a number that is named `key`; None: it does not."""
    if bounds.low <= value <= bounds.high:
        return None
    text, bound = (
        (mapping_messages.BELOW_MODEL_RANGE, bounds.low)
        if value < bounds.low
        else (mapping_messages.ABOVE_MODEL_RANGE, bounds.high)
    )
    said = text.of(value=value, member=_member(key), bound=bound)
    return MappingFault(key, text, said, f"Choose {bounds.low} to {bounds.high}.")


def response_types_fault(types: Iterable[object]) -> MappingFault | None:
    """Why `function_response_types` is refused; None: it is not."""
    key = ("function_response_types",)
    return _list_fault(key, list(types), 1, (REPORT_BATCH_ITEM_FAILURES,))


def metrics_fault(metrics: Iterable[object]) -> MappingFault | None:
    """Why `metrics_config.metrics` is refused; None: it is not."""
    key, given = ("metrics_config", "metrics"), list(metrics)
    known = (EVENT_COUNT, *KAFKA_METRICS)
    fault = _list_fault(key, given, len(known), known)
    if fault is None and any(metric in KAFKA_METRICS for metric in given):
        text = mapping_messages.METRICS_OF_KAFKA
        return MappingFault(key, text, text.text, f'Write ["{EVENT_COUNT}"].')
    return fault


def exclusion_fault(concurrency: int | None, pollers: tuple[int, int] | None) -> MappingFault | None:
    """Why these two cannot stand together: MaximumConcurrency, and the pollers' minimum and maximum."""
    if pollers is None:
        return None
    if concurrency is not None:
        text = mapping_messages.CONCURRENCY_AND_POLLERS
        return MappingFault(("scaling_config",), text, text.text, "Leave one of them out.")
    least, most = pollers
    if least > most:
        text = mapping_messages.POLLERS_CROSSED
        said = text.of(least=least, most=most)
        return MappingFault(("provisioned_poller_config",), text, said, "Raise maximum_pollers.")
    return None


def batch_faults(mapping: EventSourceMapping) -> Iterator[MappingFault]:
    """Why a queue of its kind does not take these batches."""
    size, window = mapping.batch_size, mapping.maximum_batching_window_in_seconds
    most = limits.SQS_BATCH_WITHOUT_WINDOW.value
    if is_fifo(mapping.queue):
        bounds = limits.FIFO_BATCH_SIZE
        # The window first: of both AWS names that one (aws/aws-lambda-dotnet#1758, BatchSize 100 and window 5).
        if window:
            text = mapping_messages.WINDOW_ON_FIFO
            yield MappingFault(
                ("maximum_batching_window_in_seconds",), text, text.text, "Leave it out, or set it to 0."
            )
        if size > bounds.high:
            text = mapping_messages.BATCH_SIZE_OF_FIFO
            said = text.of(least=bounds.low, most=bounds.high)
            yield MappingFault(("batch_size",), text, said, f"Choose {bounds.low} to {bounds.high}.")
    elif size > most and not window:
        text = mapping_messages.BATCH_NEEDS_WINDOW
        mend = f"Set maximum_batching_window_in_seconds to at least 1, or batch_size to at most {most}."
        yield MappingFault(("batch_size",), text, text.text, mend)


def visibility_fault(queue: Queue, function: Function) -> MappingFault | None:
    """Why the queue hides messages for too short a time for the function."""
    visibility, timeout = queue.visibility_timeout, function.timeout
    if visibility >= timeout:
        return None
    text = mapping_messages.VISIBILITY_BELOW_TIMEOUT
    said = text.of(visibility=visibility, timeout=timeout)
    return MappingFault((), text, said, f"Set the queue's visibility timeout to at least {timeout}.")


def target(mapping: EventSourceMapping) -> tuple[str, str, str]:
    """What only one mapping may have: its queue, its function, and the qualifier by which that is called.

    Recorded: test_function_name_variations makes one for each qualifier.
    """
    name, qualifier = parted(mapping.function)
    return mapping.queue, name, "" if qualifier == LATEST else qualifier


def _list_fault(
    key: tuple[str, ...], given: list[object], most: int, known: tuple[str, ...]
) -> MappingFault | None:
    value, member = ", ".join(map(str, given)), _member(key)
    mend = f"Choose of {', '.join(known)}."
    if any(one not in known for one in given):
        text = mapping_messages.LIST_MEMBER_UNKNOWN
        said = text.of(value=value, member=member, allowed=", ".join(known))
        return MappingFault(key, text, said, mend)
    if len(given) > most:
        text = mapping_messages.LIST_TOO_LONG
        return MappingFault(key, text, text.of(value=value, member=member, bound=most), "Name each once.")
    return None


def _member(key: tuple[str, ...]) -> str:
    """A key as AWS's validation names it: `scalingConfig.maximumConcurrency`."""
    words = [part.split("_") for part in key]
    return ".".join(first + "".join(word.capitalize() for word in rest) for first, *rest in words)
