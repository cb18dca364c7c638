"""https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from lambdarun.model.draws import Draws, RequestId
from lambdarun.model.event_records import BatchDropped, BatchSettled
from lambdarun.model.event_source_mapping import EventSourceMapping, ProvisionedPollers
from lambdarun.model.fifo_queue import FifoQueue
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.mapping_records import MappingScaled, MessagesFiltered
from lambdarun.model.message import NewMessage
from lambdarun.model.outcome import Cause, FunctionFailed, Outcome, Succeeded, SystemFailed
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.model.queue_core import Counts
from lambdarun.model.queue_mapping import Batch, QueueMapping
from lambdarun.model.sqs_queue import SqsQueue

FAILED = FunctionFailed(Cause.RAISED, "ValueError", b"{}")
OK = Succeeded(b"null")
REPORT = {"report_batch_item_failures": True}


def at(seconds: float) -> Instant:
    return Instant(round(seconds * SECOND))


def open_mapping(
    queue_settings: dict[str, Any] | None = None, timeout: int = 5, **settings: Any
) -> QueueMapping:
    declared = Queue(name="orders", **(queue_settings or {}))
    queue = SqsQueue(declared, "arn:aws:sqs:us-east-1:123456789012:orders", Draws(0))
    function = Function(name="fn", handler="a.b", code_uri=Path(), runtime="python3.11", timeout=timeout)
    return QueueMapping(
        EventSourceMapping(name="orders", queue="orders", function="fn", **settings),
        function,
        queue,
        "us-east-1",
    )


def send(mapping: QueueMapping, *bodies: str, when: float = 0) -> None:
    for body in bodies:
        mapping.queue.send(at(when), NewMessage(body=body), [])


def poll(mapping: QueueMapping, when: float) -> list[Batch]:
    mapping.queue.advance(at(when), [])
    return mapping.poll(at(when), [])


def settle(mapping: QueueMapping, batch: Batch, outcome: Outcome, when: float) -> list[Any]:
    records: list[Any] = []
    mapping.settle(at(when), batch, RequestId("1"), outcome, records)
    return records


def bodies(batch: Batch) -> list[str]:
    return [received.message.body for received in batch.messages]


def reply(mapping: QueueMapping, batch: Batch, *failed: str) -> Succeeded:
    ids = {r["body"]: r["messageId"] for r in json.loads(batch.payload())["Records"]}
    return Succeeded(
        json.dumps({"batchItemFailures": [{"itemIdentifier": ids[body]} for body in failed]}).encode()
    )


def test_window_zero_hands_over_what_one_receive_returned() -> None:
    mapping = open_mapping()
    send(mapping, *map(str, range(25)))
    assert [len(batch.messages) for batch in poll(mapping, 0)] == [10, 10, 5]


def test_success_deletes_the_batch() -> None:
    mapping = open_mapping()
    send(mapping, "a", "b")
    (batch,) = poll(mapping, 0)
    (record,) = settle(mapping, batch, OK, 1)
    assert isinstance(record, BatchSettled)
    assert record.verdict == "succeeded"
    assert mapping.queue.counts() == Counts(0, 0, 0)


def test_row_03_failure_does_not_reset_visibility() -> None:
    mapping = open_mapping({"visibility_timeout": 30})
    send(mapping, "a")
    (batch,) = poll(mapping, 0)
    settle(mapping, batch, FAILED, 1)
    assert poll(mapping, 29) == []
    assert [bodies(b) for b in poll(mapping, 30)] == [["a"]]


def test_known_ids_stay_and_the_rest_is_deleted() -> None:
    mapping = open_mapping(**REPORT)
    send(mapping, "good", "bad")
    (batch,) = poll(mapping, 0)
    (record,) = settle(mapping, batch, reply(mapping, batch, "bad"), 1)
    assert record.verdict == "partial"
    assert [message.body for message in mapping.queue.peek()] == ["bad"]
    assert poll(mapping, 29) == []


@pytest.mark.parametrize(
    "payload",
    [
        b'{"batchItemFailures": [{"itemIdentifier": "unknown"}]}',
        b'{"batchItemFailures": [{"itemIdentifier": ""}]}',
        b'{"batchItemFailures": [{"itemIdentifier": null}]}',
        b'{"batchItemFailures": [{"foo": "bar"}]}',
        b"not json",
    ],
)
def test_row_04_and_row_05_unknown_ids_and_malformed_entries_fail_the_whole_batch(payload: bytes) -> None:
    mapping = open_mapping(**REPORT)
    send(mapping, "a", "b")
    (batch,) = poll(mapping, 0)
    (record,) = settle(mapping, batch, Succeeded(payload), 1)
    assert record.verdict == "malformed"
    assert mapping.queue.counts() == Counts(0, 2, 0)


@pytest.mark.parametrize(
    "payload", [b"null", b'""', b"[]", b"{}", b'{"batchItemFailures": []}', b'{"batchItemFailures": null}']
)
def test_replies_that_report_nothing_succeed(payload: bytes) -> None:
    mapping = open_mapping(**REPORT)
    send(mapping, "a")
    (batch,) = poll(mapping, 0)
    settle(mapping, batch, Succeeded(payload), 1)
    assert mapping.queue.counts() == Counts(0, 0, 0)


def test_without_the_flag_the_reply_is_ignored() -> None:
    mapping = open_mapping()
    send(mapping, "a")
    (batch,) = poll(mapping, 0)
    settle(mapping, batch, Succeeded(b'{"batchItemFailures": [{"itemIdentifier": "x"}]}'), 1)
    assert mapping.queue.counts() == Counts(0, 0, 0)


@pytest.mark.parametrize("reports", [True, False])
def test_an_invocation_is_judged_by_the_settings_that_it_began_with(reports: bool) -> None:
    mapping = open_mapping(report_batch_item_failures=reports)
    send(mapping, "good", "bad")
    (batch,) = poll(mapping, 0)
    mapping.began(batch, RequestId("1"))
    other = evolve(mapping.declaration, report_batch_item_failures=not reports)
    mapping.change(at(1), other, mapping.function, [])
    settle(mapping, batch, reply(mapping, batch, "bad"), 2)
    assert [message.body for message in mapping.queue.peek()] == (["bad"] if reports else [])


def test_five_batches_at_first_then_five_more_each_second() -> None:
    mapping = open_mapping({"visibility_timeout": 600}, batch_size=1)
    send(mapping, *map(str, range(100)))
    assert len(poll(mapping, 0)) == 5
    assert mapping.next_due() == at(0.2)
    assert len(poll(mapping, 1)) == 5
    assert len(poll(mapping, 3)) == 10


def test_a_window_gathers_until_it_ends_or_the_batch_is_full() -> None:
    mapping = open_mapping(batch_size=3, maximum_batching_window_in_seconds=10)
    send(mapping, "a")
    assert poll(mapping, 0) == []
    assert mapping.next_due() == at(10)
    send(mapping, "b", when=2)
    assert poll(mapping, 2) == []
    assert [bodies(b) for b in poll(mapping, 10)] == [["a", "b"]]
    send(mapping, "c", "d", "e", "f", when=11)
    assert [bodies(b) for b in poll(mapping, 11)] == [["c", "d", "e"]]


def test_a_batch_over_ten_is_made_of_several_receives() -> None:
    mapping = open_mapping(batch_size=25, maximum_batching_window_in_seconds=1)
    send(mapping, *map(str, range(25)))
    assert [len(batch.messages) for batch in poll(mapping, 0)] == [25]


def test_an_update_to_smaller_batches_holds_for_what_a_window_has_gathered() -> None:
    mapping = open_mapping(batch_size=50, maximum_batching_window_in_seconds=10)
    send(mapping, *map(str, range(25)))
    assert poll(mapping, 0) == []
    mapping.change(at(1), evolve(mapping.declaration, batch_size=10), mapping.function, [])
    batches = [*poll(mapping, 1), *poll(mapping, 11)]
    assert [len(batch.messages) for batch in batches] == [10, 10, 5]
    assert [body for batch in batches for body in bodies(batch)] == [str(number) for number in range(25)]


def test_with_a_window_visibility_covers_window_timeout_and_thirty_seconds() -> None:
    mapping = open_mapping({"visibility_timeout": 30}, timeout=25, maximum_batching_window_in_seconds=10)
    send(mapping, "a")
    poll(mapping, 0)
    (batch,) = poll(mapping, 10)
    assert batch.visible_until == at(65)


def test_six_megabytes_close_a_batch_and_the_next_begins_with_what_did_not_fit() -> None:
    mapping = open_mapping({"visibility_timeout": 600})
    send(mapping, *(letter * 1_048_576 for letter in "abcdef"))
    first, second = poll(mapping, 0)
    assert [len(first.messages), len(second.messages)] == [5, 1]
    assert len(first.payload()) <= 6_291_456


def test_a_message_that_can_never_fit_is_never_invoked() -> None:
    mapping = open_mapping()
    send(mapping, "\x7f" * 1 + "\u00e9" * 524_287 * 2)
    assert poll(mapping, 0) == []
    assert mapping.queue.counts().hidden == 1


def test_row_20_throttled_batches_are_tried_again_within_their_visibility_at_no_receive() -> None:
    mapping = open_mapping({"visibility_timeout": 60})
    send(mapping, "a")
    (batch,) = poll(mapping, 0)
    tries = 0
    now = 0.0
    records: list[Any] = []
    while True:
        mapping.throttled(at(now), batch, "ReservedFunctionConcurrentInvocationLimitExceeded", records)
        tries += 1
        due = mapping.next_due()
        assert due is not None
        now = due / SECOND
        batches = mapping.poll(due, records)
        if not batches:
            break
        assert batches == [batch]
    assert now == 60
    assert tries > 5
    assert isinstance(records[-1], BatchDropped)
    assert batch.messages[0].message.receive_count == 1
    assert [bodies(b) for b in poll(mapping, 60)] == [["a"]]
    assert batch.messages[0].message.receive_count == 2


def test_what_the_service_refuses_after_its_visibility_ended_is_dropped_at_once() -> None:
    mapping = open_mapping({"visibility_timeout": 30})
    send(mapping, "a")
    (batch,) = poll(mapping, 0)
    mapping.began(batch, RequestId("1"))
    (record,) = settle(mapping, batch, SystemFailed("lost"), 40)
    assert isinstance(record, BatchDropped)


def test_a_disabled_mapping_polls_nothing() -> None:
    mapping = open_mapping(enabled=False)
    send(mapping, "a")
    assert poll(mapping, 0) == []


def test_a_message_that_comes_back_while_it_is_handled_names_the_invocation() -> None:
    mapping = open_mapping({"visibility_timeout": 10})
    send(mapping, "a")
    (batch,) = poll(mapping, 0)
    mapping.began(batch, RequestId("77"))
    records: list[Any] = []
    mapping.queue.advance(at(10), records)
    assert records[0].while_handled == "77"
    (again,) = mapping.poll(at(10), [])
    settle(mapping, batch, OK, 12)  # the old receipt still deletes
    settle(mapping, again, OK, 13)
    assert mapping.queue.counts() == Counts(0, 0, 0)


def test_row_17_two_failures_then_the_dead_letter_queue() -> None:
    """As LocalStack recorded it in test_redrive_policy_with_failing_lambda: exactly two invocations."""
    mapping = open_mapping(
        {
            "visibility_timeout": 30,
            "redrive_policy": RedrivePolicy(dead_letter_target="dead", max_receive_count=2),
        }
    )
    dead = SqsQueue(Queue(name="dead"), "arn:aws:sqs:us-east-1:123456789012:dead", Draws(0))
    mapping.queue.dead_letter = dead
    send(mapping, "a")
    counts = []
    for when in (0, 30, 60):
        for batch in poll(mapping, when):
            counts.append(batch.messages[0].receive_count)
            settle(mapping, batch, FAILED, when + 1)
    assert counts == [1, 2]
    assert [message.body for message in dead.peek()] == ["a"]


def test_the_event_has_the_shape_that_was_recorded() -> None:
    """LocalStack's test_message_body_and_attributes_passed_correctly, with its checksum of the attributes."""
    mapping = open_mapping()
    attributes = {
        "Title": {"stringValue": "The Whistler", "dataType": "String"},
        "Author": {"stringValue": "John Grisham", "dataType": "String"},
        "WeeksOn": {"stringValue": "6", "dataType": "Number"},
    }
    mapping.queue.send(at(1), NewMessage(body='{"a": "\u00e9"}', attributes=attributes), [])
    (batch,) = poll(mapping, 2)
    (record,) = json.loads(batch.payload())["Records"]
    assert list(record) == [
        "messageId",
        "receiptHandle",
        "body",
        "attributes",
        "messageAttributes",
        "md5OfMessageAttributes",
        "md5OfBody",
        "eventSource",
        "eventSourceARN",
        "awsRegion",
    ]
    assert record["body"] == '{"a": "\u00e9"}'
    assert record["attributes"] == {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1000",
        "SenderId": "AIDALAMBDARUN00000000",
        "ApproximateFirstReceiveTimestamp": "2000",
    }
    assert record["messageAttributes"]["WeeksOn"] == {
        "stringValue": "6",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "Number",
    }
    assert record["md5OfMessageAttributes"] == "d25a6aea97eb8f585bfa92d314504a92"


@pytest.mark.parametrize(
    ("settings", "present"), [({}, False), ({"maximum_batching_window_in_seconds": 1}, True)]
)
def test_the_checksum_of_no_attributes_is_absent_without_a_window_and_null_with_one(
    settings: dict[str, int], present: bool
) -> None:
    mapping = open_mapping(**settings)
    send(mapping, "a")
    (batch,) = poll(mapping, 0) or poll(mapping, 1)
    (record,) = json.loads(batch.payload())["Records"]
    assert ("md5OfMessageAttributes" in record) is present
    assert record.get("md5OfMessageAttributes") is None


def test_six_megabytes_count_the_event_as_json_whatever_the_bodies_are_made_of() -> None:
    mapping = open_mapping()
    send(mapping, *["\N{GRINNING FACE}" * 80_000] * 10)  # 320 KB each, in JSON 960 KB
    first, second = poll(mapping, 0)
    assert [len(first.messages), len(second.messages)] == [6, 4]
    assert len(first.payload()) <= 6_291_456


def test_six_megabytes_count_attributes_too() -> None:
    mapping = open_mapping()
    attributes = {"A": {"dataType": "String", "stringValue": "x" * 1_000_000}}
    for _ in range(10):
        mapping.queue.send(at(0), NewMessage(body="x", attributes=attributes), [])
    first, second = poll(mapping, 0)
    assert [len(first.messages), len(second.messages)] == [6, 4]


def test_a_message_over_from_a_full_batch_goes_to_nobody_once_it_shows_again() -> None:
    mapping = open_mapping({"visibility_timeout": 30})
    send(mapping, *["\N{GRINNING FACE}" * 80_000] * 50)
    batches = poll(mapping, 0)
    assert [len(batch.messages) for batch in batches] == [6, 6, 6, 6, 6]
    for batch in batches:
        settle(mapping, batch, OK, 40)
    later = poll(mapping, 40)
    seen = [received.message.number for batch in later for received in batch.messages]
    assert len(seen) == len(set(seen)) == 20


def test_row_also_a_window_ends_although_the_pollers_that_were_added_are_busy() -> None:
    """More pollers than at rest are at work, the queue is empty again, and one batch is still being gathered."""
    mapping = open_mapping({"visibility_timeout": 600}, batch_size=10, maximum_batching_window_in_seconds=5)
    send(mapping, *("x" * 105))
    assert [len(batch.messages) for batch in poll(mapping, 0)] == [10] * 5
    assert [len(batch.messages) for batch in poll(mapping, 2)] == [10] * 5
    due = mapping.next_due()
    while due is not None and not (last := poll(mapping, due / SECOND)):
        due = mapping.next_due()
    assert due == at(7)
    assert [len(batch.messages) for batch in last] == [5]
    assert mapping.next_due() is None


def levels(records: list[Any]) -> list[int]:
    return [record.concurrency for record in records if isinstance(record, MappingScaled)]


def busy_mapping(**settings: Any) -> QueueMapping:
    mapping = open_mapping({"visibility_timeout": 600}, batch_size=1, **settings)
    send(mapping, *map(str, range(200)))
    return mapping


def test_each_change_of_the_level_is_told() -> None:
    mapping, records = busy_mapping(), []
    for tenth in range(0, 11, 2):
        mapping.poll(at(tenth / 10), records)
    assert levels(records) == [6, 7, 8, 9, 10]


def test_a_failing_batch_halves_the_level_and_each_success_gives_one_back() -> None:
    mapping = busy_mapping()
    batches = poll(mapping, 0)
    told = []
    for batch, outcome in zip(batches, (FAILED, FAILED, OK, OK, OK), strict=True):
        told += levels(settle(mapping, batch, outcome, 0.1))
    assert told == [2, 3, 4, 5]


def test_with_partial_replies_asked_for_failures_leave_the_level() -> None:
    mapping = busy_mapping(**REPORT)
    batches = poll(mapping, 0)
    assert levels(settle(mapping, batches[0], FAILED, 0.1)) == []
    assert levels(settle(mapping, batches[1], Succeeded(b"not json"), 0.1)) == []


def test_a_throttle_lowers_the_level_once_for_each_batch() -> None:
    mapping, records = busy_mapping(), []
    batch = poll(mapping, 0)[0]
    mapping.throttled(at(0), batch, "limit", records)
    due = mapping.next_due()
    assert due is not None
    (again,) = [one for one in mapping.poll(at(0.2), records) if one is batch]
    mapping.throttled(at(0.2), again, "limit", records)
    assert mapping.fleet.allowed == 2
    assert levels(records) == [2]


def test_a_fleet_that_backed_off_takes_nothing_until_it_is_below_its_level() -> None:
    mapping = busy_mapping()
    batches = poll(mapping, 0)
    settle(mapping, batches[0], FAILED, 0.1)
    assert poll(mapping, 0.1) == []
    settle(mapping, batches[1], OK, 0.1)
    assert len(poll(mapping, 0.1)) == 0
    settle(mapping, batches[2], OK, 0.1)
    assert len(poll(mapping, 0.1)) == 2


def test_maximum_concurrency_is_never_passed() -> None:
    mapping = busy_mapping(maximum_concurrency=7)
    assert sum(len(poll(mapping, second)) for second in range(60)) == 7


def test_provisioned_pollers_take_ten_batches_each_at_once() -> None:
    mapping = busy_mapping(provisioned_pollers=ProvisionedPollers(minimum_pollers=3, maximum_pollers=5))
    assert len(poll(mapping, 0)) == 30
    assert sum(len(poll(mapping, second)) for second in range(1, 60)) == 20


def fifo_mapping(timeout: int = 5, **settings: Any) -> QueueMapping:
    declared = Queue(name="orders.fifo", visibility_timeout=60)
    queue = FifoQueue(declared, "arn:aws:sqs:us-east-1:123456789012:orders.fifo", Draws(0))
    function = Function(name="fn", handler="a.b", code_uri=Path(), runtime="python3.11", timeout=timeout)
    mapping = EventSourceMapping(name="orders", queue="orders.fifo", function="fn", **settings)
    return QueueMapping(mapping, function, queue, "us-east-1")


def send_in_groups(mapping: QueueMapping, *bodies: str) -> None:
    """Each body's first letter is its group."""
    for body in bodies:
        message = NewMessage(body=body, message_group_id=body[0], message_deduplication_id=body[:9])
        mapping.queue.send(at(0), message, [])


def test_fifo_concurrency_is_the_number_of_groups_that_are_not_in_flight() -> None:
    mapping = fifo_mapping(batch_size=1)
    send_in_groups(mapping, "a1", "a2", "b1", "c1", "a3")
    first = poll(mapping, 0)
    assert sorted(bodies(batch)[0] for batch in first) == ["a1", "b1", "c1"]
    assert poll(mapping, 10) == []
    (of_a,) = [batch for batch in first if bodies(batch) == ["a1"]]
    settle(mapping, of_a, OK, 10)
    assert [bodies(batch) for batch in poll(mapping, 10)] == [["a2"]]


def test_fifo_batches_hold_several_groups_in_their_order() -> None:
    mapping = fifo_mapping()
    send_in_groups(mapping, "a1", "b1", "a2", "b2")
    assert [bodies(batch) for batch in poll(mapping, 0)] == [["a1", "a2", "b1", "b2"]]


def test_a_failed_fifo_batch_comes_back_in_order_when_its_visibility_ends() -> None:
    mapping = fifo_mapping()
    send_in_groups(mapping, "a1", "a2", "a3")
    (batch,) = poll(mapping, 0)
    settle(mapping, batch, FAILED, 1)
    assert poll(mapping, 59) == []
    assert [bodies(again) for again in poll(mapping, 60)] == [["a1", "a2", "a3"]]


def test_a_throttled_fifo_batch_keeps_its_groups_locked() -> None:
    mapping = fifo_mapping(batch_size=1)
    send_in_groups(mapping, "a1", "a2")
    (batch,) = poll(mapping, 0)
    mapping.throttled(at(0), batch, "limit", [])
    for second in range(1, 60):
        for again in poll(mapping, second):
            assert again is batch
            mapping.throttled(at(second), again, "limit", [])
    assert [bodies(again) for again in poll(mapping, 60)] == [["a1"]]


def test_what_six_megabytes_leave_of_a_fifo_group_waits_for_the_batch_before_it() -> None:
    mapping = fifo_mapping()
    send_in_groups(mapping, *(f"a{number}" + "x" * 1_000_000 for number in range(8)), "b" + "y" * 1_000_000)
    first, other = poll(mapping, 0)
    assert [len(batch.messages) for batch in (first, other)] == [6, 1]
    assert bodies(other)[0][0] == "b"
    assert poll(mapping, 1) == []
    settle(mapping, first, OK, 2)
    assert [[body[:2] for body in bodies(batch)] for batch in poll(mapping, 2)] == [["a6", "a7"]]


@pytest.mark.parametrize("reported", [None, "a3"])
def test_what_six_megabytes_leave_of_a_fifo_group_is_not_handled_before_what_failed(
    reported: str | None,
) -> None:
    mapping = fifo_mapping(**REPORT)
    padding = "x" * 1_000_000
    send_in_groups(mapping, *(f"a{number}{padding}" for number in range(8)))
    (first,) = poll(mapping, 0)
    outcome = FAILED if reported is None else reply(mapping, first, f"{reported}{padding}")
    settle(mapping, first, outcome, 2)
    assert poll(mapping, 2) == []
    again = [body[:2] for batch in poll(mapping, 60) for body in bodies(batch)]
    assert again == (["a0", "a1", "a2", "a3", "a4", "a5"] if reported is None else ["a3", "a6", "a7"])


def test_a_filter_joins_only_what_passes_and_deletes_the_rest_before_any_batch() -> None:
    mapping = open_mapping(filter_patterns=('{"body": [{"prefix": "yes"}]}',))
    send(mapping, "yes 1", "no 2", "yes 3", *["no"] * 20, "yes 4")
    records: list[Any] = []
    batches = mapping.poll(at(0), records)
    assert [bodies(batch) for batch in batches] == [["yes 1", "yes 3"], ["yes 4"]]
    assert sum(len(r.message_ids) for r in records if isinstance(r, MessagesFiltered)) == 21
    assert mapping.queue.counts() == Counts(0, 3, 0)


def test_with_a_window_a_filter_leaves_room_for_what_passes() -> None:
    mapping = open_mapping(
        batch_size=3, maximum_batching_window_in_seconds=5, filter_patterns=('{"body": [{"prefix": "yes"}]}',)
    )
    send(mapping, *["no"] * 12, "yes 1", "no", "yes 2", "yes 3", "yes 4")
    assert [bodies(batch) for batch in poll(mapping, 0)] == [["yes 1", "yes 2", "yes 3"]]
    assert [bodies(batch) for batch in poll(mapping, 5)] == [["yes 4"]]


def test_a_changed_visibility_timeout_of_the_queue_holds_for_the_next_receive() -> None:
    mapping = open_mapping({"visibility_timeout": 30})
    send(mapping, "a")
    assert poll(mapping, 0)[0].visible_until == at(30)
    mapping.queue.configure(at(1), Queue(name="orders", visibility_timeout=90), [])
    send(mapping, "b", when=2)
    assert poll(mapping, 2)[0].visible_until == at(92)
