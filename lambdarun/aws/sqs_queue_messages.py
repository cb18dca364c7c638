"""The errors of SQS that are about queues: their names, attributes, policies, tags and redrive tasks.

As in `sqs_messages`: where nothing else is said the text was recorded from AWS or asserted in a test that ran against it.
"""

from __future__ import annotations

from typing import Final

from lambdarun.aws.limits import SQS_GUIDE
from lambdarun.aws.messages import ErrorText
from lambdarun.aws.sqs_messages import NON_EXISTENT, PREFIX, sqs_error

# --- queues
QUEUE_MISSING: Final = sqs_error(NON_EXISTENT, "The specified queue does not exist.", "API_GetQueueUrl")
QUEUE_EXISTS: Final = sqs_error(
    "QueueAlreadyExists",
    "A queue already exists with the same name and a different value for attribute {name}",
    "API_CreateQueue",
)
DELETED_RECENTLY: Final = sqs_error(
    f"{PREFIX}QueueDeletedRecently",
    "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    "API_CreateQueue",
)
QUEUE_NAME: Final = sqs_error(
    # As AWS's users quote it.
    "InvalidParameterValue",
    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    "API_CreateQueue",
)
FIFO_QUEUE_NAME: Final = sqs_error(
    # As AWS's users quote it.
    "InvalidParameterValue",
    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo"
    " suffix and be 1 to 80 in length.",
    "API_CreateQueue",
)
PURGE_IN_PROGRESS: Final = sqs_error(
    f"{PREFIX}PurgeQueueInProgress",
    "Only one PurgeQueue operation on {name} is allowed every 60 seconds.",
    "API_PurgeQueue",
    403,
)

# --- attributes of a queue
ATTRIBUTE_UNKNOWN: Final = sqs_error(
    "InvalidAttributeName", "Unknown Attribute {name}.", "API_SetQueueAttributes"
)
ATTRIBUTE_OF_FIFO: Final = sqs_error(
    "InvalidAttributeName",
    "You can specify the {name} only when FifoQueue is set to true.",
    "API_SetQueueAttributes",
)
ATTRIBUTE_VALUE: Final = sqs_error(
    # As AWS's users quote it (apache/airflow#65592).
    "InvalidAttributeValue",
    "Invalid value for the parameter {name}.",
    "API_SetQueueAttributes",
)
QUEUE_TYPE: Final = sqs_error(
    "InvalidAttributeValue",
    "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
    "API_SetQueueAttributes",
)
PER_GROUP_NEEDS_SCOPE: Final = sqs_error(
    # The rule is documented; the text is as AWS's users quote it.
    "InvalidAttributeValue",
    "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup",
    "API_SetQueueAttributes",
)
ONE_ENCRYPTION: Final = sqs_error(
    "InvalidAttributeName",
    "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    "API_SetQueueAttributes",
)
POLICY_INVALID: Final = sqs_error(
    # As AWS's users quote it.
    "InvalidAttributeValue",
    "Invalid value for the parameter Policy.",
    "API_SetQueueAttributes",
)
# The texts of the two redrive policies: as AWS's users quote them (terraform-provider-aws, cdk, sqs clients).
REDRIVE_NOT_A_MAP: Final = sqs_error(
    "InvalidParameterValue",
    "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map.",
    "API_SetQueueAttributes",
)
REDRIVE_WITHOUT: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter RedrivePolicy is invalid. Reason: Redrive policy does not contain mandatory attribute:"
    " {name}.",
    "API_SetQueueAttributes",
)
REDRIVE_UNSUPPORTED: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter RedrivePolicy is invalid. Reason: Only following attributes are supported:"
    " [maxReceiveCount, deadLetterTargetArn].",
    "API_SetQueueAttributes",
)
REDRIVE_COUNT: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter RedrivePolicy is invalid. Reason: Invalid value for maxReceiveCount: {count}, valid"
    " values are from {least} to {most} both inclusive.",
    "API_SetQueueAttributes",
)
REDRIVE_ARN: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter RedrivePolicy is invalid. Reason: Dead-letter target ARN should be fully qualified ARN.",
    "API_SetQueueAttributes",
)
REDRIVE_NOT_SQS: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter RedrivePolicy is invalid. Reason: Only SQS queues are valid resources for"
    " deadLetterTargetArn.",
    "API_SetQueueAttributes",
)
REDRIVE_OWNER: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter RedrivePolicy is invalid. Reason: Dead-letter target owner should be same as the source.",
    "API_SetQueueAttributes",
)
REDRIVE_TARGET: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
    "API_SetQueueAttributes",
)
REDRIVE_TYPE: Final = sqs_error(
    # The two full stops are AWS's.
    "InvalidParameterValue",
    "Value {value} for parameter RedrivePolicy is invalid. Reason: Dead-letter queue must be same type of queue as the"
    " source..",
    "API_SetQueueAttributes",
)
REDRIVE_NOT_ALLOWED: Final = sqs_error(
    # The rule is documented, the text is not.
    "InvalidParameterValue",
    "Value {value} for parameter RedrivePolicy is invalid. Reason: The dead-letter queue's redrive allow policy does not"
    " permit this source queue.",
    "API_SetQueueAttributes",
)
ALLOW_FORMAT: Final = sqs_error(
    "InvalidParameterValue",
    "Invalid value for the parameter RedriveAllowPolicy. Reason: Amazon SQS can't create the redrive allow policy, as"
    " it\N{RIGHT SINGLE QUOTATION MARK}s in an unsupported format.",
    "API_SetQueueAttributes",
)
ALLOW_WITHOUT_ARNS: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter RedriveAllowPolicy is invalid. Reason: Amazon SQS can't create the redrive allow policy."
    " When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values.",
    "API_SetQueueAttributes",
)
ALLOW_ARNS_WITHOUT: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter RedriveAllowPolicy is invalid. Reason: Amazon SQS can't create the redrive allow policy."
    " To specify one or more source queue ARNs, you must set redrivePermission to byQueue.",
    "API_SetQueueAttributes",
)
ALLOW_TOO_MANY: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter RedriveAllowPolicy is invalid. Reason: Amazon SQS can't create the redrive allow policy."
    " The maximum number of source queue ARNs you can specify is {most}.",
    "API_SetQueueAttributes",
)

# --- moving back what was dead-lettered
NOT_A_DEAD_LETTER_QUEUE: Final = sqs_error(
    "InvalidParameterValue",
    "Source queue must be configured as a Dead Letter Queue.",
    "API_StartMessageMoveTask",
)
ARN_MISSING: Final = sqs_error(
    "ResourceNotFoundException",
    "The resource that you specified for the {name} parameter doesn't exist.",
    "API_StartMessageMoveTask",
    404,
)
TASK_RUNNING: Final = sqs_error(
    "InvalidParameterValue",
    "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
    "API_StartMessageMoveTask",
)
TASKS_TOO_MANY: Final = ErrorText(
    # The quota is documented, the text is not.
    403,
    "OverLimit",
    "The maximum number of active message move tasks ({most}) is reached.",
    "message",
    f"{SQS_GUIDE}/sqs-configure-dead-letter-queue-redrive.html",
)
TASK_SAME_QUEUE: Final = sqs_error(
    # That source and destination differ is documented, the text is not.
    "InvalidParameterValue",
    "Source queue arn and destination queue arn cannot be the same.",
    "API_StartMessageMoveTask",
)
TASK_TYPE: Final = sqs_error(
    # Undocumented: a FIFO queue takes no message without a group, so one of another type could not be.
    "InvalidParameterValue",
    "Source queue and destination queue must be of the same type.",
    "API_StartMessageMoveTask",
)
TASK_RATE: Final = sqs_error(
    # The bounds are documented, the text is not.
    "InvalidParameterValue",
    "Value {value} for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between {least} and {most}, if"
    " provided.",
    "API_StartMessageMoveTask",
)
TASK_HANDLE: Final = sqs_error(
    "InvalidParameterValue", "Value for parameter TaskHandle is invalid.", "API_CancelMessageMoveTask"
)
TASK_MISSING: Final = sqs_error(
    "ResourceNotFoundException", "Task does not exist.", "API_CancelMessageMoveTask", 404
)
TASK_NOT_RUNNING: Final = sqs_error(
    # Only a running task may be cancelled (documented); the text is not.
    f"{PREFIX}UnsupportedOperation",
    "Only active tasks can be cancelled.",
    "API_CancelMessageMoveTask",
)

# --- permissions and tags
LABEL_EXISTS: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter Label is invalid. Reason: Already exists.",
    "API_AddPermission",
)
LABEL_MISSING: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter Label is invalid. Reason: can't find label.",
    "API_RemovePermission",
)
LABEL_NOT_IN_POLICY: Final = sqs_error(
    # As AWS's users quote it.
    "InvalidParameterValue",
    "Value {value} for parameter Label is invalid. Reason: can't find label on existing policy.",
    "API_RemovePermission",
)
PRINCIPAL_INVALID: Final = sqs_error(
    # As AWS's users quote it.
    "InvalidParameterValue",
    "Value {value} for parameter PrincipalId is invalid. Reason: Unable to verify.",
    "API_AddPermission",
)
ACTIONS_TOO_MANY: Final = sqs_error(
    # As AWS's users quote it.
    "OverLimit",
    "{count} Actions were found, maximum allowed is {most}.",
    "API_AddPermission",
    403,
)
ACTION_NAME: Final = sqs_error(
    # As AWS's users quote it.
    "InvalidParameterValue",
    "Value SQS:{value} for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action.",
    "API_AddPermission",
)
TAGS_TOO_MANY: Final = sqs_error(
    # As AWS's users quote it.
    "InvalidParameterValue",
    "Too many tags added for queue {name}.",
    "API_TagQueue",
)
TAG_KEYS: Final = sqs_error(
    # As AWS's users quote it.
    "InvalidParameterValue",
    "Tag keys must be between 1 and 128 characters in length.",
    "API_TagQueue",
)
