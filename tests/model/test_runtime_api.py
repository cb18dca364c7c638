"""The Runtime API of one environment: each status, body and state, as AWS's own emulator answers."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from lambdarun.model.runtime_api import (
    NEXT_STATE,
    Event,
    Failed,
    InitFailed,
    Ready,
    Request,
    Returned,
    RuntimeApi,
    State,
    TooLarge,
    clean_error_type,
)

NEXT = "/2018-06-01/runtime/invocation/next"
INIT_ERROR = "/2018-06-01/runtime/init/error"
EVENT = Event("id-1", b'{"a": 1}', 1_234, "arn:aws:lambda:us-east-1:1:function:f", "Root=1", "")


def ask(
    api: RuntimeApi,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    key: int = 1,
    size: int | None = None,
    **headers: str,
) -> Any:
    """Status and body of the answer; None where it waits. Names of headers with _ for -."""
    before = len(api.responses)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    api.ask(Request(key, method, path, named, body, len(body) if size is None else size))
    new = api.responses[before:]
    if not new:
        return None
    [response] = new
    return response.status, response.body


def running() -> RuntimeApi:
    """A runtime that has taken an event."""
    api = RuntimeApi()
    api.invoke(EVENT)
    assert ask(api, "GET", NEXT) == (200, b'{"a": 1}')
    return api


def post(api: RuntimeApi, what: str, body: bytes = b"{}", request_id: str = "id-1", **headers: str) -> Any:
    return ask(api, "POST", f"/2018-06-01/runtime/invocation/{request_id}/{what}", body, **headers)


def refusal(state: str, wanted: str) -> tuple[int, bytes]:
    text = f"State transition from {state} to {wanted} failed for runtime. Error: State transition is not allowed"
    return 403, (
        json.dumps({"errorMessage": text, "errorType": "InvalidStateTransition"}, separators=(",", ":"))
        + "\n"
    ).encode()


def test_next_waits_until_there_is_an_event_and_tells_all_of_it() -> None:
    api = RuntimeApi()
    assert ask(api, "GET", NEXT, key=7) is None
    assert api.happenings == [Ready()]
    api.invoke(EVENT)
    [response] = api.responses
    assert (response.key, response.status, response.body) == (7, 200, b'{"a": 1}')
    assert dict(response.headers) == {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": "id-1",
        "Lambda-Runtime-Deadline-Ms": "1234",
        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:1:function:f",
        "Lambda-Runtime-Trace-Id": "Root=1",
    }


def test_a_client_context_is_told_where_there_is_one() -> None:
    api = RuntimeApi()
    api.invoke(Event("id", b"1", 1, "arn", "trace", '{"custom": {}}'))
    ask(api, "GET", NEXT)
    assert ("Lambda-Runtime-Client-Context", '{"custom": {}}') in api.responses[0].headers


def test_a_response_is_accepted_byte_for_byte() -> None:
    api = running()
    assert post(api, "response", b' {"b" : 2} ') == (202, b'{"status":"OK"}\n')
    assert api.happenings[-1] == Returned(b' {"b" : 2} ')


def test_a_second_next_while_an_invocation_runs_gives_the_same_event_again() -> None:
    api = running()
    assert ask(api, "GET", NEXT, key=2) == (200, b'{"a": 1}')
    assert post(api, "response")[0] == 202


@pytest.mark.parametrize("what", ["response", "error"])
def test_an_unknown_request_id_is_refused_with_400_and_changes_nothing(what: str) -> None:
    api = running()
    told = (400, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n')
    assert post(api, what, request_id="other") == told
    assert post(api, "response")[0] == 202


def test_a_post_twice_is_a_wrong_state_until_next_is_asked_for_and_a_wrong_id_then() -> None:
    api = running()
    post(api, "response")
    assert post(api, "response") == refusal("RuntimeResponseSentState", "InvocationResponse")
    assert post(api, "error") == refusal("RuntimeResponseSentState", "InvocationErrorResponse")
    ask(api, "GET", NEXT)
    assert post(api, "response")[0] == 400


def test_an_init_error_is_taken_before_the_first_next_alone() -> None:
    api = RuntimeApi()
    body = b'{"errorMessage":"no","errorType":"Runtime.Mine"}'
    assert ask(api, "POST", INIT_ERROR, body, lambda_runtime_function_error_type="Runtime.Mine")[0] == 202
    assert api.happenings == [InitFailed("Runtime.Mine", body)]
    assert ask(api, "POST", INIT_ERROR, body) == refusal("InitError", "InitError")
    assert ask(api, "GET", NEXT) == refusal("InitError", "Ready")
    assert ask(running(), "POST", INIT_ERROR, body) == refusal("Running", "InitError")


def test_a_response_over_the_limit_is_refused_and_then_an_error_is_too() -> None:
    api = running()
    told = (
        413,
        b'{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}\n',
    )
    assert ask(api, "POST", "/2018-06-01/runtime/invocation/id-1/response", b"", size=6_291_557) == told
    assert api.happenings[-1] == TooLarge()
    assert post(api, "error") == refusal("RuntimeResponseSentState", "InvocationErrorResponse")
    assert ask(api, "GET", NEXT) is None
    assert (
        ask(running(), "POST", "/2018-06-01/runtime/invocation/id-1/response", b"", size=6_291_556)[0] == 202
    )


def test_an_error_without_its_header_has_the_type_of_its_body() -> None:
    api = running()
    body = b'{"errorMessage": "x", "errorType": "ValueError"}'
    assert post(api, "error", body)[0] == 202
    assert api.happenings[-1] == Failed("ValueError", body)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Runtime.ExitError", "Runtime.ExitError"), ("Function.Mine", "Function.Mine"), ("Function.x", "Function.Unknown"),
        ("Runtime.a b", "Runtime.Unknown"), ("ValueError", "Runtime.Unknown"), ("Function.A1", "Function.Unknown"),
    ],
)  # fmt: skip
def test_error_types_are_cleaned(told: str, kept: str) -> None:
    assert clean_error_type(told) == kept
    api = running()
    post(api, "error", b"no json", lambda_runtime_function_error_type=told)
    assert api.happenings[-1] == Failed(kept, b"no json")


def test_an_error_with_a_cause_loses_it_on_the_way_to_the_caller() -> None:
    api = running()
    body = b'{"errorMessage":"m","errorType":"T","stackTrace":[],"cause":{"exceptions":[]}}'
    post(api, "error", body, content_type="application/vnd.aws.lambda.error.cause+json")
    assert api.happenings[-1] == Failed("T", b'{"errorMessage":"m","errorType":"T","stackTrace":[]}')
    api = running()
    post(api, "error", b"{", content_type="application/vnd.aws.lambda.error.cause+json")
    assert api.happenings[-1] == Failed("Runtime.Unknown", b'"Invalid error body"')


def test_a_streamed_response_that_failed_says_so_in_its_trailers() -> None:
    api = running()
    error = b'{"errorType":"E"}'
    told = {
        "lambda_runtime_function_error_type": "Function.Mine",
        "lambda_runtime_function_error_body": b64encode(error).decode(),
    }
    assert post(api, "response", b"half", lambda_runtime_function_response_mode="streaming", **told)[0] == 202
    assert api.happenings[-1] == Failed("Function.Mine", error)


def test_an_unknown_response_mode_is_refused() -> None:
    status, body = post(running(), "response", lambda_runtime_function_response_mode="pigeon")
    assert status == 400
    assert json.loads(body)["errorType"] == "InvalidFunctionResponseMode"


def test_what_is_no_path_or_no_method_of_the_api_changes_nothing() -> None:
    api = RuntimeApi()
    assert ask(api, "GET", "/ping") == (200, b"pong")
    assert ask(api, "GET", "/2018-06-01/nowhere")[0] == 404
    assert ask(api, "GET", "/2018-06-01/runtime/restore/next")[0] == 404  # SnapStart alone
    assert ask(api, "POST", NEXT)[0] == 405
    assert ask(api, "GET", INIT_ERROR)[0] == 405
    assert api.state is State.STARTED


def test_a_runtime_that_went_away_while_it_waited_gets_its_event_when_it_asks_again() -> None:
    api = RuntimeApi()
    ask(api, "GET", NEXT, key=1)
    api.closed(1)
    api.invoke(EVENT)
    assert api.responses == []
    assert ask(api, "GET", NEXT, key=2) == (200, b'{"a": 1}')


def test_each_state_of_the_table_is_reached_and_only_a_failed_initialisation_is_its_end() -> None:
    reached = {State.STARTED, State.RUNNING} | {to for row in NEXT_STATE.values() for to in row.values()}
    assert reached == set(State) == set(NEXT_STATE)
    assert [state for state, row in NEXT_STATE.items() if not row] == [State.INIT_ERROR]
