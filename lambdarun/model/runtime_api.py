"""The Runtime API of one environment as a core: told requests and events, answering with responses and happenings.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html; states, texts and the order of checks are those of
AWS's own emulator.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from enum import Enum
from typing import Final

from attrs import define, field

from lambdarun.aws import limits, runtime_api
from lambdarun.aws.runtime_api import ApiError
from lambdarun.model.record_class import record

_JSON: Final = ("Content-Type", "application/json")
_ERROR_WITH_CAUSE: Final = "application/vnd.aws.lambda.error.cause+json"
_ERROR_BODY_TRAILER: Final = "lambda-runtime-function-error-body"


@record
class Request:
    """A whole request. `key` is its connection's; names of headers are in lower case, trailers among them."""

    key: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    size: int
    """Of the body as it was sent: what is beyond the limit is not kept."""


@record
class Response:
    """What to send on the connection `key`."""

    key: int
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@record
class Event:
    """An event for the runtime, with what its headers say."""

    request_id: str
    payload: bytes
    deadline_ms: int
    arn: str
    trace_id: str
    client_context: str = ""


@record
class Ready:
    """The runtime asks for an event: it is initialised, or done with the last one."""


@record
class Returned:
    """The runtime posted a response."""

    payload: bytes


@record
class Failed:
    """The runtime posted an error of an invocation."""

    error_type: str
    payload: bytes


@record
class TooLarge:
    """The runtime posted a response over the limit: it was refused, and the caller is told so."""


@record
class InitFailed:
    """The runtime posted an error of its initialisation."""

    error_type: str
    payload: bytes


Happening = Ready | Returned | Failed | TooLarge | InitFailed


class State(Enum):
    """Where a runtime stands; the values are AWS's names, which its error texts give."""

    STARTED = "Started"
    INIT_ERROR = "InitError"
    READY = "Ready"
    """It waits for an event."""
    RUNNING = "Running"
    """It has an event."""
    RESPONSE_SENT = "RuntimeResponseSentState"


class Call(Enum):
    """What a runtime can ask for; the values are the states that AWS's texts name as wanted."""

    NEXT = "Ready"
    RESPONSE = "InvocationResponse"
    ERROR = "InvocationErrorResponse"
    INIT_ERROR = "InitError"


# What is not in the table is refused with 403, and changes nothing.
NEXT_STATE: Final[dict[State, dict[Call, State]]] = {
    State.STARTED: {Call.NEXT: State.READY, Call.INIT_ERROR: State.INIT_ERROR},
    State.INIT_ERROR: {},
    State.READY: {Call.NEXT: State.READY},
    State.RUNNING: {
        Call.NEXT: State.RUNNING,  # the same event once more
        Call.RESPONSE: State.RESPONSE_SENT,
        Call.ERROR: State.RESPONSE_SENT,
    },
    State.RESPONSE_SENT: {Call.NEXT: State.READY},
}
_INVOCATION: Final = re.compile(
    rf"/{runtime_api.RUNTIME_VERSION}/runtime/invocation/([^/]+)/(response|error)"
)
_PREFIX: Final = f"/{runtime_api.RUNTIME_VERSION}"
_NEXT: Final = f"{_PREFIX}/runtime/invocation/next"


@define(eq=False)
class RuntimeApi:
    """One runtime's side of the API."""

    state: State = State.STARTED
    responses: list[Response] = field(factory=list, init=False)
    happenings: list[Happening] = field(factory=list, init=False)
    _event: Event | None = field(default=None, init=False)
    """The last one: a late post is told from a wrong one by its id."""
    _pending: bool = field(default=False, init=False)
    """An event waits for the runtime to ask for it."""
    _waiting: list[int] = field(factory=list, init=False)

    def invoke(self, event: Event) -> None:
        """Have the runtime take `event`: at once where it asks for one."""
        self._event, self._pending = event, True
        self._hand_over()

    def has_event(self) -> bool:
        """Whether an event waits to be asked for."""
        return self._pending

    def closed(self, key: int) -> None:
        """A connection ended: nobody waits there any more."""
        if key in self._waiting:
            self._waiting.remove(key)

    def ask(self, request: Request) -> None:
        """Take in a request of the runtime's."""
        path = request.path.partition("?")[0]
        if path == _NEXT:
            if _allowed(self.responses, request, "GET"):
                self._next(request)
        elif (invocation := _INVOCATION.fullmatch(path)) is not None:
            if _allowed(self.responses, request, "POST"):
                self._post(
                    request, invocation[1], Call.RESPONSE if invocation[2] == "response" else Call.ERROR
                )
        elif path == f"{_PREFIX}/runtime/init/error":
            if _allowed(self.responses, request, "POST"):
                self._init_error(request)
        elif path in ("/ping", f"{_PREFIX}/ping"):
            if _allowed(self.responses, request, "GET"):
                self.responses.append(Response(request.key, 200, (("Content-Type", "text/plain"),), b"pong"))
        else:
            self.responses.append(not_found(request.key))

    def _next(self, request: Request) -> None:
        if not self._go(request, Call.NEXT):
            return
        self._waiting.append(request.key)
        if self.state is State.RUNNING:
            self._pending = True
        else:
            self.happenings.append(Ready())
        self._hand_over()

    def _hand_over(self) -> None:
        event = self._event
        if event is None or not self._pending or not self._waiting:
            return
        self.state, self._pending = State.RUNNING, False
        told = _event_headers(event)
        self.responses += [Response(key, 200, told, event.payload) for key in self._waiting]
        self._waiting.clear()

    def _post(self, request: Request, request_id: str, call: Call) -> None:
        # In AWS's order: the id, the response mode, the state. So a late post of a finished invocation is a 403 until the
        # next event is asked for, and a 400 then.
        if self._event is None or request_id != self._event.request_id or self.state is State.READY:
            self._refuse(request, runtime_api.INVALID_REQUEST_ID)
            return
        mode = request.headers.get("lambda-runtime-function-response-mode", "streaming")
        if mode.lower() != "streaming":
            self._refuse(request, runtime_api.INVALID_RESPONSE_MODE, mode=mode)
            return
        if not self._go(request, call):
            return
        limit = limits.RESPONSE_BYTES.value
        if request.size > limit:
            self._refuse(request, runtime_api.TOO_LARGE, limit=limit)
            self.happenings.append(TooLarge())
            return
        self.happenings.append(_response(request) if call is Call.RESPONSE else _error(request))
        self._accept(request)

    def _init_error(self, request: Request) -> None:
        if not self._go(request, Call.INIT_ERROR):
            return
        self.happenings.append(InitFailed(_error_type(request), request.body))
        self._accept(request)

    def _go(self, request: Request, call: Call) -> bool:
        following = NEXT_STATE[self.state].get(call)
        if following is None:
            self._refuse(request, runtime_api.INVALID_STATE, state=self.state.value, wanted=call.value)
            return False
        self.state = following
        return True

    def _accept(self, request: Request) -> None:
        self.responses.append(accepted(request.key))

    def _refuse(self, request: Request, error: ApiError, **values: object) -> None:
        self.responses.append(refused(request.key, error, **values))


def accepted(key: int) -> Response:
    """202, as both APIs say it."""
    return Response(key, 202, (_JSON,), b'{"status":"OK"}\n')


def refused(key: int, error: ApiError, **values: object) -> Response:
    """An error answer of either API."""
    body = {"errorMessage": error.text.format(**values), "errorType": error.error_type}
    return Response(key, error.status, (_JSON,), json.dumps(body, separators=(",", ":")).encode() + b"\n")


def not_found(key: int) -> Response:
    """No such path."""
    return Response(key, 404, (("Content-Type", "text/plain; charset=utf-8"),), b"404 page not found\n")


def _allowed(responses: list[Response], request: Request, method: str) -> bool:
    if request.method == method:
        return True
    responses.append(Response(request.key, 405, (("Allow", method),), b""))
    return False


def _event_headers(event: Event) -> tuple[tuple[str, str], ...]:
    told = [
        ("Content-Type", "application/json"),
        ("Lambda-Runtime-Aws-Request-Id", event.request_id),
        ("Lambda-Runtime-Deadline-Ms", str(event.deadline_ms)),
        ("Lambda-Runtime-Invoked-Function-Arn", event.arn),
        ("Lambda-Runtime-Trace-Id", event.trace_id),
    ]
    if event.client_context:
        # A header is one line; between the tokens of JSON a line's end is a space.
        told.append(("Lambda-Runtime-Client-Context", " ".join(event.client_context.splitlines())))
    return tuple(told)


def _response(request: Request) -> Returned | Failed:
    # A streamed response that failed on its way says so behind its body.
    error_type = request.headers.get(runtime_api.ERROR_TYPE_HEADER)
    if error_type is None or _ERROR_BODY_TRAILER not in request.headers:
        return Returned(request.body)
    try:
        body = b64decode(request.headers[_ERROR_BODY_TRAILER], validate=True)
    except NotBase64:
        body = request.headers[_ERROR_BODY_TRAILER].encode()
    return Failed(clean_error_type(error_type), body)


def _error(request: Request) -> Failed:
    body = request.body
    if request.headers.get("content-type") == _ERROR_WITH_CAUSE:
        told = _object(body)
        if told is None:
            body = b'"Invalid error body"'
        else:
            kept = {name: told[name] for name in ("errorMessage", "errorType", "stackTrace") if name in told}
            body = json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode()
    return Failed(_error_type(request), body)


def _error_type(request: Request) -> str:
    """The header's, cleaned; without one the body's own: AWS's Python client sends none with a handler's error."""
    told = request.headers.get(runtime_api.ERROR_TYPE_HEADER)
    if told:
        return clean_error_type(told)
    body = _object(request.body) or {}
    named = body.get("errorType")
    return named if isinstance(named, str) and named else "Runtime.Unknown"


def clean_error_type(told: str) -> str:
    """An error type as metrics and logs show it."""
    if re.fullmatch(runtime_api.VALID_ERROR_TYPE, told):
        return told
    return "Function.Unknown" if told.startswith("Function.") else "Runtime.Unknown"


def _object(body: bytes) -> dict[str, object] | None:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
