"""What somebody may have meant who wrote a name that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near_names(name: str, known: Iterable[str], most: int = 1) -> list[str]:
    """The names that `name` resembles, the nearest first."""
    return get_close_matches(name, list(known), most)


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """`Did you mean "orders"?`, or `otherwise` where nothing resembles `name`."""
    near = near_names(name, known)
    return f'Did you mean "{near[0]}"?' if near else otherwise
