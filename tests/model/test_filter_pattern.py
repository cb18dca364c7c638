"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern.html and the operators' page beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdarun.model.filter_conditions import EVENT_SOURCE_MAPPING
from lambdarun.model.filter_pattern import FilterPattern, PatternFault
from lambdarun.model.filter_set import PatternSet


def matches(pattern: Any, event: Any) -> bool:
    return FilterPattern.compile(pattern if isinstance(pattern, str) else json.dumps(pattern)).matches(event)


def fault(pattern: Any, **dialect: Any) -> PatternFault:
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    with pytest.raises(PatternFault) as told:
        FilterPattern.compile(text, **dialect)
    return told.value


def test_all_keys_must_match_and_of_each_key_one_value() -> None:
    pattern = {"a": [1, 2], "b": {"c": ["x"]}}
    assert matches(pattern, {"a": 2, "b": {"c": "x"}, "other": 0})
    assert not matches(pattern, {"a": 2, "b": {"c": "y"}})
    assert not matches(pattern, {"a": 2})


def test_what_is_no_object_matches_nothing() -> None:
    for event in ([{"a": 1}], "a", 1, None):
        assert not matches({"a": [{"exists": False}]}, event)


def test_values_are_of_their_own_kinds() -> None:
    assert not matches({"a": ["1"]}, {"a": 1})
    assert not matches({"a": [1]}, {"a": True})
    assert not matches({"a": [True]}, {"a": 1})
    assert not matches({"a": [None]}, {"a": "null"})
    assert not matches({"a": [None]}, {})
    assert not matches({"a": [""]}, {"a": None})
    assert matches({"a": [None]}, {"a": None})


def test_numbers_are_compared_as_doubles() -> None:
    assert matches({"a": [300]}, {"a": 300.0})
    assert matches('{"a": [3.0e2]}', {"a": 300})
    assert matches({"a": [2**53]}, {"a": 2**53 + 1})
    assert matches({"a": [{"numeric": [">", 100]}]}, {"a": 101.0})
    assert not matches({"a": [{"numeric": [">", 100]}]}, {"a": "101"})
    assert matches('{"a": [{"numeric": [">", 1e300]}]}', {"a": 10**400})
    assert matches({"a": [{"numeric": [">=", -1, "<", 0]}]}, {"a": -1})
    assert not matches({"a": [{"numeric": [">=", -1, "<", 0]}]}, {"a": 0})


def test_an_array_of_values_is_a_set() -> None:
    assert matches({"a": ["x"]}, {"a": ["y", "x"]})
    assert not matches({"a": ["x"]}, {"a": [["y"], {"a": "x"}]})
    assert matches({"a": ["x"]}, {"a": [["x"]]})
    assert not matches({"a": [None]}, {"a": []})
    assert not matches({"a": [{"exists": True}]}, {"a": []})
    assert matches({"a": [{"exists": False}]}, {"a": []})


def test_values_of_one_pattern_come_from_one_element_of_an_array() -> None:
    pattern = {"items": {"kind": ["a"], "size": [2]}}
    assert matches(pattern, {"items": [{"kind": "b", "size": 1}, {"kind": "a", "size": 2}]})
    assert not matches(pattern, {"items": [{"kind": "a", "size": 1}, {"kind": "b", "size": 2}]})
    # Elements of two arrays know nothing of each other.
    assert matches({"x": {"a": [1]}, "y": {"b": [2]}}, {"x": [{"a": 1}], "y": [{"b": 1}, {"b": 2}]})


def test_a_key_of_another_element_is_absent_from_the_one_chosen() -> None:
    pattern = {"items": {"kind": ["a"], "spare": [{"exists": False}]}}
    assert matches(pattern, {"items": [{"kind": "a"}, {"kind": "b", "spare": 1}]})
    assert not matches(pattern, {"items": [{"kind": "a", "spare": 1}, {"kind": "b"}]})


def test_thousands_of_elements_are_matched_without_trying_all_pairs() -> None:
    items = [{"a": number, "b": number, "c": number} for number in range(5_000)]
    odd = {"items": {name: [{"numeric": [">=", 0]}] for name in "abc"}}
    assert matches(odd, {"items": items})
    assert not matches({"items": {"a": [17], "b": [18]}}, {"items": items})


def test_exists_is_for_leaves() -> None:
    assert not matches({"a": [{"exists": True}]}, {"a": {"b": 1}})
    assert matches({"a": [{"exists": False}]}, {"a": {"b": 1}})
    assert matches({"a": {"b": [{"exists": True}]}}, {"a": [{"c": 1}, {"b": None}]})


def test_keys_with_dots_are_nested_keys() -> None:
    assert matches({"a": {"b": [1]}}, {"a.b": 1})
    assert matches({"a.b": [1]}, {"a": {"b": 1}})
    assert not matches({"a": {"b": [1]}}, {"a.b": {"b": 1}})
    assert matches({"a": {"b": {"c": [1]}}}, {"a": {"b.c": 1}})
    assert not matches({"A": [1]}, {"a": 1})


def test_anything_but_wants_a_value() -> None:
    pattern = {"a": [{"anything-but": ["x", "y"]}]}
    assert not matches(pattern, {})
    assert not matches(pattern, {"a": "x"})
    assert matches(pattern, {"a": None})
    assert matches(pattern, {"a": 1})
    assert not matches({"a": [{"anything-but": 0}]}, {"a": 0.0})
    assert matches({"a": [{"anything-but": {"prefix": "in"}}]}, {"a": 12})
    assert not matches({"a": [{"anything-but": {"suffix": [".a", ".b"]}}]}, {"a": "x.b"})
    assert matches({"a": [{"anything-but": "x"}, {"anything-but": "y"}]}, {"a": "x"})


def test_texts_by_their_ends_their_case_and_wildcards() -> None:
    assert matches({"a": [{"prefix": "ab"}]}, {"a": "abc"})
    assert matches({"a": [{"suffix": {"equals-ignore-case": ".PNG"}}]}, {"a": "x.png"})
    assert matches({"a": [{"equals-ignore-case": "Straße"}]}, {"a": "STRAßE"})
    assert matches({"a": [{"wildcard": "/*/b/*.c"}]}, {"a": "/x/y/b/.c"})
    assert matches({"a": [{"wildcard": "*"}]}, {"a": ""})
    assert matches({"a": [{"wildcard": "2\\*2"}]}, {"a": "2*2"})
    assert not matches({"a": [{"wildcard": "2\\*2"}]}, {"a": "2x2"})
    assert not matches({"a": [{"prefix": ""}]}, {"a": 1})


def test_addresses() -> None:
    assert matches({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.0.255"})
    assert not matches({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.1.0"})
    assert not matches({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": 123})
    assert matches({"a": [{"cidr": "2001:db8::/64"}]}, {"a": "2001:0db8:0:0:1::"})
    assert matches({"a": ["::1"]}, {"a": "0:0:0:0:0:0:0:1"})


def test_or_multiplies_the_branches() -> None:
    pattern = {"a": [1], "$or": [{"b": [2]}, {"c": {"d": [3]}, "e": [4]}]}
    assert matches(pattern, {"a": 1, "b": 2})
    assert matches(pattern, {"a": 1, "c": {"d": 3}, "e": 4})
    assert not matches(pattern, {"a": 1, "c": {"d": 3}})
    assert not matches(pattern, {"b": 2})


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    text = '{"a": [{"prefix": "us-"}], "a": [{"anything-but": "us-east"}]}'
    assert matches(text, {"a": "eu-west"})
    assert not matches(text, {"a": "us-east"})
    assert matches('{"a": {"b": [1]}, "a.b": [2]}', {"a": {"b": 2}})


def test_patterns_nest_as_deep_as_their_length_allows() -> None:
    text = '{"a":' * 600 + "[1]" + "}" * 600
    event: Any = 1
    for _ in range(600):
        event = {"a": event}
    assert matches(text, event)
    assert not matches(text, {"a": 1})
    assert fault("[" * 4_000).reason.startswith("Document nesting depth (1001) exceeds the maximum allowed")


def test_a_pattern_has_4096_characters_at_most() -> None:
    longest = json.dumps({"a": ["x" * (4096 - 11)]})
    assert len(longest) == 4096
    assert matches(longest, {"a": "x" * 4085})
    assert fault(longest + " ").reason == "it has 4,097 characters: AWS takes at most 4,096"


def test_alternatives_that_multiply_without_end_are_refused() -> None:
    pattern = {f"k{n}": {"$or": [{"a": [1]}, {"b": [2]}]} for n in range(20)}
    told = fault(pattern)
    assert told.reason == "its $or come to more than 1,000 branches"
    assert told.key == "k9"


@pytest.mark.parametrize(
    ("pattern", "reason", "key"),
    [
        ("null", "Filter is not an object", ""),
        ('"simple string"', "Filter is not an object", ""),
        ("{}", "Empty objects are not allowed", ""),
        ('{"a": {}}', "Empty objects are not allowed", "a"),
        ('{"a": []}', "Empty arrays are not allowed", "a"),
        ('{"a": 42}', '"a" must be an object or an array', "a"),
        ('{"a": [[1]]}', "Match value must be String, number, true, false, or null", "a[0]"),
        ('{"a": [1, {}]}', "Match expression name not found", "a[1]"),
        ('{"a": [{"prefix": "x", "suffix": "y"}]}', "Only one key allowed in match expression", "a[0]"),
        ('{"a": [{"suffix": {"prefix": "x"}}]}', "Unsupported suffix pattern: prefix", "a[0]"),
        ('{"a": [{"anything-but": true}]}', "Value of anything-but must be an array or single string/number value.", "a[0]"),
        ('{"a": [{"anything-but": ["x", 1]}]}', "Inside anything but list, either all values are number or string, mixed type is not supported", "a[0]"),
        ('{"a": [{"anything-but": {"cidr": "::/1"}}]}', "Unsupported anything-but pattern: cidr", "a[0]"),
        ('{"a": [{"anything-but": {"prefix": ""}}]}', "Null prefix/suffix not allowed", "a[0]"),
        ('{"a": [{"numeric": ">"}]}', "Value of numeric must be an array.", "a[0]"),
        ('{"a": [{"numeric": []}]}', "Invalid member in numeric match: ]", "a[0]"),
        ('{"a": [{"numeric": ["!", 1]}]}', "Unrecognized numeric range operator: !", "a[0]"),
        ('{"a": [{"numeric": ["=", "1"]}]}', "Value of equals must be numeric", "a[0]"),
        ('{"a": [{"numeric": ["<", 1, ">", 0]}]}', "Too many elements in numeric expression", "a[0]"),
        ('{"a": [{"numeric": [">", 1, 2]}]}', "Bad value in numeric range: 2", "a[0]"),
        ('{"a": [{"numeric": [">", 1, "<", 1]}]}', "Bottom must be less than top", "a[0]"),
        ('{"a": [{"numeric": [">", 1, "<", 2, 3]}]}', "Too many terms in numeric range expression", "a[0]"),
        ('{"a": [{"exists": 1}]}', "exists match pattern must be either true or false.", "a[0]"),
        ('{"a": [{"cidr": "10.0.0.0/32"}]}', "IPv4 mask bits must be < 32", "a[0]"),
        ('{"a": [{"cidr": "999.0.0.0/8"}]}', "Invalid IP address: 999.0.0.0", "a[0]"),
        ('{"a": [{"wildcard": "a\\\\b"}]}', "Invalid escape character at pos 2", "a[0]"),
        ('{"$or": {"a": [1]}}', "It must be an Array followed with $or.", "$or"),
        ('{"$or": [{"a": [1]}]}', "There must have at least 2 Objects in $or relationship.", "$or"),
        ('{"$or": [{"a": [1]}, 2]}', "Only JSON object is allowed in array of $or relationship.", "$or[1]"),
        ('{"$or": [{"a": [1]}, {"numeric": [2]}]}', "numeric is Ruler reserved fieldName which cannot be used inside $or.", "$or[1].numeric"),
    ],
)  # fmt: skip
def test_a_refusal_has_event_rulers_reason_and_its_key(pattern: str, reason: str, key: str) -> None:
    told = fault(pattern)
    assert (told.reason, told.key) == (reason, key)


def test_a_refusal_has_its_line_and_column() -> None:
    told = fault('{\n  "a": [1],\n  "b": {"c": [1,\n    {"prefix": 3}]}\n}')
    assert (told.key, told.line, told.column) == ("b.c[1]", 4, 5)
    told = fault('{\n  "a": [1,]\n}')
    assert (told.key, told.line, told.column) == ("", 2, 11)


@pytest.mark.parametrize(
    "asked",
    [
        {"wildcard": "x*"},
        {"cidr": "10.0.0.0/8"},
        {"anything-but": {"prefix": "x"}},
        {"anything-but": {"equals-ignore-case": "x"}},
        {"anything-but": {"suffix": "x"}},
        {"anything-but": {"wildcard": "x"}},
    ],
)
def test_a_mapping_takes_no_operator_that_only_event_buses_are_known_to_have(asked: dict[str, Any]) -> None:
    assert matches({"a": [asked]}, {"a": 1}) in (True, False)
    told = fault({"a": [asked]}, dialect=EVENT_SOURCE_MAPPING)
    assert told.reason.endswith("for event buses: event source mappings take it only with all_operators")


def test_a_mapping_takes_all_others() -> None:
    taken: list[Any] = [
        "x", 1, True, None, {"prefix": "x"}, {"suffix": "x"}, {"equals-ignore-case": "x"}, {"anything-but": "x"},
        {"anything-but": [1, 2]}, {"numeric": ["=", 1]}, {"exists": False}, {"prefix": {"equals-ignore-case": "x"}},
    ]  # fmt: skip
    for asked in taken:
        FilterPattern.compile(json.dumps({"$or": [{"a": [asked]}, {"b": [asked]}]}), EVENT_SOURCE_MAPPING)


def test_a_set_tells_which_patterns_match_and_forgets_what_is_taken_out() -> None:
    rules: PatternSet[str] = PatternSet()
    rules.add("errors", FilterPattern.compile('{"level": ["ERROR"]}'))
    rules.add("slow", FilterPattern.compile('{"ms": [{"numeric": [">", 100]}]}'))
    assert rules.matching({"level": "ERROR", "ms": 120}) == {"errors", "slow"}
    rules.add("slow", FilterPattern.compile('{"ms": [{"numeric": [">", 200]}]}'))
    rules.discard("nothing")
    assert rules.matching({"level": "ERROR", "ms": 120}) == {"errors"}
    rules.discard("errors")
    assert len(rules) == 1
    assert rules.matching({"level": "ERROR", "ms": 120}) == set()


def test_ten_thousand_patterns_on_one_key_are_one_look() -> None:
    rules: PatternSet[int] = PatternSet()
    for number in range(10_000):
        asked = [f"v{number}", {"numeric": [">=", number, "<", number + 1]}]
        rules.add(number, FilterPattern.compile(json.dumps({"detail": {"v": asked}})))
    assert rules.matching({"detail": {"v": "v77"}}) == {77}
    assert rules.matching({"detail": {"v": 77.5}}) == {77}
    assert rules.matching({"detail": {"v": "none"}}) == set()
