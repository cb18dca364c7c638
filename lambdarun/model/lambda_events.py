"""`Records[]` as the handler of a queue receives them, to the key and its order.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, and LocalStack's recording of
test_message_body_and_attributes_passed_correctly.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from hashlib import md5
from json.encoder import encode_basestring_ascii as quoted
from typing import Final

from lambdarun.model.message import PLAIN, SENDER, FifoMessage, Message, Received

_SENDER: Final = quoted(SENDER)
_KINDS: Final = {"String": b"\x01", "Number": b"\x01", "Binary": b"\x02"}


def attributes_md5(attributes: Mapping[str, Mapping[str, object]]) -> str:
    """MD5 of message attributes: sorted names, each with length, type and value.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """
    digest = md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        kind = str(attribute["dataType"])
        value = attribute.get("stringValue")
        if kind.split(".")[0] == "Binary":
            data = base64.b64decode(str(attribute.get("binaryValue", "")))
        else:
            data = str(value).encode()
        for part in (name.encode(), kind.encode()):
            digest.update(len(part).to_bytes(4, "big") + part)
        digest.update(_KINDS.get(kind.split(".")[0], b"\x01"))
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.hexdigest()


# Written by hand and not by json.dumps: keys in AWS's order, and without a dictionary for each record.
def sqs_event(batch: Iterable[Received], arn: str, region: str, *, null_md5: bool) -> bytes:
    """The event of a batch. `null_md5`: messages without attributes have `md5OfMessageAttributes: null`, as one of
    AWS's two poller paths writes it (the one with a batching window); the other leaves the key out.
    """
    tail = f'"eventSource":"aws:sqs","eventSourceARN":"{arn}","awsRegion":"{region}"}}'
    absent_md5 = '"md5OfMessageAttributes":null,' if null_md5 else ""
    records = [sqs_record(received, tail, absent_md5) for received in batch]
    return f'{{"Records":[{",".join(records)}]}}'.encode()


def sqs_record(received: Received, tail: str, absent_md5: str) -> str:
    """One record as JSON text; `tail` is what all records of a queue end with, `absent_md5` stands where a message
    has no attributes."""
    # Ten of these are half of what a batch costs: so one f-string, and no call that is not needed.
    message = received.message
    body = message.body
    extra = attributes = trace = group = deduplication = ""
    checksum, sender = absent_md5, _SENDER
    envelope = message.envelope
    if envelope is not PLAIN:
        sender = quoted(envelope.sender_id)
        if envelope.source_arn is not None:
            extra = f',"DeadLetterQueueSourceArn":"{envelope.source_arn}"'
        if envelope.trace_header is not None:
            trace = f'"AWSTraceHeader":{quoted(envelope.trace_header)},'
        if envelope.attributes:
            attributes = ",".join([_attribute(name, value) for name, value in envelope.attributes.items()])
            checksum = f'"md5OfMessageAttributes":"{attributes_md5(envelope.attributes)}",'
    if message.message_group_id is not None:
        group, deduplication = _group(message, message.message_group_id)
    return (
        f'{{"messageId":{quoted(message.id)},"receiptHandle":"{received.handle()}","body":{quoted(body)},'
        f'"attributes":{{"ApproximateReceiveCount":"{received.receive_count}",{trace}"SentTimestamp":"{message.sent // 1_000}",'
        f'{group}"SenderId":{sender},{deduplication}'
        f'"ApproximateFirstReceiveTimestamp":"{message.first_received // 1_000}"{extra}}},'
        f'"messageAttributes":{{{attributes}}},{checksum}'
        f'"md5OfBody":"{md5(body.encode(), usedforsecurity=False).hexdigest()}",{tail}'
    )


def _group(message: Message, group_id: str) -> tuple[str, str]:
    """What stands before and behind SenderId for a message with a group: a tenant's, or a FIFO queue's.

    The order is that of the sample event of a FIFO queue, https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html.
    """
    group = f'"MessageGroupId":{quoted(group_id)},'
    if not isinstance(message, FifoMessage):
        return group, ""
    own = quoted(message.message_deduplication_id)
    return f'"SequenceNumber":"{message.sequence_number}",{group}', f'"MessageDeduplicationId":{own},'


def _attribute(name: str, value: Mapping[str, object]) -> str:
    kind = str(value["dataType"])
    if kind.split(".")[0] == "Binary":
        held = f'"binaryValue":{quoted(str(value.get("binaryValue", "")))}'
    else:
        held = f'"stringValue":{quoted(str(value.get("stringValue", "")))}'
    return f'{quoted(name)}:{{{held},"stringListValues":[],"binaryListValues":[],"dataType":{quoted(kind)}}}'
