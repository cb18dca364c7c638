"""Rows 15 and 17 of what others get wrong, and a queue's faults, as a user of `runtime.queue(...)` meets them."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from lambdarun.model.declarations import Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.queue import Fifo, Queue, RedrivePolicy
from lambdarun.model.sqs_error import SqsError
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from tests.conftest import Declare, project_of

CONTENT = Fifo(content_based_deduplication=True)


def test_row_15_fifo_receives_by_group_and_a_late_delete_fails_where_a_standard_queues_succeeds() -> None:
    queues = {"jobs.fifo": Queue(name="jobs.fifo", fifo=CONTENT), "jobs": Queue(name="jobs")}
    with open_blocking_runtime(Project(queues=queues), clock=VirtualClock()) as runtime:
        jobs, standard = runtime.queue("jobs.fifo"), runtime.queue("jobs")
        for body in ("g1a", "g2a", "g1b"):
            jobs.send(body, message_group_id=body[:2])
        standard.send("x")
        received, other = jobs.receive(10), standard.receive(1)
        assert [one.body for one in received] == ["g1a", "g1b", "g2a"]
        runtime.advance(seconds=31)
        with pytest.raises(SqsError, match=r"Reason: The receipt handle has expired\."):
            jobs.delete(received[0])
        standard.delete(other[0])
        assert (jobs.counts().visible, standard.counts().visible) == (3, 0)


def test_row_17_the_dead_letter_queue_gets_the_message_at_the_next_receive_with_its_count() -> None:
    policy = RedrivePolicy(dead_letter_target="dead", max_receive_count=1)
    queues = {"jobs": Queue(name="jobs", redrive_policy=policy), "dead": Queue(name="dead")}
    with open_blocking_runtime(Project(queues=queues), clock=VirtualClock()) as runtime:
        jobs, dead = runtime.queue("jobs"), runtime.queue("dead")
        jobs.send("x")
        (first,) = jobs.receive(1)
        runtime.advance(seconds=31)
        assert (jobs.counts().visible, dead.counts().visible) == (1, 0)
        assert jobs.receive(1) == []
        assert (jobs.counts().visible, dead.counts().visible) == (0, 1)
        (moved,) = dead.receive(1)
        assert moved.message_id == first.message_id
        assert moved.attributes["ApproximateReceiveCount"] == "2"
        assert moved.attributes["SentTimestamp"] == first.attributes["SentTimestamp"]
        assert moved.attributes["DeadLetterQueueSourceArn"].endswith(":jobs")


def test_declared_duplicates_are_handled_twice_and_told(declare: Declare) -> None:
    function = declare(
        "def handler(event, context):\n"
        "    for record in event['Records']:\n"
        "        print(record['body'], record['attributes']['ApproximateReceiveCount'])\n"
    )
    project = project_of(
        function,
        queues={"jobs": Queue(name="jobs", duplicates=0.3)},
        mappings={"jobs": EventSourceMapping(name="jobs", queue="jobs", function=function.name)},
    )
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        for number in range(40):
            runtime.queue("jobs").send(str(number))
        runtime.settle()
        printed = b"".join(record.text for record in runtime.log.of("output.captured"))
        handled = Counter(line.split()[0] for line in printed.splitlines() if line[:1].isdigit())
        copies = Counter(record.message_id for record in runtime.log.of("message.duplicated"))
        assert len(handled) == 40
        assert 4 < copies.total() < 30
        assert handled.total() == 40 + copies.total()
        assert runtime.queue("jobs").counts().hidden == 0


def test_declared_sampling_leaves_messages_to_the_next_short_poll() -> None:
    project = Project(queues={"jobs": Queue(name="jobs", sampling=True)})
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        jobs = runtime.queue("jobs")
        for number in range(100):
            jobs.send(json.dumps(number))
        found = [len(jobs.receive(10)) for _ in range(10)]
        assert min(found) < 10
        assert sum(found) + jobs.counts().visible == 100
