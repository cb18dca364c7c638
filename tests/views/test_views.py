"""Records in, figures and lines out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarun.aws import metric_names as names
from lambdarun.model.declarations import Project
from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import (
    BatchReceived,
    EventAccepted,
    MessageDeadLettered,
    MessageReturned,
    MessageSent,
)
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.invocation_log import log_tail
from lambdarun.model.logged_invocation import billed_ms
from lambdarun.model.records import (
    EnvironmentInitialised,
    InvocationFailed,
    InvocationStarted,
    InvocationSucceeded,
    InvocationThrottled,
    OutputCaptured,
    Record,
    RunEnded,
)
from lambdarun.views.histogram import Histogram
from lambdarun.views.log_text import LogTexts
from lambdarun.views.metrics import Metrics
from lambdarun.views.results_line import ResultLines
from lambdarun.views.summary import Summary

ID = RequestId("8401c351-a1e2-4829-96c9-8204ceede099")
ID_TEXT = "8401c351-a1e2-4829-96c9-8204ceede099"
NOW = Instant(1_767_323_045_678_000)


def started(time: Instant = NOW, *, cold: bool = False, running: int = 1) -> InvocationStarted:
    return InvocationStarted(time, "fn", ID, 1, 1, "sync", 1, cold, running, running, Duration(0))


def succeeded(duration_us: int = 5_840, init_us: int | None = None) -> InvocationSucceeded:
    init = None if init_us is None else Duration(init_us)
    return InvocationSucceeded(
        Instant(NOW + duration_us), "fn", ID, 1, 1, NOW, Duration(duration_us), init, 128, 37, b"null"
    )


def failed(cause: str, error_type: str, duration_us: int = 1_000) -> InvocationFailed:
    return InvocationFailed(
        NOW,
        "fn",
        ID,
        1,
        1,
        NOW,
        Duration(duration_us),
        None,
        128,
        37,
        cause,
        error_type,
        b'{"errorMessage": "x"}',
    )


def log_of(records: Sequence[Record]) -> str:
    function = Function(name="fn", handler="app.h", code_uri=Path(), runtime="python3.11")
    return "".join(told.text for told in LogTexts(Project(functions={"fn": function})).read(records))


def test_runtime_row_17_the_report_line_is_awss_with_its_trailing_tab() -> None:
    assert log_of([started(), succeeded()]) == (
        f"START RequestId: {ID_TEXT} Version: $LATEST\n"
        f"END RequestId: {ID_TEXT}\n"
        f"REPORT RequestId: {ID_TEXT}\tDuration: 5.84 ms\tBilled Duration: 6 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 37 MB\t\n"
    )


def test_runtime_row_17_a_cold_start_adds_its_init_to_the_bill() -> None:
    text = log_of(
        [
            started(cold=True),
            EnvironmentInitialised(NOW, "fn", 1, Duration(81_880), "s"),
            succeeded(init_us=81_880),
        ]
    )
    assert text.startswith("INIT_START Runtime Version: python:3.11")
    assert "Billed Duration: 88 ms\t" in text
    assert text.endswith("Max Memory Used: 37 MB\tInit Duration: 81.88 ms\t\n")


def test_runtime_row_17_failures_of_the_runtime_have_a_status_and_a_handlers_exception_has_none() -> None:
    assert log_of([started(), failed("timed out", "Sandbox.Timedout", 3_000_000)]).endswith(
        "Duration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 37 MB\tStatus: timeout\n"
    )
    assert log_of([started(), failed("exited", "Runtime.ExitError")]).endswith(
        "\tStatus: error\tError Type: Runtime.ExitError\n"
    )
    assert "Status" not in log_of([started(), failed("raised", "ValueError")])


def test_output_stands_between_start_and_end() -> None:
    text = log_of([started(), OutputCaptured(NOW, "fn", ID, 1, b"hello", 0), succeeded()])
    assert text.splitlines()[1] == "hello"


def test_billing_rounds_up_to_whole_milliseconds() -> None:
    assert [
        billed_ms(5_840, 81_880),
        billed_ms(1_000, None),
        billed_ms(1, None),
        billed_ms(600_000_000, 476_750),
    ] == [88, 1, 1, 600_477]


def test_runtime_row_15_the_tail_is_the_last_4096_bytes() -> None:
    assert log_tail("x" * 5_000 + "end") == b"x" * 4_093 + b"end"


def test_result_lines_are_json_with_schema_number_and_kind() -> None:
    records: list[Record] = [
        started(),
        OutputCaptured(NOW, "fn", ID, 1, b'say "\xff\n', 3),
        MessageDeadLettered(
            NOW, "q", "dead", "own-id", 3, '{"a": 1}', {"n": {"stringValue": "6", "dataType": "Number"}}
        ),
        MessageReturned(NOW, "q", ID, 2, None),
    ]
    lines = ResultLines(virtual=True).lines(records).splitlines()
    found = [json.loads(line) for line in lines]
    assert [line["seq"] for line in found] == [1, 2, 3, 4]
    assert found[0] == {
        "schema": 1, "seq": 1, "time": "2026-01-02T03:04:05.678000Z", "kind": "invocation.started", "function": "fn",
        "request_id": ID_TEXT, "invocation": 1, "environment": 1, "trigger": "sync", "attempt": 1, "cold": False,
        "running": 1, "running_account": 1, "age_us": 0, "version": "$LATEST", "qualifier": "",
    }  # fmt: skip
    assert found[1]["text"] == 'say "\ufffd\n'
    assert found[2]["message_id"] == "own-id"
    assert found[2]["message_attributes"] == {"n": {"stringValue": "6", "dataType": "Number"}}
    assert found[3]["message_id"] == ID_TEXT
    assert found[3]["while_handled"] is None


def test_measured_figures_stay_out_of_a_virtual_runs_results() -> None:
    assert "max_memory_mb" not in ResultLines(virtual=True).lines([succeeded()])
    assert '"max_memory_mb":37' in ResultLines(virtual=False).lines([succeeded()])


def test_runtime_row_20_errors_are_zero_on_success_and_throttles_are_no_invocations() -> None:
    metrics = Metrics()
    metrics.read([started(), succeeded(), InvocationThrottled(NOW, "fn", ID, "sync", "Reserved")])
    total = metrics.total
    assert total(names.INVOCATIONS, FunctionName="fn") == 1
    assert total(names.ERRORS, FunctionName="fn") == 0
    assert total(names.THROTTLES, FunctionName="fn") == 1
    points = [json.loads(line) for line in metrics.lines()]
    (errors,) = [p for p in points if p["metric"] == "Errors" and p["dimensions"] == {"FunctionName": "fn"}]
    assert errors["statistics"]["count"] == 2
    assert errors["timestamp"] == "2026-01-02T03:04:00.000000Z"
    assert (errors["unit"], errors["statistic"]) == ("Count", "Sum")


def test_what_runs_without_a_reservation_and_what_is_claimed_are_told_for_the_region() -> None:
    metrics = Metrics({"kept": 100, "idle": 10})
    kept = InvocationStarted(NOW, "kept", ID, 2, 2, "sync", 1, False, 1, 2, Duration(0))
    ended = InvocationSucceeded(NOW, "kept", ID, 2, 2, NOW, Duration(1), None, 128, 37, b"null")
    metrics.read([started(), kept, ended, started(running=2)])
    points = {p["metric"]: p for p in map(json.loads, metrics.lines()) if p["dimensions"] == {}}
    assert points["UnreservedConcurrentExecutions"]["statistics"]["max"] == 2
    assert points["UnreservedConcurrentExecutions"]["statistics"]["count"] == 3
    assert points["ClaimedAccountConcurrency"]["statistics"]["max"] == 112
    assert points["ClaimedAccountConcurrency"]["statistic"] == "Maximum"


def test_percentiles_of_counts_are_whole() -> None:
    metrics = Metrics()
    metrics.read([started(running=n % 8 + 1) for n in range(80)])
    (point,) = [p for p in map(json.loads, metrics.lines()) if p["dimensions"] == {"FunctionName": "fn"}]
    assert (point["metric"], point["statistic"], point["statistics"]["max"]) == (
        "ConcurrentExecutions",
        "Maximum",
        8,
    )
    assert (point["statistics"]["p50"], point["statistics"]["p90"]) == (4, 8)


def test_durations_are_milliseconds_with_percentiles() -> None:
    metrics = Metrics()
    metrics.read([succeeded(1_000 * n) for n in range(1, 101)])
    (point,) = [
        json.loads(line) for line in metrics.lines()
        if json.loads(line)["metric"] == "Duration" and json.loads(line)["dimensions"] == {"FunctionName": "fn"}
    ]  # fmt: skip
    assert point["unit"] == "Milliseconds"
    assert (point["statistics"]["min"], point["statistics"]["max"], point["statistics"]["avg"]) == (
        1,
        100,
        50.5,
    )
    assert abs(point["statistics"]["p90"] - 90) <= 0.9


@given(st.lists(st.floats(0.001, 1e7), min_size=1, max_size=200), st.floats(0.01, 1))
def test_any_quantile_is_within_one_per_cent(values: list[float], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = sorted(values)[max(1, -int(-share * len(values) // 1)) - 1]
    assert abs(histogram.quantile(share) - exact) <= 0.01 * exact


@pytest.mark.parametrize(
    ("values", "share", "told"),
    [
        ([5, 6, 7], 0.5, 6),
        ([500, *[1000.0] * 8, 2000], 0.9, 1000),
        ([1, *[3000.0] * 3, 9000], 0.5, 3000),
        ([0.995, 1, 1, 1, 2], 0.99, 2),
    ],
)
def test_a_quantile_that_many_values_share_is_that_value(
    values: list[float], share: float, told: float
) -> None:
    """Whatever the order, and however they were put together: an alarm's threshold is compared with it."""
    for order in (values, values[::-1]):
        first, second = Histogram(), Histogram()
        for number, value in enumerate(order):
            (first if number % 2 else second).add(value)
        first.merge(second)
        assert first.quantile(share) == told


@given(st.lists(st.floats(0, 1e6)), st.lists(st.floats(0, 1e6)))
def test_merging_is_counting_together(left: list[float], right: list[float]) -> None:
    def of(values: list[float]) -> Histogram:
        histogram = Histogram()
        for value in values:
            histogram.add(value)
        return histogram

    merged, other = of(left), of(right)
    merged.merge(other)
    whole = of(left + right)
    assert (merged.count, merged.least, merged.most, merged._buckets, merged._alone) == (
        whole.count,
        whole.least,
        whole.most,
        whole._buckets,
        whole._alone,
    )


def test_the_summary_counts_what_ended_without_success() -> None:
    summary = Summary()
    summary.read([EventAccepted(NOW, "fn", ID, "s3", 2), started(cold=True), failed("raised", "ValueError")])
    summary.read([MessageDeadLettered(NOW, "q", "dead", ID, 3, "x", {})])
    assert summary.failed_for_good == 1
    figures = summary.as_json()["functions"]["fn"]
    assert (figures["invocations"], figures["errors"], figures["cold_starts"]) == (1, {"ValueError": 1}, 1)


def datapoints(metrics: Metrics, name: str, **dimensions: str) -> dict[str, float]:
    """The greatest value by minute."""
    points = [json.loads(line) for line in metrics.lines()]
    return {
        point["timestamp"][11:16]: point["statistics"]["max"]
        for point in points
        if point["metric"] == name and point["dimensions"] == dimensions
    }


def at(seconds: float) -> Instant:
    return Instant(NOW // (60 * SECOND) * (60 * SECOND) + round(seconds * SECOND))


def received(seconds: float, *ids: str) -> BatchReceived:
    return BatchReceived(at(seconds), "m", "q", "fn", ids, at(0), 7, len(ids))


def test_the_oldest_messages_age_is_told_each_minute_while_it_waits() -> None:
    metrics = Metrics()
    metrics.read([MessageSent(at(10), "q", "a", 1), received(20, "a"), MessageSent(at(200), "q", "b", 1)])
    assert datapoints(metrics, "ApproximateAgeOfOldestMessage", QueueName="q") == {
        "03:04": 10, "03:05": 50, "03:06": 110, "03:07": 170,
    }  # fmt: skip


def test_a_message_received_three_times_no_longer_counts_as_the_oldest() -> None:
    metrics = Metrics()
    metrics.read([MessageSent(at(0), "q", "poison", 1), MessageSent(at(5), "q", "good", 1)])
    metrics.read([received(second, "poison") for second in (10, 20, 30)])
    metrics.read([MessageSent(at(61), "q", "later", 1)])
    ages = datapoints(metrics, "ApproximateAgeOfOldestMessage", QueueName="q")
    assert ages == {"03:04": 30, "03:05": 55}


def test_a_dead_letters_age_runs_from_its_move_and_its_queue_shows_how_many_wait() -> None:
    metrics = Metrics()
    moves = [MessageDeadLettered(at(300), "q", "dead", name, 3, "", {}) for name in ("a", "b")]
    metrics.read([MessageSent(at(0), "q", name, 1) for name in ("a", "b")] + moves)
    metrics.read([MessageSent(at(365), "q", "c", 1)])
    assert datapoints(metrics, "ApproximateNumberOfMessagesVisible", QueueName="dead") == {
        "03:09": 2,
        "03:10": 2,
    }
    assert datapoints(metrics, "ApproximateAgeOfOldestMessage", QueueName="dead") == {"03:10": 60}


def test_a_tail_cut_within_a_character_begins_with_the_replacement_mark() -> None:
    tail = log_tail("\N{EURO SIGN}" * 1_366)  # 4,098 bytes
    assert tail == "\N{REPLACEMENT CHARACTER}".encode() + "\N{EURO SIGN}".encode() * 1_365


def test_a_summary_begins_with_the_first_record_of_an_iterator_too() -> None:
    summary = Summary()
    summary.read(RunEnded(Instant(time), False) for time in (3, 5))
    assert (summary.first, summary.last, summary.records) == (3, 5, 2)
