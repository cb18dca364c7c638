"""How a runtime ends: closed, in another thread, with its zygote killed, by an exception, under waiting callers."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from lambdarun.errors import MachineError
from lambdarun.model.declarations import Project
from lambdarun.model.queue import Queue
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.session import Runtime, open_runtime
from tests.conftest import Declare, project_of
from tests.processes import forker_of, pids_of, zygote_of

CLOCKS = pytest.mark.parametrize("clock", [RealClock, VirtualClock])
AnyClock = type[RealClock | VirtualClock]
HANDLER = """
import os, time

def handler(event, context):
    time.sleep(event or 0)
    return os.getpid()
"""


@pytest.fixture
def project(declare: Declare) -> Project:
    return project_of(declare(HANDLER, timeout=20), queues={"jobs": Queue(name="jobs")})


def kill(pid: int) -> None:
    """Kill a process and wait until it is dead."""
    descriptor = os.pidfd_open(pid)
    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    select.select([descriptor], [], [])
    os.close(descriptor)


def lives(pid: int) -> bool:
    """Whether a process runs: one that nobody has waited for is dead too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def nothing_left(opened: list[BlockingRuntime | Runtime]) -> Iterator[None]:
    """Whatever happens inside: no process, no folder and no descriptor of the runtimes in `opened` is left."""
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert opened
    for runtime in opened:
        assert not Path(runtime.driver.processes.launcher.folder).exists()
        assert not Path(f"/proc/{zygote_of(runtime)}").exists()
    assert set(os.listdir("/proc/self/fd")) == before


@CLOCKS
@pytest.mark.parametrize("warm", [False, True])
def test_a_killed_zygote_is_a_clear_error_at_once_and_leaves_nothing(
    clock: AnyClock, warm: bool, project: Project
) -> None:
    opened: list[Any] = []
    workers: list[int] = []

    def run() -> None:
        with open_blocking_runtime(project, clock=clock()) as runtime:
            opened.append(runtime)
            if warm:
                runtime.invoke("fn")
                workers.extend(pids_of(runtime))
            kill(forker_of(runtime))
            runtime.invoke("fn")

    with nothing_left(opened), pytest.raises(MachineError, match=r"forks environments ended \(exit -9\)"):
        run()
    assert len(workers) == warm
    assert not any(lives(worker) for worker in workers)


def test_a_zygote_that_was_killed_unnoticed_does_not_hinder_the_end(project: Project) -> None:
    opened: list[Any] = []
    with nothing_left(opened), open_blocking_runtime(project) as runtime:
        opened.append(runtime)
        assert runtime.invoke("fn").ok
        kill(forker_of(runtime))


async def test_callers_of_a_killed_zygote_end_with_the_error_by_itself(project: Project) -> None:
    opened: list[Any] = []

    async def run() -> None:
        async with open_runtime(project) as runtime, trio.open_nursery() as nursery:
            opened.append(runtime)
            for _ in range(3):
                nursery.start_soon(runtime.invoke, "fn", 15)
            await trio.testing.wait_all_tasks_blocked()
            kill(forker_of(runtime))

    with nothing_left(opened), pytest.raises(MachineError, match="forks environments ended"):
        await run()


def _uses() -> list[tuple[str, Callable[[BlockingRuntime], object]]]:
    return [
        ("invoke", lambda runtime: runtime.invoke("fn")),
        ("accept", lambda runtime: runtime.accept("fn")),
        ("dry_run", lambda runtime: runtime.dry_run("fn")),
        ("settle", lambda runtime: runtime.settle()),
        ("advance", lambda runtime: runtime.advance(seconds=1)),
        ("replay", lambda runtime: runtime.replay([])),
        ("send", lambda runtime: runtime.queue("jobs").send("text")),
    ]


@CLOCKS
@pytest.mark.parametrize("use", [use for _, use in _uses()], ids=[name for name, _ in _uses()])
def test_a_closed_runtime_says_so_and_keeps_its_log(
    clock: AnyClock, use: Callable[[BlockingRuntime], object], project: Project
) -> None:
    opened: list[Any] = []
    with nothing_left(opened):
        with open_blocking_runtime(project, clock=clock()) as runtime:
            opened.append(runtime)
            runtime.invoke("fn")
        with pytest.raises(RuntimeError, match="the runtime is closed"):
            use(runtime)
    assert len(runtime.log.of("invocation.succeeded")) == 1


@CLOCKS
async def test_a_closed_runtime_says_so_to_tasks_too(clock: AnyClock, project: Project) -> None:
    async with open_runtime(project, clock=clock()) as runtime:
        assert (await runtime.invoke("fn")).ok
    for use in (runtime.invoke, runtime.accept, runtime.dry_run):
        with pytest.raises(RuntimeError, match="the runtime is closed"):
            await use("fn")
    with pytest.raises(RuntimeError, match="the runtime is closed"):
        await runtime.replay([])


async def test_callers_outside_the_block_do_not_wait_for_ever_when_it_ends(project: Project) -> None:
    told: list[str] = []

    async def outside(use: Callable[[], Any]) -> None:
        with pytest.raises(RuntimeError, match="the runtime is closed"):
            await use()
        told.append("told")

    async with trio.open_nursery() as nursery, open_runtime(project) as runtime:
        for _ in range(2):
            nursery.start_soon(outside, lambda: runtime.invoke("fn", 15))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(outside, runtime.settle)
        await trio.testing.wait_all_tasks_blocked()
    assert told == ["told"] * 3


@CLOCKS
def test_a_runtime_outlives_the_thread_that_opened_it(clock: AnyClock, project: Project) -> None:
    opened: list[Any] = []
    with nothing_left(opened):
        door = open_blocking_runtime(project, clock=clock())
        thread = threading.Thread(target=lambda: opened.append(door.__enter__()))
        thread.start()
        thread.join()
        # Its death signal has come by now: the kernel sends it before a thread can be joined, or while it waits here.
        worker = opened[0].invoke("fn", 0.2).json()
        assert opened[0].invoke("fn", 0).json() == worker
        door.__exit__(None, None, None)


def test_two_runtimes_at_once_do_not_meet(project: Project) -> None:
    opened: list[Any] = []
    with (
        nothing_left(opened),
        open_blocking_runtime(project, clock=VirtualClock()) as one,
        open_blocking_runtime(project, clock=RealClock()) as other,
    ):
        opened += [one, other]
        assert all(runtime.invoke("fn").ok for runtime in (one, other, one, other))
        assert len({*pids_of(one), *pids_of(other)}) == 2
        assert len(one.log.of("invocation.succeeded")) == len(other.log.of("invocation.succeeded")) == 2


@CLOCKS
async def test_what_the_block_raises_comes_out_as_itself(clock: AnyClock, project: Project) -> None:
    opened: list[Any] = []

    async def plainly() -> None:
        async with open_runtime(project, clock=clock()) as runtime:
            opened.append(runtime)
            await runtime.invoke("fn")
            raise ZeroDivisionError

    async def beside_a_caller() -> None:
        async with open_runtime(project, clock=clock()) as runtime, trio.open_nursery() as nursery:
            opened.append(runtime)
            nursery.start_soon(runtime.invoke, "fn", 0.01)
            raise ZeroDivisionError

    with nothing_left(opened):
        with pytest.raises(ZeroDivisionError):
            await plainly()
        with pytest.raises(ExceptionGroup) as caught:
            await beside_a_caller()
        assert caught.group_contains(ZeroDivisionError)


async def test_a_cancelled_block_ends_its_callers_and_leaves_nothing(project: Project) -> None:
    opened: list[Any] = []
    with nothing_left(opened):
        with trio.CancelScope() as scope:
            async with open_runtime(project) as runtime, trio.open_nursery() as nursery:
                opened.append(runtime)
                nursery.start_soon(runtime.invoke, "fn", 15)
                await trio.lowlevel.checkpoint()
                scope.cancel()
        assert scope.cancelled_caught
