"""What message attributes may be, what they weigh, and which of them AWS refuses.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

Attributes = Mapping[str, Mapping[str, object]]
_TYPES: Final = ("String", "Number", "Binary")


def normalised(attributes: object) -> dict[str, Mapping[str, object]]:
    """Message attributes as an event has them; plain texts and numbers are taken, and the SDKs' capitals and bytes too.

    Raises ValueError.
    """
    if not isinstance(attributes, Mapping):
        raise ValueError(f"{attributes!r} are no message attributes: they have names")
    return {str(name): _normalised(str(name), value) for name, value in attributes.items()}


def _normalised(name: str, value: object) -> Mapping[str, object]:
    if isinstance(value, str):
        return {"stringValue": value, "dataType": "String"}
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"stringValue": str(value), "dataType": "Number"}
    if not isinstance(value, Mapping):
        raise ValueError(
            f"attribute {name!r}: {value!r} is neither text nor number nor an attribute's fields"
        )
    told = {str(key)[:1].lower() + str(key)[1:]: held for key, held in value.items()}
    kind = told.get("dataType", "Binary" if told.get("binaryValue") else "String")
    member = "binaryValue" if str(kind).startswith("Binary") else "stringValue"
    held = told.get(member) or ""
    if member == "binaryValue" and isinstance(held, bytes | bytearray):
        held = base64.b64encode(held).decode()
    if not isinstance(kind, str) or kind.partition(".")[0] not in _TYPES or not isinstance(held, str):
        raise ValueError(
            f"attribute {name!r}: {value!r} has no dataType String, Number or Binary with a text"
        )
    if member == "binaryValue":
        try:
            base64.b64decode(held, validate=True)
        except ValueError:
            raise ValueError(f"attribute {name!r}: {held!r} is no base64") from None
    return {member: held, "dataType": kind}


def attribute_bytes(attributes: Attributes) -> int:
    """Names, types and values count against the message's size; a binary value without its base64."""
    return sum(
        len(name.encode("utf-8", "surrogatepass")) + len(str(value.get("dataType", ""))) + len(_held(value))
        for name, value in attributes.items()
    )


def _held(value: Mapping[str, object]) -> bytes:
    if not str(value.get("dataType", "")).startswith("Binary"):
        return str(value.get("stringValue") or "").encode("utf-8", "surrogatepass")
    return base64.b64decode(str(value.get("binaryValue") or ""))
