"""The whole region without processes: faults by seed, invariants by name.

A simulated shell runs invocations for random times, loses workers, and lets calls end in any order. A failing seed is in
the test's name and plays again.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lambdarun.errors import Place
from lambdarun.model.arrival import Delivery, EventArrival, MessageArrival
from lambdarun.model.declarations import (
    Account,
    AsyncInvokeConfiguration,
    EventSourceMapping,
    Function,
    Project,
    Queue,
    RedrivePolicy,
    Route,
)
from lambdarun.model.draws import Draws
from lambdarun.model.effects import RunInvocation
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.news import Arrive, Ended
from lambdarun.model.outcome import Cause, FunctionFailed, Outcome, Succeeded, SystemFailed, Usage
from lambdarun.model.records import Record
from lambdarun.model.region import Region
from lambdarun.views.results_line import ResultLines

SEEDS = range(300)
PLACE = Place("simulation")


def function(name: str, **settings: Any) -> Function:
    return Function(name=name, handler="a.b", code_uri=Path(), runtime="python3.11", **settings)


def project(chance: random.Random) -> Project:
    return Project(
        account=Account(concurrent_executions=chance.choice([103, 110, 1_000])),
        functions={
            "worker": function(
                "worker", timeout=10, reserved_concurrent_executions=chance.choice([1, 3, None])
            ),
            "events": function(
                "events",
                reserved_concurrent_executions=chance.choice([1, 2, None]),
                asynchronous=AsyncInvokeConfiguration(
                    maximum_retry_attempts=chance.choice([0, 1, 2]),
                    maximum_event_age_in_seconds=chance.choice([60, 600, 21_600]),
                ),
            ),
        },
        queues={
            "jobs": Queue(
                name="jobs",
                visibility_timeout=chance.choice([5, 10, 60]),
                redrive_policy=RedrivePolicy(
                    dead_letter_target="dead", max_receive_count=chance.choice([1, 3, 5])
                ),
            ),
            "dead": Queue(name="dead"),
        },
        mappings={
            "jobs": EventSourceMapping(
                name="jobs",
                queue="jobs",
                function="worker",
                batch_size=chance.choice([1, 3, 10]),
                maximum_batching_window_in_seconds=chance.choice([0, 0, 2]),
                report_batch_item_failures=chance.random() < 0.5,
            )
        },
        routes=(Route(key="s3", function="events"),),
    )


class Simulation:
    """Steps a region through arrivals and outcomes, in virtual time, with everything going wrong now and then."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.region = Region(project(self.chance), Draws(seed))
        self.log: list[Record] = []
        self.flying: list[tuple[Instant, int, Invocation]] = []
        self.busy: Counter[int] = Counter()
        self.sent = 0
        self.accepted = 0
        self.arrivals = self.make_arrivals()

    def make_arrivals(self) -> list[EventArrival | MessageArrival]:
        made: list[EventArrival | MessageArrival] = []
        for number in range(self.chance.randint(5, 60)):
            time = Instant(round(self.chance.uniform(0, 120) * SECOND))
            if self.chance.random() < 0.5:
                self.accepted += 1
                made.append(
                    EventArrival(time=time, place=PLACE, source="s3", delivery=Delivery.ASYNC, payload=b"{}")
                )
            else:
                self.sent += 1
                made.append(MessageArrival(time=time, place=PLACE, queue="jobs", body=str(number)))
        return sorted(made, key=lambda arrival: arrival.time)

    def outcome(self) -> Outcome:
        drawn = self.chance.random()
        if drawn < 0.5:
            return Succeeded(b"null")
        if drawn < 0.7:
            return FunctionFailed(Cause.RAISED, "E", b"{}")
        if drawn < 0.8:
            return FunctionFailed(Cause.TIMED_OUT, "Sandbox.Timedout", b"{}")
        if drawn < 0.9:
            return FunctionFailed(Cause.EXITED, "Runtime.ExitError", b"{}")
        return SystemFailed("the worker was killed")

    def step(self, now: Instant) -> None:
        records, effects = self.region.advance(now)
        assert all(record.time == now for record in records), "time of a record is the step's"
        self.log += records
        for effect in effects:
            assert isinstance(effect, RunInvocation)
            invocation = effect.invocation
            assert not self.busy[invocation.environment.id], "one event at a time in an environment"
            self.busy[invocation.environment.id] += 1
            end = Instant(now + round(self.chance.expovariate(1 / 3) * SECOND))
            self.flying.append((end, invocation.number, invocation))
        self.flying.sort(key=lambda item: item[:2])

    def run(self) -> None:
        now = Instant(0)
        steps = 0
        while True:
            dues = [self.region.next_due(), self.flying[0][0] if self.flying else None]
            dues.append(self.arrivals[0].time if self.arrivals else None)
            known = [due for due in dues if due is not None]
            if not self.arrivals and not self.flying and self.region.at_rest():
                return
            assert known, "something is left but nothing is due"
            assert min(known) >= now, "time never goes back"
            now = min(known)
            while self.flying and self.flying[0][0] <= now:
                _, _, invocation = self.flying.pop(0)
                self.busy[invocation.environment.id] -= 1
                usage = Usage(Duration(1), None, Duration(0), Duration(0), 1, b"", 0)
                self.region.take(now, Ended(invocation, self.outcome(), usage))
            while self.arrivals and self.arrivals[0].time <= now:
                self.region.take(now, Arrive([self.arrivals.pop(0)]))
            self.step(now)
            steps += 1
            assert steps < 100_000, "the run comes to an end"

    def count(self, kind: str) -> int:
        return sum(record.kind == kind for record in self.log)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_accepted_item_is_lost(seed: int) -> None:
    simulation = Simulation(seed)
    accepted, sent = simulation.accepted, simulation.sent
    simulation.run()
    count = simulation.count

    # Every asynchronous event is settled or discarded, exactly once.
    assert count("event.accepted") == accepted
    assert count("event.settled") + count("event.discarded") == accepted
    ended = Counter(r.request_id for r in simulation.log if r.kind in ("event.settled", "event.discarded"))
    assert set(ended.values()) <= {1}

    # Every message is deleted, dead-lettered or expired, and the queue is empty.
    deleted = {m for r in simulation.log if r.kind == "batch.settled" for m in r.deleted}
    dead = {r.message_id for r in simulation.log if r.kind == "message.dead_lettered"}
    assert len(deleted | dead) + count("message.expired") == sent
    waiting = simulation.region.queues["jobs"].queue.counts()
    assert (waiting.visible, waiting.hidden, waiting.delayed) == (0, 0, 0)
    assert simulation.region.queues["dead"].queue.counts().visible == len(dead - deleted) + len(
        dead & deleted
    )

    # Every invocation that started ended, and every slot is free again.
    ends = count("invocation.succeeded") + count("invocation.failed") + count("invocation.lost")
    assert count("invocation.started") == ends
    assert simulation.region.admission.ledger.running_account == 0

    # No function ran more environments at once than it may.
    reserved = simulation.region.project.functions["worker"].reserved_concurrent_executions
    if reserved is not None:
        assert all(
            r.running <= reserved
            for r in simulation.log
            if r.kind == "invocation.started" and r.function == "worker"
        )


@pytest.mark.parametrize("seed", [1, 77, 211])
def test_equal_seeds_give_equal_logs(seed: int) -> None:
    texts = []
    for _ in range(2):
        simulation = Simulation(seed)
        simulation.run()
        texts.append(ResultLines(virtual=True).lines(simulation.log))
    assert texts[0] == texts[1]
