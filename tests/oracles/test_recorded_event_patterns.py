"""AWS's recorded answers on event patterns: what matches, what does not, and why a pattern is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lambdarun.model.filter_pattern import FilterPattern, PatternFault

FILE = Path(__file__).parents[1] / "data" / "recorded_event_patterns.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_the_answer_is_awss(case: dict[str, Any]) -> None:
    if "reason" not in case:
        assert FilterPattern.compile(case["pattern"]).matches(case["event"]) == case["matches"]
        return
    with pytest.raises(PatternFault) as told:
        FilterPattern.compile(case["pattern"])
    assert told.value.reason == case["reason"]
    # Where a text is no JSON, the place is AWS's as well; otherwise ours is the value's, and AWS's where its parser stood.
    assert told.value.column == case.get("column", told.value.column)
