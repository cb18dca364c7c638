"""A line of the results file for any record: JSON, with every field, as the standard library's own date has it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from attrs import fields
from hypothesis import example, given
from hypothesis import strategies as st

from lambdarun.model import records
from lambdarun.model.instant import Instant
from lambdarun.views.results_line import ResultLines

KINDS = [
    kind
    for kind in vars(records).values()
    if isinstance(kind, type) and issubclass(kind, records.Happened) and kind is not records.Happened
]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 253_402_300_799_999_999).map(Instant)
"""To the end of the year 9999."""
ATTRIBUTES = st.dictionaries(
    st.text(max_size=3), st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2), max_size=2
)
# A record's field by its type as it is written in the class: what may stand there, and what its line says of it.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "str": st.text(),
    "int": st.integers(),
    "bool": st.booleans(),
    "bytes": st.binary(),
    "Instant": INSTANTS,
    "Duration": st.integers(0),
    "Duration | None": st.none() | st.integers(0),
    "RequestId": st.uuids().map(str),
    "RequestId | None": st.none() | st.uuids().map(str),
    "MessageId": st.text(),
    "tuple[MessageId, ...]": st.lists(st.text(), max_size=3).map(tuple),
    "Mapping[str, Mapping[str, object]]": ATTRIBUTES,
}


def text_of(instant: int) -> str:
    return (EPOCH + timedelta(microseconds=instant)).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def said(kind: str, value: Any) -> Any:
    """What the JSON says of a field's value."""
    if kind == "Instant":
        return text_of(value)
    if kind == "bytes":
        return value.decode("utf-8", "replace")
    return list(value) if isinstance(value, tuple) else value


def test_every_record_of_the_union_is_tried() -> None:
    assert set(KINDS) == set(get_args(records.Record))
    assert len({kind.kind for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("virtual", [True, False])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
@given(data=st.data())
def test_every_record_is_a_line_of_json_with_all_its_fields(
    kind: type[Any], virtual: bool, data: st.DataObject
) -> None:
    values = {
        attribute.name: data.draw(VALUES[str(attribute.type)], attribute.name) for attribute in fields(kind)
    }
    lines = ResultLines(virtual=virtual)
    text = lines.lines([kind(**values), kind(**values)])
    first, second, end = text.split("\n")
    assert end == ""
    found = json.loads(first)
    types = {attribute.name: str(attribute.type) for attribute in fields(kind)}
    expected = {name: said(types[name], value) for name, value in values.items()}
    if virtual:
        expected = {name: value for name, value in expected.items() if name not in kind.measured}
    assert found == {"schema": 1, "seq": 1, "kind": kind.kind, **expected}
    assert list(found)[:4] == ["schema", "seq", "time", "kind"]
    assert json.loads(second) == {**found, "seq": 2}


def instant(text: str) -> Instant:
    return Instant((datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1))


@example([instant("2026-12-31T23:59:59.999999+00:00"), instant("2027-01-01T00:00:00+00:00")])
@example(
    [
        instant("2028-02-28T23:59:59.999999+00:00"),
        instant("2028-02-29T00:00:00+00:00"),
        instant("2028-03-01T00:00:00+00:00"),
    ]
)
@example([instant("2027-02-28T23:59:59.999999+00:00"), instant("2027-03-01T00:00:00+00:00")])
@example([instant("2100-02-28T23:59:59.999999+00:00"), instant("2100-03-01T00:00:00+00:00")])
@example([Instant(0), Instant(1), Instant(0)])
@given(times=st.lists(INSTANTS, max_size=6))
def test_times_are_those_of_the_standard_library_whatever_came_before(times: list[Instant]) -> None:
    happened = [records.RunEnded(time, False) for time in times]
    text = ResultLines(virtual=True).lines([*happened])
    assert [json.loads(line)["time"] for line in text.splitlines()] == [text_of(time) for time in times]
