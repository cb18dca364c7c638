"""What `lambdarun plan` does without a recording: arithmetic on the figures that were given."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from math import isinf
from typing import TYPE_CHECKING, Any

from attrs import asdict

from lambdarun.aws import limits
from lambdarun.cli import output, spans
from lambdarun.cli.settings import Settings
from lambdarun.errors import UsageError
from lambdarun.model.backlog_figures import Answer, Figures, answers, needed
from lambdarun.model.instant import SECOND
from lambdarun.report.plan_text import figures_text
from lambdarun.report.spans import span

if TYPE_CHECKING:
    from lambdarun.cli.draining import Drained


def figure(settings: Settings, given: Mapping[str, Any]) -> int:
    """Print what follows from the figures; returns the exit code."""
    figures = _figures(given)
    found = answers(figures)
    wanted = needed(figures)
    drained = _drained(figures, wanted) if given["check"] else []
    if given["form"] == "json":
        told = _as_json(found, wanted)
        if given["check"]:
            told["drained"] = [asdict(one) for one in drained]
        output.result(json.dumps(told, indent=2))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        colour = output.wants_colour(settings.color, sys.stdout)
        text = figures_text(found, wanted, figures, colour=colour, width=width)
        output.result(text + (f"\n{_table(drained)}\n" if drained else ""))
    return 0


def _drained(figures: Figures, wanted: int | None) -> list[Drained]:
    """By as many environments as run, and by as many as are needed."""
    from lambdarun.cli.draining import drain  # loads the runtime: figures alone must not pay for it

    fleets = dict.fromkeys(count for count in (figures.environments, wanted) if count is not None)
    if not fleets:
        raise UsageError("--check: nobody drains the backlog. Give --environments, or --latency.")
    return [drain(figures, count) for count in fleets]


def _table(drained: list[Drained]) -> str:
    rows = [("DRAINED BY", "by the arithmetic", "from idle", "in virtual time")]
    for one in drained:
        arithmetic, idle, virtual = map(span, (one.arithmetic_s, one.from_idle_s, one.virtual_s))
        rows.append((f"{one.environments:,} environments", arithmetic, idle, virtual))
    return output.columns(rows)


def _figures(given: Mapping[str, Any]) -> Figures:
    if given["duration"] is None:
        raise UsageError(
            "name a recording (FILE...), or give figures: --duration with --backlog or --rate "
            "(lambdarun plan --backlog 1500 --environments 10 --duration 100ms --latency 10s)."
        )
    if given["backlog"] is None and given["rate"] is None:
        raise UsageError("--duration alone says nothing: give a --backlog, or a --rate (20/s), or both.")
    batches = given["batch_size"]
    if len(batches) > 1:
        raise UsageError("--batch-size: figures are for one batch size. A recording (FILE...) tries several.")
    batch, most = batches[0] if batches else 1, limits.FIFO_BATCH_SIZE.high
    if given["groups"] is not None and batch > most:
        raise UsageError(f"--batch-size {batch}: a FIFO queue (--groups) gives at most {most}. Write less.")
    latency = given["latency"]
    duration_s = spans.span("--duration", given["duration"]) / SECOND
    if duration_s > limits.FUNCTION_TIMEOUT.high:
        raise UsageError(
            f"--duration {given['duration']}: AWS ends an invocation at {limits.FUNCTION_TIMEOUT.high} s. Write less."
        )
    return Figures(
        duration_s=duration_s,
        batch=batch,
        backlog=given["backlog"],
        environments=given["environments"],
        latency_s=None if latency is None else spans.span("--latency", latency) / SECOND,
        rate=None if given["rate"] is None else spans.a_second(given["rate"]),
        groups=given["groups"],
        timeout_s=given["timeout"],
        window_s=given["window"] or 0,
        max_receive_count=given["max_receive_count"],
    )


def _as_json(found: list[Answer], wanted: int | None) -> dict[str, Any]:
    """JSON has no infinity: what never ends is null."""
    listed = [
        {"name": one.name, "value": None if isinf(one.value) else one.value, "unit": one.unit, "of": one.said}
        for one in found
    ]
    return {"schema": 1, "environments_needed": wanted, "figures": listed}
