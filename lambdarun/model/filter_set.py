"""Many patterns against one event at once: which of them match."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

from attrs import define, field

from lambdarun.model.filter_conditions import Branch, HasBranches
from lambdarun.model.filter_few import Few
from lambdarun.model.filter_fields import Membership, Node, consistent, placed_leaves, plain_leaves
from lambdarun.model.filter_masks import Masks

Key = TypeVar("Key", bound=Hashable)
_STARTS_MAX: Final = 1_024


@define(eq=False)
class PatternSet(Generic[Key]):
    """Patterns by keys of the caller's, matched together.

    The cost of an event grows with its own keys that patterns name and with what matches, not with the number of patterns
    on a key. Adding is cheap; the first event after it pays for the structure anew.

    >>> rules = PatternSet()
    >>> rules.add("errors", FilterPattern.compile('{"level": ["ERROR"]}'))
    >>> rules.matching({"level": "ERROR", "code": 3})
    {'errors'}
    """

    _patterns: dict[Key, HasBranches] = field(factory=dict)
    _compiled: _Compiled[Key] | None = None
    _few: Few | None = None

    def add(self, key: Key, pattern: HasBranches) -> None:
        """Add a pattern, in place of the one that has this key."""
        self._patterns[key] = pattern
        self._compiled = None

    def discard(self, key: Key) -> None:
        """Take a pattern out, if it is there."""
        if self._patterns.pop(key, None) is not None:
            self._compiled = None

    def __len__(self) -> int:
        return len(self._patterns)

    def matching(self, event: object) -> set[Key]:
        """The keys of the patterns that an event matches: JSON as Python's parser gives it. What is no object matches none."""
        compiled = self._ready()
        return {compiled.owners[number] for number in _bits(compiled.alive(event))}

    def any_matches(self, event: object) -> bool:
        """Whether one of the patterns matches."""
        return self.test()(event)

    def test(self) -> Callable[[object], bool]:
        """`any_matches` of the patterns as they are now, for those who ask often."""
        compiled = self._ready()
        return compiled.any_matches if self._few is None else self._few.any_matches

    def _ready(self) -> _Compiled[Key]:
        if self._compiled is None:
            branches = [
                (key, branch) for key, pattern in self._patterns.items() for branch in pattern.branches
            ]
            self._compiled = _Compiled.of(branches)
            alone = [branch for _, branch in branches]
            self._few = Few(alone, self._compiled.any_matches) if Few.suits(alone) else None
        return self._compiled


@define(eq=False)
class _Leaf:
    """One key, and what the branches ask of it."""

    name: str
    masks: Masks = field(factory=Masks)
    asking: int = 0
    """The branches that ask something of this key."""


@define(eq=False)
class _Compiled(Generic[Key]):
    """Branches as bits: bit n is set in a number that stands for branches where branch n is among them."""

    owners: list[Key]
    _root: Node
    _leaves: list[_Leaf]
    _asked: dict[int, list[tuple[str, int]]] = field(factory=dict)
    """The keys of a branch in the order of their names, once they were wanted."""
    _starts: dict[frozenset[int], int] = field(factory=dict)
    """What is left of all branches by the keys that an event has: events of one kind have the same."""

    @classmethod
    def of(cls, branches: Iterable[tuple[Key, Branch]]) -> _Compiled[Key]:
        """Branches with the keys of their patterns."""
        owners: list[Key] = []
        root = Node()
        leaves: list[_Leaf] = []
        for number, (owner, branch) in enumerate(branches):
            owners.append(owner)
            for name, conditions in branch.items():
                node = root.grow(name)
                if node.leaf < 0:
                    node.leaf = len(leaves)
                    leaves.append(_Leaf(name))
                leaf = leaves[node.leaf]
                leaf.asking |= 1 << number
                leaf.masks.add(1 << number, conditions)
        return cls(owners, root, leaves)

    def any_matches(self, event: object) -> bool:
        """Whether a branch matches."""
        return self.alive(event) != 0

    def alive(self, event: object) -> int:
        """The branches that match."""
        if not isinstance(event, dict):
            return 0
        plain = plain_leaves(self._root, event)
        if plain is None:
            return self._alive_in_arrays(event)
        leaves = self._leaves
        suited: dict[int, int] = {}
        for number, value in plain:
            suited[number] = suited.get(number, 0) | leaves[number].masks.of(value)
        left = self._start(frozenset(suited))
        for number, mask in suited.items():
            if not left:
                break
            left &= mask | ~leaves[number].asking
        return left

    def _start(self, present: frozenset[int]) -> int:
        """The branches that an event with these keys may match."""
        if present not in self._starts:
            if len(self._starts) >= _STARTS_MAX:
                self._starts.clear()
            left = (1 << len(self.owners)) - 1
            for number, leaf in enumerate(self._leaves):
                if number not in present:
                    left &= leaf.masks.absent | ~leaf.asking
            self._starts[present] = left
        return self._starts[present]

    def _alive_in_arrays(self, event: dict[str, Any]) -> int:
        placed = placed_leaves(self._root, event)
        suited = {
            number: [(self._leaves[number].masks.of(value), places) for value, places in values]
            for number, values in placed.items()
        }
        left = self._start(frozenset(suited))
        scattered = False
        for number, values in suited.items():
            leaf = self._leaves[number]
            mask = 0
            for one, _ in values:
                mask |= one
            if all(places for _, places in values):
                scattered = True
                # In the elements that the other keys choose there may be none.
                mask |= leaf.masks.absent
            left &= mask | ~leaf.asking
        if not scattered or not left:
            return left
        for number in _bits(left):
            if not self._is_consistent(number, suited):
                left ^= 1 << number
        return left

    def _is_consistent(self, number: int, suited: dict[int, list[tuple[int, Membership]]]) -> bool:
        bit = 1 << number
        if number not in self._asked:
            asking = (n for n, leaf in enumerate(self._leaves) if leaf.asking & bit)
            self._asked[number] = sorted((self._leaves[n].name, n) for n in asking)
        return consistent(
            (
                bool(self._leaves[n].masks.absent & bit),
                [places for mask, places in suited.get(n, ()) if mask & bit],
                [places for _, places in suited.get(n, ())],
            )
            for _, n in self._asked[number]
        )


def _bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set."""
    digits = bin(mask)[:1:-1]
    at = digits.find("1")
    while at >= 0:
        yield at
        at = digits.find("1", at + 1)
