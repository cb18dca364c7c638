"""What mappings count: events where they are asked to, and the polls of idle pollers."""

from __future__ import annotations

import json
from typing import Any

from lambdarun.model.declarations import Project
from lambdarun.model.event_source_mapping import EventSourceMapping, ProvisionedPollers
from lambdarun.model.function import Function
from lambdarun.model.instant import FIXED_START
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.views.metrics import Metrics
from tests.conftest import Declare, lasting, project_of

REPORTS = (
    "def handler(e, c):\n    return {'batchItemFailures': [{'itemIdentifier': r['messageId']} for r in e['Records']"
    " if r['body'] == 'bad']}\n"
)
FAILS = "def handler(e, c): raise ValueError\n"


def declared(function: Function, **mapping: Any) -> Project:
    policy = RedrivePolicy(dead_letter_target="dead", max_receive_count=2)
    return project_of(
        function,
        queues={"q": Queue(name="q", redrive_policy=policy), "dead": Queue(name="dead")},
        mappings={"m": EventSourceMapping(name="m", queue="q", function="fn", **mapping)},
    )


def sums(runtime: BlockingRuntime, project: Project, name: str) -> dict[str, float]:
    """The sums of a metric by minute."""
    metrics = Metrics({}, tuple(project.mappings.values()))
    metrics.read(runtime.log)
    now = runtime.driver.clock.now()
    metrics.go_on(now // 60_000_000)
    told = [json.loads(line) for line in metrics.lines()]
    return {
        line["timestamp"][11:16]: line["statistics"]["sum"]
        for line in told
        if line["metric"] == name and set(line["dimensions"]) <= {"EventSourceMappingUUID", "QueueName"}
        and line["dimensions"].get("QueueName", "q") == "q"
    }  # fmt: skip


def total(runtime: BlockingRuntime, project: Project, name: str) -> float:
    return sum(sums(runtime, project, name).values())


def played(project: Project, *bodies: str) -> BlockingRuntime:
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        for body in bodies:
            runtime.queue("q").send(body)
        runtime.settle()
    return runtime


def test_event_counts_of_partial_replies_and_filters(declare: Declare) -> None:
    project = declared(
        declare(REPORTS),
        event_count=True,
        report_batch_item_failures=True,
        filter_patterns=('{"body": [{"anything-but": "other"}]}',),
    )
    runtime = played(project, "good", "bad", "other", "good")
    counted = {
        name: total(runtime, project, f"{name}EventCount")
        for name in ("Polled", "FilteredOut", "Invoked", "FailedInvoke", "Deleted")
    }
    # The bad one is polled and invoked twice, and moves at its third receive.
    assert counted == {"Polled": 5, "FilteredOut": 1, "Invoked": 4, "FailedInvoke": 2, "Deleted": 2}


def test_a_function_error_fails_all_events_of_its_batch_and_deletes_none(declare: Declare) -> None:
    project = declared(declare(FAILS), event_count=True)
    runtime = played(project, "a")
    assert total(runtime, project, "FailedInvokeEventCount") == 2
    assert total(runtime, project, "InvokedEventCount") == 2
    assert sums(runtime, project, "DeletedEventCount") == {}


def test_throttled_attempts_count_as_invoked_and_as_failed(declare: Declare) -> None:
    project = declared(
        declare("def handler(e, c): pass\n", duration=lasting(2), reserved_concurrent_executions=1),
        event_count=True,
        batch_size=1,
    )
    runtime = played(project, "a", "b")
    throttles = len(runtime.log.of("invocation.throttled"))
    assert throttles > 0
    assert total(runtime, project, "InvokedEventCount") == 2 + throttles
    assert total(runtime, project, "FailedInvokeEventCount") == throttles


def test_without_metrics_config_there_are_none(declare: Declare) -> None:
    project = declared(declare(REPORTS))
    assert sums(played(project, "a"), project, "PolledEventCount") == {}


def test_a_mapping_that_is_made_in_the_run_counts_too(declare: Declare) -> None:
    project = project_of(declare(REPORTS), queues={"q": Queue(name="q")})
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        runtime.create_event_source_mapping(
            EventSourceArn=project.account.queue_arn("q"),
            FunctionName="fn",
            MetricsConfig={"Metrics": ["EventCount"]},
        )
        runtime.queue("q").send("a")
        runtime.settle()
    assert total(runtime, project, "PolledEventCount") == 1


def test_five_idle_pollers_make_fifteen_empty_receives_a_minute(declare: Declare) -> None:
    project = declared(declare(REPORTS), maximum_concurrency=5, event_count=True)
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        runtime.queue("q").send("a")
        runtime.advance(minutes=10)
        told = sums(runtime, project, "NumberOfEmptyReceives")
        polled = sums(runtime, project, "PolledEventCount")
    assert len(told) == 10
    assert set(told.values()) == {15}
    assert list(polled.values()) == [1, *[0] * 9]


def test_a_quiet_mapping_goes_down_to_two_pollers_and_six_receives_a_minute(declare: Declare) -> None:
    project = declared(declare(REPORTS))
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        runtime.queue("q").send("a")
        runtime.advance(hours=24)
        (scaled,) = runtime.log.of("mapping.scaled")
        told = sums(runtime, project, "NumberOfEmptyReceives")
    assert (scaled.time - FIXED_START, scaled.concurrency) == (60_000_000, 2)
    assert list(told.values())[:3] == [15, 6, 6]
    assert sum(told.values()) == 15 + 6 * 1_439


def test_a_mapping_that_is_disabled_polls_no_more(declare: Declare) -> None:
    project = declared(declare(REPORTS), maximum_concurrency=5, event_count=True)
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        runtime.queue("q").send("a")
        runtime.advance(minutes=1)
        uuid = runtime.list_event_source_mappings()["EventSourceMappings"][0]["UUID"]
        runtime.update_event_source_mapping(UUID=uuid, Enabled=False)
        runtime.advance(minutes=3)
        assert sum(sums(runtime, project, "NumberOfEmptyReceives").values()) == 15
        assert list(sums(runtime, project, "PolledEventCount")) == ["00:00"]


def test_provisioned_pollers_are_told_each_minute(declare: Declare) -> None:
    pollers = ProvisionedPollers(minimum_pollers=3, maximum_pollers=4)
    project = declared(declare(REPORTS), provisioned_pollers=pollers)
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        runtime.queue("q").send("a")
        runtime.advance(minutes=2)
        assert sums(runtime, project, "ProvisionedPollers") == {"00:00": 3, "00:01": 3}
