"""Requests to Invoke, before a function runs and after it failed: refusals and error payloads, exact to the byte.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Final, Protocol

from attrs import frozen

from lambdarun.aws import limits, messages, platform_errors
from lambdarun.aws.messages import ErrorText
from lambdarun.aws.platform_errors import PlatformError
from lambdarun.model.arrival import Delivery, EventArrival
from lambdarun.model.catalog import Callee, Catalog
from lambdarun.model.draws import RequestId
from lambdarun.model.function import LATEST, Function
from lambdarun.model.json_fault import json_fault
from lambdarun.model.json_text import parse
from lambdarun.model.outcome import Cause, FunctionFailed, ThrottleReason
from lambdarun.model.record_class import record

EMPTY_EVENT: Final = b"{}"
"""The event that an empty body stands for."""
# Name, partial ARN or ARN, each with or without a qualifier; the pattern of AWS's own refusal (test_invalid_invoke).
_NAME_FORMS: Final = (
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d{1}:)?(?:\d{12}:)?"
    r"(?:function:)?(?P<name>[a-zA-Z0-9-_.]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
_QUALIFIER_FORMS: Final = r"\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_$]+"
_WITHOUT_TYPE: Final = {messages.REQUEST_TOO_LARGE.code, messages.MALFORMED_NAME.code}


@frozen
class Refusal:
    """An AWS error instead of an invocation: no function ran. `key` is the body's member that holds the text."""

    status: int
    code: str
    message: str
    key: str = "message"
    reason: str | None = None

    def body(self) -> bytes:
        """The answer's body as AWS writes it."""
        fields: dict[str, str] = {}
        if self.reason is not None:
            fields["Reason"] = self.reason
        if self.code not in _WITHOUT_TYPE:
            fields["Type"] = "Service" if self.status >= 500 else "User"
        fields[self.key] = self.message
        return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


@record
class InvokeReply:
    """What AWS answers to a request that it took: 200 with a payload, 202 or 204 without."""

    status: int
    request_id: RequestId
    executed_version: str | None
    function_error: str | None
    payload: bytes
    log_tail: bytes | None

    @property
    def ok(self) -> bool:
        """Whether the function did not fail."""
        return self.function_error is None

    def json(self) -> object:
        """The payload as Python values. Raises ValueError where the handler returned bytes that are no JSON."""
        return json.loads(self.payload)


@record
class Target:
    """The function that a request means, and how it was called."""

    function: Function
    callee: Callee
    client_context: bytes


class Request(Protocol):
    """What all requests say."""

    @property
    def function(self) -> str:
        """A name, a partial ARN or an ARN."""

    @property
    def payload(self) -> bytes:
        """The event's JSON text."""

    @property
    def qualifier(self) -> str | None:
        """A version or an alias."""


class SyncRequest(Request, Protocol):
    """A synchronous one."""

    @property
    def client_context(self) -> str | None:
        """base64 of JSON."""


def request_refusal(catalog: Catalog, request: SyncRequest) -> Target | Refusal:
    """The function to run for a synchronous request, or why AWS would refuse it."""
    # The usual request first: a plain name and nothing else, which no pattern needs to look at.
    if request.qualifier is None and request.client_context is None:
        name = request.function
        function = catalog.latest.get(name)
        if function is not None and len(request.payload) <= limits.SYNC_REQUEST_BYTES.value:
            return Target(function, catalog.unqualified[name], b"")
    too_large = size_refusal(len(request.payload), "RequestResponse", limits.SYNC_REQUEST_BYTES.value)
    if too_large is not None:
        return too_large
    context = _client_context(request.client_context)
    if isinstance(context, Refusal):
        return context
    callee = resolve(catalog, request.function, request.qualifier)
    if isinstance(callee, Refusal):
        return callee
    function = catalog.get(callee.resource)
    assert function is not None
    return Target(function, callee, context)


def accept_refusal(catalog: Catalog, request: Request) -> Callee | Refusal:
    """What an asynchronous request calls, or why AWS would refuse it. Which version runs is seen at each attempt."""
    payload = request.payload
    if payload and payload != EMPTY_EVENT:
        refused = async_refusal(payload)
        if refused is not None:
            return refused
    if request.qualifier is None and request.function in catalog.latest:
        return catalog.unqualified[request.function]
    return resolve(catalog, request.function, request.qualifier)


def arrival_refusal(arrival: EventArrival) -> Refusal | None:
    """Why AWS would refuse a recorded event; None: it would not."""
    if arrival.delivery is Delivery.ASYNC:
        return async_refusal(arrival.payload)
    return size_refusal(len(arrival.payload), "RequestResponse", limits.SYNC_REQUEST_BYTES.value)


def async_refusal(payload: bytes) -> Refusal | None:
    """Asynchronous events must be JSON when they are accepted, and at most 1 MB."""
    refused = size_refusal(len(payload), "Event", limits.ASYNC_REQUEST_BYTES.value)
    if refused is not None:
        return refused
    try:
        parse(payload or EMPTY_EVENT)
    except ValueError:
        return not_json_refusal(payload)
    return None


def size_refusal(size: int, kind: str, most: int) -> Refusal | None:
    """413 for a payload over the limit of its invocation type."""
    if size <= most:
        return None
    return _refusal(messages.REQUEST_TOO_LARGE, size=size, kind=kind, limit=most)


def not_json_refusal(payload: bytes) -> Refusal:
    """400 for a body that is no JSON, in the words of AWS's parser."""
    fault = json_fault(payload)
    return _refusal(messages.NOT_JSON, fault=fault.text, line=fault.line, column=fault.column)


def throttled_refusal(reason: ThrottleReason) -> Refusal:
    """429, with AWS's reason."""
    text = messages.TOO_MANY_REQUESTS
    return Refusal(text.status, text.code, text.text, text.key, reason.value)


def timed_out(request_id: str, timeout_s: int, cause: Cause = Cause.TIMED_OUT) -> FunctionFailed:
    """The outcome of a function that reached its timeout (or, by `cause`, of an initialisation that took too long)."""
    text = platform_errors.TIMED_OUT.of(seconds=timeout_s)
    return _platform_failure(cause, platform_errors.TIMED_OUT, request_id, text)


def exited(request_id: str, wait_status: int, cause: Cause = Cause.EXITED) -> FunctionFailed:
    """The outcome of a process that ended by itself; `wait_status` is as `os.waitpid` gives it."""
    return _platform_failure(cause, platform_errors.EXITED, request_id, exit_text(wait_status))


def runtime_out_of_memory(request_id: str, cause: Cause = Cause.OUT_OF_MEMORY) -> FunctionFailed:
    """The outcome of a process that the kernel (or who stands in for it) killed for want of memory."""
    error = platform_errors.OUT_OF_MEMORY
    return _platform_failure(cause, error, request_id, error.text)


def exit_text(wait_status: int) -> str:
    """How AWS's platform tells the end of a process."""
    if wait_status == 0:
        return platform_errors.EXITED_SILENTLY.text
    number = wait_status & 0x7F
    how = f"exit status {wait_status >> 8}"
    if number:
        how = f"signal: {platform_errors.GO_SIGNALS.get(number, f'signal {number}')}"
    return platform_errors.EXITED.of(how=how)


def response_too_large() -> FunctionFailed:
    """The outcome of a function whose result is over the limit."""
    error = platform_errors.RESPONSE_TOO_LARGE
    # The members in the other order than in the platform's other errors: recorded so.
    message = error.of(limit=limits.RESPONSE_BYTES.value)
    payload = f'{{"errorMessage":"{message}","errorType":"{error.error_type}"}}'.encode()
    return FunctionFailed(Cause.RESPONSE_TOO_LARGE, error.error_type, payload)


def _platform_failure(cause: Cause, error: PlatformError, request_id: str, text: str) -> FunctionFailed:
    payload = f'{{"errorType":"{error.error_type}","errorMessage":"RequestId: {request_id} Error: {text}"}}'
    return FunctionFailed(cause, error.error_type, payload.encode())


def refusal(text: ErrorText, said: str) -> Refusal:
    """AWS's error `text`, as it reads here."""
    return Refusal(text.status, text.code, said, text.key)


def _refusal(text: ErrorText, **values: object) -> Refusal:
    return refusal(text, text.of(**values))


def resolve(catalog: Catalog, name: str, qualifier: str | None) -> Callee | Refusal:
    """What a name, partial ARN or ARN calls, with a qualifier of its own or beside it; or why AWS would refuse it."""
    match = re.fullmatch(_NAME_FORMS, name)
    if match is None:
        return _refusal(messages.MALFORMED_NAME, value=name)
    if qualifier is not None and not re.fullmatch(_QUALIFIER_FORMS, qualifier):
        return _refusal(messages.MALFORMED_QUALIFIER, value=qualifier)
    if qualifier is not None and len(qualifier) > limits.QUALIFIER_LENGTH.high:
        return _refusal(messages.QUALIFIER_TOO_LONG, value=qualifier, most=limits.QUALIFIER_LENGTH.high)
    own = match["qualifier"]
    if own is not None and qualifier is not None and own != qualifier:
        return _refusal(messages.QUALIFIERS_DIFFER)
    wanted = qualifier or own or ""
    account = catalog.account
    arn = account.function_arn(match["name"])
    region = (match["region"] or "").rstrip(":")
    if region and region != account.region:
        return _refusal(messages.OTHER_REGION, region=region, here=account.region)
    callee = Callee(match["name"], wanted, f"{arn}:{wanted}" if wanted else None)
    if not catalog.has(callee.resource):
        return _refusal(messages.FUNCTION_NOT_FOUND, arn=f"{arn}:{wanted or LATEST}")
    return callee


def _client_context(encoded: str | None) -> bytes | Refusal:
    if encoded is None:
        return b""
    if len(encoded) > limits.CLIENT_CONTEXT_BYTES.value:
        return _refusal(
            messages.CLIENT_CONTEXT_TOO_LONG, size=len(encoded), limit=limits.CLIENT_CONTEXT_BYTES.value
        )
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return _refusal(messages.CLIENT_CONTEXT_NOT_BASE64)
