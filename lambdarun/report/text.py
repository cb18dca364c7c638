"""The summary on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from lambdarun.model.instant import SECOND, Instant, iso
from lambdarun.report.backlog_text import backlog_lines, backlog_rows, double_lines
from lambdarun.report.spans import span
from lambdarun.report.text_page import BOLD, GREEN, RED, WORDS, YELLOW, KeptPage, TextPage, TextTable
from lambdarun.views.custom_metrics import CustomMetrics
from lambdarun.views.figures import FunctionFigures, QueueFigures
from lambdarun.views.histogram import Histogram
from lambdarun.views.summary import Summary

_AS_RECORDED: Final = {
    "kinesis": "Kinesis batches are played as they were recorded: in order, retried until they expire (24 h)",
    "dynamodb": "DynamoDB batches are played as they were recorded: in order, retried until they expire (24 h)",
    "kafka": "Kafka batches are played as they were recorded: plain retries, no offsets of a partition",
    "mq": "MQ batches are played as they were recorded: plain retries, no redelivery limit of a broker",
    "documentdb": "DocumentDB batches are played as they were recorded: plain retries",
}
_METRICS_SHOWN: Final = 20
_EPISODES_SHOWN: Final = 5


def render(summary: Summary, *, colour: bool = False, width: int | None = None) -> str:
    """The whole summary. With `colour`, what is wrong stands out; `width` is the terminal's, where there is one."""
    page = TextPage(colour, width)
    parts = [_head(summary, page), *_tables(summary, page)]
    told = [page.note(text, code) for text, code in notes(summary)]
    if told:
        parts.append("\n".join(told))
    parts.append(page.note(*verdict(summary)))
    return "\n\n".join(parts) + "\n"


def _tables(summary: Summary, page: TextPage) -> Iterator[str]:
    if summary.functions:
        yield _functions(summary, page)
        yield from (text for text in (_deliveries(summary, page),) if text)
    if summary.queues:
        yield _queues(summary, page)
    backlogs = summary.backlogs.told()
    if backlogs:
        table = page.table(backlog_rows(backlogs), frozenset({"older"}))
        yield table + "".join(f"\n{page.note(line, '')}" for line in backlog_lines(backlogs))
    if summary.lanes:
        yield _lanes(summary, page)
    if summary.alarms:
        yield _alarms(summary, page)
    if summary.custom.totals:
        yield _custom_metrics(summary.custom, page)


def tables(summary: Summary) -> list[TextTable]:
    """The summary's tables, for a page that lays them out in its own way."""
    page, found = KeptPage(), []
    for _ in _tables(summary, page):
        rows, bad = page.last
        found.append(TextTable(rows, bad, frozenset({rows[0][0], *WORDS}), tuple(page.notes)))
        page.notes.clear()
    return found


def _counted(count: int, thing: str) -> str:
    """`1 message`, `2,000 messages`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _head(summary: Summary, page: TextPage) -> str:
    if summary.first is None or summary.last is None:
        return "nothing happened"
    begin, end = (iso(instant)[:19].replace("T", " ") for instant in (summary.first, summary.last))
    took = span((summary.last - summary.first) / SECOND)
    if begin == end:
        return f"{page.paint(begin, BOLD)} UTC"
    if begin[:10] == end[:10]:
        end = end[11:]
    return f"{page.paint(begin, BOLD)} to {page.paint(end, BOLD)} UTC ({took})"


def _functions(summary: Summary, page: TextPage) -> str:
    head = ["FUNCTION", "invocations", "errors", "throttles", "cold", "at once"]
    timed = any(f.duration.most for f in summary.functions.values())
    rows = [[*head, "p50", "p90", "p99", "max"] if timed else head]
    for name, f in sorted(summary.functions.items()):
        row = [
            name,
            f"{f.invocations:,}",
            f"{sum(f.errors.values()):,}",
            f"{sum(f.throttles.values()):,}",
            f"{f.cold_starts:,}",
            f"{f.most_running:,}",
        ]
        durations = [_ms(f.duration, share) for share in (0.5, 0.9, 0.99, 1.0)]
        rows.append([*row, *durations] if timed else row)
    lines = [page.table(rows, frozenset({"errors"}))]
    for name, f in sorted(summary.functions.items()):
        if f.errors or f.throttles:
            lines.append(page.note(f"  {name}: {_tally(f.errors + f.throttles)}", ""))
        if f.versions.keys() - {"$LATEST"}:
            ran = Counter({f"of version {version}": count for version, count in f.versions.items()})
            lines.append(page.note(f"  {name}: {_tally(ran)}", ""))
        for qualifier, allocated in sorted(f.allocated.items()):
            said = (
                f"{allocated:,} provisioned"
                if allocated
                else "nothing provisioned: its initialisation failed"
            )
            lines.append(page.note(f"  {name}:{qualifier}: {said}", "" if allocated else RED))
        if f.allocated:
            used = f"{f.provisioned:,} invocations on provisioned environments, {f.spilled:,} spilled over"
            lines.append(page.note(f"  {name}: {used}", ""))
    return "\n".join(lines)


def _ms(histogram: Histogram, share: float) -> str:
    return span(histogram.quantile(share) / 1_000) if histogram.count else "-"


def _deliveries(summary: Summary, page: TextPage) -> str:
    rows = [["EVENTS FOR", "from", "way", "events", "succeeded", "retries", "failed for good"]]
    for name, f in sorted(summary.functions.items()):
        rows += _ways(name, f)
    if len(rows) == 1:
        return ""
    lines = [page.table(rows, frozenset({"failed for good"}))]
    for name, f in sorted(summary.functions.items()):
        if len(f.sources) > 1:
            lines.append(page.note(f"  {name}: {_tally(f.sources)}", ""))
    return "\n".join(lines)


def _ways(name: str, f: FunctionFigures) -> Iterator[list[str]]:
    """A row for each way in which events reached a function."""
    source = next(iter(f.sources)) if len(f.sources) == 1 else _counted(len(f.sources), "service")
    if f.accepted:
        open_ = f.accepted - f.settled - sum(f.discarded.values())
        lost = f.discarded + Counter({"unfinished": open_})
        yield [
            name,
            source,
            "async",
            f"{f.accepted:,}",
            f"{f.settled:,}",
            f"{f.retries:,}",
            _tally(lost),
        ]
    if f.answered:
        lost = Counter({kind: count for kind, count in f.answered.items() if kind != "succeeded"})
        total, good = sum(f.answered.values()), f.answered["succeeded"]
        yield [name, source, "sync", f"{total:,}", f"{good:,}", f"{f.resent:,}", _tally(lost)]


def _tally(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common() if count) or "0"


def _queues(summary: Summary, page: TextPage) -> str:
    expired = any(q.expired for q in summary.queues.values())
    rows = [["QUEUE", "sent", "handled", "returned", "dead-lettered", "left", "batches", "backlog", "oldest"]]
    rows[0] += ["expired"] if expired else []
    for name, q in sorted(summary.queues.items()):
        rows.append([name, *_queue(q), *([f"{q.expired:,}"] if expired else [])])
    return page.table(rows, frozenset({"dead-lettered", "expired"}))


def _queue(q: QueueFigures) -> list[str]:
    read = q.batches > 0
    return [
        f"{q.sent:,}",
        f"{q.handled:,}" if read else "-",
        f"{q.returned:,}" if read else "-",
        f"{q.dead_lettered:,}" if read else "-",
        f"{q.left:,}",
        f"{q.batches:,}" if read else "-",
        f"{q.backlog:,}" if read else "-",
        span(q.oldest_s) if read else "-",
    ]


def _lanes(summary: Summary, page: TextPage) -> str:
    rows = [["STREAM", "function", "batches", "records", "retries", "expired"]]
    for name, lane in sorted(summary.lanes.items()):
        rows.append(
            [
                _plain(name),
                lane.function,
                f"{lane.batches:,}",
                f"{lane.records:,}",
                f"{lane.retries:,}",
                f"{lane.expired:,}",
            ]
        )
    return page.table(rows, frozenset({"expired"}))


def _alarms(summary: Summary, page: TextPage) -> str:
    """A row for each time an alarm was raised, and one for each that never was."""
    rows = [["ALARM", "state", "raised", "cleared", "for"]]
    reasons = []
    for name, alarm in sorted(summary.alarms.items()):
        state = alarm.state.value
        if not alarm.episodes:
            rows.append([name, state, "-", "-", "-"])
        for episode in alarm.episodes[:_EPISODES_SHOWN]:
            end = episode.cleared if episode.cleared is not None else summary.last
            lasted = "-" if end is None else span(max(0, end - episode.raised) / SECOND)
            cleared = "not yet" if episode.cleared is None else _moment(episode.cleared)
            rows.append([name, state, _moment(episode.raised), cleared, lasted])
        if len(alarm.episodes) > _EPISODES_SHOWN:
            more = _counted(len(alarm.episodes) - _EPISODES_SHOWN, "time")
            reasons.append(page.note(f"  {name}: raised {more} more: -o json has them all", ""))
        if alarm.episodes:
            reasons.append(page.note(f"  {name}: {alarm.watched}: {alarm.episodes[0].reason}", ""))
    return "\n".join([page.table(rows, frozenset({"raised"})), *reasons])


def _moment(instant: Instant) -> str:
    return iso(instant)[:16].replace("T", " ")


def _custom_metrics(custom: CustomMetrics, page: TextPage) -> str:
    rows = [["METRIC", "namespace", "values", "sum", "avg", "least", "most"]]
    ordered = custom.ordered()
    for metric, values in ordered[:_METRICS_SHOWN]:
        unit = "" if metric.unit == "None" else f" ({metric.unit})"
        figures = (values.total, values.mean, values.least or 0, values.most or 0)
        rows.append(
            [
                _printable(f"{metric.name}{unit}"),
                _printable(metric.namespace),
                f"{values.count:,}",
                *(f"{figure:,.6g}" for figure in figures),
            ]
        )
    lines = [page.table(rows, frozenset())]
    if len(ordered) > _METRICS_SHOWN:
        lines.append(
            f"  and {_counted(len(ordered) - _METRICS_SHOWN, 'metric')} more: --metrics has them all"
        )
    return "\n".join(lines)


def _printable(text: str) -> str:
    """A name that a handler chose, without what would move the cursor."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _plain(lane: str) -> str:
    """`dynamodb: customers` of `dynamodb:arn:aws:dynamodb:...:table/customers/stream/2026-...`."""
    source, _, place = lane.partition(":")
    parts = place.split(":", 5)
    if len(parts) == 6:
        place = parts[5].removeprefix("table/").removeprefix("stream/").partition("/stream/")[0]
    return source if place in ("", source) else f"{source}: {place}"


def notes(summary: Summary) -> Iterator[tuple[str, str]]:
    """What stands beside the figures, each with its colour."""
    for reason, found in summary.undelivered.items():
        more = ", ..." if found.count > len(found.places) else ""
        yield (
            f"not delivered: {_counted(found.count, 'event')}: {reason} ({', '.join(found.places)}{more})",
            RED,
        )
    for text in double_lines(summary.doubles):
        yield text, YELLOW
    for name, queue in sorted(summary.queues.items()):
        if queue.expired_first:
            died = f"{_counted(queue.expired_first, 'message')} of {name} reached the end of the queue's retention"
            yield f"expired: {died}; a redrive_policy would have moved them to a dead-letter queue", RED
    for name, f in sorted(summary.functions.items()):
        if f.refused:
            yield f"refused: {_counted(f.refused, 'request')} to {name} before any handler ran", RED
        if f.overran:
            did = f"{_counted(f.overran, 'run')} of {name} did not end on the wall clock"
            yield f"killed: {did}; {'it counts' if f.overran == 1 else 'they count'} as timed out", YELLOW
        if f.lost:
            lost = _counted(f.lost, "environment")
            yield f"lost: {lost} of {name} vanished while at work; no attempt was counted", YELLOW
    if summary.custom.faults:
        [(most, _)] = summary.custom.faults.most_common(1)
        wrong = _counted(summary.custom.faults.total(), "fault")
        yield (
            f"embedded metrics: {wrong}, which CloudWatch would leave out; most often: {_printable(most)}",
            YELLOW,
        )
    if summary.custom.not_objects:
        lines = _counted(summary.custom.not_objects, "line")
        yield (
            f"embedded metrics: {lines} with _aws in it, but text before or behind the object: CloudWatch reads no"
            " metrics there (print it, a logger's prefix breaks it)",
            YELLOW,
        )
    for hint in summary.hints:
        yield f"likely cause: {hint}", YELLOW
    sources = {lane.source for lane in summary.lanes.values()}
    for source in sorted(sources & _AS_RECORDED.keys()):
        yield f"note: {_AS_RECORDED[source]}", ""
    for name, queue in sorted(summary.queues.items()):
        if queue.filtered:
            yield (
                f"note: {_counted(queue.filtered, 'message')} of {name} passed no filter and went unhandled",
                "",
            )
        if queue.deduplicated:
            known = f"had {_counted(queue.deduplicated, 'message')} already, by its deduplication id"
            yield f"note: {name} {known}, and took none of them again", ""
    ran = [f.duration for f in summary.functions.values() if f.duration.count]
    if ran and not any(duration.most for duration in ran):
        yield (
            'note: invocations took no time, since none is declared (duration = "40ms") and no handler slept;'
            " --durations measured takes the real ones",
            "",
        )


def verdict(summary: Summary) -> tuple[str, str]:
    """How the run ended, and its colour."""
    if summary.interrupted:
        return "interrupted: what was still to come is not in these figures", YELLOW
    if not summary.failed_for_good:
        return "everything succeeded in the end", GREEN
    said = ", ".join(f"{count:,} {what}" for what, count in summary.failures.items() if count)
    return f"{summary.failed_for_good:,} ended without success: {said}", RED
