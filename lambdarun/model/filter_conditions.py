"""What an event pattern asks of one value: a closed union. Operators are read in `filter_operators`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Protocol

from attrs import field, frozen

Scalar = str | float | bool | None
"""A value at a leaf of an event. Numbers are compared as doubles, as the recording number_comparison_float has it:
`[300]` matches 300.0."""


class PatternFault(ValueError):
    """A pattern that AWS refuses: the reason in EventBridge's words, and where in the pattern it is.

    Line and column count from 1. `key` is the way to the faulty value ("body.state[0]"), "" for the text as a whole.
    """

    def __init__(self, reason: str, key: str = "", line: int = 1, column: int = 1) -> None:
        at = f" (at {key}, line {line}, column {column})" if key else f" (line {line}, column {column})"
        super().__init__(reason + at)
        self.reason, self.key, self.line, self.column = reason, key, line, column


@frozen
class Equals:
    """Exactly this value; a string is no number, and `true` not 1."""

    value: Scalar


@frozen
class Affix:
    """A string that begins so, or ends so."""

    text: str
    at_end: bool = False
    ignore_case: bool = False


@frozen
class EqualsIgnoreCase:
    """A string that differs in upper and lower case at most; `text` is in lower case."""

    text: str


@frozen
class Wildcard:
    """A string of these pieces, with any characters, or none, between each two of them."""

    pieces: tuple[str, ...]


@frozen
class AddressRange:
    """The text of an IP address within these bounds, both included."""

    low: int
    high: int
    bits: int
    """32 or 128."""


@frozen
class NumericRange:
    """A number between two bounds; an open bound is not itself in it."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False


@frozen
class AnythingBut:
    """Any value, null too, for which none of these holds; but a value."""

    excluded: tuple[Positive, ...]


@frozen
class Exists:
    """Any value at a leaf; an object, or an empty array, is none."""


@frozen
class Absent:
    """No value at that leaf, whatever is beneath."""


Positive = Equals | Affix | EqualsIgnoreCase | Wildcard
Condition = Positive | AddressRange | NumericRange | AnythingBut | Exists | Absent
Branch = Mapping[str, tuple[Condition, ...]]
"""Conditions by the dotted name of their key: all keys must hold, of each key one condition. A pattern without `$or`
is one branch."""


def folded(text: str) -> str:
    """A text as it is compared where case does not matter."""
    return text.lower()


class HasBranches(Protocol):
    """A pattern that has been read."""

    @property
    def branches(self) -> tuple[Branch, ...]:
        """It matches where one of these does."""


@frozen
class Dialect:
    """Which operators a service takes: all, or those of event source mappings."""

    name: str
    refuses: frozenset[str] = field(factory=frozenset)
    """Operators, and "anything-but/prefix" and the like for what anything-but is applied to."""


EVENT_BUS: Final = Dialect("event buses")
# AWS does not say which of EventBridge's operators a mapping takes. It says that Pipes, which polls for mappings too, does
# not take wildcard, nor anything-but with another operator; so these are refused, and cidr, which nobody has seen there.
# Prefixes and suffixes without case Pipes does take.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
EVENT_SOURCE_MAPPING: Final = Dialect(
    "event source mappings",
    frozenset(
        {
            "wildcard",
            "cidr",
            "anything-but/prefix",
            "anything-but/suffix",
            "anything-but/equals-ignore-case",
            "anything-but/wildcard",
        }
    ),
)
