"""Why AWS refuses a message, or a call on a queue."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from lambdarun.aws import fifo_messages, limits, sqs_messages
from lambdarun.aws.messages import ErrorText
from lambdarun.model.message import Sendable
from lambdarun.model.message_attributes import attribute_bytes
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_message_attributes import answered, read_attribute

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_FORBIDDEN: Final = "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
# As above: alphanumeric and punctuation characters, each of which that page lists.
_ID: Final = re.compile(f"[!-~]{{1,{limits.MESSAGE_GROUP_ID_LENGTH.high}}}")


@frozen
class QueueRefusal:
    """AWS's error for a call on a queue."""

    code: str
    message: str


def refused(text: ErrorText, **values: object) -> QueueRefusal:
    """The refusal of that text."""
    return QueueRefusal(text.code, text.of(**values))


def content_refusal(message: Sendable, most: int) -> QueueRefusal | None:
    """Why AWS would refuse what any message has; `most` bytes may it weigh. None: it would not."""
    body = message.body
    if not body:
        return refused(sqs_messages.MESSAGE_BODY_MISSING)
    # UTF-8 takes four bytes a character at most: below that bound its size need not be known.
    if len(body) * 4 > most or message.attributes:
        size = len(body.encode("utf-8", "surrogatepass")) + attribute_bytes(message.attributes)
        if size > most:
            return refused(sqs_messages.MESSAGE_TOO_LONG, most=most)
    if len(message.attributes) > limits.MESSAGE_ATTRIBUTES.value:
        return refused(
            sqs_messages.TOO_MANY_ATTRIBUTES,
            count=len(message.attributes),
            most=limits.MESSAGE_ATTRIBUTES.value,
        )
    try:
        for name, value in answered(message.attributes).items():
            read_attribute(name, value)
    except SqsError as fault:
        return QueueRefusal(fault.code, fault.message)
    odd = not (body.isascii() and body.isprintable())
    if odd and re.search(_FORBIDDEN, body) is not None:
        return refused(sqs_messages.INVALID_CHARACTERS)
    delay = message.delay_seconds
    if delay is not None and not limits.DELAY_SECONDS.low <= delay <= limits.DELAY_SECONDS.high:
        return refused(sqs_messages.DELAY_INVALID, value=delay)
    return None


def id_refusal(name: str, value: str | None) -> QueueRefusal | None:
    """Why AWS would refuse this MessageGroupId or MessageDeduplicationId."""
    if value is None or _ID.fullmatch(value):
        return None
    return refused(fifo_messages.ID_INVALID, name=name, value=value)
