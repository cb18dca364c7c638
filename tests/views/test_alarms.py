"""Alarms over the records of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarun.aws import metric_names as names
from lambdarun.model.alarm import (
    Alarm,
    AlarmState,
    ComparisonOperator,
    MissingData,
    Percentile,
    Statistic,
    WatchedLog,
    WatchedMetric,
)
from lambdarun.model.declarations import Project
from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import BatchSettled, MessageSent
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Duration, Instant, iso, parse_instant
from lambdarun.model.log_pattern import LogPattern
from lambdarun.model.logging_config import LogFormat, LoggingConfig
from lambdarun.model.queue_records import MessagesReceived
from lambdarun.model.records import (
    InvocationFailed,
    InvocationStarted,
    InvocationSucceeded,
    OutputCaptured,
    Record,
    RunEnded,
)
from lambdarun.views.alarm_data import value_of
from lambdarun.views.alarms import Alarms, Transition, Watch
from lambdarun.views.histogram import Histogram

START = parse_instant("2026-11-25T02:00:00Z")
ID = RequestId("8401c351-a1e2-4829-96c9-8204ceede099")
AGE = WatchedMetric("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", "orders"),))
ERRORS = WatchedMetric("AWS/Lambda", "Errors", (("FunctionName", "fn"),))
DURATION = WatchedMetric("AWS/Lambda", "Duration", (("FunctionName", "fn"),))


def at(seconds: float) -> Instant:
    return Instant(START + round(seconds * SECOND))


def fn(**more: object) -> Function:
    return Function(name="fn", handler="app.h", code_uri=Path(), runtime="python3.11", **more)  # type: ignore[arg-type]


def over(watched: WatchedMetric | WatchedLog, threshold: float, **more: object) -> Alarm:
    given_ = {"name": "a", "statistic": Statistic.MAXIMUM, "datapoints_to_alarm": None, **more}
    return Alarm(watched=watched, threshold=threshold, **given_)  # type: ignore[arg-type]


def alarms(*declared: Alarm, **function: object) -> Alarms:
    return Alarms(Project(functions={"fn": fn(**function)}, alarms={one.name: one for one in declared}))


def told(of: Alarms) -> list[tuple[str, str]]:
    return [(iso(one.time)[11:16], one.state.value) for one in of.transitions]


def sent(seconds: float, name: str = "m") -> MessageSent:
    return MessageSent(at(seconds), "orders", name, 1)


def deleted(seconds: float, *names: str) -> BatchSettled:
    return BatchSettled(at(seconds), "m", "orders", "fn", ID, "succeeded", names, ())


def ended(seconds: float) -> RunEnded:
    return RunEnded(at(seconds), False)


def ran(seconds: float, *, took: float = 0.001, error: bool = False, output: bytes = b"") -> list[Record]:
    start, end = at(seconds), at(seconds + took)
    records: list[Record] = [InvocationStarted(start, "fn", ID, 1, 1, "sync", 1, False, 1, 1, Duration(0))]
    if output:
        records.append(OutputCaptured(end, "fn", ID, 1, output, 0))
    common = (end, "fn", ID, 1, 1, start, Duration(end - start), None, 128, 37)
    if error:
        records.append(InvocationFailed(*common, "raised", "ValueError", b"{}"))
    else:
        records.append(InvocationSucceeded(*common, b"null"))
    return records


# Show 6 of the alarm on a message's age, by hand. The message is sent at 02:00:20. At 02:00:50 it is 30 s old, which is not
# above 30. The sample at 02:01:00 says 40: that is the datapoint of 02:01, which is whole at 02:02, when the alarm is
# raised. It is deleted at 02:03:30; the sample of 02:03 says 160, that of 02:04 says 0, and is whole at 02:05.
def test_an_alarm_of_30_s_age_is_raised_and_cleared_at_the_minutes_of_the_rule() -> None:
    of = alarms(over(AGE, 30, datapoints_to_alarm=1))
    of.read([sent(20), deleted(210, "m"), ended(600)])
    assert told(of) == [("02:02", "ALARM"), ("02:05", "OK")]
    assert of.transitions[0].reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [40.0 (25/11/26 02:01:00)] was greater than the threshold"
        " (30.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )


def test_an_alarm_begins_with_too_little_data_and_says_so_until_its_first_evaluation() -> None:
    of = alarms(over(AGE, 30))
    of.read([sent(20)])
    assert of.states == {"a": AlarmState.INSUFFICIENT_DATA}
    assert of.figures()["a"].reason == "Unchecked: Initial alarm creation"
    assert of.transitions == []


def test_two_of_three_periods_of_five_minutes_are_looked_at_each_minute() -> None:
    of = alarms(
        over(
            ERRORS,
            0,
            statistic=Statistic.SUM,
            period=300,
            evaluation_periods=3,
            datapoints_to_alarm=2,
            treat_missing_data=MissingData.NOT_BREACHING,
        )
    )
    of.read([*ran(0), *ran(310, error=True), *ran(700, error=True), *ran(3_600)])
    # At 02:12 the two errors lie in two of the three periods that end then: 02:02 to 02:07 and 02:07 to 02:12.
    assert told(of)[:2] == [("02:01", "OK"), ("02:12", "ALARM")]


def test_a_percentile_that_is_the_threshold_is_not_above_it() -> None:
    of = alarms(over(DURATION, 1000, statistic=Percentile(50)))
    records = [record for second in range(8) for record in ran(second, took=1)]
    of.read([*ran(0, took=0.5), *records, *ran(10, took=2), *ran(70)])
    assert told(of) == [("02:01", "OK")]
    assert "[1000.0 (25/11/26 02:00:00)]" in of.transitions[0].reason


def test_an_invocation_counts_in_the_minute_of_its_start_however_late_it_ends() -> None:
    of = alarms(over(ERRORS, 0, statistic=Statistic.SUM, evaluation_periods=3, datapoints_to_alarm=1))
    of.read([*ran(30), *ran(50, took=150, error=True), *ran(241)])
    assert told(of) == [("02:01", "OK"), ("02:04", "ALARM")]
    assert "[1.0 (25/11/26 02:00:00)]" in of.transitions[1].reason


def test_a_percentile_of_durations_is_watched() -> None:
    of = alarms(over(DURATION, 1_500, statistic=Percentile(90)))
    fast = [record for n in range(8) for record in ran(n)]
    slow = [record for n in range(2) for record in ran(20 + n, took=2)]
    of.read([*fast, *slow, *ran(70)])
    assert told(of) == [("02:01", "ALARM")]


def test_a_percentile_of_counts_is_whole() -> None:
    waiting = WatchedMetric("AWS/SQS", "ApproximateNumberOfMessagesVisible", (("QueueName", "orders"),))
    # The histogram's bucket of 48 has its middle at 48.2.
    of = alarms(over(waiting, 48, statistic=Percentile(50)))
    of.read([MessagesReceived(at(n), "orders", ("m",), 48 + n // 31, 0) for n in range(60)])
    of.advance(at(60))
    assert told(of) == [("02:01", "OK")]
    assert "[48.0 (" in of.transitions[0].reason


def test_what_happened_in_the_last_minute_is_judged_at_the_end_of_the_run() -> None:
    of = alarms(over(ERRORS, 0, statistic=Statistic.SUM))
    of.read([*ran(10, error=True), ended(11)])
    assert told(of)[0] == ("02:01", "ALARM")


def test_an_alarm_that_is_raised_at_the_end_is_followed_until_its_data_says_otherwise() -> None:
    of = alarms(over(ERRORS, 0, statistic=Statistic.SUM, treat_missing_data=MissingData.NOT_BREACHING))
    of.read([*ran(10, error=True), ended(11)])
    # The range is 3: for two more minutes the breach is the only datapoint in sight, and CloudWatch takes it again.
    assert told(of) == [("02:01", "ALARM"), ("02:04", "OK")]


def test_an_interrupted_run_ends_where_it_ends() -> None:
    of = alarms(over(ERRORS, 0, statistic=Statistic.SUM))
    of.read([*ran(10, error=True), RunEnded(at(11), True)])
    assert of.transitions == []


def test_advance_evaluates_while_nothing_happens() -> None:
    of = alarms(over(AGE, 30))
    of.read([sent(20)])
    of.advance(at(150))
    assert told(of)[-1] == ("02:02", "ALARM")


def test_a_year_without_data_is_passed_at_once() -> None:
    of = alarms(over(ERRORS, 0, statistic=Statistic.SUM))
    of.read([*ran(10), *ran(31_536_000 + 70, error=True), ended(31_536_000 + 75)])
    assert [iso(one.time)[:16] for one in of.transitions][:3] == [
        "2026-11-25T02:01",
        "2026-11-25T02:04",
        "2027-11-25T02:02",
    ]
    assert [one.state.value for one in of.transitions][:3] == ["OK", "INSUFFICIENT_DATA", "ALARM"]


def test_an_alarm_over_days_is_looked_at_each_hour_and_knows_whole_hours_only() -> None:
    hourly = over(
        ERRORS, 0, statistic=Statistic.SUM, period=3_600, evaluation_periods=25, datapoints_to_alarm=1
    )
    of = alarms(hourly)
    of.read([*ran(10), *ran(3_720, error=True), *ran(7_400)])
    assert told(of) == [("03:00", "OK"), ("04:00", "ALARM")]


def test_a_mapping_that_polls_nothing_for_a_year_is_told_for_two_weeks() -> None:
    mapping = EventSourceMapping(name="m", queue="orders", function="fn", event_count=True)
    polled = WatchedMetric("AWS/Lambda", "PolledEventCount", (("EventSourceMappingUUID", mapping.uuid),))
    declared = over(polled, 1, statistic=Statistic.SUM, comparison_operator=ComparisonOperator.LESS)
    of = Alarms(Project(functions={"fn": fn()}, mappings={"m": mapping}, alarms={"a": declared}))
    of.read([sent(10), sent(31_536_000)])
    points = of.metrics.series(names.POLLED_EVENTS, (("EventSourceMappingUUID", mapping.uuid),))
    assert len(points) == 14 * 24 * 60
    assert of.transitions[-1].state is AlarmState.ALARM


def emf(seconds: float, latency: float) -> bytes:
    document = {
        "_aws": {
            "Timestamp": at(seconds) // 1_000,
            "CloudWatchMetrics": [
                {"Namespace": "Shop", "Dimensions": [["Tenant"]], "Metrics": [{"Name": "Latency"}]}
            ],
        },
        "Tenant": "a",
        "Latency": latency,
    }
    return json.dumps(document).encode() + b"\n"


def test_a_handlers_own_metric_is_watched_under_its_dimensions() -> None:
    own = WatchedMetric("Shop", "Latency", (("Tenant", "a"),))
    other = WatchedMetric("Shop", "Latency", (("Tenant", "b"),))
    of = alarms(over(own, 5), over(other, 5, name="b"))
    of.read([*ran(10, output=emf(10, 7.5)), *ran(70, output=emf(70, -3)), *ran(130)])
    assert [(one.alarm, one.state.value) for one in of.transitions] == [("a", "ALARM"), ("a", "OK")]
    assert "[7.5 (25/11/26 02:00:00)]" in of.transitions[0].reason


def test_a_handlers_log_level_is_watched_in_either_format() -> None:
    text = over(WatchedLog("fn", LogPattern.compile('"[ERROR]"')), 0, statistic=Statistic.SUM)
    line = b"[ERROR]\t2026-11-25T02:00:10.000Z\tid\tno route\n"
    of = alarms(text)
    of.read([*ran(10, output=line), *ran(70)])
    assert told(of) == [("02:01", "ALARM")]
    in_json = over(WatchedLog("fn", LogPattern.compile('{ $.level = "ERROR" }')), 0, statistic=Statistic.SUM)
    of = alarms(in_json, logging_config=LoggingConfig(log_format=LogFormat.JSON))
    of.read([*ran(10, output=b'{"level": "ERROR", "message": "no route"}\n'), *ran(70)])
    assert told(of) == [("02:01", "ALARM")]


def test_a_metric_filter_sees_the_platforms_lines_and_leaves_gaps_unless_it_counts_zeros() -> None:
    report = LogPattern.compile('"Max Memory Used: 37 MB"')
    gaps = over(WatchedLog("fn", report), 0, statistic=Statistic.SUM)
    of = alarms(gaps)
    of.read([*ran(10), *ran(70), *ran(130)])
    assert told(of) == [("02:01", "ALARM")]
    never = LogPattern.compile("Traceback")
    zeros = over(WatchedLog("fn", never, counts_zeros=True), 0, statistic=Statistic.SUM)
    silent = over(WatchedLog("fn", never), 0, name="b", statistic=Statistic.SUM)
    of = alarms(zeros, silent)
    of.read([*ran(10), *ran(70)])
    assert [(one.alarm, one.state.value) for one in of.transitions] == [("a", "OK")]


def test_figures_pair_each_raise_with_its_end() -> None:
    of = alarms(over(AGE, 30), over(ERRORS, 0, name="b", statistic=Statistic.SUM))
    of.read([sent(20, "m"), deleted(210, "m"), sent(400, "n"), ended(700)])
    figures = of.figures()
    pairs = [
        (iso(one.raised)[11:16], None if one.cleared is None else iso(one.cleared)[11:16])
        for one in figures["a"].episodes
    ]
    assert pairs == [("02:02", "02:05"), ("02:09", None)]
    assert figures["b"].episodes == []
    document = figures["a"].as_json()
    assert document["state"] == "ALARM"
    assert document["raised"][0]["cleared"] == "2026-11-25T02:05:00.000000Z"


RECORDS: st.SearchStrategy[list[Record]] = st.lists(
    st.tuples(st.floats(0, 1_500), st.sampled_from("sdrfoe"), st.integers(0, 5)), max_size=40
).map(lambda steps: _records(sorted(steps)))


def _records(steps: list[tuple[float, str, int]]) -> list[Record]:
    found: list[Record] = []
    for seconds, kind, number in steps:
        match kind:
            case "s":
                found.append(sent(seconds, f"m{number}"))
            case "d":
                found.append(deleted(seconds, f"m{number}"))
            case "r":
                found.append(MessagesReceived(at(seconds), "orders", (f"m{number}",), 0, 1))
            case "o":
                found.append(OutputCaptured(at(seconds), "fn", ID, 1, emf(seconds, number), 0))
            case _:
                end = at(seconds)
                begun = Instant(end - number * 40 * SECOND)
                common = (end, "fn", ID, 1, 1, begun, Duration(end - begun), None, 128, 37)
                found.append(
                    InvocationFailed(*common, "raised", "ValueError", b"{}")
                    if kind == "f"
                    else InvocationSucceeded(*common, b"null")
                )
    return [*found, ended(1_600)]


WATCHED = [
    over(AGE, 100, evaluation_periods=3, datapoints_to_alarm=2),
    over(ERRORS, 0, name="b", statistic=Statistic.SUM, treat_missing_data=MissingData.BREACHING),
    over(DURATION, 50, name="c", statistic=Percentile(50), period=180, treat_missing_data=MissingData.IGNORE),
    over(WatchedMetric("Shop", "Latency", (("Tenant", "a"),)), 2, name="d", comparison_operator=ComparisonOperator.LESS),
    over(WatchedLog("fn", LogPattern.compile("Tenant")), 0, name="e", statistic=Statistic.SAMPLE_COUNT),
]  # fmt: skip


@settings(deadline=None)
@given(RECORDS, st.lists(st.integers(1, 7), min_size=1))
def test_transitions_are_the_same_however_the_records_are_cut(records: list[Record], cuts: list[int]) -> None:
    whole = alarms(*WATCHED)
    whole.read(records)
    pieces = alarms(*WATCHED)
    left = list(records)
    number = 0
    while left:
        size = cuts[number % len(cuts)]
        pieces.read(left[:size])
        left = left[size:]
        number += 1
    assert pieces.transitions == whole.transitions
    assert pieces.figures() == whole.figures()


@settings(deadline=None)
@given(RECORDS)
def test_transitions_change_the_state_and_go_forward_in_time(records: list[Record]) -> None:
    of = alarms(*WATCHED)
    of.read(records)
    states = dict.fromkeys(of.states, AlarmState.INSUFFICIENT_DATA)
    last = START
    for one in of.transitions:
        assert one.state is not states[one.alarm]
        assert one.time % (60 * SECOND) == 0
        assert one.time >= last
        states[one.alarm], last = one.state, one.time
    assert states == of.states


GAPS = st.lists(st.integers(1, 40_000), min_size=1, max_size=8)


@settings(deadline=None)
@given(
    GAPS,
    st.sampled_from([60, 300]),
    st.integers(1, 4),
    st.sampled_from(list(MissingData)),
    st.integers(0, 255),
)
def test_skipping_silent_years_changes_nothing(
    gaps: list[int], period: int, periods: int, treatment: MissingData, errors: int
) -> None:
    """Each minute looked at by itself, after the run, says the same."""
    records: list[Record] = []
    seconds = 0
    for number, gap in enumerate(gaps):
        seconds += gap
        records += ran(seconds, error=bool(errors >> number & 1))
    watched = over(
        ERRORS,
        0,
        statistic=Statistic.SUM,
        period=period,
        evaluation_periods=periods,
        treat_missing_data=treatment,
    )
    of = alarms(watched)
    of.read([*records, RunEnded(at(seconds + 3_600), True)])
    watch = Watch(watched, of._watches[0].source)
    found = []
    for minute in range(at(gaps[0]) // (60 * SECOND) + 1, at(seconds + 3_600) // (60 * SECOND) + 1):
        now = Instant(minute * 60 * SECOND)
        verdict = watch.look(now)
        if verdict is not None and verdict.state is not watch.state:
            watch.state = verdict.state
            found.append(Transition(now, "a", verdict.state, verdict.reason))
    assert of.transitions == found


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=300), st.sampled_from([50, 75, 90, 95, 99, 99.9]))
def test_percentiles_are_those_of_a_sorted_list_within_one_per_cent(
    values: list[float], percent: float
) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = sorted(values)[max(1, -int(-percent / 100 * len(values) // 1)) - 1]
    assert value_of(Percentile(percent), histogram) == pytest.approx(exact, rel=0.01)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(1, 50)), max_size=30))
def test_counting_a_value_many_times_is_counting_it_again_and_again(values: list[tuple[float, int]]) -> None:
    at_once, singly = Histogram(), Histogram()
    for value, times in values:
        at_once.add(value, times)
        for _ in range(times):
            singly.add(value)
    assert (at_once.count, at_once.least, at_once.most) == (singly.count, singly.least, singly.most)
    assert at_once.total == pytest.approx(singly.total)
    assert at_once.quantile(0.5) == singly.quantile(0.5)
