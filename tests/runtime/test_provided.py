"""`provided` runtimes: an executable bootstrap that speaks the Runtime API, under AWS's limits and in AWS's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdarun.model.environment import Environment
from lambdarun.model.function import Function
from lambdarun.model.instant import span_of
from lambdarun.model.invoke_request import InvokeReply
from lambdarun.model.records import InitialisationFailed, InvocationFailed
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.requests import InvocationRefused
from lambdarun.worker import wire
from tests.conftest import lasting, project_of
from tests.processes import descendants, survivors, watch

Provided = Callable[..., Function]
ECHOES = "while True:\n    request_id, event = take()\n    respond(request_id, event)\n"


def failed(reply: InvokeReply) -> tuple[str, str]:
    """Error type and text, without the request id."""
    told = json.loads(reply.payload)
    return told["errorType"], told["errorMessage"].replace(reply.request_id, "ID")


def once(function: Function, event: Any = None, **options: Any) -> InvokeReply:
    with open_blocking_runtime(project_of(function)) as runtime:
        return runtime.invoke("fn", event, **options)


def test_a_bootstrap_gets_the_event_and_its_response_is_the_answer_byte_for_byte(provided: Provided) -> None:
    source = """
while True:
    answer, body = ask("GET", "/runtime/invocation/next")
    respond(answer.headers["Lambda-Runtime-Aws-Request-Id"], b" " + body + b" ")
"""
    assert once(provided(source), payload=b'{"b" : 2}').payload == b' {"b" : 2} '


def test_its_process_lives_on_and_is_frozen_between_invocations(provided: Provided) -> None:
    source = """
import threading
ticks = []
def tick():
    while True:
        ticks.append(time.monotonic())
        time.sleep(0.001)
threading.Thread(target=tick, daemon=True).start()
while True:
    request_id, event = take()
    gaps = max((b - a for a, b in zip(ticks, ticks[1:])), default=0)
    respond(request_id, {"pid": os.getpid(), "gap": gaps})
"""
    with open_blocking_runtime(project_of(provided(source))) as runtime:
        first = runtime.invoke("fn").json()
        runtime.advance(seconds=0.5)
        runtime.invoke("fn")
        third = runtime.invoke("fn").json()
    assert first["pid"] == third["pid"]
    assert third["gap"] > 0.45


@pytest.mark.parametrize("runtime", ["provided.al2", "provided.al2023"])
def test_without_a_bootstrap_the_entry_point_is_invalid(provided: Provided, runtime: str) -> None:
    text = "RequestId: ID Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
    assert failed(once(provided(None, runtime=runtime))) == ("Runtime.InvalidEntrypoint", text)


def test_a_bootstrap_that_is_not_executable_is_told_with_its_reason(provided: Provided) -> None:
    function = provided(ECHOES)
    (function.code_uri / "bootstrap").chmod(0o644)
    text = "RequestId: ID Error: fork/exec /var/task/bootstrap: permission denied"
    assert failed(once(function)) == ("Runtime.InvalidEntrypoint", text)


def test_a_bootstrap_that_is_no_program_is_told_with_its_reason(provided: Provided) -> None:
    function = provided(ECHOES)
    (function.code_uri / "bootstrap").write_bytes(b"\0\1\2")
    text = "RequestId: ID Error: fork/exec /var/task/bootstrap: exec format error"
    assert failed(once(function)) == ("Runtime.InvalidEntrypoint", text)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os._exit(3)", "Runtime exited with error: exit status 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "Runtime exited with error: signal: killed"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "Runtime exited with error: signal: terminated"),
        ("os.kill(os.getpid(), signal.SIGABRT)", "Runtime exited with error: signal: aborted"),
    ],
)
def test_how_it_ends_is_told_in_initialisation_and_in_an_invocation(
    provided: Provided, how: str, said: str
) -> None:
    told = ("Runtime.ExitError", f"RequestId: ID Error: {said}")
    function = provided(f"print('once', flush=True)\n{how}\n")
    with open_blocking_runtime(project_of(function)) as runtime:
        assert failed(runtime.invoke("fn")) == told
        # A failed initialisation is done once more within the invocation.
        assert [record.error_type for record in runtime.log if isinstance(record, InitialisationFailed)] == [
            "Runtime.ExitError"
        ]
    assert failed(once(provided(f"take()\n{how}\n"))) == told


def test_after_an_exit_the_environment_gets_a_new_process(provided: Provided) -> None:
    source = """
mine = os.urandom(8).hex()
while True:
    request_id, event = take()
    if event == "end":
        sys.exit(1)
    respond(request_id, mine)
"""
    with open_blocking_runtime(project_of(provided(source))) as runtime:
        first = runtime.invoke("fn", "go").json()
        assert not runtime.invoke("fn", "end").ok
        assert runtime.invoke("fn", "go").json() != first


def test_an_init_error_is_passed_through_byte_for_byte(provided: Provided) -> None:
    body = '{ "errorType":"Runtime.Mine",\\n "errorMessage":"no", "more": [1] }'
    source = f"""
print("says", flush=True)
ask("POST", "/runtime/init/error", '''{body}''', {{"Lambda-Runtime-Function-Error-Type": "Runtime.Mine"}})
print("more", flush=True)
sys.exit(1)
"""
    reply = once(provided(source), log_tail=True)
    assert reply.payload == body.replace("\\n", "\n").encode()
    assert reply.log_tail is not None
    log = reply.log_tail.decode()
    # The module ran twice, and what it wrote behind its error is in the log.
    assert log.count("says\nmore\n") == 2
    assert "Phase: init\tStatus: error\tError Type: Runtime.Mine" in log
    assert "Phase: invoke\tStatus: error\tError Type: Runtime.Mine" in log


def test_an_error_of_a_handler_is_passed_through_and_the_process_lives_on(provided: Provided) -> None:
    source = """
while True:
    request_id, event = take()
    if event == "fail":
        respond(request_id, {"errorMessage": "bad", "errorType": "errorString"}, "error")
    else:
        respond(request_id, os.getpid())
"""
    with open_blocking_runtime(project_of(provided(source))) as runtime:
        pid = runtime.invoke("fn", "go").json()
        reply = runtime.invoke("fn", "fail")
        assert reply.function_error == "Unhandled"
        assert reply.payload == b'{"errorMessage": "bad", "errorType": "errorString"}'
        assert runtime.invoke("fn", "go").json() == pid
        [record] = [record for record in runtime.log if isinstance(record, InvocationFailed)]
        assert (record.cause, record.error_type) == ("raised", "errorString")


def test_a_response_over_the_limit_is_refused_to_the_runtime_and_told_to_the_caller(
    provided: Provided,
) -> None:
    source = """
last = None
while True:
    request_id, event = take()
    last = respond(request_id, b"1" * event) if event else respond(request_id, [os.getpid(), last])
"""
    with open_blocking_runtime(project_of(provided(source))) as runtime:
        pid, _ = runtime.invoke("fn", 0).json()
        assert runtime.invoke("fn", 6_291_556).payload == b"1" * 6_291_556
        reply = runtime.invoke("fn", 6_291_557)
        assert reply.payload == (
            b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
            b'"errorType":"Function.ResponseSizeTooLarge"}'
        )
        same, told = runtime.invoke("fn", 0).json()
    assert same == pid
    assert told[0] == 413


def test_a_timeout_kills_it_at_its_deadline(provided: Provided) -> None:
    source = (
        "mine = os.urandom(8).hex()\nwhile True:\n    request_id, event = take()\n    time.sleep(event)\n"
    )
    source += "    respond(request_id, mine)\n"
    with open_blocking_runtime(project_of(provided(source, timeout=1))) as runtime:
        first = runtime.invoke("fn", 0).json()
        reply = runtime.invoke("fn", 30)
        assert failed(reply) == ("Sandbox.Timedout", "RequestId: ID Error: Task timed out after 1.00 seconds")
        assert runtime.invoke("fn", 0).json() != first


def test_a_payload_that_is_no_json_is_refused_before_the_runtime_sees_it(provided: Provided) -> None:
    with open_blocking_runtime(project_of(provided(ECHOES))) as runtime:
        for payload in (b"{", b"NaN"):
            with pytest.raises(InvocationRefused) as refused:
                runtime.invoke("fn", payload=payload)
            assert refused.value.refusal.status == 400
        assert runtime.invoke("fn", 1).json() == 1


def test_a_large_event_and_a_large_answer_pass_whole(provided: Provided) -> None:
    event = "x" * 3_000_000
    assert once(provided(ECHOES), event).json() == event


def test_its_variables_are_awss(provided: Provided) -> None:
    source = "request_id, event = take()\nrespond(request_id, dict(os.environ))\ntake()\n"
    told = once(provided(source, environment={"MINE": "1"})).json()
    assert told["MINE"] == "1"
    assert told["_HANDLER"] == "any.handler"
    assert told["AWS_LAMBDA_RUNTIME_API"].startswith("127.0.0.1:")
    assert "AWS_EXECUTION_ENV" not in told


def test_in_virtual_time_its_outcome_takes_effect_after_the_declared_duration(provided: Provided) -> None:
    function = provided(ECHOES, duration=lasting(2), timeout=5)
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        before = runtime.now()
        assert runtime.invoke("fn", 1).json() == 1
        assert runtime.now() - before == span_of(seconds=2)


def test_a_runtime_that_works_on_behind_its_response_has_its_caller_answered_before(
    provided: Provided,
) -> None:
    source = """
while True:
    request_id, event = take()
    respond(request_id, event)
    while not os.path.exists(os.environ["LAMBDA_TASK_ROOT"] + "/go"):
        time.sleep(0.01)
"""
    function = provided(source, timeout=60)
    with open_blocking_runtime(project_of(function)) as runtime:
        assert runtime.invoke("fn", 1).json() == 1  # it would wait for the file for ever
        (function.code_uri / "go").touch()
        runtime.settle()


def test_a_runtime_that_answers_and_exits_has_answered(provided: Provided) -> None:
    with open_blocking_runtime(
        project_of(provided("request_id, event = take()\nrespond(request_id, event)\n"))
    ) as runtime:
        assert [runtime.invoke("fn", number, log_tail=True).json() for number in range(3)] == [0, 1, 2]


def test_nothing_is_left_when_the_runtime_is_closed(provided: Provided) -> None:
    source = "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)\n" + ECHOES
    with open_blocking_runtime(project_of(provided(source))) as runtime:
        runtime.invoke("fn", 1)
        watched = watch(_below(runtime))
        assert len(watched) >= 4  # the zygote, a supervisor, the runtime and its child
    assert survivors(watched) == []


def _below(runtime: BlockingRuntime) -> list[int]:
    zygotes = [zygote._child.pid for zygote in runtime.driver.processes.launcher.zygotes]
    return [*zygotes, *(pid for zygote in zygotes for pid in descendants(zygote))]


def test_an_environment_can_be_initialised_ahead_of_its_first_event(provided: Provided) -> None:
    with open_blocking_runtime(project_of(provided(ECHOES))) as runtime:
        launcher = runtime.driver.processes.launcher
        process = launcher.launch(
            Environment(1, next(iter(runtime.driver.region.project.functions.values())), "stream")
        )
        request_id = b"0" * 36
        process.channel.send(wire.RUN_HEADER.pack(wire.INIT, 0, 0, 7, 0, 0, request_id, 0, 0))
        process.channel.settimeout(20)
        first = wire.REPLY_HEADER.unpack_from(process.channel.recv(wire.PACKET_MAX))
        assert (first[0], first[3]) == (wire.INITIALISED, 7)
        assert first[6] > 0
        process.channel.send(wire.RUN_HEADER.pack(wire.RUN, 0, 0, 8, 0, 1, request_id, 0, 1) + b"5")
        packet = process.channel.recv(wire.PACKET_MAX)
        second = wire.REPLY_HEADER.unpack_from(packet)
        assert (second[0], second[1] & wire.COLD, second[3], packet[-1:]) == (wire.RESULT, 0, 8, b"5")
        process.zygote.await_forks()
        process.zygote.forked.clear()
        process.close()
