"""What the page shows of a run, as one JSON document: aggregated series and a few examples, never the records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import asdict, field, frozen

from lambdarun.model.alarm import Alarm
from lambdarun.model.instant import MILLISECOND, SECOND, Instant, iso, parse_instant
from lambdarun.model.records import RunStarted
from lambdarun.report.html_alarms import Transition, alarm_data
from lambdarun.report.spans import span
from lambdarun.report.text import notes, tables, verdict
from lambdarun.views.notable import KEPT_MOST, OF_ONE_KIND_MOST, Notable, NotableInvocation
from lambdarun.views.summary import Summary
from lambdarun.views.timeline import Timeline
from lambdarun.views.timeline_function import FunctionTimeline
from lambdarun.views.timeline_queue import QueueTimeline

SCHEMA: Final = 1
Values = list[float | None]


@frozen(kw_only=True)
class Run:
    """What is known of a run when it has ended."""

    started: RunStarted | None
    summary: Summary
    timeline: Timeline
    notable: Notable
    alarms: Mapping[str, Alarm] = field(factory=dict)
    """As declared, by name."""
    transitions: Sequence[Transition] = ()


def page_data(run: Run) -> dict[str, Any]:
    """The document. Instants are seconds since 1970, durations milliseconds, ages seconds; a gap is null."""
    timeline, summary = run.timeline, run.summary
    begin, count = timeline.buckets
    width = timeline.scale.width if timeline.scale is not None else SECOND
    return {
        "schema": SCHEMA,
        "begin": begin * width / SECOND,
        "width": width / SECOND,
        "buckets": count,
        "first": _seconds(summary.first),
        "last": _seconds(summary.last),
        "verdict": _verdict(summary),
        "facts": list(_facts(run, width)),
        "notes": [text for text, _ in notes(summary)],
        "tables": list(_tables(summary)),
        "alarms": list(alarm_data(run.alarms, run.transitions)),
        "queues": [
            {"name": name, "plots": list(_queue_plots(queue, begin, count)), "none": []}
            for name, queue in sorted(timeline.queues.items())
        ],
        "functions": [
            _function(name, function, begin, count) for name, function in sorted(timeline.functions.items())
        ],
        "lists": list(_lists(run.notable, summary)),
    }


def _seconds(time: Instant | None) -> float | None:
    return None if time is None else time / SECOND


def _verdict(summary: Summary) -> dict[str, str]:
    text, _ = verdict(summary)
    state = "interrupted" if summary.interrupted else "failed" if summary.failed_for_good else "succeeded"
    return {"state": state, "text": text}


def _facts(run: Run, width: int) -> Iterator[tuple[str, str]]:
    summary = run.summary
    if summary.first is not None and summary.last is not None:
        yield "Began", _minute(summary.first)
        yield "Ended", _minute(summary.last)
        yield "Took", span((summary.last - summary.first) / SECOND)
    yield "Records", f"{summary.records:,}"
    if run.started is not None:
        yield "Speed", "virtual time" if run.started.speed == "max" else run.started.speed
        yield "Seed", str(run.started.seed)
        yield "lambdarun", run.started.version
    yield "A point is", span(width / SECOND)


def _minute(time: Instant) -> str:
    return f"{iso(time)[:19].replace('T', ' ')} UTC"


def _tables(summary: Summary) -> Iterator[dict[str, Any]]:
    """The tables of the summary on a terminal, but for the alarms', which have a part of their own."""
    for table in tables(summary):
        head, *rows = table.rows
        if head[0] == "ALARM":
            continue
        yield {
            "title": head[0].capitalize(),
            "columns": [head[0].capitalize(), *head[1:]],
            "left": [n for n, column in enumerate(head) if column in table.left],
            "bad": [n for n, column in enumerate(head) if column in table.bad],
            "rows": rows,
            "notes": table.notes,
        }


def _plot(title: str, unit: str, about: str, **series: Values) -> dict[str, Any]:
    """One plot; `about` says what a point of it is."""
    named = [{"name": name.replace("_", " "), "values": values} for name, values in series.items()]
    return {"title": title, "unit": unit, "about": about, "series": named}


def _any(values: Values) -> bool:
    return any(values)


def _queue_plots(queue: QueueTimeline, begin: int, count: int) -> Iterator[dict[str, Any]]:
    backlog = {
        "visible": queue.visible.values(begin, count),
        "in_flight": queue.in_flight.values(begin, count),
    }
    delayed = queue.delayed.values(begin, count)
    if _any(delayed):
        backlog["delayed"] = delayed
    yield _plot("Backlog", "messages", "the most within each point", **backlog)
    age = queue.oldest.values(begin, count, SECOND)
    yield _plot("Age of the oldest message", "s", "the most within each point", oldest=[*map(_rounded, age)])
    # Where CloudWatch knows the queue it has zeros too.
    known = [value is not None for value in backlog["visible"]]
    flow = {
        name: _zeroed(series.values(begin, count), known)
        for name, series in (("sent", queue.sent), ("deleted", queue.deleted), ("returned", queue.returned))
    }
    if not _any(flow["returned"]):
        del flow["returned"]
    if any(map(_any, flow.values())):
        yield _plot("Messages", "messages", "the sum of each point", **flow)


def _zeroed(values: Values, known: list[bool]) -> Values:
    return [value or 0 if there else value for value, there in zip(values, known, strict=True)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _function(name: str, function: FunctionTimeline, begin: int, count: int) -> dict[str, Any]:
    plots: list[dict[str, Any]] = []
    running, allowed = function.running.values(begin, count), function.allowed.values(begin, count)
    more = {"allowed_by_pollers": allowed} if _any(allowed) else {}
    plots.append(_plot("Concurrency", "environments", "the most within each point", running=running, **more))
    plots.append(
        _plot(
            "Invocations", "invocations", "the sum of each point",
            invocations=function.invocations.values(begin, count),
        )
    )  # fmt: skip
    plots.append(
        _plot(
            "Duration", "ms", "of the invocations that began within each point",
            p50=function.duration.values(begin, count, 0.5),
            p90=function.duration.values(begin, count, 0.9),
            max=function.duration.values(begin, count, 1.0),
        )
    )  # fmt: skip
    none = []
    for title, series in (("Errors", function.errors), ("Throttles", function.throttles)):
        values = series.values(begin, count)
        if _any(values):
            unit = title.lower()
            plots.append(_plot(title, unit, "the sum of each point", **{unit: values}))
        else:
            none.append(title.lower())
    pending = function.pending.values(begin, count)
    if _any(pending):
        about = "the most within each point"
        plots.append(_plot("Asynchronous events not yet settled", "events", about, events=pending))
    waited = [*map(_rounded, function.waited.values(begin, count, SECOND))]
    if _any(waited):
        plots.append(_plot("Age of events at their start", "s", "the most within each point", age=waited))
    return {"name": name, "plots": plots, "none": none}


def _lists(notable: Notable, summary: Summary) -> Iterator[dict[str, Any]]:
    """Examples, each list with how many there are in all."""
    if notable.failures:
        yield {
            "title": "Failed invocations",
            "kind": "invocations",
            "total": notable.failures,
            "about": f"the first {OF_ONE_KIND_MOST} of each error of a function, at most {KEPT_MOST}",
            "items": [*map(_invocation, notable.failed)],
        }
    if notable.slowest:
        yield {
            "title": "Slowest invocations",
            "kind": "invocations",
            "total": None,
            "about": f"the {len(notable.slowest)} longest",
            "items": [*map(_invocation, notable.slowest)],
        }
    for title, kind, total, items in (
        ("Dead letters", "messages", notable.dead, notable.dead_letters),
        ("Discarded events", "discarded", notable.discards, notable.discarded),
    ):
        if total:
            found = [asdict(item) | {"time": item.time / SECOND} for item in items]
            yield _list(title, kind, total, found)
    if summary.doubles.count:
        doubles = [
            one | {"time": parse_instant(one["shown"]) / SECOND}
            for one in summary.doubles.as_json()["messages"][:KEPT_MOST]
        ]
        yield _list("Double deliveries", "doubles", summary.doubles.count, doubles)


def _list(title: str, kind: str, total: int, items: list[dict[str, Any]]) -> dict[str, Any]:
    about = f"the first {len(items)}" if total > len(items) else "all of them"
    return {"title": title, "kind": kind, "total": total, "about": about, "items": items}


def _invocation(one: NotableInvocation) -> dict[str, Any]:
    return {
        "function": one.function,
        "version": one.version,
        "request_id": one.request_id,
        "started": one.started / SECOND,
        "duration_ms": one.duration_us / MILLISECOND,
        "init_ms": None if one.init_us is None else one.init_us / MILLISECOND,
        "error_type": one.error_type,
        "cause": one.cause,
        "response": one.response,
        "log": one.log,
        "output_dropped_bytes": one.output_dropped_bytes,
    }
