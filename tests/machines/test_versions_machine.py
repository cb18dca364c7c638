"""Versions, aliases and provisioned concurrency against a model that a reader can hold in mind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdarun.model.declarations import Account, Project
from lambdarun.model.draws import Draws
from lambdarun.model.effects import Answer, Deployed, RunInvocation
from lambdarun.model.function import LATEST, Alias, Function
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import Refusal
from lambdarun.model.news import (
    Ended,
    Invoke,
    PublishVersion,
    PutAlias,
    PutProvisionedConcurrency,
    UpdateFunction,
)
from lambdarun.model.outcome import Succeeded, Usage
from lambdarun.model.region import Region

FN = Function(name="fn", handler="a.b", code_uri=Path(), runtime="python3.11", timeout=1)
PLENTY = 50
DONE = Usage(Duration(1), None, Duration(0), Duration(0), 1, b"", 0)


class WhatIsPublishedStays(RuleBasedStateMachine):
    """The model: a list of (code, timeout), a dictionary of aliases, and how much each has provisioned."""

    def __init__(self) -> None:
        super().__init__()
        self.region = Region(
            Project(account=Account(concurrent_executions=1_000, idle_time=None), functions={"fn": FN}),
            Draws(0),
        )
        self.now = Instant(0)
        self.tickets = 0
        self.latest = ("code0", 1)
        self.published: list[tuple[str, int]] = []
        self.aliases: dict[str, tuple[str, dict[str, float]]] = {}
        self.provisioned: dict[str, int] = {}
        """Asked for, by qualifier."""
        self.ready_at: dict[str, Instant] = {}
        self.running: list[tuple[str, Invocation]] = []
        self.busy: Counter[str] = Counter()
        """Invocations in provisioned environments, by qualifier."""
        self.calls: Counter[str] = Counter()
        """Since time passed last."""

    def ask(self, kind: type, *arguments: object) -> Deployed | Refusal:
        self.tickets += 1
        self.region.take(self.now, kind(self.tickets, *arguments))
        (answer,) = [effect for effect in self.step() if isinstance(effect, Answer)]
        assert isinstance(answer.reply, Deployed | Refusal)
        return answer.reply

    def step(self) -> list[object]:
        """Play the shell: what is initialised ahead is so at once."""
        told: list[object] = []
        while True:
            _, effects = self.region.advance(self.now)
            told += effects
            ahead = [e.invocation for e in effects if isinstance(e, RunInvocation) and e.invocation.ahead]
            if not ahead:
                return told
            for invocation in ahead:
                self.region.take(self.now, Ended(invocation, Succeeded(b""), evolve(DONE, init=Duration(1))))

    @rule(code=st.sampled_from(["code0", "code1", "code2"]), timeout=st.integers(1, 3))
    def the_function_is_updated(self, code: str, timeout: int) -> None:
        self.latest = code, timeout
        assert isinstance(self.ask(UpdateFunction, evolve(FN, timeout=timeout)), Deployed)

    @precondition(lambda self: len(self.published) < 6)
    @rule()
    def a_version_is_published(self) -> None:
        reply = self.ask(PublishVersion, "fn", Path(self.latest[0]), self.latest[0])
        if not self.published or self.published[-1] != self.latest:
            self.published.append(self.latest)
        assert isinstance(reply, Deployed)
        assert reply.result.version == str(len(self.published))

    @rule(
        name=st.sampled_from(["live", "beta"]),
        version=st.sampled_from(["1", "2", "3", LATEST]),
        other=st.sampled_from([None, "1", "2"]),
    )
    def an_alias_is_put(self, name: str, version: str, other: str | None) -> None:
        weights = {other: 0.5} if other else {}
        there = [str(number) for number in range(1, len(self.published) + 1)]
        allowed = (version in there or (version == LATEST and not other)) and (
            other is None or (other in there and other != version)
        )
        reply = self.ask(
            PutAlias, "fn", Alias(name=name, function_version=version, additional_version_weights=weights)
        )
        # Provisioned concurrency cannot follow to $LATEST.
        allowed = allowed and not (version == LATEST and name in self.provisioned)
        assert isinstance(reply, Deployed) == allowed
        if allowed:
            if name in self.provisioned and self.aliases[name][0] != version:
                self.ready_at[name] = self.whole_at()
            self.aliases[name] = version, weights

    def whole_at(self) -> Instant:
        return Instant(self.now + 120 * SECOND)  # by then all of it is started, whatever the rate

    @precondition(lambda self: self.published)
    @rule(
        qualifier=st.sampled_from(["live", "1", "2"]),
        executions=st.integers(1, 3),
    )
    def concurrency_is_provisioned(self, qualifier: str, executions: int) -> None:
        reply = self.ask(PutProvisionedConcurrency, "fn", qualifier, executions)
        if isinstance(reply, Refusal):
            assert self.refusable(qualifier)
            return
        self.provisioned[qualifier] = executions
        self.ready_at[qualifier] = self.whole_at()

    def refusable(self, qualifier: str) -> bool:
        if qualifier in ("1", "2"):
            pointed = any(
                qualifier in (version, *weights)
                for name, (version, weights) in self.aliases.items()
                if name in self.provisioned
            )
            return int(qualifier) > len(self.published) or pointed
        if qualifier not in self.aliases:
            return True
        version, weights = self.aliases[qualifier]
        return version == LATEST or any(one in self.provisioned for one in (version, *weights))

    @rule(seconds=st.sampled_from([1, 130]))
    def time_passes(self, seconds: int) -> None:
        self.calls.clear()
        until = Instant(self.now + seconds * SECOND)
        while (due := self.region.next_due()) is not None and due <= until:
            self.now = max(self.now, due)
            self.step()
        self.now = until
        self.step()

    @rule(resource=st.sampled_from(["fn", "fn:1", "fn:2", "fn:live", "fn:beta"]))
    def it_is_called(self, resource: str) -> None:
        if len(self.running) >= PLENTY:
            return
        self.tickets += 1
        self.calls[resource.partition(":")[2]] += 1
        self.region.take(self.now, Invoke(self.tickets, resource, b"{}"))
        effects = self.step()
        ran = [effect.invocation for effect in effects if isinstance(effect, RunInvocation)]
        qualifier = resource.partition(":")[2]
        allowed = self.meant(qualifier)
        if not allowed:
            assert not ran
            return
        (invocation,) = ran
        assert invocation.function.version in allowed
        assert self.runs(invocation.function) == self.meant_runs(invocation.function.version)
        assert invocation.environment.function.pool == invocation.function.pool
        if invocation.environment.initialisation_type.value == "provisioned-concurrency":
            self.busy[qualifier] += 1
            assert qualifier in self.provisioned
        elif qualifier in self.provisioned and self.now >= self.ready_at[qualifier]:
            first = qualifier if qualifier.isdigit() else self.aliases[qualifier][0]
            if invocation.function.version == first != LATEST:
                # All of them are busy, or their requests a second (10 each) are used up.
                asked = self.provisioned[qualifier]
                assert self.busy[qualifier] >= asked or self.calls[qualifier] > 10 * asked
        self.running.append((qualifier, invocation))

    def meant(self, qualifier: str) -> set[str]:
        if qualifier in ("", LATEST):
            return {LATEST}
        if qualifier.isdigit():
            return {qualifier} if int(qualifier) <= len(self.published) else set()
        if qualifier not in self.aliases:
            return set()
        version, weights = self.aliases[qualifier]
        return {version, *weights}

    def runs(self, function: Function) -> tuple[str, int]:
        code = self.latest[0] if function.version == LATEST else str(function.code_uri)
        return code, function.timeout

    def meant_runs(self, version: str) -> tuple[str, int]:
        return self.latest if version == LATEST else self.published[int(version) - 1]

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def an_invocation_ends(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.running) - 1))
        qualifier, invocation = self.running.pop(place)
        if invocation.environment.initialisation_type.value == "provisioned-concurrency":
            self.busy[qualifier] -= 1
        self.region.take(self.now, Ended(invocation, Succeeded(b"null"), DONE))
        self.step()

    @invariant()
    def published_versions_are_what_they_were(self) -> None:
        for number, (code, timeout) in enumerate(self.published, 1):
            version = self.region.catalog.get(f"fn:{number}")
            assert version is not None
            assert (str(version.code_uri), version.timeout) == (code, timeout)

    @invariant()
    def no_more_is_provisioned_than_was_asked_for(self) -> None:
        for qualifier, asked in self.provisioned.items():
            allocation = self.region.provisioning.allocations[f"fn:{qualifier}"]
            assert allocation.requested == asked
            assert len(allocation.idle) <= allocation.ready
            if self.now >= self.ready_at[qualifier] and allocation.status.value == "READY":
                assert allocation.ready == asked

    @invariant()
    def the_slots_are_counted_right(self) -> None:
        assert self.region.admission.ledger.running_account == len(self.running)


WhatIsPublishedStays.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestWhatIsPublishedStays = WhatIsPublishedStays.TestCase
