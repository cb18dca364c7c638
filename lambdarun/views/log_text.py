"""A run's invocations as log texts, read from its records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import define, field

from lambdarun.model.invocation_log import invocation_log
from lambdarun.model.records import (
    InitialisationFailed,
    InvocationFailed,
    InvocationSucceeded,
    OutputCaptured,
    Record,
)


@define(eq=False)
class LogText:
    """Reads records, and yields an invocation's whole log when it ends."""

    runtime: str
    _output: dict[int, OutputCaptured] = field(factory=dict, init=False)
    _failed_inits: dict[int, InitialisationFailed] = field(factory=dict, init=False)

    def read(self, records: Iterable[Record]) -> Iterator[tuple[InvocationSucceeded | InvocationFailed, str]]:
        """The ended invocations among `records`, each with its log."""
        for record in records:
            match record:
                case OutputCaptured():
                    self._output[record.environment] = record
                case InitialisationFailed():
                    self._failed_inits[record.environment] = record
                case InvocationSucceeded() | InvocationFailed():
                    captured = self._output.pop(record.environment, None)
                    output, init = (captured.text, captured.init_bytes) if captured else (b"", 0)
                    failed_init = self._failed_inits.pop(record.environment, None)
                    yield record, invocation_log(record, output, self.runtime, failed_init, init)
