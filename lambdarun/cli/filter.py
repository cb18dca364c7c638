"""`lambdarun filter test`: whether patterns let an event through, and which key fails."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click
from attrs import frozen

from lambdarun.aws.filter_messages import INVALID_EVENT_PATTERN, INVALID_FILTER
from lambdarun.cli import output
from lambdarun.cli.invoke import read_event, read_given
from lambdarun.errors import LambdarunError, Place, RecordingError, UsageError
from lambdarun.model.event_filter import EventFilter, FilterSource, PatternFault
from lambdarun.model.filter_conditions import EVENT_BUS, EVENT_SOURCE_MAPPING
from lambdarun.model.filter_explanation import misses
from lambdarun.model.filter_pattern import FilterPattern
from lambdarun.model.filter_text import given_twice

_EVENTBRIDGE: Final = "eventbridge"
_SERVICES: Final = {f"aws:{source.value}": source.value for source in FilterSource}
_IDS: Final = ("messageId", "eventID", "id")


class PatternError(LambdarunError):
    """A pattern that AWS refuses."""

    exit_code = 2


@frozen
class _Verdict:
    """What the patterns say of one record: the numbers of those that match, or for each why it does not."""

    name: str
    matching: Sequence[int]
    why_not: Sequence[str]


@click.group("filter")
def filter_() -> None:
    """Filters of event source mappings, and patterns of event buses."""


@filter_.command()
@click.option(
    "--pattern",
    "-p",
    "patterns",
    multiple=True,
    required=True,
    metavar="FILE|-|JSON",
    help="A pattern; may be repeated: one of them must match.",
)
@click.option(
    "-e", "--event", required=True, metavar="FILE|-|JSON", help="An event, its Records or one record."
)
@click.option(
    "--source",
    type=click.Choice([*(source.value for source in FilterSource), _EVENTBRIDGE]),
    help="What the event comes from.  [default: what it looks like]",
)
@click.option("--all-operators", is_flag=True, help="Take event buses' operators in a mapping's filter, too.")
@output.FORM
@click.pass_context
def test(context: click.Context, /, **given: Any) -> None:
    """Tell whether an event matches: exit 0 if it does (of several records, one), 1 if not, 2 if a pattern is wrong."""
    settings = output.settings_of(context)
    if [*given["patterns"], given["event"]].count("-") > 1:
        raise UsageError("standard input is one thing: the event or one pattern. Name files for the others.")
    event = json.loads(read_event(given["event"]))
    if not isinstance(event, dict):
        raise UsageError(f"an event is a JSON object, not {json.dumps(event)[:40]}.")
    source = given["source"] or _looks_like(event)
    texts = [_read_pattern(one) for one in given["patterns"]]
    for name, text in texts:
        for key in _doubles(text):
            output.notice(settings, f"{name}: {key} stands there twice: AWS takes the last.", "warning")
    verdicts = _verdicts(texts, event, source, given["all_operators"])
    matches = any(verdict.matching for verdict in verdicts)
    if given["form"] == "json":
        output.result(json.dumps(_as_json(source, matches, verdicts), indent=2))
    else:
        output.result("\n".join(_lines(verdicts, len(texts))))
    raise SystemExit(0 if matches else 1)


def _looks_like(event: Mapping[str, Any]) -> str:
    """The source of an event, by its records; an event bus's event without."""
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records and isinstance(records[0], dict) else event
    known = _SERVICES.get(str(first.get("eventSource")))
    if known is not None:
        return known
    return FilterSource.SQS.value if isinstance(first.get("body"), str) else _EVENTBRIDGE


def _read_pattern(given: str) -> tuple[str, str]:
    try:
        name, data = read_given(given)
    except RecordingError as fault:
        said = fault.fault.replace("event file", "pattern file")
        raise RecordingError(fault.place if given else Place("-p"), said, fault.mend) from None
    name = "<pattern>" if name == "<event>" else name
    try:
        return name, data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise RecordingError(
            Place(name), f"is not UTF-8 (byte {fault.start}).", "Save it as UTF-8."
        ) from None


def _doubles(text: str) -> list[str]:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return []  # what is wrong with it is told when it is compiled
    return given_twice(text)


def _verdicts(
    texts: Sequence[tuple[str, str]], event: dict[str, Any], source: str, every: bool
) -> list[_Verdict]:
    """One for each record; an event without `Records` is one itself."""
    if source == _EVENTBRIDGE:
        patterns = [_compiled(name, text) for name, text in texts]
        matching = [number for number, pattern in enumerate(patterns) if pattern.matches(event)]
        lacking = [
            ", ".join(str(miss) for miss in misses(pattern.branches, event))
            for number, pattern in enumerate(patterns)
            if number not in matching
        ]
        return [_Verdict("event", matching, [] if matching else lacking)]
    dialect = EVENT_BUS if every else EVENT_SOURCE_MAPPING
    for name, text in texts:
        try:
            EventFilter((text,), FilterSource(source), dialect)
        except PatternFault as fault:
            raise _error(name, INVALID_FILTER.text, fault) from None
    filters = EventFilter([text for _, text in texts], FilterSource(source), dialect)
    records = event.get("Records", [event])
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UsageError("Records is no list of records: write them as the function gets them.")
    verdicts = []
    for number, record in enumerate(records, 1):
        matching = sorted(filters.matching(record))
        ids = [str(record[key]) for key in _IDS if key in record]
        name = "record" if "Records" not in event else f"record {number}"
        told = f"{name} ({ids[0]})" if ids else name
        verdicts.append(_Verdict(told, matching, [] if matching else filters.why_not(record)))
    return verdicts


def _compiled(name: str, text: str) -> FilterPattern:
    try:
        return FilterPattern.compile(text)
    except PatternFault as fault:
        reason = INVALID_EVENT_PATTERN.of(reason=fault.reason.rstrip("."))
        raise PatternError(f"{_place(name, fault)}: {reason}.{_at(fault)}") from None


def _error(name: str, said: str, fault: PatternFault) -> PatternError:
    return PatternError(f"{_place(name, fault)}: {said} {fault.reason.rstrip('.')}.{_at(fault)}")


def _place(name: str, fault: PatternFault) -> Place:
    return Place(name, fault.line, fault.column)


def _at(fault: PatternFault) -> str:
    return f" It stands at {fault.key}." if fault.key else ""


def _lines(verdicts: Sequence[_Verdict], patterns: int) -> list[str]:
    lines = []
    for verdict in verdicts:
        if verdict.matching:
            which = ", ".join(str(number + 1) for number in verdict.matching)
            lines.append(f"{verdict.name}: match{f' (pattern {which})' if patterns > 1 else ''}")
        elif patterns == 1:
            lines.append(f"{verdict.name}: no match: {verdict.why_not[0]}")
        else:
            lines.append(f"{verdict.name}: no match")
            lines += [f"  pattern {number}: {why}" for number, why in enumerate(verdict.why_not, 1)]
    if len(verdicts) != 1:
        count = sum(bool(verdict.matching) for verdict in verdicts)
        lines.append(f"{count} of {len(verdicts)} records match")
    return lines


def _as_json(source: str, matches: bool, verdicts: Sequence[_Verdict]) -> dict[str, Any]:
    return {
        "schema": 1,
        "source": source,
        "matches": matches,
        "records": [
            {
                "record": verdict.name,
                "matches": bool(verdict.matching),
                "patterns": [number + 1 for number in verdict.matching],
                "why_not": list(verdict.why_not),
            }
            for verdict in verdicts
        ],
    }
