"""Thousands of patterns and events by what other matchers say of them; each difference has its reason.

The cases are made by make_filter_vectors.py, which says who is asked. The reasons are judged by AWS's documents, by what
AWS answered (recorded_event_patterns.json), and by the source of AWS's event-ruler.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lambdarun.model.filter_pattern import FilterPattern, PatternFault

FILE = Path(__file__).parents[1] / "data" / "filter_vectors.jsonl"
CASES: list[tuple[Any, Any, str]] = [json.loads(line) for line in FILE.read_text().splitlines()]
PEERS = ("quamina", "localstack", "moto")
AGREED = {"quamina": 1375, "localstack": 3425, "moto": 3011}
Predicate = Callable[[Any, Any, str], bool]


def inner(value: Any) -> Iterator[Any]:
    """A JSON value and all within."""
    yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from inner(one)


def names(value: Any) -> set[str]:
    return {name for one in inner(value) if isinstance(one, dict) for name in one}


def has_objects_in_arrays(event: Any) -> bool:
    return any(isinstance(one, list) and any(isinstance(x, dict | list) for x in one) for one in inner(event))


def has_numbers(value: Any) -> bool:
    return any(isinstance(one, int | float) and not isinstance(one, bool) for one in inner(value))


def has_truth(value: Any) -> bool:
    return any(isinstance(one, bool) for one in inner(value))


def says_absent(pattern: Any) -> bool:
    return any(one == {"exists": False} for one in inner(pattern) if isinstance(one, dict))


# How often, why, and in which cases: what a peer says is "1" for a match, "0" for none, "?" where it broke off.
REASONS: dict[str, list[tuple[int, str, Predicate]]] = {
    "quamina": [
        (
            3,
            "exists: false is asked of all elements of an array; event-ruler asks it of those that other keys chose",
            lambda pattern, event, _: says_absent(pattern) and has_objects_in_arrays(event),
        ),
        (
            2,
            "numbers are compared by their text; AWS matches [300] with 300.0 (number_comparison_float)",
            lambda pattern, event, _: has_numbers(pattern) and has_numbers(event),
        ),
    ],
    "localstack": [
        (
            19,
            "breaks off where a prefix or suffix without case meets what is no string",
            lambda pattern, _, said: said == "?" and "equals-ignore-case" in names(pattern),
        ),
        (
            27,
            "a wildcard's * wants a character, and \\* is no star; AWS's guide: zero or more, \\* is the star",
            lambda pattern, *_: "wildcard" in names(pattern),
        ),
        (
            21,
            "keys are matched in any element of an array, each for itself; event-ruler keeps to one element",
            lambda _, event, said: said == "1" and has_objects_in_arrays(event),
        ),
        (
            8,
            "true is a 1 to Python",
            lambda pattern, event, _: has_truth([pattern, event]) and has_numbers([pattern, event]),
        ),
    ],
    "moto": [
        (
            459,
            "arrays of objects are not looked into; AWS finds keys there (list_within_dict)",
            lambda _, event, said: has_objects_in_arrays(event),
        ),
        (
            8,
            "an empty array is there; AWS takes it for no value (exists_list_empty_NEG)",
            lambda _, event, said: any(one == [] for one in inner(event)),
        ),
        (
            14,
            "true is a 1 to Python",
            lambda pattern, event, _: has_truth([pattern, event]) and has_numbers([pattern, event]),
        ),
        (
            8,
            "a key that stands in $or and beside it is asked for both; in event-ruler the later replaces the earlier",
            lambda pattern, *_: "$or" in names(pattern),
        ),
    ],
}


def ours(pattern: Any, event: Any) -> str:
    try:
        return "1" if FilterPattern.compile(json.dumps(pattern)).matches(event) else "0"
    except PatternFault:
        return "!"


def test_each_difference_from_another_matcher_has_its_reason() -> None:
    assert len(CASES) == 3_500
    agreed: Counter[str] = Counter()
    told: Counter[tuple[str, str]] = Counter()
    for pattern, event, answers in CASES:
        own = ours(pattern, event)
        for peer, said in zip(PEERS, answers, strict=True):
            if said == "-":
                continue
            if said == own:
                agreed[peer] += 1
                continue
            reasons = [reason for _, reason, holds in REASONS[peer] if holds(pattern, event, said)]
            assert reasons, (peer, pattern, event, own, said)
            told[peer, reasons[0]] += 1
    assert agreed == AGREED
    assert told == {(peer, reason): count for peer, rows in REASONS.items() for count, reason, _ in rows}
