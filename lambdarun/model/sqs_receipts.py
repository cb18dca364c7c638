"""DeleteMessage and ChangeMessageVisibility, one and in batches: what a receipt handle is good for."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from attrs import define

from lambdarun.aws import sqs_messages
from lambdarun.model.instant import Instant
from lambdarun.model.message import Received
from lambdarun.model.queue_records import GONE, MessagesDeleted, VisibilityChanged
from lambdarun.model.queue_refusal import QueueRefusal
from lambdarun.model.sqs_batches import opened
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_request import SqsRequest
from lambdarun.model.sqs_room import LiveQueue, QueueRoom

_TAG_LENGTH: Final = 8


def handle_text(live: LiveQueue, received: Received) -> str:
    """The receipt handle for callers: the receipt's own text and a mark of its queue."""
    return f"{received.handle()}/{_tag(live)}"


@define(eq=False)
class Receipts:
    """Does what callers ask for by receipt handle."""

    room: QueueRoom

    def delete(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        """DeleteMessage. Raises SqsError."""
        handle = request.required("ReceiptHandle")
        received = _receipt(live, handle)
        if received is not None:
            refusal = live.core.delete_refusal(received)
            if refusal is not None:
                raise _told(refusal, received, handle)
            live.core.delete(received)
            self.room.stir(live)
        # Deleting what is gone is a success, and counts as one.
        deleted = GONE if received is None else received.message.id
        self.room.records.append(MessagesDeleted(now, live.name, (deleted,)))
        return {}

    def delete_batch(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        """DeleteMessageBatch. Raises SqsError where all fail together."""
        batch = opened(request, "DeleteMessageBatchRequestEntry")
        for own, entry in batch.entries:
            try:
                batch.succeeded(own, self.delete(now, live, entry))
            except SqsError as refused:
                batch.failed(own, refused)
        return batch.answer()

    def change(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        """ChangeMessageVisibility. Raises SqsError."""
        handle = request.required("ReceiptHandle")
        timeout = request.number("VisibilityTimeout")
        if timeout is None:
            raise SqsError.of(sqs_messages.PARAMETER_MISSING, name="VisibilityTimeout")
        received = _receipt(live, handle)
        if received is None:
            raise SqsError.of(sqs_messages.MESSAGE_NOT_THERE, handle=handle)
        refusal = live.core.change_visibility(now, received, timeout)
        if refusal is not None:
            raise _told(refusal, received, handle)
        self.room.records.append(VisibilityChanged(now, live.name, received.message.id, timeout))
        # What is shown at once is shown to the next call of this instant, too.
        live.core.advance(now, self.room.records)
        self.room.stir(live)
        return {}

    def change_batch(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        """ChangeMessageVisibilityBatch. Raises SqsError where all fail together."""
        batch = opened(request, "ChangeMessageVisibilityBatchRequestEntry")
        for own, entry in batch.entries:
            try:
                batch.succeeded(own, self.change(now, live, entry))
            except SqsError as refused:
                batch.failed(own, refused)
        return batch.answer()


def _receipt(live: LiveQueue, handle: str) -> Received | None:
    """None: its message is gone. Raises SqsError where it is no handle of this queue."""
    text, _, tag = handle.rpartition("/")
    # A Lambda event's handle has no mark, and a handler may call with it.
    own = text if tag == _tag(live) else handle
    try:
        return live.core.receipt(own)
    except ValueError:
        raise SqsError.of(sqs_messages.RECEIPT_INVALID, handle=handle) from None


def _told(refusal: QueueRefusal, received: Received, handle: str) -> SqsError:
    """The core's refusal, with the handle as the caller wrote it."""
    return SqsError(refusal.code, refusal.message.replace(received.handle(), handle, 1))


def _tag(live: LiveQueue) -> str:
    return hashlib.md5(live.core.arn.encode(), usedforsecurity=False).hexdigest()[:_TAG_LENGTH]
