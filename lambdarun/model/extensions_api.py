"""The Extensions API of one environment as a core.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html; states, texts and the order of checks are
those of AWS's own emulator. Telemetry is not built: a subscription is answered as that emulator does without it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from enum import Enum
from hashlib import sha256
from typing import Final

from attrs import define, field, frozen

from lambdarun.aws import limits, runtime_api
from lambdarun.aws.runtime_api import ApiError
from lambdarun.model.runtime_api import Event, Request, Response, accepted, not_found, refused

INVOKE: Final = "INVOKE"
SHUTDOWN: Final = "SHUTDOWN"
_PREFIX: Final = f"/{runtime_api.EXTENSION_VERSION}/extension"
_IDENTIFIER: Final = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


class ShutdownReason(Enum):
    """Why an environment is shut down."""

    SPINDOWN = "spindown"
    TIMEOUT = "timeout"
    FAILURE = "failure"


class ExtensionState(Enum):
    """Where an extension stands; the values are AWS's names, which its error texts give."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"


class Call(Enum):
    """What an extension can ask for; the values are the states that AWS's texts name as wanted."""

    REGISTER = "Registered"
    NEXT = "Ready"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"


# What is not in the table is refused with 403, and changes nothing.
NEXT_STATE: Final[dict[ExtensionState, dict[Call, ExtensionState]]] = {
    ExtensionState.STARTED: {Call.REGISTER: ExtensionState.REGISTERED},
    ExtensionState.REGISTERED: {
        Call.NEXT: ExtensionState.READY,
        Call.INIT_ERROR: ExtensionState.INIT_ERROR,
        Call.EXIT_ERROR: ExtensionState.EXIT_ERROR,
    },
    ExtensionState.READY: {Call.NEXT: ExtensionState.READY, Call.EXIT_ERROR: ExtensionState.EXIT_ERROR},
    ExtensionState.RUNNING: {Call.NEXT: ExtensionState.READY, Call.EXIT_ERROR: ExtensionState.EXIT_ERROR},
    ExtensionState.INIT_ERROR: {},
    ExtensionState.EXIT_ERROR: {},
}


@frozen
class ExtensionReady:
    """An extension asks for an event, or for the first time has registered: look whether all have."""


@frozen
class ExtensionFailed:
    """An extension said that it cannot go on, in its initialisation or later."""

    error_type: str
    within_init: bool


Happening = ExtensionReady | ExtensionFailed


@frozen
class FunctionFacts:
    """What an extension is told of the function when it registers."""

    name: str
    version: str
    handler: str
    account_id: str


@define(eq=False)
class Extension:
    """One extension; `external` ones are processes of their own."""

    name: str
    identifier: str
    external: bool
    state: ExtensionState = ExtensionState.STARTED
    events: frozenset[str] = frozenset()
    waiting: list[int] = field(factory=list)
    pending: bytes | None = None
    """An event that waits for it to ask."""


@define(eq=False)
class ExtensionsApi:
    """All extensions of an environment."""

    facts: FunctionFacts
    seed: str
    """Identifiers come from it: equal runs give equal ones."""
    responses: list[Response] = field(factory=list, init=False)
    happenings: list[Happening] = field(factory=list, init=False)
    _extensions: dict[str, Extension] = field(factory=dict, init=False)
    _by_identifier: dict[str, Extension] = field(factory=dict, init=False)
    _closed: bool = field(default=False, init=False)
    _events: int = field(default=0, init=False)

    def launch(self, names: Iterable[str]) -> None:
        """External extensions were started under these names, and are awaited."""
        for name in names:
            self._add(name, external=True)

    def close_registration(self) -> None:
        """The runtime has asked for its first event: nobody can register any more."""
        self._closed = True

    def all_registered(self) -> bool:
        """Whether every external extension has registered: then the runtime is started."""
        return all(one.state is not ExtensionState.STARTED for one in self._extensions.values())

    def all_ready(self) -> bool:
        """Whether every extension asks for an event."""
        return all(one.state is ExtensionState.READY for one in self._extensions.values())

    def has_external(self) -> bool:
        """Whether any is a process of its own."""
        return any(one.external for one in self._extensions.values())

    def told_of_the_end(self) -> frozenset[str]:
        """The names of those that want SHUTDOWN."""
        return frozenset(one.name for one in self._extensions.values() if SHUTDOWN in one.events)

    def has_any(self) -> bool:
        """Whether there is one at all."""
        return bool(self._extensions)

    def invoke(self, event: Event) -> None:
        """Tell those that want to know of an invocation."""
        if not self._extensions:
            return
        told = {
            "eventType": INVOKE,
            "deadlineMs": event.deadline_ms,
            "requestId": event.request_id,
            "invokedFunctionArn": event.arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": event.trace_id},
        }
        self._tell(INVOKE, told)

    def shut_down(self, reason: ShutdownReason, deadline_ms: int) -> None:
        """Tell those that want to know of the end."""
        told = {"eventType": SHUTDOWN, "deadlineMs": deadline_ms, "shutdownReason": reason.value}
        self._tell(SHUTDOWN, told)

    def closed(self, key: int) -> None:
        """A connection ended: nobody waits there any more."""
        for extension in self._extensions.values():
            if key in extension.waiting:
                extension.waiting.remove(key)

    def ask(self, request: Request) -> None:
        """Take in a request of an extension's."""
        path = request.path.partition("?")[0]
        told = runtime_api.TELEMETRY_PATHS.get(path)
        if told is not None and request.method == "PUT":
            self.responses.append(refused(request.key, told))
            return
        match (request.method, path.removeprefix(_PREFIX)):
            case ("POST", "/register"):
                self._register(request)
            case ("GET", "/event/next"):
                self._identified(request, Call.NEXT)
            case ("POST", "/init/error"):
                self._identified(request, Call.INIT_ERROR)
            case ("POST", "/exit/error"):
                self._identified(request, Call.EXIT_ERROR)
            case _:
                self.responses.append(not_found(request.key))

    def _add(self, name: str, *, external: bool) -> Extension:
        extension = Extension(name, _uuid(f"{self.seed}:{name}"), external)
        self._extensions[name] = self._by_identifier[extension.identifier] = extension
        return extension

    def _register(self, request: Request) -> None:
        name = request.headers.get("lambda-extension-name", "")
        if not name:
            self._refuse(request, runtime_api.NAME_MISSING)
            return
        try:
            events = _wanted_events(request.body)
        except ValueError as fault:
            self._refuse(request, runtime_api.INVALID_REQUEST, fault=fault)
            return
        known = self._extensions.get(name)
        external = known is not None and known.external
        for event in events:
            if event not in (INVOKE, SHUTDOWN):
                self._refuse(request, runtime_api.INVALID_EVENT, event=event)
                return
            if event == SHUTDOWN and not external:
                self._refuse(request, runtime_api.EVENT_FOR_EXTERNAL, event=event)
                return
        if not external:
            if self._closed:
                self._refuse(request, runtime_api.REGISTRATION_CLOSED)
                return
            if known is not None:
                self._refuse(request, runtime_api.NAME_TAKEN)
                return
            most = limits.EXTENSIONS_MAX.value
            if len(self._extensions) >= most:
                self._refuse(request, runtime_api.TOO_MANY_EXTENSIONS, limit=most)
                return
            known = self._add(name, external=False)
        assert known is not None
        if self._go(request, known, Call.REGISTER, known.name):
            known.events = frozenset(events)
            self._registered(request, known)

    def _registered(self, request: Request, extension: Extension) -> None:
        facts = self.facts
        told = {"functionVersion": facts.version, "functionName": facts.name, "handler": facts.handler}
        features = request.headers.get("lambda-extension-accept-feature", "")
        if "accountId" in [feature.strip() for feature in features.split(",")]:
            told["accountId"] = facts.account_id
        headers = (
            ("Content-Type", "application/json"),
            ("Lambda-Extension-Identifier", extension.identifier),
        )
        self.responses.append(Response(request.key, 200, headers, _compact(told)))
        self.happenings.append(ExtensionReady())

    def _identified(self, request: Request, call: Call) -> None:
        identifier = request.headers.get("lambda-extension-identifier", "")
        if not identifier:
            self._refuse(request, runtime_api.IDENTIFIER_MISSING)
            return
        if not re.fullmatch(_IDENTIFIER, identifier):
            self._refuse(request, runtime_api.IDENTIFIER_INVALID)
            return
        error_type = request.headers.get(runtime_api.EXTENSION_ERROR_TYPE_HEADER.lower(), "")
        if call is not Call.NEXT and not error_type:
            self._refuse(request, runtime_api.HEADER_MISSING, header=runtime_api.EXTENSION_ERROR_TYPE_HEADER)
            return
        extension = self._by_identifier.get(identifier.lower())
        if extension is None:
            self._refuse(request, runtime_api.IDENTIFIER_UNKNOWN, identifier=identifier)
        elif self._go(request, extension, call, extension.identifier):
            if call is Call.NEXT:
                extension.waiting.append(request.key)
                self.happenings.append(ExtensionReady())
                self._hand_over(extension)
            else:
                self.happenings.append(ExtensionFailed(error_type, call is Call.INIT_ERROR))
                self.responses.append(accepted(request.key))

    def _tell(self, event: str, told: dict[str, object]) -> None:
        body = _compact(told)
        for extension in self._extensions.values():
            # One that does not want invocations stays in its wait.
            if event in extension.events and extension.state in (
                ExtensionState.READY,
                ExtensionState.RUNNING,
            ):
                extension.pending = body
                self._hand_over(extension)
                if event == INVOKE:
                    extension.state = ExtensionState.RUNNING

    def _hand_over(self, extension: Extension) -> None:
        if extension.pending is None or not extension.waiting:
            return
        self._events += 1
        headers = (
            ("Content-Type", "application/json"),
            ("Lambda-Extension-Event-Identifier", _uuid(f"{self.seed}:event:{self._events}")),
        )
        self.responses += [Response(key, 200, headers, extension.pending) for key in extension.waiting]
        extension.waiting.clear()
        extension.pending = None
        extension.state = ExtensionState.RUNNING

    def _go(self, request: Request, extension: Extension, call: Call, called: str) -> bool:
        state = extension.state
        following = NEXT_STATE[state].get(call)
        if following is None:
            told = {"state": state.value, "wanted": call.value, "extension": called}
            self._refuse(request, runtime_api.INVALID_EXTENSION_STATE, **told)
            return False
        extension.state = following
        return True

    def _refuse(self, request: Request, error: ApiError, **values: object) -> None:
        self.responses.append(refused(request.key, error, **values))


def _wanted_events(body: bytes) -> list[str]:
    """The events of a registration. Raises ValueError."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is no JSON") from None
    events = told.get("events") if isinstance(told, dict) else None
    if events is None and isinstance(told, dict):
        return []
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise ValueError('the body has no "events" that are a list of texts')
    return events


def _compact(told: dict[str, object] | dict[str, str]) -> bytes:
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


def _uuid(seed: str) -> str:
    text = sha256(seed.encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"
