"""Hours in milliseconds, the same on each run, with real processes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio

from lambdarun.errors import Place, ProjectErrors
from lambdarun.model.arrival import Arrival, Delivery, EventArrival, MessageArrival
from lambdarun.model.declarations import Project, Route
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import AsyncInvokeConfiguration, DeclaredDuration
from lambdarun.model.handler_time import DurationMode
from lambdarun.model.instant import FIXED_START, SECOND, Duration, Instant
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.model.records import OutputCaptured
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.session import open_runtime
from lambdarun.views.results_line import ResultLines
from tests.conftest import Declare, lasting, project_of

PLACE = Place("test")
TELLS_TIME = """
import json, time
def handler(event, context):
    print(json.dumps([time.time(), context.aws_request_id]))
    raise ValueError("always")
"""
SLEEPY = """
import os, random, time
def handler(event, context):
    end = time.clock_gettime(time.CLOCK_BOOTTIME) + (os.getpid() % 7) / 1_000
    while time.clock_gettime(time.CLOCK_BOOTTIME) < end:
        pass
    return {"batchItemFailures": [
        {"itemIdentifier": r["messageId"]} for r in event["Records"] if int(r["body"]) % 50 == 7]}
"""


def seconds(value: float) -> Instant:
    return Instant(FIXED_START + round(value * SECOND))


def messages(count: int, every_s: float, queue: str = "jobs") -> list[Arrival]:
    return [
        MessageArrival(time=seconds(n * every_s), place=PLACE, queue=queue, body=str(n)) for n in range(count)
    ]


def event(
    time: float, source: str = "s3", delivery: Delivery = Delivery.ASYNC, **settings: Any
) -> EventArrival:
    return EventArrival(
        time=seconds(time), place=PLACE, source=source, delivery=delivery, payload=b"{}", **settings
    )


def jobs(function: Any, queue: dict[str, Any], **mapping: Any) -> Project:
    declared = Queue(
        name="jobs", redrive_policy=RedrivePolicy(dead_letter_target="dead", max_receive_count=3), **queue
    )
    return project_of(
        function,
        queues={"jobs": declared, "dead": Queue(name="dead")},
        mappings={"jobs": EventSourceMapping(name="jobs", queue="jobs", function=function.name, **mapping)},
        routes=(Route(key="s3", function=function.name),),
    )


def test_runtime_rows_09_10_11_three_attempts_at_0_60_and_180_seconds_of_the_handlers_own_clock(
    declare: Declare,
) -> None:
    with open_blocking_runtime(project_of(declare(TELLS_TIME)), clock=VirtualClock()) as runtime:
        reply = runtime.accept("fn", {"Records": []})
        assert (reply.status, reply.payload) == (202, b"")
        runtime.settle()
        printed = [json.loads(r.text.splitlines()[0]) for r in runtime.log.of("output.captured")]
        begun = FIXED_START / SECOND
        assert [round(time - begun) for time, _ in printed] == [0, 60, 180]
        assert len({request_id for _, request_id in printed}) == 1
        assert runtime.log.last("event.discarded").condition == "RetriesExhausted"


def test_six_hours_of_throttles_end_by_age(declare: Declare) -> None:
    function = declare(
        "def handler(e, c): pass", reserved_concurrent_executions=1, duration=lasting(30_000), timeout=900
    )
    slow = declare("def handler(e, c): pass", name="slow")
    with open_blocking_runtime(project_of(function, slow), clock=VirtualClock()) as runtime:
        for _ in range(40):
            runtime.accept("fn", {})
        runtime.settle()
        discarded = runtime.log.of("event.discarded")
        assert {r.condition for r in discarded} <= {"EventAgeExceeded", "RetriesExhausted"}
        assert any(r.condition == "EventAgeExceeded" and r.attempts == 0 for r in discarded)
        assert len(runtime.log.of("event.settled")) + len(discarded) == 40


def test_runtime_row_04_a_handler_that_sleeps_past_its_timeout_times_out_at_its_instant(
    declare: Declare,
) -> None:
    function = declare("import time\ndef handler(e, c):\n    time.sleep(10)\n    return 'late'\n", timeout=3)
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        reply = runtime.invoke("fn")
        assert reply.function_error == "Unhandled"
        assert b"Task timed out after 3.00 seconds" in reply.payload
        assert runtime.now() == FIXED_START + 3 * SECOND


def test_nothing_of_a_handler_runs_after_a_sleep_past_its_timeout(declare: Declare) -> None:
    source = """
import time
SEEN = []
def handler(event, context):
    SEEN.append(event)
    print(len(SEEN))
    if event == "sleeps":
        time.sleep(4)
        print("too late")
    return len(SEEN)
"""
    with open_blocking_runtime(project_of(declare(source, timeout=3)), clock=VirtualClock()) as runtime:
        counts = [runtime.invoke("fn", event).json() for event in ("a", "b", "sleeps", "c")]
        output = b"".join(record.text for record in runtime.log if isinstance(record, OutputCaptured))
    assert output == b"1\n2\n3\n1\n"
    assert counts[3] == 1  # its process was killed
    assert "timed out after 3.00 seconds" in counts[2]["errorMessage"]


def test_a_declared_duration_holds_for_errors_too(declare: Declare) -> None:
    function = declare("def handler(e, c): raise ValueError", duration=lasting(2))
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.invoke("fn")
        assert runtime.log.last("invocation.failed").duration_us == 2 * SECOND


def test_a_dead_letter_that_nobody_polls_expires(declare: Declare) -> None:
    project = Project(
        functions={"fn": declare("def handler(e, c): raise ValueError")},
        queues={
            "q": Queue(
                name="q", redrive_policy=RedrivePolicy(dead_letter_target="dead", max_receive_count=1)
            ),
            "dead": Queue(name="dead", message_retention_period=3_600),
        },
        mappings={"m": EventSourceMapping(name="m", queue="q", function="fn")},
    )
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        runtime.queue("q").send("x")
        runtime.settle()
        assert [message.body for message in runtime.queue("dead").messages()] == ["x"]
        runtime.advance(hours=1)
        assert runtime.queue("dead").messages() == []
        # The clock of its retention ran from the send, not from the move.
        assert runtime.log.last("message.expired").time == FIXED_START + 3_600 * SECOND


def test_initialisation_has_a_declared_time_of_its_own(declare: Declare) -> None:
    function = declare("def handler(e, c): pass", duration=lasting(1), init_duration=Duration(500_000))
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.invoke("fn")
        runtime.invoke("fn")
        assert runtime.now() == FIXED_START + 2.5 * SECOND
        assert [r.init_us for r in runtime.log.of("invocation.succeeded")] == [500_000, None]


def test_runtime_row_08_overlapping_invocations_need_as_many_environments_as_on_aws(declare: Declare) -> None:
    function = declare("def handler(e, c): pass", duration=lasting(2))
    arrivals = [event(n * 0.5) for n in range(10)]
    project = Project(functions={"fn": function}, routes=(Route(key="s3", function="fn"),))
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        runtime.replay(arrivals)
        assert max(r.running for r in runtime.log.of("invocation.started")) == 4
        assert sum(r.cold for r in runtime.log.of("invocation.started")) == 4


def test_recorded_durations(declare: Declare) -> None:
    project = Project(
        functions={"fn": declare("def handler(e, c): pass")}, routes=(Route(key="s3", function="fn"),)
    )
    options = Options(durations=DurationMode.RECORDED)
    with open_blocking_runtime(project, clock=VirtualClock(), options=options) as runtime:
        runtime.replay([event(0, duration=Duration(1_234_000))])
        assert runtime.log.last("invocation.succeeded").duration_us == 1_234_000


@pytest.mark.parametrize(("source", "attempts"), [("cognito", 3), ("alb", 1), ("firehose", 4)])
def test_a_service_that_gets_no_answer_tries_again_by_its_own_rule(
    declare: Declare, source: str, attempts: int
) -> None:
    function = declare("import time\ndef handler(e, c): time.sleep(60)\n", timeout=6)
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.replay([event(0, source, Delivery.SYNC)])
        answered = runtime.log.last("arrival.answered")
        assert (answered.result, answered.attempts) == ("failed", attempts)


def test_cognito_does_not_try_again_after_an_exception(declare: Declare) -> None:
    function = declare("def handler(e, c): raise ValueError")
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.replay([event(0, "cognito", Delivery.SYNC)])
        assert runtime.log.last("arrival.answered").attempts == 1


def test_a_visibility_timeout_shorter_than_the_handler_shows_the_double_delivery(declare: Declare) -> None:
    function = declare("def handler(e, c): pass", duration=lasting(45), timeout=60)
    project = jobs(function, {"visibility_timeout": 30})
    options = Options(allow_short_visibility=True)
    with open_blocking_runtime(project, clock=VirtualClock(), options=options) as runtime:
        runtime.replay(messages(1, 0))
        (returned,) = runtime.log.of("message.returned")
        first, second = runtime.log.of("invocation.started")
        assert returned.while_handled == first.request_id
        assert second.time - first.time == 30 * SECOND


@pytest.mark.parametrize(
    ("allowed", "visibility", "said"),
    [
        (False, 30, "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds."),
        (True, 0, "Queue visibility timeout: 0 seconds is less than Function timeout: 60 seconds."),
    ],
)
def test_what_aws_refuses_of_a_project_is_refused_when_it_is_opened_from_python_too(
    declare: Declare, allowed: bool, visibility: int, said: str
) -> None:
    project = jobs(declare("def handler(e, c): pass", timeout=60), {"visibility_timeout": visibility})
    options = Options(allow_short_visibility=allowed)
    with (
        pytest.raises(ProjectErrors, match=said),
        open_blocking_runtime(project, clock=VirtualClock(), options=options),
    ):
        raise AssertionError("it was opened")


def logged(project: Project, arrivals: Sequence[Arrival], *, seed: int, workers: int) -> str:
    lines = ResultLines(virtual=True)
    texts: list[str] = []
    options = Options(
        seed=seed, workers=workers, readers=(lambda records: texts.append(lines.lines(records)),)
    )
    with open_blocking_runtime(project, clock=VirtualClock(), options=options) as runtime:
        runtime.replay(arrivals)
    return "".join(texts)


def test_equal_seeds_give_equal_bytes_whatever_the_machine_does(declare: Declare) -> None:
    """Four workers side by side, handlers of random real duration."""
    function = declare(
        SLEEPY,
        duration=DeclaredDuration(p50=Duration(40_000), p99=Duration(900_000)),
        reserved_concurrent_executions=7,
    )
    project = jobs(function, {"visibility_timeout": 60}, report_batch_item_failures=True)
    arrivals = [*messages(300, 0.01), *(event(n) for n in range(3))]
    arrivals.sort(key=lambda arrival: arrival.time)
    first = logged(project, arrivals, seed=7, workers=4)
    assert first == logged(project, arrivals, seed=7, workers=4)
    assert first == logged(project, arrivals, seed=7, workers=1)
    assert first != logged(project, arrivals, seed=8, workers=4)
    assert "message.dead_lettered" in first


def test_advance_moves_time_by_exactly_so_much(declare: Declare) -> None:
    with open_blocking_runtime(project_of(declare(TELLS_TIME)), clock=VirtualClock()) as runtime:
        runtime.accept("fn", {})
        runtime.advance(seconds=59)
        assert len(runtime.log.of("invocation.started")) == 1
        runtime.advance(seconds=1)
        assert len(runtime.log.of("invocation.started")) == 2
        assert runtime.now() == FIXED_START + 60 * SECOND


def test_queues_through_the_api(declare: Declare) -> None:
    function = declare("def handler(e, c): raise ValueError", timeout=5)
    with open_blocking_runtime(jobs(function, {"visibility_timeout": 30}), clock=VirtualClock()) as runtime:
        queue = runtime.queue("jobs")
        queue.send("x")
        runtime.settle()
        assert queue.counts().visible == 0
        assert [message.body for message in runtime.queue("dead").messages()] == ["x"]
        assert runtime.log.last("message.dead_lettered").receive_count == 3
        with pytest.raises(KeyError, match=r"no queue 'nope'\. Declared: dead, jobs"):
            runtime.queue("nope")
        with pytest.raises(ValueError, match="must contain the parameter MessageBody"):
            queue.send("")


async def test_trio_on_the_virtual_clock_jumps_by_itself(declare: Declare) -> None:
    started: list[float] = []

    async def main() -> None:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, VirtualClock)
        async with open_runtime(project_of(declare(TELLS_TIME)), clock=clock, seed=7) as runtime:
            await runtime.accept("fn", {})
            await trio.sleep(181)
            started.extend(runtime.log.seconds("invocation.started"))
            assert runtime.log.last("event.discarded").condition == "RetriesExhausted"

    await trio.to_thread.run_sync(lambda: trio.run(main, clock=VirtualClock()))
    assert started == [0, 60, 180]


async def test_sleeps_whose_sum_is_no_whole_microsecond_end_on_the_virtual_clock() -> None:
    """0.1 s and 0.2 s are 0.30000000000000004 s in floats: an instant that whole microseconds never reach."""
    instants: list[float] = []

    async def main() -> None:
        for part in (0.1, 0.2, 1e-7, 1 / 3, 0.1 + 1e-6):
            await trio.sleep(part)
            instants.append(trio.current_time())

    await trio.to_thread.run_sync(lambda: trio.run(main, clock=VirtualClock()))
    assert instants == sorted(instants)
    assert instants == pytest.approx([0.1, 0.3, 0.3, 0.3 + 1 / 3, 0.4 + 1 / 3], abs=3e-6)


async def test_a_runtime_that_is_woken_while_nothing_else_runs_goes_on(declare: Declare) -> None:
    async def main() -> float:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, VirtualClock)
        async with open_runtime(project_of(declare(TELLS_TIME)), clock=clock) as runtime:
            await trio.lowlevel.checkpoint()
            runtime.wake()
            await trio.sleep(1.5)
            return trio.current_time()

    assert await trio.to_thread.run_sync(lambda: trio.run(main, clock=VirtualClock())) == 1.5


async def test_the_trio_door_invokes_side_by_side_and_survives_a_cancelled_caller(declare: Declare) -> None:
    source = "import time\ndef handler(e, c):\n    time.sleep(e['s'])\n    return e\n"
    async with open_runtime(project_of(declare(source, timeout=10)), clock=RealClock()) as runtime:
        replies: list[object] = []

        async def call(number: int) -> None:
            replies.append((await runtime.invoke("fn", {"s": 0.05, "n": number})).json())

        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(call, number)
        assert sorted(reply["n"] for reply in replies) == list(range(8))
        with trio.move_on_after(0.02) as scope:
            await runtime.invoke("fn", {"s": 0.3})
        assert scope.cancelled_caught
        assert (await runtime.invoke("fn", {"s": 0})).ok
        await runtime.settle()
        ends = len(runtime.log.of("invocation.succeeded"))
        assert ends == len(runtime.log.of("invocation.started")) == 10


async def test_virtual_time_under_the_ordinary_clock_moves_only_inside_calls(declare: Declare) -> None:
    async with open_runtime(project_of(declare(TELLS_TIME)), clock=VirtualClock()) as runtime:
        await runtime.accept("fn", {})
        begun = runtime.now()
        await trio.lowlevel.checkpoint()
        assert runtime.now() == begun
        await runtime.advance(minutes=2)
        assert len(runtime.log.of("invocation.started")) == 2
        await runtime.settle()
        assert runtime.log.seconds("invocation.started") == [0, 60, 180]


def test_a_handler_that_spins_is_killed_by_the_walls_limit_and_told(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdarun.runtime.deadlines.SPIN_LIMIT_MIN_S", 1)
    function = declare("def handler(e, c):\n    while True: pass\n", timeout=1, duration=lasting(0.1))
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        reply = runtime.invoke("fn")
        assert b"Task timed out after 1.00 seconds" in reply.payload
        assert runtime.now() == FIXED_START + 1 * SECOND
        assert runtime.log.last("handler.overran").function == "fn"


def test_a_stream_is_played_in_order_and_retried_until_it_expires(declare: Declare, tmp_path: Path) -> None:
    from lambdarun.model.arrival import BatchArrival

    source = "def handler(e, c):\n    if e['n'] == 1: raise ValueError\n"
    function = declare(source)
    arrivals = [
        BatchArrival(
            time=seconds(n), place=PLACE, source="kinesis", lane="s/shard-0", payload=json.dumps({"n": n}).encode(), size=1,
            newest=seconds(n), retention=Duration(86_400 * SECOND),
        )
        for n in range(3)
    ]  # fmt: skip
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.replay(arrivals)
        ended = runtime.log.of("retried_batch.settled")
        assert [r.condition for r in ended] == ["Success", "RecordAgeExceeded", "Success"]
        assert 86_300 < (ended[1].time - FIXED_START) / SECOND <= 86_401
        assert ended[1].attempts > 1_000
        tried = [r.attempt for r in runtime.log.of("invocation.started")]
        assert tried == [1, *range(1, ended[1].attempts + 1), 1]


def test_asynchronous_settings_of_a_function_hold(declare: Declare) -> None:
    function = declare(TELLS_TIME, asynchronous=AsyncInvokeConfiguration(maximum_retry_attempts=0))
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.accept("fn", {})
        runtime.settle()
        assert runtime.log.last("event.discarded").attempts == 1
