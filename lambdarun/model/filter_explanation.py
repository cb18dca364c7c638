"""Why an event does not match a pattern: the keys that fail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from lambdarun.model.filter_conditions import Absent, Branch
from lambdarun.model.filter_fields import Node, placed_leaves
from lambdarun.model.filter_set import PatternSet

_SHOWN_MAX: Final = 60


@frozen
class Miss:
    """A key of a pattern that an event fails; "" stands for keys that each match, but not in one element of an array."""

    key: str
    said: str
    """What the event has there."""

    def __str__(self) -> str:
        return f"{self.key} {self.said}".lstrip()


@frozen
class _One:
    branches: tuple[Branch, ...]


def misses(branches: Sequence[Branch], event: dict[str, Any]) -> list[Miss]:
    """The keys that fail of the branch that comes nearest, in the order of their names. `event` does not match."""
    found = [_of_branch(branch, event) for branch in branches]
    return min(found, key=len)


def _of_branch(branch: Branch, event: dict[str, Any]) -> list[Miss]:
    failing = []
    for name in sorted(branch):
        alone: PatternSet[None] = PatternSet()
        alone.add(None, _One(({name: branch[name]},)))
        if not alone.any_matches(event):
            absent = any(isinstance(one, Absent) for one in branch[name])
            failing.append(Miss(name, _said(name, event, absent)))
    return failing or [Miss("", "each key matches, but not in one element of an array")]


def _said(name: str, event: dict[str, Any], absent: bool) -> str:
    root = Node()
    root.grow(name).leaf = 0
    values = [value for value, _ in placed_leaves(root, event).get(0, [])]
    if values:
        shown = ", ".join(json.dumps(value, ensure_ascii=False) for value in values[:3])
        more = ", ..." if len(values) > 3 or len(shown) > _SHOWN_MAX else ""
        return f"is {shown[:_SHOWN_MAX]}{more}{', and may not be there' if absent else ''}"
    held: Any = event
    for step in name.split("."):
        held = held.get(step, _said) if isinstance(held, dict) else _said
    if isinstance(held, dict):
        return "is an object, not a value"
    return "is an empty array: no value" if held == [] else "is missing"
