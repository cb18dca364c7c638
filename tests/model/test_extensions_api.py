"""The Extensions API of one environment: registration, events, errors, each with its status and body."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdarun.model.environment_api import EnvironmentApi, Initialised, Released, StartRuntime
from lambdarun.model.extensions_api import ExtensionFailed, FunctionFacts, ShutdownReason
from lambdarun.model.runtime_api import Event, Request, Response, Returned

FACTS = FunctionFacts("fn", "$LATEST", "app.handler", "123456789012")
EVENT = Event("id-1", b"{}", 1_234, "arn", "Root=1")
REGISTER = "/2020-01-01/extension/register"
NEXT = "/2020-01-01/extension/event/next"
RUNTIME_NEXT = "/2018-06-01/runtime/invocation/next"


class Room:
    """An environment's APIs, and who asks."""

    def __init__(self, *external: str) -> None:
        self.api = EnvironmentApi(FACTS, "seed")
        self.keys = 0
        self.happened: list[Any] = []
        self.answers: dict[int, Response] = {}
        self.api.begin(external)
        self.take()

    def take(self) -> None:
        responses, happenings = self.api.take()
        self.happened += happenings
        self.answers |= {response.key: response for response in responses}

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> int:
        self.keys += 1
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.api.ask(Request(self.keys, method, path, named, body, len(body)))
        self.take()
        return self.keys

    def told(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        answer = self.answers[self.ask(method, path, body, **headers)]
        return answer.status, json.loads(answer.body)

    def register(self, name: str, *events: str) -> str:
        key = self.ask("POST", REGISTER, json.dumps({"events": events}).encode(), lambda_extension_name=name)
        assert self.answers[key].status == 200, self.answers[key].body
        return dict(self.answers[key].headers)["Lambda-Extension-Identifier"]

    def next(self, identifier: str) -> int:
        return self.ask("GET", NEXT, lambda_extension_identifier=identifier)


def test_the_runtime_is_started_when_all_external_extensions_have_registered() -> None:
    room = Room("one", "two")
    room.register("one", "INVOKE")
    assert room.happened == []
    room.register("two")
    assert room.happened == [StartRuntime()]
    assert Room().happened == [StartRuntime()]


def test_a_registration_tells_of_the_function() -> None:
    room = Room("one")
    body = b'{"events":["INVOKE","SHUTDOWN"]}'
    told = {"functionVersion": "$LATEST", "functionName": "fn", "handler": "app.handler"}
    assert room.told("POST", REGISTER, body, lambda_extension_name="one") == (200, told)
    told["accountId"] = "123456789012"
    features = {"lambda_extension_accept_feature": "accountId"}
    assert room.told("POST", REGISTER, b'{"events":[]}', lambda_extension_name="inner", **features) == (
        200,
        told,
    )


def test_initialisation_ends_when_runtime_and_all_extensions_ask_for_an_event() -> None:
    room = Room("one")
    one = room.register("one", "INVOKE")
    room.ask("GET", RUNTIME_NEXT)
    assert room.happened == [StartRuntime()]
    room.next(one)
    assert room.happened == [StartRuntime(), Initialised()]


def test_an_invocation_is_over_when_all_have_asked_again() -> None:
    room = Room("one")
    one = room.register("one", "INVOKE", "SHUTDOWN")
    room.ask("GET", RUNTIME_NEXT)
    waits = room.next(one)
    room.api.invoke(EVENT)
    room.take()
    assert json.loads(room.answers[waits].body) == {
        "eventType": "INVOKE", "deadlineMs": 1_234, "requestId": "id-1", "invokedFunctionArn": "arn",
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1"},
    }  # fmt: skip
    room.ask("POST", "/2018-06-01/runtime/invocation/id-1/response", b"1")
    room.ask("GET", RUNTIME_NEXT)
    assert room.happened[2:] == [Returned(b"1")]
    room.next(one)
    assert room.happened[2:] == [Returned(b"1"), Released()]


def test_an_extension_that_wants_no_invocations_holds_none_up_and_hears_of_the_end() -> None:
    room = Room("one")
    one = room.register("one", "SHUTDOWN")
    room.ask("GET", RUNTIME_NEXT)
    waits = room.next(one)
    room.api.invoke(EVENT)
    room.ask("POST", "/2018-06-01/runtime/invocation/id-1/response", b"1")
    room.ask("GET", RUNTIME_NEXT)
    assert room.happened[-1] == Released()
    room.api.shut_down(ShutdownReason.SPINDOWN, 99)
    room.take()
    assert json.loads(room.answers[waits].body) == {
        "eventType": "SHUTDOWN", "deadlineMs": 99, "shutdownReason": "spindown",
    }  # fmt: skip


def test_an_extension_that_is_busy_hears_of_the_end_when_it_asks() -> None:
    room = Room("one")
    one = room.register("one", "INVOKE", "SHUTDOWN")
    room.ask("GET", RUNTIME_NEXT)
    room.next(one)
    room.api.invoke(EVENT)
    room.api.shut_down(ShutdownReason.TIMEOUT, 99)
    room.take()
    assert json.loads(room.answers[room.next(one)].body)["shutdownReason"] == "timeout"


@pytest.mark.parametrize(
    ("name", "body", "error_type", "text"),
    [
        ("", b"{}", "Extension.InvalidExtensionName", "Empty extension name"),
        ("inner", b"{", "InvalidRequestFormat", "the body is no JSON"),
        ("inner", b'{"events": "INVOKE"}', "InvalidRequestFormat", 'the body has no "events" that are a list of texts'),
        ("inner", b'{"events": ["X"]}', "Extension.InvalidEventType", "X: InvalidEventType"),
        ("inner", b'{"events": ["SHUTDOWN"]}', "Extension.InvalidEventType", "SHUTDOWN: Event not supported for internal agent"),
        ("known", b"{}", "Extension.InvalidExtensionState", "Extension with this name already registered"),
        ("one", b"{}", "Extension.InvalidExtensionState",
         "State transition from Registered to Registered failed for extension one. Error: State transition is not allowed"),
    ],
)  # fmt: skip
def test_a_registration_that_aws_refuses(name: str, body: bytes, error_type: str, text: str) -> None:
    room = Room("one")
    room.register("one")
    room.register("known")
    told = {"errorMessage": text, "errorType": error_type}
    assert room.told("POST", REGISTER, body, lambda_extension_name=name) == (403, told)


def test_there_is_no_registration_once_the_runtime_asks_for_events() -> None:
    room = Room()
    room.ask("GET", RUNTIME_NEXT)
    told = {
        "errorMessage": "Extension registration closed already",
        "errorType": "Extension.RegistrationClosed",
    }
    assert room.told("POST", REGISTER, b'{"events":["INVOKE"]}', lambda_extension_name="late") == (403, told)


def test_an_eleventh_extension_is_refused() -> None:
    room = Room(*map(str, range(4)))
    for number in range(10):
        room.register(str(number))
    told = {"errorMessage": "Extension limit (10) reached", "errorType": "Extension.TooManyExtensions"}
    assert room.told("POST", REGISTER, b'{"events":["INVOKE"]}', lambda_extension_name="10") == (403, told)


@pytest.mark.parametrize(
    "path", [NEXT, "/2020-01-01/extension/init/error", "/2020-01-01/extension/exit/error"]
)
def test_an_extension_must_say_who_it_is(path: str) -> None:
    room = Room()
    method = "GET" if path == NEXT else "POST"
    named = {"lambda_extension_function_error_type": "Extension.X"}
    unknown = "00000000-0000-4000-8000-000000000000"
    cases = [(None, "Missing"), ("nonsense", "Invalid"), (unknown, "Unknown")]
    for identifier, kind in cases:
        headers = named if identifier is None else {**named, "lambda_extension_identifier": identifier}
        status, told = room.told(method, path, **headers)
        assert (status, told["errorType"]) == (403, f"Extension.{kind}ExtensionIdentifier")


def test_an_error_of_an_extension_needs_its_type_and_is_told() -> None:
    room = Room("one")
    who = {"lambda_extension_identifier": room.register("one")}
    path = "/2020-01-01/extension/init/error"
    missing = {
        "errorMessage": "Lambda-Extension-Function-Error-Type not found",
        "errorType": "Extension.MissingHeader",
    }
    assert room.told("POST", path, **who) == (403, missing)
    named = {**who, "lambda_extension_function_error_type": "Extension.Mine"}
    assert room.told("POST", path, **named) == (202, {"status": "OK"})
    assert room.happened[-1] == ExtensionFailed("Extension.Mine", True)
    assert room.told("POST", path, **named)[1]["errorType"] == "Extension.InvalidExtensionState"
    assert room.told("GET", NEXT, **named)[1]["errorMessage"].startswith(
        "State transition from InitError to Ready failed"
    )


def test_telemetry_is_answered_as_an_emulator_without_it_answers() -> None:
    room = Room()
    told = {"errorMessage": "Telemetry API is not supported", "errorType": "Telemetry.NotSupported"}
    assert room.told("PUT", "/2022-07-01/telemetry", b"{}") == (202, told)
    told = {"errorMessage": "Logs API is not supported", "errorType": "Logs.NotSupported"}
    assert room.told("PUT", "/2020-08-15/logs", b"{}") == (202, told)


def test_identifiers_come_from_the_seed() -> None:
    assert Room("one").register("one") == Room("one").register("one")
    room = Room("one", "two")
    assert room.register("one") != room.register("two")
