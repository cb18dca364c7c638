"""Initialisation that fails, takes too long, or is done again: AWS's suppressed init.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import os
import select
import signal
from typing import Any

import pytest

from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Duration
from lambdarun.model.records import InvocationFailed, InvocationSucceeded
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import RealClock, VirtualClock
from tests.conftest import Declare, lasting, project_of
from tests.processes import pids_of

FAILS = 'print("importing", flush=True)\nraise ValueError("no")\n'
EXITS = 'import sys\nprint("importing", flush=True)\nsys.exit(3)\n'
SLOW = "import time\ntime.sleep({seconds})\ndef handler(event, context):\n    time.sleep(event)\n    return event\n"


def ended(runtime: BlockingRuntime) -> list[tuple[float, float | None]]:
    """Duration and Init Duration of each invocation, in seconds."""
    records = [r for r in runtime.log if isinstance(r, InvocationSucceeded | InvocationFailed)]
    return [(r.duration_us / SECOND, None if r.init_us is None else r.init_us / SECOND) for r in records]


@pytest.mark.parametrize("clock", [RealClock, VirtualClock])
def test_an_environment_that_died_idle_is_initialised_again_and_its_end_is_told_right(
    clock: type[RealClock | VirtualClock], declare: Declare
) -> None:
    source = (
        'import os\nprint("importing", flush=True)\ndef handler(event, context):\n'
        "    if event: os._exit(3)\n    return os.getpid()\n"
    )
    with open_blocking_runtime(project_of(declare(source)), clock=clock()) as runtime:
        runtime.invoke("fn")
        [pid] = pids_of(runtime)
        died = os.pidfd_open(pid)
        signal.pidfd_send_signal(died, signal.SIGKILL)
        select.select([died], [], [])
        os.close(died)
        reply = runtime.invoke("fn", True, log_tail=True)
        assert runtime.invoke("fn").ok
    assert b"exit status 3" in reply.payload
    assert reply.log_tail is not None
    lines = reply.log_tail.decode().splitlines()
    assert "importing" in lines
    assert not [line for line in lines if "initialised" in line or "\0" in line]
    assert "Init Duration" in lines[-1]


@pytest.mark.parametrize("clock", [RealClock, VirtualClock])
@pytest.mark.parametrize(
    ("source", "error_type"),
    [(FAILS, "Runtime.Unknown"), (EXITS, "Runtime.ExitError")],
    ids=["raises", "exits"],
)
def test_a_module_that_fails_is_imported_twice_in_a_cold_call(
    clock: type[RealClock | VirtualClock], source: str, error_type: str, declare: Declare
) -> None:
    function = declare(source)
    with open_blocking_runtime(project_of(function), clock=clock()) as runtime:
        first = runtime.invoke("fn", log_tail=True)
        second = runtime.invoke("fn", log_tail=True)
        assert [init for _, init in ended(runtime)] == [None, None]
    assert first.log_tail is not None
    assert second.log_tail is not None
    lines = first.log_tail.decode().splitlines()
    kinds = [line.split()[0] for line in lines if line[0] in "EIRS" or line == "importing"]
    report = f"\tStatus: error\tError Type: {error_type}"
    # START behind both: the event was never handed over.
    assert kinds == [
        "INIT_START",
        "importing",
        "INIT_REPORT",
        "importing",
        "INIT_REPORT",
        "START",
        "END",
        "REPORT",
    ]
    told = [line for line in lines if line.startswith("INIT_REPORT")]
    assert [line.partition(" ms")[2] for line in told] == [
        f"\tPhase: init{report}",
        f"\tPhase: invoke{report}",
    ]
    assert lines[-1].endswith(report.removeprefix("\t"))
    assert "Init Duration" not in lines[-1]
    # The process is gone: the next call begins with an import within its own time, and no second one.
    assert second.log_tail.count(b"importing\n") == 1
    assert first.function_error == second.function_error == "Unhandled"


@pytest.mark.parametrize("clock", [RealClock, VirtualClock])
def test_what_an_import_prints_stands_before_start(
    clock: type[RealClock | VirtualClock], declare: Declare
) -> None:
    source = """
import os, time
print("importing")
os.write(2, b"by hand, without a line's end")
def handler(event, context):
    print("running")
    time.sleep(event)
"""
    function = declare(source, timeout=1)
    with open_blocking_runtime(project_of(function), clock=clock()) as runtime:
        for wait in (0, 2):
            reply = runtime.invoke("fn", wait, log_tail=True)
            assert reply.log_tail is not None
            assert b"\0" not in reply.log_tail
            lines = [line.partition(" RequestId")[0] for line in reply.log_tail.decode().splitlines()]
            imported = ["importing", "by hand, without a line's end"] if not wait else []
            assert [line for line in lines if not line.startswith("INIT_START")] == [
                *imported, "START", "running", "END", "REPORT",
            ]  # fmt: skip
        after_a_reset = runtime.invoke("fn", 0, log_tail=True).log_tail
        assert after_a_reset is not None
        assert after_a_reset.startswith(b"START ")
        assert after_a_reset.splitlines()[1] == b"importing"


def test_a_timed_out_cold_start_logs_its_import_before_start_too(declare: Declare) -> None:
    function = declare('print("importing")\ndef handler(event, context):\n    while True: pass\n', timeout=1)
    with open_blocking_runtime(project_of(function)) as runtime:
        tail = runtime.invoke("fn", log_tail=True).log_tail
        assert tail is not None
        assert [line.split()[0] for line in tail.splitlines()] == [
            b"INIT_START",
            b"importing",
            b"START",
            b"END",
            b"REPORT",
        ]


def test_the_payload_of_a_failed_import_is_the_second_ones(declare: Declare) -> None:
    source = """
import os
file = os.path.join(os.environ.get("TMPDIR", "/tmp"), "count")
count = int(open(file).read()) + 1 if os.path.exists(file) else 1
open(file, "w").write(str(count))
raise ValueError(f"import {count}")
"""
    function = declare(source)
    with open_blocking_runtime(project_of(function)) as runtime:
        messages = [runtime.invoke("fn").json()["errorMessage"] for _ in range(2)]  # type: ignore[index]
    assert messages == ["import 2", "import 3"]


def test_a_second_import_that_succeeds_runs_the_handler(declare: Declare) -> None:
    source = """
import os
file = os.path.join(os.environ.get("TMPDIR", "/tmp"), "once")
if not os.path.exists(file):
    open(file, "w").close()
    raise ValueError
def handler(event, context):
    return "ran"
"""
    function = declare(source, init_duration=Duration(SECOND // 2), duration=lasting(2))
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        before = runtime.now()
        assert runtime.invoke("fn").json() == "ran"
        assert ended(runtime) == [(2.5, None)]
        assert runtime.now() - before == 3 * SECOND


def test_after_a_reset_initialisation_counts_as_the_invocations_own_time(declare: Declare) -> None:
    function = declare(SLOW.format(seconds=2), timeout=3)
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        replies = [runtime.invoke("fn", wait) for wait in (0, 3, 0.5, 3)]
        assert [reply.ok for reply in replies] == [True, False, True, False]
        assert ended(runtime) == [(0, 2), (3, None), (2.5, None), (3, None)]


def test_a_handler_after_a_reset_has_less_time_left(declare: Declare) -> None:
    function = declare(SLOW.format(seconds=2), timeout=3)
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.invoke("fn", 3)
        reply = runtime.invoke("fn", 1.5)
        assert f"{reply.request_id} Error: Task timed out after 3.00 seconds" in str(reply.json())
        assert ended(runtime) == [(3, 2), (3, None)]


@pytest.mark.parametrize(("timeout", "ok", "duration"), [(30, True, 12), (5, False, 5)])
def test_an_initialisation_over_ten_seconds_is_done_again_within_the_timeout(
    timeout: int, ok: bool, duration: float, declare: Declare
) -> None:
    function = declare(SLOW.format(seconds=11), timeout=timeout)
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        before = runtime.now()
        reply = runtime.invoke("fn", 1, log_tail=True)
        assert reply.ok is ok
        assert ended(runtime) == [(duration, None)]
        assert runtime.now() - before == (10 + duration) * SECOND
    assert reply.log_tail is not None
    assert b"INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n" in reply.log_tail


def test_on_the_walls_clock_an_import_is_ended_by_the_timeout_after_a_reset(declare: Declare) -> None:
    source = """
import os, time
file = os.path.join(os.environ.get("TMPDIR", "/tmp"), "once")
if os.path.exists(file):
    time.sleep(30)
open(file, "w").close()
def handler(event, context):
    os._exit(1)
"""
    function: Function = declare(source, timeout=1)
    with open_blocking_runtime(project_of(function)) as runtime:
        assert "exit status 1" in str(runtime.invoke("fn").json())
        reply = runtime.invoke("fn")
        assert "Task timed out after 1.00 seconds" in str(reply.json())
        assert ended(runtime)[1] == (1, None)


@pytest.mark.parametrize("clock", [RealClock, VirtualClock])
def test_an_initialisation_that_times_out_twice_is_told_twice(clock: Any, declare: Declare) -> None:
    """AWS writes one INIT_REPORT a phase."""
    # On the wall's clock the first one ends the process at once, so that nobody waits for ten seconds.
    first = "os._exit(1)" if clock is RealClock else "time.sleep(12)"
    source = f"""
import os, time
mark = os.environ.get("TMPDIR", "/tmp") + "/tried"
if os.path.exists(mark):
    time.sleep(12)
open(mark, "w").close()
{first}
def handler(event, context): return 1
"""
    function = declare(source, timeout=1)
    with open_blocking_runtime(project_of(function), clock=clock()) as runtime:
        reply = runtime.invoke("fn", log_tail=True)
        assert b"Sandbox.Timedout" in reply.payload
        assert not runtime.log.of("environment.initialised")
    told = [line for line in (reply.log_tail or b"").decode().splitlines() if line.startswith("INIT_REPORT")]
    assert [line.partition("\t")[2] for line in told] == [
        "Phase: init\tStatus: error\tError Type: Runtime.ExitError"
        if clock is RealClock
        else "Phase: init\tStatus: timeout",
        "Phase: invoke\tStatus: timeout",
    ]
    assert told[1].startswith("INIT_REPORT Init Duration: 1000.00 ms")
