"""How long an invocation takes in virtual time, and so when its outcome takes effect.

A handler that begins at virtual instant s runs at once, for real; its outcome takes effect at s + d. The duration d
holds for every outcome, an error or an exit too; where it reaches the function's timeout, the invocation timed out.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from attrs import define

from lambdarun.aws import limits
from lambdarun.model.cpu import Cpu, stretched
from lambdarun.model.draws import Draws
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import timed_out
from lambdarun.model.outcome import Cause, FunctionFailed, Outcome, Usage, is_time_out

_LONGEST_INIT: Final = Duration(limits.INIT_TIMEOUT.value * SECOND)


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
        # Nothing is known beforehand, so time stands still until it has ended.
        if self.mode is DurationMode.MEASURED or invocation.before_run:
            return invocation.started
        function = invocation.function
        timeout = function.timeout * SECOND
        # The earliest *possible* end, not the likely one: an outcome below its own pin would come too late for what happened
        # meanwhile.
        if not invocation.cold:
            return Instant(invocation.started + min(invocation.given, timeout))
        # A handler that does not import takes no time of its own.
        longest = timeout if invocation.init_within else longest_init(invocation)
        return Instant(invocation.started + min(function.init_duration, longest))

    def _stretched(self, duration: Duration, function: Function) -> Duration:
        return stretched(duration, function.memory_size) if function.cpu is Cpu.SCALED else duration

    def end(self, invocation: Invocation, outcome: Outcome, usage: Usage) -> tuple[Instant, Outcome, Usage]:
        """When an outcome takes effect, and the outcome and usage as of virtual time."""
        function = invocation.function
        timeout = function.timeout * SECOND
        measured = self.mode is DurationMode.MEASURED
        failed_init = isinstance(outcome, FunctionFailed) and outcome.cause is Cause.INIT_FAILED
        real = self._stretched(usage.duration, function) if measured else invocation.given
        duration = 0 if failed_init else real + usage.slept
        init = None
        # Also where the process died before it could tell: the model knows that this invocation was to initialise.
        if usage.init is not None or invocation.cold:
            # Not stretched by the share of the processor: AWS is said to give initialisation all of it (no page says so).
            own_init = (usage.init or 0) if measured else function.init_duration
            init = Duration(own_init + usage.init_slept)
        late = is_time_out(outcome)
        within = 0
        if init is not None:
            if invocation.init_within:
                within = init = min(init, Duration(timeout))
            elif init > (longest := longest_init(invocation)):
                outcome, late = timed_out(invocation.request_id, function.timeout, Cause.INIT_FAILED), False
                init, duration = longest, 0
        # `reaches`, not `passes`: at s + timeout AWS has cut it off. The process that really returned is reset by the driver.
        if late or within + duration >= timeout:
            outcome = timed_out(invocation.request_id, function.timeout)
            if invocation.init_within and (within == timeout or usage.init is None):
                init, within = None, 0  # it never ended: the invocation's time is all that is told of it
            duration = timeout - within
        usage = Usage(
            Duration(duration),
            init,
            Duration(0),
            Duration(0),
            usage.max_memory_mb,
            usage.output,
            usage.output_dropped,
            usage.init_output,
            usage.after_response if measured else Duration(0),
        )
        if invocation.before_run:
            return invocation.started, outcome, usage
        return Instant(invocation.started + (init or 0) + duration), outcome, usage


def longest_init(invocation: Invocation) -> Duration:
    """How long initialisation may take before it is given up; ahead of an invocation it has more time."""
    if not invocation.ahead:
        return _LONGEST_INIT
    return Duration(max(limits.PROVISIONED_INIT_TIMEOUT.value, invocation.function.timeout) * SECOND)
