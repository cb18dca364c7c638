"""The keys of a project file: what is built, and what is AWS's but not built yet."""

from __future__ import annotations

from typing import Final

TOP_KEYS: Final = (
    "account",
    "functions",
    "layers",
    "queues",
    "event_source_mappings",
    "alarms",
    "routes",
    "settings",
)
FUNCTION_KEYS: Final = (
    "handler",
    "code_uri",
    "runtime",
    "engine",
    "layers",
    "timeout",
    "memory_size",
    "cpu",
    "reserved_concurrent_executions",
    "environment",
    "duration",
    "init_duration",
    "async",
    "versions",
    "aliases",
    "provisioned_concurrent_executions",
    "logging_config",
    "ephemeral_storage",
    "network",
    "nat_gateway",
)
ALIAS_KEYS: Final = ("function_version", "routing_config", "provisioned_concurrent_executions", "async")
QUEUE_KEYS: Final = (
    "visibility_timeout",
    "delay_seconds",
    "message_retention_period",
    "maximum_message_size",
    "receive_message_wait_time_seconds",
    "redrive_policy",
    "redrive_allow_policy",
    "fifo_queue",
    "content_based_deduplication",
    "deduplication_scope",
    "fifo_throughput_limit",
    "target_age",
    "duplicates",
    "sampling",
)
MAPPING_KEYS: Final = (
    "event_source",
    "function",
    "batch_size",
    "maximum_batching_window_in_seconds",
    "function_response_types",
    "enabled",
    "scaling_config",
    "provisioned_poller_config",
    "metrics_config",
    "filter_criteria",
)
ALARM_KEYS: Final = (
    "metric",
    "metric_name",
    "namespace",
    "dimensions",
    "unit",
    "statistic",
    "extended_statistic",
    "period",
    "evaluation_periods",
    "datapoints_to_alarm",
    "comparison_operator",
    "threshold",
    "treat_missing_data",
    "evaluate_low_sample_count_percentile",
    "alarm_description",
    "function",
    "log_level",
    "log_pattern",
    "default_value",
)
NOT_BUILT: Final = frozenset(
    {
        "accelerator_config", "actions_enabled", "alarm_actions", "amazon_managed_kafka_event_source_config",
        "architectures", "bisect_batch_on_function_error", "buses", "capacity_provider_config",
        "code_signing_config_arn", "dead_letter_config", "description", "destination_config",
        "document_db_event_source_config", "durable_config", "file_system_configs", "function_url_config",
        "image_config", "image_uri", "insufficient_data_actions", "isolation", "kms_data_key_reuse_period_seconds", "kms_key_arn", "kms_master_key_id", "maximum_record_age_in_seconds", "maximum_retry_attempts", "metrics", "ok_actions", "on_failure", "on_success", "package_type", "parallelization_factor", "policy", "publish", "publish_to", "recursive_loop", "resource_policy", "role", "rules", "runtime_management_config", "schedules",
        "self_managed_event_source", "self_managed_kafka_event_source_config", "snap_start",
        "source_access_configurations", "sqs_managed_sse_enabled", "starting_position",
        "starting_position_timestamp", "streams", "tables", "tags", "tenancy_config", "threshold_metric_id",
        "topics", "tracing_config", "tumbling_window_in_seconds", "vpc_config",
    }
)  # fmt: skip
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
NOT_FOR_QUEUES: Final = {
    "bisect_batch_on_function_error": "BisectBatchOnFunctionError",
    "destination_config": "DestinationConfig",
    "maximum_record_age_in_seconds": "MaximumRecordAgeInSeconds",
    "maximum_retry_attempts": "MaximumRetryAttempts",
    "parallelization_factor": "ParallelizationFactor",
    "starting_position": "StartingPosition",
    "starting_position_timestamp": "StartingPositionTimestamp",
    "tumbling_window_in_seconds": "TumblingWindowInSeconds",
}
"""Settings of streams' mappings, which AWS refuses for a queue's."""
