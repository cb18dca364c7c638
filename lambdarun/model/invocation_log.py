"""One invocation's log in the Text format: platform lines rendered from its record, the handler's output between."""

from __future__ import annotations

import re
from typing import Final

from lambdarun.aws import limits, log_lines, platform_errors
from lambdarun.model.happened import NOT_TOLD
from lambdarun.model.instant import MILLISECOND
from lambdarun.model.logged_invocation import (
    ERROR,
    SUCCESS,
    TIMEOUT,
    LoggedInvocation,
    billed_ms,
    status,
    told_type,
)
from lambdarun.model.records import InvocationFailed, InvocationSucceeded

_RUNTIME: Final = r"([a-z]+)\.?(\d[\w.]*?|al\w+)(?:\.x)?"


def invocation_log(told: LoggedInvocation, runtime: str) -> str:
    """INIT_START (after a cold start), START, what the handler wrote, END and REPORT; `runtime` as `python3.11`."""
    ended, output, failed_init = told.ended, told.output, told.failed_init
    request_id = ended.request_id
    text = ""
    if ended.init_us is not None:
        text = init_start(runtime) + lines(output[: told.init_output])
        output = output[told.init_output :]
    elif failed_init is not None:
        text = init_start(runtime) + lines(failed_init.output)
        text += _init_report(failed_init.init_us, "init", failed_init.error_type)
    if told.init_failed_within:
        # START behind it, as AWS has it: the event was never handed to anybody.
        assert isinstance(ended, InvocationFailed)
        text += lines(output) + _init_report(ended.duration_us, "invoke", ended.error_type)
        output = b""
    text += log_lines.START.format(request_id=request_id, version=told.version) + lines(output)
    return text + log_lines.END.format(request_id=request_id) + report_line(ended)


def runtime_version(runtime: str) -> tuple[str, str]:
    """Version and ARN of a runtime, in AWS's form: a runtime of our own.

    >>> [runtime_version(name)[0] for name in ("python3.12", "nodejs22.x", "provided.al2023", "provided")]
    ['python:3.12.lambdarun', 'nodejs:22.lambdarun', 'provided:al2023.lambdarun', 'provided.lambdarun']
    """
    parts = re.fullmatch(_RUNTIME, runtime)
    named = runtime if parts is None else f"{parts[1]}:{parts[2]}"
    return f"{named}.lambdarun", "arn:aws:lambda:us-east-1::runtime:lambdarun"


def init_start(runtime: str) -> str:
    """The INIT_START line of a runtime such as `python3.11`."""
    version, arn = runtime_version(runtime)
    return log_lines.INIT_START.format(runtime=version, arn=arn)


def _init_report(init_us: int, phase: str, error_type: str) -> str:
    timed_out = error_type == platform_errors.TIMED_OUT.error_type
    said = _status(TIMEOUT if timed_out else ERROR, told_type(error_type))
    return log_lines.INIT_REPORT.format(init_ms=init_us / MILLISECOND, phase=phase, status=said)


def _status(said: str, error_type: str | None) -> str:
    if said == SUCCESS:
        return ""
    if said == TIMEOUT:
        return log_lines.STATUS_TIMEOUT
    return log_lines.STATUS_ERROR.format(error_type=error_type)


def lines(output: bytes) -> str:
    """Output as whole lines of text."""
    written = output.decode("utf-8", "replace")
    return written if not written or written.endswith("\n") else written + "\n"


def report_line(ended: InvocationSucceeded | InvocationFailed) -> str:
    """The REPORT line of an invocation."""
    line = log_lines.REPORT.format(
        request_id=ended.request_id,
        duration_ms=ended.duration_us / MILLISECOND,
        billed_ms=billed_ms(ended.duration_us, ended.init_us),
        memory_mb=ended.memory_mb,
    )
    if ended.max_memory_mb != NOT_TOLD:
        line += log_lines.MAX_MEMORY.format(max_memory_mb=min(ended.max_memory_mb, ended.memory_mb))
    if ended.init_us is not None:
        line += log_lines.INIT_DURATION.format(init_ms=ended.init_us / MILLISECOND)
    return f"{line}{_status(*status(ended))}\n"


def log_tail(log: str) -> bytes:
    """The last 4,096 bytes of a log (AWS: LogResult, before its base64); a character that is cut is replaced."""
    whole = log.encode()
    if len(whole) <= limits.LOG_TAIL_BYTES.value:
        return whole
    return whole[-limits.LOG_TAIL_BYTES.value :].decode("utf-8", "replace").encode()
