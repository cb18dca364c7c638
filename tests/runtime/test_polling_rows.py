"""Twenty behaviours of pollers that others get wrong (the fidelity table of queues), with real handlers in virtual time.

Rows whose rule lives in one core alone stand in that core's tests, under the same kind of name.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve

from lambdarun.model.declarations import Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function
from lambdarun.model.instant import FIXED_START, SECOND
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.views.metrics import Metrics
from tests.conftest import Declare, lasting, project_of

FAILS = "def handler(e, c): raise ValueError\n"
TAKES = "def handler(e, c): print(len(e['Records']))\n"


def jobs(
    function: Function, *others: Function, queue: dict[str, Any] | None = None, **mapping: Any
) -> Project:
    declared = Queue(
        name="jobs",
        **{"redrive_policy": RedrivePolicy(dead_letter_target="dead", max_receive_count=3), **(queue or {})},
    )
    mappings = {"jobs": EventSourceMapping(name="jobs", queue="jobs", function=function.name, **mapping)}
    mappings |= {
        other.name: EventSourceMapping(name=other.name, queue="dead", function=other.name) for other in others
    }
    return project_of(
        function, *others, queues={"jobs": declared, "dead": Queue(name="dead")}, mappings=mappings
    )


def opened(project: Project) -> Any:
    return open_blocking_runtime(project, clock=VirtualClock())


def send(runtime: BlockingRuntime, count: int, every_s: float = 0) -> None:
    for number in range(count):
        runtime.queue("jobs").send(str(number))
        if every_s:
            runtime.advance(seconds=every_s)


def seconds(runtime: BlockingRuntime, kind: str) -> list[float]:
    return [(record.time - FIXED_START) / SECOND for record in runtime.log.of(kind)]


def test_row_03_a_failure_at_one_second_comes_back_at_thirty(declare: Declare) -> None:
    project = jobs(declare(FAILS, duration=lasting(1)), queue={"visibility_timeout": 30})
    with opened(project) as runtime:
        send(runtime, 1)
        runtime.settle()
        assert seconds(runtime, "invocation.started") == [0, 30, 60]
        assert seconds(runtime, "invocation.failed") == [1, 31, 61]
        assert seconds(runtime, "message.returned") == [30, 60, 90]


@pytest.mark.parametrize(
    "reply",
    [
        '{"batchItemFailures": [{"itemIdentifier": "not-in-the-batch"}]}',
        '{"batchItemFailures": [{"itemIdentifier": e["Records"][0]["messageId"]}, {"itemIdentifier": "other"}]}',
    ],
    ids=["unknown", "known and unknown"],
)
def test_row_04_an_unknown_identifier_fails_the_whole_batch(declare: Declare, reply: str) -> None:
    _deletes_nothing(declare(f"def handler(e, c): return {reply}\n"))


@pytest.mark.parametrize(
    "reply",
    [
        '{"batchItemFailures": [{"itemIdentifier": ""}]}',
        '{"batchItemFailures": [{"itemIdentifier": None}]}',
        '{"batchItemFailures": [None]}',
        '{"batchItemFailures": [{"foo": e["Records"][0]["messageId"]}]}',
        '{"batchItemFailures": "all"}',
    ],
    ids=["empty", "null", "null entry", "other key", "text"],
)
def test_row_05_a_malformed_entry_fails_the_whole_batch(declare: Declare, reply: str) -> None:
    _deletes_nothing(declare(f"def handler(e, c): return {reply}\n"))


def _deletes_nothing(function: Function) -> None:
    with opened(jobs(function, report_batch_item_failures=True)) as runtime:
        send(runtime, 3)
        runtime.settle()
        settled = runtime.log.of("batch.settled")
        assert {record.verdict for record in settled} == {"malformed"}
        assert all(record.deleted == () for record in settled)
        assert len(runtime.queue("dead").messages()) == 3


def test_row_04_only_the_reported_messages_come_back(declare: Declare) -> None:
    source = (
        "def handler(e, c): return {'batchItemFailures': [{'itemIdentifier': r['messageId']} for r in e['Records']"
        " if r['body'] == '1']}\n"
    )
    with opened(jobs(declare(source), report_batch_item_failures=True)) as runtime:
        send(runtime, 3)
        runtime.settle()
        assert [len(record.message_ids) for record in runtime.log.of("batch.received")][-2:] == [1, 1]
        assert [message.body for message in runtime.queue("dead").messages()] == ["1"]


def test_row_17_a_dead_letter_is_told_its_past(declare: Declare) -> None:
    """It moves at the receive after the last failure, keeps id and sent time, and its count goes on."""
    shows = "import json\ndef handler(e, c): print(json.dumps(e['Records'][0]))\n"
    project = jobs(
        declare(FAILS), declare(shows, name="looks"),
        queue={
            "visibility_timeout": 30,
            "redrive_policy": RedrivePolicy(dead_letter_target="dead", max_receive_count=1),
        },
    )  # fmt: skip
    with opened(project) as runtime:
        send(runtime, 1)
        runtime.advance(seconds=29)
        assert runtime.queue("dead").messages() == []
        assert runtime.log.of("message.dead_lettered") == []
        runtime.settle()
        assert seconds(runtime, "message.dead_lettered") == [30]
        moved = runtime.log.last("message.sent")
        shown = [json.loads(r.text) for r in runtime.log.of("output.captured") if r.function == "looks"]
    (record,) = shown
    assert record["messageId"] == moved.message_id
    assert record["body"] == "0"
    assert record["eventSourceARN"].endswith(":dead")
    attributes = record["attributes"]
    assert attributes["ApproximateReceiveCount"] == "2"
    assert attributes["SentTimestamp"] == str(FIXED_START // 1_000)
    assert attributes["DeadLetterQueueSourceArn"].endswith(":jobs")


def test_row_20_throttling_is_not_failure(declare: Declare) -> None:
    function = declare(TAKES, reserved_concurrent_executions=1, timeout=20, duration=lasting(10))
    with opened(jobs(function, queue={"visibility_timeout": 60}, batch_size=1)) as runtime:
        send(runtime, 20)
        runtime.settle()
        log, metrics = runtime.log, Metrics()
        assert log.of("invocation.failed") == []
        metrics.read(log)
        received: dict[object, list[int]] = {}
        for record in log.of("batch.received"):
            for message in record.message_ids:
                received.setdefault(message, []).append(record.time)
        assert any(len(instants) > 1 for instants in received.values())
        for instants in received.values():
            assert all(later - earlier >= 60 * SECOND for earlier, later in pairwise(instants))
        points = {line["metric"]: [0, 0] for line in map(json.loads, metrics.lines())}
        for line in map(json.loads, metrics.lines()):
            if line["dimensions"] == {"FunctionName": "fn"}:
                points[line["metric"]][0] += line["statistics"]["sum"]
        assert points["Errors"][0] == 0
        assert points["Throttles"][0] == len(log.of("invocation.throttled")) > 0
        assert points["Invocations"][0] == len(log.of("invocation.started"))
        assert max(record.running for record in log.of("invocation.started")) == 1


@pytest.mark.parametrize(
    ("count", "every_s", "starts", "sizes"),
    [
        (3, 1, [5], [3]),
        (12, 0, [0, 5], [10, 2]),
        (3, 4, [5, 13], [2, 1]),
    ],
    ids=["gathered", "full at once", "two windows"],
)
def test_row_also_a_window_is_not_ignored(
    declare: Declare, count: int, every_s: float, starts: list[float], sizes: list[int]
) -> None:
    """It opens with its first message and ends after its seconds, or when the batch is full."""
    project = jobs(declare(TAKES), batch_size=10, maximum_batching_window_in_seconds=5)
    with opened(project) as runtime:
        send(runtime, count, every_s)
        runtime.settle()
        assert seconds(runtime, "invocation.started") == starts
        assert [int(record.text) for record in runtime.log.of("output.captured")] == sizes


def test_row_also_a_mapping_that_is_not_enabled_polls_nothing(declare: Declare) -> None:
    with opened(jobs(declare(TAKES), enabled=False)) as runtime:
        send(runtime, 3)
        runtime.settle()
        runtime.advance(hours=1)
        assert runtime.log.of("invocation.started") == []
        assert runtime.queue("jobs").counts().visible == 3


def fifo(function: Function, bodies: list[tuple[str, str]], **mapping: Any) -> Any:
    """A runtime in which these messages, (group, body) each, wait in a FIFO queue when its mapping is enabled."""
    declared = project_of(
        function,
        queues={"jobs.fifo": Queue(name="jobs.fifo", visibility_timeout=30)},
        mappings={
            "m": EventSourceMapping(name="m", queue="jobs.fifo", function="fn", enabled=False, **mapping)
        },
    )
    runtime = open_blocking_runtime(declared, clock=VirtualClock())
    return runtime, bodies


def play(stage: Any) -> BlockingRuntime:
    runtime, bodies = stage
    with runtime as opened_runtime:
        for number, (group, body) in enumerate(bodies):
            opened_runtime.queue("jobs.fifo").send(
                body, message_group_id=group, message_deduplication_id=str(number)
            )
        uuid = opened_runtime.list_event_source_mappings()["EventSourceMappings"][0]["UUID"]
        opened_runtime.update_event_source_mapping(UUID=uuid, Enabled=True)
        opened_runtime.settle()
        told: BlockingRuntime = opened_runtime
        return told


def test_row_16_fifo_batches_mix_groups_and_one_failure_hides_all_of_the_batch(declare: Declare) -> None:
    source = (
        "def handler(e, c):\n"
        "    print([(r['body'], r['attributes']['ApproximateReceiveCount']) for r in e['Records']])\n"
        "    if any(r['body'] == 'a1' and r['attributes']['ApproximateReceiveCount'] == '1' for r in e['Records']):\n"
        "        raise ValueError\n"
    )
    runtime = play(fifo(declare(source), [("a", "a1"), ("b", "b1"), ("b", "b2")]))
    shown = [record.text.decode().splitlines()[0] for record in runtime.log.of("output.captured")]
    assert shown == [
        "[('a1', '1'), ('b1', '1'), ('b2', '1')]",
        "[('a1', '2'), ('b1', '2'), ('b2', '2')]",
    ]
    assert seconds(runtime, "invocation.started") == [1, 31]


def test_row_18_what_a_filter_refuses_is_deleted_text_bodies_included(declare: Declare) -> None:
    project = jobs(declare(TAKES), filter_patterns=('{"body": {"k": ["v"]}}',))
    with opened(project) as runtime:
        for body in ("plain text", '{"k": "w"}', "[1]", '{"k": ["v", "w"]}'):
            runtime.queue("jobs").send(body)
        runtime.settle()
        assert runtime.queue("jobs").messages() == []
        assert runtime.queue("dead").messages() == []
        assert len(runtime.log.of("invocation.started")) == 1
        assert [len(record.message_ids) for record in runtime.log.of("messages.filtered")] == [1, 1, 1]


def test_row_also_a_batch_that_the_filter_empties_is_no_invocation(declare: Declare) -> None:
    project = jobs(declare(TAKES), enabled=False, filter_patterns=('{"body": {"k": ["v"]}}',))
    with opened(project) as runtime:
        send(runtime, 25)
        runtime.queue("jobs").send('{"k": "v"}')
        uuid = runtime.list_event_source_mappings()["EventSourceMappings"][0]["UUID"]
        runtime.update_event_source_mapping(UUID=uuid, Enabled=True)
        runtime.settle()
        assert [int(record.text) for record in runtime.log.of("output.captured")] == [1]
        assert sum(len(record.message_ids) for record in runtime.log.of("messages.filtered")) == 25


def test_row_also_the_event_tells_fifo_attributes_and_the_group_of_a_standard_queue(declare: Declare) -> None:
    shows = "import json\ndef handler(e, c): print(json.dumps(e['Records'][0]['attributes']))\n"
    runtime = play(fifo(declare(shows), [("g", "one")]))
    told = json.loads(runtime.log.last("output.captured").text)
    assert (told["MessageGroupId"], told["MessageDeduplicationId"]) == ("g", "0")
    assert len(told["SequenceNumber"]) == 20
    with opened(jobs(declare(shows))) as runtime:
        runtime.queue("jobs").send("one", message_group_id="tenant")
        runtime.settle()
        told = json.loads(runtime.log.last("output.captured").text)
        assert told["MessageGroupId"] == "tenant"
        assert not {"MessageDeduplicationId", "SequenceNumber"} & told.keys()


def test_row_also_maximum_concurrency_caps_a_mapping_and_throttles_nothing(declare: Declare) -> None:
    project = jobs(declare(TAKES, duration=lasting(2), timeout=5), batch_size=1, maximum_concurrency=3)
    with opened(project) as runtime:
        send(runtime, 12)
        runtime.settle()
        assert max(record.running for record in runtime.log.of("invocation.started")) == 3
        assert runtime.log.of("invocation.throttled") == []
        assert seconds(runtime, "invocation.succeeded")[-1] == 8


def test_row_also_a_fifo_reply_that_names_one_message_deletes_those_behind_it(declare: Declare) -> None:
    """AWS deletes every message that is not reported, later ones of the group too: order is the handler's to keep."""
    source = (
        "def handler(e, c):\n"
        "    print([r['body'] for r in e['Records']])\n"
        "    bad = [r for r in e['Records'] if r['body'] == '2' and r['attributes']['ApproximateReceiveCount'] == '1']\n"
        "    return {'batchItemFailures': [{'itemIdentifier': r['messageId']} for r in bad]}\n"
    )
    bodies = [("g", str(number)) for number in range(1, 5)]
    runtime = play(fifo(declare(source), bodies, report_batch_item_failures=True))
    shown = [record.text.decode().splitlines()[0] for record in runtime.log.of("output.captured")]
    assert shown == ["['1', '2', '3', '4']", "['2']"]


def test_row_also_a_late_success_deletes_on_a_standard_queue_and_fails_on_fifo(declare: Declare) -> None:
    """The function's timeout was raised behind the mapping's back: 20 s of work, 10 s of visibility."""
    slow = declare(TAKES, timeout=5, duration=lasting(20))
    for name, started, not_deleted in (("jobs", [0, 10], []), ("jobs.fifo", [0, 10, 20, 30], [20, 30])):
        project = project_of(
            slow,
            queues={name: Queue(name=name, visibility_timeout=10)},
            mappings={"m": EventSourceMapping(name="m", queue=name, function="fn")},
        )
        with opened(project) as runtime:
            runtime.update_function(evolve(slow, timeout=30))
            more = {"message_group_id": "g", "message_deduplication_id": "1"} if ".fifo" in name else {}
            runtime.queue(name).send("1", **more)
            runtime.advance(seconds=35)
            assert seconds(runtime, "invocation.started") == started
            assert seconds(runtime, "messages.not_deleted") == not_deleted
