"""Records in, series over time out: exact counts, bounded buckets, gaps where CloudWatch would have none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import (
    BatchReceived,
    BatchSettled,
    EventAccepted,
    EventDiscarded,
    MessageDeadLettered,
    MessageExpired,
    MessageReturned,
    MessageSent,
)
from lambdarun.model.instant import MILLISECOND, SECOND, Duration, Instant
from lambdarun.model.mapping_records import MappingScaled, MessagesFiltered
from lambdarun.model.queue_records import (
    MessagesDeleted,
    MessagesMovedBack,
    MessagesReceived,
    QueuePurged,
    VisibilityChanged,
)
from lambdarun.model.records import (
    InvocationFailed,
    InvocationLost,
    InvocationStarted,
    InvocationSucceeded,
    InvocationThrottled,
    Record,
    RunEnded,
    RunStarted,
)
from lambdarun.views.timeline import Timeline
from lambdarun.views.timeline_function import FunctionTimeline
from lambdarun.views.timeline_queue import QueueTimeline
from lambdarun.views.timeline_series import BUCKETS_MAX

ID = RequestId("8401c351-a1e2-4829-96c9-8204ceede099")
START = 1_767_312_000 * SECOND  # 2026-01-02T00:00:00Z
HOUR = 3_600


def at(seconds: float) -> Instant:
    return Instant(START + round(seconds * SECOND))


def begun() -> RunStarted:
    return RunStarted(at(0), "0", 0, "max", "declared")


def ended(seconds: float) -> RunEnded:
    return RunEnded(at(seconds), False)


def started(seconds: float, running: int = 1, age_us: int = 0, trigger: str = "sync") -> InvocationStarted:
    return InvocationStarted(
        at(seconds), "fn", ID, 1, 1, trigger, 1, False, running, running, Duration(age_us)
    )


def succeeded(seconds: float, took: float) -> InvocationSucceeded:
    duration = Duration(round(took * SECOND))
    return InvocationSucceeded(at(seconds), "fn", ID, 1, 1, at(seconds - took), duration, None, 128, 1, b"")


def failed(seconds: float, took: float) -> InvocationFailed:
    duration = Duration(round(took * SECOND))
    begin = at(seconds - took)
    return InvocationFailed(
        at(seconds), "fn", ID, 1, 1, begin, duration, None, 128, 1, "raised", "ValueError", b"{}"
    )


def throttled(seconds: float) -> InvocationThrottled:
    return InvocationThrottled(at(seconds), "fn", ID, "sync", "ReservedFunction")


def sent(seconds: float, message: str = "m", queue: str = "q") -> MessageSent:
    return MessageSent(at(seconds), queue, message, 1)


def received(seconds: float, *messages: str, visible: int = 0, hidden: int | None = None) -> BatchReceived:
    held = len(messages) if hidden is None else hidden
    return BatchReceived(at(seconds), "mapping", "q", "fn", messages, at(0), visible, held)


def settled(seconds: float, *deleted: str) -> BatchSettled:
    return BatchSettled(at(seconds), "mapping", "q", "fn", ID, "succeeded", deleted, ())


def moved(seconds: float, message: str) -> MessageDeadLettered:
    return MessageDeadLettered(at(seconds), "q", "dead", message, 3, "body", {})


def told(*records: Record) -> Timeline:
    timeline = Timeline()
    timeline.read(records)
    timeline.finish()
    return timeline


def fn(timeline: Timeline) -> FunctionTimeline:
    return timeline.functions["fn"]


def queue(timeline: Timeline, name: str = "q") -> QueueTimeline:
    return timeline.queues[name]


def width_s(timeline: Timeline) -> float:
    assert timeline.scale is not None
    return timeline.scale.width / SECOND


def test_nothing_read_is_nothing_told() -> None:
    timeline = told()
    assert timeline.buckets == (0, 0)
    assert not timeline.functions
    assert not timeline.queues


def test_buckets_widen_as_the_run_grows_and_lie_on_whole_multiples_of_their_width() -> None:
    for seconds, width in (
        (1, 0.1),
        (59, 0.1),
        (61, 0.5),
        (599, 1),
        (2_999, 5),
        (8 * HOUR, 60),
        (7 * 24 * HOUR, 1_800),
    ):
        timeline = told(begun(), succeeded(1, 1), ended(seconds))
        begin, count = timeline.buckets
        assert width_s(timeline) == width
        assert count <= BUCKETS_MAX
        assert begin * width == START / SECOND


def test_a_run_of_years_still_fits() -> None:
    timeline = told(begun(), succeeded(1, 1), ended(20 * 365 * 24 * HOUR))
    assert timeline.buckets[1] <= BUCKETS_MAX
    assert sum(value or 0 for value in fn(timeline).invocations.values(*timeline.buckets)) == 1


def test_many_queues_share_the_buckets() -> None:
    names = [f"q{n}" for n in range(1_000)]
    records = [sent(n, f"m{n}", names[n % 1_000]) for n in range(3_000)]
    timeline = told(begun(), *records, ended(3_000))
    begin, count = timeline.buckets
    assert count <= 60
    totals = [sum(value or 0 for value in one.sent.values(begin, count)) for one in timeline.queues.values()]
    assert totals == [3] * 1_000


@given(st.lists(st.tuples(st.integers(0, 400_000), st.booleans()), min_size=1, max_size=60))
def test_widening_keeps_every_count(gaps: list[tuple[int, bool]]) -> None:
    records: list[Record] = [begun()]
    now = 0.0
    for gap_ms, bad in gaps:
        now += gap_ms / 1_000
        records += [started(now), (failed if bad else succeeded)(now, 0.0)]
    timeline = told(*records, ended(now))
    one, span = fn(timeline), timeline.buckets
    assert sum(value or 0 for value in one.invocations.values(*span)) == len(gaps)
    assert sum(value or 0 for value in one.errors.values(*span)) == sum(bad for _, bad in gaps)
    # The same as if the last width had been there from the start.
    width = round(width_s(timeline) * SECOND)
    begin, count = span
    wanted = [0] * count
    for record in records:
        if isinstance(record, InvocationStarted):
            wanted[record.time // width - begin] += 1
    assert [value or 0 for value in one.invocations.values(*span)] == wanted


def test_an_invocation_is_counted_where_it_began() -> None:
    timeline = told(begun(), started(1), succeeded(4, 3), started(4), failed(5, 1), ended(599))
    values = fn(timeline).invocations.values(*timeline.buckets)
    assert values[:6] == [None, 1, None, None, 1, None]
    assert fn(timeline).errors.values(*timeline.buckets)[:6] == [None, 0, None, None, 1, None]
    assert fn(timeline).duration.values(*timeline.buckets, 1.0)[:5] == [None, 3_000, None, None, 1_000]


def test_errors_and_throttles_are_zero_where_there_could_have_been_some_and_gaps_elsewhere() -> None:
    timeline = told(begun(), throttled(2), throttled(2.5), started(3), succeeded(3, 0), ended(599))
    assert fn(timeline).throttles.values(*timeline.buckets)[:5] == [None, None, 2, 0, None]
    assert fn(timeline).errors.values(*timeline.buckets)[:5] == [None, None, 0, 0, None]
    assert fn(timeline).invocations.values(*timeline.buckets)[:5] == [None, None, None, 1, None]


def test_quantiles_of_a_bucket_are_those_of_its_invocations() -> None:
    records: list[Record] = [begun()]
    for n in range(1, 101):
        records += [started(200), succeeded(200 + n, n)]
    timeline = told(*records, ended(599))
    of = fn(timeline).duration
    p50, p90, most = (of.values(*timeline.buckets, share)[200] for share in (0.5, 0.9, 1.0))
    assert p50 is not None and abs(p50 - 50_000) < 0.006 * 50_000
    assert p90 is not None and abs(p90 - 90_000) < 0.006 * 90_000
    assert most == 100_000


def test_concurrency_stands_while_invocations_run_and_is_a_gap_where_none_do() -> None:
    timeline = told(
        begun(), started(1, 1), started(1.5, 2), succeeded(4, 3), succeeded(6, 4.5), started(9), ended(599)
    )
    values = fn(timeline).running.values(*timeline.buckets)
    assert values[:9] == [None, 2, 2, 2, 2, 1, 1, None, None]
    assert values[9:] == [1] * 591  # never ended


def test_a_lost_invocation_frees_its_place_and_is_counted_nowhere() -> None:
    lost = InvocationLost(at(2), "fn", ID, 1, 1, "gone")
    timeline = told(begun(), started(1), lost, ended(599))
    assert fn(timeline).running.values(*timeline.buckets)[:4] == [None, 1, 1, None]
    assert set(fn(timeline).invocations.values(*timeline.buckets)) == {None}


def test_allowed_concurrency_is_the_sum_of_what_the_mappings_may_have() -> None:
    timeline = told(
        begun(),
        MappingScaled(at(1), "one", "q", "fn", 5),
        MappingScaled(at(2), "two", "q", "fn", 5),
        MappingScaled(at(4), "one", "q", "fn", 8),
        ended(599),
    )  # fmt: skip
    assert fn(timeline).allowed.values(*timeline.buckets)[:6] == [None, 5, 10, 10, 13, 13]


def test_asynchronous_events_are_pending_until_they_end_and_tell_their_age_at_each_start() -> None:
    timeline = told(
        begun(),
        EventAccepted(at(1), "fn", ID, "s3", 1),
        EventAccepted(at(2), "fn", ID, "s3", 1),
        started(3, age_us=2 * SECOND, trigger="async"),
        EventDiscarded(at(4), "fn", ID, "RetriesExhausted", 3),
        EventDiscarded(at(5), "fn", ID, "RetriesExhausted", 3),
        ended(599),
    )
    assert fn(timeline).pending.values(*timeline.buckets)[:7] == [None, 1, 2, 2, 2, 1, None]
    assert fn(timeline).waited.values(*timeline.buckets, MILLISECOND)[3] == 2_000


def test_backlog_is_what_is_visible_and_what_is_in_flight() -> None:
    timeline = told(
        begun(), sent(1, "a"), sent(1, "b"), sent(1, "c"), received(3, "a", "b", visible=1), settled(5, "a"),
        MessageReturned(at(7), "q", "b", 1, None), ended(599),
    )  # fmt: skip
    one, span = queue(timeline), timeline.buckets
    assert one.visible.values(*span)[:9] == [None, 3, 3, 3, 1, 1, 1, 2, 2]
    assert one.in_flight.values(*span)[:9] == [None, 0, 0, 2, 2, 2, 1, 1, 0]
    assert one.sent.values(*span)[1] == 3
    assert one.deleted.values(*span)[5] == 1
    assert one.returned.values(*span)[7] == 1


def test_messages_that_no_filter_lets_through_leave_the_backlog() -> None:
    filtered = MessagesFiltered(at(2), "mapping", "q", "fn", ("a",))
    timeline = told(begun(), sent(1, "a"), sent(1, "b"), filtered, ended(599))
    assert queue(timeline).visible.values(*timeline.buckets)[:4] == [None, 2, 2, 1]


def test_delayed_messages_show_when_their_delay_ends() -> None:
    def delayed(seconds: float, message: str) -> MessageSent:
        return MessageSent(at(seconds), "q", message, 1, delay_seconds=10)

    timeline = told(begun(), delayed(1, "a"), delayed(9, "b"), sent(13, "c"), ended(599))
    one, span = queue(timeline), timeline.buckets
    assert one.delayed.values(*span)[:2] == [None, 1]
    assert one.delayed.values(*span)[9:13] == [2, 2, 1, 1]
    assert one.visible.values(*span)[9:14] == [0, 0, 1, 1, 2]
    assert one.delayed.values(*span)[-1] == 0


def test_what_callers_of_the_queue_do_moves_its_messages_too() -> None:
    timeline = told(
        begun(),
        sent(1, "a"), sent(1, "b"), sent(1, "c"),
        MessagesReceived(at(3), "q", ("a", "b"), 1, 2),
        VisibilityChanged(at(5), "q", "b", 0),
        MessageReturned(at(5), "q", "b", 1, None),
        MessagesDeleted(at(7), "q", ("a",)),
        QueuePurged(at(9), "q", 2),
        ended(599),
    )  # fmt: skip
    one, span = queue(timeline), timeline.buckets
    assert one.visible.values(*span)[1:11] == [3, 3, 3, 1, 2, 2, 2, 2, 2, 0]
    assert one.in_flight.values(*span)[1:11] == [0, 0, 2, 2, 2, 1, 1, 0, 0, 0]
    assert one.deleted.values(*span)[7] == 1


def test_a_redrive_task_takes_messages_out_of_their_queue() -> None:
    back = MessagesMovedBack(at(9), "dead", "q", ("a",))
    timeline = told(begun(), sent(0, "a"), moved(3, "a"), back, sent(9, "a2"), ended(599))
    assert queue(timeline, "dead").visible.values(*timeline.buckets)[8:11] == [1, 1, 0]
    assert queue(timeline).visible.values(*timeline.buckets)[8:11] == [0, 1, 1]


def test_the_oldest_age_grows_until_the_message_leaves() -> None:
    timeline = told(
        begun(),
        sent(1, "a"),
        sent(3, "b"),
        received(5, "a"),
        settled(6, "a"),
        received(8, "b"),
        settled(9, "b"),
        ended(12),
    )
    assert width_s(timeline) == 0.1
    ages = queue(timeline).oldest.values(*timeline.buckets, SECOND)
    assert ages[:10] == [None] * 10
    assert ages[10] == 0.1
    assert ages[49] == 4.0
    assert ages[60] == 5.0  # as it was deleted
    assert ages[61] == 3.2  # the next one's
    assert ages[89] == 6.0
    assert ages[91:] == [0] * 30  # polled and empty: CloudWatch has a zero


def test_a_message_received_three_times_is_left_out_of_the_oldest_age() -> None:
    timeline = told(
        begun(),
        sent(0, "a"),
        sent(50, "b"),
        *[received(60 + n, "a", visible=1) for n in range(3)],
        ended(599),
    )
    ages = queue(timeline).oldest.values(*timeline.buckets, SECOND)
    assert ages[61] == 62
    assert ages[63] == 14


def test_a_dead_letters_age_runs_from_its_move() -> None:
    timeline = told(begun(), sent(0, "a"), moved(100, "a"), ended(599))
    ages = queue(timeline, "dead").oldest.values(*timeline.buckets, SECOND)
    assert ages[99] is None
    assert ages[200] == 101
    assert queue(timeline, "dead").visible.values(*timeline.buckets)[100:102] == [1, 1]
    assert queue(timeline).visible.values(*timeline.buckets)[101] == 0


def test_a_queue_is_known_while_it_holds_messages_and_six_hours_longer() -> None:
    expired = MessageExpired(at(2 * 24 * HOUR), "q", "a", at(0))
    timeline = told(begun(), sent(0, "a"), received(24 * HOUR, "a"), expired, ended(4 * 24 * HOUR))
    visible = queue(timeline).visible.values(*timeline.buckets)
    ages = queue(timeline).oldest.values(*timeline.buckets, SECOND)
    assert width_s(timeline) == 900
    assert visible[:97] == [1] * 97
    assert ages[95] == 24 * HOUR
    assert visible[97:192] == [0] * 95
    last = max(n for n, value in enumerate(visible) if value is not None)
    # Six hours behind the last thing that was done with it.
    assert last == 192
    timeline = told(begun(), sent(0, "a"), received(0, "a"), settled(1, "a"), ended(4 * 24 * HOUR))
    visible = queue(timeline).visible.values(*timeline.buckets)
    assert visible[1:24] == [0] * 23
    assert set(visible[25:]) == {None}


@given(st.lists(st.integers(0, 90_000), min_size=1, max_size=40))
def test_the_widened_backlog_is_the_greatest_that_stood_in_each_bucket(gaps: list[int]) -> None:
    now, held = 0.0, 0
    records: list[Record] = [begun()]
    steps = []
    for n, gap_ms in enumerate(gaps):
        now += gap_ms / 1_000
        if n % 3 == 2:
            held = 0
            records.append(MessagesDeleted(at(now), "q", (str(n - 1), str(n - 2))))
        else:
            held += 1
            records.append(sent(now, str(n)))
        steps.append((at(now), held))
    timeline = told(*records, ended(now))
    width = round(width_s(timeline) * SECOND)
    begin, count = timeline.buckets
    wanted: list[int | None] = [None] * count
    standing: int | None = None
    for bucket in range(count):
        inside = [value for time, value in steps if time // width - begin == bucket]
        values = ([] if standing is None else [standing]) + inside
        wanted[bucket] = max(values) if values else None
        standing = inside[-1] if inside else standing
    assert queue(timeline).visible.values(begin, count) == wanted
