"""One event pattern, read and checked: EventBridge's grammar, which event source mappings share in part."""

from __future__ import annotations

from attrs import field, frozen

from lambdarun.model.filter_conditions import EVENT_BUS, Branch, Dialect, PatternFault
from lambdarun.model.filter_grammar import read
from lambdarun.model.filter_set import PatternSet

__all__ = ["FilterPattern", "PatternFault"]


@frozen
class FilterPattern:
    """A valid pattern. Its own `matches` is for one event now and then; many patterns go into a PatternSet.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern.html
    """

    text: str
    branches: tuple[Branch, ...] = field(repr=False)
    _alone: PatternSet[None] = field(factory=PatternSet, repr=False, eq=False)

    @classmethod
    def compile(cls, text: str, dialect: Dialect = EVENT_BUS) -> FilterPattern:
        """Read a pattern. Raises PatternFault.

        >>> FilterPattern.compile('{"body": {"price": [{"numeric": [">", 100]}]}}').matches({"body": {"price": 120}})
        True
        """
        pattern = cls(text, read(text, dialect))
        pattern._alone.add(None, pattern)
        return pattern

    def matches(self, event: object) -> bool:
        """Whether an event, as Python's JSON parser gives it, matches."""
        return self._alone.any_matches(event)
