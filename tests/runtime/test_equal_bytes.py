"""Random small projects replayed in virtual time: equal bytes however many workers there are and however long they take."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from lambdarun.errors import Place
from lambdarun.model.arrival import Arrival, Delivery, EventArrival, MessageArrival
from lambdarun.model.declarations import Project, Route
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import AsyncInvokeConfiguration, DeclaredDuration, Function
from lambdarun.model.instant import FIXED_START, SECOND, Duration, Instant
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.model.records import Record
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.journal import MemoryStore
from lambdarun.views.results_line import ResultLines
from tests.conftest import Declare

PLACE = Place("generated")
# What happens follows from the event and from the handler's seeded chance; how long it takes for real, from nothing.
SOURCE = """
import os, random, threading, time

def handler(event, context):
    threading.Event().wait(int.from_bytes(os.urandom(1), "big") / 50_000)
    records = event.get("Records", [event])
    say = [record.get("body", record.get("n")) for record in records]
    drawn = random.random()
    print(say, round(drawn, 3))
    if "n" in event and int(event["n"]) % 7 == 0 or drawn < 0.08:
        raise ValueError(say)
    if drawn < 0.16:
        time.sleep(drawn * 40)
    if drawn > 0.97:
        os._exit(1)
    if drawn > 0.8 and "Records" in event:
        return {"batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]}
    return say
"""


def make(chance: random.Random, declare: Declare) -> tuple[Project, list[Arrival]]:
    """A small project and what arrives in it."""

    def function(name: str, **settings: Any) -> Function:
        middle, late = sorted([chance.randrange(1, 3_000), chance.randrange(0, 5_000)])
        spread = DeclaredDuration(p50=Duration(middle * 1_000), p99=Duration(late * 1_000))
        return declare(
            SOURCE,
            name=name,
            timeout=chance.choice([3, 6]),
            duration=chance.choice([None, spread]),
            init_duration=Duration(chance.choice([0, 250_000])),
            reserved_concurrent_executions=chance.choice([None, 1, 3]),
            **settings,
        )

    policy = RedrivePolicy(dead_letter_target="dead", max_receive_count=chance.choice([1, 2, 4]))
    queues = {"dead": Queue(name="dead")}
    mappings = {}
    functions = {}
    for number in range(chance.randint(1, 3)):
        queue, name = f"q{number}", f"takes{number}"
        functions[name] = function(name)
        queues[queue] = Queue(
            name=queue,
            visibility_timeout=chance.choice([6, 36]),
            delay_seconds=chance.choice([0, 0, 4]),
            redrive_policy=policy,
        )
        mappings[queue] = EventSourceMapping(
            name=queue,
            queue=queue,
            function=name,
            batch_size=chance.choice([1, 3, 10]),
            maximum_batching_window_in_seconds=chance.choice([0, 1]),
            report_batch_item_failures=chance.random() < 0.5,
        )
    functions["hears"] = function(
        "hears",
        asynchronous=AsyncInvokeConfiguration(
            maximum_retry_attempts=chance.choice([0, 1, 2]),
            maximum_event_age_in_seconds=chance.choice([60, 21_600]),
        ),
    )
    arrivals: list[Arrival] = []
    for number in range(60):
        time = Instant(FIXED_START + chance.choice([0, 1_000_000, chance.randrange(60 * SECOND)]))
        if chance.random() < 0.4:
            payload = json.dumps({"n": number}).encode()
            arrivals.append(
                EventArrival(time=time, place=PLACE, source="s3", delivery=Delivery.ASYNC, payload=payload)
            )
        else:
            queue = f"q{chance.randrange(len(mappings))}"
            arrivals.append(MessageArrival(time=time, place=PLACE, queue=queue, body=str(number)))
    arrivals.sort(key=lambda arrival: arrival.time)
    routes = (Route(key="s3", function="hears"),)
    return Project(functions=functions, queues=queues, mappings=mappings, routes=routes), arrivals


def play(project: Project, arrivals: list[Arrival], seed: int, workers: int) -> tuple[str, MemoryStore]:
    options = Options(seed=seed, workers=workers)
    with open_blocking_runtime(project, clock=VirtualClock(), options=options) as runtime:
        runtime.replay(arrivals)
        assert runtime.driver.at_rest()
        return ResultLines(virtual=True).lines(list(runtime.log)), runtime.log


def check(project: Project, log: list[Record]) -> None:
    """No item lost or invented, time never goes back, attempts and receives explained."""
    assert all(earlier.time <= later.time for earlier, later in pairwise(log))

    def by(kind: str) -> list[Any]:
        return [record for record in log if record.kind == kind]

    accepted = [r.request_id for r in by("event.accepted")]
    ended = [r.request_id for r in (*by("event.settled"), *by("event.discarded"))]
    assert sorted(accepted) == sorted(ended)
    most = project.functions["hears"].asynchronous.maximum_retry_attempts + 1
    failed = Counter(r.request_id for r in by("invocation.failed") if r.request_id in set(accepted))
    assert max(failed.values(), default=0) <= most
    for record in by("event.discarded"):
        if record.condition == "RetriesExhausted":
            assert failed[record.request_id] == record.attempts == most
    sent = {r.message_id for r in by("message.sent")}
    deleted = {one for r in by("batch.settled") for one in r.deleted}
    dead = {r.message_id for r in by("message.dead_lettered")}
    assert sent == deleted | dead
    received = Counter(one for r in by("batch.received") for one in r.message_ids)
    in_flight: set[Any] = set()
    for record in log:
        if record.kind == "batch.received":
            assert in_flight.isdisjoint(record.message_ids)
            in_flight |= set(record.message_ids)
        elif record.kind == "message.returned":
            in_flight.remove(record.message_id)
            assert record.receive_count <= received[record.message_id]
        elif record.kind == "batch.settled":
            in_flight -= set(record.deleted)  # a late one deletes what has returned meanwhile
    assert not in_flight
    for record in by("message.dead_lettered"):
        policy = project.queues[record.queue].redrive_policy
        assert policy is not None
        assert record.receive_count == policy.max_receive_count == received[record.message_id]
    started = [r.invocation for r in by("invocation.started")]
    ends = [r.invocation for r in (*by("invocation.succeeded"), *by("invocation.failed"))]
    assert sorted(started) == sorted(ends)


@pytest.mark.parametrize("seed", range(4))
def test_equal_seeds_give_equal_bytes_for_any_number_of_workers(seed: int, declare: Declare) -> None:
    project, arrivals = make(random.Random(seed), declare)
    text, log = play(project, arrivals, seed, 1)
    check(project, list(log))
    for workers in (2, 8):
        assert play(project, arrivals, seed, workers)[0] == text
    assert play(project, arrivals, seed + 1, 8)[0] != text
