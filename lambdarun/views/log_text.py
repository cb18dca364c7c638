"""A function's log as CloudWatch shows it: platform lines rendered from records, with the handler's output between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import define, field

from lambdarun.aws import limits, log_lines
from lambdarun.model.draws import uuid_text
from lambdarun.model.instant import MILLISECOND
from lambdarun.model.outcome import Cause
from lambdarun.model.records import (
    EnvironmentInitialised,
    InvocationFailed,
    InvocationStarted,
    InvocationSucceeded,
    OutputCaptured,
    Record,
)

# What ends the process is the platform's to report; a handler's exception is an ordinary end for it.
_STATUS: Final = {
    Cause.TIMED_OUT.value: log_lines.STATUS_TIMEOUT,
    Cause.EXITED.value: log_lines.STATUS_ERROR,
    Cause.INIT_FAILED.value: log_lines.STATUS_ERROR,
}


def runtime_version(python: str) -> tuple[str, str]:
    """The version and ARN of INIT_START: AWS's form, a runtime of our own."""
    return f"{python}.lambdarun", "arn:aws:lambda:us-east-1::runtime:lambdarun"


def billed_ms(duration_us: int, init_us: int | None) -> int:
    """Whole milliseconds, rounded up; initialisation is billed too (since August 2025)."""
    return -(-(duration_us + (init_us or 0)) // MILLISECOND)


def report_line(ended: InvocationSucceeded | InvocationFailed) -> str:
    """The REPORT line of an invocation."""
    line = log_lines.REPORT.format(
        request_id=uuid_text(ended.request_id),
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


@define(eq=False)
class LogText:
    """Reads records, and yields an invocation's whole log when it ends."""

    runtime: str
    _output: dict[int, bytes] = field(factory=dict, init=False)
    _initialised: set[int] = field(factory=set, init=False)

    def read(self, records: Iterable[Record]) -> Iterator[tuple[InvocationSucceeded | InvocationFailed, str]]:
        """The ended invocations among `records`, each with its log."""
        for record in records:
            match record:
                case OutputCaptured():
                    self._output[record.environment] = record.text
                case EnvironmentInitialised():
                    self._initialised.add(record.environment)
                case InvocationSucceeded() | InvocationFailed():
                    yield record, self._log(record)
                case InvocationStarted():
                    self._output.pop(record.environment, None)

    def _log(self, ended: InvocationSucceeded | InvocationFailed) -> str:
        request_id = uuid_text(ended.request_id)
        text = ""
        if ended.environment in self._initialised or (ended.init_us is not None):
            self._initialised.discard(ended.environment)
            version, arn = runtime_version(self.runtime.replace("python", "python:"))
            text = log_lines.INIT_START.format(runtime=version, arn=arn)
        text += log_lines.START.format(request_id=request_id)
        output = self._output.pop(ended.environment, b"").decode("utf-8", "replace")
        if output and not output.endswith("\n"):
            output += "\n"
        return text + output + log_lines.END.format(request_id=request_id) + report_line(ended)


def log_tail(log: str) -> bytes:
    """The last 4,096 bytes of a log (AWS: LogResult, before its base64)."""
    return log.encode()[-limits.LOG_TAIL_BYTES.value :]
