"""Handlers in the caller's process: what is asked of this kind alone."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path

import pytest
import trio

from lambdarun.model.declarations import Project
from lambdarun.model.records import OutputCaptured
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.session import open_runtime
from tests.conftest import Declare, project_of

INLINE = Options(isolation=Isolation.INLINE)
SLEEPS = """
import time
RUNS = 0
def handler(event, context):
    global RUNS
    RUNS += 1
    print("runs", RUNS)
    time.sleep(event)
    return RUNS
"""


def test_no_process_is_started_and_no_descriptor_is_left(declare: Declare) -> None:
    from tests.processes import descendants

    before = set(os.listdir("/proc/self/fd")), descendants(os.getpid())
    with open_blocking_runtime(project_of(declare(SLEEPS)), clock=VirtualClock(), options=INLINE) as runtime:
        for event in (1, 9, 1):
            runtime.invoke("fn", event)
        assert descendants(os.getpid()) == before[1]
        folder = Path(runtime.driver.processes.folder)  # type: ignore[attr-defined]  # of this kind
        assert folder.is_dir()
    assert set(os.listdir("/proc/self/fd")) == before[0]
    assert not folder.exists()


def test_children_that_a_handler_left_end_with_its_environment(declare: Declare) -> None:
    from tests.processes import descendants

    before = set(descendants(os.getpid()))
    source = "import subprocess\ndef handler(e, c): return subprocess.Popen(['sleep', '600']).pid\n"
    with open_blocking_runtime(project_of(declare(source)), options=INLINE) as runtime:
        pid = runtime.invoke("fn").json()
        assert pid in descendants(os.getpid())
    assert set(descendants(os.getpid())) == before


def test_a_handler_that_returns_twice_by_a_fork_answers_once(declare: Declare) -> None:
    source = "import os\ndef handler(e, c):\n    os.fork()\n    return 'once'\n"
    with open_blocking_runtime(project_of(declare(source)), options=INLINE) as runtime:
        assert runtime.invoke("fn").json() == "once"
        assert runtime.invoke("fn").json() == "once"


def test_a_failure_of_the_callers_own_test_passes_through_the_handler(declare: Declare) -> None:
    source = "import pytest\ndef handler(e, c):\n    pytest.fail('seen') if e else None\n"
    with open_blocking_runtime(project_of(declare(source)), options=INLINE) as runtime:
        with pytest.raises(pytest.fail.Exception, match="seen"):
            runtime.invoke("fn", 1)
        assert runtime.invoke("fn", 0).ok


def test_a_handler_cannot_use_the_runtime_that_runs_it_but_another(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
import json
def handler(event, context):
    try:
        json.outer.invoke("fn", 0) if event == 1 else json.outer.queue("q").send("x")
    except RuntimeError as fault:
        return [str(fault), json.inner.invoke("fn", 3).json(), __name__]
"""
    inner = declare("import os\ndef handler(e, c): return [e, os.environ['AWS_LAMBDA_FUNCTION_NAME']]\n")
    from lambdarun.model.queue import Queue

    project = project_of(declare(source), queues={"q": Queue(name="q")})
    with (
        open_blocking_runtime(project, clock=VirtualClock(), options=INLINE) as runtime,
        open_blocking_runtime(project_of(inner), options=INLINE) as other,
    ):
        monkeypatch.setattr("json.outer", runtime, raising=False)
        monkeypatch.setattr("json.inner", other, raising=False)
        for event in (1, 2):
            said, answer, _ = runtime.invoke("fn", event).json()  # type: ignore[misc]  # JSON is an object to mypy
            assert said == "a handler cannot use the runtime that runs it; open another one in it"
            assert answer == [3, "fn"]


def test_mocks_and_caplog_reach_the_handler(
    declare: Declare, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = """
import json, logging, random
def handler(event, context):
    logging.warning("heard")
    return [json.dumps(1), random.random()]
"""
    monkeypatch.setattr("json.dumps", lambda value: "mocked")
    monkeypatch.setattr("random.random", lambda: 4)
    with open_blocking_runtime(project_of(declare(source)), options=INLINE) as runtime:
        assert runtime.invoke("fn", payload=b"0").payload == b'["mocked", 4]'
    assert [record.getMessage() for record in caplog.records] == ["heard"]


def test_a_breakpoint_has_the_callers_terminal(declare: Declare, monkeypatch: pytest.MonkeyPatch) -> None:
    streams: list[object] = []
    monkeypatch.setattr(sys, "breakpointhook", lambda: streams.append(sys.stdout))
    source = "def handler(e, c):\n    print('before')\n    breakpoint()\n    print('behind')\n"
    with open_blocking_runtime(project_of(declare(source)), options=INLINE) as runtime:
        runtime.invoke("fn")
        runtime.invoke("fn")
        texts = [record.text for record in runtime.log if isinstance(record, OutputCaptured)]
    assert streams == [sys.stdout] * 2
    assert texts == [b"before\n"] * 2


def test_loggers_that_modules_set_up_are_the_functions_alone(declare: Declare) -> None:
    source = """
import logging
log = logging.getLogger("inline.own")
log.setLevel(logging.DEBUG)
log.addHandler(logging.StreamHandler())
def handler(event, context):
    return [log.level, len(log.handlers)]
"""
    functions = [declare(source, name=name) for name in ("one", "two")]
    with open_blocking_runtime(project_of(*functions), options=INLINE) as runtime:
        for name in ("one", "two", "one"):
            assert runtime.invoke(name).json() == [10, 1]
    own = logging.getLogger("inline.own")
    assert (own.level, own.handlers) == (logging.NOTSET, [])


def test_the_callers_modules_of_the_same_files_are_left_alone(
    declare: Declare, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    function = declare("SEEN = []\ndef handler(e, c):\n    SEEN.append(e)\n    return SEEN\n")
    module = function.handler.partition(".")[0]
    monkeypatch.syspath_prepend(str(tmp_path))
    import importlib

    mine = importlib.import_module(module)
    with open_blocking_runtime(project_of(function), options=INLINE) as runtime:
        assert [runtime.invoke("fn", n).json() for n in (1, 2)] == [[1], [1, 2]]
    assert mine.SEEN == []
    assert sys.modules.pop(module) is mine


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_runtimes_open_side_by_side_and_close_in_any_order(declare: Declare, order: tuple[int, int]) -> None:
    import selectors

    before = selectors.DefaultSelector.select
    project = project_of(declare(SLEEPS))
    doors = [open_blocking_runtime(project, clock=VirtualClock(), options=INLINE) for _ in range(2)]
    runtimes: list[BlockingRuntime] = [door.__enter__() for door in doors]
    for runtime in (*runtimes, *runtimes):
        assert runtime.invoke("fn", 1).ok
    for number in order:
        doors[number].__exit__(None, None, None)
    assert selectors.DefaultSelector.select is before


async def test_under_trio_the_loop_stays_free_while_a_handler_blocks(declare: Declare) -> None:
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            ticks.append(trio.current_time())
            await trio.sleep(0.01)

    async with (
        open_runtime(project_of(declare(SLEEPS)), clock=RealClock(), options=INLINE) as runtime,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(tick)
        assert (await runtime.invoke("fn", 0)).json() == 1
        ticks.clear()
        assert (await runtime.invoke("fn", 0.3)).json() == 2
        assert len(ticks) > 10
        nursery.cancel_scope.cancel()


async def test_under_trio_invocations_come_one_after_the_other_each_with_its_own_output(
    declare: Declare,
) -> None:
    project = project_of(declare(SLEEPS, name="a"), declare(SLEEPS, name="b"))
    async with open_runtime(project, clock=RealClock(), options=INLINE) as runtime:
        replies = []

        async def call(name: str) -> None:
            replies.append((await runtime.invoke(name, 0.01)).json())

        async with trio.open_nursery() as nursery:
            for name in ("a", "b", "a", "b"):
                nursery.start_soon(call, name)
        texts = sorted(record.text for record in runtime.log if isinstance(record, OutputCaptured))
    assert len(replies) == 4
    assert len(texts) == 4
    assert set(texts) <= {b"runs 1\n", b"runs 2\n"}


async def test_under_trio_a_timeout_is_told_at_its_instant_and_what_still_runs_at_the_end(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr("threading.release", release, raising=False)
    source = SLEEPS.replace("time.sleep(event)", "__import__('threading').release.wait() if event else None")
    project = project_of(declare(source, timeout=1))
    before = os.getcwd(), sys.stdout
    with pytest.warns(RuntimeWarning, match="cannot be killed; still running: fn"):  # noqa: PT031 - at the end of its block
        async with open_runtime(project, clock=RealClock(), options=INLINE) as runtime:
            assert (await runtime.invoke("fn", 0)).json() == 1
            error = (await runtime.invoke("fn", 1)).json()
            assert isinstance(error, dict)
            assert error["errorMessage"].endswith("Task timed out after 1.00 seconds")
            assert (os.getcwd(), sys.stdout) == before
            failed = runtime.log.last("invocation.failed")
            assert failed.duration_us == 1_000_000
            # In a new environment, while the old thread still waits.
            assert (await runtime.invoke("fn", 0)).json() == 1
    release.set()


async def test_under_trio_virtual_time_runs_inline_too(declare: Declare) -> None:
    async def main() -> list[object]:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, VirtualClock)
        async with open_runtime(
            project_of(declare(SLEEPS, timeout=60)), clock=clock, options=INLINE
        ) as runtime:
            replies = [(await runtime.invoke("fn", n)).json() for n in (10, 20)]
            return [*replies, trio.current_time()]

    assert await trio.to_thread.run_sync(lambda: trio.run(main, clock=VirtualClock())) == [1, 2, 30]
    async with open_runtime(Project(), clock=VirtualClock(), options=INLINE) as empty:
        await empty.settle()
