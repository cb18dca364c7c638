"""Lets an invocation in or refuses it, and sees it off: the one way into an environment and out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.concurrency import ConcurrencyLedger
from lambdarun.model.draws import Draws
from lambdarun.model.effects import Effect, RunInvocation
from lambdarun.model.environment import Environments, Happening
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

_HAPPENING: Final[Mapping[Cause, Happening]] = {
    Cause.RAISED: Happening.REPLIED,
    Cause.RESPONSE_TOO_LARGE: Happening.REPLIED,
    Cause.INIT_FAILED: Happening.INIT_FAILED,
    Cause.TIMED_OUT: Happening.TIMED_OUT,
    Cause.EXITED: Happening.EXITED,
    Cause.OUT_OF_MEMORY: Happening.OUT_OF_MEMORY,
}


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
    records: list[Record] = field(factory=list, init=False)
    effects: list[Effect] = field(factory=list, init=False)
    _number: int = field(default=0, init=False)

    def start(self, now: Instant, invocation: Invocation) -> ThrottleReason | None:
        """Give `invocation` an environment, or say why not."""
        function = invocation.function
        name = function.name
        environments, ledger = self.environments, self.ledger
        # The ledger before the environments: a refused invocation must not have made one.
        reason = ledger.take(now, name, environments.needs_new(name), invocation.rated)
        if reason is not None:
            self.records.append(
                InvocationThrottled(now, name, invocation.request_id, invocation.trigger, reason.value)
            )
            return reason
        invocation.environment = environment = environments.choose(now, function)
        self._number = number = self._number + 1
        invocation.number = number
        invocation.started = now
        invocation.cold = cold = environment.cold
        if environment.runs == 1:
            self.records.append(EnvironmentStarted(now, name, environment.id, environment.log_stream))
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
            )
        )
        self.effects.append(RunInvocation(invocation))
        return None

    def end(self, now: Instant, invocation: Invocation, outcome: Outcome, usage: Usage) -> None:
        """Free the slot and the environment, record what came of it, and tell the origin."""
        failed_init = type(outcome) is FunctionFailed and outcome.cause is Cause.INIT_FAILED
        if failed_init and not invocation.init_within:
            self._initialise_again(now, invocation, outcome, usage)  # type: ignore[arg-type]  # seen by type()
            return
        function = invocation.function
        # First of all: what the origin starts below finds the slot free.
        self.ledger.give_back(function.name)
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
        invocation.origin.settle(now, invocation, outcome, usage)

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
        self.environments.release(invocation.environment, Happening.REPLIED)
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
            )
        )

    def _not_succeeded(self, now: Instant, invocation: Invocation, outcome: Outcome, usage: Usage) -> None:
        name, environment = invocation.function.name, invocation.environment
        match outcome:
            case FunctionFailed():
                self._failed(now, invocation, outcome, usage)
            case NotJson():
                # The handler did not run: AWS refuses such a request before it reaches an environment.
                self.environments.release(environment, Happening.REPLIED)
                refusal = not_json_refusal(invocation.payload)
                self.records.append(RequestRefused(now, name, refusal.status, refusal.code, refusal.message))
            case SystemFailed():
                self.environments.release(environment, Happening.EXITED)
                self.records.append(
                    InvocationLost(
                        now, name, invocation.request_id, invocation.number, environment.id, outcome.text
                    )
                )

    def _failed(self, now: Instant, invocation: Invocation, outcome: FunctionFailed, usage: Usage) -> None:
        function = invocation.function
        happening = _HAPPENING[outcome.cause]
        self.environments.release(invocation.environment, happening)
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
            )
        )
        if happening is not Happening.REPLIED:
            self.records.append(
                EnvironmentReset(now, function.name, invocation.environment.id, outcome.cause.value)
            )
