"""The JSON kind of CloudWatch Logs' filter patterns: `{ $.level = "ERROR" && $.latency > 500 }`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from attrs import define, frozen

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<selector>\$[^\s=!<>&|()]*)
    | (?P<operator>\|\||&&|!=|<=|>=|[=<>()])
    | "(?P<quoted>(?:[^"\\]|\\.)*)"
    | (?P<bare>[^\s=!<>&|()"]+)
    )""",
    re.VERBOSE,
)
_STEP: Final = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]")
_NUMBER: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
_DEEPEST: Final = 50
_ABSENT: Final = object()

_Test = Callable[[Any], bool]


class PatternFault(ValueError):
    """A pattern is not one, or is not built; `mend` says what helps."""

    def __init__(self, fault: str, mend: str) -> None:
        super().__init__(f"{fault} {mend}")
        self.fault, self.mend = fault, mend


@frozen
class JsonExpression:
    """A compiled expression."""

    holds: Callable[[Any], bool]
    """Whether it holds of a parsed log event."""

    @classmethod
    def parse(cls, text: str) -> JsonExpression:
        """Read `{ ... }`. Raises PatternFault."""
        inner = text[1:-1] if text.endswith("}") else None
        if inner is None or not inner.strip():
            raise PatternFault("is no JSON pattern.", 'Write { $.level = "ERROR" }.')
        parser = _Parser(_tokens(inner))
        holds = parser.either(0)
        if parser.tokens:
            raise _unexpected(parser.tokens[0])
        return cls(holds)


def _tokens(text: str) -> list[tuple[str, str]]:
    """Kind and text of each token."""
    found = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise PatternFault(f"{text[at:].strip()!r} cannot be read.", "Put texts in double quotes.")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def _unexpected(token: tuple[str, str]) -> PatternFault:
    return PatternFault(
        f"{token[1]!r} stands where it cannot.", "Write conditions joined by && and ||: $.a = 1."
    )


@define
class _Parser:
    """`(` before `&&` before `||`, as AWS orders them."""

    tokens: list[tuple[str, str]]

    def either(self, depth: int) -> _Test:
        tests = [self._both(depth)]
        while self._skip("||"):
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda event: any(test(event) for test in tests)

    def _both(self, depth: int) -> _Test:
        tests = [self._one(depth)]
        while self._skip("&&"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda event: all(test(event) for test in tests)

    def _one(self, depth: int) -> _Test:
        if depth > _DEEPEST:
            raise PatternFault(f"is nested more than {_DEEPEST} deep.", "Write it flatter.")
        if self._skip("("):
            test = self.either(depth + 1)
            if not self._skip(")"):
                raise PatternFault("has a bracket that is not closed.", "Write the missing ).")
            return test
        return self._condition()

    def _condition(self) -> _Test:
        kind, text = self._next()
        if kind != "selector":
            raise _unexpected((kind, text))
        select = _selector(text)
        kind, word = self._next()
        if kind == "bare" and word in ("IS", "NOT"):
            return _existence(select, word, self._next())
        if kind != "operator" or word not in _COMPARISONS:
            raise _unexpected((kind, word))
        return _comparison(select, word, self._next())

    def _next(self) -> tuple[str, str]:
        if not self.tokens:
            raise PatternFault("ends within a condition.", "Write it to its end: $.a = 1.")
        return self.tokens.pop(0)

    def _skip(self, operator: str) -> bool:
        if not self.tokens or self.tokens[0] != ("operator", operator):
            return False
        del self.tokens[0]
        return True


def _selector(text: str) -> Callable[[Any], Any]:
    """What finds the member that `$.users[0].id` names; _ABSENT where there is none."""
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise PatternFault(
                f"the selector {text!r} is not built.", "Write names and numbers: $.users[0].id."
            )
        steps.append(int(match[2]) if match[1] is None else match[1])
        at = match.end()
    if not steps:
        raise PatternFault(f"the selector {text!r} names no member.", "Write $.NAME.")

    def select(event: Any) -> Any:
        for step in steps:
            if isinstance(step, str):
                event = event.get(step, _ABSENT) if isinstance(event, dict) else _ABSENT
            else:
                event = event[step] if isinstance(event, list) and step < len(event) else _ABSENT
        return event

    return select


def _existence(select: Callable[[Any], Any], word: str, token: tuple[str, str]) -> _Test:
    said = f"{word} {token[1]}"
    wanted = {"IS NULL": None, "IS TRUE": True, "IS FALSE": False, "NOT EXISTS": _ABSENT}.get(said, ...)
    if wanted is ...:
        raise PatternFault(f"{said!r} is no condition.", "Write IS NULL, IS TRUE, IS FALSE or NOT EXISTS.")
    return lambda event: select(event) is wanted


def _comparison(select: Callable[[Any], Any], operator: str, token: tuple[str, str]) -> _Test:
    """A condition on a value. One that is absent, an array, an object or a truth value meets none (AWS: the filter is
    not applied).
    """
    kind, text = token
    if kind not in ("quoted", "bare"):
        raise _unexpected(token)
    compare = _COMPARISONS[operator]
    if kind == "bare" and re.fullmatch(_NUMBER, text):
        number = float(text)

        def numeric(event: Any) -> bool:
            value = select(event)
            if isinstance(value, str) and operator in ("=", "!="):
                return compare(value, text)
            return type(value) in (int, float) and compare(value, number)

        return numeric
    if operator not in ("=", "!="):
        raise PatternFault(f"{operator} compares numbers, and {text!r} is none.", "Write $.latency > 500.")
    matches = _text(re.sub(r"\\(.)", r"\1", text) if kind == "quoted" else text)
    wanted = operator == "="

    def textual(event: Any) -> bool:
        value = select(event)
        if type(value) in (int, float):
            value = json.dumps(value)
        return isinstance(value, str) and matches(value) is wanted

    return textual


def _text(wanted: str) -> Callable[[str], bool]:
    """Equality, with * for anything at either end; within a text it is just a star (AWS)."""
    start, end = wanted.startswith("*"), wanted.endswith("*")
    if wanted == "*":
        return lambda _: True
    inner = wanted[start : len(wanted) - end]
    if start and end:
        return lambda value: inner in value
    if start:
        return lambda value: value.endswith(inner)
    if end:
        return lambda value: value.startswith(inner)
    return lambda value: value == wanted
