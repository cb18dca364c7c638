"""Provisioned concurrency: environments of a version, initialised ahead of their invocations.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from attrs import define, field, frozen

from lambdarun.aws import limits
from lambdarun.model.admission import Admission
from lambdarun.model.catalog import Callee
from lambdarun.model.concurrency import TokenBucket, requests_bucket
from lambdarun.model.draws import RequestId
from lambdarun.model.due_queue import DueQueue
from lambdarun.model.effects import RunInvocation
from lambdarun.model.environment import NEXT_PHASE, Environment, Happening, Phase, StopReason
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Duration, Instant, after
from lambdarun.model.invocation import Initialisation, InitialisationBeforeRun, Invocation
from lambdarun.model.outcome import FunctionFailed, Outcome, Succeeded, Usage
from lambdarun.model.records import EnvironmentStarted
from lambdarun.model.version_records import (
    EnvironmentProvisioned,
    ProvisionedConcurrencyFailed,
    ProvisionedConcurrencyReady,
    ProvisionedConcurrencyRequested,
    ProvisionedConcurrencySpilledOver,
    ProvisionedConcurrencyUsed,
)
from lambdarun.model.wakes import Wakes

_NO_REQUEST: Final = RequestId("")
_BETWEEN: Final = Duration(SECOND // limits.PROVISIONING_PER_SECOND.value)
INIT_FAILURE: Final = "FUNCTION_ERROR_INIT_FAILURE"
"""AWS's StatusReason (recorded: test_provisioned_concurrency_init_failure)."""


class Status(Enum):
    """How far an allocation is (AWS: ProvisionedConcurrencyStatusEnum)."""

    IN_PROGRESS = "IN_PROGRESS"
    READY = "READY"
    FAILED = "FAILED"


@frozen
class ProvisionedConcurrencyConfig:
    """What AWS answers to GetProvisionedConcurrencyConfig."""

    requested: int
    allocated: int
    available: int
    status: Status
    status_reason: str | None


@define(eq=False)
class Allocation:
    """The provisioned concurrency of one version or alias."""

    callee: Callee
    function: Function
    """The version for which it is allocated (of an alias: the one it points to; an additional one of it runs on
    demand, as far as people tell: AWS documents nothing)."""
    requested: int
    status: Status = Status.IN_PROGRESS
    status_reason: str | None = None
    idle: list[Environment] = field(factory=list)
    usable: dict[int, Environment] = field(factory=dict)
    """What is allocated: idle, busy, or being initialised again."""
    coming: dict[int, Environment] = field(factory=dict)
    """Initialised for the first time, until all of them are ready."""
    planned: int = 0
    """To be started yet."""
    ready: int = 0
    """How many of the usable ones are of the present version."""
    requests: TokenBucket = field(factory=lambda: requests_bucket(0))
    generation: int = 0
    """Counts the requests: what was planned for an earlier one is not started."""

    def config(self) -> ProvisionedConcurrencyConfig:
        """As AWS would answer."""
        allocated = len(self.usable)
        return ProvisionedConcurrencyConfig(
            self.requested, allocated, allocated, self.status, self.status_reason
        )


# An environment passes two rooms: `coming` while all that was asked for gets ready, `usable` from the moment at which
# the last of them is (AWS: usable only when fully allocated). Its `home` is the list `idle`, into which it comes back
# by itself; what was taken back while it was busy is marked outdated, and ends with its invocation.
#
# An alias that moves to another version keeps its old environments until the new ones are ready, as recorded
# (test_lambda_provisioned_concurrency_moves_with_alias); calls meanwhile run the new version, on demand.
@define(eq=False)
class Provisioning:
    """All allocations of an account."""

    admission: Admission
    wakes: Wakes
    allocations: dict[str, Allocation] = field(factory=dict, init=False)
    """By resource: `thumbnail:live`."""
    _starts: DueQueue[tuple[Allocation, int]] = field(factory=DueQueue, init=False)
    _next_start: dict[str, Instant] = field(factory=dict, init=False)
    """When a function may start its next environment: AWS bounds the rate."""

    def put(
        self, now: Instant, callee: Callee, function: Function, requested: int, *, before_run: bool = False
    ) -> Allocation:
        """Have `requested` environments of `function` ready for calls of `callee`; `before_run`: as of now."""
        found = self.allocations.get(callee.resource)
        if found is None:
            found = self.allocations[callee.resource] = Allocation(callee, function, requested)
        found.generation += 1
        found.requested, found.planned = requested, 0
        found.status, found.status_reason = Status.IN_PROGRESS, None
        moved = found.function is not function
        self.admission.records.append(
            ProvisionedConcurrencyRequested(now, callee.name, callee.qualifier, function.version, requested)
        )
        kept = [one for one in found.usable.values() if one.function is function]
        if moved:
            found.function = function
            # The old ones stay where they are, and no call finds them there.
            found.idle = [one for one in kept if one.phase is Phase.IDLE]
            for one in kept:
                one.home = found.idle
        coming = [one for one in found.coming.values() if one.function is function]
        for surplus in [one for one in found.coming.values() if one.function is not function]:
            surplus.outdated = StopReason.DEPROVISIONED
            del found.coming[surplus.id]
        wanted = requested - len(kept) - len(coming)
        # The newest go first: what nobody has used yet, and of those in use what has been for the shortest time.
        while wanted < 0:
            surplus = (coming or kept).pop()
            self._take_back(now, found, surplus)
            wanted += 1
        self._allocated(found)
        found.planned = wanted
        for _ in range(wanted):
            if before_run:
                self._start(now, found, before_run=True)
            else:
                self._plan(now, found)
        self._settle(now, found)
        self.wakes.stir(self)
        return found

    def claim(self, now: Instant, invocation: Invocation) -> Environment | None:
        """A provisioned environment for `invocation`, now busy and its slot taken; None: there is none."""
        found = self.allocations.get(f"{invocation.function.name}:{invocation.qualifier}")
        if found is None or not found.idle or found.function is not invocation.function:
            return None
        if invocation.rated and not found.requests.has(now):
            return None
        if not self.admission.ledger.take_provisioned(invocation.function.name):
            return None
        if invocation.rated:
            found.requests.take()
        environment = self.admission.environments.claim(found.idle)
        self._tell_use(now, invocation, found, ProvisionedConcurrencyUsed)
        return environment

    def note_spillover(self, now: Instant, invocation: Invocation) -> None:
        """Count an invocation that runs on demand although its version has provisioned environments."""
        found = self.allocations.get(f"{invocation.function.name}:{invocation.qualifier}")
        if found is not None and found.ready and found.function is invocation.function:
            self._tell_use(now, invocation, found, ProvisionedConcurrencySpilledOver)

    def initialise_again(self, now: Instant, environment: Environment) -> None:
        """Give a provisioned environment that lost its process another one, before there is an event for it."""
        environment.phase = NEXT_PHASE[environment.phase][Happening.PREPARED]
        self._initialise(now, environment)

    def settle(self, now: Instant, invocation: Invocation, outcome: Outcome, usage: Usage) -> None:
        """Take in that an initialisation ended."""
        environment = invocation.environment
        found = next(
            (
                one
                for one in self.allocations.values()
                if environment.id in one.coming or environment.id in one.usable
            ),
            None,
        )
        if isinstance(outcome, Succeeded):
            self._initialised(now, environment, usage)
            self.admission.environments.release(now, environment, Happening.INITIALISED)
        else:
            self.admission.environments.release(now, environment, Happening.INIT_FAILED)
            if environment.phase is not Phase.GONE:
                environment.outdated = environment.outdated or StopReason.INIT_FAILED
        if environment.outdated is not None:
            self.admission.stop(now, environment, environment.outdated)
        if found is None:
            return
        if not isinstance(outcome, Succeeded):
            self._failed(now, found, environment, outcome, usage)
        self._settle(now, found)

    def wake(self, now: Instant) -> None:
        """Start what is due."""
        for found, generation in self._starts.take_due(now):
            if found.generation == generation and found.planned:
                self._start(now, found)

    def next_due(self) -> Instant | None:
        """When the next environment is started."""
        return self._starts.next_due()

    def at_rest(self) -> bool:
        """Whether nothing is being allocated."""
        return all(
            one.status is not Status.IN_PROGRESS
            and all(each.phase is not Phase.PREPARING for each in one.usable.values())
            for one in self.allocations.values()
        )

    def _plan(self, now: Instant, found: Allocation) -> None:
        name = found.callee.name
        first = after(now, limits.PROVISIONING_DELAY.value)
        due = max(first, self._next_start.get(name, first))
        self._next_start[name] = Instant(due + _BETWEEN)
        self._starts.put(due, (found, found.generation))

    def _start(self, now: Instant, found: Allocation, *, before_run: bool = False) -> None:
        found.planned -= 1
        # A home of its own, where no call finds it, until all of them are ready.
        environment = self.admission.environments.prepare(now, found.function, [])
        found.coming[environment.id] = environment
        self.admission.records.append(
            EnvironmentStarted(now, found.callee.name, environment.id, environment.log_stream)
        )
        self._initialise(now, environment, before_run=before_run)

    def _initialise(self, now: Instant, environment: Environment, *, before_run: bool = False) -> None:
        kind = InitialisationBeforeRun if before_run else Initialisation
        work = kind(environment.function, _NO_REQUEST, b"", self, None, "init", rated=False)
        # Below all invocations' numbers, and one for each environment: there is one of these at a time.
        work.number = -environment.id
        work.environment, work.started, work.cold = environment, now, True
        work.given, work.init_within = Duration(0), False
        self.admission.effects.append(RunInvocation(work))

    def _initialised(self, now: Instant, environment: Environment, usage: Usage) -> None:
        function = environment.function
        took = usage.init or Duration(0)
        self.admission.records.append(
            EnvironmentProvisioned(
                now,
                function.name,
                environment.id,
                function.version,
                took,
                environment.log_stream,
                usage.output,
            )
        )

    def _failed(
        self, now: Instant, found: Allocation, environment: Environment, outcome: Outcome, usage: Usage
    ) -> None:
        """An initialisation failed: nothing is allocated. One that was done again costs its environment alone; AWS
        documents neither."""
        found.coming.pop(environment.id, None)
        found.usable.pop(environment.id, None)
        self._allocated(found)
        if found.status is not Status.IN_PROGRESS and found.usable:
            return
        for surplus in (*found.coming.values(), *found.usable.values()):
            self._take_back(now, found, surplus)
        found.planned = 0
        found.status, found.status_reason = Status.FAILED, INIT_FAILURE
        self._allocated(found)
        callee, error_type = found.callee, "ServiceException"
        if isinstance(outcome, FunctionFailed):
            error_type = outcome.error_type
        self.admission.records.append(
            ProvisionedConcurrencyFailed(
                now,
                callee.name,
                callee.qualifier,
                found.function.version,
                INIT_FAILURE,
                error_type,
                usage.output,
            )
        )

    def _settle(self, now: Instant, found: Allocation) -> None:
        """Hand over what was asked for once all of it is initialised."""
        if found.status is not Status.IN_PROGRESS or found.planned:
            return
        if any(one.phase is not Phase.IDLE for one in found.coming.values()):
            return
        for old in [one for one in found.usable.values() if one.function is not found.function]:
            self._take_back(now, found, old)
        for one in found.coming.values():
            one.home = found.idle
            found.idle.append(one)
        found.usable.update(found.coming)
        found.coming.clear()
        found.status = Status.READY
        self._allocated(found)
        callee = found.callee
        self.admission.records.append(
            ProvisionedConcurrencyReady(
                now, callee.name, callee.qualifier, found.function.version, len(found.usable)
            )
        )

    def _take_back(self, now: Instant, found: Allocation, environment: Environment) -> None:
        found.coming.pop(environment.id, None)
        found.usable.pop(environment.id, None)
        if environment.phase is Phase.IDLE:
            self.admission.stop(now, environment, StopReason.DEPROVISIONED)
        else:
            environment.outdated = StopReason.DEPROVISIONED
        self._allocated(found)

    def _allocated(self, found: Allocation) -> None:
        """Tell the ledger what a function has allocated in all."""
        name, ready = found.callee.name, len(found.usable)
        if found.requests.capacity != ready * limits.REQUESTS_PER_CONCURRENCY.value:
            found.requests = requests_bucket(ready)
        found.ready = sum(one.function is found.function for one in found.usable.values())
        total = sum(len(one.usable) for one in self.allocations.values() if one.callee.name == name)
        self.admission.ledger.provision(name, total)

    def _tell_use(
        self,
        now: Instant,
        invocation: Invocation,
        found: Allocation,
        kind: type[ProvisionedConcurrencyUsed] | type[ProvisionedConcurrencySpilledOver],
    ) -> None:
        # One that is being initialised again is in use, too.
        running = found.ready - len(found.idle)
        callee, version = found.callee, invocation.function.version
        self.admission.records.append(
            kind(
                now,
                callee.name,
                callee.qualifier,
                version,
                invocation.request_id,
                running,
                found.ready,
            )
        )
