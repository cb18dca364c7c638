"""Who reads a replay's records as they come: summary, files, progress on a terminal."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Final

from attrs import define, field

from lambdarun.cli import output
from lambdarun.cli.event_log_file import WholeFile
from lambdarun.cli.log_folder import LogFolder
from lambdarun.cli.report_file import ReportFile
from lambdarun.cli.settings import Settings
from lambdarun.model.declarations import Project
from lambdarun.model.instant import Duration, Instant, iso
from lambdarun.model.records import Record
from lambdarun.runtime.clock import wall_seconds
from lambdarun.runtime.journal import Reader
from lambdarun.views.alarms import Alarms
from lambdarun.views.backlog import Backlogs
from lambdarun.views.custom_metrics import CustomMetrics
from lambdarun.views.double_deliveries import DoubleDeliveries
from lambdarun.views.metrics import Metrics, metrics_of
from lambdarun.views.results_line import ResultLines
from lambdarun.views.summary import Summary
from lambdarun.views.vpc_timeouts import VpcTimeouts

_PROGRESS_EVERY_S: Final = 0.1


@define(eq=False)
class RunReaders:
    """Whoever reads a replay's records: the summary, the files that were asked for, the terminal."""

    virtual: bool
    project: Project
    out_path: str | None
    metrics_path: str | None
    """Paths of the files to write."""
    start: Instant
    files: ExitStack
    """Drops what was written of a file where the run breaks off."""
    target: Duration | None = None
    """The age that no queue's oldest message should pass; None: what the project says of each."""
    last: Instant = field(init=False)
    summary: Summary = field(init=False)
    alarms: Alarms | None = field(init=False)
    """None: the project declares none."""
    _timeouts: VpcTimeouts = field(init=False)
    _metrics: Metrics | None = field(init=False)
    _metrics_file: WholeFile | None = field(init=False)
    _lines: ResultLines = field(init=False)
    _out: WholeFile | None = field(init=False)
    _logs: LogFolder | None = field(default=None, init=False)
    _report: ReportFile | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.last = self.start
        self.summary = Summary(
            custom=CustomMetrics(self.project.functions),
            doubles=DoubleDeliveries(self.project),
            backlogs=Backlogs(_targets(self.project), self.target),
        )
        self._timeouts = VpcTimeouts(self.project)
        self._lines = ResultLines(self.virtual)
        self._out = self._file(self.out_path)
        self._metrics_file = self._file(self.metrics_path)
        self._metrics = self.alarms = None
        if self.metrics_path is not None or self.project.alarms:
            self._metrics = metrics_of(self.project)
            if self.project.alarms:
                # They have the metrics read along with them, each minute by itself.
                self.alarms = Alarms(self.project, self._metrics)

    def log_into(self, folder: Path) -> None:
        """Write a file a log stream there. Raises UsageError where that cannot be."""
        self._logs = LogFolder(folder, self.project)
        self.files.callback(self._logs.close)

    def report_into(self, path: Path) -> None:
        """Write the run's page there. Raises UsageError where that cannot be."""
        self._report = ReportFile(path, self.project)
        self.files.callback(self._report.drop)

    def _file(self, path: str | None) -> WholeFile | None:
        if path is None:
            return None
        file = WholeFile(Path(path))
        self.files.callback(file.drop)
        return file

    def all(self, settings: Settings) -> tuple[Reader, ...]:
        """Who reads the journal."""
        spoken = output.speakers(settings, virtual=self.virtual)
        # Progress overwrites its own line; between lines of a log, or in a file, it would only be noise.
        if spoken or settings.quiet or not sys.stderr.isatty():
            return (self.read, *spoken)
        progress = _Progress()
        self.files.callback(progress.clear)
        return (self.read, progress.read)

    def read(self, records: list[Record]) -> None:
        """Take a step's records in."""
        self.last = records[-1].time
        self.summary.read(records)
        self._timeouts.read(records)
        if self._out is not None:
            self._out.write(self._lines.lines(records))
        if self.alarms is not None:
            self.alarms.read(records)
        elif self._metrics is not None:
            self._metrics.read(records)
        if self._logs is not None:
            self._logs.read(records)
        if self._report is not None:
            self._report.read(records)

    def finish(self) -> None:
        """Put the files in their places."""
        self.summary.hints.extend(self._timeouts.notes())
        if self.alarms is not None:
            self.summary.alarms = self.alarms.figures()
        if self._out is not None:
            self._out.finish()
        if self._metrics is not None and self._metrics_file is not None:
            for line in chain(self._metrics.lines(), self.summary.custom.lines()):
                self._metrics_file.write(f"{line}\n")
            self._metrics_file.finish()
        if self._report is not None:
            self._report.finish(self.summary, () if self.alarms is None else self.alarms.transitions)


@define(eq=False)
class _Progress:
    """One line on a terminal, at most ten times a second."""

    _seen: int = 0
    _shown: float = field(factory=wall_seconds)

    def read(self, records: list[Record]) -> None:
        """Count records, and say how far the run is."""
        self._seen += len(records)
        now = wall_seconds()
        if now - self._shown >= _PROGRESS_EVERY_S:
            self._shown = now
            sys.stderr.write(f"\r\x1b[K{iso(records[-1].time)[:19]}  {self._seen:,} records\r")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave the line empty."""
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _targets(project: Project) -> dict[str, Duration]:
    """The queues with a target age, and which."""
    return {queue.name: queue.target_age for queue in project.queues.values() if queue.target_age is not None}
