"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"""

from __future__ import annotations

import base64
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
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.model.queue_core import Counts
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


def test_deleting_after_the_timeout_works_on_standard_queues() -> None:
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
