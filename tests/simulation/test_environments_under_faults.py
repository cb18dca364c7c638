"""Environments killed, recycled, updated and provisioned at every phase of their life, by seed, without a process.

A simulated shell runs invocations and initialisations for random times and ends them in every way; meanwhile versions
are published, aliases move, code changes, and provisioned concurrency is asked for. A failing seed is in the test's
name and plays again.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from lambdarun.errors import Place
from lambdarun.model.arrival import Delivery, EventArrival
from lambdarun.model.declarations import Account, IdleTime, Project
from lambdarun.model.draws import Draws
from lambdarun.model.effects import Answer, Deployed, Effect, RunInvocation, StopEnvironment
from lambdarun.model.environment import Environment, InitialisationType, Phase
from lambdarun.model.function import Alias, Function
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import Refusal
from lambdarun.model.news import (
    Arrive,
    Deployment,
    Ended,
    Invoke,
    PublishVersion,
    PutAlias,
    PutProvisionedConcurrency,
    UpdateFunction,
)
from lambdarun.model.outcome import Cause, FunctionFailed, Outcome, Succeeded, SystemFailed, Usage
from lambdarun.model.provisioning import Status
from lambdarun.model.records import Record
from lambdarun.model.region import Region
from lambdarun.views.results_line import ResultLines

SEEDS = range(300)
PLACE = Place("simulation")
NAMES = ("fn", "fn:1", "fn:2", "fn:live", "fn:live", "fn:live", "fn:prod", "other")


def function(name: str, **settings: Any) -> Function:
    return Function(name=name, handler="a.b", code_uri=Path(), runtime="python3.11", **settings)


def runs(one: Function) -> tuple[str, int]:
    """What of a function these environments are made for: version and (here) timeout."""
    return one.pool, one.timeout


def project(chance: random.Random) -> Project:
    fn = function("fn", timeout=10, reserved_concurrent_executions=chance.choice([None, 4, 8]))
    versions = {number: evolve(fn, version=number) for number in ("1", "2")}
    weights = chance.choice([{}, {"2": 0.3}])
    aliases = {
        "live": Alias(
            name="live",
            function_version="1",
            additional_version_weights=weights,
            provisioned_concurrent_executions=chance.choice([None, 1, 3]),
        ),
        "prod": Alias(name="prod", function_version="$LATEST"),
    }
    return Project(
        account=Account(
            concurrent_executions=chance.choice([112, 1_000]),
            idle_time=chance.choice([None, IdleTime(least=Duration(5 * SECOND), most=Duration(60 * SECOND))]),
        ),
        functions={"fn": evolve(fn, versions=versions, aliases=aliases), "other": function("other")},
    )


class Simulation:
    """Steps a region, and plays the shell: what runs, what is stopped, and what must not happen to either."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.project = project(self.chance)
        self.region = Region(self.project, Draws(seed))
        self.log: list[Record] = []
        self.flying: list[tuple[Instant, int, Invocation]] = []
        self.working: dict[int, Environment] = {}
        self.stopped: dict[int, Environment] = {}
        self.seen: dict[int, Environment] = {}
        self.answers: list[Deployed | Refusal] = []
        self.tickets = 0
        self.answered: Counter[int] = Counter()
        self.asked: list[int] = []
        self.plan = sorted(
            (Instant(round(self.chance.uniform(0, 300) * SECOND)), number)
            for number in range(self.chance.randint(20, 90))
        )

    def ticket(self) -> int:
        self.tickets += 1
        self.asked.append(self.tickets)
        return self.tickets

    def happening(self, now: Instant) -> Invoke | Arrive | Deployment:
        """Something that a caller or a deployment does."""
        chance, drawn = self.chance, self.chance.random()
        if drawn < 0.45:
            return Invoke(self.ticket(), chance.choice(NAMES), b"{}")
        if drawn < 0.7:
            arrival = EventArrival(
                time=now, place=PLACE, source="s3", delivery=Delivery.ASYNC, payload=b"{}", function=chance.choice(NAMES)
            )  # fmt: skip
            return Arrive([arrival])
        if drawn < 0.78:
            latest = self.region.catalog.latest["fn"]
            changed = evolve(
                latest,
                timeout=chance.choice([5, 10, latest.timeout]),
                reserved_concurrent_executions=chance.choice([None, 2, 4, 8]),
            )
            return UpdateFunction(self.ticket(), changed)
        if drawn < 0.84:
            return PublishVersion(self.ticket(), "fn", Path(), chance.choice("abc"))
        if drawn < 0.92:
            version = chance.choice(sorted(self.region.catalog.versions("fn")))
            weights = chance.choice([{}, {"1": 0.5}])
            return PutAlias(
                self.ticket(),
                "fn",
                Alias(name="live", function_version=version, additional_version_weights=weights),
            )
        return PutProvisionedConcurrency(
            self.ticket(), "fn", chance.choice(["live", "1", "2"]), chance.randint(1, 4)
        )

    def outcome(self, invocation: Invocation) -> Outcome:
        drawn = self.chance.random()
        if invocation.ahead:
            failed = FunctionFailed(Cause.INIT_FAILED, "ValueError", b"{}")
            return Succeeded(b"") if drawn < 0.85 else failed if drawn < 0.95 else SystemFailed("killed")
        if invocation.cold and drawn < 0.1:
            return FunctionFailed(Cause.INIT_FAILED, "ValueError", b"{}")
        if drawn < 0.6:
            return Succeeded(b"null")
        cause = self.chance.choice([Cause.RAISED, Cause.TIMED_OUT, Cause.EXITED])
        return FunctionFailed(cause, "E", b"{}") if drawn < 0.95 else SystemFailed("the worker was killed")

    def do(self, now: Instant, effect: Effect) -> None:
        match effect:
            case RunInvocation(invocation):
                environment = invocation.environment
                assert environment.id not in self.working, "one thing at a time in an environment"
                assert environment.id not in self.stopped, "what was stopped does not work again"
                assert runs(environment.function) == runs(invocation.function), "its own version alone"
                self.working[environment.id] = self.seen[environment.id] = environment
                end = Instant(now + round(self.chance.expovariate(1 / 3) * SECOND))
                self.flying.append((end, invocation.number, invocation))
                self.flying.sort(key=lambda item: item[:2])
            case StopEnvironment(environment):
                assert environment.id not in self.working, "nothing is stopped at its work"
                assert environment.id not in self.stopped, "nothing is stopped twice"
                self.stopped[environment.id] = environment
            case Answer():
                self.answered[effect.ticket] += 1

    def step(self, now: Instant) -> None:
        records, effects = self.region.advance(now)
        assert all(record.time == now for record in records)
        self.log += records
        for effect in effects:
            self.do(now, effect)
        self.hold_the_books()

    def hold_the_books(self) -> None:
        """What holds after each step."""
        ledger, region = self.region.admission.ledger, self.region
        running = Counter(i.function.name for _, _, i in self.flying if not i.ahead)
        assert ledger.running_account == running.total() <= self.project.account.concurrent_executions
        assert all(ledger.running(name) == running[name] for name in ("fn", "other"))
        on_demand = Counter(
            i.function.name
            for _, _, i in self.flying
            if not i.ahead and i.environment.initialisation_type is InitialisationType.ON_DEMAND
        )
        for name in ("fn", "other"):
            assert ledger._shares[name].on_demand == on_demand[name]
        for allocation in region.provisioning.allocations.values():
            assert all(one.id in allocation.usable for one in allocation.idle)
            assert len(set(map(id, allocation.idle))) == len(allocation.idle)
            assert all(one.phase is Phase.IDLE for one in allocation.idle)
            assert all(one.function is allocation.function for one in allocation.idle)
            assert all(one.id not in self.stopped for one in (*allocation.usable.values(), *allocation.idle))
            assert allocation.ready <= max(allocation.requested, len(allocation.usable))
        busy = {one.id for one in region.admission.environments.living() if one.phase is Phase.BUSY}
        preparing = {one.id for one in region.admission.environments.living() if one.phase is Phase.PREPARING}
        assert busy | preparing == self.working.keys()

    def run(self) -> None:
        now, steps = Instant(0), 0
        self.region.deployments.begin(now)
        self.step(now)
        while True:
            if not self.plan and not self.flying and self.region.at_rest():
                return
            dues = [self.region.next_due(), self.flying[0][0] if self.flying else None]
            dues.append(self.plan[0][0] if self.plan else None)
            known = [due for due in dues if due is not None]
            assert known, "something is left but nothing is due"
            assert min(known) >= now, "time never goes back"
            now = min(known)
            while self.flying and self.flying[0][0] <= now:
                _, _, invocation = self.flying.pop(0)
                del self.working[invocation.environment.id]
                init = Duration(7) if invocation.cold else None
                usage = Usage(Duration(1), init, Duration(0), Duration(0), 1, b"", 0)
                self.region.take(now, Ended(invocation, self.outcome(invocation), usage))
            while self.plan and self.plan[0][0] <= now:
                self.plan.pop(0)
                self.region.take(now, self.happening(now))
            self.step(now)
            steps += 1
            assert steps < 20_000, "the run comes to an end"


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed{seed}")
def played(request: pytest.FixtureRequest) -> Simulation:
    """One seed played to its end, with the books held after each step."""
    simulation = Simulation(request.param)
    simulation.run()
    return simulation


def test_every_request_has_one_answer(played: Simulation) -> None:
    assert sorted(played.answered.elements()) == played.asked


def test_every_event_ends_once(played: Simulation) -> None:
    accepted = [r.request_id for r in played.log if r.kind == "event.accepted"]
    ended = [r.request_id for r in played.log if r.kind in ("event.settled", "event.discarded")]
    assert sorted(accepted) == sorted(ended)


def test_every_environment_lives_or_was_stopped_and_told_so(played: Simulation) -> None:
    living = {one.id for one in played.region.admission.environments.living()}
    assert living.isdisjoint(played.stopped)
    assert living | played.stopped.keys() == played.seen.keys()
    told = [record.environment for record in played.log if record.kind == "environment.stopped"]
    assert sorted(told) == sorted(played.stopped)
    assert all(one.phase is Phase.GONE for one in played.stopped.values())


def test_nothing_runs_old_code_for_long(played: Simulation) -> None:
    """At rest no environment is left of a configuration that an update replaced."""
    catalog = played.region.catalog
    for environment in played.region.admission.environments.living():
        if environment.function.version == "$LATEST":
            # A change of what is beside code and configuration leaves the environments as they are.
            latest = catalog.latest[environment.function.name]
            assert environment.function.timeout == latest.timeout


def test_no_provisioned_environment_is_cold_for_its_invocations(played: Simulation) -> None:
    used = {(r.time, r.request_id) for r in played.log if r.kind == "provisioned_concurrency.used"}
    for record in played.log:
        if record.kind == "invocation.started" and (record.time, record.request_id) in used:
            assert not record.cold


def test_an_allocation_that_is_ready_has_what_was_asked_for_or_lost_it_by_a_failed_init(
    played: Simulation,
) -> None:
    for allocation in played.region.provisioning.allocations.values():
        assert allocation.status is not Status.IN_PROGRESS
        if allocation.status is Status.FAILED:
            assert not allocation.usable
        # Nothing runs any more: all of it waits for the next call, initialised.
        assert sorted(one.id for one in allocation.idle) == sorted(allocation.usable)
        assert len(allocation.usable) <= allocation.requested
        assert not allocation.coming


def test_time_never_goes_back_in_the_log(played: Simulation) -> None:
    assert all(earlier.time <= later.time for earlier, later in pairwise(played.log))


def test_what_is_meant_to_happen_does_happen() -> None:
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for seed in range(60):
        simulation = Simulation(seed)
        simulation.run()
        kinds.update(record.kind for record in simulation.log)
        reasons.update(record.reason for record in simulation.log if record.kind == "environment.stopped")
    assert all(reasons[reason] > 10 for reason in ("recycled", "updated", "deprovisioned", "init failed"))
    assert all(kinds[kind] > 10 for kind in (
        "environment.provisioned", "environment.reset", "environment.init_failed", "provisioned_concurrency.ready",
        "provisioned_concurrency.failed", "provisioned_concurrency.used", "provisioned_concurrency.spilled_over",
        "version.published", "alias.put", "function.updated", "invocation.throttled",
    )), kinds  # fmt: skip


@pytest.mark.parametrize("seed", [2, 78, 212])
def test_equal_seeds_give_equal_logs(seed: int) -> None:
    texts = []
    for _ in range(2):
        simulation = Simulation(seed)
        simulation.run()
        texts.append(ResultLines(virtual=True).lines(simulation.log))
    assert texts[0] == texts[1]
