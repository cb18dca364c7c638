"""Conditions of many branches on one key, as one structure: a value gives the branches that it suits, as bits of a number.

What a value is looked up in does not grow with the branches: a dictionary for equal values, one for each length of prefixes
and suffixes, bounds in order for ranges. Only wildcards are tried one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import define, field

from lambdarun.model.filter_addresses import address
from lambdarun.model.filter_conditions import (
    Absent,
    AddressRange,
    Affix,
    AnythingBut,
    Condition,
    Equals,
    EqualsIgnoreCase,
    Exists,
    NumericRange,
    Wildcard,
    folded,
)
from lambdarun.model.filter_ranges import Ranges
from lambdarun.model.filter_text import as_double


@define(eq=False)
class Masks:
    """Conditions of one key. `bit` is a number with one bit set: a branch."""

    any_value: int = 0
    """The branches that any value suits."""
    absent: int = 0
    """The branches that no value at all suits."""
    _texts: dict[str, int] = field(factory=dict)
    _constants: dict[bool | None, int] = field(factory=dict)
    _numbers: dict[float, int] = field(factory=dict)
    _ranges: Ranges = field(factory=Ranges)
    _looks_at_shape: bool = False
    """Whether strings are looked at for more than being equal."""
    _any_case: dict[str, int] = field(factory=dict)
    _affixes: dict[tuple[bool, bool, int], dict[str, int]] = field(factory=dict)
    """By end, case and length."""
    _wildcards: list[tuple[tuple[str, ...], int]] = field(factory=list)
    _addresses: dict[int, Ranges] = field(factory=dict)
    """By the bits of an address."""
    _buts: list[tuple[int, Masks]] = field(factory=list)
    """Branches that take anything, and what they exclude."""

    def add(self, bit: int, conditions: Iterable[Condition]) -> None:
        """Conditions of one branch, of which one must hold."""
        layer = 0
        for condition in conditions:
            if isinstance(condition, AnythingBut):
                # Two of one array are kept apart: what one of them excludes the other may let through.
                self._add_but(layer, bit, condition)
                layer += 1
            else:
                self._add(bit, condition)

    def of(self, value: Any) -> int:
        """The branches that a value of an event suits."""
        if type(value) is str:
            mask = self._texts.get(value, 0) | self.any_value
            if self._looks_at_shape:
                mask |= self._of_shape(value)
        elif value is None or value is True or value is False:
            mask = self._constants.get(value, 0) | self.any_value
        else:
            number = as_double(value)
            mask = self._numbers.get(number, 0) | self.any_value
            if self._ranges:
                mask |= self._ranges.at(number)
        for default, excluded in self._buts:
            mask |= default & ~excluded.of(value)
        return mask

    def _of_shape(self, text: str) -> int:
        mask = 0
        lower = folded(text)
        if self._any_case:
            mask |= self._any_case.get(lower, 0)
        for (at_end, ignore_case, length), masks in self._affixes.items():
            whole = lower if ignore_case else text
            if length <= len(whole):
                mask |= masks.get(whole[len(whole) - length :] if at_end else whole[:length], 0)
        for pieces, bit in self._wildcards:
            if fits(text, pieces):
                mask |= bit
        if self._addresses:
            found = address(text)
            if found is not None and found[1] in self._addresses:
                mask |= self._addresses[found[1]].at(found[0])
        return mask

    def _add_but(self, layer: int, bit: int, condition: AnythingBut) -> None:
        if layer == len(self._buts):
            self._buts.append((0, Masks()))
        default, excluded = self._buts[layer]
        for one in condition.excluded:
            excluded._add(bit, one)
        self._buts[layer] = (default | bit, excluded)

    def _add(self, bit: int, condition: Condition) -> None:
        match condition:
            case Equals(value):
                if isinstance(value, str):
                    _set(self._texts, value, bit)
                elif value is None or isinstance(value, bool):
                    _set(self._constants, value, bit)
                else:
                    _set(self._numbers, value, bit)
            case Exists():
                self.any_value |= bit
            case Absent():
                self.absent |= bit
            case NumericRange(low, high, low_open, high_open):
                self._ranges.add(bit, (low, int(low_open)), (high, int(not high_open)))
            case _:
                self._looks_at_shape = True
                self._add_shape(bit, condition)

    def _add_shape(self, bit: int, condition: Condition) -> None:
        match condition:
            case EqualsIgnoreCase(text):
                _set(self._any_case, text, bit)
            case Affix(text, at_end, ignore_case):
                _set(self._affixes.setdefault((at_end, ignore_case, len(text)), {}), text, bit)
            case Wildcard(pieces):
                self._wildcards.append((pieces, bit))
            case AddressRange(low, high, bits):
                self._addresses.setdefault(bits, Ranges()).add(bit, (low, 0), (high, 1))
            case _:
                raise AssertionError(condition)


def _set(masks: dict[Any, int], key: Any, bit: int) -> None:
    masks[key] = masks.get(key, 0) | bit


def fits(text: str, pieces: tuple[str, ...]) -> bool:
    """Whether a text is these pieces with anything between them: piece by piece, so that no text takes long."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return text == first
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in pieces[1:-1]:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True
