"""AWS's error to a call on a queue."""

from __future__ import annotations

from lambdarun.aws.messages import ErrorText
from lambdarun.aws.sqs_messages import query_code, text_in_query
from lambdarun.errors import LambdarunError


class SqsError(LambdarunError, ValueError):
    """SQS answered with an error. `str()` of it is `Code (status): text`."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code} ({status}): {message}")
        self.code = code
        """As botocore's `Error.Code`: `AWS.SimpleQueueService.NonExistentQueue`."""
        self.query_code = query_code(code)
        """As botocore's `Error.QueryErrorCode`, the JSON protocol's `__type`: `QueueDoesNotExist`."""
        self.message = message
        self.query_message = text_in_query(code, message)
        """The text as the older Query protocol has it."""
        self.status = status
        self.sender_fault = status < 500

    @classmethod
    def of(cls, text: ErrorText, **values: object) -> SqsError:
        """One of the known errors, with its values filled in."""
        return cls(text.code, text.of(**values), text.status)
