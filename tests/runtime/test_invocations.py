"""Real handlers in real processes, through the door that waits."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdarun.model.function import Function
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.requests import InvocationRefused
from tests.conftest import Declare, project_of
from tests.processes import children_of, zygote_of

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

HANDLERS = """
import json, os, signal, sys, threading, time
COUNT = 0

def echo(event, context):
    return event

def count(event, context):
    global COUNT
    COUNT += 1
    return COUNT

def raises(event, context):
    raise ValueError("some text")

def nothing(event, context):
    pass

def a_set(event, context):
    return {1}

def leaves(event, context):
    sys.exit(event.get("status", 0))

def hard_exit(event, context):
    os._exit(event["status"])

def kills_itself(event, context):
    os.kill(os.getpid(), event["signal"])
    time.sleep(60)

def ignores_sigterm(event, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(0.01)

def spins(event, context):
    while True:
        pass

def prints(event, context):
    print("before", end="")
    os.write(1, b" raw ")
    os.system("echo child")
    return len(event)

def closes_output(event, context):
    os.close(1)
    return "closed"

def forks(event, context):
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
    return "forked"

def daemon(event, context):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    os.wait()
    return "daemon"

def ticks(event, context):
    def tick():
        while True:
            globals()["COUNT"] += 1
            time.sleep(0.001)
    threading.Thread(target=tick, daemon=True).start()
    return COUNT

def remaining(event, context):
    return context.get_remaining_time_in_millis()

def context_of(event, context):
    client = context.client_context
    return {
        "request_id": context.aws_request_id,
        "name": context.function_name,
        "version": context.function_version,
        "memory": context.memory_limit_in_mb,
        "arn": context.invoked_function_arn,
        "group": context.log_group_name,
        "stream": context.log_stream_name,
        "tenant": context.tenant_id,
        "identity": context.identity.cognito_identity_id,
        "custom": client.custom if client else None,
        "env": {k: os.environ.get(k) for k in ("_HANDLER", "AWS_LAMBDA_INITIALIZATION_TYPE", "TZ", "MINE",
                "AWS_LAMBDA_FUNCTION_TIMEOUT", "_X_AMZN_TRACE_ID", "TMPDIR")},
    }

def file_in_tmp(event, context):
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), "kept")
    if event.get("write"):
        open(path, "w").write("kept")
        globals()["COUNT"] = 42
    if event.get("hang"):
        time.sleep(600)
    return [os.path.exists(path), COUNT]
"""


@pytest.fixture
def opened(declare: Declare) -> Iterator[Any]:
    """Opens a runtime with the handlers named, each a function of that name."""
    stack = []

    def make(*names: str, clock: Any = None, **settings: Any) -> BlockingRuntime:
        functions: list[Function] = []
        for name in names:
            made = declare(HANDLERS, name=name.replace("_", "-"), handler=name, **settings)
            functions.append(made)
        door = open_blocking_runtime(project_of(*functions), clock=clock)
        stack.append(door)
        return door.__enter__()

    yield make
    for door in stack:
        door.__exit__(None, None, None)


def error_of(reply: Any) -> dict[str, Any]:
    assert reply.status == 200
    assert reply.function_error == "Unhandled"
    found = json.loads(reply.payload)
    assert isinstance(found, dict)
    return found


def test_runtime_row_06_globals_persist_between_invocations(opened: Any) -> None:
    runtime = opened("count")
    assert [runtime.invoke("count").payload for _ in range(3)] == [b"1", b"2", b"3"]


def test_runtime_row_16_no_payload_is_an_empty_event_and_none_is_null(opened: Any) -> None:
    runtime = opened("echo", "nothing")
    assert runtime.invoke("echo").payload == b"{}"
    assert runtime.invoke("nothing").payload == b"null"


def test_runtime_row_02_every_failure_is_unhandled_with_status_200(opened: Any) -> None:
    error = error_of(opened("raises").invoke("raises"))
    assert list(error) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert error["errorMessage"] == "some text"
    assert error["errorType"] == "ValueError"
    assert ID.fullmatch(error["requestId"])
    assert len(error["stackTrace"]) == 1
    assert error["stackTrace"][0].endswith('in raises\n    raise ValueError("some text")\n')


def test_runtime_row_06_a_handlers_exception_does_not_reset(opened: Any) -> None:
    runtime = opened("raises")
    runtime.invoke("raises")
    runtime.invoke("raises")
    assert [r.cold for r in runtime.log.of("invocation.started")] == [True, False]


def test_a_result_without_json_form_is_a_marshal_error(opened: Any) -> None:
    error = error_of(opened("a_set").invoke("a-set"))
    assert error["errorType"] == "Runtime.MarshalError"
    assert error["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"
    assert error["stackTrace"] == []


@pytest.mark.parametrize(
    ("name", "event", "text"),
    [
        ("leaves", {"status": 0}, "Runtime exited without providing a reason"),
        ("leaves", {"status": 3}, "Runtime exited with error: exit status 3"),
        ("hard_exit", {"status": 127}, "Runtime exited with error: exit status 127"),
        ("kills_itself", {"signal": int(signal.SIGKILL)}, "Runtime exited with error: signal: killed"),
        (
            "kills_itself",
            {"signal": int(signal.SIGSEGV)},
            "Runtime exited with error: signal: segmentation fault",
        ),
    ],
)
def test_an_exit_is_told_as_the_platform_tells_it(opened: Any, name: str, event: Any, text: str) -> None:
    runtime = opened(name, "echo")
    function = name.replace("_", "-")
    reply = runtime.invoke(function, event)
    request_id = ID.search(reply.payload.decode())
    assert request_id is not None
    expected = (
        f'{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {request_id[0]} Error: {text}"}}'
    )
    assert reply.payload.decode() == expected
    assert runtime.invoke("echo", {"still": "here"}).json() == {"still": "here"}


def test_runtime_row_03_a_time_out_is_a_json_payload_with_the_configured_seconds(opened: Any) -> None:
    runtime = opened("spins", timeout=1)
    reply = runtime.invoke("spins")
    assert re.fullmatch(
        r'\{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: [0-9a-f-]{36} Error: Task timed out after 1\.00 seconds"\}',
        reply.payload.decode(),
    )
    assert runtime.log.last("invocation.failed").duration_us == 1_000_000


def test_a_handler_that_ignores_sigterm_is_killed(opened: Any) -> None:
    assert (
        error_of(opened("ignores_sigterm", timeout=1).invoke("ignores-sigterm"))["errorType"]
        == "Sandbox.Timedout"
    )


def test_runtime_row_07_a_time_out_loses_globals_and_keeps_the_private_folder(opened: Any) -> None:
    runtime = opened("file_in_tmp", clock=VirtualClock(), timeout=3)
    assert runtime.invoke("file-in-tmp", {"write": True}).json() == [True, 42]
    assert runtime.invoke("file-in-tmp").json() == [True, 42]
    assert error_of(runtime.invoke("file-in-tmp", {"hang": True}))["errorType"] == "Sandbox.Timedout"


def test_runtime_row_07_for_real_a_killed_process_leaves_its_private_folder(opened: Any) -> None:
    runtime = opened("file_in_tmp", timeout=1)
    runtime.invoke("file-in-tmp", {"write": True})
    error_of(runtime.invoke("file-in-tmp", {"hang": True}))
    assert runtime.invoke("file-in-tmp").json() == [True, 0]


def test_runtime_row_05_the_remaining_time_counts_down_from_the_timeout(opened: Any) -> None:
    assert 29_000 < opened("remaining", timeout=30).invoke("remaining").json() <= 30_000


def test_runtime_row_19_context_and_variables(opened: Any) -> None:
    runtime = opened("context_of", memory_size=256, environment={"MINE": "x"})
    found = runtime.invoke("context-of", {}).json()
    assert found["name"] == "context-of"
    assert found["version"] == "$LATEST"
    assert found["memory"] == "256"
    assert found["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:context-of"
    assert found["group"] == "/aws/lambda/context-of"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", found["stream"])
    assert found["tenant"] is None
    assert found["identity"] is None
    assert found["env"]["_HANDLER"].endswith(".context_of")
    assert found["env"]["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert found["env"]["TZ"] == ":UTC"
    assert found["env"]["MINE"] == "x"
    assert found["env"]["AWS_LAMBDA_FUNCTION_TIMEOUT"] is None
    assert re.fullmatch(
        r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};.*", found["env"]["_X_AMZN_TRACE_ID"]
    )


def test_runtime_row_14_the_qualifier_shows_in_the_invoked_arn_only_if_it_was_given(opened: Any) -> None:
    runtime = opened("context_of")
    assert runtime.invoke("context-of", {}, qualifier="$LATEST").json()["arn"].endswith(":context-of:$LATEST")


def test_a_client_context_reaches_the_handler(opened: Any) -> None:
    import base64

    encoded = base64.b64encode(b'{"custom": {"foo": "bar"}}').decode()
    assert opened("context_of").invoke("context-of", {}, client_context=encoded).json()["custom"] == {
        "foo": "bar"
    }


def test_a_client_context_that_is_no_json_fails_as_awss_client_does(opened: Any) -> None:
    import base64

    reply = opened("context_of").invoke("context-of", {}, client_context=base64.b64encode(b"{nope").decode())
    error = error_of(reply)
    assert error["errorType"] == "Runtime.LambdaContextUnmarshalError"
    assert error["errorMessage"].startswith("Unable to parse Client Context JSON: ")


def test_runtime_row_20_an_unknown_function_is_not_found_with_latest(opened: Any) -> None:
    with pytest.raises(InvocationRefused) as refused:
        opened("echo").invoke("nobody")
    assert refused.value.refusal.status == 404
    assert refused.value.refusal.message == (
        "Function not found: arn:aws:lambda:us-east-1:123456789012:function:nobody:$LATEST"
    )


@pytest.mark.parametrize("size", [50_000, 200_000, 6_291_456 - 2])
def test_payloads_up_to_six_megabytes_pass_both_ways(opened: Any, size: int) -> None:
    text = "x" * size
    assert opened("echo").invoke("echo", payload=json.dumps(text).encode()).json() == text


def test_runtime_row_20_a_payload_over_six_megabytes_is_refused_with_its_size(opened: Any) -> None:
    with pytest.raises(InvocationRefused) as refused:
        opened("echo").invoke("echo", payload=b'"' + b"x" * 6_291_455 + b'"')
    assert refused.value.refusal.status == 413
    assert refused.value.refusal.message == (
        "6291457 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)"
    )


def test_everything_that_is_written_to_the_output_is_captured(opened: Any) -> None:
    runtime = opened("prints")
    runtime.invoke("prints", {})
    assert runtime.log.last("output.captured").text == b"before raw child\n"


def test_a_closed_output_does_not_break_the_next_invocation(opened: Any) -> None:
    runtime = opened("closes_output")
    assert [runtime.invoke("closes-output").json() for _ in range(2)] == ["closed", "closed"]


def test_a_thread_stands_still_between_invocations(opened: Any) -> None:
    runtime = opened("ticks")
    runtime.invoke("ticks")
    process = next(iter(runtime.driver.processes._processes.values()))
    stat = Path(f"/proc/{process.pid}/stat")
    # The signal is sent when the reply is read; the kernel stops the process a moment later.
    states = (stat.read_text().rpartition(")")[2].split()[0] for _ in range(100_000))
    assert "T" in states
    assert runtime.invoke("ticks").ok


@pytest.mark.parametrize("name", ["forks", "daemon"])
def test_children_and_daemons_end_with_the_runtime(declare: Declare, name: str) -> None:
    function = declare(HANDLERS, name=name, handler=name)
    with open_blocking_runtime(project_of(function)) as runtime:
        assert runtime.invoke(name).ok
        zygote = zygote_of(runtime)
        left = children_of(zygote)
    assert all(not Path(f"/proc/{pid}").exists() for pid in [zygote, *left])


def test_nothing_is_left_behind(declare: Declare) -> None:
    functions = [
        declare(HANDLERS, name=n.replace("_", "-"), handler=n, timeout=1)
        for n in ("echo", "forks", "spins", "leaves")
    ]
    before = set(os.listdir("/proc/self/fd"))
    with open_blocking_runtime(project_of(*functions)) as runtime:
        for function in functions:
            runtime.invoke(function.name, {"status": 1})
        folder = Path(runtime.driver.processes.launcher.folder)
        assert folder.is_dir()
    assert not folder.exists()
    assert set(os.listdir("/proc/self/fd")) == before
    assert children_of(os.getpid()) == []


def test_runtime_rows_13_20_dry_run_takes_no_slot_and_a_reserved_zero_is_refused_with_its_reason(
    declare: Declare,
) -> None:
    function = declare(HANDLERS, name="echo", handler="echo", reserved_concurrent_executions=0)
    with open_blocking_runtime(project_of(function)) as runtime:
        assert runtime.dry_run("echo").status == 204
        with pytest.raises(InvocationRefused) as refused:
            runtime.invoke("echo")
    refusal = refused.value.refusal
    assert (refusal.status, refusal.reason) == (429, "ReservedFunctionConcurrentInvocationLimitExceeded")
    assert refusal.body() == (
        b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}'
    )


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        (
            "import nowhere_to_be_found\n",
            "h",
            "Runtime.ImportModuleError",
            "No module named 'nowhere_to_be_found'",
        ),
        ("def broken(:\n", "h", "Runtime.UserCodeSyntaxError", "Syntax error in module"),
        ("x = 1\n", "h", "Runtime.HandlerNotFound", "Handler 'h' missing on module"),
        ("raise Exception('Runtime startup fails')\n", "h", "Exception", "Runtime startup fails"),
    ],
)
def test_runtime_row_01_init_errors_come_at_once_with_an_empty_request_id(
    declare: Declare, source: str, handler: str, error_type: str, message: str
) -> None:
    function = declare(source, handler=handler)
    with open_blocking_runtime(project_of(function)) as runtime:
        for _ in range(2):
            error = error_of(runtime.invoke("fn"))
            assert error["errorType"] == error_type
            assert message in error["errorMessage"]
            assert error["requestId"] == ""
        assert [r.cold for r in runtime.log.of("invocation.started")] == [True, True]


def test_an_exit_at_import_is_an_exit_error(declare: Declare) -> None:
    function = declare("import sys\nsys.exit(0)\n")
    with open_blocking_runtime(project_of(function)) as runtime:
        error = error_of(runtime.invoke("fn"))
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Error: Runtime exited without providing a reason")


@pytest.mark.parametrize(
    "payload", [b'{"a": NaN}', b"[" * 100_000 + b"]" * 100_000, b"1" * 5_000], ids=["NaN", "deep", "digits"]
)
def test_an_event_that_python_would_take_or_choke_on_is_refused_as_no_json(
    payload: bytes, declare: Declare
) -> None:
    function = declare("def handler(event, context):\n    return event\n")
    with open_blocking_runtime(project_of(function)) as runtime:
        for send in (runtime.invoke, runtime.accept):
            with pytest.raises(InvocationRefused) as refused:
                send("fn", payload=payload)
            assert refused.value.refusal.code == "InvalidRequestContentException"
        assert runtime.invoke("fn", [1]).json() == [1]


def test_a_functions_own_pythonpath_acts(declare: Declare, tmp_path: Path) -> None:
    """Folders of its code: of others there is nothing to see."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "shared_words.py").write_text("WORD = 'found'\n")
    function = declare(
        "from shared_words import WORD\ndef handler(event, context):\n    return WORD\n",
        environment={"PYTHONPATH": "shared"},
    )
    with open_blocking_runtime(project_of(function)) as runtime:
        assert runtime.invoke("fn").json() == "found"
