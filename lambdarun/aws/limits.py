"""Every bound, default and wait of AWS, once, with its page."""

from __future__ import annotations

from typing import Final

from attrs import frozen

LAMBDA_GUIDE: Final = "https://docs.aws.amazon.com/lambda/latest/dg"
LAMBDA_API: Final = "https://docs.aws.amazon.com/lambda/latest/api"
SQS_GUIDE: Final = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide"
EVENTBRIDGE_API: Final = "https://docs.aws.amazon.com/eventbridge/latest/APIReference"
SQS_API: Final = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference"

EMF: Final = (
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/"
    "CloudWatch_Embedded_Metric_Format_Specification.html"
)
PUT_METRIC_DATA: Final = (
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"
)
COGNITO_TRIGGERS: Final = (
    "https://docs.aws.amazon.com/cognito/latest/developerguide/"
    "cognito-user-identity-pools-working-with-aws-lambda-triggers.html"
)
PUT_METRIC_ALARM: Final = (
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
)
ALARM_EVALUATION: Final = (
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html"
)
FIREHOSE_FAILURES: Final = (
    "https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html"
)


@frozen
class Setting:
    """What AWS allows for one setting: bounds (inclusive), default, unit and source."""

    low: int
    high: int
    default: int
    unit: str
    source: str


@frozen
class Figure:
    """One figure of AWS that nobody sets: its value, unit and source."""

    value: int
    unit: str
    source: str


# --- functions
FUNCTION_TIMEOUT = Setting(1, 900, 3, "s", f"{LAMBDA_GUIDE}/configuration-timeout.html")
MEMORY_SIZE = Setting(128, 10_240, 128, "MB", f"{LAMBDA_GUIDE}/configuration-memory.html")
# One core at so much memory, in proportion below and above it: 10,240 MB come to 5.8, and are said to be six.
MEMORY_OF_ONE_CORE = Figure(1_769, "MB", f"{LAMBDA_GUIDE}/configuration-memory.html")
PROCESSES_AND_THREADS = Figure(1_024, "processes and threads", f"{LAMBDA_GUIDE}/gettingstarted-limits.html")
EPHEMERAL_STORAGE = Setting(512, 10_240, 512, "MB", f"{LAMBDA_GUIDE}/configuration-ephemeral-storage.html")
# A /tmp of 512 MB shows 538,333,184 bytes (recorded: ephemeral_storage); other sizes are taken to have as much more.
EPHEMERAL_STORAGE_EXTRA = Figure(1_462_272, "bytes", f"{LAMBDA_GUIDE}/configuration-ephemeral-storage.html")
FUNCTION_NAME_LENGTH = Setting(1, 64, 1, "characters", f"{LAMBDA_API}/API_CreateFunction.html")
QUALIFIER_LENGTH = Setting(1, 128, 1, "characters", f"{LAMBDA_API}/API_Invoke.html")
HANDLER_LENGTH = Setting(1, 128, 1, "characters", f"{LAMBDA_API}/API_CreateFunction.html")
ENVIRONMENT_BYTES = Figure(4_096, "bytes", f"{LAMBDA_GUIDE}/gettingstarted-limits.html")

# --- code packages and layers
ZIPPED_BYTES = Figure(52_428_800, "bytes", f"{LAMBDA_GUIDE}/gettingstarted-limits.html")
UNZIPPED_BYTES = Figure(262_144_000, "bytes", f"{LAMBDA_GUIDE}/gettingstarted-limits.html")
"""Code and layers together."""
LAYERS_PER_FUNCTION = Figure(5, "layers", f"{LAMBDA_GUIDE}/gettingstarted-limits.html")

# --- invocation
SYNC_REQUEST_BYTES = Figure(6_291_456, "bytes", f"{LAMBDA_GUIDE}/gettingstarted-limits.html")
ASYNC_REQUEST_BYTES = Figure(1_048_576, "bytes", f"{LAMBDA_GUIDE}/gettingstarted-limits.html")
# 100 bytes over the 6 MB of the documentation: recorded from AWS (test_lambda_too_large_response).
RESPONSE_BYTES = Figure(6_291_556, "bytes", f"{LAMBDA_GUIDE}/gettingstarted-limits.html")
CLIENT_CONTEXT_BYTES = Figure(3_583, "bytes", f"{LAMBDA_API}/API_Invoke.html")
LOG_TAIL_BYTES = Figure(4_096, "bytes", f"{LAMBDA_API}/API_Invoke.html")
# 1 MB since April 2025; 256 KB before.
LOG_EVENT_BYTES = Figure(
    1_048_576,
    "bytes",
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html",
)
LOG_GROUP_LENGTH = Setting(1, 512, 1, "characters", f"{LAMBDA_API}/API_LoggingConfig.html")

# --- concurrency
ACCOUNT_CONCURRENCY = Setting(1, 1_000_000, 1_000, "executions", f"{LAMBDA_GUIDE}/lambda-concurrency.html")
UNRESERVED_MINIMUM = Figure(100, "executions", f"{LAMBDA_GUIDE}/configuration-concurrency.html")
RESERVED_CONCURRENCY = Setting(
    0, 1_000_000, 0, "executions", f"{LAMBDA_GUIDE}/configuration-concurrency.html"
)
SCALE_UP_ENVIRONMENTS = Figure(1_000, "environments", f"{LAMBDA_GUIDE}/scaling-behavior.html")
SCALE_UP_PERIOD = Figure(10, "s", f"{LAMBDA_GUIDE}/scaling-behavior.html")
REQUESTS_PER_CONCURRENCY = Figure(10, "requests/s", f"{LAMBDA_GUIDE}/lambda-concurrency.html")


# --- versions, aliases, provisioned concurrency
ALIAS_NAME_LENGTH = Setting(1, 128, 1, "characters", f"{LAMBDA_API}/API_CreateAlias.html")
ALIAS_ADDITIONAL_VERSIONS = Figure(1, "versions", f"{LAMBDA_GUIDE}/configuring-alias-routing.html")
PROVISIONED_CONCURRENCY = Setting(
    1, 1_000_000, 1, "executions", f"{LAMBDA_API}/API_PutProvisionedConcurrencyConfig.html"
)
# "Typically a minute or two" from the request until the first environments start: the lower end.
PROVISIONING_DELAY = Figure(60, "s", f"{LAMBDA_GUIDE}/provisioned-concurrency.html")
# 6,000 a minute and function.
PROVISIONING_PER_SECOND = Figure(100, "environments/s", f"{LAMBDA_GUIDE}/lambda-concurrency.html")
PROVISIONED_INIT_TIMEOUT = Figure(130, "s", f"{LAMBDA_GUIDE}/lambda-runtime-environment.html")

# --- asynchronous invocation
MAXIMUM_RETRY_ATTEMPTS = Setting(0, 2, 2, "retries", f"{LAMBDA_GUIDE}/invocation-async-error-handling.html")
MAXIMUM_EVENT_AGE = Setting(60, 21_600, 21_600, "s", f"{LAMBDA_GUIDE}/invocation-async-error-handling.html")
FUNCTION_ERROR_WAIT_FIRST = Figure(60, "s", f"{LAMBDA_GUIDE}/invocation-async-error-handling.html")
FUNCTION_ERROR_WAIT_SECOND = Figure(120, "s", f"{LAMBDA_GUIDE}/invocation-async-error-handling.html")
THROTTLE_WAIT_FIRST = Figure(1, "s", f"{LAMBDA_GUIDE}/invocation-async-error-handling.html")
THROTTLE_WAIT_MAX = Figure(300, "s", f"{LAMBDA_GUIDE}/invocation-async-error-handling.html")

# --- SQS queues
VISIBILITY_TIMEOUT = Setting(0, 43_200, 30, "s", f"{SQS_GUIDE}/sqs-visibility-timeout.html")
DELAY_SECONDS = Setting(0, 900, 0, "s", f"{SQS_GUIDE}/sqs-delay-queues.html")
MESSAGE_RETENTION_PERIOD = Setting(60, 1_209_600, 345_600, "s", f"{SQS_API}/API_SetQueueAttributes.html")
MAXIMUM_MESSAGE_SIZE = Setting(1_024, 1_048_576, 1_048_576, "bytes", f"{SQS_API}/API_SetQueueAttributes.html")
MAX_RECEIVE_COUNT = Setting(1, 1_000, 10, "receives", f"{SQS_GUIDE}/sqs-dead-letter-queues.html")
RECEIVE_BATCH = Setting(1, 10, 1, "messages", f"{SQS_API}/API_ReceiveMessage.html")
MESSAGES_IN_FLIGHT = Figure(120_000, "messages", f"{SQS_GUIDE}/quotas-messages.html")
MESSAGE_ATTRIBUTES = Figure(10, "attributes", f"{SQS_GUIDE}/sqs-message-metadata.html")
# With fewer messages in the queue a short poll may find none.
SAMPLED_BELOW = Figure(1_000, "messages", f"{SQS_API}/API_ReceiveMessage.html")
QUEUE_NAME_LENGTH = Setting(1, 80, 1, "characters", f"{SQS_API}/API_CreateQueue.html")
RECEIVE_WAIT_TIME = Setting(0, 20, 0, "s", f"{SQS_API}/API_ReceiveMessage.html")
REDRIVE_SOURCE_QUEUES = Figure(10, "queues", f"{SQS_API}/API_SetQueueAttributes.html")

# --- message groups: FIFO and fair queues
MESSAGE_GROUP_ID_LENGTH = Setting(1, 128, 1, "characters", f"{SQS_API}/API_SendMessage.html")
DEDUPLICATION_INTERVAL = Figure(300, "s", f"{SQS_GUIDE}/FIFO-queues-exactly-once-processing.html")
# A receive may be asked again by its ReceiveRequestAttemptId for so long.
RECEIVE_ATTEMPT_INTERVAL = Figure(300, "s", f"{SQS_API}/API_ReceiveMessage.html")
# Groups whose first message is farther back are not found.
FIFO_LOOK_AHEAD = Figure(
    120_000, "messages", f"{SQS_GUIDE}/avoid-backlog-with-the-same-message-group-id.html"
)
NOISY_SHARE = Figure(10, "% of the messages in flight", f"{SQS_GUIDE}/sqs-fair-queues-detailed.html")
NOISY_IN_FLIGHT = Figure(30, "messages in flight", f"{SQS_GUIDE}/sqs-fair-queues-detailed.html")
NOISY_UNTIL_SILENT_FOR = Figure(300, "s", f"{SQS_GUIDE}/sqs-fair-queues-detailed.html")

# Fewer, and throttles alone can use them up before the function has seen the message.
MAX_RECEIVE_COUNT_ADVISED = Figure(5, "receives", f"{LAMBDA_GUIDE}/services-sqs-configure.html")
# How long a queue without messages is still active, so that CloudWatch gets its metrics.
QUEUE_ACTIVE = Figure(21_600, "s", f"{SQS_GUIDE}/monitoring-using-cloudwatch.html")
# Such a message is left out of ApproximateAgeOfOldestMessage.
POISON_RECEIVES = Figure(3, "receives", f"{SQS_GUIDE}/sqs-available-cloudwatch-metrics.html")

# --- SQS calls
SQS_BATCH_ENTRIES = Setting(1, 10, 1, "entries", f"{SQS_API}/API_SendMessageBatch.html")
SQS_BATCH_ENTRY_ID_LENGTH = Setting(
    1, 80, 1, "characters", f"{SQS_API}/API_SendMessageBatchRequestEntry.html"
)
# Of all entries together, whatever the queue's MaximumMessageSize is.
SQS_BATCH_BYTES = Figure(1_048_576, "bytes", f"{SQS_GUIDE}/quotas-messages.html")
MESSAGE_ATTRIBUTE_NAME_LENGTH = Setting(1, 256, 1, "characters", f"{SQS_GUIDE}/sqs-message-metadata.html")
NUMBER_DIGITS = Figure(38, "digits", f"{SQS_GUIDE}/sqs-message-metadata.html")
NUMBER_LEAST = Figure(-(10**128), "", f"{SQS_GUIDE}/sqs-message-metadata.html")
NUMBER_MOST = Figure(10**126, "", f"{SQS_GUIDE}/sqs-message-metadata.html")
PURGE_INTERVAL = Figure(60, "s", f"{SQS_API}/API_PurgeQueue.html")
RECREATE_INTERVAL = Figure(60, "s", f"{SQS_API}/API_DeleteQueue.html")
KMS_KEY_REUSE = Setting(60, 86_400, 300, "s", f"{SQS_API}/API_SetQueueAttributes.html")
# The default is "system-optimised": AWS gives no figure, so the fastest that one may ask for stands for it.
MOVE_TASK_RATE = Setting(1, 500, 500, "messages/s", f"{SQS_API}/API_StartMessageMoveTask.html")
MOVE_TASKS_ACTIVE = Figure(100, "tasks", f"{SQS_GUIDE}/sqs-configure-dead-letter-queue-redrive.html")
MOVE_TASK_TIME = Figure(129_600, "s", f"{SQS_GUIDE}/sqs-configure-dead-letter-queue-redrive.html")
MOVE_TASKS_LISTED = Setting(1, 10, 1, "tasks", f"{SQS_API}/API_ListMessageMoveTasks.html")
LISTED_QUEUES = Setting(1, 1_000, 1_000, "queues", f"{SQS_API}/API_ListQueues.html")
QUEUE_TAGS = Figure(50, "tags", f"{SQS_GUIDE}/sqs-queue-tags.html")
TAG_KEY_LENGTH = Setting(1, 128, 1, "characters", f"{SQS_API}/API_TagQueue.html")
PERMISSION_ACTIONS = Figure(7, "actions", f"{SQS_API}/API_AddPermission.html")

# --- SQS event source mappings
SQS_BATCH_SIZE = Setting(1, 10_000, 10, "messages", f"{LAMBDA_GUIDE}/services-sqs-parameters.html")
BATCHING_WINDOW = Setting(0, 300, 0, "s", f"{LAMBDA_GUIDE}/services-sqs-parameters.html")
SQS_BATCH_WITHOUT_WINDOW = Figure(10, "messages", f"{LAMBDA_GUIDE}/services-sqs-parameters.html")
BATCH_BYTES = Figure(6_291_456, "bytes", f"{LAMBDA_GUIDE}/invocation-eventsourcemapping.html")
# What an account has, and what it gets for asking.
FILTERS_PER_MAPPING = Setting(5, 10, 5, "filters", f"{LAMBDA_GUIDE}/invocation-eventfiltering.html")
FILTER_PATTERN_LENGTH = Figure(4_096, "characters", f"{LAMBDA_API}/API_Filter.html")
POLLER_START = Figure(5, "concurrent batches", f"{LAMBDA_GUIDE}/services-sqs-scaling.html")
# +300 a minute, so +5 a second.
POLLER_GROWTH_PER_SECOND = Figure(5, "concurrent batches", f"{LAMBDA_GUIDE}/services-sqs-scaling.html")
POLLER_MAX = Figure(1_250, "concurrent batches", f"{LAMBDA_GUIDE}/services-sqs-scaling.html")
# Where nothing comes, and without MaximumConcurrency.
POLLER_LOW = Figure(2, "concurrent batches", f"{LAMBDA_GUIDE}/services-sqs-scaling.html")
# How long an idle poller's call waits for a message.
POLLER_WAIT = Figure(20, "s", f"{LAMBDA_GUIDE}/with-sqs.html")
FIFO_BATCH_SIZE = Setting(1, 10, 10, "messages", f"{LAMBDA_GUIDE}/services-sqs-parameters.html")
MAXIMUM_CONCURRENCY = Setting(2, 1_000, 2, "concurrent batches", f"{LAMBDA_API}/API_ScalingConfig.html")
MINIMUM_POLLERS = Setting(2, 200, 2, "pollers", f"{LAMBDA_API}/API_ProvisionedPollerConfig.html")
MAXIMUM_POLLERS = Setting(2, 10_000, 200, "pollers", f"{LAMBDA_API}/API_ProvisionedPollerConfig.html")
BATCHES_PER_POLLER = Figure(10, "concurrent batches", f"{LAMBDA_GUIDE}/services-sqs-scaling.html")
PROVISIONED_GROWTH_PER_MINUTE = Figure(
    1_000, "concurrent batches", f"{LAMBDA_GUIDE}/services-sqs-scaling.html"
)
MAPPINGS_LISTED = Figure(100, "mappings", f"{LAMBDA_API}/API_ListEventSourceMappings.html")
LIST_ITEMS = Setting(1, 10_000, 100, "mappings", f"{LAMBDA_API}/API_ListEventSourceMappings.html")
VISIBILITY_TIMES_TIMEOUT = Figure(
    6, "times the function timeout", f"{LAMBDA_GUIDE}/services-sqs-configure.html"
)
WINDOW_VISIBILITY_MARGIN = Figure(30, "s", f"{LAMBDA_GUIDE}/with-sqs.html")

# --- streams
# The retention of a Kinesis stream unless it is raised, and of a table's stream always.
STREAM_RETENTION = Figure(86_400, "s", f"{LAMBDA_GUIDE}/with-kinesis.html")

# --- services that call synchronously, and call again
COGNITO_ANSWER_WITHIN = Figure(5, "s", COGNITO_TRIGGERS)
COGNITO_ATTEMPTS = Figure(3, "attempts", COGNITO_TRIGGERS)
FIREHOSE_RETRIES = Figure(3, "retries", FIREHOSE_FAILURES)

# --- initialisation
INIT_TIMEOUT = Figure(10, "s", f"{LAMBDA_GUIDE}/lambda-runtime-environment.html")

# --- extensions and the shutdown phase
EXTENSIONS_MAX = Figure(10, "extensions", f"{LAMBDA_GUIDE}/lambda-extensions.html")
SHUTDOWN_WITH_INTERNAL = Figure(500, "ms", f"{LAMBDA_GUIDE}/lambda-runtime-environment.html")
SHUTDOWN_WITH_EXTERNAL = Figure(2_000, "ms", f"{LAMBDA_GUIDE}/lambda-runtime-environment.html")
# Of the shutdown phase, until the runtime is killed; AWS's own emulator gives it so much.
SHUTDOWN_RUNTIME_SHARE = Figure(30, "%", f"{LAMBDA_GUIDE}/lambda-runtime-environment.html")

# --- CloudWatch: metrics, and those embedded in logs
METRIC_NAMESPACE_LENGTH = Setting(1, 1_024, 1, "characters", EMF)
METRIC_NAME_LENGTH = Setting(1, 1_024, 1, "characters", EMF)
DIMENSION_NAME_LENGTH = Setting(1, 250, 1, "characters", EMF)
DIMENSION_VALUE_LENGTH = Setting(1, 1_024, 1, "characters", EMF)
EMF_METRICS = Figure(100, "metrics a directive", EMF)
EMF_DIMENSIONS = Figure(30, "dimensions a set", EMF)
EMF_VALUES = Figure(100, "values a metric", EMF)
METRIC_AGE_MAX = Figure(1_209_600, "s", PUT_METRIC_DATA)
METRIC_AHEAD_MAX = Figure(7_200, "s", PUT_METRIC_DATA)
METRIC_VALUE_BITS = Figure(360, "as a power of two", PUT_METRIC_DATA)

# --- CloudWatch: alarms
ALARM_NAME_LENGTH = Setting(1, 255, 1, "characters", PUT_METRIC_ALARM)
ALARM_DESCRIPTION_LENGTH = Setting(0, 1_024, 0, "characters", PUT_METRIC_ALARM)
ALARM_EVALUATION_PERIODS = Setting(1, 10_080, 1, "periods", PUT_METRIC_ALARM)
ALARM_DATAPOINTS = Setting(1, 10_080, 1, "datapoints", PUT_METRIC_ALARM)
ALARM_PERIOD_UNIT = Figure(60, "s", PUT_METRIC_ALARM)
HIGH_RESOLUTION_PERIODS_S: Final = (10, 20, 30)
"""Of metrics whose StorageResolution is 1. PUT_METRIC_ALARM has them too."""
# What it looks back: a day, and seven where its period is an hour or more.
ALARM_LONG_PERIOD = Figure(3_600, "s", PUT_METRIC_ALARM)
ALARM_SPAN_OF_SHORT_PERIODS = Figure(86_400, "s", PUT_METRIC_ALARM)
ALARM_SPAN = Figure(604_800, "s", PUT_METRIC_ALARM)
# Above its evaluation periods. AWS says that the number depends on the period, and tells it in its examples alone: 5 for 3.
ALARM_RANGE_EXTRA = Figure(2, "periods", ALARM_EVALUATION)
# So many values divided by how far a percentile is from its end are too few to say anything.
LOW_SAMPLES = Figure(10, "values", ALARM_EVALUATION)
LOG_PATTERN_LENGTH = Setting(
    0,
    1_024,
    0,
    "characters",
    "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html",
)
