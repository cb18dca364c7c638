"""A FIFO queue, fact by fact; what AWS was seen to do is named by LocalStack's recorded test (test_sqs.py)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from lambdarun.model.draws import Draws
from lambdarun.model.event_records import MessageDeadLettered, MessageExpired, MessageReturned
from lambdarun.model.fifo_queue import FifoQueue
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.message import Message, NewMessage, Received
from lambdarun.model.queue import DeduplicationScope, Fifo, FifoThroughputLimit, Queue, RedrivePolicy
from lambdarun.model.queue_core import Counts
from lambdarun.model.queue_records import MessageDeduplicated

DAY = 86_400


def at(seconds: float) -> Instant:
    return Instant(round(seconds * SECOND))


def open_queue(name: str = "orders.fifo", **settings: Any) -> FifoQueue:
    settings.setdefault("fifo", Fifo(content_based_deduplication=True))
    return FifoQueue(Queue(name=name, **settings), f"arn:aws:sqs:us-east-1:123456789012:{name}", Draws(0))


def with_dead_letters(count: int, **settings: Any) -> tuple[FifoQueue, FifoQueue]:
    dead = open_queue("dead.fifo")
    policy = RedrivePolicy(dead_letter_target="dead.fifo", max_receive_count=count)
    source = open_queue(redrive_policy=policy, **settings)
    source.dead_letter = dead
    return source, dead


def send(queue: FifoQueue, *bodies: str, when: float = 0, **settings: Any) -> Message:
    """Bodies such as g1a: the first two letters are the group."""
    for body in bodies:
        sent = queue.send(at(when), NewMessage(body=body, message_group_id=body[:2], **settings), [])
    return sent


def receive(queue: FifoQueue, when: float, count: int = 10, **settings: Any) -> list[Received]:
    queue.advance(at(when), [])
    return queue.receive(at(when), count, [], **settings)


def bodies(queue: FifoQueue, when: float, count: int = 10, **settings: Any) -> list[str]:
    return [received.message.body for received in receive(queue, when, count, **settings)]


# --- groups


def test_a_receive_takes_all_of_one_group_before_another_one() -> None:
    """test_fifo_receive_message_group_id_ordering."""
    queue = open_queue()
    send(queue, "g1a", "g2a", "g1b", "g1c")
    assert bodies(queue, 0) == ["g1a", "g1b", "g1c", "g2a"]


def test_messages_of_a_group_come_in_order_also_after_a_timeout() -> None:
    """test_fifo_messages_in_order_after_timeout."""
    queue = open_queue(visibility_timeout=1)
    send(queue, "g1a", "g1b", "g1c")
    assert bodies(queue, 0) == ["g1a", "g1b", "g1c"]
    assert bodies(queue, 2) == ["g1a", "g1b", "g1c"]


def test_a_group_with_a_message_in_flight_is_locked_for_messages_that_nobody_received() -> None:
    """test_fifo_receive_message_visibility_timeout_shared_in_group."""
    queue = open_queue(visibility_timeout=1)
    send(queue, "g1a", "g1b", "g1c", "g1d", "g2a", "g3a")
    assert bodies(queue, 0, 2) == ["g1a", "g1b"]
    assert bodies(queue, 0, 1) == ["g2a"]
    assert bodies(queue, 2) == ["g3a", "g1a", "g1b", "g1c", "g1d", "g2a"]


def test_a_visibility_timeout_of_zero_ends_the_lock_at_once() -> None:
    """test_fifo_receive_message_with_zero_visibility_timeout."""
    queue = open_queue()
    send(queue, "g1a", "g2a", "g2b", "g3a", "g1b")
    assert bodies(queue, 0, 3, visibility_timeout_s=0) == ["g1a", "g1b", "g2a"]
    assert bodies(queue, 0, visibility_timeout_s=0) == ["g3a", "g1a", "g1b", "g2a", "g2b"]


def test_a_group_that_shows_again_waits_behind_groups_that_wait_already() -> None:
    """test_fifo_message_group_visibility_after_terminate_visibility_timeout, ..._after_change_message_visibility."""
    for seconds in (0, 1):
        queue = open_queue()
        send(queue, "g1a", "g1b", "g2a")
        first, _ = receive(queue, 0, 2)
        assert queue.change_visibility(at(0), first, seconds) is None
        assert bodies(queue, 2, 3) == ["g2a", "g1a"]


def test_deleting_the_last_message_in_flight_opens_the_group_at_its_old_place() -> None:
    """test_fifo_message_group_visibility_after_delete: the order is AWS's own."""
    queue = open_queue()
    send(queue, "g1a", "g2a", "g1b", "g2b", "g1c", "g1d", "g3a")
    received = receive(queue, 0, 2)
    assert [queue.delete(one) for one in received] == [True, True]
    assert bodies(queue, 0) == ["g2a", "g2b", "g1c", "g1d", "g3a"]


def test_deleting_one_of_two_messages_in_flight_keeps_the_group_locked() -> None:
    """test_fifo_message_group_visibility_after_partial_delete."""
    queue = open_queue()
    send(queue, "g1a", "g2a", "g1b", "g2b", "g1c", "g1d", "g3a")
    first, _ = receive(queue, 0, 2)
    queue.delete(first)
    assert bodies(queue, 0) == ["g2a", "g2b", "g3a"]


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ([], []),
        ([0, 1, 2], ["g1a", "g1b", "g1c"]),
        ([0], ["g1a"]),
        ([1], []),
        ([2], []),
        ([0, 1], ["g1a", "g1b"]),
        ([0, 2], ["g1a"]),
        ([1, 2], []),
    ],
)
def test_a_receive_takes_the_longest_run_of_visible_messages_from_the_head(
    shown: list[int], found: list[str]
) -> None:
    """test_fifo_group_visibility_extends_with_change_message_visibility."""
    queue = open_queue()
    send(queue, "g1a", "g1b", "g1c")
    received = receive(queue, 0)
    for number in shown:
        queue.change_visibility(at(1), received[number], 0)
    assert bodies(queue, 1) == found


def test_a_group_that_was_empty_takes_messages_again() -> None:
    """test_fifo_empty_message_groups_added_back_to_queue."""
    queue = open_queue()
    send(queue, "g1a")
    (received,) = receive(queue, 0)
    assert bodies(queue, 0) == []
    queue.delete(received)
    send(queue, "g1b")
    assert bodies(queue, 0) == ["g1b"]


def test_locked_messages_that_nobody_received_count_as_visible() -> None:
    """test_fifo_approximate_number_of_messages_not_visible."""
    queue = open_queue()
    send(queue, "g1a", "g1b", "g1c", "g2a", "g2b", "g2c")
    receive(queue, 0, 1)
    receive(queue, 0, 1)
    assert queue.counts() == Counts(4, 2, 0)
    assert queue.groups_in_flight == 2
    assert queue.visible
    assert not queue.ready


def test_an_open_group_is_found_by_ready() -> None:
    queue = open_queue(visibility_timeout=30)
    assert not queue.ready
    send(queue, "g1a", "g1b")
    assert queue.ready
    (received,) = receive(queue, 0, 1)
    assert not queue.ready
    queue.delete(received)
    assert queue.ready
    assert queue.groups_in_flight == 0


def test_row_15_fifo_receives_by_group_and_refuses_a_late_delete() -> None:
    queue = open_queue(visibility_timeout=30)
    send(queue, "g1a", "g2a", "g1b")
    received = receive(queue, 0)
    assert [one.message.body for one in received] == ["g1a", "g1b", "g2a"]
    queue.advance(at(30), [])
    refusal = queue.delete_refusal(received[0])
    assert refusal is not None
    assert refusal.code == "InvalidParameterValue"
    assert refusal.message == (
        f"Value {received[0].handle()} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    )
    assert not queue.delete(received[0])
    assert queue.delete_all(received) == received
    assert queue.counts() == Counts(3, 0, 0)


def test_a_receipt_from_before_another_receive_has_expired() -> None:
    queue = open_queue(visibility_timeout=30)
    send(queue, "g1a")
    (old,) = receive(queue, 0)
    (new,) = receive(queue, 30)
    assert queue.delete_refusal(old) is not None
    assert queue.delete_refusal(new) is None
    assert queue.delete(new)


def test_a_delete_within_an_extended_timeout_works() -> None:
    """test_fifo_delete_after_visibility_timeout_extended."""
    queue = open_queue(visibility_timeout=5)
    send(queue, "g1a")
    (received,) = receive(queue, 0)
    assert queue.change_visibility(at(4), received, 30) is None
    queue.advance(at(20), [])
    assert queue.delete_refusal(received) is None
    assert queue.delete(received)


def test_deleting_a_message_that_is_gone_is_no_error() -> None:
    queue = open_queue()
    send(queue, "g1a")
    (received,) = receive(queue, 0)
    assert queue.delete(received)
    assert queue.delete_refusal(received) is None
    assert not queue.delete(received)


def test_an_expired_receipt_changes_no_visibility() -> None:
    queue = open_queue(visibility_timeout=1)
    send(queue, "g1a")
    (received,) = receive(queue, 0)
    queue.advance(at(1), [])
    refusal = queue.change_visibility(at(1), received, 10)
    assert refusal is not None
    assert refusal.message.endswith(
        "Message does not exist or is not available for visibility timeout change."
    )
    assert bodies(queue, 1) == ["g1a"]


def test_beyond_120000_in_flight_a_receive_is_empty_without_an_error() -> None:
    queue = open_queue()
    for number in range(120_001):
        queue.send(at(0), NewMessage(body=str(number), message_group_id=str(number)), [])
    assert len(queue.receive(at(0), 119_995, [])) == 119_995
    assert len(queue.receive(at(0), 10, [])) == 5
    assert queue.receive(at(0), 10, []) == []


def test_groups_behind_120000_messages_are_not_found_until_the_backlog_shrinks() -> None:
    queue = open_queue(visibility_timeout=43_200)
    for number in range(120_000):
        queue.send(at(0), NewMessage(body=str(number), message_group_id="huge"), [])
    send(queue, "g2a", "g3a")
    received = receive(queue, 0)
    assert len(received) == 10
    # The huge group is locked, and nothing else is within reach.
    assert bodies(queue, 0) == []
    queue.delete(received[9])
    assert bodies(queue, 0) == ["g2a"]
    queue.delete(received[8])
    assert bodies(queue, 0) == ["g3a"]


# --- deduplication


def test_a_duplicate_is_answered_with_the_first_message_and_taken_once() -> None:
    queue = open_queue()
    first = send(queue, "g1a")
    records: list[Any] = []
    again = queue.send(at(299), NewMessage(body="g1a", message_group_id="g1"), records)
    assert again is first
    assert again.sequence_number == first.sequence_number
    assert records == [MessageDeduplicated(at(299), "orders.fifo", first.id, "g1")]
    assert queue.counts() == Counts(1, 0, 0)


def test_after_five_minutes_the_same_message_is_a_new_one() -> None:
    queue = open_queue()
    first = send(queue, "g1a")
    assert send(queue, "g1a", when=299.9) is first
    assert send(queue, "g1a", when=300) is not first
    assert queue.counts() == Counts(2, 0, 0)


def test_a_duplicate_is_known_after_the_first_one_was_deleted() -> None:
    """test_fifo_deduplication_arrives_once_after_delete."""
    queue = open_queue()
    send(queue, "g1a")
    (received,) = receive(queue, 0)
    queue.delete(received)
    send(queue, "g1a", when=1)
    assert bodies(queue, 1) == []


def test_an_explicit_id_wins_over_the_body() -> None:
    queue = open_queue()
    send(queue, "g1a", message_deduplication_id="one")
    send(queue, "g1a", message_deduplication_id="two")
    send(queue, "g1b", message_deduplication_id="two")
    assert bodies(queue, 0) == ["g1a", "g1a"]


def test_an_explicit_id_that_is_a_bodys_hash_is_that_message() -> None:
    queue = open_queue()
    first = send(queue, "g1a")
    assert first.message_deduplication_id == hashlib.sha256(b"g1a").hexdigest()
    assert send(queue, "g1b", message_deduplication_id=first.message_deduplication_id) is first


def test_all_of_an_explicit_id_counts_also_where_it_looks_like_a_hash() -> None:
    queue = open_queue()
    first = send(queue, "g1a", message_deduplication_id=f"{1:064x}")
    assert send(queue, "g1b", message_deduplication_id=f"{2:064x}") is not first
    assert send(queue, "g1c", message_deduplication_id=f"{1:064x}") is first


def test_other_attributes_or_another_group_make_no_other_message() -> None:
    """test_fifo_deduplication_not_on_message_group_id, test_sqs_fifo_same_dedup_id_different_message_groups."""
    queue = open_queue()
    first = send(queue, "g1a", message_deduplication_id="same")
    attributes = {"n": {"stringValue": "1", "dataType": "Number"}}
    assert send(queue, "g1b", message_deduplication_id="same", attributes=attributes) is first
    assert send(queue, "g2a", message_deduplication_id="same") is first


BY_GROUP = Fifo(
    content_based_deduplication=True,
    deduplication_scope=DeduplicationScope.MESSAGE_GROUP,
    fifo_throughput_limit=FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
)


def test_by_message_group_the_same_id_is_known_in_its_own_group_only() -> None:
    """test_fifo_high_throughput_ordering."""
    queue = open_queue(fifo=BY_GROUP)
    first = send(queue, "g1a", message_deduplication_id="same")
    assert send(queue, "g1b", message_deduplication_id="same") is first
    assert send(queue, "g2a", message_deduplication_id="same") is not first


def test_what_was_known_before_a_change_to_high_throughput_stays_known() -> None:
    """test_fifo_change_to_high_throughput_after_creation."""
    queue = open_queue()
    first = send(queue, "g1a", message_deduplication_id="same")
    queue.configure(at(1), Queue(name="orders.fifo", fifo=BY_GROUP), [])
    assert send(queue, "g1b", when=2, message_deduplication_id="same") is first
    assert send(queue, "g2b", when=2, message_deduplication_id="same") is first
    other = send(queue, "g1c", when=2, message_deduplication_id="other")
    assert send(queue, "g1d", when=2, message_deduplication_id="other") is other


def test_a_purge_forgets_what_was_known() -> None:
    """test_purge_queue_clears_fifo_deduplication_cache."""
    queue = open_queue()
    send(queue, "g1a", "g1b", "g2a", message_deduplication_id=None)
    receive(queue, 0, 1)
    queue.purge(at(1), [])
    assert queue.counts() == Counts(0, 0, 0)
    assert queue.groups_in_flight == 0
    send(queue, "g1a", when=1)
    assert bodies(queue, 1) == ["g1a"]


def test_sequence_numbers_have_20_digits_and_go_up() -> None:
    """test_fifo_sequence_number_increases."""
    queue = open_queue()
    numbers = [send(queue, body).sequence_number for body in ("g1a", "g2a", "g1b")]
    assert [len(number) for number in numbers] == [20, 20, 20]
    assert sorted(numbers) == numbers
    assert len(set(numbers)) == 3


# --- the rest


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        (
            NewMessage(body="x"),
            "MissingParameter",
            "The request must contain the parameter MessageGroupId.",
        ),
        (
            NewMessage(body="x", message_group_id="g"),
            "InvalidParameterValue",
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
        (
            NewMessage(body="x", message_group_id="g", message_deduplication_id="d", delay_seconds=2),
            "InvalidParameterValue",
            "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for"
            " this queue type.",
        ),
        (
            NewMessage(body="x", message_group_id="g", message_deduplication_id="group 123"),
            "InvalidParameterValue",
            "Value group 123 for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only"
            " include alphanumeric and punctuation characters. 1 to 128 in length.",
        ),
        (
            NewMessage(body="x", message_group_id="g", message_deduplication_id=""),
            "InvalidParameterValue",
            "Value  for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only"
            " include alphanumeric and punctuation characters. 1 to 128 in length.",
        ),
        (
            NewMessage(body="x", message_group_id="g" * 129, message_deduplication_id="d"),
            "InvalidParameterValue",
            f"Value {'g' * 129} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include"
            " alphanumeric and punctuation characters. 1 to 128 in length.",
        ),
        (
            NewMessage(body="", message_group_id="g", message_deduplication_id="d"),
            "MissingParameter",
            "The request must contain the parameter MessageBody.",
        ),
        (
            NewMessage(body="x" * 1_048_577, message_group_id="g", message_deduplication_id="d"),
            "InvalidParameterValue",
            "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
        ),
    ],
)
def test_sends_are_refused_with_the_texts_of_aws(message: NewMessage, code: str, text: str) -> None:
    refusal = open_queue(fifo=Fifo()).refusal(message)
    assert refusal is not None
    assert (refusal.code, refusal.message) == (code, text)


def test_punctuation_and_128_characters_pass() -> None:
    name = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" + "g" * 96
    assert len(name) == 128
    message = NewMessage(body="x", message_group_id=name, message_deduplication_id=name)
    assert open_queue(fifo=Fifo()).refusal(message) is None


def test_a_delay_of_zero_on_a_message_means_the_queues_own() -> None:
    """test_fifo_queue_send_message_with_zero_delay_defaults_to_queue_delay."""
    queue = open_queue(delay_seconds=2)
    message = NewMessage(body="x", message_group_id="g", delay_seconds=0)
    assert queue.refusal(message) is None
    queue.send(at(0), message, [])
    assert queue.counts() == Counts(0, 0, 1)
    assert queue.next_due() == at(2)
    assert bodies(queue, 1.9) == []
    assert bodies(queue, 2) == ["x"]


def test_a_delayed_queue_shows_its_messages_in_order() -> None:
    """test_fifo_queue_send_message_with_delay_on_queue_works."""
    queue = open_queue(delay_seconds=2)
    for number, body in enumerate(("g1a", "g1b", "g1c")):
        send(queue, body, when=number)
    assert bodies(queue, 1) == []
    assert bodies(queue, 3) == ["g1a", "g1b"]


@pytest.mark.parametrize(("delay", "shows"), [(0, 1), (20, 20), (5, 5)])
def test_a_changed_delay_holds_for_delayed_messages_too(delay: int, shows: float) -> None:
    queue = open_queue(delay_seconds=10)
    send(queue, "g1a")
    queue.configure(at(1), Queue(name="orders.fifo", delay_seconds=delay, fifo=Fifo()), [])
    if shows > 1:
        assert bodies(queue, shows - 0.1) == []
    assert bodies(queue, shows) == ["g1a"]


def test_a_new_delay_hides_visible_messages_that_nobody_received() -> None:
    queue = open_queue(visibility_timeout=2)
    send(queue, "g1a", "g2a")
    assert bodies(queue, 1, 1) == ["g1a"]
    queue.advance(at(4), [])
    queue.configure(
        at(4), Queue(name="orders.fifo", delay_seconds=60, fifo=Fifo(), visibility_timeout=600), []
    )
    assert queue.counts() == Counts(1, 0, 1)
    assert bodies(queue, 4) == ["g1a"]
    assert bodies(queue, 60) == ["g2a"]


def test_a_receive_asked_again_gives_the_same_receipts_and_hides_anew() -> None:
    queue = open_queue(visibility_timeout=30)
    send(queue, "g1a", "g1b", "g2a")
    first = receive(queue, 0, 2, attempt_id="try")
    again = receive(queue, 20, 2, attempt_id="try")
    assert [one.handle() for one in again] == [one.handle() for one in first]
    assert [one.message.receive_count for one in again] == [1, 1]
    # Hidden until 50 now, not until 30.
    assert bodies(queue, 31) == ["g2a"]
    assert bodies(queue, 50) == ["g1a", "g1b"]


def test_a_receive_asked_again_after_a_delete_or_five_minutes_is_a_new_one() -> None:
    queue = open_queue(visibility_timeout=600)
    send(queue, "g1a", "g1b", "g2a", "g3a")
    first, _ = receive(queue, 0, 2, attempt_id="try")
    queue.delete(first)
    assert bodies(queue, 1, 1, attempt_id="try") == ["g2a"]
    assert bodies(queue, 300, 1, attempt_id="try") == ["g2a"]
    assert bodies(queue, 302, 1, attempt_id="try") == ["g3a"]


def test_a_receive_asked_again_after_a_change_of_visibility_is_a_new_one() -> None:
    queue = open_queue()
    send(queue, "g1a", "g2a")
    (first,) = receive(queue, 0, 1, attempt_id="try")
    queue.change_visibility(at(0), first, 60)
    assert bodies(queue, 1, 1, attempt_id="try") == ["g2a"]


# --- dead letters and retention


def test_row_17_the_move_happens_at_the_next_receive_and_the_count_goes_on() -> None:
    source, dead = with_dead_letters(1)
    sent = send(source, "g1a")
    receive(source, 0)
    source.advance(at(30), [])
    assert dead.counts() == Counts(0, 0, 0)
    records: list[Any] = []
    assert source.receive(at(31), 10, records) == []
    assert [type(record) for record in records] == [MessageDeadLettered]
    (moved,) = receive(dead, 31)
    assert moved.receive_count == 2
    assert (moved.message.id, moved.message.sent) == (sent.id, at(0))
    assert moved.message.source_arn == source.arn
    assert moved.message.message_group_id == "g1"


def test_in_the_dead_letter_queue_the_deduplication_id_is_the_message_id() -> None:
    source, dead = with_dead_letters(1)
    send(source, "g1a", message_deduplication_id="mine")
    receive(source, 0)
    receive(source, 31)
    (moved,) = dead.peek()
    assert moved.message_deduplication_id == moved.id


def test_the_move_of_its_head_opens_the_group() -> None:
    source, _ = with_dead_letters(1)
    send(source, "g1a", "g1b", "g2a")
    assert bodies(source, 0, 1) == ["g1a"]
    assert bodies(source, 31) == ["g2a", "g1b"]


def test_a_dead_letter_is_kept_for_the_whole_retention_of_its_new_queue() -> None:
    source, dead = with_dead_letters(1)
    send(source, "g1a")
    receive(source, 0)
    receive(source, DAY)
    assert dead.oldest() == at(DAY)
    assert dead.next_due() == at(5 * DAY)
    records: list[Any] = []
    dead.advance(at(5 * DAY), records)
    assert records == [MessageExpired(at(5 * DAY), "dead.fifo", records[0].message_id, at(0))]


def test_retention_ends_in_flight_messages_and_opens_their_group() -> None:
    queue = open_queue(message_retention_period=60)
    send(queue, "g1a")
    send(queue, "g1b", when=30)
    (received,) = receive(queue, 59, 1)
    queue.advance(at(60), [])
    assert queue.delete_refusal(received) is None
    assert bodies(queue, 60) == ["g1b"]


def test_a_shorter_retention_ends_messages_that_are_there() -> None:
    queue = open_queue()
    send(queue, "g1a")
    send(queue, "g1b", when=60)
    queue.configure(at(100), Queue(name="orders.fifo", message_retention_period=60, fifo=Fifo()), [])
    assert bodies(queue, 100) == ["g1b"]


def test_what_a_redrive_task_takes_is_in_order_and_opens_the_group() -> None:
    queue = open_queue()
    send(queue, "g1a", "g2a", "g1b", "g1c")
    receive(queue, 0, 1)
    assert [message.body for message in queue.take_out(2)] == ["g2a", "g1b"]
    assert queue.counts() == Counts(1, 1, 0)
    assert bodies(queue, 30) == ["g1a", "g1c"]


def test_a_return_is_told() -> None:
    queue = open_queue(visibility_timeout=1)
    send(queue, "g1a")
    receive(queue, 0)
    records: list[Any] = []
    queue.advance(at(1), records)
    assert [type(record) for record in records] == [MessageReturned]


def test_a_group_of_many_messages_is_worked_off_in_order() -> None:
    queue = open_queue()
    for number in range(1_000):
        queue.send(at(0), NewMessage(body=str(number), message_group_id="g"), [])
    seen: list[str] = []
    while received := queue.receive(at(0), 10, []):
        seen += [one.message.body for one in received]
        assert queue.delete_all(received) == []
    assert seen == [str(number) for number in range(1_000)]
    assert queue.groups == 0


def test_a_receipt_is_found_by_its_handle() -> None:
    queue = open_queue()
    send(queue, "g1a", "g1b")
    received = receive(queue, 0)
    found = queue.receipt(received[1].handle())
    assert found is not None
    assert found.message is received[1].message
    assert queue.delete(found)
    assert queue.receipt(received[1].handle()) is None
    with pytest.raises(ValueError, match="is no receipt handle"):
        queue.receipt("garbage")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"name": "orders", "fifo": Fifo()}, "fifo_queue: a FIFO queue's name ends with .fifo"),
        ({"name": "orders.fifo", "fifo": None}, "fifo_queue: a FIFO queue's name ends with .fifo"),
        ({"name": "x" * 76 + ".fifo"}, "is no queue name"),
        ({"name": "a.b.fifo"}, "is no queue name"),
    ],
)
def test_a_queues_kind_is_in_its_name(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Queue(**settings)


def test_high_throughput_takes_both_settings() -> None:
    with pytest.raises(ValueError, match="takes deduplication_scope"):
        Fifo(fifo_throughput_limit=FifoThroughputLimit.PER_MESSAGE_GROUP_ID)
    assert BY_GROUP.fifo_throughput_limit is FifoThroughputLimit.PER_MESSAGE_GROUP_ID
