"""Every error of SQS that is about requests, messages or batches: status, code and text, once, with its page.

Where nothing else is said the text was recorded from AWS by the LocalStack project's tests, or asserted in one that ran
against AWS. AWS's pages give codes and rules, hardly ever texts.
"""

from __future__ import annotations

from typing import Final

from lambdarun.aws.limits import SQS_API
from lambdarun.aws.messages import ErrorText

PREFIX: Final = "AWS.SimpleQueueService."
NON_EXISTENT: Final = f"{PREFIX}NonExistentQueue"


def sqs_error(code: str, text: str, page: str, status: int = 400) -> ErrorText:
    """SQS answers 400 to almost everything."""
    return ErrorText(status, code, text, "message", f"{SQS_API}/{page}.html")


_QUERY_CODES: Final = {
    NON_EXISTENT: "QueueDoesNotExist",
    "QueueAlreadyExists": "QueueNameExists",
    "InvalidParameterValue": "InvalidParameterValueException",
    "MissingParameter": "MissingRequiredParameterException",
}


def query_code(code: str) -> str:
    """The name of the error's shape, as the JSON protocol's `__type` has it; `code` is the older protocol's.

    >>> query_code("AWS.SimpleQueueService.PurgeQueueInProgress"), query_code("MissingParameter")
    ('PurgeQueueInProgress', 'MissingRequiredParameterException')
    """
    return _QUERY_CODES.get(code, code.removeprefix(PREFIX))


def text_in_query(code: str, text: str) -> str:
    """The text in the older Query protocol, which differs for one error (recorded: test_non_existent_queue).

    >>> text_in_query(NON_EXISTENT, "The specified queue does not exist.")
    'The specified queue does not exist for this wsdl version.'
    """
    return f"{text.removesuffix('.')} for this wsdl version." if code == NON_EXISTENT else text


# --- requests
PARAMETER_MISSING: Final = sqs_error(
    "MissingParameter", "The request must contain the parameter {name}.", "CommonErrors"
)
NOT_OF_TYPE: Final = sqs_error(
    # AWS documents no text for a member of another JSON type; its code is that of all of AWS's JSON protocols.
    "SerializationException",
    "{name}: {value} can not be converted to {kind}.",
    "CommonErrors",
)
ACTION_UNKNOWN: Final = sqs_error(
    "InvalidAction", "The action {name} is not valid for this endpoint.", "CommonErrors"
)
MAX_RESULTS: Final = sqs_error(
    # The bounds are documented, the text is not.
    "InvalidParameterValue",
    "Value {value} for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and {most}.",
    "API_ListQueues",
)
NEXT_TOKEN: Final = sqs_error(
    # The rule is documented, the text is not.
    "InvalidParameterValue",
    "Value {value} for parameter NextToken is invalid. Reason: The token was not given by this request.",
    "API_ListQueues",
)

# --- a message
MESSAGE_BODY_MISSING: Final = sqs_error(
    "MissingParameter", "The request must contain the parameter MessageBody.", "API_SendMessage"
)
MESSAGE_TOO_LONG: Final = sqs_error(
    "InvalidParameterValue",
    "One or more parameters are invalid. Reason: Message must be shorter than {most} bytes.",
    "API_SendMessage",
)
ENTRY_TOO_LONG: Final = sqs_error(
    # The same in a batch's answer, in other words.
    "InvalidParameterValue",
    "One or more parameters cannot be validated. Reason: Message must be shorter than {most} bytes.",
    "API_SendMessageBatch",
)
INVALID_CHARACTERS: Final = sqs_error(
    "InvalidMessageContents",
    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD |"
    " #x10000 to #x10FFFF",
    "API_SendMessage",
)
DELAY_INVALID: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
    "API_SendMessage",
)
ENTRY_GROUP_ID_MISSING: Final = sqs_error(
    # The same text under another code: recorded of a batch, which fails as a whole.
    "InvalidParameterValue",
    "The request must contain the parameter MessageGroupId.",
    "API_SendMessageBatch",
)

# --- message attributes
TOO_MANY_ATTRIBUTES: Final = sqs_error(
    # As AWS's users quote it.
    "InvalidParameterValue",
    "Number of message attributes [{count}] exceeds the allowed maximum [{most}].",
    "API_SendMessage",
)
EMPTY_ATTRIBUTE: Final = sqs_error(
    "InvalidParameterValue",
    "Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'.",
    "API_SendMessage",
)
ATTRIBUTE_TYPE_MISSING: Final = sqs_error(
    # As AWS's users quote it.
    "InvalidParameterValue",
    "Message (user) attribute '{name}' must contain a non-empty attribute type.",
    "API_SendMessage",
)
ATTRIBUTE_TYPE: Final = sqs_error(
    # As AWS's users quote it.
    "InvalidParameterValue",
    "The type of message (user) attribute '{name}' is invalid. You must use only the following supported type prefixes:"
    " Binary, Number, String.",
    "API_SendMessage",
)
ATTRIBUTE_NUMBER: Final = sqs_error(
    # As AWS's users quote it.
    "InvalidParameterValue",
    "Can't cast the value of message (user) attribute '{name}' to a number.",
    "API_SendMessage",
)
# The rules of the five below are documented, and that AWS refuses was asserted; the texts are LocalStack's.
ATTRIBUTE_NAME_LONG: Final = sqs_error(
    "InvalidParameterValue",
    "Message (user) attribute names must be shorter than 256 Bytes",
    "API_SendMessage",
)
ATTRIBUTE_TYPE_LONG: Final = sqs_error(
    "InvalidParameterValue",
    "Message (user) attribute types must be shorter than 256 Bytes",
    "API_SendMessage",
)
ATTRIBUTE_NAME_CHARACTERS: Final = sqs_error(
    "InvalidParameterValue",
    "Message (user) attributes name can only contain upper and lower score characters, digits, periods, hyphens and"
    " underscores. ",
    "API_SendMessage",
)
ATTRIBUTE_NAME_RESERVED: Final = sqs_error(
    "InvalidParameterValue",
    "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for internal"
    " use. Additionally, they cannot start or end with '.'.",
    "API_SendMessage",
)
ATTRIBUTE_CHARACTERS: Final = sqs_error("InvalidParameterValue", INVALID_CHARACTERS.text, "API_SendMessage")
"""Another code than a body's: asserted."""
SYSTEM_ATTRIBUTE_UNKNOWN: Final = sqs_error(
    # Only AWSTraceHeader may be sent; the text is not documented.
    "InvalidParameterValue",
    "Message (system) attribute name '{name}' is invalid. Only AWSTraceHeader is supported.",
    "API_MessageSystemAttributeValue",
)
SYSTEM_ATTRIBUTE_VALUE: Final = sqs_error(
    # Of type String and not empty; the text is not documented.
    "InvalidParameterValue",
    "Message (system) attribute '{name}' must contain a non-empty value of type 'String'.",
    "API_MessageSystemAttributeValue",
)

ATTRIBUTE_LISTS: Final = sqs_error(
    # As AWS's users quote it.
    f"{PREFIX}UnsupportedOperation",
    "Message attribute list values in SendMessage operation are not supported.",
    "API_MessageAttributeValue",
)

# --- receiving
RECEIVE_COUNT: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
    "API_ReceiveMessage",
)
WAIT_TIME: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
    "API_ReceiveMessage",
)
VISIBILITY_INVALID: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200, if provided.",
    "API_ChangeMessageVisibility",
)
OVER_LIMIT: Final = sqs_error(
    # The code is documented, the text is not.
    "OverLimit",
    "The maximum number of in flight messages is reached.",
    "API_ReceiveMessage",
    403,
)

# --- receipts
RECEIPT_INVALID: Final = sqs_error(
    "ReceiptHandleIsInvalid",
    'The input receipt handle "{handle}" is not a valid receipt handle.',
    "API_DeleteMessage",
)
VISIBILITY_TOTAL: Final = sqs_error(
    "InvalidParameterValue",
    "Value {value} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond"
    " the limit [{most} seconds]",
    "API_ChangeMessageVisibility",
)
MESSAGE_NOT_THERE: Final = sqs_error(
    "InvalidParameterValue",
    "Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility"
    " timeout change.",
    "API_ChangeMessageVisibility",
)

# --- batches
BATCH_EMPTY: Final = sqs_error(
    # As AWS's users quote it.
    f"{PREFIX}EmptyBatchRequest",
    "There should be at least one {kind} in the request.",
    "API_SendMessageBatch",
)
BATCH_TOO_MANY: Final = sqs_error(
    f"{PREFIX}TooManyEntriesInBatchRequest",
    "Maximum number of entries per request are 10. You have sent {count}.",
    "API_SendMessageBatch",
)
BATCH_ID_INVALID: Final = sqs_error(
    f"{PREFIX}InvalidBatchEntryId",
    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters"
    " long.",
    "API_SendMessageBatch",
)
BATCH_ID_REPEATED: Final = sqs_error(
    # As AWS's users quote it.
    f"{PREFIX}BatchEntryIdsNotDistinct",
    "Id {id} repeated.",
    "API_SendMessageBatch",
)
BATCH_TOO_LONG: Final = sqs_error(
    f"{PREFIX}BatchRequestTooLong",
    "Batch requests cannot be longer than {most} bytes. You have sent {size} bytes.",
    "API_SendMessageBatch",
)
