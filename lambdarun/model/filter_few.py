"""A few patterns, each tried in turn: cheaper than their structure while a key tells most of them that they do not match.

A pattern costs here what its first failing key costs. Events in which it matters where in an array a value stands are left
to the structure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from lambdarun.model.filter_conditions import (
    Absent,
    Affix,
    Branch,
    Condition,
    Equals,
    EqualsIgnoreCase,
    Exists,
    NumericRange,
    folded,
)
from lambdarun.model.filter_masks import Masks
from lambdarun.model.filter_text import as_double

BRANCHES_MAX: Final = 32
_ALIASES_MAX: Final = 512
"""More ways to write a key with dots are not looked for: such patterns are deep, and rare."""
_MISSING: Final = object()
_CHOICES_MAX: Final = 256
"""So many combinations of elements are tried at most."""
_EMPTY: Final[dict[str, Any]] = {}
Test = Callable[[Any], bool]
_Asked = tuple[int, str, Callable[[str], bool], Test]
"""Where a key stands and its name there; the tests of a string there, and of anything else."""


class _Unsure(Exception):
    """Keys with dots, arrays of arrays, or too many elements, where a pattern looks."""


class Few:
    """Branches to be tried in turn."""

    def __init__(self, branches: Sequence[Branch], otherwise: Callable[[object], bool]) -> None:
        asked = [one for branch in branches for conditions in branch.values() for one in conditions]
        self._asks_absence = any(isinstance(one, Absent) for one in asked)
        self._otherwise = otherwise
        """What decides where this does not."""
        self._containers: list[tuple[int, str]] = []
        """Objects that keys stand in, by the number of the one around and their name in it; 0 is the event."""
        numbers: dict[tuple[str, ...], int] = {(): 0}
        self._branches: list[tuple[int, str, Callable[[str], bool], Test, list[_Asked]]] = []
        """The first key of each branch, and its others."""
        aliases: dict[tuple[str, ...], set[str]] = {}
        for branch in branches:
            tests: list[_Asked] = []
            for name, conditions in branch.items():
                *way, last = name.split(".")
                for depth in range(1, len(way) + 1):
                    around, within = tuple(way[: depth - 1]), tuple(way[:depth])
                    if within not in numbers:
                        self._containers.append((numbers[around], way[depth - 1]))
                        numbers[within] = len(numbers)
                    aliases.setdefault(around, set()).update(_joined([*way[depth - 1 :], last]))
                of_text = _text_test(conditions)
                tests.append((numbers[tuple(way)], last, of_text, _other_test(conditions, of_text)))
            self._branches.append((*tests[0], tests[1:]))
        self._aliases = [(numbers[way], frozenset(names)) for way, names in aliases.items()]

    @staticmethod
    def suits(branches: Sequence[Branch]) -> bool:
        """Whether trying them in turn is the cheaper way."""
        deep = sum(name.count(".") ** 2 for branch in branches for name in branch)
        return len(branches) <= BRANCHES_MAX and deep <= _ALIASES_MAX

    def any_matches(self, event: object) -> bool:
        """Whether an event matches one of them."""
        if type(event) is not dict:
            return False
        try:
            return self._any_from([event], _CHOICES_MAX)
        except _Unsure:
            return self._otherwise(event)

    def _any_from(self, held: list[dict[str, Any]], room: int) -> bool:
        """The same, once the objects in `held` are chosen; `room` is how many more choices may be tried."""
        for around, name in self._containers[len(held) - 1 :]:
            inner = held[around].get(name)
            if type(inner) is not dict:
                if type(inner) is list:
                    return self._any_element(held, inner, room)
                inner = _EMPTY
            held.append(inner)
        for number, names in self._aliases:
            if not held[number].keys().isdisjoint(names):
                raise _Unsure
        for number, name, of_text, of_other, others in self._branches:
            value = held[number].get(name, _MISSING)
            if (of_text(value) if type(value) is str else of_other(value)) and (
                not others or _all_hold(others, held)
            ):
                return True
        return False

    def _any_element(self, held: list[dict[str, Any]], array: list[Any], room: int) -> bool:
        """Try each object of an array: all that a pattern looks for in it must be in one of them."""
        room //= max(len(array), 1)
        # `exists: false` is asked of all elements until another key has chosen one.
        if not room or (self._asks_absence and len(array) > 1) or any(type(one) is list for one in array):
            raise _Unsure
        objects = [one for one in array if type(one) is dict]
        return any(self._any_from([*held, one], room) for one in objects or [_EMPTY])


def _all_hold(tests: list[_Asked], held: list[dict[str, Any]]) -> bool:
    for number, name, of_text, of_other in tests:
        value = held[number].get(name, _MISSING)
        if not (of_text(value) if type(value) is str else of_other(value)):
            return False
    return True


def _joined(steps: list[str]) -> list[str]:
    """The first steps of a way, joined by dots: an event may have them as one key."""
    return [".".join(steps[:count]) for count in range(2, len(steps) + 1)]


def _text_test(conditions: tuple[Condition, ...]) -> Callable[[str], bool]:
    """A test of strings. Conditions of one kind, which most are, take a single call of C code."""
    kinds = {type(one) for one in conditions}
    if kinds == {Equals}:
        return frozenset(one.value for one in conditions if isinstance(one, Equals)).__contains__
    if kinds == {Affix}:
        affixes = [one for one in conditions if isinstance(one, Affix)]
        some = tuple(one.text for one in affixes)
        if {(one.at_end, one.ignore_case) for one in affixes} == {(False, False)}:
            return lambda text: text.startswith(some)
        if {(one.at_end, one.ignore_case) for one in affixes} == {(True, False)}:
            return lambda text: text.endswith(some)
    if kinds == {EqualsIgnoreCase}:
        known = frozenset(one.text for one in conditions if isinstance(one, EqualsIgnoreCase))
        return lambda text: folded(text) in known
    if kinds <= {Exists, Absent}:
        exists = Exists in kinds
        return lambda _: exists
    return _any_test(conditions)


def _any_test(conditions: tuple[Condition, ...]) -> Test:
    """A test of whatever stands at a leaf."""
    masks = Masks()
    masks.add(1, conditions)
    of = masks.of
    return lambda value: of(value) != 0


def _other_test(conditions: tuple[Condition, ...], of_text: Callable[[str], bool]) -> Test:
    """A test of what is no string: a number or the like, nothing at all, an object, an array."""
    absent = any(isinstance(one, Absent) for one in conditions)
    of_any = _any_test(conditions)
    of_constant = {constant: of_any(constant) for constant in (None, True, False)}
    of_number = _range_test(conditions[0]) if isinstance(conditions[0], NumericRange) else of_any
    if len(conditions) > 1:
        of_number = of_any

    def of_elements(value: list[Any]) -> bool:
        there = False
        for element in value:
            kind = type(element)
            if kind is dict:
                continue
            if kind is list:
                raise _Unsure
            there = True
            if of_text(element) if kind is str else of_any(element):
                return True
        return absent and not there

    def test(value: Any) -> bool:
        kind = type(value)
        if kind is float or kind is int:
            return of_number(value)
        if kind is list:
            return of_elements(value)
        if value is _MISSING or kind is dict:
            return absent
        return of_constant[value]

    return test


def _range_test(bounds: NumericRange) -> Test:
    low, high, low_open, high_open = bounds.low, bounds.high, bounds.low_open, bounds.high_open

    def test(value: float) -> bool:
        number = value if type(value) is float else as_double(value)
        if low <= number <= high:
            return not ((low_open and number == low) or (high_open and number == high))
        return False

    return test
