"""Extensions: processes of /opt/extensions and threads of the runtime, beside any engine, billed and shut down as AWS does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdarun.model.effects import StopEnvironment
from lambdarun.model.function import Function
from lambdarun.model.instant import span_of
from lambdarun.model.invoke_request import InvokeReply
from lambdarun.model.records import ExtensionsFinished, InvocationFailed, InvocationSucceeded
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from tests.conftest import lasting, project_of
from tests.runtime.conftest import Notes

Extension = Callable[[str, str], Path]
Python = Callable[..., Function]
RETURNS = "def handler(event, context):\n    return event\n"
HOLDS = """
who = register("INVOKE", "SHUTDOWN")
while True:
    event = next_event(who)
    print("extension:", event["eventType"], event.get("shutdownReason", ""), flush=True)
    if event["eventType"] == "SHUTDOWN":
        break
    time.sleep(0.2)
"""
NOTES = """
who = register("INVOKE", "SHUTDOWN")
while True:
    event = next_event(who)
    note(event["eventType"] + " " + event.get("shutdownReason", ""))
    if event["eventType"] == "SHUTDOWN":
        break
"""


def failed(reply: InvokeReply) -> tuple[str, str]:
    told = json.loads(reply.payload)
    return told["errorType"], told["errorMessage"].replace(reply.request_id, "ID")


def test_an_extension_that_holds_the_environment_for_200_ms_is_billed_so(
    python: Python, extension: Extension
) -> None:
    extension("holder", HOLDS)
    with open_blocking_runtime(project_of(python(RETURNS))) as runtime:
        runtime.invoke("fn", 1, log_tail=True)
        reply = runtime.invoke("fn", 2, log_tail=True)
        [_, record] = [record for record in runtime.log if isinstance(record, InvocationSucceeded)]
        finished = [record for record in runtime.log if isinstance(record, ExtensionsFinished)]
    assert reply.json() == 2
    assert 200_000 <= record.duration_us < 400_000
    assert 150_000 <= finished[-1].duration_us <= record.duration_us
    assert reply.log_tail is not None
    assert "extension: INVOKE" in reply.log_tail.decode()


def test_the_caller_is_answered_while_the_extension_holds_environment_and_slot(
    python: Python, extension: Extension
) -> None:
    extension("holder", HOLDS.replace("time.sleep(0.2)", "time.sleep(1)"))
    function = python(
        "import uuid\nMINE = uuid.uuid4().hex\ndef handler(event, context):\n    return MINE\n", timeout=10
    )
    with open_blocking_runtime(project_of(function)) as runtime:
        first = runtime.invoke("fn").json()
        # The first environment is busy still.
        assert runtime.invoke("fn").json() != first
        assert not [record for record in runtime.log if isinstance(record, InvocationSucceeded)]
        runtime.settle()
        assert len([record for record in runtime.log if isinstance(record, InvocationSucceeded)]) == 2


def test_the_timeout_covers_extensions_and_a_response_has_been_answered_all_the_same(
    python: Python, extension: Extension
) -> None:
    extension("holder", HOLDS.replace("time.sleep(0.2)", "time.sleep(30)"))
    with open_blocking_runtime(project_of(python(RETURNS, timeout=1))) as runtime:
        assert runtime.invoke("fn", 1).json() == 1
        runtime.settle()
        [record] = [record for record in runtime.log if isinstance(record, InvocationFailed)]
    assert (record.cause, record.duration_us) == ("timed out", 1_000_000)


@pytest.mark.parametrize(
    ("source", "event", "reason"),
    [
        ("import time\ndef handler(event, context):\n    time.sleep(30)\n", 1, "timeout"),
        ("import os\ndef handler(event, context):\n    os._exit(3)\n", 1, "failure"),
        (RETURNS, 1, "spindown"),
    ],
)
def test_extensions_are_told_why_the_environment_ends(
    python: Python, extension: Extension, notes: Notes, source: str, event: int, reason: str
) -> None:
    extension("notes", notes.source + NOTES)
    with open_blocking_runtime(project_of(python(source, timeout=1))) as runtime:
        runtime.invoke("fn", event, log_tail=True)
    assert notes.read() == ["INVOKE", f"SHUTDOWN {reason}"]


def test_an_environment_that_is_stopped_ends_its_extensions_in_order_while_others_run(
    python: Python, extension: Extension, notes: Notes
) -> None:
    extension("notes", notes.source + NOTES)
    with open_blocking_runtime(project_of(python(RETURNS))) as runtime:
        runtime.invoke("fn", 1, log_tail=True)
        processes = runtime.driver.processes
        [process] = processes._processes.values()
        processes.stop(process.environment)
        while processes._farewells.leaving:
            runtime.driver.pump(1)  # type: ignore[union-attr]  # on the wall's clock
        assert notes.read() == ["INVOKE", "SHUTDOWN spindown"]
        assert process.invocation is None
    assert StopEnvironment(process.environment).environment is process.environment


def test_an_extension_that_will_not_end_is_killed_after_two_seconds(
    python: Python, extension: Extension
) -> None:
    stays = "who = register('INVOKE', 'SHUTDOWN')\nwhile next_event(who)['eventType'] == 'INVOKE':\n    pass\ntime.sleep(1000)\n"
    extension("stays", stays)
    with open_blocking_runtime(
        project_of(python("import os\ndef handler(event, context):\n    os._exit(1)\n"))
    ) as runtime:
        reply = runtime.invoke("fn", 1)
        assert failed(reply)[0] == "Runtime.ExitError"
        [record] = [record for record in runtime.log if isinstance(record, InvocationFailed)]
    assert 2_000_000 <= record.duration_us < 2_800_000


def test_the_runtime_is_asked_to_end_before_the_extensions(
    provided: Callable[..., Function], extension: Extension, notes: Notes
) -> None:
    extension("notes", notes.source + NOTES)
    source = f"""{notes.source}
def leave(*_):
    note("SIGTERM")
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
while True:
    request_id, event = take()
    respond(request_id, event)
"""
    with open_blocking_runtime(project_of(provided(source))) as runtime:
        runtime.invoke("fn", 1, log_tail=True)
    assert notes.read() == ["INVOKE", "SIGTERM", "SHUTDOWN spindown"]


def test_an_extension_that_ends_takes_the_environment_with_it(python: Python, extension: Extension) -> None:
    extension("falls", "who = register('INVOKE')\nnext_event(who)\nsys.exit(7)\n")
    source = "import time\ndef handler(event, context):\n    time.sleep(5)\n"
    with open_blocking_runtime(project_of(python(source, timeout=10))) as runtime:
        for _ in range(2):
            assert failed(runtime.invoke("fn", 1)) == ("Extension.Crash", "RequestId: ID Error: exit code 7")


def test_an_extension_that_falls_at_its_start_fails_the_initialisation(
    python: Python, extension: Extension
) -> None:
    extension("falls", "sys.exit(2)\n")
    with open_blocking_runtime(project_of(python(RETURNS))) as runtime:
        assert failed(runtime.invoke("fn", 1)) == ("Extension.Crash", "RequestId: ID Error: exit code 2")


def test_an_extension_that_is_no_program_is_told_with_its_reason(
    python: Python, extension: Extension
) -> None:
    path = extension("rubbish", "") / "extensions" / "rubbish"
    path.write_bytes(b"\0\1\2")
    with open_blocking_runtime(project_of(python(RETURNS))) as runtime:
        told = (
            "Extension.LaunchError",
            "RequestId: ID Error: fork/exec /opt/extensions/rubbish: exec format error",
        )
        assert failed(runtime.invoke("fn", 1)) == told


@pytest.mark.parametrize(
    ("what", "error_type"), [("init", "Extension.InitError"), ("exit", "Extension.ExitError")]
)
def test_an_extension_that_gives_up_says_why(
    python: Python, extension: Extension, what: str, error_type: str
) -> None:
    source = f"""
who = register("INVOKE")
who["Lambda-Extension-Function-Error-Type"] = "Extension.NoKey"
ask("POST", "/extension/{what}/error", b"", who, "2020-01-01")
"""
    extension("gives_up", source)
    with open_blocking_runtime(project_of(python(RETURNS))) as runtime:
        assert failed(runtime.invoke("fn", 1)) == (error_type, "RequestId: ID Error: Extension.NoKey")


def test_extensions_do_not_see_what_is_the_runtimes_alone(
    python: Python, extension: Extension, notes: Notes
) -> None:
    extension("looks", notes.source + "[note(name) for name in os.environ]\n" + HOLDS)
    with open_blocking_runtime(project_of(python(RETURNS, environment={"MINE": "1"}))) as runtime:
        runtime.invoke("fn", 1, log_tail=True)
    seen = set(notes.read())
    assert {"MINE", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION"} <= seen
    assert not seen & {
        "_HANDLER",
        "AWS_EXECUTION_ENV",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
        "AWS_LAMBDA_LOG_GROUP_NAME",
    }


def test_an_internal_extension_holds_the_environment_and_gets_half_a_second_at_the_end(
    provided: Callable[..., Function], notes: Notes
) -> None:
    source = f"""{notes.source}
import threading
who = register("INVOKE", name="inner")
def extension():
    own = http.client.HTTPConnection(HOST, int(PORT))
    while True:
        own.request("GET", "/2020-01-01/extension/event/next", None, who)
        own.getresponse().read()
        time.sleep(0.2)
threading.Thread(target=extension, daemon=True).start()
def leave(*_):
    note("ended")
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
while True:
    request_id, event = take()
    respond(request_id, event)
"""
    with open_blocking_runtime(project_of(provided(source))) as runtime:
        assert runtime.invoke("fn", 1, log_tail=True).json() == 1
        [record] = [record for record in runtime.log if isinstance(record, InvocationSucceeded)]
        assert record.duration_us >= 200_000
    assert notes.read() == ["ended"]


def test_in_virtual_time_the_declared_duration_holds_with_extensions_too(
    python: Python, extension: Extension
) -> None:
    extension("holder", HOLDS)
    function = python(RETURNS, duration=lasting(2), timeout=5)
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        before = runtime.now()
        assert runtime.invoke("fn", 1).json() == 1
        assert runtime.now() - before == span_of(seconds=2)


def test_what_was_answered_has_its_end_in_the_log_though_the_runtime_closes_before(
    python: Python, extension: Extension
) -> None:
    extension("holder", HOLDS.replace("time.sleep(0.2)", "time.sleep(100)"))
    with open_blocking_runtime(project_of(python(RETURNS, timeout=200))) as runtime:
        assert runtime.invoke("fn", 1).json() == 1
    [record] = [record for record in runtime.log if isinstance(record, InvocationSucceeded)]
    assert record.response == b"1"
