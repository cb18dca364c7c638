"""The whole region without processes: faults by seed, invariants by name.

A simulated shell runs invocations for random times, loses workers, and lets calls end in any order. A failing seed is in
the test's name and plays again.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lambdarun.errors import Place
from lambdarun.model.arrival import Delivery, EventArrival, MessageArrival
from lambdarun.model.declarations import Account, Project, Route
from lambdarun.model.draws import Draws
from lambdarun.model.effects import RunInvocation
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import AsyncInvokeConfiguration, Function
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.news import Arrive, Ended
from lambdarun.model.outcome import Cause, FunctionFailed, Outcome, Succeeded, SystemFailed, Usage
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.model.records import Record
from lambdarun.model.region import Region
from lambdarun.views.results_line import ResultLines

SEEDS = range(300)
ENDS = ("invocation.succeeded", "invocation.failed", "invocation.lost")
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
        if drawn < 0.85:
            return FunctionFailed(Cause.OUT_OF_MEMORY, "Runtime.OutOfMemory", b"{}")
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


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed{seed}")
def played(request: pytest.FixtureRequest) -> Simulation:
    """One seed played to its end; all invariants are held against the same log."""
    simulation = Simulation(request.param)
    simulation.run()
    return simulation


def ids(simulation: Simulation, kind: str) -> list[Any]:
    return [record.request_id for record in simulation.log if record.kind == kind]


def test_every_accepted_event_is_settled_or_discarded_exactly_once(played: Simulation) -> None:
    ended = ids(played, "event.settled") + ids(played, "event.discarded")
    assert len(ids(played, "event.accepted")) == played.accepted
    assert sorted(ended) == sorted(ids(played, "event.accepted"))


def test_no_event_is_attempted_more_often_than_its_function_allows(played: Simulation) -> None:
    """Failures alone count: a throttle or a killed worker costs no attempt."""
    most = played.region.project.functions["events"].asynchronous.maximum_retry_attempts + 1
    accepted = set(ids(played, "event.accepted"))
    failed = Counter(request_id for request_id in ids(played, "invocation.failed") if request_id in accepted)
    assert max(failed.values(), default=0) <= most
    exhausted = {
        r.request_id for r in played.log if r.kind == "event.discarded" and r.condition == "RetriesExhausted"
    }
    assert all(failed[request_id] == most for request_id in exhausted)


def test_no_event_is_attempted_after_its_maximum_age(played: Simulation) -> None:
    most = played.region.project.functions["events"].asynchronous.maximum_event_age_in_seconds * SECOND
    accepted = {record.request_id: record.time for record in played.log if record.kind == "event.accepted"}
    for record in played.log:
        if record.kind == "invocation.started" and record.request_id in accepted:
            assert record.time - accepted[record.request_id] < most


def test_every_message_is_deleted_dead_lettered_or_expired(played: Simulation) -> None:
    deleted = {m for r in played.log if r.kind == "batch.settled" for m in r.deleted}
    dead = {r.message_id for r in played.log if r.kind == "message.dead_lettered"}
    assert len(deleted | dead) + played.count("message.expired") == played.sent
    waiting = played.region.queues["jobs"].queue.counts()
    assert (waiting.visible, waiting.hidden, waiting.delayed) == (0, 0, 0)
    assert played.region.queues["dead"].queue.counts().visible == len(dead)


def test_no_message_is_received_again_inside_its_visibility_nor_too_often(played: Simulation) -> None:
    project = played.region.project
    queue, mapping = project.queues["jobs"], project.mappings["jobs"]
    policy = queue.redrive_policy
    assert policy is not None
    received: dict[object, list[Instant]] = {}
    for record in played.log:
        if record.kind == "batch.received":
            for message in record.message_ids:
                received.setdefault(message, []).append(record.time)
    # A batch is told when its window ends, up to so much after its messages were received.
    gathered = mapping.maximum_batching_window_in_seconds
    for times in received.values():
        assert len(times) <= policy.max_receive_count
        least = (queue.visibility_timeout - gathered) * SECOND
        assert all(later - earlier >= least for earlier, later in pairwise(times))


def test_every_invocation_that_started_ended_and_every_slot_is_free_again(played: Simulation) -> None:
    ends = [record.invocation for kind in ENDS for record in played.log if record.kind == kind]
    assert sorted(ends) == [r.invocation for r in played.log if r.kind == "invocation.started"]
    ledger = played.region.admission.ledger
    assert ledger.running_account == ledger.running("worker") == ledger.running("events") == 0


def test_no_function_runs_more_environments_than_it_may(played: Simulation) -> None:
    project = played.region.project
    reserved = {name: f.reserved_concurrent_executions for name, f in project.functions.items()}
    for record in played.log:
        if record.kind == "invocation.started":
            most = reserved[record.function]
            assert most is None or record.running <= most
            assert record.running_account <= project.account.concurrent_executions


def test_time_never_goes_back_in_the_log(played: Simulation) -> None:
    assert all(earlier.time <= later.time for earlier, later in pairwise(played.log))


def test_the_faults_that_are_meant_to_happen_do_happen() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(40):
        simulation = Simulation(seed)
        simulation.run()
        kinds.update(record.kind for record in simulation.log)
    assert all(kinds[kind] > 20 for kind in (*ENDS, "invocation.throttled", "message.returned", "message.dead_lettered",
                                             "event.discarded", "batch.delayed"))  # fmt: skip


@pytest.mark.parametrize("seed", [1, 77, 211])
def test_equal_seeds_give_equal_logs(seed: int) -> None:
    texts = []
    for _ in range(2):
        simulation = Simulation(seed)
        simulation.run()
        texts.append(ResultLines(virtual=True).lines(simulation.log))
    assert texts[0] == texts[1]
