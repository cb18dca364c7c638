"""What belongs to one invocation's log, gathered from the records around its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field

from lambdarun.model.declarations import Project
from lambdarun.model.function_log import FunctionLog
from lambdarun.model.logged_invocation import LoggedInvocation
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
from lambdarun.model.version_records import EnvironmentProvisioned

OfVersion = InvocationSucceeded | InvocationFailed | InvocationLost | EnvironmentProvisioned
"""Records that say which version of a function they are about."""


@define(eq=False)
class ToldInvocations:
    """Keeps of each environment what its running invocation told, and forgets it when the next one starts."""

    project: Project
    streams: dict[int, str] = field(factory=dict, init=False)
    """Log streams by environment."""
    _logs: dict[tuple[str, str], FunctionLog] = field(factory=dict, init=False)
    _output: dict[int, OutputCaptured] = field(factory=dict, init=False)
    _failed_inits: dict[int, InitialisationFailed] = field(factory=dict, init=False)
    _initialised: dict[int, EnvironmentInitialised] = field(factory=dict, init=False)
    _readers: dict[type, Callable[[Any], None]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._readers = {
            InvocationStarted: self._started,
            EnvironmentProvisioned: self._stream,
            EnvironmentStarted: self._stream,
            EnvironmentInitialised: self._imported,
            OutputCaptured: self._captured,
            InitialisationFailed: self._failed,
        }

    def read(self, record: Record) -> None:
        """Take a record in."""
        reader = self._readers.get(type(record))
        if reader is not None:
            reader(record)

    def told(self, ended: InvocationSucceeded | InvocationFailed) -> LoggedInvocation:
        """All that its log is made of; the next one of its environment begins anew."""
        captured = self._output.pop(ended.environment, None)
        initialised = self._initialised.pop(ended.environment, None)
        return LoggedInvocation(
            ended=ended,
            output=captured.text if captured is not None else b"",
            init_output=captured.init_bytes if captured is not None else 0,
            dropped_bytes=captured.dropped_bytes if captured is not None else 0,
            failed_init=self._failed_inits.pop(ended.environment, None),
            within=initialised.init_us if initialised is not None and ended.init_us is None else None,
            log_stream=self.streams.get(ended.environment, ""),
        )

    def forget(self, environment: int) -> None:
        """Nobody asks for the log of the invocation that ended there."""
        self._output.pop(environment, None)
        self._initialised.pop(environment, None)
        self._failed_inits.pop(environment, None)

    def lost_output(self, lost: InvocationLost) -> bytes:
        """What an invocation wrote that the platform lost."""
        captured = self._output.pop(lost.environment, None)
        return b"" if captured is None else captured.text

    def log(self, record: OfVersion) -> FunctionLog:
        """How the function's log reads. Raises KeyError where the project has no such function."""
        key = record.function, record.version
        found = self._logs.get(key)
        if found is None:
            # A version that was published in the run logs as its function does.
            latest = self.project.functions[record.function]
            function = latest.versions.get(record.version, latest)
            found = self._logs[key] = FunctionLog(function, self.project.account)
        return found

    def _started(self, record: InvocationStarted) -> None:
        # Of an invocation that was refused only now (its event is no JSON) nothing may reach this one.
        self._initialised.pop(record.environment, None)
        self._output.pop(record.environment, None)

    def _stream(self, record: EnvironmentStarted | EnvironmentProvisioned) -> None:
        self.streams[record.environment] = record.log_stream

    def _imported(self, record: EnvironmentInitialised) -> None:
        self.streams[record.environment] = record.log_stream
        self._initialised[record.environment] = record

    def _captured(self, record: OutputCaptured) -> None:
        self._output[record.environment] = record

    def _failed(self, record: InitialisationFailed) -> None:
        self._failed_inits[record.environment] = record
