"""Lets an invocation in or refuses it, and sees it off: the one way into an environment and out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.concurrency import ConcurrencyLedger
from lambdarun.model.draws import Draws
from lambdarun.model.effects import Effect, RunInvocation, StopEnvironment
from lambdarun.model.environment import (
    Environment,
    Environments,
    Happening,
    InitialisationType,
    Phase,
    StopReason,
)
from lambdarun.model.handler_time import HandlerTime
from lambdarun.model.instant import Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import not_json_refusal, response_too_large
from lambdarun.model.outcome import (
    Cause,
    FunctionFailed,
    NotJson,
    Outcome,
    Succeeded,
    SystemFailed,
    ThrottleReason,
    Usage,
)
from lambdarun.model.records import (
    EnvironmentInitialised,
    EnvironmentReset,
    EnvironmentStarted,
    ExtensionsFinished,
    InitialisationFailed,
    InvocationFailed,
    InvocationLost,
    InvocationStarted,
    InvocationSucceeded,
    InvocationThrottled,
    OutputCaptured,
    Record,
    RequestRefused,
)
from lambdarun.model.version_records import EnvironmentStopped

_HAPPENING: Final[Mapping[Cause, Happening]] = {
    Cause.RAISED: Happening.REPLIED,
    Cause.RESPONSE_TOO_LARGE: Happening.REPLIED,
    Cause.INIT_FAILED: Happening.INIT_FAILED,
    Cause.TIMED_OUT: Happening.TIMED_OUT,
    Cause.EXITED: Happening.EXITED,
    Cause.OUT_OF_MEMORY: Happening.OUT_OF_MEMORY,
}


class Provisioned(Protocol):
    """Who keeps environments that were initialised ahead."""

    def claim(self, now: Instant, invocation: Invocation) -> Environment | None:
        """One for this invocation, now busy and its slot taken; None: there is none."""

    def note_spillover(self, now: Instant, invocation: Invocation) -> None:
        """Be told that an invocation runs on demand."""

    def initialise_again(self, now: Instant, environment: Environment) -> None:
        """Look after one that lost its process."""


class Recycling(Protocol):
    """Who ends environments that are idle for long."""

    def watch(self, now: Instant, environment: Environment) -> None:
        """Take a new one in charge."""


# Everything that runs comes through `start` and leaves through `end`, whoever asked: so the ledger's slots and the
# environments are counted in one place, and the records of an invocation are the same for all triggers. Who asked is
# the invocation's `origin`, which is told the outcome last, when slot and environment are free again: what it starts
# then may take them.
@define(eq=False)
class Admission:
    """The ledger, the environments, and what a step has to tell: records and effects."""

    ledger: ConcurrencyLedger
    environments: Environments
    time: HandlerTime
    draws: Draws
    provisioned: Provisioned = field(init=False)
    recycling: Recycling = field(init=False)
    records: list[Record] = field(factory=list, init=False)
    effects: list[Effect] = field(factory=list, init=False)
    _number: int = field(default=0, init=False)

    def start(self, now: Instant, invocation: Invocation) -> ThrottleReason | None:
        """Give `invocation` an environment, or say why not."""
        function = invocation.function
        name = function.name
        environments, ledger = self.environments, self.ledger
        # Only what was called by a qualifier can have concurrency of its own.
        environment = self.provisioned.claim(now, invocation) if invocation.qualifier else None
        if environment is None:
            # The ledger before the environments: a refused invocation must not have made one.
            reason = ledger.take(now, name, environments.needs_new(function.pool), invocation.rated)
            if reason is not None:
                self._throttled(now, invocation, reason)
                return reason
            environment = environments.choose(now, function)
            if invocation.qualifier:
                self.provisioned.note_spillover(now, invocation)
        invocation.environment = environment
        self._number = number = self._number + 1
        invocation.number = number
        invocation.started = now
        invocation.cold = cold = environment.cold
        if cold and environment.runs == 1:
            self.records.append(EnvironmentStarted(now, name, environment.id, environment.log_stream))
            self.recycling.watch(now, environment)
        invocation.given = self.time.given(function, invocation.recorded)
        # `choose` has counted this run: more than one and cold again is a reset environment.
        invocation.init_within = cold and environment.runs > 1
        self.records.append(
            InvocationStarted(
                now,
                name,
                invocation.request_id,
                number,
                environment.id,
                invocation.trigger,
                invocation.attempt,
                cold,
                ledger.running(name),
                ledger.running_account,
                invocation.age,
                function.version,
                invocation.qualifier,
            )
        )
        self.effects.append(RunInvocation(invocation))
        return None

    def _throttled(self, now: Instant, invocation: Invocation, reason: ThrottleReason) -> None:
        function = invocation.function
        request_id, trigger, qualifier = invocation.request_id, invocation.trigger, invocation.qualifier
        self.records.append(
            InvocationThrottled(
                now, function.name, request_id, trigger, reason.value, function.version, qualifier
            )
        )

    def stop(self, now: Instant, environment: Environment, reason: StopReason) -> None:
        """End an environment that is without work."""
        if environment.phase is not Phase.GONE:
            self.environments.stop(environment)
        function = environment.function
        self.records.append(
            EnvironmentStopped(now, function.name, environment.id, function.version, reason.value)
        )
        self.effects.append(StopEnvironment(environment))

    def end(self, now: Instant, invocation: Invocation, outcome: Outcome, usage: Usage) -> None:
        """Free the slot and the environment, record what came of it, and tell the origin."""
        if invocation.ahead:
            invocation.origin.settle(now, invocation, outcome, usage)
            return
        failed_init = type(outcome) is FunctionFailed and outcome.cause is Cause.INIT_FAILED
        if failed_init and not invocation.init_within:
            self._initialise_again(now, invocation, outcome, usage)  # type: ignore[arg-type]  # seen by type()
            return
        function = invocation.function
        # First of all: what the origin starts below finds the slot free.
        if invocation.environment.initialisation_type is InitialisationType.ON_DEMAND:
            self.ledger.give_back(function.name)
        else:
            self.ledger.give_back_provisioned(function.name)
        if usage.output:
            self.records.append(
                OutputCaptured(
                    now,
                    function.name,
                    invocation.request_id,
                    invocation.environment.id,
                    usage.output,
                    usage.output_dropped,
                    0 if invocation.init_within else usage.init_output,
                )
            )
        if usage.after_response:
            self.records.append(
                ExtensionsFinished(
                    now,
                    function.name,
                    invocation.request_id,
                    invocation.environment.id,
                    invocation.started,
                    usage.after_response,
                    function.version,
                    invocation.qualifier,
                )
            )
        if usage.init is not None and not failed_init:
            environment = invocation.environment
            self.records.append(
                EnvironmentInitialised(now, function.name, environment.id, usage.init, environment.log_stream)
            )
        if invocation.init_within and usage.init is not None:
            usage = usage.with_init_within()
        # The size is the service's to judge, not the worker's: the handler succeeded, and its environment lives on.
        if type(outcome) is Succeeded:
            if len(outcome.payload) > limits.RESPONSE_BYTES.value:
                outcome = response_too_large()
                self._failed(now, invocation, outcome, usage)
            else:
                self._succeeded(now, invocation, outcome, usage)
        else:
            self._not_succeeded(now, invocation, outcome, usage)
        if invocation.environment.phase is not Phase.IDLE:
            self._left(now, invocation.environment)
        invocation.origin.settle(now, invocation, outcome, usage)

    def _left(self, now: Instant, environment: Environment) -> None:
        """Look after an environment that has no process any more, or that was only waited for."""
        if environment.outdated is not None:
            self.stop(now, environment, environment.outdated)
        elif environment.initialisation_type is InitialisationType.PROVISIONED_CONCURRENCY:
            self.provisioned.initialise_again(now, environment)

    def _initialise_again(
        self, now: Instant, invocation: Invocation, outcome: FunctionFailed, usage: Usage
    ) -> None:
        """Have a second process try to import the handler, now within the invocation's own time."""
        environment = invocation.environment
        invocation.failed_init = failed = InitialisationFailed(
            now,
            invocation.function.name,
            invocation.request_id,
            environment.id,
            usage.init or Duration(0),
            outcome.error_type,
            usage.output,
        )
        # The slot and the environment stay taken: for AWS this is still the same invocation.
        invocation.init_within = True
        invocation.started = now
        self.records.append(failed)
        self.effects.append(RunInvocation(invocation))

    def _succeeded(self, now: Instant, invocation: Invocation, outcome: Succeeded, usage: Usage) -> None:
        function = invocation.function
        self.environments.release(now, invocation.environment, Happening.REPLIED)
        self.records.append(
            InvocationSucceeded(
                now,
                function.name,
                invocation.request_id,
                invocation.number,
                invocation.environment.id,
                invocation.started,
                usage.duration,
                usage.init,
                function.memory_size,
                usage.max_memory_mb,
                outcome.payload,
                function.version,
                invocation.qualifier,
            )
        )

    def _not_succeeded(self, now: Instant, invocation: Invocation, outcome: Outcome, usage: Usage) -> None:
        name, environment = invocation.function.name, invocation.environment
        match outcome:
            case FunctionFailed():
                self._failed(now, invocation, outcome, usage)
            case NotJson():
                # The handler did not run: AWS refuses such a request before it reaches an environment.
                self.environments.release(now, environment, Happening.REPLIED)
                refusal = not_json_refusal(invocation.payload)
                self.records.append(RequestRefused(now, name, refusal.status, refusal.code, refusal.message))
            case SystemFailed():
                self.environments.release(now, environment, Happening.EXITED)
                self.records.append(
                    InvocationLost(
                        now,
                        name,
                        invocation.request_id,
                        invocation.number,
                        environment.id,
                        outcome.text,
                        environment.function.version,
                    )
                )

    def _failed(self, now: Instant, invocation: Invocation, outcome: FunctionFailed, usage: Usage) -> None:
        function = invocation.function
        happening = _HAPPENING[outcome.cause]
        self.environments.release(now, invocation.environment, happening)
        self.records.append(
            InvocationFailed(
                now,
                function.name,
                invocation.request_id,
                invocation.number,
                invocation.environment.id,
                invocation.started,
                usage.duration,
                usage.init,
                function.memory_size,
                usage.max_memory_mb,
                outcome.cause.value,
                outcome.error_type,
                outcome.payload,
                function.version,
                invocation.qualifier,
            )
        )
        if happening is not Happening.REPLIED:
            self.records.append(
                EnvironmentReset(now, function.name, invocation.environment.id, outcome.cause.value)
            )
