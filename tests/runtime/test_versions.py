"""Versions, aliases, and new code or configuration while invocations run.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from lambdarun.model.declarations import Account, IdleTime
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Alias, AsyncInvokeConfiguration, Function, running_runtime
from lambdarun.model.instant import span_of
from lambdarun.model.queue import Queue
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.requests import InvocationRefused
from lambdarun.runtime.session import open_runtime
from tests.conftest import Declare, lasting, project_of

TELLS = """
import os
CODE = {code!r}
def handler(event, context):
    return [CODE, context.function_version, os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
            context.invoked_function_arn.rpartition("function:")[2], context.log_stream_name.partition("[")[2][:3]]
"""


@pytest.fixture
def live(tmp_path: Path) -> Function:
    """A function whose code can be written anew."""
    (tmp_path / "app.py").write_text(TELLS.format(code="first"))
    return Function(name="fn", handler="app.handler", code_uri=tmp_path, runtime=running_runtime())


def rewrite(function: Function, code: str) -> None:
    (function.code_uri / "app.py").write_text(TELLS.format(code=code))


def test_a_published_version_keeps_its_code_while_the_function_goes_on(live: Function) -> None:
    with open_blocking_runtime(project_of(live)) as runtime:
        assert runtime.invoke("fn").json() == ["first", "$LATEST", "$LATEST", "fn", "$LA"]
        assert runtime.publish_version("fn") == "1"
        rewrite(live, "second")
        runtime.update_function(live)
        assert runtime.invoke("fn").json()[0] == "second"
        reply = runtime.invoke("fn", qualifier="1")
        assert reply.json()[:4] == ["first", "1", "1", "fn:1"]
        assert reply.json()[4][:2] == "1]"
        assert reply.executed_version == "1"
        assert runtime.publish_version("fn") == "2"
        assert runtime.invoke("fn:2").json()[:2] == ["second", "2"]


def test_publishing_what_has_not_changed_gives_the_last_version_again(live: Function) -> None:
    with open_blocking_runtime(project_of(live)) as runtime:
        runtime.invoke("fn")  # leaves __pycache__, which is no code
        assert [runtime.publish_version("fn") for _ in range(3)] == ["1", "1", "1"]
        runtime.update_function(evolve(live, timeout=9))
        assert [runtime.publish_version("fn") for _ in range(2)] == ["2", "2"]
        rewrite(live, "second")
        assert [runtime.publish_version("fn") for _ in range(2)] == ["3", "3"]
        assert [record.version for record in runtime.log.of("version.published")] == ["1", "2", "3"]


def test_runtime_row_14_the_executed_version_is_a_number_and_unknown_ones_are_not_found(
    live: Function,
) -> None:
    declared = evolve(
        live,
        versions={"4": evolve(live, version="4")},
        aliases={"live": Alias(name="live", function_version="4")},
    )
    with open_blocking_runtime(project_of(declared)) as runtime:
        reply = runtime.invoke("arn:aws:lambda:us-east-1:123456789012:function:fn:live", log_tail=True)
        assert reply.executed_version == "4"
        assert reply.json()[1:4] == ["4", "4", "fn:live"]
        assert b" Version: 4\n" in (reply.log_tail or b"")
        for name, qualifier in (("fn", "5"), ("fn:nobody", None), ("fn", "nobody")):
            with pytest.raises(InvocationRefused) as refused:
                runtime.invoke(name, qualifier=qualifier)
            assert refused.value.refusal.status == 404
            wanted = f"Function not found: arn:aws:lambda:us-east-1:123456789012:function:fn:{qualifier or 'nobody'}"
            assert refused.value.refusal.message == wanted


def shares(seed: int, function: Function, calls: int) -> list[str]:
    with open_blocking_runtime(project_of(function), clock=VirtualClock(), seed=seed) as runtime:
        return [str(runtime.invoke("fn:live").executed_version) for _ in range(calls)]


def test_runtime_row_14_a_weighted_alias_is_drawn_for_each_invocation_from_the_seed(declare: Declare) -> None:
    function = declare("def handler(event, context): pass\n")
    weighted = evolve(
        function,
        versions={number: evolve(function, version=number) for number in ("1", "2")},
        aliases={"live": Alias(name="live", function_version="1", additional_version_weights={"2": 0.25})},
    )
    drawn = shares(3, weighted, 200)
    assert 30 <= Counter(drawn)["2"] <= 70
    assert drawn == shares(3, weighted, 200) != shares(4, weighted, 200)


def test_each_attempt_at_an_event_resolves_its_alias_anew(declare: Declare) -> None:
    function = declare(
        "def handler(event, context):\n    if context.function_version == '1': raise ValueError\n"
    )
    moved = evolve(
        function,
        versions={number: evolve(function, version=number) for number in ("1", "2")},
        aliases={
            "live": Alias(
                name="live",
                function_version="1",
                asynchronous=AsyncInvokeConfiguration(maximum_retry_attempts=1),
            )
        },
    )
    with open_blocking_runtime(project_of(moved), clock=VirtualClock()) as runtime:
        runtime.accept("fn:live", {})
        runtime.advance(seconds=30)
        runtime.put_alias("fn", "live", "2")
        runtime.settle()
        started = runtime.log.of("invocation.started")
        assert [(record.version, record.qualifier) for record in started] == [("1", "live"), ("2", "live")]
        assert runtime.log.last("event.settled").attempts == 2


def test_versions_and_latest_have_environments_of_their_own(declare: Declare) -> None:
    function = declare("import os\nOWN = os.urandom(8).hex()\ndef handler(event, context): return OWN\n")
    declared = evolve(function, versions={"1": evolve(function, version="1")})
    with open_blocking_runtime(project_of(declared)) as runtime:
        latest, version = runtime.invoke("fn").json(), runtime.invoke("fn:1").json()
        assert latest != version
        assert (runtime.invoke("fn").json(), runtime.invoke("fn:1").json()) == (latest, version)


def test_a_queue_feeds_an_alias(declare: Declare) -> None:
    function = declare("def handler(event, context): print(context.invoked_function_arn[-7:])\n")
    declared = evolve(
        function,
        versions={"1": evolve(function, version="1")},
        aliases={"live": Alias(name="live", function_version="1")},
    )
    project = project_of(
        declared,
        queues={"jobs": Queue(name="jobs")},
        mappings={"jobs": EventSourceMapping(name="jobs", queue="jobs", function="fn:live")},
    )
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        runtime.queue("jobs").send("one")
        runtime.settle()
        assert runtime.log.last("invocation.succeeded").version == "1"
        assert runtime.log.last("output.captured").text == b"fn:live\n"


@pytest.mark.parametrize(
    ("version", "weights", "code", "said"),
    [
        ("9", {}, "ResourceNotFoundException", "Function not found: {arn}:9"),
        ("1", {"9": 0.5}, "ResourceNotFoundException", "Function not found: {arn}:9"),
        (
            "$LATEST",
            {"1": 0.5},
            "InvalidParameterValueException",
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
        (
            "1",
            {"1": 0.5},
            "InvalidParameterValueException",
            "Invalid function version 1. Function version 1 is already included in routing configuration.",
        ),
    ],
)
def test_an_alias_that_aws_refuses_is_refused_in_its_words(
    version: str, weights: dict[str, float], code: str, said: str, live: Function
) -> None:
    with open_blocking_runtime(project_of(live)) as runtime:
        runtime.publish_version("fn")
        with pytest.raises(InvocationRefused) as refused:
            runtime.put_alias("fn", "live", version, additional_version_weights=weights)
    refusal = refused.value.refusal
    arn = "arn:aws:lambda:us-east-1:123456789012:function:fn"
    assert (refusal.code, refusal.message) == (code, said.format(arn=arn))


# --- new code and configuration


SLOW = """
import os, tempfile, time
FILE = os.path.join(tempfile.gettempdir(), "file")
def handler(event, context):
    seen = os.path.exists(FILE)
    open(FILE, "w").close()
    time.sleep(event)
    return [os.environ["SIDE"], seen]
"""


def test_running_invocations_finish_on_the_old_configuration_while_new_ones_get_new_environments(
    declare: Declare,
) -> None:
    old = declare(SLOW, environment={"SIDE": "old"}, timeout=60)

    clock = VirtualClock()

    async def attached() -> list[Any]:
        told: list[Any] = []
        async with open_runtime(project_of(old), clock=clock) as runtime, trio.open_nursery() as nursery:

            async def call(seconds: int) -> None:
                told.append((await runtime.invoke("fn", seconds)).json())

            nursery.start_soon(call, 10)
            await trio.sleep(2)
            runtime.update_function(evolve(old, environment={"SIDE": "new"}))
            nursery.start_soon(call, 1)
            await trio.sleep(30)
            await call(1)
            assert [record.reason for record in runtime.log.of("environment.stopped")] == ["updated"]
        return told

    assert trio.run(attached, clock=clock) == [["new", False], ["old", False], ["new", True]]


def test_an_update_ends_idle_environments_and_what_they_kept(live: Function) -> None:
    with open_blocking_runtime(project_of(live)) as runtime:
        runtime.invoke("fn")
        folder = Path(runtime.driver.processes.launcher.folder)
        (old,) = folder.iterdir()
        runtime.update_function(evolve(live, memory_size=256))
        assert not old.exists()
        assert runtime.log.last("environment.stopped").reason == "updated"
        runtime.invoke("fn")
        assert [record.cold for record in runtime.log.of("invocation.started")] == [True, True]


@pytest.mark.parametrize(
    "changes",
    [
        {"reserved_concurrent_executions": 7},
        {"asynchronous": AsyncInvokeConfiguration(maximum_retry_attempts=0)},
    ],
    ids=["reserved concurrency", "retries"],
)
def test_what_is_no_code_and_no_configuration_leaves_environments_untouched(
    changes: dict[str, Any], live: Function
) -> None:
    with open_blocking_runtime(project_of(live)) as runtime:
        runtime.invoke("fn")
        runtime.update_function(evolve(live, **changes))
        runtime.publish_version("fn")
        runtime.put_alias("fn", "live", "1")
        runtime.invoke("fn")
        assert [record.cold for record in runtime.log.of("invocation.started")] == [True, False]
        assert not runtime.log.of("environment.stopped")


def test_a_reservation_that_is_put_holds_from_then_on(live: Function) -> None:
    with open_blocking_runtime(project_of(live)) as runtime:
        runtime.update_function(evolve(live, reserved_concurrent_executions=0))
        with pytest.raises(InvocationRefused) as refused:
            runtime.invoke("fn")
        assert refused.value.refusal.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
        runtime.update_function(live)
        assert runtime.invoke("fn").ok


def test_a_reservation_that_leaves_too_little_to_the_others_is_refused(live: Function) -> None:
    with open_blocking_runtime(project_of(live)) as runtime:
        runtime.update_function(evolve(live, reserved_concurrent_executions=900))
        with pytest.raises(InvocationRefused, match="below its minimum value of"):
            runtime.update_function(evolve(live, reserved_concurrent_executions=901))


def test_what_is_not_there_cannot_be_changed(live: Function) -> None:
    with open_blocking_runtime(project_of(live)) as runtime:
        for ask in (
            lambda: runtime.publish_version("other"),
            lambda: runtime.update_function(evolve(live, name="other")),
            lambda: runtime.put_alias("other", "live", "1"),
        ):
            with pytest.raises(InvocationRefused, match=r"Function not found: .*:other"):
                ask()


# --- idle recycling


def test_an_environment_that_was_idle_for_long_is_ended_and_the_next_call_is_cold(declare: Declare) -> None:
    function = declare("def handler(event, context): pass\n")
    account = Account(idle_time=IdleTime(least=span_of(minutes=10), most=span_of(minutes=10)))
    with open_blocking_runtime(project_of(function, account=account), clock=VirtualClock()) as runtime:
        runtime.invoke("fn")
        runtime.advance(minutes=9)
        runtime.invoke("fn")
        runtime.advance(minutes=9)
        assert not runtime.log.of("environment.stopped")
        runtime.advance(minutes=2)
        stopped = runtime.log.last("environment.stopped")
        assert stopped.reason == "recycled"
        assert runtime.log.seconds("environment.stopped") == [(9 + 10) * 60]
        runtime.invoke("fn")
        assert [record.cold for record in runtime.log.of("invocation.started")] == [True, False, True]


def test_environments_that_may_be_idle_for_ever_stay(declare: Declare) -> None:
    function = declare("def handler(event, context): pass\n")
    project = project_of(function, account=Account(idle_time=None))
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        runtime.invoke("fn")
        runtime.advance(hours=1_000)
        runtime.invoke("fn")
        assert [record.cold for record in runtime.log.of("invocation.started")] == [True, False]


def test_a_run_does_not_wait_for_idle_environments(declare: Declare) -> None:
    function = declare("def handler(event, context): pass\n", duration=lasting(1))
    with open_blocking_runtime(
        project_of(function), clock=VirtualClock(), options=Options(seed=1)
    ) as runtime:
        start = runtime.now()
        runtime.accept("fn", {})
        runtime.settle()
        assert runtime.now() - start == span_of(seconds=1)
