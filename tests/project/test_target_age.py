"""`target_age` of a queue: ours, for the backlog in summaries."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdarun.errors import ProjectErrors
from lambdarun.model.instant import SECOND
from lambdarun.project.project_file import load


def write(folder: Path, value: str) -> Path:
    path = folder / "lambdarun.toml"
    path.write_text(f"[queues.orders]\ntarget_age = {value}\n")
    return path


def test_an_age_is_a_duration(tmp_path: Path) -> None:
    assert load(write(tmp_path, '"90s"')).queues["orders"].target_age == 90 * SECOND


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"soon"', 'queues.orders.target_age: "soon" is no duration.'),
        ("60", "queues.orders.target_age: 60 is no duration."),
        ('"0s"', 'queues.orders.target_age: no message is that young. Write an age above 0: "60s".'),
    ],
)
def test_what_is_no_age_is_told_at_its_place(tmp_path: Path, value: str, said: str) -> None:
    with pytest.raises(ProjectErrors) as refused:
        load(write(tmp_path, value))
    [finding] = refused.value.findings
    assert said in str(finding)
    assert finding.place.line == 2
