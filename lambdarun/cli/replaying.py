"""What `lambdarun replay` does: read, check, run through time, sum up."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from lambdarun.cli import output, recorded, spans
from lambdarun.cli.event_log_file import refuse_clashes
from lambdarun.cli.run_readers import RunReaders
from lambdarun.cli.settings import Chosen, Settings
from lambdarun.errors import UsageError
from lambdarun.model.arrival import Arrival, MessageArrival
from lambdarun.model.consistency import Finding, Severity, check, mapping_findings
from lambdarun.model.declarations import Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.handler_time import DurationMode
from lambdarun.model.instant import Instant, parse_instant
from lambdarun.model.records import RunEnded, RunStarted
from lambdarun.model.routing import Routing
from lambdarun.recordings.event_clock import LATEST
from lambdarun.report.text import render
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.replay import replay
from lambdarun.runtime.zygote_process import ZygoteProcess
from lambdarun.views.summary import Summary


@frozen(kw_only=True)
class Replay:
    """What the command line asked for."""

    files: tuple[str, ...]
    function: str | None
    by_project: bool
    start_at: str | None
    rate: str | None
    through: str | None
    target: str | None
    workers: int | None
    out: str | None
    metrics: str | None
    logs: str | None
    report: str | None
    fail_on: str
    allow_short_visibility: bool
    watch: bool
    as_json: bool
    chosen: Mapping[str, Any]


def run(settings: Settings, request: Replay) -> int:
    """Replay, print the summary, return the exit code."""
    origins = settings.chosen(request.chosen)
    chosen = {name: one.value for name, one in origins.items()}
    written = (("--out", request.out), ("--metrics", request.metrics), ("--report", request.report))
    refuse_clashes(written, request.files)
    project, function = recorded.target_of(settings, request.function, request.by_project)
    if request.fail_on == "alarm" and not project.alarms:
        raise UsageError("--fail-on alarm: the project declares no alarm. Declare one: [alarms.NAME].")
    target = None if request.target is None else spans.span("--target", request.target)
    queue = recorded.queue_of(request.through, project, lone=function is not None)
    arrivals, notices = recorded.read(request.files, instant(request.start_at), request.rate, queue)
    for text in (*notices, *_idle_settings(request, origins), *_untold_durations(chosen, arrivals)):
        output.notice(settings, text)
    for text in _unread(project, function, arrivals):
        output.notice(settings, text, "warning")
    if _report(settings, _findings(project, function, arrivals, request)):
        return 3
    # A recording that holds no event has raised RecordingError, so there is a first one.
    start, speed = arrivals[0].time, chosen["speed"]
    virtual = speed == "max"
    with ExitStack() as files:
        isolation = None if chosen["isolation"] is None else Isolation(chosen["isolation"])
        zygote = None
        if isolation is not Isolation.INLINE:
            zygote = ZygoteProcess.start(virtual=virtual, isolation=isolation)
            files.callback(zygote.close)
            output.notice_isolation(settings, zygote, isolation)
        # Not before the zygote is there: on the wall's clock the recording's time passes from here on.
        clock = VirtualClock(start) if virtual else RealClock(start, int(speed.removesuffix("x")))
        readers = RunReaders(virtual, project, request.out, request.metrics, start, files, target)
        if request.logs is not None:
            readers.log_into(Path(request.logs))
        if request.report is not None:
            readers.report_into(Path(request.report))
        readers.read([RunStarted(start, version("lambdarun"), chosen["seed"], speed, chosen["durations"])])
        options = Options(
            seed=chosen["seed"],
            durations=DurationMode(chosen["durations"]),
            function=function,
            isolation=isolation,
            readers=readers.all(settings),
            zygote=zygote,
            allow_short_visibility=request.allow_short_visibility,
            watch=request.watch,
        )
        if request.workers is not None:
            options = evolve(options, workers=request.workers)
        interrupted = replay(project, clock, options, arrivals)
        readers.read([RunEnded(readers.last, interrupted)])
        readers.finish()
    if target is not None and not readers.summary.backlogs.told():
        output.notice(settings, "--target: no queue was read, so that there is no backlog to tell of")
    _print(settings, request, readers.summary)
    return 130 if interrupted else _exit_code(request, readers.summary)


def _idle_settings(request: Replay, chosen: Mapping[str, Chosen[Any]]) -> list[str]:
    """What to say of settings that act in virtual time alone. Raises UsageError where a flag is one of them."""
    speed = chosen["speed"].value
    if request.workers is not None and chosen["isolation"].value == "inline":
        raise UsageError(
            "--workers: inline handlers run one after the other. Leave it out, or the isolation."
        )
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


def _unread(project: Project, function: str | None, arrivals: list[Arrival]) -> list[str]:
    """What to say of queues that messages come to, and whose mappings are all disabled."""
    routing = Routing(project, function)
    names = {arrival.queue for arrival in arrivals if isinstance(arrival, MessageArrival)}
    found = []
    for name in sorted(names):
        mappings = routing.mappings(name)
        if mappings and not any(mapping.enabled for mapping in mappings):
            said = " and ".join(f"event_source_mappings.{mapping.name}" for mapping in mappings)
            found.append(
                f"nobody reads queue {name}: {said} {'is' if len(mappings) == 1 else 'are'} disabled"
            )
    return found


def instant(text: str | None) -> Instant | None:
    """A time as `--start-at` has it. Raises UsageError."""
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
        declared = project.function(target) if target is not None else None
        if (
            target is None
            or declared is None
            or routing.mappings(name)
            or routing.no_queue(arrival) is not None
        ):
            continue
        findings += mapping_findings(
            EventSourceMapping(name=name, queue=name, function=target),
            routing.queue(arrival),
            declared,
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
    if request.fail_on == "alarm" and summary.raised:
        raised = ", ".join(name for name, alarm in sorted(summary.alarms.items()) if alarm.episodes)
        output.notice(settings, f"failed by --fail-on alarm: {raised}")


def _exit_code(request: Replay, summary: Summary) -> int:
    failed = {
        "error": summary.failed_for_good,
        "dlq": summary.dead_lettered,
        "alarm": summary.raised,
        "never": 0,
    }
    return 1 if failed[request.fail_on] else 0
