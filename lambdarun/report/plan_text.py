"""What `lambdarun plan` says on a terminal."""

from __future__ import annotations

import textwrap
from math import inf
from typing import Final

from lambdarun.model.backlog_figures import Answer, Figures
from lambdarun.report.spans import span

_SETTINGS: Final = ("visibility timeout",)
_BOLD, _DIM, _END = "\x1b[1m", "\x1b[2m", "\x1b[0m"


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
    if given.environments is None:
        return f"{_environments(wanted)} end the backlog within {span(given.latency_s or 0)}."
    more = wanted - given.environments
    if more > 0:
        word = _COUNTS.get(more, f"{more:,}")
        return f"{word} more {'environment' if more == 1 else 'environments'}: {wanted:,} in all."
    if more < 0:
        return f"{given.environments:,} are enough; {wanted:,} would be, too."
    return f"{given.environments:,} are just enough."


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
