"""Each double delivery with its cause, out of runs of the whole region in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lambdarun.errors import Place
from lambdarun.model.arrival import MessageArrival
from lambdarun.model.declarations import Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import DeclaredDuration, Function
from lambdarun.model.handler_time import DurationMode
from lambdarun.model.instant import FIXED_START, SECOND, Duration, Instant
from lambdarun.model.queue import Queue
from lambdarun.model.records import Record
from lambdarun.report.backlog_text import double_lines
from lambdarun.runtime.trial import Terms, play
from lambdarun.views.double_deliveries import Cause, DoubleDeliveries
from lambdarun.views.summary import Summary


def declared(
    duration_s: float,
    *,
    queue: dict[str, Any] | None = None,
    mapping: dict[str, Any] | None = None,
    **function: Any,
) -> Project:
    span = Duration(round(duration_s * SECOND))
    name = (queue or {}).get("name", "q")
    return Project(
        functions={
            "fn": Function(
                name="fn",
                handler="a.b",
                code_uri=Path(),
                runtime="python3.11",
                duration=DeclaredDuration(p50=span, p99=span),
                **function,
            )
        },
        queues={name: Queue(**{"name": name, **(queue or {})})},
        mappings={
            "m": EventSourceMapping(**{"name": "m", "queue": name, "function": "fn", **(mapping or {})})
        },
    )


def doubles(project: Project, count: int = 1, **message: Any) -> DoubleDeliveries:
    [name] = project.queues
    arrivals = [
        MessageArrival(
            time=Instant(FIXED_START),
            place=Place("x", n),
            queue=name,
            body=str(n),
            message_id=f"m{n}",
            **message,
        )
        for n in range(count)
    ]
    summary = Summary(doubles=DoubleDeliveries(project))

    def read(records: list[Record]) -> None:
        summary.read(records)

    play(project, arrivals, Terms(seed=0, durations=DurationMode.DECLARED), read)
    return summary.doubles


def test_a_handler_that_runs_longer_than_the_visibility_is_told_with_the_value_to_set() -> None:
    found = doubles(declared(41, queue={"visibility_timeout": 30}, timeout=60))
    [group] = found.told()
    assert group.cause is Cause.HANDLER_LONGER
    assert (group.count, group.again) == (1, 1)
    assert group.needed == 41 * SECOND
    assert group.remedy == "queues.q.visibility_timeout = 360"
    first = found.listed[0]
    assert (first.message_id, first.shown) == ("m0", FIXED_START + 30 * SECOND)
    assert first.again is not None
    assert first.again != first.first


def test_with_that_value_there_is_none() -> None:
    assert not doubles(declared(41, queue={"visibility_timeout": 360}, timeout=60)).told()


def test_a_visibility_that_ends_with_the_handler_is_just_long_enough() -> None:
    assert not doubles(declared(41, queue={"visibility_timeout": 41}, timeout=60)).told()


def test_a_batch_that_was_throttled_first_wants_pollers_that_take_no_more_than_may_run() -> None:
    project = declared(
        20,
        queue={"visibility_timeout": 30},
        mapping={"batch_size": 1},
        timeout=25,
        reserved_concurrent_executions=2,
    )
    causes = {group.cause: group for group in doubles(project, 12).told()}
    throttled = causes[Cause.THROTTLED_FIRST]
    assert throttled.remedy == "event_source_mappings.m.scaling_config = { maximum_concurrency = 2 }"
    assert causes.keys() <= {Cause.THROTTLED_FIRST, Cause.NEVER_RUN}


def test_with_that_maximum_nothing_is_delivered_twice() -> None:
    project = declared(
        20,
        queue={"visibility_timeout": 30},
        mapping={"batch_size": 1, "maximum_concurrency": 2},
        timeout=25,
        reserved_concurrent_executions=2,
    )
    assert not doubles(project, 12).told()


def test_a_failure_and_its_retry_are_no_double_delivery() -> None:
    # It reaches its timeout, fails, and comes back when its visibility ends.
    project = declared(20, queue={"visibility_timeout": 30, "message_retention_period": 120}, timeout=10)
    assert not doubles(project).told()


def test_a_fifo_queue_refuses_the_late_delete() -> None:
    queue = {"name": "q.fifo", "visibility_timeout": 30, "message_retention_period": 100}
    found = doubles(declared(41, queue=queue, timeout=60), message_group_id="g", message_deduplication_id="d")
    causes = [group.cause for group in found.told()]
    assert Cause.FIFO_LATE_DELETE in causes
    assert found.told()[0].remedy == 'queues."q.fifo".visibility_timeout = 360'


def test_the_summary_says_it_in_a_sentence_and_lists_each() -> None:
    found = doubles(declared(41, queue={"visibility_timeout": 30}, timeout=60))
    [line] = double_lines(found)
    assert line.startswith(
        "handled twice: 1 message of q came back while an invocation was still at work (1 received again):"
        " the handler ran longer than the visibility timeout; 41 s from receive to end."
        " Set queues.q.visibility_timeout = 360. First: m0 at 2026-01-01T00:00:30.000000Z, still in "
    )
    told = found.as_json()
    assert told["count"] == 1
    assert told["causes"][0]["set"] == "queues.q.visibility_timeout = 360"
    assert [one["message_id"] for one in told["messages"]] == ["m0"]
    assert told["messages"][0]["visibility_needed_s"] == 41
