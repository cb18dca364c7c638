"""The structure of event patterns: nested keys and `$or` to branches of flat, dotted keys, as event-ruler compiles them."""

from __future__ import annotations

from typing import Any, Final

from lambdarun.aws import filter_messages as say
from lambdarun.aws import limits
from lambdarun.model.filter_conditions import Branch, Condition, Dialect, PatternFault
from lambdarun.model.filter_operators import condition
from lambdarun.model.filter_text import Path, fault_at, read_json

# Each `$or` multiplies the branches. AWS does not say where it stops; a pattern as long as AWS takes them could stand for
# more than a machine holds.
_BRANCHES_MAX: Final = 1_000
# Names that event-ruler keeps for operators, those that it has and those that it may have one day.
_RESERVED: Final = frozenset(
    {
        "exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr", "=", "<",
        "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case", "date-after", "date-on-or-after", "date-before",
        "date-on-or-before", "in-date-range", "ip-address-in-range", "ip-address-not-in-range",
    }
)  # fmt: skip


def read(text: str, dialect: Dialect) -> tuple[Branch, ...]:
    """The branches of a pattern. Raises PatternFault."""
    most = limits.FILTER_PATTERN_LENGTH.value
    if len(text) > most:
        raise PatternFault(f"it has {len(text):,} characters: AWS takes at most {most:,}")
    given = read_json(text)
    if not isinstance(given, dict):
        raise PatternFault(say.NO_OBJECT)
    return _Reading(text, dialect).branches(given)


class _Reading:
    """One pattern being read. Without recursion: a pattern may nest deeper than Python's stack."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text, self.dialect = text, dialect

    def branches(self, pattern: dict[str, Any]) -> tuple[Branch, ...]:
        """All of them, the innermost objects first."""
        objects = self._objects(pattern)
        made: dict[int, list[dict[str, tuple[Condition, ...]]]] = {}
        for given, path, prefix in reversed(objects):
            branches: list[dict[str, tuple[Condition, ...]]] = [{}]
            for name, value in given.items():
                if name == "$or":
                    parts = [part for one in value for part in made[id(one)]]
                elif isinstance(value, dict):
                    parts = made[id(value)]
                else:
                    parts = [{prefix + name: self._conditions((*path, name), value)}]
                if len(branches) * len(parts) > _BRANCHES_MAX:
                    raise self._fault((*path, name), f"its $or come to more than {_BRANCHES_MAX:,} branches")
                # A key that is given twice, once by dots, or in $or and beside it: the last wins.
                branches = [{**one, **part} for one in branches for part in parts]
            made[id(given)] = branches
        return tuple(made[id(pattern)])

    def _objects(self, pattern: dict[str, Any]) -> list[tuple[dict[str, Any], Path, str]]:
        """Each object of keys with its path and what stands before its keys' names; outer ones first."""
        found: list[tuple[dict[str, Any], Path, str]] = [(pattern, (), "")]
        within_or = {id(pattern): False}
        for given, path, prefix in found:
            inside = within_or[id(given)]
            if not given:
                raise self._fault(path, say.EMPTY_OBJECT)
            for name, value in given.items():
                at = (*path, name)
                if name == "$or":
                    for index, one in enumerate(self._alternatives(at, value)):
                        found.append((one, (*at, index), prefix))
                        within_or[id(one)] = True
                elif inside and name in _RESERVED:
                    raise self._fault(at, say.OR_RESERVED.format(name=name))
                elif isinstance(value, dict):
                    found.append((value, at, f"{prefix}{name}."))
                    within_or[id(value)] = inside
                elif not isinstance(value, list):
                    raise self._fault(at, say.NO_ARRAY.format(name=name))
                elif not value:
                    raise self._fault(at, say.EMPTY_ARRAY)
        return found

    def _alternatives(self, path: Path, given: Any) -> list[dict[str, Any]]:
        if not isinstance(given, list):
            raise self._fault(path, say.OR_NO_ARRAY)
        for index, one in enumerate(given):
            if not isinstance(one, dict):
                raise self._fault((*path, index), say.OR_NO_OBJECT)
        if len(given) < 2:
            raise self._fault(path, say.OR_TOO_FEW)
        return given

    def _conditions(self, path: Path, given: list[Any]) -> tuple[Condition, ...]:
        made = []
        for index, value in enumerate(given):
            try:
                made.append(condition(value, self.dialect))
            except ValueError as fault:
                raise self._fault((*path, index), str(fault)) from None
        return tuple(made)

    def _fault(self, path: Path, reason: str) -> PatternFault:
        return fault_at(self.text, path, reason)
