"""A run's invocations as log texts, read from its records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import define, field, frozen

from lambdarun.aws import log_lines
from lambdarun.model.declarations import Project
from lambdarun.model.function_log import FunctionLog
from lambdarun.model.logged_invocation import LATEST, LoggedInvocation
from lambdarun.model.records import (
    EnvironmentInitialised,
    EnvironmentStarted,
    InitialisationFailed,
    InvocationFailed,
    InvocationLost,
    InvocationStarted,
    InvocationSucceeded,
    OutputCaptured,
    Record,
)


@frozen
class LogText:
    """One invocation's log, and the stream that it belongs to."""

    log_group: str
    log_stream: str
    text: str
    """Whole lines."""


@define(eq=False)
class LogTexts:
    """Reads records, and yields an invocation's whole log when it ends."""

    project: Project
    _logs: dict[str, FunctionLog] = field(factory=dict, init=False)
    _streams: dict[int, str] = field(factory=dict, init=False)
    """By environment."""
    _output: dict[int, OutputCaptured] = field(factory=dict, init=False)
    _failed_inits: dict[int, InitialisationFailed] = field(factory=dict, init=False)
    _initialised: dict[int, EnvironmentInitialised] = field(factory=dict, init=False)

    def read(self, records: Iterable[Record]) -> Iterator[LogText]:
        """The logs of the invocations that ended among `records`."""
        for record in records:
            match record:
                case InvocationStarted():
                    # Of an invocation that was refused only now (its event is no JSON) nothing may reach this one.
                    self._initialised.pop(record.environment, None)
                    self._output.pop(record.environment, None)
                case EnvironmentStarted():
                    self._streams[record.environment] = record.log_stream
                case EnvironmentInitialised():
                    self._streams[record.environment] = record.log_stream
                    self._initialised[record.environment] = record
                case OutputCaptured():
                    self._output[record.environment] = record
                case InitialisationFailed():
                    self._failed_inits[record.environment] = record
                case InvocationSucceeded() | InvocationFailed():
                    yield self._text(record, self._log(record.function).text(self._told(record)))
                case InvocationLost():
                    # The platform lost it: what was written is there, and nobody writes END and REPORT.
                    start = log_lines.START.format(request_id=record.request_id, version=LATEST)
                    captured = self._output.pop(record.environment, None)
                    written = b"" if captured is None else captured.text
                    lines = "".join(f"{line}\n" for line in self._log(record.function).output(written))
                    is_json = self.project.functions[record.function].logging.is_json
                    yield self._text(record, lines if is_json else start + lines)
                case _:
                    pass

    def _told(self, ended: InvocationSucceeded | InvocationFailed) -> LoggedInvocation:
        captured = self._output.pop(ended.environment, None)
        initialised = self._initialised.pop(ended.environment, None)
        return LoggedInvocation(
            ended=ended,
            output=captured.text if captured is not None else b"",
            init_output=captured.init_bytes if captured is not None else 0,
            dropped_bytes=captured.dropped_bytes if captured is not None else 0,
            failed_init=self._failed_inits.pop(ended.environment, None),
            within=initialised.init_us if initialised is not None and ended.init_us is None else None,
            log_stream=self._streams.get(ended.environment, ""),
        )

    def _log(self, function: str) -> FunctionLog:
        found = self._logs.get(function)
        if found is None:
            found = self._logs[function] = FunctionLog(self.project.functions[function], self.project.account)
        return found

    def _text(self, ended: InvocationSucceeded | InvocationFailed | InvocationLost, text: str) -> LogText:
        group = self.project.functions[ended.function].log_group
        return LogText(group, self._streams.get(ended.environment, ""), text)
