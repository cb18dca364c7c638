"""The decision table: which service made an event, and how it calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lambdarun.model.sources import SOURCES
from lambdarun.recordings.detect import NoEvent, Recognised, recognise

TABLE = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "data" / "detection.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["name"])
def test_each_row_of_the_table(row: dict[str, object]) -> None:
    found = recognise(row["event"])
    if row["source"] is None:
        assert isinstance(found, NoEvent)
    else:
        assert isinstance(found, Recognised)
        assert (found.source, found.delivery.value) == (row["source"], row["delivery"])


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["name"])
def test_each_detected_source_has_a_name_that_routes_know(row: dict[str, object]) -> None:
    found = recognise(row["event"])
    assert isinstance(found, NoEvent) or found.source in SOURCES
