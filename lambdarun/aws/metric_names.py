"""CloudWatch's metrics that the event log can tell: name, namespace, unit, statistic, page."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from lambdarun.aws.limits import LAMBDA_GUIDE, SQS_GUIDE


# Its hash is kept: metrics are keys of dictionaries that are asked for each record.
@frozen(cache_hash=True)
class Metric:
    """One metric of a service."""

    name: str
    namespace: str
    unit: str
    statistic: str
    source: str


_LAMBDA: Final = f"{LAMBDA_GUIDE}/monitoring-metrics-types.html"
_SQS: Final = f"{SQS_GUIDE}/sqs-available-cloudwatch-metrics.html"

INVOCATIONS = Metric("Invocations", "AWS/Lambda", "Count", "Sum", _LAMBDA)
ERRORS = Metric("Errors", "AWS/Lambda", "Count", "Sum", _LAMBDA)
THROTTLES = Metric("Throttles", "AWS/Lambda", "Count", "Sum", _LAMBDA)
DURATION = Metric("Duration", "AWS/Lambda", "Milliseconds", "Average", _LAMBDA)
POST_RUNTIME_EXTENSIONS_DURATION = Metric(
    "PostRuntimeExtensionsDuration", "AWS/Lambda", "Milliseconds", "Average", _LAMBDA
)
CONCURRENT_EXECUTIONS = Metric("ConcurrentExecutions", "AWS/Lambda", "Count", "Maximum", _LAMBDA)
UNRESERVED_CONCURRENT_EXECUTIONS = Metric(
    "UnreservedConcurrentExecutions", "AWS/Lambda", "Count", "Maximum", _LAMBDA
)
CLAIMED_ACCOUNT_CONCURRENCY = Metric("ClaimedAccountConcurrency", "AWS/Lambda", "Count", "Maximum", _LAMBDA)
PROVISIONED_CONCURRENT_EXECUTIONS = Metric(
    "ProvisionedConcurrentExecutions", "AWS/Lambda", "Count", "Maximum", _LAMBDA
)
PROVISIONED_CONCURRENCY_INVOCATIONS = Metric(
    "ProvisionedConcurrencyInvocations", "AWS/Lambda", "Count", "Sum", _LAMBDA
)
PROVISIONED_CONCURRENCY_SPILLOVER = Metric(
    "ProvisionedConcurrencySpilloverInvocations", "AWS/Lambda", "Count", "Sum", _LAMBDA
)
PROVISIONED_CONCURRENCY_UTILIZATION = Metric(
    "ProvisionedConcurrencyUtilization", "AWS/Lambda", "None", "Maximum", _LAMBDA
)
ASYNC_EVENTS_RECEIVED = Metric("AsyncEventsReceived", "AWS/Lambda", "Count", "Sum", _LAMBDA)
ASYNC_EVENT_AGE = Metric("AsyncEventAge", "AWS/Lambda", "Milliseconds", "Average", _LAMBDA)
ASYNC_EVENTS_DROPPED = Metric("AsyncEventsDropped", "AWS/Lambda", "Count", "Sum", _LAMBDA)
# Of a mapping that asks for them (MetricsConfig: EventCount).
POLLED_EVENTS = Metric("PolledEventCount", "AWS/Lambda", "Count", "Sum", _LAMBDA)
FILTERED_OUT_EVENTS = Metric("FilteredOutEventCount", "AWS/Lambda", "Count", "Sum", _LAMBDA)
INVOKED_EVENTS = Metric("InvokedEventCount", "AWS/Lambda", "Count", "Sum", _LAMBDA)
FAILED_INVOKE_EVENTS = Metric("FailedInvokeEventCount", "AWS/Lambda", "Count", "Sum", _LAMBDA)
DELETED_EVENTS = Metric("DeletedEventCount", "AWS/Lambda", "Count", "Sum", _LAMBDA)
PROVISIONED_POLLERS = Metric("ProvisionedPollers", "AWS/Lambda", "Count", "Maximum", _LAMBDA)
MESSAGES_SENT = Metric("NumberOfMessagesSent", "AWS/SQS", "Count", "Sum", _SQS)
MESSAGES_RECEIVED = Metric("NumberOfMessagesReceived", "AWS/SQS", "Count", "Sum", _SQS)
MESSAGES_DELETED = Metric("NumberOfMessagesDeleted", "AWS/SQS", "Count", "Sum", _SQS)
EMPTY_RECEIVES = Metric("NumberOfEmptyReceives", "AWS/SQS", "Count", "Sum", _SQS)
DEDUPLICATED_MESSAGES = Metric("NumberOfDeduplicatedSentMessages", "AWS/SQS", "Count", "Sum", _SQS)
SENT_MESSAGE_SIZE = Metric("SentMessageSize", "AWS/SQS", "Bytes", "Average", _SQS)
MESSAGES_VISIBLE = Metric("ApproximateNumberOfMessagesVisible", "AWS/SQS", "Count", "Maximum", _SQS)
MESSAGES_NOT_VISIBLE = Metric("ApproximateNumberOfMessagesNotVisible", "AWS/SQS", "Count", "Maximum", _SQS)
MESSAGES_DELAYED = Metric("ApproximateNumberOfMessagesDelayed", "AWS/SQS", "Count", "Maximum", _SQS)
GROUPS_IN_FLIGHT = Metric(
    "ApproximateNumberOfGroupsWithInflightMessages", "AWS/SQS", "Count", "Maximum", _SQS
)
NOISY_GROUPS = Metric("ApproximateNumberOfNoisyGroups", "AWS/SQS", "Count", "Maximum", _SQS)
VISIBLE_IN_QUIET_GROUPS = Metric(
    "ApproximateNumberOfMessagesVisibleInQuietGroups", "AWS/SQS", "Count", "Maximum", _SQS
)
NOT_VISIBLE_IN_QUIET_GROUPS = Metric(
    "ApproximateNumberOfMessagesNotVisibleInQuietGroups", "AWS/SQS", "Count", "Maximum", _SQS
)
DELAYED_IN_QUIET_GROUPS = Metric(
    "ApproximateNumberOfMessagesDelayedInQuietGroups", "AWS/SQS", "Count", "Maximum", _SQS
)
OLDEST_IN_QUIET_GROUPS = Metric(
    "ApproximateAgeOfOldestMessageInQuietGroups", "AWS/SQS", "Seconds", "Maximum", _SQS
)
OLDEST_MESSAGE_AGE = Metric("ApproximateAgeOfOldestMessage", "AWS/SQS", "Seconds", "Maximum", _SQS)

BY_NAME: Final = {
    (metric.namespace, metric.name): metric for metric in list(vars().values()) if isinstance(metric, Metric)
}
"""The metrics of the services that run here."""
ONLY_OF_THE_REGION: Final = frozenset({UNRESERVED_CONCURRENT_EXECUTIONS, CLAIMED_ACCOUNT_CONCURRENCY})
ONLY_OF_FIFO_QUEUES: Final = frozenset({GROUPS_IN_FLIGHT, DEDUPLICATED_MESSAGES})
ONLY_OF_STANDARD_QUEUES: Final = frozenset(
    {
        NOISY_GROUPS,
        VISIBLE_IN_QUIET_GROUPS,
        NOT_VISIBLE_IN_QUIET_GROUPS,
        DELAYED_IN_QUIET_GROUPS,
        OLDEST_IN_QUIET_GROUPS,
    }
)
ONLY_OF_MAPPINGS: Final = frozenset(
    {
        POLLED_EVENTS,
        FILTERED_OUT_EVENTS,
        INVOKED_EVENTS,
        FAILED_INVOKE_EVENTS,
        DELETED_EVENTS,
        PROVISIONED_POLLERS,
    }
)
DIMENSIONS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "AWS/Lambda": (
        (),
        ("FunctionName",),
        ("FunctionName", "Resource"),
        ("ExecutedVersion", "FunctionName", "Resource"),
    ),
    "AWS/SQS": (("QueueName",),),
}
"""Under which sets of dimensions, by name, a service emits most of its metrics."""


def dimension_sets(metric: Metric) -> tuple[tuple[str, ...], ...]:
    """Under which sets of dimensions, by name, a metric is emitted."""
    if metric in ONLY_OF_THE_REGION:
        return ((),)
    if metric in ONLY_OF_MAPPINGS:
        return (("EventSourceMappingUUID",),)
    if metric == CONCURRENT_EXECUTIONS:
        return ((), ("FunctionName",))
    return DIMENSIONS[metric.namespace]


NOT_EMITTED: Final = frozenset(
    {
        "CommittedEventCount", "DeadLetterErrors", "DestinationDeliveryFailures", "DroppedEventCount",
        "EventPollerThroughputInBytes", "EventPollerUnit",
        "InvokeErrorCount", "IteratorAge", "MaxOffsetLag", "OffsetLag",
        "OnFailureDestinationDeliveredEventCount", "OversizedRecordCount", "PollingErrorCount",
        "RecursiveInvocationsDropped", "SignatureValidationErrors", "SumOffsetLag",
        "Url4xxCount", "Url5xxCount", "UrlRequestCount", "UrlRequestLatency",
    }
)  # fmt: skip
"""Metrics of AWS/Lambda that nothing here emits. Source: monitoring-metrics-types.html."""

_LOGS: Final = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html"
EMF_PARSING_ERRORS = Metric("EMFParsingErrors", "AWS/Logs", "Count", "Sum", _LOGS)
EMF_VALIDATION_ERRORS = Metric("EMFValidationErrors", "AWS/Logs", "Count", "Sum", _LOGS)

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
_SIZES: Final = ("Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes")
_SIZES_IN_BITS: Final = ("Bits", "Kilobits", "Megabits", "Gigabits", "Terabits")
_COUNTED: Final = (*_SIZES, *_SIZES_IN_BITS, "Count")
UNITS: Final = frozenset(
    {
        "Seconds",
        "Microseconds",
        "Milliseconds",
        "Percent",
        "None",
        *_COUNTED,
        *(f"{unit}/Second" for unit in _COUNTED),
    }
)
"""What a metric's unit may be."""
