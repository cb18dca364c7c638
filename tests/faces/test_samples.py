"""The sample functions and recordings, played as a newcomer would."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from pathlib import Path

import pytest

import lambdarun

ROOT = Path(__file__).parents[2]


def test_the_recordings_are_what_their_script_makes(tmp_path: Path) -> None:
    script = tmp_path / "make_recordings.py"
    script.write_bytes((ROOT / "events" / "make_recordings.py").read_bytes())
    subprocess.run([sys.executable, str(script)], check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != script.name}
    assert len(made) == 7
    assert all((ROOT / "events" / name).read_bytes() == data for name, data in made.items())


@pytest.mark.parametrize("arguments", [["events"], ["events/orders.jsonl"]])
def test_all_samples_play(arguments: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "lambdarun", "replay", *arguments, "-o", "json", "--fail-on", "never"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    summary = json.loads(ran.stdout)
    assert summary["undelivered"] == []
    orders = summary["queues"]["orders"]
    assert orders["sent"] == 5_000
    assert orders["deleted"] + orders["dead_lettered"] == 5_000
    if arguments == ["events"]:
        assert len(summary["functions"]) == 7
        assert all(figures["invocations"] for figures in summary["functions"].values())


def test_the_projects_own_file_is_valid() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "lambdarun", "validate"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_examples_in_docstrings_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert doctest.testmod(lambdarun).failed == 0
    assert doctest.testmod(lambdarun).attempted >= 4
