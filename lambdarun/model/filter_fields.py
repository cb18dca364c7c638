"""An event's leaves by the keys that patterns name, and in which elements of its arrays each of them stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import define, field

Membership = tuple[tuple[int, int], ...]
"""Arrays, by their numbers in the event, and the element in each, that a value stands in; outermost first. Strings and
numbers that are elements themselves belong to no element: an array of them counts as a set."""


@define(eq=False)
class Node:
    """A step of the keys that patterns name. `leaf` numbers the key that ends here, -1 where none does."""

    steps: dict[str, Node] = field(factory=dict)
    leaf: int = -1

    def grow(self, name: str) -> Node:
        """The node of a dotted name beneath this one, made where it is not there."""
        node = self
        for step in name.split("."):
            node = node.steps.setdefault(step, Node())
        return node

    def down(self, name: str) -> Node | None:
        """The node of an event's key, which may have dots; None where no pattern names it, nor anything beneath."""
        node: Node | None = self
        for step in name.split("."):
            node = node.steps.get(step) if node is not None else None
        return node


def plain_leaves(root: Node, event: dict[str, Any]) -> list[tuple[int, Any]] | None:
    """Each value of an event at a leaf; None if it has what only `placed_leaves` understands: keys with dots, arrays of
    arrays, or of several objects.
    """
    found: list[tuple[int, Any]] = []
    todo = [(root, event)]
    while todo:
        node, given = todo.pop()
        if "." in "".join(given):
            return None
        steps = node.steps
        for name in steps if len(steps) < len(given) else given:
            if name not in given or name not in steps:
                continue
            value, step = given[name], steps[name]
            kind = type(value)
            if kind is dict:
                if step.steps:
                    todo.append((step, value))
            elif kind is list:
                for element in value:
                    if type(element) is dict and len(value) == 1:
                        todo.append((step, element))
                    elif type(element) is dict or type(element) is list:
                        return None
                    elif step.leaf >= 0:
                        found.append((step.leaf, element))
            elif step.leaf >= 0:
                found.append((step.leaf, value))
    return found


def placed_leaves(root: Node, event: dict[str, Any]) -> dict[int, list[tuple[Any, Membership]]]:
    """The values of an event at each leaf, with their places in its arrays."""
    found: dict[int, list[tuple[Any, Membership]]] = {}
    arrays = 0
    todo: list[tuple[Node, Any, Membership]] = [(root, event, ())]
    while todo:
        node, value, places = todo.pop()
        if isinstance(value, dict):
            for name, inner in value.items():
                step = node.down(name)
                if step is not None:
                    todo.append((step, inner, places))
        elif isinstance(value, list):
            number, arrays = arrays, arrays + 1
            for index, element in enumerate(value):
                inside = (*places, (number, index)) if isinstance(element, dict | list) else places
                todo.append((node, element, inside))
        elif node.leaf >= 0:
            found.setdefault(node.leaf, []).append((value, places))
    return found


def consistent(keys: Iterable[tuple[bool, list[Membership], list[Membership]]]) -> bool:
    """Whether one value of each key can be chosen so that no two are from different elements of one array.

    Keys come in the order of their names, each as: may be absent, places of the values that suit, places of all its values.
    That order counts for `exists: false`: the key must have no value in the elements chosen so far (event-ruler's
    NameState). One after the other, event-ruler's ACFinder does the same.
    """
    chosen: list[dict[int, int]] = [{}]
    for absent, suiting, every in keys:
        following: dict[frozenset[tuple[int, int]], dict[int, int]] = {}
        lookup = _ByElement(suiting)
        everywhere = _ByElement(every) if absent else None
        for elements in chosen:
            if everywhere is not None and next(everywhere.beside(elements), None) is None:
                following[frozenset(elements.items())] = elements
            for places in lookup.beside(elements):
                joined = {**elements, **dict(places)}
                following[frozenset(joined.items())] = joined
        chosen = list(following.values())
        if not chosen:
            return False
    return True


class _ByElement:
    """Places of values, so kept that those which go with chosen elements are found without trying all."""

    def __init__(self, places: list[Membership]) -> None:
        self._by_array: dict[int | None, dict[int | None, dict[Membership, None]]] = {}
        for one in places:
            array, index = one[0] if one else (None, None)
            self._by_array.setdefault(array, {}).setdefault(index, {})[one] = None

    def beside(self, elements: dict[int, int]) -> Iterator[Membership]:
        """Places that are in no other element of an array than `elements` has."""
        for array, by_index in self._by_array.items():
            within = [by_index.get(elements[array], {})] if array in elements else by_index.values()
            for places in within:
                for one in places:
                    if all(elements.get(number, index) == index for number, index in one):
                        yield one
