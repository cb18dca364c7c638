"""A run's invocations as log texts, read from its records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import define, field, frozen

from lambdarun.aws import log_lines
from lambdarun.model.declarations import Project
from lambdarun.model.invocation_log import init_start
from lambdarun.model.records import InvocationFailed, InvocationLost, InvocationSucceeded, Record
from lambdarun.model.version_records import EnvironmentProvisioned
from lambdarun.views.told_invocations import OfVersion, ToldInvocations


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
    _told: ToldInvocations = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._told = ToldInvocations(self.project)

    def read(self, records: Iterable[Record]) -> Iterator[LogText]:
        """The logs of the invocations that ended among `records`."""
        told = self._told
        for record in records:
            told.read(record)
            match record:
                case EnvironmentProvisioned():
                    # Ahead of any invocation: what its import wrote stands in its stream by itself.
                    log = told.log(record)
                    lines = "".join(f"{line}\n" for line in log.output(record.output))
                    begun = "" if log.function.logging.is_json else init_start(log.function.runtime)
                    yield self._text(record, begun + lines)
                case InvocationSucceeded() | InvocationFailed():
                    yield self._text(record, told.log(record).text(told.told(record)))
                case InvocationLost():
                    # The platform lost it: what was written is there, and nobody writes END and REPORT.
                    start = log_lines.START.format(request_id=record.request_id, version=record.version)
                    log = told.log(record)
                    lines = "".join(f"{line}\n" for line in log.output(told.lost_output(record)))
                    yield self._text(record, lines if log.function.logging.is_json else start + lines)
                case _:
                    pass

    def _text(self, ended: OfVersion, text: str) -> LogText:
        group = self._told.log(ended).function.log_group
        return LogText(group, self._told.streams.get(ended.environment, ""), text)
