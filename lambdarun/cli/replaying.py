"""What `lambdarun replay` does: read, check, run through time, sum up."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import trio
from attrs import define, evolve, field, frozen

from lambdarun.cli import output
from lambdarun.cli.event_log_file import WholeFile
from lambdarun.cli.settings import Settings
from lambdarun.errors import UsageError
from lambdarun.model.arrival import Arrival, MessageArrival
from lambdarun.model.consistency import Finding, Severity, check, mapping_findings
from lambdarun.model.declarations import EventSourceMapping, Project, Queue
from lambdarun.model.handler_time import DurationMode
from lambdarun.model.instant import Instant, iso, parse_instant
from lambdarun.model.records import Record, RunEnded, RunStarted
from lambdarun.project.lone_handler import resolve
from lambdarun.recordings.read import Recording
from lambdarun.report.text import render
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.clock import RealClock, VirtualClock, wall_seconds
from lambdarun.runtime.journal import ForgetfulStore, Reader
from lambdarun.runtime.session import open_runtime
from lambdarun.views.metrics import Metrics
from lambdarun.views.results_line import ResultLines
from lambdarun.views.summary import Summary

_PROGRESS_EVERY_S: Final = 0.1
_SPEEDS: Final = {"1x": 1, "10x": 10}


@frozen(kw_only=True)
class Replay:
    """What the command line asked for."""

    files: tuple[str, ...]
    function: str | None
    by_project: bool
    start_at: str | None
    workers: int | None
    out: str | None
    metrics: str | None
    fail_on: str
    allow_short_visibility: bool
    as_json: bool
    chosen: Mapping[str, Any]


def run(settings: Settings, request: Replay) -> int:
    """Replay, print the summary, return the exit code."""
    chosen = {name: one.value for name, one in settings.chosen(request.chosen).items()}
    project, function = _target(settings, request)
    recording = Recording([Path(file) for file in request.files], _instant(request.start_at))
    arrivals = list(recording)
    for text in recording.notices:
        output.notice(settings, text)
    if _report(settings, _findings(project, function, arrivals, request)):
        return 3
    run_of = _Run(chosen["speed"] == "max", request, arrivals[0].time if arrivals else Instant(0))
    try:
        return _run(settings, request, run_of, project, function, chosen, arrivals)
    except BaseException:
        run_of.abandon()
        raise


def _run(
    settings: Settings,
    request: Replay,
    run_of: _Run,
    project: Project,
    function: str | None,
    chosen: Mapping[str, Any],
    arrivals: list[Arrival],
) -> int:
    started = RunStarted(
        run_of.start, version("lambdarun"), chosen["seed"], chosen["speed"], chosen["durations"]
    )
    run_of.read([started])
    options = Options(
        seed=chosen["seed"],
        durations=DurationMode(chosen["durations"]),
        function=function,
        readers=run_of.readers(settings),
    )
    if request.workers is not None:
        options = evolve(options, workers=request.workers)
    clock = (
        VirtualClock(run_of.start) if run_of.virtual else RealClock(run_of.start, _SPEEDS[chosen["speed"]])
    )
    interrupted = False
    try:
        trio.run(_replay, project, clock, options, arrivals)
    except KeyboardInterrupt:
        interrupted = True
    run_of.read([RunEnded(run_of.last, interrupted)])
    run_of.finish()
    _print(settings, request, run_of.summary)
    if interrupted:
        return 130
    return _exit_code(request, run_of.summary)


async def _replay(
    project: Project, clock: RealClock | VirtualClock, options: Options, arrivals: Iterable[Arrival]
) -> None:
    async with open_runtime(project, clock=clock, store=ForgetfulStore(), options=options) as runtime:
        await runtime.replay(arrivals)


def _target(settings: Settings, request: Replay) -> tuple[Project, str | None]:
    if request.function is not None and request.by_project:
        raise UsageError(
            "--function and --project exclude each other: one function for all, or the file's routes."
        )
    if request.function is not None:
        project, function = resolve(request.function, settings.project, Path.cwd())
        return project, function.name
    if settings.project is None:
        raise UsageError(
            "there is no lambdarun.toml here or above. Name a function: --function path/to/app.py:handler."
        )
    return settings.project, None


def _instant(text: str | None) -> Instant | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError:
        raise UsageError(f"--start-at {text}: is no time. Write ISO 8601: 2026-01-02T03:04:05Z.") from None


def _findings(
    project: Project, function: str | None, arrivals: list[Arrival], request: Replay
) -> list[Finding]:
    """What is wrong with the project, and with the queues that the recording alone brings."""
    findings = check(project, allow_short_visibility=request.allow_short_visibility)
    if function is None:
        return findings
    mapped = {mapping.queue for mapping in project.mappings.values() if mapping.function == function}
    for name in {arrival.queue for arrival in arrivals if isinstance(arrival, MessageArrival)} - mapped:
        findings += mapping_findings(
            EventSourceMapping(name=name, queue=name, function=function),
            project.queues.get(name, Queue(name=name)),
            project.functions[function],
            allow_short_visibility=request.allow_short_visibility,
        )
    return findings


def _report(settings: Settings, findings: list[Finding]) -> bool:
    """Write the findings; True where one of them forbids the run."""
    for finding in findings:
        output.notice(settings, str(finding), finding.severity.value)
    return any(finding.severity is Severity.ERROR for finding in findings)


def _print(settings: Settings, request: Replay, summary: Summary) -> None:
    if request.as_json:
        output.result(json.dumps(summary.as_json(), indent=2))
    else:
        output.result(render(summary, colour=output.wants_colour(settings.color, sys.stdout)))


def _exit_code(request: Replay, summary: Summary) -> int:
    failed = {"error": summary.failed_for_good, "dlq": summary.dead_lettered, "never": 0}
    return 1 if failed[request.fail_on] else 0


@define(eq=False)
class _Run:
    """The readers of a replay's records."""

    virtual: bool
    request: Replay
    start: Instant
    last: Instant = field(init=False)
    summary: Summary = field(factory=Summary, init=False)
    _metrics: Metrics | None = field(init=False)
    _metrics_file: WholeFile | None = field(init=False)
    _lines: ResultLines = field(init=False)
    _out: WholeFile | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        request = self.request
        self.last = self.start
        self._lines = ResultLines(self.virtual)
        self._out = WholeFile(Path(request.out)) if request.out is not None else None
        try:
            self._metrics_file = WholeFile(Path(request.metrics)) if request.metrics is not None else None
        except UsageError:
            self._metrics_file = None
            self.abandon()
            raise
        self._metrics = Metrics() if request.metrics is not None else None

    def readers(self, settings: Settings) -> tuple[Reader, ...]:
        """Who reads the journal."""
        spoken = output.speakers(settings, virtual=self.virtual)
        if spoken or settings.quiet or not sys.stderr.isatty():
            return (self.read, *spoken)
        return (self.read, _Progress().read)

    def read(self, records: list[Record]) -> None:
        """Take a step's records in."""
        self.last = records[-1].time
        self.summary.read(records)
        if self._out is not None:
            self._out.write(self._lines.lines(records))
        if self._metrics is not None:
            self._metrics.read(records)

    def abandon(self) -> None:
        """Leave no half a file behind."""
        for file in (self._out, self._metrics_file):
            if file is not None:
                file.abandon()

    def finish(self) -> None:
        """Put the files in their places."""
        if self._out is not None:
            self._out.finish()
        if self._metrics is not None and self._metrics_file is not None:
            for line in self._metrics.lines():
                self._metrics_file.write(f"{line}\n")
            self._metrics_file.finish()


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
