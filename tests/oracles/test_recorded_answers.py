"""AWS's recorded answers, case by case: what is built gives the same; what is not is listed with its reason.

Recorded by the LocalStack project's tests (Apache-2.0), whose names the cases have; `tests/data/recorded_answers.json`
keeps what is compared. `part` names what is held of a recording that also tells of what is not built.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.oracles import (
    filter_scenarios,
    mapping_scenarios,
    runtime_scenarios,
    sandbox_scenarios,
    scenarios,
    sqs_scenarios,
    version_scenarios,
)
from tests.oracles.matching import assert_matches

HERE = Path(__file__).parents[1]
CASES: dict[str, Any] = json.loads((HERE / "data" / "recorded_answers.json").read_text())["cases"]
PLACES = (
    filter_scenarios,
    mapping_scenarios,
    runtime_scenarios,
    sandbox_scenarios,
    scenarios,
    sqs_scenarios,
    version_scenarios,
)
HELD = {name: case for name, case in CASES.items() if "scenario" in case}


@pytest.mark.parametrize("name", HELD)
def test_the_answer_is_awss(name: str, tmp_path: Path) -> None:
    case = HELD[name]
    (scenario,) = (getattr(place, case["scenario"]) for place in PLACES if hasattr(place, case["scenario"]))
    told = scenario(scenarios.Stage(tmp_path), **case.get("arguments", {}))
    recorded = case["recorded"]
    for one, other in _environments(recorded, told):
        missing = one.keys() - other.keys() - scenarios.SANDBOX_VARIABLES
        added = other.keys() - one.keys() - scenarios.OUR_VARIABLES - scenarios.SANDBOX_VARIABLES
        assert (missing, added) == (set(), set())
        for ignored in scenarios.SANDBOX_VARIABLES | scenarios.OUR_VARIABLES:
            one.pop(ignored, None)
            other.pop(ignored, None)
    assert_matches(recorded, told)


def _environments(recorded: Any, told: Any) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Wherever both have variables of an environment."""
    if not isinstance(recorded, dict) or not isinstance(told, dict):
        return []
    if "environment" in recorded:
        return [(recorded["environment"], told["environment"])]
    return [pair for key in recorded if key in told for pair in _environments(recorded[key], told[key])]


def test_every_recording_is_held_or_open_with_its_reason() -> None:
    assert all(("scenario" in case) != bool(case.get("open")) for case in CASES.values())


def test_the_readme_gives_the_count() -> None:
    readme = (HERE.parent / "README.md").read_text(encoding="utf-8")
    others = Counter(case["open"] for case in CASES.values() if "open" in case)
    in_part = sum("part" in case for case in HELD.values())
    told = " ".join(readme.split())
    assert (
        f"recorded {len(CASES)} answers of AWS on functions, queues, mappings and filters. {len(HELD)} of them are held"
        in told
    )
    assert f"(in {in_part} for the part that is built)" in told
    assert f"{others['another runtime']} are for another runtime" in told
