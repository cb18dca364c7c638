"""Queues as users of the API hold them, in virtual time and on the wall's clock, with and without trio."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lambdarun.model.declarations import Project
from lambdarun.model.instant import SECOND
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.model.sqs_error import SqsError
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.queue_handle import SentMessage
from lambdarun.runtime.session import open_runtime

PROJECT = Project(
    queues={
        "jobs": Queue(
            name="jobs", redrive_policy=RedrivePolicy(dead_letter_target="dead", max_receive_count=1)
        ),
        "dead": Queue(name="dead"),
        "ordered.fifo": Queue(name="ordered.fifo"),
    }
)


def test_a_message_is_sent_received_and_deleted() -> None:
    with open_blocking_runtime(PROJECT, clock=VirtualClock()) as runtime:
        jobs = runtime.queue("jobs")
        sent = jobs.send("one", attributes={"n": 6}, trace_header="Root=1")
        (received,) = jobs.receive()
        assert (received.message_id, received.body) == (sent.message_id, "one")
        assert received.message_attributes == {"n": {"StringValue": "6", "DataType": "Number"}}
        assert received.attributes["ApproximateReceiveCount"] == "1"
        assert received.attributes["AWSTraceHeader"] == "Root=1"
        assert jobs.receive() == []
        jobs.change_visibility(received, 0)
        jobs.delete(received)
        jobs.delete(received.receipt_handle)
        assert jobs.messages() == []


def test_a_receive_moves_virtual_time_until_a_message_shows() -> None:
    with open_blocking_runtime(PROJECT, clock=VirtualClock()) as runtime:
        jobs = runtime.queue("jobs")
        jobs.send("later", delay_seconds=15)
        before = runtime.now()
        assert [one.body for one in jobs.receive(wait_time_seconds=20)] == ["later"]
        assert runtime.now() - before == 15 * SECOND
        assert jobs.receive(wait_time_seconds=4) == []
        assert runtime.now() - before == 19 * SECOND


def test_a_receive_on_the_walls_clock_waits_no_longer_than_it_says() -> None:
    with open_blocking_runtime(PROJECT, clock=RealClock()) as runtime:
        before = runtime.now()
        assert runtime.queue("jobs").receive(wait_time_seconds=1) == []
        assert SECOND <= runtime.now() - before < 10 * SECOND


def test_a_fifo_queue_takes_groups_and_answers_with_sequence_numbers() -> None:
    with open_blocking_runtime(PROJECT, clock=VirtualClock()) as runtime:
        ordered = runtime.queue("ordered.fifo")
        first = ordered.send("a", message_group_id="g", message_deduplication_id="1")
        assert ordered.send("a", message_group_id="g", message_deduplication_id="1") == first
        second = ordered.send("b", message_group_id="g", message_deduplication_id="2")
        assert first.sequence_number is not None
        assert second.sequence_number is not None
        assert int(first.sequence_number) < int(second.sequence_number)
        received = ordered.receive(10, visibility_timeout=5, receive_request_attempt_id="x")
        assert ordered.receive(10, receive_request_attempt_id="x") == received
        runtime.advance(seconds=31)
        with pytest.raises(SqsError, match="The receipt handle has expired"):
            ordered.delete(received[0])


def test_a_batch_has_a_success_or_an_error_for_each_message() -> None:
    with open_blocking_runtime(PROJECT, clock=VirtualClock()) as runtime:
        jobs = runtime.queue("jobs")
        told = jobs.send_batch(
            ["one", {"body": "two", "delay_seconds": 901}, {"body": "three", "attributes": {"a": "b"}}]
        )
        assert [isinstance(one, SentMessage) for one in told] == [True, False, True]
        refused = told[1]
        assert isinstance(refused, SqsError)
        assert refused.code == "InvalidParameterValue"
        with pytest.raises(SqsError) as error:
            jobs.send_batch([])
        assert error.value.code == "AWS.SimpleQueueService.EmptyBatchRequest"
        with pytest.raises(TypeError, match="a message has no text"):
            jobs.send_batch([{"text": "one"}])


def test_a_binary_attribute_may_be_bytes_as_sdks_have_it() -> None:
    with open_blocking_runtime(PROJECT, clock=VirtualClock()) as runtime:
        jobs = runtime.queue("jobs")
        jobs.send("one", attributes={"b": {"DataType": "Binary", "BinaryValue": b"\x01"}})
        (received,) = jobs.receive()
        assert received.message_attributes == {"b": {"BinaryValue": "AQ==", "DataType": "Binary"}}


def test_what_is_neither_a_message_nor_a_receipt_is_awss_error() -> None:
    with open_blocking_runtime(PROJECT, clock=VirtualClock()) as runtime:
        jobs = runtime.queue("jobs")
        (told,) = jobs.send_batch([3])  # type: ignore[list-item]
        assert isinstance(told, SqsError)
        assert told.message == "MessageBody: 3 can not be converted to a String."
        with pytest.raises(SqsError, match="ReceiptHandle: 3 can not be converted to a String"):
            jobs.delete(3)  # type: ignore[arg-type]


def test_attributes_are_read_and_changed_by_awss_names() -> None:
    with open_blocking_runtime(PROJECT, clock=VirtualClock()) as runtime:
        jobs = runtime.queue("jobs")
        jobs.set_attributes({"VisibilityTimeout": 60, "SqsManagedSseEnabled": False})
        assert jobs.attributes("VisibilityTimeout") == {"VisibilityTimeout": "60"}
        assert jobs.attributes()["SqsManagedSseEnabled"] == "false"
        with pytest.raises(SqsError, match="Invalid value for the parameter VisibilityTimeout"):
            jobs.set_attributes({"VisibilityTimeout": 43_201})
        # Every change is in the log.
        assert [record.kind for record in runtime.log.records].count("queue.updated") == 1


def test_dead_letters_are_sent_home() -> None:
    with open_blocking_runtime(PROJECT, clock=VirtualClock()) as runtime:
        jobs, dead = runtime.queue("jobs"), runtime.queue("dead")
        for number in range(3):
            jobs.send(str(number))
        jobs.receive(10, visibility_timeout=1)
        runtime.advance(seconds=2)
        assert jobs.receive(10) == []
        assert dead.counts().visible == 3
        handle = dead.redrive(max_messages_per_second=1)
        runtime.advance(seconds=1)
        assert dead.cancel_redrive(handle) == 2
        runtime.advance(seconds=1)
        (task,) = dead.redrives()
        assert task["Status"] == "CANCELLED"
        assert (jobs.counts().visible, dead.counts().visible) == (2, 1)


def test_what_a_redrive_task_took_is_told_by_the_ids_that_it_had() -> None:
    with open_blocking_runtime(PROJECT, clock=VirtualClock()) as runtime:
        jobs, dead = runtime.queue("jobs"), runtime.queue("dead")
        jobs.send("one")
        jobs.receive(visibility_timeout=0)
        assert jobs.receive() == []
        (letter,) = dead.messages()
        dead.redrive()
        runtime.advance(seconds=1)
        (told,) = runtime.log.of("messages.redriven")
        assert told.message_ids == (letter.id,)
        assert letter.id not in [message.id for message in jobs.messages()]


def test_a_purge_empties_a_queue_once_a_minute() -> None:
    with open_blocking_runtime(PROJECT, clock=VirtualClock()) as runtime:
        jobs = runtime.queue("jobs")
        jobs.send("one")
        jobs.purge()
        assert jobs.messages() == []
        with pytest.raises(SqsError) as told:
            jobs.purge()
        assert (told.value.status, told.value.query_code) == (403, "PurgeQueueInProgress")


async def test_with_trio_a_receive_is_awaited() -> None:
    async with open_runtime(PROJECT, clock=VirtualClock()) as runtime:
        jobs = runtime.queue("jobs")
        jobs.send("later", delay_seconds=15)
        before = runtime.now()
        assert [one.body for one in await jobs.receive(wait_time_seconds=20)] == ["later"]
        assert runtime.now() - before == 15 * SECOND


async def test_two_tasks_wait_for_one_message_and_both_are_answered() -> None:
    bodies: list[list[str]] = []
    async with open_runtime(PROJECT, clock=RealClock()) as runtime, trio.open_nursery() as nursery:
        jobs = runtime.queue("jobs")

        async def receive() -> None:
            bodies.append([one.body for one in await jobs.receive(wait_time_seconds=1)])

        nursery.start_soon(receive)
        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        jobs.send("one")
    assert sorted(bodies) == [[], ["one"]]
