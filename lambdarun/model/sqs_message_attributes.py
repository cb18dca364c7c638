"""Message attributes in a call: what AWS refuses, which of them a receive returns, and their checksum.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html

In the house a binary value is base64 text, as in a Lambda event and in the JSON protocol's body; a request may also
bring it as bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from lambdarun.aws import limits, sqs_messages
from lambdarun.model.lambda_events import attributes_md5
from lambdarun.model.message_attributes import Attributes
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_request import SqsRequest

TRACE_HEADER: Final = "AWSTraceHeader"
# Letters of any alphabet: AWS took `attr.1øßä`, and refused `!`, a quote, a section sign, a bracket, a question mark.
_NAME: Final = re.compile(r"[\w.-]+")
_RESERVED: Final = ("aws.", "amazon.")
_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_attributes(request: SqsRequest) -> dict[str, Mapping[str, object]]:
    """The request's MessageAttributes as the queue keeps them. Raises SqsError."""
    given = request.table("MessageAttributes")
    most = limits.MESSAGE_ATTRIBUTES.value
    if len(given) > most:
        raise SqsError.of(sqs_messages.TOO_MANY_ATTRIBUTES, count=len(given), most=most)
    return {name: read_attribute(name, value) for name, value in given.items()}


def read_trace_header(request: SqsRequest) -> str | None:
    """The one system attribute that may be sent. Raises SqsError."""
    header = None
    for name, value in request.table("MessageSystemAttributes").items():
        if name != TRACE_HEADER:
            raise SqsError.of(sqs_messages.SYSTEM_ATTRIBUTE_UNKNOWN, name=name)
        held = value if isinstance(value, Mapping) else {}
        header = held.get("StringValue")
        if held.get("DataType") != "String" or not isinstance(header, str) or not header:
            raise SqsError.of(sqs_messages.SYSTEM_ATTRIBUTE_VALUE, name=name)
    return header


def chosen(attributes: Attributes, names: Iterable[str]) -> Attributes:
    """Those that a receive asks for: by name, all (`All`, `.*`), or by the beginning of the name (`abc.*`)."""
    told = list(names)
    # `*` is not documented, and recorded: it returned all.
    if not told or not attributes or not {"All", ".*", "*"}.isdisjoint(told):
        return attributes if told else {}
    exact = set(told)
    beginnings = tuple(name.removesuffix(".*") for name in told if name.endswith(".*"))
    return {name: value for name, value in attributes.items() if name in exact or name.startswith(beginnings)}


def answered(attributes: Attributes) -> dict[str, dict[str, str]]:
    """As the API's answer has them."""
    told = {}
    for name, value in attributes.items():
        kind = str(value["dataType"])
        binary = kind.startswith("Binary")
        held = str(value["binaryValue" if binary else "stringValue"])
        told[name] = {"BinaryValue" if binary else "StringValue": held, "DataType": kind}
    return told


def checksum(attributes: Attributes) -> str | None:
    """MD5OfMessageAttributes; None where there is none.

    >>> checksum({"Hello": {"stringValue": "There", "dataType": "String"}})
    'a311262e065454b75da111d535b8dacd'
    """
    return attributes_md5(attributes) if attributes else None


def trace_header_checksum(header: str) -> str | None:
    """MD5OfMessageSystemAttributes."""
    return checksum({TRACE_HEADER: {"stringValue": header, "dataType": "String"}})


def body_checksum(body: str) -> str:
    """MD5OfMessageBody and MD5OfBody."""
    return hashlib.md5(body.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def read_attribute(name: str, value: object) -> dict[str, object]:
    """One of the request's attributes as the queue keeps it. Raises SqsError."""
    _check_name(name)
    if not isinstance(value, Mapping):
        raise SqsError.of(
            sqs_messages.NOT_OF_TYPE,
            name=f"MessageAttributes.{name}",
            value=repr(value)[:80],
            kind="a Structure",
        )
    if value.get("StringListValues") or value.get("BinaryListValues"):
        raise SqsError.of(sqs_messages.ATTRIBUTE_LISTS)
    kind = value.get("DataType")
    if not isinstance(kind, str) or not kind:
        raise SqsError.of(sqs_messages.ATTRIBUTE_TYPE_MISSING, name=name)
    if len(kind) > limits.MESSAGE_ATTRIBUTE_NAME_LENGTH.high:
        raise SqsError.of(sqs_messages.ATTRIBUTE_TYPE_LONG)
    if _FORBIDDEN.search(kind) is not None:
        raise SqsError.of(sqs_messages.ATTRIBUTE_CHARACTERS)
    base = kind.partition(".")[0]
    if base == "Binary":
        return {"binaryValue": _binary(name, value.get("BinaryValue"), base), "dataType": kind}
    if base not in ("String", "Number"):
        raise SqsError.of(sqs_messages.ATTRIBUTE_TYPE, name=name)
    text = value.get("StringValue")
    if not isinstance(text, str) or not text:
        raise SqsError.of(sqs_messages.EMPTY_ATTRIBUTE, name=name, kind=base)
    if base == "Number" and not is_number(text):
        raise SqsError.of(sqs_messages.ATTRIBUTE_NUMBER, name=name)
    if _FORBIDDEN.search(text) is not None:
        raise SqsError.of(sqs_messages.ATTRIBUTE_CHARACTERS)
    return {"stringValue": text, "dataType": kind}


def _check_name(name: str) -> None:
    if not name or len(name) > limits.MESSAGE_ATTRIBUTE_NAME_LENGTH.high:
        raise SqsError.of(sqs_messages.ATTRIBUTE_NAME_LONG)
    if not _NAME.fullmatch(name) or ".." in name:
        raise SqsError.of(sqs_messages.ATTRIBUTE_NAME_CHARACTERS)
    if name.lower().startswith(_RESERVED) or name.startswith(".") or name.endswith("."):
        raise SqsError.of(sqs_messages.ATTRIBUTE_NAME_RESERVED)


def _binary(name: str, value: object, base: str) -> str:
    if isinstance(value, bytes | bytearray):
        value = base64.b64encode(value).decode()
    if not isinstance(value, str) or not value:
        raise SqsError.of(sqs_messages.EMPTY_ATTRIBUTE, name=name, kind=base)
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise SqsError.of(
            sqs_messages.NOT_OF_TYPE, name=f"MessageAttributes.{name}.BinaryValue", value=repr(value)[:80],
            kind="a Blob",
        ) from None  # fmt: skip
    return value


def is_number(text: str) -> bool:
    """Whether AWS takes `text` as a Number: up to 38 digits, between -10^128 and 10^126.

    >>> is_number("-12.5e3"), is_number("world"), is_number("1" * 39)
    (True, False, False)
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        return False
    # Python's number may have more around and in it than AWS's.
    if not value.is_finite() or "_" in text or text != text.strip():
        return False
    digits = value.as_tuple().digits
    return (
        len(digits) <= limits.NUMBER_DIGITS.value
        and limits.NUMBER_LEAST.value <= value <= limits.NUMBER_MOST.value
    )
