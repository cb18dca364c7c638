"""What `lambdarun plan` says on a terminal."""

from __future__ import annotations

import textwrap
from math import inf
from typing import Final

from lambdarun.aws import prices
from lambdarun.model.backlog_figures import Answer, Figures, in_time
from lambdarun.model.instant import SECOND
from lambdarun.report.spans import span
from lambdarun.views.plan_result import PlanResult, Trial

_SETTINGS: Final = ("visibility timeout",)
_BOLD, _DIM, _END = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_HEAD: Final = (
    "", "RESERVED", "batch", "visibility", "oldest", "older", "backlog", "throttles", "errors", "twice", "dead-lettered", "left",
    "requests", "GB-s", "dollars",
)  # fmt: skip
# What a narrow terminal goes without, first things first.
_DISPENSABLE: Final = ("dead-lettered", "backlog", "errors", "older", "GB-s", "throttles")


def figures_text(
    found: list[Answer], wanted: int | None, given: Figures, *, colour: bool = False, width: int | None = None
) -> str:
    """The answers one a line, each with what it is made of, and what to do."""
    values = [_value(one) for one in found]
    names_wide = max(len(one.name) for one in found)
    values_wide = max(map(len, values))
    lines = []
    for one, value in zip(found, values, strict=True):
        head = f"{one.name.ljust(names_wide)}  {value.rjust(values_wide)}  "
        said = one.said
        if width is not None and len(head) + len(said) > width:
            room = max(width - len(head), 20)
            said = textwrap.fill(said, room).replace("\n", "\n" + " " * len(head))
        lines.append(head + (f"{_DIM}{said}{_END}" if colour else said))
    sentence = _sentence(wanted, given)
    if sentence:
        if width is not None:
            sentence = textwrap.fill(sentence, width)
        lines += ["", f"{_BOLD}{sentence}{_END}" if colour else sentence]
    return "\n".join(lines) + "\n"


def _value(one: Answer) -> str:
    if one.unit == "s":
        if one.name in _SETTINGS:  # to be written down: not rounded
            return f"{one.value:,.0f} s"
        return "never" if one.value == inf else span(one.value)
    if one.value == inf:
        return "any"
    signed = "+" if one.name == "environments to add" else ""
    number = f"{one.value:{signed},.4g}" if abs(one.value) < 1_000 else f"{one.value:{signed},.0f}"
    return f"{number} {one.unit}".rstrip()


def _sentence(wanted: int | None, given: Figures) -> str:
    if wanted is None:
        return ""
    if not in_time(given):
        return (
            f"not within {span(given.latency_s or 0)}: that takes {wanted:,} at once, and a message group is in one"
            f" invocation at a time ({given.groups or 0:,} in all)."
        )
    if given.environments is None:
        return f"{_environments(wanted)} end the backlog within {span(given.latency_s or 0)}."
    more = wanted - given.environments
    if more > 0:
        word = _COUNTS.get(more, f"{more:,}")
        return f"{word} more {'environment' if more == 1 else 'environments'}: {wanted:,} in all."
    if more < 0:
        return f"{given.environments:,} are enough; {wanted:,} would be, too."
    return f"{given.environments:,} {'is' if given.environments == 1 else 'are'} just enough."


_COUNTS: Final = {
    1: "one",
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
    9: "nine",
}


def _environments(count: int) -> str:
    return "1 environment" if count == 1 else f"{count:,} environments"


def plan_text(result: PlanResult, *, assumed: str, colour: bool = False, width: int | None = None) -> str:
    """All trials as a table, the answer marked, what to set, and what was `assumed` of handlers."""
    subject = result.subject
    head = (
        f"queue {subject.queue.name}, read by {subject.function.name}; target {span(result.target / SECOND)}"
    )
    rows = [list(_HEAD), *(_row(trial, trial is result.best) for trial in result.trials)]
    if not any(trial.figures.left for trial in result.trials):
        rows = _without(rows, "left")
    rows = _narrowed(rows, width)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for number, row in enumerate(rows):
        line = "  ".join(cell.rjust(wide) for cell, wide in zip(row, widths, strict=True))
        if colour:
            code = _DIM if number == 0 else _BOLD if row[0] == "*" else ""
            line = f"{code}{line}{_END}" if code else line
        lines.append(line)
    notes = [assumed, _priced()]
    said = [textwrap.fill(text, width) if width is not None else text for text in (*_verdict(result), *notes)]
    return "\n".join([head, "", *lines, "", *said]) + "\n"


def _row(trial: Trial, is_best: bool) -> list[str]:
    candidate, figures = trial.candidate, trial.figures
    return [
        "*" if is_best else "",
        f"{candidate.reserved_concurrent_executions:,}",
        f"{candidate.batch_size:,}",
        f"{candidate.visibility_timeout:,} s",
        span(figures.oldest_s),
        f"{figures.late:,}",
        f"{figures.backlog:,}",
        f"{figures.throttles:,}",
        f"{figures.errors:,}",
        f"{figures.doubles:,}",
        f"{figures.dead_letters:,}",
        f"{figures.left:,}",
        f"{figures.requests:,}",
        f"{figures.gb_seconds:,.1f}",
        f"{figures.dollars:.6f}",
    ]


def _narrowed(rows: list[list[str]], width: int | None) -> list[list[str]]:
    for column in _DISPENSABLE if width is not None else ():
        if sum(max(map(len, column)) + 2 for column in zip(*rows, strict=True)) - 2 <= (width or 0):
            break
        rows = _without(rows, column)
    return rows


def _without(rows: list[list[str]], column: str) -> list[list[str]]:
    gone = rows[0].index(column)
    return [[*row[:gone], *row[gone + 1 :]] for row in rows]


def _verdict(result: PlanResult) -> list[str]:
    target = span(result.target / SECOND)
    best = result.best
    if best is None:
        near = result.youngest
        return [
            f"nothing keeps {target}: at best, with a concurrency of {near.candidate.reserved_concurrent_executions:,}"
            f" and batches of {near.candidate.batch_size:,}, the oldest message gets {span(near.figures.oldest_s)} old"
        ]
    changes = result.subject.changes(best.candidate)
    set_ = ", ".join(f"{key} = {value}" for key, value in changes.items())
    said = [f"keeps {target}: set {set_}" if changes else f"keeps {target} as it is declared"]
    less = result.one_less
    if less is not None:
        why = f"the oldest message gets {span(less.figures.oldest_s)} old"
        if not less.figures.late:
            why = f"{less.figures.doubles:,} delivered twice, {less.figures.lost:,} lost"
        said.append(f"one less ({less.candidate.reserved_concurrent_executions:,}) does not: {why}")
    capped = result.capped
    if capped is not None and capped.figures.throttles < best.figures.throttles:
        left = capped.figures.throttles
        said.append(
            f"{best.figures.throttles:,} throttles are left: {f'{left:,}' if left else 'none'} with scaling_config ="
            f" {{ maximum_concurrency = {capped.candidate.maximum_concurrency} }} of"
            f" event_source_mappings.{result.subject.mapping.name} too, where the oldest message gets"
            f" {span(capped.figures.oldest_s)} old"
        )
    return said


def _priced() -> str:
    return (
        f"dollars: {prices.GB_SECOND.dollars:.10f} a GB-second, {prices.REQUEST.dollars:.7f} a request"
        f" ({prices.GB_SECOND.source}, {prices.GB_SECOND.as_of}), without the free tier and SQS's own requests"
    )
