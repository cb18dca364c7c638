"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"""

from __future__ import annotations

import base64
import tracemalloc
from typing import Any

import pytest

from lambdarun.model.draws import Draws
from lambdarun.model.event_records import (
    MessageDeadLettered,
    MessageExpired,
    MessageReturned,
)
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.message import NewMessage
from lambdarun.model.queue import Queue, RedriveAllowPolicy, RedrivePermission, RedrivePolicy
from lambdarun.model.queue_core import Counts
from lambdarun.model.queue_records import QueuePurged, QueueUpdated
from lambdarun.model.sqs_queue import SqsQueue

DAY = 86_400


def at(seconds: float) -> Instant:
    return Instant(round(seconds * SECOND))


def open_queue(name: str = "orders", **settings: Any) -> SqsQueue:
    return SqsQueue(Queue(name=name, **settings), f"arn:aws:sqs:us-east-1:123456789012:{name}", Draws(0))


def with_dead_letters(count: int) -> tuple[SqsQueue, SqsQueue]:
    dead = open_queue("dead")
    source = open_queue(redrive_policy=RedrivePolicy(dead_letter_target="dead", max_receive_count=count))
    source.dead_letter = dead
    return source, dead


def send(queue: SqsQueue, body: str = "x", when: float = 0, **settings: Any) -> None:
    queue.send(at(when), NewMessage(body=body, **settings), [])


def bodies(queue: SqsQueue, when: float, count: int = 10) -> list[str]:
    queue.advance(at(when), [])
    return [received.message.body for received in queue.receive(at(when), count, [])]


def test_a_received_message_is_hidden_for_the_visibility_timeout() -> None:
    queue = open_queue(visibility_timeout=30)
    send(queue)
    assert bodies(queue, 0) == ["x"]
    assert bodies(queue, 29.9) == []
    assert queue.next_due() == at(30)
    assert bodies(queue, 30) == ["x"]


def test_at_most_ten_messages_a_receive_in_order_of_arrival() -> None:
    queue = open_queue()
    for number in range(12):
        send(queue, str(number))
    assert bodies(queue, 0) == [str(number) for number in range(10)]
    assert bodies(queue, 0) == ["10", "11"]


def test_a_deleted_message_never_comes_back() -> None:
    queue = open_queue()
    send(queue)
    (received,) = queue.receive(at(0), 10, [])
    assert queue.delete(received)
    assert bodies(queue, 3_600) == []
    assert queue.counts() == Counts(0, 0, 0)


def test_deleting_twice_is_fine() -> None:
    queue = open_queue()
    send(queue)
    (received,) = queue.receive(at(0), 10, [])
    assert [queue.delete(received), queue.delete(received)] == [True, False]


def test_row_15_deleting_after_the_timeout_works_on_standard_queues() -> None:
    queue = open_queue(visibility_timeout=1)
    send(queue)
    (received,) = queue.receive(at(0), 10, [])
    queue.advance(at(5), [])
    assert queue.delete(received)
    assert bodies(queue, 6) == []


def test_an_old_receipt_still_deletes_a_message_that_was_received_again() -> None:
    queue = open_queue(visibility_timeout=1)
    send(queue)
    (old,) = queue.receive(at(0), 10, [])
    queue.advance(at(2), [])
    (_new,) = queue.receive(at(2), 10, [])
    assert queue.delete(old)
    assert bodies(queue, 10) == []


def test_the_receive_count_goes_up_and_the_first_receive_is_remembered() -> None:
    queue = open_queue(visibility_timeout=1)
    send(queue)
    queue.receive(at(0), 1, [])
    queue.advance(at(1), [])
    (again,) = queue.receive(at(1), 1, [])
    assert again.receive_count == 2
    assert again.message.first_received == at(0)


def test_the_return_of_a_message_is_told() -> None:
    queue = open_queue(visibility_timeout=1)
    send(queue)
    queue.receive(at(0), 1, [])
    records: list[Any] = []
    queue.advance(at(1), records)
    assert [type(record) for record in records] == [MessageReturned]
    assert records[0].receive_count == 1


def test_changing_visibility_counts_from_the_call() -> None:
    queue = open_queue(visibility_timeout=30)
    send(queue)
    (received,) = queue.receive(at(0), 1, [])
    assert queue.change_visibility(at(20), received, 60) is None
    assert bodies(queue, 30) == []
    assert bodies(queue, 80) == ["x"]


def test_visibility_zero_shows_the_message_at_once() -> None:
    queue = open_queue()
    send(queue)
    (received,) = queue.receive(at(0), 1, [])
    queue.change_visibility(at(5), received, 0)
    assert bodies(queue, 5) == ["x"]


@pytest.mark.parametrize(("seconds", "accepted"), [(43_195, True), (43_200, False), (43_201, False)])
def test_twelve_hours_from_the_receive_are_the_most(seconds: int, accepted: bool) -> None:
    queue = open_queue()
    send(queue)
    (received,) = queue.receive(at(0), 1, [])
    assert (queue.change_visibility(at(1), received, seconds) is None) is accepted


def test_a_delayed_message_shows_after_its_delay() -> None:
    queue = open_queue(delay_seconds=10)
    send(queue, "queue's")
    send(queue, "own", delay_seconds=2)
    send(queue, "none", delay_seconds=0)
    assert bodies(queue, 0) == ["none"]
    assert queue.counts() == Counts(0, 1, 2)
    assert bodies(queue, 2) == ["own"]
    assert bodies(queue, 10) == ["queue's"]


def test_retention_counts_from_the_send_and_ends_in_flight_messages_too() -> None:
    queue = open_queue(message_retention_period=60)
    send(queue)
    queue.receive(at(59), 1, [])
    records: list[Any] = []
    queue.advance(at(60), records)
    assert [type(record) for record in records] == [MessageExpired]
    assert queue.counts() == Counts(0, 0, 0)


def test_row_17_the_move_to_the_dead_letter_queue_happens_at_the_next_receive() -> None:
    source, dead = with_dead_letters(1)
    send(source)
    (received,) = source.receive(at(0), 1, [])
    source.advance(at(30), [])
    assert dead.counts() == Counts(0, 0, 0)
    records: list[Any] = []
    assert source.receive(at(31), 1, records) == []
    assert [type(record) for record in records] == [MessageDeadLettered]
    (moved,) = dead.receive(at(31), 1, [])
    assert moved.receive_count == 2
    assert moved.message.id == received.message.id
    assert moved.message.sent == at(0)
    assert moved.message.source_arn == source.arn


def test_without_a_consumer_nothing_moves() -> None:
    source, dead = with_dead_letters(1)
    send(source)
    source.receive(at(0), 1, [])
    source.advance(at(DAY), [])
    assert source.counts().visible == 1
    assert dead.counts().visible == 0


def test_a_dead_letter_keeps_its_original_retention_clock() -> None:
    source, dead = with_dead_letters(1)
    send(source)
    source.receive(at(0), 1, [])
    source.advance(at(DAY), [])
    source.receive(at(DAY), 1, [])
    assert dead.next_due() == at(4 * DAY)


def test_a_moved_message_leaves_room_for_the_next_in_the_same_receive() -> None:
    source, _ = with_dead_letters(1)
    send(source, "poison")
    source.receive(at(0), 1, [])
    source.advance(at(30), [])
    send(source, "good", 30)
    assert bodies(source, 31, 1) == ["good"]


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        (NewMessage(body=""), "MissingParameter", "The request must contain the parameter MessageBody."),
        (
            NewMessage(body="x" * 1_048_577),
            "InvalidParameterValue",
            "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
        ),
        (NewMessage(body="\x01"), "InvalidMessageContents", "Invalid characters found."),
        (
            NewMessage(body="x", delay_seconds=901),
            "InvalidParameterValue",
            "Value 901 for parameter DelaySeconds",
        ),
    ],
)
def test_sends_are_refused_with_the_texts_of_aws(message: NewMessage, code: str, text: str) -> None:
    refusal = open_queue().refusal(message)
    assert refusal is not None
    assert refusal.code == code
    assert refusal.message.startswith(text)


def test_exactly_one_mebibyte_passes() -> None:
    assert open_queue().refusal(NewMessage(body="x" * 1_048_576)) is None


def test_attributes_count_towards_the_size() -> None:
    attributes = {"name": {"stringValue": "v" * 10, "dataType": "String"}}
    queue = open_queue(maximum_message_size=1_024)
    assert queue.refusal(NewMessage(body="x" * 1_004, attributes=attributes)) is None
    assert queue.refusal(NewMessage(body="x" * 1_005, attributes=attributes)) is not None


def test_a_message_that_stays_does_not_hold_all_that_came_and_went_behind_it() -> None:
    queue = open_queue()
    send(queue, "stays")
    queue.receive(at(0), 1, [], 43_000)
    tracemalloc.start()
    try:
        for second in range(1, 30_001):
            send(queue, f"{second:01000}", when=second)
            queue.delete_all(queue.receive(at(second), 1, []))
            queue.advance(at(second), [])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 15_000_000
    assert [message.body for message in queue.peek()] == ["stays"]


def test_looking_does_not_receive() -> None:
    queue = open_queue()
    send(queue, "a")
    send(queue, "b")
    assert [message.body for message in queue.peek()] == ["a", "b"]
    assert queue.counts() == Counts(2, 0, 0)


def test_a_binary_attribute_weighs_what_it_holds_not_its_base64() -> None:
    queue = open_queue(maximum_message_size=1_024)
    attributes = {"B": {"dataType": "Binary", "binaryValue": base64.b64encode(b"x" * 900).decode()}}
    assert queue.refusal(NewMessage(body="x" * (1_024 - 900 - len("BBinary")), attributes=attributes)) is None
    refusal = queue.refusal(NewMessage(body="x" * (1_025 - 900 - len("BBinary")), attributes=attributes))
    assert refusal is not None
    assert refusal.message.endswith("Message must be shorter than 1024 bytes.")


def test_an_attribute_without_a_value_is_refused_in_awss_words() -> None:
    refusal = open_queue().refusal(
        NewMessage(body="x", attributes={"ErrorDetails": {"dataType": "String", "stringValue": ""}})
    )
    assert refusal is not None
    assert (
        refusal.message
        == "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'."
    )


@pytest.mark.parametrize(
    ("name", "attribute", "text"),
    [
        ("AWS.x", {"dataType": "String", "stringValue": "v"}, "You can't use message attribute names beginning with 'AWS.'"),
        ("n", {"dataType": "Number", "stringValue": "abc"}, "Can't cast the value of message (user) attribute 'n' to a number."),
        ("x", {"dataType": "String", "stringValue": "\ud800"}, "Invalid characters found."),
        ("x", {"dataType": "String.\ud800", "stringValue": "v"}, "Invalid characters found."),
        ("\ud800", {"dataType": "String", "stringValue": "v"}, "Message (user) attributes name can only contain"),
    ],
)  # fmt: skip
def test_the_attributes_of_recorded_messages_are_judged_as_those_of_calls(
    name: str, attribute: dict[str, object], text: str
) -> None:
    refusal = open_queue().refusal(NewMessage(body="x", attributes={name: attribute}))
    assert refusal is not None
    assert refusal.message.startswith(text)


def test_no_more_than_120000_messages_are_in_flight() -> None:
    queue = open_queue()
    for _ in range(120_005):
        send(queue)
    assert len(queue.receive(at(0), 119_995, [])) == 119_995
    assert len(queue.receive(at(0), 10, [])) == 5
    assert queue.receive(at(0), 10, []) == []
    assert queue.counts() == Counts(5, 120_000, 0)


def test_a_change_of_visibility_after_the_delete_names_the_receipt() -> None:
    queue = open_queue()
    send(queue)
    (received,) = queue.receive(at(0), 1, [])
    queue.delete(received)
    refusal = queue.change_visibility(at(1), received, 10)
    assert refusal is not None
    assert refusal.message == (
        f"Value {received.handle()} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is"
        " not available for visibility timeout change."
    )


def test_a_receive_may_hide_for_another_time_than_the_queues() -> None:
    queue = open_queue(visibility_timeout=30)
    send(queue)
    queue.receive(at(0), 1, [], 2)
    assert bodies(queue, 1.9) == []
    # Not remembered: the next receive hides for the queue's time again.
    assert bodies(queue, 2) == ["x"]
    assert bodies(queue, 31) == []
    assert bodies(queue, 32) == ["x"]


def test_a_change_of_visibility_is_not_remembered_for_the_next_receive() -> None:
    """test_change_message_visibility_not_permanent."""
    queue = open_queue(visibility_timeout=30)
    send(queue)
    (received,) = queue.receive(at(0), 1, [])
    queue.change_visibility(at(0), received, 0)
    assert bodies(queue, 0) == ["x"]
    assert bodies(queue, 29) == []


def test_an_old_receipt_shows_a_message_that_another_receive_holds() -> None:
    """test_terminate_visibility_timeout_after_receive."""
    queue = open_queue()
    send(queue)
    (old,) = queue.receive(at(0), 1, [], 0)
    assert bodies(queue, 0) == ["x"]
    assert queue.change_visibility(at(1), old, 0) is None
    assert bodies(queue, 1) == ["x"]


def test_visibility_may_be_changed_after_the_timeout_while_nobody_else_has_it() -> None:
    """test_change_message_visibility_after_visibility_timeout_expiration."""
    queue = open_queue(visibility_timeout=1)
    send(queue)
    (received,) = queue.receive(at(0), 1, [])
    queue.advance(at(2), [])
    assert queue.change_visibility(at(2), received, 10) is None
    assert queue.counts() == Counts(0, 1, 0)
    assert bodies(queue, 11) == []
    assert bodies(queue, 12) == ["x"]


def test_a_change_to_zero_does_not_reset_the_receive_count() -> None:
    queue = open_queue()
    send(queue)
    (received,) = queue.receive(at(0), 1, [])
    queue.change_visibility(at(0), received, 0)
    queue.advance(at(0), [])
    (again,) = queue.receive(at(0), 1, [])
    assert again.receive_count == 2


def test_a_changed_queue_delay_holds_for_new_messages_only() -> None:
    queue = open_queue(delay_seconds=10)
    send(queue, "old")
    queue.configure(at(1), Queue(name="orders", delay_seconds=0), [])
    send(queue, "new", when=1)
    assert bodies(queue, 1) == ["new"]
    assert bodies(queue, 10) == ["old"]


def test_a_shorter_retention_ends_messages_that_are_there_and_is_told() -> None:
    queue = open_queue()
    send(queue, "old")
    send(queue, "young", 50)
    records: list[Any] = []
    queue.configure(at(70), Queue(name="orders", message_retention_period=60), records)
    assert records == [QueueUpdated(at(70), "orders", 30, 0, 60)]
    assert bodies(queue, 70) == ["young"]


def test_a_delete_after_the_retention_ended_succeeds_silently() -> None:
    """test_message_retention_with_inflight."""
    queue = open_queue(message_retention_period=60)
    send(queue)
    (received,) = queue.receive(at(59), 1, [])
    queue.advance(at(60), [])
    assert queue.delete_refusal(received) is None


def test_a_purge_removes_messages_that_are_visible_in_flight_and_delayed() -> None:
    """test_purge_queue_deletes_inflight_messages, test_purge_queue_deletes_delayed_messages."""
    queue = open_queue(visibility_timeout=3)
    for body in "abc":
        send(queue, body)
    send(queue, "later", delay_seconds=2)
    (received,) = queue.receive(at(0), 1, [])
    records: list[Any] = []
    queue.purge(at(1), records)
    assert records == [QueuePurged(at(1), "orders", 4)]
    assert queue.counts() == Counts(0, 0, 0)
    assert queue.next_due() is None
    assert not queue.delete(received)
    assert bodies(queue, 5) == []
    send(queue, "new", 5)
    assert bodies(queue, 5) == ["new"]


def test_a_purge_removes_dead_letters_too() -> None:
    source, dead = with_dead_letters(1)
    send(source)
    source.receive(at(0), 1, [])
    source.advance(at(30), [])
    source.receive(at(30), 1, [])
    dead.purge(at(31), [])
    assert (dead.peek(), dead.oldest(), dead.next_due()) == ([], None, None)


def test_dead_letter_queues_form_a_chain_and_each_counts_its_own_receives() -> None:
    """test_dead_letter_queue_chain: a message with a receive behind it is received in the second queue before it moves."""
    first, second, third = open_queue("first"), open_queue("second"), open_queue("third")
    for queue, target in ((first, second), (second, third)):
        queue.dead_letter = target
        policy = RedrivePolicy(dead_letter_target=target.declaration.name, max_receive_count=1)
        queue.configure(
            at(0),
            Queue(name=queue.declaration.name, visibility_timeout=0, redrive_policy=policy),
            [],
        )
    send(first)
    assert bodies(first, 0) == ["x"]
    assert bodies(first, 1) == []
    assert bodies(second, 1) == ["x"]
    assert bodies(second, 2) == []
    third.advance(at(2), [])
    (received,) = third.receive(at(2), 1, [])
    assert received.receive_count == 3
    assert received.message.source_arn == second.arn


def test_the_age_of_a_dead_letter_runs_from_its_move() -> None:
    source, dead = with_dead_letters(1)
    send(source)
    source.receive(at(0), 1, [])
    source.advance(at(100), [])
    source.receive(at(100), 1, [])
    assert dead.oldest() == at(100)


def test_what_a_redrive_task_takes_is_gone_and_not_received() -> None:
    source, dead = with_dead_letters(1)
    for body in "abc":
        send(source, body)
    source.receive(at(0), 10, [])
    source.advance(at(30), [])
    source.receive(at(30), 10, [])
    dead.receive(at(30), 1, [])
    taken = dead.take_out(10)
    assert [(message.body, message.receive_count) for message in taken] == [("b", 1), ("c", 1)]
    assert dead.counts() == Counts(0, 1, 0)


def test_a_receipt_is_found_by_its_handle_also_in_a_dead_letter_queue() -> None:
    source, dead = with_dead_letters(1)
    send(source)
    (received,) = source.receive(at(0), 1, [])
    found = source.receipt(received.handle())
    assert found is not None
    assert (found.message, found.receive_count, found.at) == (received.message, 1, at(0))
    source.advance(at(30), [])
    source.receive(at(30), 1, [])
    assert source.receipt(received.handle()) is None
    (dead_one,) = dead.receive(at(30), 1, [])
    assert dead.receipt(dead_one.handle()) is not None


def test_a_send_tells_its_delay_and_its_tenant() -> None:
    queue = open_queue(delay_seconds=5)
    records: list[Any] = []
    queue.send(at(0), NewMessage(body="a", message_group_id="tenant"), records)
    queue.send(at(0), NewMessage(body="b", delay_seconds=0), records)
    assert [(record.delay_seconds, record.message_group_id) for record in records] == [(5, "tenant"), (0, "")]


def test_a_standard_queue_takes_a_group_but_no_deduplication_id() -> None:
    """test_fair_queue_with_message_group_id."""
    queue = open_queue()
    assert queue.refusal(NewMessage(body="x", message_group_id="test")) is None
    odd = queue.refusal(NewMessage(body="x", message_group_id="group 123"))
    assert odd is not None
    assert odd.message == (
        "Value group 123 for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include"
        " alphanumeric and punctuation characters. 1 to 128 in length."
    )
    refusal = queue.refusal(NewMessage(body="x", message_deduplication_id="d"))
    assert refusal is not None
    assert refusal.code == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        (RedriveAllowPolicy(), [True, True]),
        (RedriveAllowPolicy(redrive_permission=RedrivePermission.DENY_ALL), [False, False]),
        (
            RedriveAllowPolicy(redrive_permission=RedrivePermission.BY_QUEUE, source_queues=("orders",)),
            [True, False],
        ),
    ],
)
def test_a_redrive_allow_policy_says_who_may_move_messages_here(
    policy: RedriveAllowPolicy, allowed: list[bool]
) -> None:
    assert [policy.allows(name) for name in ("orders", "others")] == allowed


@pytest.mark.parametrize(
    ("permission", "queues", "text"),
    [
        (RedrivePermission.BY_QUEUE, (), "byQueue names 1 to 10 queues, not 0."),
        (RedrivePermission.BY_QUEUE, tuple("abcdefghijk"), "byQueue names 1 to 10 queues, not 11."),
        (RedrivePermission.DENY_ALL, ("a",), "only byQueue names queues, not denyAll."),
    ],
)
def test_a_redrive_allow_policy_names_queues_by_queue_only(
    permission: RedrivePermission, queues: tuple[str, ...], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        RedriveAllowPolicy(redrive_permission=permission, source_queues=queues)


def test_declared_duplicates_leave_copies_behind_that_are_received_again() -> None:
    queue = open_queue(duplicates=0.2, visibility_timeout=30)
    for number in range(1_000):
        send(queue, str(number))
    received = queue.receive(at(0), 1_000, [])
    assert queue.delete_all(received) == ()
    stayed = queue.counts().hidden
    assert 150 < stayed < 250
    queue.advance(at(30), [])
    again = queue.receive(at(30), 1_000, [])
    assert [one.receive_count for one in again] == [2] * stayed
    others = open_queue(duplicates=0.2, visibility_timeout=30)
    send(others)
    (received_once,) = others.receive(at(0), 1, [])
    assert others.delete(received_once)


def test_declared_sampling_lets_short_polls_find_fewer_messages_below_a_thousand() -> None:
    queue = open_queue(sampling=True)
    for number in range(999):
        send(queue, str(number))
    drawn = [queue.sampled(10) for _ in range(200)]
    assert min(drawn) == 0
    assert max(drawn) == 10
    send(queue, "one more")
    assert {queue.sampled(10) for _ in range(50)} == {10}
    assert open_queue().sampled(10) == 10


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"name": "q", "duplicates": 0.6}, "duplicates: 0.6 is no share of deletes. Choose 0 to 0.5."),
        ({"name": "q.fifo", "duplicates": 0.1}, "duplicates: a FIFO queue delivers none."),
        ({"name": "q.fifo", "sampling": True}, "sampling: AWS asks all servers of a FIFO queue."),
    ],
)
def test_switches_for_faults_are_refused_where_they_make_no_sense(
    settings: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        Queue(**settings)
