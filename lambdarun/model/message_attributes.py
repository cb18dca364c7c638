"""What message attributes weigh, and which of them AWS refuses.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

Attributes = Mapping[str, Mapping[str, object]]


def attribute_bytes(attributes: Attributes) -> int:
    """Names, types and values count against the message's size; a binary value without its base64."""
    return sum(
        len(name.encode()) + len(str(value.get("dataType", ""))) + len(_held(value))
        for name, value in attributes.items()
    )


def empty_attribute(attributes: Attributes) -> tuple[str, str] | None:
    """The name and the type of the first attribute without a value."""
    for name, value in attributes.items():
        if not _held(value):
            return name, str(value.get("dataType", "String")).partition(".")[0]
    return None


def _held(value: Mapping[str, object]) -> bytes:
    if not str(value.get("dataType", "")).startswith("Binary"):
        return str(value.get("stringValue") or "").encode("utf-8", "surrogatepass")
    encoded = str(value.get("binaryValue") or "")
    try:
        return base64.b64decode(encoded)
    except binascii.Error:
        return encoded.encode()
