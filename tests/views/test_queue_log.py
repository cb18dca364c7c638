"""Whatever callers do to a queue and its dead-letter queue, the log tells where each message stands."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest

from lambdarun.model.declarations import Project
from lambdarun.model.draws import Draws
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.queue import Fifo, Queue, RedrivePolicy
from lambdarun.model.region import Region
from lambdarun.model.sqs_error import SqsError
from lambdarun.views.queue_metrics import QueueMetrics

START = 1_767_225_600


class _Run:
    """A region, a view of its log, and callers who do what chance says."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.fifo, self.tenants = bool(seed % 2), not seed % 3
        self.source, self.dead = ("q.fifo", "dead.fifo") if self.fifo else ("q", "dead")
        own: dict[str, Any] = {
            "visibility_timeout": self.chance.choice([5, 30]),
            "message_retention_period": 600,
        }
        own |= {"fifo": Fifo(content_based_deduplication=True)} if self.fifo else {}
        own["redrive_policy"] = RedrivePolicy(dead_letter_target=self.dead, max_receive_count=2)
        own["duplicates"] = 0 if self.fifo else self.chance.choice([0, 0.3])
        dead = Queue(name=self.dead, message_retention_period=600)
        self.region = Region(
            Project(queues={self.source: Queue(name=self.source, **own), self.dead: dead}), Draws(seed)
        )
        self.view = QueueMetrics(lambda *_: None)
        self.readers = self.view.readers()
        self.now, self.sent = Instant(START * SECOND), 0
        self.held: list[tuple[str, str]] = []

    def call(self, action: str, **members: Any) -> Any:
        told: Any = {}
        with suppress(SqsError):
            told = self.region.sqs.call(self.now, action, members)
        return told

    def step(self) -> None:
        chance = self.chance
        queue = chance.choice([self.source, self.source, self.dead])
        match chance.choices(["send", "receive", "delete", "change", "purge", "redrive", "delay", "wait"],
                             [30, 25, 10, 10, 3, 3, 4, 15])[0]:  # fmt: skip
            case "send":
                self.sent += 1
                group = {"MessageGroupId": f"g{chance.randrange(3)}"} if self.fifo or self.tenants else {}
                self.call("SendMessage", QueueUrl=self.source, MessageBody=str(self.sent), **group)
            case "receive":
                told = self.call("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=chance.randint(1, 10))
                self.held += [(queue, one["ReceiptHandle"]) for one in told.get("Messages", [])]
            case "delete" if self.held:
                url, handle = self.held.pop(chance.randrange(len(self.held)))
                self.call("DeleteMessage", QueueUrl=url, ReceiptHandle=handle)
            case "change" if self.held:
                url, handle = chance.choice(self.held)
                seconds = chance.choice([0, 3, 50])
                self.call(
                    "ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds
                )
            case "purge":
                self.call("PurgeQueue", QueueUrl=queue)
            case "redrive":
                self.call("StartMessageMoveTask", SourceArn=self.region.sqs.room.arn(self.dead))
            case "delay":
                delay = {"DelaySeconds": str(chance.choice([0, 4, 20]))}
                self.call("SetQueueAttributes", QueueUrl=self.source, Attributes=delay)
            case _:
                self.wait(chance.choice([1, 7, 40, 200]))
        self.look()

    def wait(self, seconds: int) -> None:
        until = Instant(self.now + seconds * SECOND)
        while (due := self.region.next_due()) is not None and due <= until:
            self.now = max(due, self.now)
            self.look()
        self.now = until

    def look(self) -> None:
        for record in self.region.advance(self.now)[0]:
            reader = self.readers.get(type(record))
            if reader is not None:
                reader(record)


@pytest.mark.parametrize("seed", range(40))
def test_the_log_of_a_region_tells_where_each_message_stands(seed: int) -> None:
    run = _Run(seed)
    for _ in range(150):
        run.step()
        for name, polled in run.region.queues.items():
            messages = run.view._queue(name).messages
            told, counts = messages.standing(run.now), polled.queue.counts()
            assert (told.visible, told.in_flight, told.delayed) == (
                counts.visible,
                counts.hidden,
                counts.delayed,
            )
            assert len(messages.groups_in_flight) == polled.queue.groups_in_flight
