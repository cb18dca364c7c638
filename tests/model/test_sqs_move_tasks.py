"""Redrive tasks: what they move, how fast, and how they end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdarun.model.instant import SECOND
from tests.oracles.sqs_scenarios import BY_CONTENT, FIFO, Caller


class Scene:
    """A queue, its dead-letter queue, and a queue beside them."""

    def __init__(self, count: int, **attributes: str) -> None:
        self.sqs = sqs = Caller()
        self.url, self.dead = sqs.dead_letter_pair(1, **attributes)
        self.beside = sqs.create(**attributes)
        fifo = "FifoQueue" in attributes
        self.ids = []
        for number in range(count):
            own = {"MessageGroupId": f"g{number % 2}"} if fifo else {}
            self.ids.append(sqs.send(self.url, str(number), **own)["MessageId"])
        for _ in range(2 * count):
            sqs.receive(self.url, VisibilityTimeout=0)
        assert sqs.count(self.dead) == count

    def start(self, destination: str | None = None, rate: int | None = None) -> Any:
        members: dict[str, Any] = {"SourceArn": self.sqs.arn(self.dead)}
        if destination is not None:
            members["DestinationArn"] = self.sqs.arn(destination)
        if rate is not None:
            members["MaxNumberOfMessagesPerSecond"] = rate
        return self.sqs.ask("StartMessageMoveTask", **members)

    def tasks(self, **members: Any) -> Any:
        return self.sqs.ask("ListMessageMoveTasks", SourceArn=self.sqs.arn(self.dead), **members)["Results"]

    def refusal(self, **members: Any) -> tuple[str, str, int]:
        told = self.sqs.ask("StartMessageMoveTask", **{"SourceArn": self.sqs.arn(self.dead), **members})
        return told["Error"]["Code"], told["Error"]["Message"], told["StatusCode"]


def test_a_moved_message_is_a_new_message() -> None:
    scene = Scene(1)
    sqs = scene.sqs
    sqs.sleep(100)
    scene.start()
    sqs.sleep(1)
    told = sqs.one(scene.url, AttributeNames=["All"])
    assert told["MessageId"] not in scene.ids
    assert told["Attributes"]["ApproximateReceiveCount"] == "1"
    assert int(told["Attributes"]["SentTimestamp"]) == (sqs.now - SECOND) // 1_000
    assert "DeadLetterQueueSourceArn" not in told["Attributes"]


def test_a_rate_is_kept() -> None:
    scene = Scene(10)
    scene.start(scene.beside, 2)
    moved = []
    for _ in range(5):
        moved.append(scene.sqs.count(scene.beside))
        scene.sqs.sleep(1)
    assert moved == [1, 3, 5, 7, 9]


@pytest.mark.parametrize("rate", [1, 3, 7, 10, 15, 499, 500, None])
def test_every_message_is_moved_once_at_any_rate(rate: int | None) -> None:
    scene = Scene(30)
    scene.start(scene.beside, rate)
    scene.sqs.sleep(31)
    (task,) = scene.tasks()
    assert task["Status"] == "COMPLETED"
    assert "TaskHandle" not in task
    bodies = [
        message.body for message in scene.sqs.region.queues[scene.beside.rpartition("/")[2]].queue.peek()
    ]
    assert sorted(bodies, key=int) == [str(number) for number in range(30)]


def test_messages_of_a_fifo_queue_go_home_in_order_within_five_minutes() -> None:
    scene = Scene(6, **BY_CONTENT)
    scene.start()
    scene.sqs.sleep(1)
    told = scene.sqs.receive(scene.url, MaxNumberOfMessages=10)["Messages"]
    assert [one["Body"] for one in told] == ["0", "2", "4", "1", "3", "5"]


def test_a_message_that_was_sent_to_the_dead_letter_queue_has_no_home() -> None:
    scene = Scene(0)
    scene.sqs.send(scene.dead)
    scene.start()
    (task,) = scene.tasks()
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert scene.sqs.count(scene.dead) == 1


def test_a_home_that_is_gone_fails_the_task_and_loses_nothing() -> None:
    scene = Scene(3)
    other = scene.sqs.create(
        RedrivePolicy=json.dumps({"deadLetterTargetArn": scene.sqs.arn(scene.dead), "maxReceiveCount": 1})
    )
    assert other
    scene.sqs.ask("DeleteQueue", QueueUrl=scene.url)
    scene.start()
    (task,) = scene.tasks()
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue")
    assert scene.sqs.count(scene.dead) == 3


def test_a_cancelled_task_moves_nothing_more() -> None:
    scene = Scene(10)
    handle = scene.start(scene.beside, 1)["TaskHandle"]
    scene.sqs.sleep(2)
    assert scene.sqs.ask("CancelMessageMoveTask", TaskHandle=handle) == {
        "ApproximateNumberOfMessagesMoved": 3
    }
    assert scene.tasks()[0]["Status"] == "CANCELLING"
    scene.sqs.sleep(10)
    assert scene.tasks()[0]["Status"] == "CANCELLED"
    assert scene.sqs.count(scene.beside) == 3
    told = scene.sqs.ask("CancelMessageMoveTask", TaskHandle=handle)
    assert told["Error"]["QueryErrorCode"] == "UnsupportedOperation"


def test_the_latest_task_is_listed_and_up_to_ten_where_asked_for() -> None:
    scene = Scene(1)
    for _ in range(12):
        scene.start(scene.beside)
        scene.sqs.sleep(1)
    assert len(scene.tasks()) == 1
    started = [task["StartedTimestamp"] for task in scene.tasks(MaxResults=10)]
    assert len(started) == 10
    assert started == sorted(started, reverse=True)
    told = scene.sqs.ask("ListMessageMoveTasks", SourceArn=scene.sqs.arn(scene.dead), MaxResults=11)
    assert told["Error"]["Code"] == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("members", "code", "message", "status"),
    [
        ({"SourceArn": "arn:aws:sqs:us-east-1:111111111111:none"}, "ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.", 404),
        ({"SourceArn": ""}, "MissingParameter", "The request must contain the parameter SourceArn.", 400),
        ({"DestinationArn": "arn:aws:sqs:us-east-1:111111111111:none"}, "ResourceNotFoundException", "The resource that you specified for the DestinationArn parameter doesn't exist.", 404),
        ({"MaxNumberOfMessagesPerSecond": 0}, "InvalidParameterValue", "Value 0 for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and 500, if provided.", 400),
        ({"MaxNumberOfMessagesPerSecond": 501}, "InvalidParameterValue", "Value 501 for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and 500, if provided.", 400),
    ],
)  # fmt: skip
def test_a_task_that_aws_refuses(members: dict[str, Any], code: str, message: str, status: int) -> None:
    assert Scene(1).refusal(**members) == (code, message, status)


def test_a_task_needs_another_queue_of_its_type() -> None:
    scene = Scene(1)
    assert scene.refusal(DestinationArn=scene.sqs.arn(scene.dead))[0] == "InvalidParameterValue"
    other = scene.sqs.create(**FIFO)
    assert scene.refusal(DestinationArn=scene.sqs.arn(other))[0] == "InvalidParameterValue"


@pytest.mark.parametrize("handle", ["foobared", "", "e30=", "W10=", "eyJ0YXNrSWQiOjF9"])
def test_a_task_handle_that_nobody_gave(handle: str) -> None:
    told = Caller().ask("CancelMessageMoveTask", TaskHandle=handle)
    wanted = (
        "Value for parameter TaskHandle is invalid."
        if handle
        else "The request must contain the parameter TaskHandle."
    )
    assert told["Error"]["Message"] == wanted
