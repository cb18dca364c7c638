"""What AWS answers about event source mappings of queues: status, code and text, each with its page or its recording."""

from __future__ import annotations

from typing import Final

from lambdarun.aws.limits import LAMBDA_API, LAMBDA_GUIDE
from lambdarun.aws.messages import ErrorText

VISIBILITY_BELOW_TIMEOUT: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
MAPPING_QUEUE_MISSING: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The"
    " specified queue does not exist.",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
MAPPING_FUNCTION_MISSING: Final = ErrorText(
    404,
    "ResourceNotFoundException",
    "Function does not exist",
    "Message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
MAPPING_PARAMETER_UNSUPPORTED: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Unsupported {field} parameter for given event source mapping type.",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
MAPPING_EXISTS: Final = ErrorText(
    409,
    "ResourceConflictException",
    'An event source mapping with SQS arn (" {arn} ") and function (" {function} ") already exists. Please update or'
    " delete the existing mapping with UUID {uuid}",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
BATCH_NEEDS_WINDOW: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
# Recorded: test_event_source_mapping_exceptions.
UNKNOWN_SOURCE: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Unrecognized event source.",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
# Recorded: test_event_source_mapping_exceptions.
MAPPING_NOT_FOUND: Final = ErrorText(
    404,
    "ResourceNotFoundException",
    "The resource you requested does not exist.",
    "Message",
    f"{LAMBDA_API}/API_GetEventSourceMapping.html",
)
# Recorded: TestLambdaTag::test_tag_exceptions.
TAGGED_MAPPING_NOT_FOUND: Final = ErrorText(
    404,
    "ResourceNotFoundException",
    "Event source mapping not found: {arn}",
    "Message",
    f"{LAMBDA_API}/API_TagResource.html",
)
TAGGED_ARN_PATTERN: Final = (
    r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+"
    r"(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:"
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)"
)
"""What can have tags, as AWS's refusal shows it."""
# Recorded: TestLambdaTag::test_tag_exceptions.
TAGGED_ARN_INVALID: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '{arn}' at 'resource' failed to satisfy constraint: Member must satisfy regular"
    " expression pattern: {pattern}",
    "message",
    f"{LAMBDA_API}/API_TagResource.html",
)
# The code is the API reference's; the texts are those that people quote, no page has them.
MAPPING_UPDATE_IN_USE: Final = ErrorText(
    400,
    "ResourceInUseException",
    "Cannot update the event source mapping because it is in use.",
    "Message",
    f"{LAMBDA_API}/API_UpdateEventSourceMapping.html",
)
MAPPING_DELETE_IN_USE: Final = ErrorText(
    400,
    "ResourceInUseException",
    "Cannot delete the event source mapping because it is in use.",
    "Message",
    f"{LAMBDA_API}/API_DeleteEventSourceMapping.html",
)
# Quoted in https://github.com/aws/aws-lambda-dotnet/issues/1758 (2024).
WINDOW_ON_FIFO: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Batching window is not supported for FIFO queues",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
# AWS's text of 2018, when ten was the most of every queue (https://github.com/pulumi/pulumi-aws-serverless/issues/20);
# how it reads for a FIFO queue today nobody has written down.
BATCH_SIZE_OF_FIFO: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Maximum batch size must be between {least} and {most} inclusive",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
# The pattern of AWS's own validation, as in https://github.com/aws-cloudformation/cfn-lint/issues/1926.
ABOVE_MODEL_RANGE: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must have value less"
    " than or equal to {bound}",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
BELOW_MODEL_RANGE: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must have value"
    " greater than or equal to {bound}",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
# Of lists: the pattern of AWS's validation, here for the one member that AWS knows.
LIST_MEMBER_UNKNOWN: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '[{value}]' at '{member}' failed to satisfy constraint: Member must satisfy"
    " constraint: [Member must satisfy enum value set: [{allowed}]]",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
LIST_TOO_LONG: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '[{value}]' at '{member}' failed to satisfy constraint: Member must have length less"
    " than or equal to {bound}",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
# A text: as above.
TEXT_TOO_LONG: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must have length less"
    " than or equal to {bound}",
    "message",
    f"{LAMBDA_API}/API_Filter.html",
)
# That both exclude each other is documented, the text is not.
CONCURRENCY_AND_POLLERS: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "MaximumConcurrency and ProvisionedPollerConfig cannot be specified together.",
    "message",
    f"{LAMBDA_GUIDE}/services-sqs-scaling.html",
)
# As above: that the maximum is not below the minimum is plain, how AWS says it is not known.
POLLERS_CROSSED: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "MinimumPollers {least} must be less than or equal to MaximumPollers {most}.",
    "message",
    f"{LAMBDA_API}/API_ProvisionedPollerConfig.html",
)
# That more than the quota are refused is documented (invocation-eventfiltering.html), the text is not.
TOO_MANY_FILTERS: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Number of filters {count} exceeds the limit of {most} per event source mapping.",
    "message",
    f"{LAMBDA_GUIDE}/invocation-eventfiltering.html",
)
# Metrics of Kafka's mappings asked for a queue's. The pattern is that of every field which a source does not support.
METRICS_OF_KAFKA: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Unsupported MetricsConfig parameter for given event source mapping type.",
    "message",
    f"{LAMBDA_API}/API_EventSourceMappingMetricsConfig.html",
)
