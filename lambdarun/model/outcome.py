"""What an invocation came to: a closed union, with what it used."""

from __future__ import annotations

from enum import Enum

from lambdarun.model.instant import Duration
from lambdarun.model.record_class import record


class Cause(Enum):
    """Why a function failed. All are `X-Amz-Function-Error: Unhandled` to a caller."""

    RAISED = "raised"
    """The handler raised, or its result has no JSON form: the environment lives on."""
    RESPONSE_TOO_LARGE = "response too large"
    """The environment lives on."""
    INIT_FAILED = "init failed"
    TIMED_OUT = "timed out"
    EXITED = "exited"
    OUT_OF_MEMORY = "out of memory"
    """The runtime's process was killed because the environment's processes held more than the memory size."""


class ThrottleReason(Enum):
    """AWS's `Reason` of a 429 (API model, ThrottleReason)."""

    CONCURRENT = "ConcurrentInvocationLimitExceeded"
    RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"
    RATE = "FunctionInvocationRateLimitExceeded"
    RESERVED_RATE = "ReservedFunctionInvocationRateLimitExceeded"


@record
class Succeeded:
    """The handler returned; `payload` is its result as JSON text."""

    payload: bytes


@record
class FunctionFailed:
    """The function failed; `payload` is AWS's error object as JSON text."""

    cause: Cause
    error_type: str
    payload: bytes


def is_time_out(outcome: object) -> bool:
    """Whether the function reached its timeout."""
    return isinstance(outcome, FunctionFailed) and outcome.cause is Cause.TIMED_OUT


@record
class NotJson:
    """The payload of a synchronous request is no JSON: the function did not run (AWS: 400)."""


@record
class Throttled:
    """No room: the function did not run."""

    reason: ThrottleReason


@record
class SystemFailed:
    """The service itself failed (AWS: 5xx): the function's outcome is unknown, no attempt is counted."""

    text: str


Outcome = Succeeded | FunctionFailed | NotJson | SystemFailed
"""What the shell reports of an invocation that was started."""


@record
class Usage:
    """What an invocation used, as the shell saw it. Durations in microseconds."""

    duration: Duration
    """From the event's hand-over to the result: `Duration` of the REPORT line."""
    init: Duration | None
    """Initialisation in this invocation's environment, None where it was warm."""
    slept: Duration
    """What the handler slept in virtual time, within neither of the two."""
    init_slept: Duration
    max_memory_mb: int
    output: bytes
    """What descriptors 1 and 2 got during the invocation."""
    output_dropped: int
    """Bytes of output beyond the cap."""
    init_output: int = 0
    """How many of the output's first bytes initialisation wrote."""
    after_response: Duration = Duration(0)
    """A part of the duration: from the runtime's response until its extensions were done too."""

    def with_init_within(self) -> Usage:
        """The same with initialisation as a part of the duration."""
        duration = Duration(self.duration + (self.init or 0))
        rest = (self.slept, self.init_slept, self.max_memory_mb, self.output, self.output_dropped)
        return Usage(duration, None, *rest)  # its init wrote behind START
