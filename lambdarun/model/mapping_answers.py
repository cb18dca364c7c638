"""An event source mapping of a queue as AWS's answers show it.

As recorded (TestSQSEventSourceMapping, test_function_name_variations): without the fields of streams, without
DestinationConfig and LastProcessingResult, even after messages were processed.
"""

from __future__ import annotations

from typing import Any, Final

from lambdarun.model.declarations import Account
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import parted
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.mapping_rules import EVENT_COUNT, REPORT_BATCH_ITEM_FAILURES
from lambdarun.model.mapping_state import MappingState

REASON: Final = "USER_INITIATED"


def mapping_arn(account: Account, uuid: str) -> str:
    """`arn:aws:lambda:us-east-1:123456789012:event-source-mapping:...`."""
    return f"arn:aws:lambda:{account.region}:{account.account_id}:event-source-mapping:{uuid}"


def described(
    account: Account, mapping: EventSourceMapping, state: MappingState, modified: Instant
) -> dict[str, Any]:
    """The body that Create, Get, Update and Delete answer with. LastModified in seconds since 1970, as on the wire."""
    name, qualifier = parted(mapping.function)
    arn = account.function_arn(name)
    told: dict[str, Any] = {
        "BatchSize": mapping.batch_size,
        "EventSourceArn": account.queue_arn(mapping.queue),
        "EventSourceMappingArn": mapping_arn(account, mapping.uuid),
        "FunctionArn": f"{arn}:{qualifier}" if qualifier else arn,
        "FunctionResponseTypes": [REPORT_BATCH_ITEM_FAILURES] if mapping.report_batch_item_failures else [],
        "LastModified": modified / SECOND,
        "MaximumBatchingWindowInSeconds": mapping.maximum_batching_window_in_seconds,
        "State": state.value,
        "StateTransitionReason": REASON,
        "UUID": mapping.uuid,
    }
    if mapping.filter_patterns:
        told["FilterCriteria"] = {"Filters": [{"Pattern": text} for text in mapping.filter_patterns]}
    if mapping.maximum_concurrency is not None:
        told["ScalingConfig"] = {"MaximumConcurrency": mapping.maximum_concurrency}
    pollers = mapping.provisioned_pollers
    if pollers is not None:
        told["ProvisionedPollerConfig"] = {
            "MinimumPollers": pollers.minimum_pollers,
            "MaximumPollers": pollers.maximum_pollers,
        }
    if mapping.event_count:
        told["MetricsConfig"] = {"Metrics": [EVENT_COUNT]}
    return told
