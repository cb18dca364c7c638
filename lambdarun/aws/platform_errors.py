"""What Lambda's platform says where no code of the function can speak any more: error type and text, once, with its source.

These stand in the payload of an invocation (200, `X-Amz-Function-Error: Unhandled`), not in an error answer of the API.
"""

from __future__ import annotations

from collections.abc import Mapping
from signal import Signals
from typing import Final

from attrs import frozen

from lambdarun.aws.limits import LAMBDA_GUIDE

_TROUBLE: Final = f"{LAMBDA_GUIDE}/troubleshooting-invocation.html"


@frozen
class PlatformError:
    """One of the platform's errors: `errorType` and `errorMessage` of the payload."""

    error_type: str
    text: str
    source: str

    def of(self, **values: object) -> str:
        """The text with its values filled in."""
        return self.text.format(**values)


TIMED_OUT: Final = PlatformError("Sandbox.Timedout", "Task timed out after {seconds:.2f} seconds", _TROUBLE)
EXITED_SILENTLY: Final = PlatformError(
    "Runtime.ExitError", "Runtime exited without providing a reason", _TROUBLE
)
EXITED: Final = PlatformError("Runtime.ExitError", "Runtime exited with error: {how}", _TROUBLE)
BOOTSTRAP_MISSING: Final = PlatformError(
    "Runtime.InvalidEntrypoint",
    "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
    _TROUBLE,
)
# As Go tells why a program does not start: `permission denied`, `exec format error`.
BOOTSTRAP_UNUSABLE: Final = PlatformError("Runtime.InvalidEntrypoint", "fork/exec {path}: {fault}", _TROUBLE)
EXTENSION_CRASHED: Final = PlatformError(
    "Extension.Crash", "{how}", f"{LAMBDA_GUIDE}/runtimes-extensions-api.html"
)
EXTENSION_FAILED: Final = PlatformError(
    "Extension.InitError", "{fault}", f"{LAMBDA_GUIDE}/runtimes-extensions-api.html"
)
EXTENSION_GAVE_UP: Final = PlatformError(
    "Extension.ExitError", "{fault}", f"{LAMBDA_GUIDE}/runtimes-extensions-api.html"
)
EXTENSION_UNUSABLE: Final = PlatformError(
    "Extension.LaunchError", "fork/exec {path}: {fault}", f"{LAMBDA_GUIDE}/runtimes-extensions-api.html"
)
# The text is that of any process that SIGKILL ended; since 2025 the type tells why. Which of the two a payload has today
# no recording shows; REPORT lines have this one.
OUT_OF_MEMORY: Final = PlatformError(
    "Runtime.OutOfMemory", "Runtime exited with error: signal: killed", _TROUBLE
)
# Without the request id that the others begin with: recorded (test_lambda_too_large_response).
RESPONSE_TOO_LARGE: Final = PlatformError(
    "Function.ResponseSizeTooLarge",
    "Response payload size exceeded maximum allowed payload size ({limit} bytes).",
    f"{LAMBDA_GUIDE}/gettingstarted-limits.html",
)

# The platform is written in Go, and tells the end of a process as Go's os.ProcessState does: `exit status 3`, or
# `signal: ` and syscall.Signal's own words for it.
GO_SIGNALS: Final[Mapping[int, str]] = {
    Signals.SIGHUP: "hangup",
    Signals.SIGINT: "interrupt",
    Signals.SIGQUIT: "quit",
    Signals.SIGILL: "illegal instruction",
    Signals.SIGTRAP: "trace/breakpoint trap",
    Signals.SIGABRT: "aborted",
    Signals.SIGBUS: "bus error",
    Signals.SIGFPE: "floating point exception",
    Signals.SIGKILL: "killed",
    Signals.SIGUSR1: "user defined signal 1",
    Signals.SIGSEGV: "segmentation fault",
    Signals.SIGUSR2: "user defined signal 2",
    Signals.SIGPIPE: "broken pipe",
    Signals.SIGALRM: "alarm clock",
    Signals.SIGTERM: "terminated",
}
