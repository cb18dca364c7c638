"""How long an invocation takes in virtual time, and so when its outcome takes effect.

A handler that begins at virtual instant s runs at once, for real; its outcome takes effect at s + d. The duration d
holds for every outcome, an error or an exit too; where it reaches the function's timeout, the invocation timed out.
"""

from __future__ import annotations

from enum import Enum

from attrs import define

from lambdarun.model.declarations import Function
from lambdarun.model.draws import Draws
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import timed_out_payload
from lambdarun.model.outcome import Cause, FunctionFailed, Outcome, Usage


class DurationMode(Enum):
    """Where durations come from: the project, the running time, or the recording's REPORT lines."""

    DECLARED = "declared"
    MEASURED = "measured"
    RECORDED = "recorded"


@define(eq=False)
class HandlerTime:
    """Durations of invocations in virtual time."""

    mode: DurationMode
    draws: Draws

    def given(self, function: Function, recorded: Duration | None) -> Duration:
        """The duration that is known beforehand, without what the handler sleeps."""
        if self.mode is DurationMode.MEASURED:
            return Duration(0)
        if self.mode is DurationMode.RECORDED and recorded is not None:
            return recorded
        declared = function.duration
        if declared is None:
            return Duration(0)
        if declared.p50 == declared.p99:
            return declared.p50
        return Duration(self.draws.log_normal(f"duration:{function.name}", declared.p50, declared.p99))

    def floor(self, invocation: Invocation) -> Instant:
        """The earliest instant at which the outcome can take effect: virtual time may not reach it before."""
        if self.mode is DurationMode.MEASURED:
            return invocation.started
        function = invocation.function
        init = function.init_duration if invocation.cold else 0
        return Instant(invocation.started + init + min(invocation.given, function.timeout * SECOND))

    def end(self, invocation: Invocation, outcome: Outcome, usage: Usage) -> tuple[Instant, Outcome, Usage]:
        """When an outcome takes effect, and the outcome and usage as of virtual time."""
        function = invocation.function
        timeout = function.timeout * SECOND
        measured = self.mode is DurationMode.MEASURED
        duration = (usage.duration if measured else invocation.given) + usage.slept
        init = None
        if usage.init is not None or invocation.cold:
            real = (usage.init or 0) if measured else function.init_duration
            init = Duration(real + usage.init_slept)
        timed_out = isinstance(outcome, FunctionFailed) and outcome.cause is Cause.TIMED_OUT
        failed_init = isinstance(outcome, FunctionFailed) and outcome.cause is Cause.INIT_FAILED
        if timed_out or (duration >= timeout and not failed_init):
            payload = timed_out_payload(invocation.request_id, function.timeout)
            outcome = FunctionFailed(Cause.TIMED_OUT, "Sandbox.Timedout", payload)
            duration = timeout
        usage = Usage(
            Duration(duration),
            init,
            Duration(0),
            Duration(0),
            usage.max_memory_mb,
            usage.output,
            usage.output_dropped,
        )
        return Instant(invocation.started + (init or 0) + duration), outcome, usage
