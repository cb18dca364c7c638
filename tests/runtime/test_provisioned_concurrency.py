"""Environments initialised ahead of their invocations.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from lambdarun.aws import metric_names
from lambdarun.model.declarations import Account, Project
from lambdarun.model.function import Alias, Function, running_runtime
from lambdarun.model.instant import span_of
from lambdarun.model.provisioning import Status
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.requests import InvocationRefused
from lambdarun.runtime.session import open_runtime
from lambdarun.views.metrics import Metrics
from tests.conftest import Declare, project_of
from tests.processes import pids_of

TELLS = """
import os, time
OWN = os.urandom(8).hex()
print("importing", os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"])
def handler(event, context):
    if event == "exit": os._exit(3)
    if event: time.sleep(event)
    return [os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], OWN]
"""
CLOCKS = pytest.mark.parametrize("clock", [RealClock, VirtualClock])


def provisioned(function: Function, executions: int, **settings: Any) -> Function:
    """With version 1, and so much of it provisioned by the alias `live`."""
    settled = evolve(function, **settings)
    alias = Alias(name="live", function_version="1", provisioned_concurrent_executions=executions)
    return evolve(settled, versions={"1": evolve(settled, version="1")}, aliases={"live": alias})


@CLOCKS
def test_what_is_declared_is_ready_when_the_run_begins(
    clock: type[RealClock | VirtualClock], declare: Declare
) -> None:
    project = project_of(provisioned(declare(TELLS), 2, init_duration=span_of(seconds=3)))
    with open_blocking_runtime(project, clock=clock()) as runtime:
        config = runtime.provisioned_concurrency("fn", "live")
        assert (config.status, config.requested, config.allocated, config.available) == (
            Status.READY,
            2,
            2,
            2,
        )
        assert len(runtime.log.of("environment.provisioned")) == 2
        reply = runtime.invoke("fn:live", log_tail=True)
        assert reply.json()[0] == "provisioned-concurrency"
        assert runtime.log.last("invocation.started").cold is False
        tail = (reply.log_tail or b"").decode()
        assert "Init Duration" not in tail
        assert tail.startswith("START")
        # Another qualifier of the same version has nothing of it.
        assert runtime.invoke("fn:1").json()[0] == "on-demand"


def test_the_output_of_an_initialisation_ahead_stands_in_its_own_record(declare: Declare) -> None:
    project = project_of(provisioned(declare(TELLS), 1))
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        assert runtime.log.last("environment.provisioned").output == b"importing provisioned-concurrency\n"
        runtime.invoke("fn:live")
        assert not runtime.log.of("output.captured")


def test_what_is_put_in_a_run_takes_a_minute_and_its_initialisation(declare: Declare) -> None:
    function = declare(TELLS, init_duration=span_of(seconds=2))
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.publish_version("fn")
        put = runtime.put_provisioned_concurrency("fn", "1", 5)
        assert (put.status, put.requested, put.allocated, put.available) == (Status.IN_PROGRESS, 5, 0, 0)
        assert runtime.invoke("fn:1").json()[0] == "on-demand"
        begun = runtime.now()
        runtime.settle()
        # 60 s, four more starts at 100 a second, 2 s of init each; the on-demand call took its 2 s of init first.
        assert runtime.now() - begun == 60_040_000
        assert runtime.provisioned_concurrency("fn", "1").status is Status.READY
        assert runtime.invoke("fn:1").json()[0] == "provisioned-concurrency"


def together(project: Project, calls: list[tuple[str, Any]]) -> tuple[list[Any], Any]:
    """The answers to calls made at once, in virtual time, and the log."""
    clock = VirtualClock()

    async def play() -> tuple[list[Any], Any]:
        told: list[Any] = [None] * len(calls)
        async with open_runtime(project, clock=clock) as runtime:
            async with trio.open_nursery() as nursery:

                async def call(place: int, name: str, event: Any) -> None:
                    try:
                        told[place] = (await runtime.invoke(name, event)).json()[0]
                    except InvocationRefused as refused:
                        told[place] = refused.refusal.reason

                for place, (name, event) in enumerate(calls):
                    nursery.start_soon(call, place, name, event)
            return told, runtime.log

    return trio.run(play, clock=clock)


def test_calls_beyond_what_is_provisioned_spill_over_to_on_demand_environments_and_then_are_throttled(
    declare: Declare,
) -> None:
    function = provisioned(declare(TELLS, timeout=9), 2, reserved_concurrent_executions=3)
    told, log = together(project_of(function), [("fn:live", 5)] * 4)
    assert sorted(told) == [
        "ReservedFunctionConcurrentInvocationLimitExceeded", "on-demand", "provisioned-concurrency",
        "provisioned-concurrency",
    ]  # fmt: skip
    assert len(log.of("provisioned_concurrency.used")) == 2
    assert len(log.of("provisioned_concurrency.spilled_over")) == 1


def test_runtime_row_13_where_all_of_a_reservation_is_provisioned_latest_is_throttled(
    declare: Declare,
) -> None:
    function = provisioned(declare(TELLS), 2, reserved_concurrent_executions=2)
    told, _ = together(project_of(function), [("fn", None), ("fn:live", None)])
    assert told == ["ReservedFunctionConcurrentInvocationLimitExceeded", "provisioned-concurrency"]


def test_provisioned_concurrency_has_ten_requests_a_second_each(declare: Declare) -> None:
    function = provisioned(declare(TELLS), 1)
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        kinds = [runtime.invoke("fn:live").json()[0] for _ in range(11)]
    assert kinds == ["provisioned-concurrency"] * 10 + ["on-demand"]


@CLOCKS
def test_a_provisioned_environment_that_lost_its_process_is_initialised_again_ahead(
    clock: type[RealClock | VirtualClock], declare: Declare
) -> None:
    with open_blocking_runtime(project_of(provisioned(declare(TELLS), 1)), clock=clock()) as runtime:
        first = runtime.invoke("fn:live").json()
        assert runtime.invoke("fn:live", "exit").function_error == "Unhandled"
        runtime.settle()
        assert len(runtime.log.of("environment.provisioned")) == 2
        again = runtime.invoke("fn:live").json()
        assert again[0] == "provisioned-concurrency"
        assert again[1] != first[1]
        assert [record.cold for record in runtime.log.of("invocation.started")] == [False] * 3
        assert runtime.log.last("invocation.succeeded").init_us is None


def test_a_provisioned_environment_killed_while_idle_is_replaced_within_the_call(declare: Declare) -> None:
    with open_blocking_runtime(project_of(provisioned(declare(TELLS), 1))) as runtime:
        runtime.invoke("fn:live")
        # Never the id that the handler tells: in a sandbox it is another process's here.
        [pid] = pids_of(runtime)
        watched = os.pidfd_open(pid)
        signal.pidfd_send_signal(watched, signal.SIGKILL)
        select.select([watched], [], [])
        os.close(watched)
        assert runtime.invoke("fn:live").json()[0] == "provisioned-concurrency"


@CLOCKS
@pytest.mark.parametrize(
    ("source", "error_type"),
    [("raise ValueError('no')\n", "ValueError"), ("import os\nos._exit(3)\n", "Runtime.ExitError")],
    ids=["raises", "exits"],
)
def test_an_initialisation_that_fails_fails_the_configuration_and_allocates_nothing(
    clock: type[RealClock | VirtualClock], source: str, error_type: str, declare: Declare
) -> None:
    with open_blocking_runtime(project_of(provisioned(declare(source), 3)), clock=clock()) as runtime:
        config = runtime.provisioned_concurrency("fn", "live")
        assert (config.status, config.status_reason, config.allocated) == (
            Status.FAILED, "FUNCTION_ERROR_INIT_FAILURE", 0,
        )  # fmt: skip
        runtime.settle()
        (failed,) = runtime.log.of("provisioned_concurrency.failed")
        assert failed.error_type == error_type
        assert len(runtime.log.of("environment.stopped")) == 3
        assert runtime.invoke("fn:live").json()["errorType"] == error_type
        assert not runtime.log.of("provisioned_concurrency.spilled_over")


def test_an_initialisation_ahead_has_130_seconds(declare: Declare) -> None:
    seconds = {"fn": 129, "late": 131}
    functions = [provisioned(declare(TELLS, name=name), 1, init_duration=span_of(seconds=s)) for name, s in seconds.items()]  # fmt: skip
    with open_blocking_runtime(project_of(*functions), clock=VirtualClock()) as runtime:
        assert runtime.provisioned_concurrency("fn", "live").status is Status.READY
        assert runtime.provisioned_concurrency("late", "live").status is Status.FAILED
        assert runtime.log.last("provisioned_concurrency.failed").error_type == "Sandbox.Timedout"


def test_more_and_less_of_it(declare: Declare) -> None:
    function = declare(TELLS)
    with open_blocking_runtime(project_of(provisioned(function, 2)), clock=VirtualClock()) as runtime:
        config = runtime.put_provisioned_concurrency("fn", "live", 4)
        assert (config.status, config.allocated) == (Status.IN_PROGRESS, 2)
        assert runtime.invoke("fn:live").json()[0] == "provisioned-concurrency"
        runtime.settle()
        assert runtime.provisioned_concurrency("fn", "live").allocated == 4
        config = runtime.put_provisioned_concurrency("fn", "live", 1)
        assert (config.status, config.allocated) == (Status.READY, 1)
        assert [record.reason for record in runtime.log.of("environment.stopped")] == ["deprovisioned"] * 3
        assert runtime.invoke("fn:live").json()[0] == "provisioned-concurrency"


def test_provisioned_concurrency_moves_with_its_alias(tmp_path: Path) -> None:
    source = "import os\ndef handler(event, context):\n    return [CODE, os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']]\n"
    (tmp_path / "app.py").write_text(f"CODE = 1\n{source}")
    function = Function(name="fn", handler="app.handler", code_uri=tmp_path, runtime=running_runtime())
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.publish_version("fn")
        runtime.put_alias("fn", "live", "1")
        runtime.put_provisioned_concurrency("fn", "live", 1)
        runtime.settle()
        assert runtime.invoke("fn:live").json() == [1, "provisioned-concurrency"]
        (tmp_path / "app.py").write_text(f"CODE = 2\n{source}")
        runtime.update_function(function)
        runtime.publish_version("fn")
        runtime.put_alias("fn", "live", "2")
        config = runtime.provisioned_concurrency("fn", "live")
        # Recorded: test_lambda_provisioned_concurrency_moves_with_alias.
        assert (config.status, config.requested, config.allocated, config.available) == (
            Status.IN_PROGRESS, 1, 1, 1,
        )  # fmt: skip
        assert runtime.invoke("fn:live").json() == [2, "on-demand"]
        runtime.settle()
        assert runtime.invoke("fn:live").json() == [2, "provisioned-concurrency"]
        stopped = [(record.version, record.reason) for record in runtime.log.of("environment.stopped")]
        assert ("1", "deprovisioned") in stopped


PUTS = [
    ("$LATEST", 1, 400, "Provisioned Concurrency Configs cannot be applied to unpublished function versions."),
    ("1", 0, 400, "1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to satisfy constraint: "
                  "Member must have value greater than or equal to 1"),
    ("nobody", 1, 404, "Cannot find alias arn: arn:aws:lambda:us-east-1:123456789012:function:fn:nobody"),
    ("9", 1, 404, "Function not found: arn:aws:lambda:us-east-1:123456789012:function:fn:9"),
    ("1", 1, 409, "Version is pointed by a Provisioned Concurrency alias"),
    ("2", 9, 400, "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"),
    ("live", 9, 400, "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"),
]  # fmt: skip


@pytest.mark.parametrize(("qualifier", "executions", "status", "said"), PUTS)
def test_what_aws_refuses_to_provision_is_refused_in_its_words(
    qualifier: str, executions: int, status: int, said: str, declare: Declare
) -> None:
    function = provisioned(declare(TELLS), 2, reserved_concurrent_executions=5)
    two = evolve(function, versions={**function.versions, "2": evolve(function.versions["1"], version="2")})
    with open_blocking_runtime(project_of(two), clock=VirtualClock()) as runtime:
        with pytest.raises(InvocationRefused) as refused:
            runtime.put_provisioned_concurrency("fn", qualifier, executions)
        assert (refused.value.refusal.status, refused.value.refusal.message) == (status, said)
        with pytest.raises(InvocationRefused) as below:
            runtime.update_function(evolve(two, reserved_concurrent_executions=1))
        text = " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."
        assert below.value.refusal.message == text


@pytest.mark.parametrize(
    ("executions", "said"),
    [
        (801, "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [800]."),
        (701, "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum"
              " value of [100]."),
    ],
)  # fmt: skip
def test_the_accounts_pool_bounds_what_can_be_provisioned(
    executions: int, said: str, declare: Declare
) -> None:
    function, other = declare(TELLS), declare(TELLS, name="other", reserved_concurrent_executions=200)
    versions = {"1": evolve(function, version="1")}
    project = project_of(
        evolve(function, versions=versions), other, account=Account(concurrent_executions=1_000)
    )
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        with pytest.raises(InvocationRefused) as refused:
            runtime.put_provisioned_concurrency("fn", "1", executions)
        assert refused.value.refusal.message == said
        assert runtime.put_provisioned_concurrency("fn", "1", 700).status is Status.IN_PROGRESS


def test_its_metrics_stand_under_function_alias_and_executed_version(declare: Declare) -> None:
    metrics = Metrics()
    project = project_of(provisioned(declare(TELLS, timeout=9), 2))
    options = Options(readers=(metrics.read,))
    with open_blocking_runtime(project, clock=VirtualClock(), options=options) as runtime:
        for _ in range(21):
            runtime.invoke("fn:live")
    alias = {"FunctionName": "fn", "Resource": "fn:live"}
    for dimensions in ({"FunctionName": "fn"}, alias, {**alias, "ExecutedVersion": "1"}, {}):
        assert metrics.total(metric_names.PROVISIONED_CONCURRENCY_INVOCATIONS, **dimensions) == 20
        assert metrics.total(metric_names.PROVISIONED_CONCURRENCY_SPILLOVER, **dimensions) == 1
        assert metrics.total(metric_names.INVOCATIONS, **dimensions) == 21
    assert metrics.total(metric_names.PROVISIONED_CONCURRENCY_UTILIZATION, **alias) == 20 * 0.5
    claimed = [line for line in metrics.lines() if '"ClaimedAccountConcurrency"' in line]
    assert '"max": 2' in claimed[0] or '"max": 2.0' in claimed[0] or '"max": 3' in claimed[0]


def kept(runtime: BlockingRuntime) -> list[str]:
    return sorted(os.listdir(runtime.driver.processes.launcher.folder))


def test_equal_seeds_give_equal_logs_with_provisioned_environments(declare: Declare) -> None:
    function = provisioned(declare(TELLS), 3)
    logs = []
    for _ in range(2):
        with open_blocking_runtime(project_of(function), clock=VirtualClock(), seed=5) as runtime:
            runtime.invoke("fn:live")
            runtime.invoke("fn:live", "exit")
            runtime.accept("fn:live", 3)
            runtime.settle()
            logs.append([(record.kind, record.time) for record in runtime.log])
            assert len(kept(runtime)) == 3
    assert logs[0] == logs[1]
