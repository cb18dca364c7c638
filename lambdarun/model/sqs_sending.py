"""SendMessage and SendMessageBatch."""

from __future__ import annotations

from typing import Any

from attrs import define

from lambdarun.aws import fifo_messages, limits, sqs_messages
from lambdarun.model.instant import Instant
from lambdarun.model.message import Message, NewMessage
from lambdarun.model.message_attributes import attribute_bytes
from lambdarun.model.sqs_batches import Batch, opened
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_message_attributes import (
    body_checksum,
    checksum,
    read_attributes,
    read_trace_header,
    trace_header_checksum,
)
from lambdarun.model.sqs_request import SqsRequest
from lambdarun.model.sqs_room import LiveQueue, QueueRoom


@define(eq=False)
class Sending:
    """Puts messages into queues for callers."""

    room: QueueRoom

    def send(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        """One message. Raises SqsError."""
        if not request.text("MessageBody"):
            raise SqsError.of(sqs_messages.MESSAGE_BODY_MISSING)
        message = _read(request)
        self._check(live, message)
        return self._put(now, live, message)

    def send_batch(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        """Up to ten messages, each with its own success or failure. Raises SqsError where all fail together."""
        batch = opened(request, "SendMessageBatchRequestEntry")
        read: list[NewMessage | SqsError] = [_read_entry(entry) for _, entry in batch.entries]
        size = sum(_size(message) for message in read if isinstance(message, NewMessage))
        most = limits.SQS_BATCH_BYTES.value
        if size > most:
            raise SqsError.of(sqs_messages.BATCH_TOO_LONG, most=most, size=size)
        self._check_fifo(live, batch)
        for (own, _), message in zip(batch.entries, read, strict=True):
            if isinstance(message, SqsError):
                batch.failed(own, message)
                continue
            try:
                self._check(live, message)
            except SqsError as refused:
                batch.failed(own, _in_a_batch(live, refused))
            else:
                batch.succeeded(own, self._put(now, live, message))
        return batch.answer()

    def _check(self, live: LiveQueue, message: NewMessage) -> None:
        refusal = live.core.refusal(message)
        if refusal is not None:
            raise SqsError(refusal.code, refusal.message)

    def _check_fifo(self, live: LiveQueue, batch: Batch) -> None:
        """What is recorded to fail the whole batch of a FIFO queue: an entry without its group or its deduplication id."""
        fifo = live.core.declaration.fifo
        if fifo is None:
            return
        for _, entry in batch.entries:
            if entry.text("MessageGroupId") is None:
                raise SqsError.of(sqs_messages.ENTRY_GROUP_ID_MISSING)
            if entry.text("MessageDeduplicationId") is None and not fifo.content_based_deduplication:
                raise SqsError.of(fifo_messages.DEDUPLICATION_ID_MISSING)

    def _put(self, now: Instant, live: LiveQueue, message: NewMessage) -> dict[str, Any]:
        sent = live.core.send(now, message, self.room.records)
        self.room.stir(live)
        return _answer(live, message, sent)


def _read(request: SqsRequest) -> NewMessage:
    return NewMessage(
        body=request.text("MessageBody") or "",
        attributes=read_attributes(request),
        delay_seconds=request.number("DelaySeconds"),
        message_group_id=request.text("MessageGroupId"),
        message_deduplication_id=request.text("MessageDeduplicationId"),
        trace_header=read_trace_header(request),
    )


def _read_entry(entry: SqsRequest) -> NewMessage | SqsError:
    try:
        return _read(entry)
    except SqsError as refused:
        return refused


def _size(message: NewMessage) -> int:
    return len(message.body.encode("utf-8", "surrogatepass")) + attribute_bytes(message.attributes)


def _in_a_batch(live: LiveQueue, refused: SqsError) -> SqsError:
    most = live.core.declaration.maximum_message_size
    if refused.message == sqs_messages.MESSAGE_TOO_LONG.of(most=most):
        return SqsError.of(sqs_messages.ENTRY_TOO_LONG, most=most)
    return refused


def _answer(live: LiveQueue, message: NewMessage, sent: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"MD5OfMessageBody": body_checksum(message.body), "MessageId": sent.id}
    digest = checksum(message.attributes)
    if digest is not None:
        told["MD5OfMessageAttributes"] = digest
    if message.trace_header is not None:
        told["MD5OfMessageSystemAttributes"] = trace_header_checksum(message.trace_header)
    if live.core.fifo:
        told["SequenceNumber"] = sent.sequence_number
    return told
