"""What SQS answers about message groups and deduplication, as recorded (test_sqs.py: TestSqsProvider)."""

from __future__ import annotations

from typing import Final

from lambdarun.aws.limits import SQS_API
from lambdarun.aws.messages import ErrorText

GROUP_ID_MISSING: Final = ErrorText(
    400,
    # In a batch the code is InvalidParameterValue.
    "MissingParameter",
    "The request must contain the parameter MessageGroupId.",
    "message",
    f"{SQS_API}/API_SendMessage.html",
)
DEDUPLICATION_ID_MISSING: Final = ErrorText(
    400,
    "InvalidParameterValue",
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    "message",
    f"{SQS_API}/API_SendMessage.html",
)
ID_INVALID: Final = ErrorText(
    400,
    "InvalidParameterValue",
    "Value {value} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and punctuation"
    " characters. 1 to 128 in length.",
    "message",
    f"{SQS_API}/API_SendMessage.html",
)
NOT_FOR_THIS_TYPE: Final = ErrorText(
    400,
    "InvalidParameterValue",
    "Value {value} for parameter {name} is invalid. Reason: The request include parameter that is not valid for this"
    " queue type.",
    "message",
    f"{SQS_API}/API_SendMessage.html",
)
RECEIPT_EXPIRED: Final = ErrorText(
    400,
    "InvalidParameterValue",
    "Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
    "message",
    f"{SQS_API}/API_DeleteMessage.html",
)
