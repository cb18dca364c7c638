"""What `lambdarun replay` does: read, check, run through time, sum up."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import trio
from attrs import define, evolve, field, frozen

from lambdarun.cli import output
from lambdarun.cli.event_log_file import WholeFile, refuse_clashes
from lambdarun.cli.settings import Chosen, Settings
from lambdarun.errors import LambdarunError, UsageError
from lambdarun.model.arrival import Arrival, MessageArrival
from lambdarun.model.consistency import Finding, Severity, check, mapping_findings
from lambdarun.model.declarations import EventSourceMapping, Project
from lambdarun.model.handler_time import DurationMode
from lambdarun.model.instant import Instant, iso, parse_instant
from lambdarun.model.records import Record, RunEnded, RunStarted
from lambdarun.model.routing import Routing
from lambdarun.project.lone_handler import resolve
from lambdarun.recordings.event_clock import LATEST
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
    origins = settings.chosen(request.chosen)
    chosen = {name: one.value for name, one in origins.items()}
    if "" in request.files:
        raise UsageError("a FILE is an empty text. Name a file, a folder, or - for standard input.")
    refuse_clashes((("--out", request.out), ("--metrics", request.metrics)), request.files)
    project, function = _target(settings, request)
    recording = Recording([Path(file) for file in request.files], _instant(request.start_at))
    arrivals = list(recording)
    for text in (*recording.notices, *_idle_settings(request, origins), *_untold_durations(chosen, arrivals)):
        output.notice(settings, text)
    if _report(settings, _findings(project, function, arrivals, request)):
        return 3
    with ExitStack() as files:
        run_of = _Run(chosen["speed"] == "max", project, request, arrivals[0].time, files)
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
            VirtualClock(run_of.start)
            if run_of.virtual
            else RealClock(run_of.start, _SPEEDS[chosen["speed"]])
        )
        interrupted = False
        try:
            trio.run(_replay, project, clock, options, arrivals)
        except BaseException as fault:
            interrupted = _is_interrupt(fault)
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


def _is_interrupt(fault: BaseException) -> bool:
    """True for Ctrl-C, wherever it struck; raises anything else, what a user can mend out of its group."""
    leaves = [fault]
    while isinstance(leaves[0], BaseExceptionGroup):
        leaves = [*leaves[0].exceptions, *leaves[1:]]
    for leaf in leaves:
        if isinstance(leaf, LambdarunError):
            raise leaf from None
    if isinstance(leaves[0], KeyboardInterrupt):
        return True
    raise fault


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


def _idle_settings(request: Replay, chosen: Mapping[str, Chosen[Any]]) -> list[str]:
    """What to say of settings that act in virtual time alone. Raises UsageError where a flag is one of them."""
    speed = chosen["speed"].value
    if speed == "max":
        return []
    for flag, given in (("--workers", request.workers), ("--durations", request.chosen.get("durations"))):
        if given is not None:
            mend = "Leave it out, or give --speed max."
            raise UsageError(f"{flag}: acts in virtual time only, not with the speed {speed}. {mend}")
    durations = chosen["durations"]
    if durations.origin == "default":
        return []
    said = f"durations = {durations.value} ({durations.origin}) acts in virtual time only"
    return [f"{said}: with the speed {speed} handlers take their own time"]


def _untold_durations(chosen: Mapping[str, Any], arrivals: list[Arrival]) -> list[str]:
    """What to say of events whose recording tells no duration although `--durations recorded` asks for it."""
    if chosen["durations"] != "recorded" or chosen["speed"] != "max":
        return []
    untold = sum(arrival.duration is None for arrival in arrivals)
    if not untold:
        return []
    return [f"{untold:,} of {len(arrivals):,} events tell no duration: for them the declared ones hold"]


def _instant(text: str | None) -> Instant | None:
    if text is None:
        return None
    try:
        found = parse_instant(text)
        if 0 <= found < LATEST:
            return found
        raise ValueError(text)
    except ValueError:
        raise UsageError(f"--start-at {text}: is no time. Write ISO 8601: 2026-01-02T03:04:05Z.") from None


def _findings(
    project: Project, function: str | None, arrivals: list[Arrival], request: Replay
) -> list[Finding]:
    """What is wrong with the project, and with the queues that the recording alone brings."""
    findings = check(project, allow_short_visibility=request.allow_short_visibility)
    routing = Routing(project, function)
    recorded: dict[str, MessageArrival] = {}
    for arrival in arrivals:
        if isinstance(arrival, MessageArrival):
            recorded.setdefault(arrival.queue, arrival)
    for name, arrival in sorted(recorded.items()):
        target = routing.target(arrival)
        if target is None or routing.mappings(name) or routing.no_queue(arrival) is not None:
            continue
        findings += mapping_findings(
            EventSourceMapping(name=name, queue=name, function=target),
            routing.queue(arrival),
            project.functions[target],
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
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        colour = output.wants_colour(settings.color, sys.stdout)
        output.result(render(summary, colour=colour, width=width))


def _exit_code(request: Replay, summary: Summary) -> int:
    failed = {"error": summary.failed_for_good, "dlq": summary.dead_lettered, "never": 0}
    return 1 if failed[request.fail_on] else 0


def _reserved(project: Project) -> dict[str, int]:
    """The functions with a reservation, and how much."""
    return {
        function.name: function.reserved_concurrent_executions
        for function in project.functions.values()
        if function.reserved_concurrent_executions is not None
    }


@define(eq=False)
class _Run:
    """The readers of a replay's records."""

    virtual: bool
    project: Project
    request: Replay
    start: Instant
    files: ExitStack
    """Drops what was written of a file where the run breaks off."""
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
        self._out = self._file(request.out)
        self._metrics_file = self._file(request.metrics)
        self._metrics = Metrics(_reserved(self.project)) if request.metrics is not None else None

    def _file(self, path: str | None) -> WholeFile | None:
        if path is None:
            return None
        file = WholeFile(Path(path))
        self.files.callback(file.drop)
        return file

    def readers(self, settings: Settings) -> tuple[Reader, ...]:
        """Who reads the journal."""
        spoken = output.speakers(settings, virtual=self.virtual)
        if spoken or settings.quiet or not sys.stderr.isatty():
            return (self.read, *spoken)
        progress = _Progress()
        self.files.callback(progress.clear)
        return (self.read, progress.read)

    def read(self, records: list[Record]) -> None:
        """Take a step's records in."""
        self.last = records[-1].time
        self.summary.read(records)
        if self._out is not None:
            self._out.write(self._lines.lines(records))
        if self._metrics is not None:
            self._metrics.read(records)

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

    def clear(self) -> None:
        """Leave the line empty."""
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
