"""A caller's request and its answer, for both doors: events to bytes, refusals to exceptions."""

from __future__ import annotations

import json
from typing import Any

from lambdarun.errors import LambdarunError
from lambdarun.model.effects import Deployed, Reply, SqsReply
from lambdarun.model.invoke_request import InvokeReply, Refusal
from lambdarun.model.sqs_error import SqsError


class InvocationRefused(LambdarunError):
    """AWS would have answered with an error: no function ran. `refusal` has its status, code and text."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.code} ({refusal.status}): {refusal.message}")
        self.refusal = refusal


def event_bytes(event: Any, payload: bytes | None) -> bytes:
    """The JSON text of `event`, or `payload` as it is; neither is an empty event."""
    if payload is not None:
        return payload
    return b"" if event is None else json.dumps(event).encode()


def invoked(reply: Reply) -> InvokeReply:
    """The reply of a request that was not refused. Raises InvocationRefused."""
    if isinstance(reply, Refusal):
        raise InvocationRefused(reply)
    assert isinstance(reply, InvokeReply), "an invocation's ticket gets an invocation's reply"
    return reply


def deployed(reply: Reply) -> Any:
    """What AWS would answer to a request that changes functions. Raises InvocationRefused."""
    if isinstance(reply, Refusal):
        raise InvocationRefused(reply)
    assert isinstance(reply, Deployed), "a deployment's ticket gets a deployment's reply"
    return reply.result


def queue_answer(reply: Reply) -> dict[str, Any]:
    """What AWS would answer to a call on a queue. Raises SqsError."""
    assert isinstance(reply, SqsReply), "a queue call's ticket gets a queue's answer"
    if isinstance(reply.answer, SqsError):
        raise reply.answer
    return dict(reply.answer)
