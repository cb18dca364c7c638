"""The summary as a person reads it."""

from __future__ import annotations

import pytest

from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import (
    BatchReceived,
    BatchSettled,
    EventAccepted,
    EventDiscarded,
    EventSettled,
    MessageDeadLettered,
    MessageExpired,
    MessageReturned,
    MessageSent,
    RetriedBatchSettled,
)
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.records import (
    ArrivalAnswered,
    ArrivalUndelivered,
    EnvironmentInitialised,
    HandlerOverran,
    InvocationFailed,
    InvocationStarted,
    InvocationSucceeded,
    InvocationThrottled,
    Record,
    RunEnded,
)
from lambdarun.report.text import render, span
from lambdarun.views.summary import Summary

ID = RequestId("8401c351-a1e2-4829-96c9-8204ceede099")
NOW = Instant(1_767_323_045_000_000)


def started(function: str = "fn") -> InvocationStarted:
    return InvocationStarted(NOW, function, ID, 1, 1, "sync", 1, True, 1, 1, Duration(0))


def succeeded(function: str = "fn", duration_us: int = 5_840) -> InvocationSucceeded:
    return InvocationSucceeded(
        Instant(NOW + duration_us), function, ID, 1, 1, NOW, Duration(duration_us), None, 128, 37, b"null"
    )


def failed(function: str = "fn") -> InvocationFailed:
    return InvocationFailed(
        NOW, function, ID, 1, 1, NOW, Duration(1_000), None, 128, 37, "raised", "ValueError", b"{}"
    )


def answered(result: str, function: str = "fn") -> ArrivalAnswered:
    return ArrivalAnswered(NOW, "e.jsonl:1", "custom", function, ID, result, 1)


def text_of(*records: Record, width: int | None = None, colour: bool = False) -> str:
    summary = Summary()
    summary.read(list(records))
    return render(summary, colour=colour, width=width)


def row(text: str, begin: str) -> str:
    """The one line that begins so, its gaps closed."""
    (found,) = [" ".join(line.split()) for line in text.splitlines() if line.startswith(begin)]
    return found


def test_each_function_has_its_figures_zeros_too() -> None:
    text = text_of(
        started(), succeeded(), started(), failed(), InvocationThrottled(NOW, "fn", ID, "sync", "Reserved")
    )
    assert row(text, "FUNCTION") == "FUNCTION invocations errors throttles cold at once p50 p90 p99 max"
    assert row(text, "fn ") == "fn 2 1 1 2 1 1 ms 5.8 ms 5.8 ms 5.8 ms"
    assert "  fn: 1 ValueError, 1 Reserved" in text
    assert row(text_of(started(), succeeded()), "fn ").startswith("fn 1 0 0 1 ")


def test_events_that_came_both_ways_have_a_row_for_each() -> None:
    text = text_of(
        EventAccepted(NOW, "fn", ID, "s3", 2),
        EventSettled(NOW, "fn", ID, 1),
        EventAccepted(NOW, "fn", ID, "s3", 2),
        EventDiscarded(NOW, "fn", ID, "RetriesExhausted", 3),
        answered("succeeded"),
        answered("failed"),
        answered("throttled"),
    )
    assert "fn          2 services  async       2          1        0  1 RetriesExhausted\n" in text
    assert "fn          2 services  sync        3          1        0  1 failed, 1 throttled\n" in text
    assert "\n  fn: 3 custom, 2 s3\n" in text
    assert text.endswith("3 ended without success: 1 discarded, 1 failed, 1 throttled\n")


def test_each_queue_has_its_figures_and_what_is_left_in_it() -> None:
    text = text_of(
        *(MessageSent(NOW, "jobs", ID, 0) for _ in range(3)),
        BatchReceived(Instant(NOW + 90 * SECOND), "m", "jobs", "fn", (ID, ID), NOW, 1_234, 2),
        BatchSettled(NOW, "m", "jobs", "fn", ID, "partial", (ID,), (ID,)),
        MessageReturned(NOW, "jobs", ID, 1, None),
        MessageDeadLettered(NOW, "jobs", "dead", ID, 3, "x", {}),
    )
    assert row(text, "QUEUE") == "QUEUE sent handled returned dead-lettered left batches backlog oldest"
    assert row(text, "jobs") == "jobs 3 1 1 1 1 1 1,234 90 s"
    assert row(text, "dead") == "dead 0 - - - 1 - - -"
    assert text.endswith("1 ended without success: 1 dead-lettered\n")


def test_a_double_delivery_is_told_with_its_cause() -> None:
    returned = MessageReturned(NOW, "orders", ID, 1, ID)
    text = text_of(returned)
    assert "handled twice: 1 message of orders came back while an invocation was still at work" in text
    assert "8401c351-a1e2-4829-96c9-8204ceede099 at 2026-01-02T03:04:05" in text
    assert "handled twice: 2 messages of orders" in text_of(returned, returned)


def test_a_message_that_two_invocations_deleted_is_handled_once() -> None:
    other = RequestId("other")
    text = text_of(
        *(MessageSent(NOW, "jobs", message, 0) for message in (ID, other)),
        BatchReceived(NOW, "m", "jobs", "fn", (ID, other), NOW, 0, 2),
        MessageReturned(NOW, "jobs", ID, 1, ID),
        BatchSettled(NOW, "m", "jobs", "fn", ID, "succeeded", (ID, other), ()),
        BatchSettled(NOW, "m", "jobs", "fn", ID, "succeeded", (ID,), ()),
    )
    assert row(text, "jobs").startswith("jobs 2 2 1 0 0 ")


def test_what_was_not_delivered_is_told_with_its_reason_and_places() -> None:
    unrouted = [ArrivalUndelivered(NOW, f"e.jsonl:{n}", "s3", "no route for s3") for n in range(1, 6)]
    text = text_of(*unrouted)
    assert "not delivered: 5 events: no route for s3 (e.jsonl:1, e.jsonl:2, e.jsonl:3, ...)\n" in text
    assert "not delivered: 1 event: no route for s3 (e.jsonl:1)\n" in text_of(unrouted[0])


def test_messages_that_expired_are_told_with_what_would_have_kept_them() -> None:
    text = text_of(MessageSent(NOW, "jobs", ID, 0), MessageExpired(NOW, "jobs", ID, NOW))
    assert row(text, "QUEUE").endswith(" expired")
    assert (
        "expired: 1 message of jobs reached the end of the queue's retention; a redrive_policy would" in text
    )
    assert text.endswith("1 ended without success: 1 expired\n")
    dead = text_of(
        MessageDeadLettered(NOW, "jobs", "dead", ID, 3, "x", {}), MessageExpired(NOW, "dead", ID, NOW)
    )
    assert "expired: " not in dead
    assert dead.endswith("1 ended without success: 1 dead-lettered\n")


def test_streams_have_a_row_a_shard_under_their_own_names() -> None:
    text = text_of(
        RetriedBatchSettled(NOW, "dynamodb:arn:aws:dynamodb:r:1:table/c/stream/2026", "dynamodb", "f", "Success", 1, 25),
        RetriedBatchSettled(NOW, "kinesis:arn:aws:kinesis:r:1:stream/s/shardId-6", "kinesis", "g", "RecordAgeExceeded", 9, 1),
        RetriedBatchSettled(NOW, "mq:mq", "mq", "g", "Success", 1, 1),
    )  # fmt: skip
    assert row(text, "dynamodb:") == "dynamodb: c f 1 25 0 0"
    assert row(text, "kinesis:") == "kinesis: s/shardId-6 g 1 1 0 1"
    assert row(text, "mq ").startswith("mq g ")
    assert text.count("note: ") == 3


def test_runs_that_the_wall_clock_ended_are_told() -> None:
    assert "killed: 1 run of fn did not end on the wall clock; it counts as timed out" in text_of(
        started(), HandlerOverran(NOW, "fn", ID, 1)
    )


def test_an_interrupted_run_claims_no_success() -> None:
    text = text_of(started(), RunEnded(NOW, True))
    assert text.endswith("interrupted: what was still to come is not in these figures\n")
    assert "succeeded in the end" not in text
    unfinished = text_of(EventAccepted(NOW, "fn", ID, "s3", 2), RunEnded(NOW, True))
    assert "1 unfinished" in unfinished


def test_an_empty_run_says_so() -> None:
    assert text_of() == "nothing happened\n\neverything succeeded in the end\n"


def test_invocations_that_took_no_time_have_no_percentiles_but_a_reason() -> None:
    text = text_of(started(), succeeded(duration_us=0))
    assert "p50" not in text
    assert "note: invocations took no time, since none is declared" in text
    assert "note: " not in text_of(started(), succeeded())


@pytest.mark.parametrize("width", [72, 80, 100])
def test_tables_and_notes_fit_the_terminal(width: int) -> None:
    name = "a-function-with-a-long-name-as-some-people-like-them-to-be"
    text = text_of(
        started(name),
        succeeded(name, 900_000_000),
        EnvironmentInitialised(NOW, name, 1, Duration(0), "s"),
        EventAccepted(NOW, name, ID, "s3", 2),
        EventDiscarded(NOW, name, ID, "RetriesExhausted", 3),
        MessageSent(NOW, name, ID, 0),
        BatchReceived(Instant(NOW + 90 * SECOND), "m", name, "fn", (ID, ID), NOW, 1_234, 2),
        MessageReturned(NOW, name, ID, 1, ID),
        ArrivalUndelivered(NOW, "somewhere/in/a/folder.jsonl:12", "s3", f"no route for s3: name {name}"),
        width=width,
    )
    assert max(map(len, text.splitlines())) <= width
    assert row(text, "FUNCTION").endswith(("p99", "max"))
    assert "p50" in text


def test_colour_stands_out_only_when_asked_for_and_changes_no_word() -> None:
    records = (started(), failed(), answered("failed"))
    plain, coloured = text_of(*records), text_of(*records, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[31m" in coloured
    assert (
        "".join(part.partition("m")[2] if n else part for n, part in enumerate(coloured.split("\x1b[")))
        == plain
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0"), (0.0004, "0.4 ms"), (0.041, "41 ms"), (1, "1 s"), (2.3, "2.3 s"), (90, "90 s"), (600, "10 min"),
        (9_000, "2.5 h"), (200_000, "2.3 days"), (345_600, "4 days"), (0.9996, "1 s"), (119.96, "2 min"),
    ],
)  # fmt: skip
def test_spans_read_as_a_person_says_them(seconds: float, said: str) -> None:
    assert span(seconds) == said
