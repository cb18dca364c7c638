"""`lambdarun plan` without a recording."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faces.command import run

FIGURES = ("--backlog", "1500", "--environments", "10", "--duration", "100ms", "--latency", "10s")


def test_the_worked_example(tmp_path: Path) -> None:
    ran = run(tmp_path, "plan", *FIGURES)
    assert ran.returncode == 0
    rows = {
        line.split("  ")[0]: line.split("  ", 1)[1].split("  ")
        for line in ran.stdout.split("\n\n")[0].splitlines()
    }
    said = {name: next(cell for cell in cells if cell).strip() for name, cells in rows.items()}
    assert said["backlog per environment"] == "150"
    assert said["acceptable backlog"] == "100"
    assert said["environments to add"] == "+5"
    assert "five more environments: 15 in all." in ran.stdout


def test_as_json(tmp_path: Path) -> None:
    ran = run(tmp_path, "plan", *FIGURES, "-o", "json")
    told = json.loads(ran.stdout)
    assert told["environments_needed"] == 15
    assert {one["name"]: one["value"] for one in told["figures"]}["backlog per environment"] == 150


def test_a_rate_alone_says_the_concurrency(tmp_path: Path) -> None:
    ran = run(tmp_path, "plan", "--rate", "500/s", "--duration", "2s", "--batch-size", "10")
    assert ran.stdout.split()[:3] == ["needed", "concurrency", "100"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a recording (FILE...), or give figures"),
        (("--duration", "1s"), "--duration alone says nothing"),
        (("--duration", "fast", "--backlog", "1"), "--duration fast: is no duration."),
        (("--duration", "0s", "--backlog", "1"), "--duration 0s: is no time at all."),
        (("--duration", "1s", "--rate", "10x"), "--rate 10x: is no number of messages a second."),
        (("--duration", "1s", "--rate", "-5"), "--rate -5: is no number of messages a second."),
        (("--backlog", "0", "--duration", "1s"), "0 is not in the range"),
        (
            ("--duration", "1s", "--backlog", "9", "--batch-size", "1", "--batch-size", "2"),
            "for one batch size",
        ),
    ],
)
def test_bad_figures_are_refused_with_a_way_out(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = run(tmp_path, "plan", *arguments)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert ran.stdout == ""
