"""The summary on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from lambdarun.model.instant import SECOND, iso
from lambdarun.views.histogram import Histogram
from lambdarun.views.summary import FunctionFigures, Summary

_BOLD, _DIM, _RED, _YELLOW, _GREEN, _END = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[0m"
_PLAIN_SOURCES: Final = {
    "kinesis": "Kinesis batches are played as recorded: in order, retried until they expire (24 h)",
    "dynamodb": "DynamoDB batches are played as recorded: in order, retried until they expire (24 h)",
    "kafka": "Kafka batches are played as recorded: plain retries, no partition offsets",
    "mq": "MQ batches are played as recorded: plain retries, no broker redelivery limit",
    "documentdb": "DocumentDB batches are played as recorded: plain retries",
}


def span(seconds: float) -> str:
    """A stretch of time as a person says it: `41 ms`, `2.3 s`, `1.2 h`."""
    if seconds <= 0:
        return "0"
    for limit, unit, name in (
        (0.9995, 0.001, "ms"),
        (119.95, 1, "s"),
        (7_190, 60, "min"),
        (172_700, 3_600, "h"),
    ):
        if seconds < limit:
            value = seconds / unit
            return (
                f"{value:.0f} {name}"
                if value >= 99.5 or (name == "ms" and value >= 9.95)
                else f"{value:.1f} {name}"
            )
    return f"{seconds / 86_400:.1f} d"


def render(summary: Summary, *, colour: bool = False) -> str:
    """The whole summary. With `colour`, what is wrong stands out."""
    paint = _Paint(colour)
    parts = [_head(summary, paint)]
    if summary.functions:
        parts.append(_functions(summary, paint))
    if summary.queues:
        parts.append(_queues(summary, paint))
    if summary.lanes:
        parts.append(_lanes(summary, paint))
    notes = _notes(summary, paint)
    if notes:
        parts.append("\n".join(notes))
    parts.append(_verdict(summary, paint))
    return "\n\n".join(parts) + "\n"


class _Paint:
    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, code: str) -> str:
        return f"{code}{text}{_END}" if self._colour and text.strip() else text


def _head(summary: Summary, paint: _Paint) -> str:
    if summary.first is None or summary.last is None:
        return "nothing happened"
    took = span((summary.last - summary.first) / SECOND)
    begin, end = iso(summary.first)[:19], iso(summary.last)[:19]
    stopped = paint("  interrupted", _YELLOW) if summary.interrupted else ""
    return f"{paint(begin, _BOLD)} to {paint(end, _BOLD)} UTC ({took} of the run's time){stopped}"


def _table(rows: Sequence[Sequence[str]], paint: _Paint, bad: frozenset[int]) -> str:
    """A table whose first column is left-aligned; columns without any figure are left out."""
    keep = [n for n in range(len(rows[0])) if n == 0 or any(row[n] not in ("", "0", "-") for row in rows[1:])]
    widths = {n: max(len(row[n]) for row in rows) for n in keep}
    lines = []
    for number, row in enumerate(rows):
        cells = []
        for n in keep:
            cell = row[n].ljust(widths[n]) if n == 0 else row[n].rjust(widths[n])
            if number == 0:
                cell = paint(cell, _DIM)
            elif n in bad and row[n] not in ("", "0", "-"):
                cell = paint(cell, _RED)
            cells.append(cell)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _ms(histogram: Histogram, share: float) -> str:
    return span(histogram.quantile(share) / 1_000) if histogram.count else "-"


def _functions(summary: Summary, paint: _Paint) -> str:
    head = ("FUNCTION", "invocations", "errors", "throttles", "cold", "at once", "p50", "p90", "p99", "max")
    rows: list[Sequence[str]] = [head]
    for name, f in sorted(summary.functions.items()):
        rows.append(
            (
                name,
                f"{f.invocations:,}",
                f"{sum(f.errors.values()):,}",
                f"{sum(f.throttles.values()):,}",
                f"{f.cold_starts:,}",
                f"{f.most_running:,}",
                *(_ms(f.duration, share) for share in (0.5, 0.9, 0.99, 1.0)),
            )
        )
    lines = [_table(rows, paint, frozenset({2}))]
    lines += [_errors(name, f) for name, f in sorted(summary.functions.items()) if f.errors or f.throttles]
    deliveries = [
        row for name, f in sorted(summary.functions.items()) if (row := _deliveries(name, f)) is not None
    ]
    if deliveries:
        rows = [("DELIVERY", "way", "events", "succeeded", "retries", "lost for good"), *deliveries]
        lines += ["", _table(rows, paint, frozenset({5}))]
    return "\n".join(lines)


def _errors(name: str, f: FunctionFigures) -> str:
    parts = [f"{count:,} {kind}" for kind, count in (f.errors + f.throttles).most_common()]
    return f"  {name}: {', '.join(parts)}"


def _deliveries(name: str, f: FunctionFigures) -> Sequence[str] | None:
    if f.accepted:
        lost = _conditions(f.discarded)
        return (name, "async", f"{f.accepted:,}", f"{f.settled:,}", f"{f.retries:,}", lost)
    if f.answered:
        failed = Counter({kind: count for kind, count in f.answered.items() if kind != "succeeded"})
        total = sum(f.answered.values())
        return (
            name,
            "sync",
            f"{total:,}",
            f"{f.answered['succeeded']:,}",
            f"{f.retries:,}",
            _conditions(failed),
        )
    return None


def _conditions(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common()) or "0"


def _queues(summary: Summary, paint: _Paint) -> str:
    head = (
        "QUEUE",
        "sent",
        "handled",
        "batches",
        "returned",
        "dead-lettered",
        "moved in",
        "expired",
        "backlog",
        "oldest",
    )
    rows: list[Sequence[str]] = [head]
    for name, q in sorted(summary.queues.items()):
        rows.append(
            (
                name,
                f"{q.sent:,}",
                f"{q.deleted:,}",
                f"{q.batches:,}",
                f"{q.returned:,}",
                f"{q.dead_lettered:,}",
                f"{q.moved_in:,}",
                f"{q.expired:,}",
                f"{q.backlog:,}",
                span(q.oldest_s),
            )
        )
    return _table(rows, paint, frozenset({5, 7}))


def _lanes(summary: Summary, paint: _Paint) -> str:
    rows: list[Sequence[str]] = [("STREAM", "function", "batches", "records", "retries", "expired")]
    for name, lane in sorted(summary.lanes.items()):
        rows.append(
            (
                name,
                lane.function,
                f"{lane.batches:,}",
                f"{lane.records:,}",
                f"{lane.retries:,}",
                f"{lane.expired:,}",
            )
        )
    return _table(rows, paint, frozenset({5}))


def _notes(summary: Summary, paint: _Paint) -> list[str]:
    notes = []
    for reason, found in summary.undelivered.items():
        more = ", ..." if found.count > len(found.places) else ""
        notes.append(
            paint(f"not delivered: {found.count:,} x {reason} ({', '.join(found.places)}{more})", _RED)
        )
    for name, queue in sorted(summary.queues.items()):
        if queue.returned_while_handled:
            notes.append(
                paint(
                    f"handled twice: {queue.returned_while_handled:,} messages of {name} came back while their invocation"
                    f" still ran; the queue's visibility timeout is shorter than the handler takes. First: {queue.first_double}",
                    _YELLOW,
                )
            )
    for name, f in sorted(summary.functions.items()):
        if f.overran:
            notes.append(
                paint(
                    f"killed: {f.overran:,} runs of {name} did not end on the wall clock; they count as timed out",
                    _YELLOW,
                )
            )
        if f.lost:
            notes.append(
                paint(f"lost: {f.lost:,} environments of {name} vanished; no attempt was counted", _YELLOW)
            )
    notes += [f"note: {_PLAIN_SOURCES[name]}" for name in sorted(summary.lanes) if name in _PLAIN_SOURCES]
    return notes


def _verdict(summary: Summary, paint: _Paint) -> str:
    failed = summary.failed_for_good
    if failed:
        return paint(f"{failed:,} ended without success", _RED)
    return paint("everything succeeded in the end", _GREEN)
