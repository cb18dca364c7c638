"""`--report FILE.html`: the run as a page."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from attrs import define, field

from lambdarun.cli.event_log_file import WholeFile
from lambdarun.errors import UsageError
from lambdarun.model.declarations import Project
from lambdarun.model.records import Record, RunStarted
from lambdarun.report.html import Assets, render_page
from lambdarun.report.html_data import Run, page_data
from lambdarun.views.alarms import Transition
from lambdarun.views.notable import Notable
from lambdarun.views.summary import Summary
from lambdarun.views.timeline import Timeline

_PAGES: Final = (".html", ".htm")


@define(eq=False)
class ReportFile:
    """Reads a run's records and writes its page when it has ended. Raises UsageError where that cannot be written."""

    path: Path
    project: Project
    _file: WholeFile = field(init=False)
    _timeline: Timeline = field(init=False)
    _notable: Notable = field(init=False)
    _started: RunStarted | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        # One slip of the fingers, and the page would stand where a handler or a project file stood.
        if self.path.is_file() and self.path.suffix.lower() not in _PAGES:
            raise UsageError(f"{self.path}: is there already and is no page. Name a file that ends in .html.")
        self._file = WholeFile(self.path)
        self._timeline = Timeline()
        self._notable = Notable(self.project)

    def read(self, records: list[Record]) -> None:
        """Take a step's records in."""
        if self._started is None and isinstance(records[0], RunStarted):
            self._started = records[0]
        self._timeline.read(records)
        self._notable.read(records)

    def finish(self, summary: Summary, transitions: Sequence[Transition] = ()) -> None:
        """Put the page in its place. Raises MachineError where the disk is full."""
        self._timeline.finish()
        run = Run(
            started=self._started,
            summary=summary,
            timeline=self._timeline,
            notable=self._notable,
            alarms=self.project.alarms,
            transitions=transitions,
        )
        self._file.write(render_page(page_data(run), assets()))
        self._file.finish()

    def drop(self) -> None:
        """Leave nothing of a page that was not finished."""
        self._file.drop()


def assets() -> Assets:
    """The page's files, from the package."""
    folder = files("lambdarun.report") / "assets"

    def read(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    return Assets(
        plot_style=read("uPlot.min.css"),
        plot_script=read("uPlot.iife.min.js"),
        plot_licence=read("uPlot-LICENSE"),
        style=read("report.css"),
        script=read("report.js"),
    )
