"""What a handler sees of a FIFO queue's message, and of a tenant's on a standard queue."""

from __future__ import annotations

import json
from typing import Any

from lambdarun.model.draws import Draws
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.lambda_events import sqs_event
from lambdarun.model.message import NewMessage
from lambdarun.model.open_queue import open_queue
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.model.queue_core import QueueCore

NOW = Instant(1_573_251_510_774_000)


def queue_of(name: str, **settings: Any) -> QueueCore:
    return open_queue(Queue(name=name, **settings), f"arn:aws:sqs:us-east-2:123456789012:{name}", Draws(0))


def only_record(queue: QueueCore, now: Instant = NOW) -> dict[str, Any]:
    queue.advance(now, [])
    received = queue.receive(now, 10, [])
    (record,) = json.loads(sqs_event(received, queue.arn, "us-east-2", null_md5=False))["Records"]
    assert isinstance(record, dict)
    return record


def test_a_fifo_message_has_its_group_its_deduplication_id_and_its_sequence_number_in_awss_order() -> None:
    """The sample event of a FIFO queue in https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
    queue = queue_of("fifo.fifo")
    sent = queue.send(
        NOW,
        NewMessage(body="Test message.", message_group_id="1", message_deduplication_id="1", sender_id="A"),
        [],
    )
    assert list(only_record(queue)["attributes"].items()) == [
        ("ApproximateReceiveCount", "1"),
        ("SentTimestamp", "1573251510774"),
        ("SequenceNumber", sent.sequence_number),
        ("MessageGroupId", "1"),
        ("SenderId", "A"),
        ("MessageDeduplicationId", "1"),
        ("ApproximateFirstReceiveTimestamp", "1573251510774"),
    ]


def test_a_message_of_a_fair_queue_has_its_group_alone() -> None:
    """test_fair_queue_with_message_group_id."""
    queue = queue_of("orders")
    queue.send(NOW, NewMessage(body="message", message_group_id="test"), [])
    attributes = only_record(queue)["attributes"]
    assert attributes["MessageGroupId"] == "test"
    assert not attributes.keys() & {"SequenceNumber", "MessageDeduplicationId"}


def test_a_trace_header_is_handed_on_and_moves_with_the_message() -> None:
    """test_dead_letter_queue_message_attributes."""
    policy = RedrivePolicy(dead_letter_target="dead", max_receive_count=1)
    queue, dead = queue_of("orders", redrive_policy=policy), queue_of("dead")
    queue.dead_letter = dead
    queue.send(NOW, NewMessage(body="x", trace_header="Root=1-5759e988"), [])
    assert only_record(queue)["attributes"]["AWSTraceHeader"] == "Root=1-5759e988"
    later = Instant(NOW + 60 * SECOND)
    queue.advance(later, [])
    assert queue.receive(later, 1, []) == []
    attributes = only_record(dead, later)["attributes"]
    assert attributes["AWSTraceHeader"] == "Root=1-5759e988"
    assert attributes["DeadLetterQueueSourceArn"] == queue.arn
    assert attributes["ApproximateReceiveCount"] == "2"
