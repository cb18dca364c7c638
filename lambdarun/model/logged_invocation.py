"""What is told of one invocation when its log is written, whatever the format."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from lambdarun.model.instant import Duration, Instant
from lambdarun.model.outcome import Cause
from lambdarun.model.records import InitialisationFailed, InvocationFailed, InvocationSucceeded

SUCCESS: Final = "success"
TIMEOUT: Final = "timeout"
ERROR: Final = "error"
# What ends the process is the platform's to report. A handler's exception and a response that is too large are an
# ordinary end for it: the runtime went on to ask for the next event.
_OF_THE_FUNCTION: Final = frozenset({Cause.RAISED.value, Cause.RESPONSE_TOO_LARGE.value})
_TOLD: Final = r"(?:Runtime|Function|Sandbox|Extension)\.[A-Z][A-Za-z]+"


@frozen(kw_only=True)
class LoggedInvocation:
    """An ended invocation with what it wrote."""

    ended: InvocationSucceeded | InvocationFailed
    output: bytes = b""
    init_output: int = 0
    """How many of the first bytes initialisation wrote."""
    dropped_bytes: int = 0
    """Of the output, beyond what is kept of one invocation."""
    failed_init: InitialisationFailed | None = None
    """The first initialisation, where it failed and was done again within the invocation."""
    within: Duration | None = None
    """What an initialisation within the invocation took, where it succeeded."""
    log_stream: str = ""
    initialisation_type: str = "on-demand"
    """Why its environment was initialised (AWS_LAMBDA_INITIALIZATION_TYPE)."""

    @property
    def version(self) -> str:
        """The version that ran."""
        return self.ended.version

    @property
    def init_failed_within(self) -> bool:
        """Whether it failed because the handler could not be imported within it either, or not before the time-out."""
        ended = self.ended
        if not isinstance(ended, InvocationFailed):
            return False
        overdue = ended.cause == Cause.TIMED_OUT.value
        return ended.cause == Cause.INIT_FAILED.value or (
            overdue and self.failed_init is not None and self.within is None
        )

    @property
    def begun(self) -> Instant:
        """When the handler got its event: behind an initialisation that is not part of the invocation."""
        return Instant(self.ended.started + (self.ended.init_us or 0))


def status(ended: InvocationSucceeded | InvocationFailed) -> tuple[str, str | None]:
    """The platform's status of an invocation, and the error type where that is error."""
    if not isinstance(ended, InvocationFailed) or ended.cause in _OF_THE_FUNCTION:
        return SUCCESS, None
    if ended.cause == Cause.TIMED_OUT.value:
        return TIMEOUT, None
    return ERROR, told_type(ended.error_type)


def told_type(error_type: str) -> str:
    """An error type as the platform tells it: one that is none of AWS's kinds is unknown to it (a module's own exception)."""
    return error_type if re.fullmatch(_TOLD, error_type) else "Runtime.Unknown"


def billed_ms(duration_us: int, init_us: int | None) -> int:
    """Whole milliseconds, rounded up; initialisation is billed too (since August 2025)."""
    return -(-(duration_us + (init_us or 0)) // 1_000)
