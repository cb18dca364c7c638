"""The keys of a project file: what is built, and what is AWS's but not built yet."""

from __future__ import annotations

import re
from typing import Final

TOP_KEYS: Final = ("account", "functions", "queues", "event_source_mappings", "routes", "settings")
FUNCTION_KEYS: Final = (
    "handler",
    "code_uri",
    "runtime",
    "timeout",
    "memory_size",
    "reserved_concurrent_executions",
    "environment",
    "duration",
    "init_duration",
    "async",
)
QUEUE_KEYS: Final = (
    "visibility_timeout",
    "delay_seconds",
    "message_retention_period",
    "maximum_message_size",
    "redrive_policy",
)
MAPPING_KEYS: Final = (
    "event_source",
    "function",
    "batch_size",
    "maximum_batching_window_in_seconds",
    "function_response_types",
    "enabled",
)
NOT_BUILT: Final = frozenset(
    {
        "alarms", "aliases", "architectures", "bisect_batch_on_function_error", "buses", "content_based_deduplication",
        "cpu", "dead_letter_config", "deduplication_scope", "description", "destination_config", "durable_config",
        "engine", "ephemeral_storage", "fifo_queue", "fifo_throughput_limit", "file_system_configs", "filter_criteria",
        "function_url_config", "image_config", "isolation", "kms_key_arn", "layers", "logging_config",
        "maximum_record_age_in_seconds", "maximum_retry_attempts", "metrics_config", "network", "on_failure", "on_success",
        "parallelization_factor", "policy", "provisioned_concurrency", "provisioned_poller_config",
        "receive_message_wait_time_seconds", "recursive_loop", "redrive_allow_policy", "role", "rules",
        "scaling_config", "schedules", "snap_start", "starting_position", "starting_position_timestamp", "streams",
        "tables", "tags", "tenancy_config", "topics", "tracing_config", "tumbling_window_in_seconds", "versions",
        "vpc_config",
    }
)  # fmt: skip
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
RESERVED_VARIABLES: Final = frozenset(
    {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN", "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL",
    }
)  # fmt: skip
_VARIABLE: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")


def variable_fault(name: str) -> tuple[str, str] | None:
    """What AWS has against a variable of this name, and the remedy; None: nothing."""
    if name in RESERVED_VARIABLES:
        return (
            "Lambda was unable to configure your environment variables because the environment variables you have"
            " provided contains reserved keys that are currently not supported for modification. Reserved keys"
            f" used in this request: {name}.",
            "Choose another name.",
        )
    if not _VARIABLE.fullmatch(name):
        return "is no name for a variable.", "Use two or more letters, digits and _, a letter first."
    return None
