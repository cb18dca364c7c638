"""A pattern's text: its JSON value, what is given twice in it, and where in it a value stands."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from lambdarun.model.filter_conditions import PatternFault
from lambdarun.model.json_fault import json_fault
from lambdarun.model.json_text import parse

Path = tuple[str | int, ...]
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+')


def read_json(text: str) -> Any:
    """The value of a pattern's text; of a key that is given twice the last counts, and has its place.

    Raises PatternFault for what is no JSON, in the words of AWS's parser.
    """
    try:
        parse(text)
        return json.loads(text, object_pairs_hook=_last_wins)
    except json.JSONDecodeError:
        fault = json_fault(text.encode("utf-8", "surrogatepass"))
        raise PatternFault(fault.text, "", fault.line, fault.column) from None


def _last_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        made.pop(name, None)
        made[name] = value
    return made


def is_number(value: object) -> bool:
    """Whether a JSON value is a number: `true` is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_double(value: float) -> float:
    """A number as a double; what is too large is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def shown(value: Any) -> str:
    """A JSON value as it is named in a reason: a text bare, the start of anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return "{" if isinstance(value, dict) else "["
    return json.dumps(value)


def key_of(path: Path) -> str:
    """A path as it is read: body.state[0]."""
    said = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return said.removeprefix(".")


def fault_at(text: str, path: Path, reason: str) -> PatternFault:
    """A fault in the value at `path` of a text that is JSON."""
    at = 0
    for found, start in _values(text):
        if found == path:
            at = start  # the last: of a key that is given twice it is the one that counts
    line_start = text.rfind("\n", 0, at) + 1
    return PatternFault(reason, key_of(path), text.count("\n", 0, at) + 1, at - line_start + 1)


def given_twice(text: str) -> list[str]:
    """The keys of a JSON text that stand twice in one object, of which AWS takes the last."""
    seen: set[Path] = set()
    twice = []
    for path, _ in _values(text):
        if path in seen and path and isinstance(path[-1], str):
            twice.append(key_of(path))
        seen.add(path)
    return list(dict.fromkeys(twice))


def _values(text: str) -> Iterator[tuple[Path, int]]:
    """The path and the place of each value of a valid JSON text."""
    path: list[str | int] = []
    open_objects: list[bool] = []
    expects_key = False
    for token in _TOKEN.finditer(text):
        piece = token[0]
        if piece in "]}":
            open_objects.pop()
            if path and len(path) > len(open_objects):
                path.pop()
            expects_key = False
        elif piece == ",":
            if open_objects[-1]:
                path.pop()
                expects_key = True
            else:
                path.append(int(path.pop()) + 1)
        elif piece == ":":
            expects_key = False
        elif expects_key:
            path.append(json.loads(piece))
        else:
            yield tuple(path), token.start()
            if piece in "[{":
                open_objects.append(piece == "{")
                expects_key = piece == "{"
                if piece == "[":
                    path.append(0)
