"""What a summary is written on: a terminal, or a page that lays its tables out by itself."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

from attrs import frozen

BOLD, DIM, RED, YELLOW, GREEN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[33m", "\x1b[32m"
"""Colours of `TextPage`."""
_END: Final = "\x1b[0m"
# What a narrow terminal goes without, first things first.
_DISPENSABLE: Final = ("at once", "p90", "batches", "max", "returned", "way", "from")
_NAME_LEAST: Final = 12
WORDS: Final = ("function", "from", "way", "failed for good", "namespace", "state", "raised", "cleared")
"""Columns that stand to the left, as the first one does."""


class TextPage:
    """Colour and width of what is written on."""

    def __init__(self, colour: bool, width: int | None) -> None:
        self._colour = colour
        self._width = width

    def paint(self, text: str, code: str) -> str:
        """`text` in a colour, if there is colour."""
        return f"{code}{text}{_END}" if self._colour and text.strip() else text

    def note(self, text: str, code: str) -> str:
        """A sentence, wrapped to the terminal."""
        if self._width is not None:
            text = textwrap.fill(text, self._width, subsequent_indent="  ", break_on_hyphens=False)
        return self.paint(text, code)

    def table(self, rows: Sequence[Sequence[str]], bad: frozenset[str]) -> str:
        """Aligned columns under a head, the first to the left; columns called `bad` stand out where they have figures."""
        rows = self._fitted(rows)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for number, row in enumerate(rows):
            cells = []
            for n, cell in enumerate(row):
                words = n == 0 or rows[0][n] in WORDS
                text = cell.ljust(widths[n]) if words else cell.rjust(widths[n])
                if n == len(row) - 1:
                    text = text.rstrip()
                if number == 0:
                    text = self.paint(text, DIM)
                elif rows[0][n] in bad and cell not in ("0", "-"):
                    text = self.paint(text, RED)
                cells.append(text)
            lines.append("  ".join(cells))
        return "\n".join(lines)

    def _fitted(self, rows: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
        """`rows` as wide as the terminal at most: first without what can be missed, then with shortened names."""
        if self._width is None:
            return rows
        for column in _DISPENSABLE:
            if _wide(rows) <= self._width:
                return rows
            if column in rows[0]:
                gone = rows[0].index(column)
                rows = [[*row[:gone], *row[gone + 1 :]] for row in rows]
        room = max(map(len, (row[0] for row in rows))) - max(0, _wide(rows) - self._width)
        return [[_shortened(row[0], max(room, _NAME_LEAST)), *row[1:]] for row in rows]


@frozen
class TextTable:
    """One of the summary's tables, with what is said below it."""

    rows: Sequence[Sequence[str]]
    """The first is the head."""
    bad: frozenset[str]
    """Columns whose figures say that something went wrong."""
    left: frozenset[str]
    """Columns of words."""
    notes: tuple[str, ...]


class KeptPage(TextPage):
    """Keeps what is written on it."""

    def __init__(self) -> None:
        super().__init__(False, None)
        self.last: tuple[Sequence[Sequence[str]], frozenset[str]] = ((), frozenset())
        self.notes: list[str] = []

    def table(self, rows: Sequence[Sequence[str]], bad: frozenset[str]) -> str:
        """Keep the table."""
        self.last = rows, bad
        return " "

    def note(self, text: str, code: str) -> str:
        """Keep the sentence."""
        self.notes.append(text.strip())
        return ""


def _wide(rows: Sequence[Sequence[str]]) -> int:
    return sum(max(map(len, column)) + 2 for column in zip(*rows, strict=True)) - 2


def _shortened(name: str, room: int) -> str:
    return name if len(name) <= room else f"{name[: room - 3]}..."
