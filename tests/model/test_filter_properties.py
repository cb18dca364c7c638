"""Many patterns at once are what each of them says alone, and no text makes the compiler raise anything but its fault."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarun.model.filter_conditions import EVENT_BUS, EVENT_SOURCE_MAPPING, Dialect
from lambdarun.model.filter_pattern import FilterPattern, PatternFault
from lambdarun.model.filter_set import PatternSet
from tests.model import plain_matcher

# Few keys and few values, so that events and patterns meet; dots in keys, so that ways to write one key meet too.
NAMES = st.sampled_from(["a", "b", "c", "a.b"])
TEXTS = st.sampled_from(["", "x", "X", "xy", "yx", "*", "10.0.0.1", "10.0.0.7", "::1", "0:0::1", "true", "1"])
NUMBERS = st.sampled_from([0, 1, 1.0, -1, 2.5, 100, 1e300, 10**25, 2**53, 2**53 + 1])
SCALARS = st.one_of(TEXTS, NUMBERS, st.none(), st.booleans())
EVENTS = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
        max_leaves=8,
    ),
    max_size=3,
)


def one_of(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.one_of(texts, st.lists(texts, min_size=1, max_size=2))


def ranges(bounds: list[Any]) -> list[Any]:
    low, high = sorted(bounds, key=float)
    return [">", low, "<=", high] if float(low) < float(high) else [">=", low]


WILDCARDS = st.sampled_from(["*", "x*", "*x", "x*y", "\\*", "*x*", "x"])
OPERATORS = st.one_of(
    st.booleans().map(lambda yes: {"exists": yes}),
    TEXTS.map(lambda text: {"prefix": text}),
    TEXTS.map(lambda text: {"suffix": text}),
    TEXTS.map(lambda text: {"prefix": {"equals-ignore-case": text}}),
    TEXTS.map(lambda text: {"suffix": {"equals-ignore-case": text}}),
    TEXTS.map(lambda text: {"equals-ignore-case": text}),
    WILDCARDS.map(lambda text: {"wildcard": text}),
    st.sampled_from(["10.0.0.0/29", "10.0.0.4/29", "::/120"]).map(lambda cidr: {"cidr": cidr}),
    st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS).map(lambda one: {"numeric": [*one]}),
    st.lists(NUMBERS, min_size=2, max_size=2).map(lambda bounds: {"numeric": ranges(bounds)}),
    st.one_of(one_of(TEXTS), NUMBERS, st.lists(NUMBERS, min_size=1, max_size=2)).map(
        lambda some: {"anything-but": some}
    ),
    st.tuples(st.sampled_from(["prefix", "suffix", "equals-ignore-case"]), one_of(TEXTS.filter(bool))).map(
        lambda one: {"anything-but": {one[0]: one[1]}}
    ),
    one_of(WILDCARDS).map(lambda some: {"anything-but": {"wildcard": some}}),
)
LEAVES = st.lists(st.one_of(SCALARS, OPERATORS), min_size=1, max_size=3)
PATTERNS = st.dictionaries(
    NAMES,
    st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=2), max_leaves=4),
    min_size=1,
    max_size=3,
).flatmap(
    lambda plain: st.one_of(
        st.just(plain),
        st.lists(st.dictionaries(NAMES, LEAVES, min_size=1, max_size=2), min_size=2, max_size=3).map(
            lambda some: {**plain, "$or": some}
        ),
    )
)


@settings(max_examples=600, deadline=None)
@given(st.lists(PATTERNS, max_size=6), st.lists(EVENTS, max_size=4))
def test_a_set_matches_what_each_pattern_matches_alone(
    patterns: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    together: PatternSet[int] = PatternSet()
    for number, pattern in enumerate(patterns):
        together.add(number, FilterPattern.compile(json.dumps(pattern)))
    for event in events:
        wanted = {number for number, one in enumerate(patterns) if plain_matcher.matches(one, event)}
        assert together.matching(event) == wanted
        assert together.any_matches(event) == bool(wanted)


@settings(max_examples=300, deadline=None)
@given(PATTERNS, EVENTS)
def test_a_pattern_alone_says_what_it_says_among_hundreds(
    pattern: dict[str, Any], event: dict[str, Any]
) -> None:
    compiled = FilterPattern.compile(json.dumps(pattern))
    many: PatternSet[int] = PatternSet()
    for number in range(40):
        many.add(number, compiled)
    wanted = plain_matcher.matches(pattern, event)
    assert compiled.matches(event) == wanted
    assert many.any_matches(event) == wanted
    assert len(many.matching(event)) == (40 if wanted else 0)


ANYTHING = st.recursive(
    st.one_of(SCALARS, OPERATORS, st.floats(allow_nan=False), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ["a", "$or", "numeric", "prefix", "anything-but", "cidr", "wildcard", "exists", "<", ""]
            ),
            inner,
            max_size=3,
        ),
    ),
)


@settings(max_examples=600, deadline=None)
@given(st.one_of(ANYTHING.map(json.dumps), st.text(max_size=60), st.text('{}[]":,$or a1\\', max_size=40)))
def test_whatever_is_compiled_it_compiles_or_tells_its_fault(text: str) -> None:
    for dialect in (EVENT_BUS, EVENT_SOURCE_MAPPING):
        fault = fault_of(text, dialect)
        if fault is not None:
            assert fault.reason
            assert 1 <= fault.line <= text.count("\n") + 1
            assert fault.column >= 1


def fault_of(text: str, dialect: Dialect) -> PatternFault | None:
    try:
        FilterPattern.compile(text, dialect)
    except PatternFault as fault:
        return fault
    return None
