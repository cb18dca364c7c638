"""What the three batch calls share: checks of the whole request, and an answer that names each entry once.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from lambdarun.aws import limits, sqs_messages
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_request import SqsRequest

_ID: Final = re.compile(f"[A-Za-z0-9_-]{{1,{limits.SQS_BATCH_ENTRY_ID_LENGTH.high}}}")


@define(eq=False)
class Batch:
    """A batch request's entries by their ids, and what came of each."""

    entries: list[tuple[str, SqsRequest]]
    _successful: list[dict[str, Any]] = field(factory=list, init=False)
    _failed: list[dict[str, Any]] = field(factory=list, init=False)

    def succeeded(self, own: str, answer: Mapping[str, Any]) -> None:
        """The entry of that id was done."""
        self._successful.append({"Id": own, **answer})

    def failed(self, own: str, error: SqsError) -> None:
        """The entry of that id was not done."""
        told = {"Id": own, "SenderFault": error.sender_fault, "Code": error.code, "Message": error.message}
        self._failed.append(told)

    def answer(self) -> dict[str, Any]:
        """The call's answer; a list without entries is left out, as recorded."""
        told = {"Successful": self._successful, "Failed": self._failed}
        return {name: entries for name, entries in told.items() if entries}


def opened(request: SqsRequest, kind: str) -> Batch:
    """The request's entries; `kind` is the name of their shape. Raises SqsError where the whole request is refused."""
    entries = request.entries("Entries")
    if not entries:
        raise SqsError.of(sqs_messages.BATCH_EMPTY, kind=kind)
    if len(entries) > limits.SQS_BATCH_ENTRIES.high:
        raise SqsError.of(sqs_messages.BATCH_TOO_MANY, count=len(entries))
    named: dict[str, SqsRequest] = {}
    for entry in entries:
        own = entry.text("Id") or ""
        if not _ID.fullmatch(own):
            raise SqsError.of(sqs_messages.BATCH_ID_INVALID)
        if own in named:
            raise SqsError.of(sqs_messages.BATCH_ID_REPEATED, id=own)
        named[own] = entry
    return Batch(list(named.items()))
