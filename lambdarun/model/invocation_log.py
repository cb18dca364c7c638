"""One invocation's log as CloudWatch shows it: platform lines rendered from its record, the handler's output between."""

from __future__ import annotations

from typing import Final

from lambdarun.aws import limits, log_lines, platform_errors
from lambdarun.model.instant import MILLISECOND
from lambdarun.model.outcome import Cause
from lambdarun.model.records import InitialisationFailed, InvocationFailed, InvocationSucceeded
from lambdarun.model.runtimes import version_of

# What ends the process is the platform's to report; a handler's exception is an ordinary end for it.
_STATUS: Final = {
    Cause.TIMED_OUT.value: log_lines.STATUS_TIMEOUT,
    Cause.EXITED.value: log_lines.STATUS_ERROR,
    Cause.INIT_FAILED.value: log_lines.STATUS_ERROR,
}


def invocation_log(
    ended: InvocationSucceeded | InvocationFailed,
    output: bytes,
    runtime: str,
    failed_init: InitialisationFailed | None = None,
    init_output: int = 0,
) -> str:
    """INIT_START (after a cold start), START, what the handler wrote, END and REPORT; `runtime` as `python3.11`.

    The first `init_output` bytes of the output are the initialisation's: they stand before START.
    """
    request_id = ended.request_id
    text = ""
    if ended.init_us is not None:
        text = _init_start(runtime) + _lines(output[:init_output])
        output = output[init_output:]
    elif failed_init is not None:
        text = _init_start(runtime) + _lines(failed_init.output)
        text += _init_report(failed_init.init_us, "init", failed_init.error_type)
    text += log_lines.START.format(request_id=request_id) + _lines(output)
    if isinstance(ended, InvocationFailed) and ended.cause == Cause.INIT_FAILED.value:
        text += _init_report(ended.duration_us, "invoke", ended.error_type)
    return text + log_lines.END.format(request_id=request_id) + report_line(ended)


def _init_start(runtime: str) -> str:
    # AWS's form; a runtime of our own.
    version = f"{version_of(runtime)}.lambdarun"
    arn = "arn:aws:lambda:us-east-1::runtime:lambdarun"
    return log_lines.INIT_START.format(runtime=version, arn=arn)


def _init_report(init_us: int, phase: str, error_type: str) -> str:
    status = log_lines.STATUS_ERROR.format(error_type=error_type)
    if error_type == platform_errors.TIMED_OUT.error_type:
        status = log_lines.STATUS_TIMEOUT
    return log_lines.INIT_REPORT.format(init_ms=init_us / MILLISECOND, phase=phase, status=status)


def _lines(output: bytes) -> str:
    written = output.decode("utf-8", "replace")
    return written if not written or written.endswith("\n") else written + "\n"


def report_line(ended: InvocationSucceeded | InvocationFailed) -> str:
    """The REPORT line of an invocation."""
    line = log_lines.REPORT.format(
        request_id=ended.request_id,
        duration_ms=ended.duration_us / MILLISECOND,
        billed_ms=billed_ms(ended.duration_us, ended.init_us),
        memory_mb=ended.memory_mb,
        max_memory_mb=min(ended.max_memory_mb, ended.memory_mb),
    )
    if ended.init_us is not None:
        line += log_lines.INIT_DURATION.format(init_ms=ended.init_us / MILLISECOND)
    if isinstance(ended, InvocationFailed) and ended.cause in _STATUS:
        line += _STATUS[ended.cause].format(error_type=ended.error_type)
    return line + "\n"


def billed_ms(duration_us: int, init_us: int | None) -> int:
    """Whole milliseconds, rounded up; initialisation is billed too (since August 2025)."""
    return -(-(duration_us + (init_us or 0)) // MILLISECOND)


def log_tail(log: str) -> bytes:
    """The last 4,096 bytes of a log (AWS: LogResult, before its base64); a character that is cut is replaced."""
    whole = log.encode()
    if len(whole) <= limits.LOG_TAIL_BYTES.value:
        return whole
    return whole[-limits.LOG_TAIL_BYTES.value :].decode("utf-8", "replace").encode()
