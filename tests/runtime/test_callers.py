"""Many callers at once: cancelled at any moment, with large results, sends and settling between them."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
import trio

from lambdarun.model.declarations import Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.queue import Queue
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.session import Runtime, open_runtime
from tests.conftest import Declare, project_of

SOURCE = """
import os, time

def handler(event, context):
    if event["do"] == "sleep":
        time.sleep(event["for"])
    elif event["do"] == "print":
        print("x" * event["for"])
    elif event["do"] == "exit":
        os._exit(1)
    elif event["do"] == "grow":
        return "x" * event["for"]
    return event

def take(event, context):
    return len(event["Records"])
"""
# Around the wait of a lone caller (2 ms), the largest packet and the pipe's size.
EVENTS = [
    {"do": "echo"},
    *({"do": "sleep", "for": seconds} for seconds in (0, 0.001, 0.002, 0.003, 0.01)),
    *({"do": "grow", "for": size} for size in (59_000, 60_100, 70_000, 1_000_000)),
    *({"do": "print", "for": size} for size in (10, 65_536, 200_000)),
    {"do": "exit"},
]
PATIENCE_S = (0.0, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.02, 60.0, 60.0)


@pytest.fixture
def project(declare: Declare) -> Project:
    return project_of(
        declare(SOURCE, timeout=20),
        declare(SOURCE, name="take", handler="take"),
        queues={"jobs": Queue(name="jobs")},
        mappings={"jobs": EventSourceMapping(name="jobs", queue="jobs", function="take", batch_size=4)},
    )


async def call_at_random(runtime: Runtime, chance: random.Random) -> None:
    for _ in range(12):
        event = chance.choice(EVENTS)
        with trio.move_on_after(chance.choice(PATIENCE_S)):
            reply = await runtime.invoke("fn", event)
            if event["do"] == "grow":
                assert len(reply.payload) == event["for"] + 2
            elif event["do"] == "exit":
                assert reply.function_error == "Unhandled"
            else:
                assert reply.json() == event
            if event["do"] == "print":
                [written] = [r for r in runtime.log.of("output.captured") if r.request_id == reply.request_id]
                assert written.text == b"x" * event["for"] + b"\n"
        drawn = chance.random()
        if drawn < 0.1:
            runtime.queue("jobs").send("text")
        elif drawn < 0.15:
            await runtime.settle()
        elif drawn < 0.2:
            await runtime.advance(seconds=0.001)
        elif drawn < 0.3:
            with trio.move_on_after(0.002):
                await runtime.settle()


async def settle_among_callers(clock: RealClock | VirtualClock, project: Project, seed: int) -> Runtime:
    chance = random.Random(seed)
    async with open_runtime(project, clock=clock) as runtime:
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(call_at_random, runtime, chance)
        await runtime.settle()
        assert runtime.driver.at_rest()
    return runtime


def check(runtime: Runtime) -> None:
    """Every invocation that began ended, no caller and no slot is left, each message was handled once."""
    log = runtime.log
    started = log.of("invocation.started")
    ended = [*log.of("invocation.succeeded"), *log.of("invocation.failed")]
    assert sorted(r.invocation for r in started) == sorted(r.invocation for r in ended)
    assert len([r for r in started if r.function == "fn"]) == 8 * 12
    assert not runtime.driver.callers
    assert not runtime._waiting
    assert runtime.driver.region.admission.ledger.running_account == 0
    sent = [r.message_id for r in log.of("message.sent")]
    deleted = [one for r in log.of("batch.settled") for one in r.deleted]
    assert sorted(sent) == sorted(deleted)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("clock", [RealClock, VirtualClock])
async def test_callers_that_give_up_at_any_moment_leave_no_outcome_unread(
    clock: type[RealClock | VirtualClock], seed: int, project: Project
) -> None:
    check(await settle_among_callers(clock(), project, seed))


@pytest.mark.parametrize("seed", range(3))
async def test_callers_on_trios_virtual_clock_leave_no_outcome_unread(seed: int, project: Project) -> None:
    clock = VirtualClock()
    check(
        await trio.to_thread.run_sync(
            lambda: trio.run(settle_among_callers, clock, project, seed, clock=clock)
        )
    )


@pytest.mark.parametrize("clock", [RealClock, VirtualClock])
async def test_a_clock_of_trios_that_jumps_by_itself_hinders_no_caller(
    clock: type[RealClock | VirtualClock], project: Project, autojump_clock: Any
) -> None:
    """pytest-trio's: it moves whenever all tasks wait, whatever processes do meanwhile."""
    async with open_runtime(project, clock=clock()) as runtime:
        replies = [await runtime.invoke("fn", event) for event in EVENTS]
        assert [reply.ok for reply in replies] == [event["do"] != "exit" for event in EVENTS]
        runtime.queue("jobs").send("text")
        await trio.sleep(3_600)
        await runtime.settle()
        assert len(runtime.log.of("batch.settled")) == 1


@pytest.mark.parametrize("clock", [RealClock, VirtualClock])
def test_invocations_leave_no_descriptor_behind(
    clock: type[RealClock | VirtualClock], project: Project
) -> None:
    counted = []
    with open_blocking_runtime(project, clock=clock()) as runtime:
        for _ in range(3):
            for event in EVENTS * 15:
                runtime.invoke("fn", event)
            runtime.invoke("fn", {"do": "echo"})
            # A process may have replied before the runtime has been told its id, and so before it has a descriptor of it.
            processes = runtime.driver.processes
            for process in processes._processes.values():
                processes._await_pid(process)
            counted.append((len(os.listdir("/proc/self/fd")), len(processes._readers)))
    assert len(set(counted)) == 1
