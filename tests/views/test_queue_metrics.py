"""CloudWatch's metrics of queues: what each record does to them, minute by minute.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarun.model.draws import Draws, RequestId
from lambdarun.model.event_records import (
    BatchReceived,
    BatchSettled,
    MessageDeadLettered,
    MessageExpired,
    MessageReturned,
    MessageSent,
)
from lambdarun.model.fifo_queue import FifoQueue
from lambdarun.model.instant import SECOND, Instant, parse_instant
from lambdarun.model.mapping_records import MessagesFiltered
from lambdarun.model.message import NewMessage, Received
from lambdarun.model.queue import Queue
from lambdarun.model.queue_core import QueueCore
from lambdarun.model.queue_records import (
    MessageDeduplicated,
    MessageDuplicated,
    MessagesDeleted,
    MessagesMovedBack,
    MessagesReceived,
    QueuePurged,
    QueueUpdated,
    TenantBecameNoisy,
    TenantBecameQuiet,
    VisibilityChanged,
)
from lambdarun.model.records import Record
from lambdarun.model.sqs_queue import SqsQueue
from lambdarun.views.metrics import Metrics
from lambdarun.views.queue_messages import QueueMessages

START = parse_instant("2026-11-25T02:00:00Z")
ID = RequestId("8401c351-a1e2-4829-96c9-8204ceede099")


def at(seconds: float) -> Instant:
    return Instant(START + round(seconds * SECOND))


def sent(
    seconds: float, name: str, *, queue: str = "q", delay: int = 0, group: str = "", size: int = 10
) -> MessageSent:
    return MessageSent(at(seconds), queue, name, size, delay, group)  # fmt: skip


def received(
    seconds: float, *names: str, queue: str = "q", visible: int = 0, hidden: int = 0
) -> MessagesReceived:
    return MessagesReceived(at(seconds), queue, names, visible, hidden)  # fmt: skip


def points(
    records: Sequence[Record], metric: str, statistic: str = "max", queue: str = "q"
) -> dict[str, float]:
    """A statistic by minute."""
    metrics = Metrics()
    metrics.read(records)
    return {
        line["timestamp"][11:16]: line["statistics"][statistic]
        for line in map(json.loads, metrics.lines())
        if (line["metric"], line["dimensions"]) == (metric, {"QueueName": queue})
    }


def later(minutes: float) -> MessageSent:
    """Something elsewhere, so that time goes on."""
    return sent(minutes * 60, "x", queue="elsewhere")


def test_visible_messages_are_told_at_the_start_of_each_minute() -> None:
    records = [sent(10, "a"), sent(20, "b"), sent(70, "c"), later(3)]
    assert points(records, "ApproximateNumberOfMessagesVisible") == {"02:01": 2, "02:02": 3, "02:03": 3}


def test_messages_in_flight_come_back_or_are_deleted() -> None:
    records = [
        sent(1, "a"),
        sent(2, "b"),
        received(30, "a", "b", hidden=2),
        MessageReturned(at(90), "q", "a", 1, None),
        MessagesDeleted(at(150), "q", ("b",)),
        later(4),
    ]
    assert points(records, "ApproximateNumberOfMessagesNotVisible") == {
        "02:00": 2, "02:01": 2, "02:02": 1, "02:03": 0, "02:04": 0,
    }  # fmt: skip
    assert points(records, "ApproximateNumberOfMessagesVisible") == {
        "02:00": 0, "02:01": 0, "02:02": 1, "02:03": 1, "02:04": 1,
    }  # fmt: skip


def test_delayed_messages_are_delayed_until_they_show() -> None:
    records = [sent(10, "a", delay=90), sent(20, "b"), later(3)]
    assert points(records, "ApproximateNumberOfMessagesDelayed") == {"02:01": 1, "02:02": 0, "02:03": 0}
    assert points(records, "ApproximateNumberOfMessagesVisible") == {"02:01": 1, "02:02": 2, "02:03": 2}


def test_another_delay_of_a_fifo_queue_holds_for_messages_that_nobody_received() -> None:
    name = "q.fifo"
    records = [
        sent(1, "a", queue=name, group="g", delay=10),
        sent(2, "b", queue=name, group="h", delay=10),
        received(20, "a", queue=name, hidden=1),
        QueueUpdated(at(30), name, 30, 100, 345_600),
        later(3),
    ]
    told = points(records, "ApproximateNumberOfMessagesDelayed", queue=name)
    assert told == {"02:01": 1, "02:02": 0, "02:03": 0}


def test_counters_are_sums_and_zeros_while_a_queue_is_active() -> None:
    records = [
        sent(10, "a", size=100),
        sent(20, "b", size=300),
        received(70, "a", "b"),
        MessagesDeleted(at(130), "q", ("a", "b")),
        MessagesDeleted(at(131), "q", ("a",)),
        later(4),
    ]
    assert points(records, "NumberOfMessagesSent", "sum") == {"02:00": 2, "02:01": 0, "02:02": 0, "02:03": 0}
    assert points(records, "NumberOfMessagesReceived", "sum") == {
        "02:00": 0, "02:01": 2, "02:02": 0, "02:03": 0,
    }  # fmt: skip
    # Every deletion that succeeds counts, that of a message that is gone too.
    assert points(records, "NumberOfMessagesDeleted", "sum") == {
        "02:00": 0,
        "02:01": 0,
        "02:02": 3,
        "02:03": 0,
    }
    assert points(records, "SentMessageSize", "avg") == {"02:00": 200}


def test_a_batch_of_a_mapping_counts_as_receives_and_deletions_of_callers_do() -> None:
    batch = BatchReceived(at(30), "m", "q", "fn", ("a", "b"), at(1), 0, 2)
    settled = BatchSettled(at(70), "m", "q", "fn", ID, "partial", ("a",), ("b",))
    records = [sent(1, "a"), sent(2, "b"), batch, settled, later(2)]
    assert points(records, "NumberOfMessagesReceived", "sum") == {"02:00": 2, "02:01": 0}
    assert points(records, "NumberOfMessagesDeleted", "sum") == {"02:00": 0, "02:01": 1}
    assert points(records, "ApproximateNumberOfMessagesNotVisible") == {"02:00": 2, "02:01": 2, "02:02": 1}


def test_what_a_filter_deletes_was_received_and_is_deleted() -> None:
    records = [sent(1, "a"), MessagesFiltered(at(2), "m", "q", "fn", ("a",)), later(1)]
    assert points(records, "NumberOfMessagesReceived", "sum") == {"02:00": 1}
    assert points(records, "NumberOfMessagesDeleted", "sum") == {"02:00": 1}
    assert points(records, "ApproximateNumberOfMessagesVisible") == {"02:01": 0}


def test_receives_without_a_message_are_counted() -> None:
    records = [sent(1, "a"), received(2), received(3, "a"), received(70), later(2)]
    assert points(records, "NumberOfEmptyReceives", "sum") == {"02:00": 1, "02:01": 1}


def test_a_send_that_is_a_duplicate_is_counted_as_that() -> None:
    records = [
        sent(1, "a", queue="q.fifo", group="g"),
        MessageDeduplicated(at(2), "q.fifo", "a", "g"),
        later(1),
    ]
    assert points(records, "NumberOfDeduplicatedSentMessages", "sum", "q.fifo") == {"02:00": 1}
    assert points(records, "NumberOfMessagesSent", "sum", "q.fifo") == {"02:00": 1}


def test_a_queue_without_messages_is_active_for_six_hours() -> None:
    records = [sent(10, "a"), received(20, "a"), MessagesDeleted(at(30), "q", ("a",)), later(500)]
    visible = points(records, "ApproximateNumberOfMessagesVisible")
    assert len(visible) == 1 + 360
    assert max(visible) == "08:00"
    # Also while time goes on by the minute, for what happens elsewhere.
    each_minute = [*records[:-1], *(later(minute) for minute in range(1, 500))]
    assert points(each_minute, "ApproximateNumberOfMessagesVisible") == visible
    assert len(points(each_minute, "NumberOfMessagesSent")) == 1 + 360


def test_a_message_keeps_its_queue_active_for_as_long_as_it_is_there() -> None:
    records = [sent(10, "a"), later(500)]
    assert points(records, "ApproximateAgeOfOldestMessage")["10:20"] == 500 * 60 - 10


def test_an_empty_queues_oldest_message_is_0_s_old() -> None:
    records = [sent(10, "a"), MessagesDeleted(at(70), "q", ("a",)), later(3)]
    assert points(records, "ApproximateAgeOfOldestMessage") == {"02:01": 50, "02:02": 0, "02:03": 0}


def test_a_message_received_three_times_counts_on_in_a_fifo_queue() -> None:
    for queue, age in (("q", 55), ("q.fifo", 60)):
        first, second = (
            sent(n * 5, name, queue=queue, group=name) for n, name in enumerate(("poison", "good"))
        )
        receives = [received(second, "poison", queue=queue) for second in (10, 20, 30)]
        records = [first, second, *receives, later(1)]
        assert points(records, "ApproximateAgeOfOldestMessage", queue=queue)["02:01"] == age


def test_a_poisonous_message_is_left_out_with_a_redrive_policy_too_until_it_moves_and_begins_anew() -> None:
    receives = [received(second, "poison") for second in (10, 20, 30)]
    moved = MessageDeadLettered(at(70), "q", "dead", "poison", 3, "", {})
    records = [sent(0, "poison"), *receives, moved, later(3)]
    assert points(records, "ApproximateAgeOfOldestMessage")["02:01"] == 0
    assert points(records, "ApproximateAgeOfOldestMessage", queue="dead") == {"02:02": 50, "02:03": 110}
    assert points(records, "NumberOfMessagesSent", "sum", "dead")["02:01"] == 0
    assert points(records, "ApproximateNumberOfMessagesVisible", queue="dead") == {
        "02:01": 1,
        "02:02": 1,
        "02:03": 1,
    }


def test_groups_with_messages_in_flight_are_counted_in_fifo_queues_only() -> None:
    names = [("a1", "a"), ("a2", "a"), ("b1", "b")]
    for queue, expected in (("q.fifo", {"02:00": 2, "02:01": 2, "02:02": 1, "02:03": 0}), ("q", {})):
        records = [
            *(sent(1, name, queue=queue, group=group) for name, group in names),
            received(10, "a1", "a2", "b1", queue=queue),
            MessagesDeleted(at(70), queue, ("a1", "b1")),
            MessageReturned(at(130), queue, "a2", 1, None),
            later(3),
        ]
        found = points(records, "ApproximateNumberOfGroupsWithInflightMessages", queue=queue)
        assert found == expected


def test_a_change_of_visibility_takes_a_message_in_flight_again() -> None:
    records = [
        sent(1, "a"),
        received(2, "a"),
        MessageReturned(at(30), "q", "a", 1, None),
        VisibilityChanged(at(40), "q", "a", 60),
        MessageReturned(at(100), "q", "a", 1, None),
        later(2),
    ]
    assert points(records, "ApproximateNumberOfMessagesNotVisible")["02:01"] == 1
    assert points(records, "ApproximateNumberOfMessagesNotVisible")["02:02"] == 0


def test_purged_expired_and_redriven_messages_are_gone() -> None:
    for gone in (
        QueuePurged(at(70), "q", 2),
        MessageExpired(at(70), "q", "a", at(1)),
        MessagesMovedBack(at(70), "q", "source", ("a",)),
    ):
        records = [sent(1, "a"), gone, later(2)]
        assert points(records, "ApproximateNumberOfMessagesVisible") == {"02:01": 1, "02:02": 0}


def test_quiet_groups_are_told_apart_while_a_tenant_is_noisy() -> None:
    records: list[Record] = [
        *(sent(0, f"n{number}", group="noisy") for number in range(5)),
        sent(30, "quiet", group="calm"),
        sent(31, "alone"),
        received(40, "n0", "n1", "n2"),
        TenantBecameNoisy(at(50), "q", "noisy", 3),
        TenantBecameQuiet(at(100), "q", "noisy"),
        later(2),
    ]
    expected = {
        "ApproximateNumberOfNoisyGroups": (1, 0),
        "ApproximateNumberOfMessagesVisibleInQuietGroups": (2, 4),
        "ApproximateNumberOfMessagesNotVisibleInQuietGroups": (0, 3),
        "ApproximateNumberOfMessagesDelayedInQuietGroups": (0, 0),
        "ApproximateAgeOfOldestMessageInQuietGroups": (30, 120),
        "ApproximateNumberOfMessagesVisible": (4, 4),
        "ApproximateAgeOfOldestMessage": (60, 120),
    }
    for metric, (first, second) in expected.items():
        found = points(records, metric)
        assert (found["02:01"], found["02:02"]) == (first, second), metric


def test_queues_without_tenants_have_no_metrics_of_groups() -> None:
    assert points([sent(1, "a"), later(1)], "ApproximateNumberOfNoisyGroups") == {}


def test_a_message_that_a_delete_missed_stays_in_flight_until_it_returns() -> None:
    records = [
        sent(1, "a"),
        received(2, "a", hidden=1),
        MessagesDeleted(at(3), "q", ("a",)),
        MessageDuplicated(at(3), "q", "a", at(1), ""),
        MessageReturned(at(90), "q", "a", 1, None),
        later(3),
    ]
    assert points(records, "ApproximateNumberOfMessagesNotVisible") == {
        "02:00": 1, "02:01": 1, "02:02": 0, "02:03": 0,
    }  # fmt: skip
    assert points(records, "ApproximateAgeOfOldestMessage")["02:02"] == 119


def test_dead_letters_of_tenants_make_their_queue_a_fair_one() -> None:
    moved = MessageDeadLettered(at(70), "q", "dead", "a", 1, "b", {})
    records = [sent(1, "a", group="tenant"), moved, later(3)]
    told = points(records, "ApproximateNumberOfMessagesVisibleInQuietGroups", queue="dead")
    assert told == {"02:02": 1, "02:03": 1}


STEPS = st.lists(
    st.tuples(st.sampled_from(["send", "late", "receive", "delete", "change", "delay", "wait", "purge"]), st.integers(0, 40)),
    max_size=60,
)  # fmt: skip


@pytest.mark.parametrize(("name", "duplicates"), [("q", 0), ("q", 0.5), ("q.fifo", 0)])
@settings(deadline=None)
@given(steps=STEPS)
def test_the_log_tells_where_each_message_stands(
    name: str, duplicates: float, steps: list[tuple[str, int]]
) -> None:
    """Whatever is done to a queue, its records tell as many visible, hidden and delayed messages as its core counts."""
    declared = Queue(name=name, visibility_timeout=20, message_retention_period=120, duplicates=duplicates)
    make: type[QueueCore] = FifoQueue if name.endswith(".fifo") else SqsQueue
    core = make(declared, "arn", Draws(0))
    view = QueueMessages(core.fifo)
    held: list[Received] = []
    records: list[Record] = []
    now = START
    for kind, number in steps:
        done = len(records)
        now = Instant(now + SECOND)
        core.advance(now, records)
        match kind:
            case "send" | "late":
                delay = number if kind == "late" and not core.fifo else None
                group = f"g{number % 3}" if core.fifo else None
                message = NewMessage(
                    body=str(number), delay_seconds=delay, message_group_id=group,
                    message_deduplication_id=str(len(records)) if core.fifo else None,
                )  # fmt: skip
                core.send(now, message, records)
            case "receive":
                got = core.receive(now, 1 + number % 10, records)
                held += got
                ids = tuple(one.message.id for one in got)
                records.append(MessagesReceived(now, name, ids, core.visible, core.hidden))
            case "delete" if held:
                one = held.pop(number % len(held))
                if core.delete(one):
                    records.append(MessagesDeleted(now, name, (one.message.id,)))
            case "change" if held:
                one = held[number % len(held)]
                if core.change_visibility(now, one, number) is None:
                    records.append(VisibilityChanged(now, name, one.message.id, number))
            case "delay":
                changed = evolve(core.declaration, delay_seconds=number)
                core.configure(now, changed, records)
            case "purge" if number == 0:
                core.purge(now, records)
            case _:
                now = Instant(now + number * SECOND)
        core.advance(now, records)
        for record in records[done:]:
            match record:
                case MessageSent():
                    view.send(record)
                case MessagesReceived():
                    view.receive(record.time, record.message_ids)
                case MessagesDeleted():
                    for message_id in record.message_ids:
                        view.remove(message_id)
                case VisibilityChanged():
                    view.hide(record.message_id)
                case MessageReturned():
                    view.show(record.message_id)
                case QueueUpdated():
                    view.change_delay(record.time, record.delay_seconds)
                case MessageDuplicated():
                    view.stay(record.kept_since, record.message_id, record.message_group_id)
                case MessageExpired():
                    view.remove(record.message_id)
                case QueuePurged():
                    view.clear(record.time)
        standing, counts = view.standing(now), core.counts()
        assert (standing.visible, standing.in_flight, standing.delayed) == (
            counts.visible,
            counts.hidden,
            counts.delayed,
        )
        assert len(view.groups_in_flight) == core.groups_in_flight
