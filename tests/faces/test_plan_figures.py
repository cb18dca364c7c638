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


def test_where_message_groups_are_too_few_it_says_so_and_asks_for_no_environments(tmp_path: Path) -> None:
    ran = run(tmp_path, "plan", *FIGURES, "--groups", "5")
    assert "only 5 message groups can be worked on at once" in ran.stdout
    assert "not within 10 s: that takes 15 at once" in ran.stdout
    assert "environments to add" not in ran.stdout
    assert "by 5 environments; AWS allows 120,000" in ran.stdout


def test_more_than_a_mappings_pollers_run_at_once_is_said(tmp_path: Path) -> None:
    ran = run(tmp_path, "plan", "--backlog", "150000", "--duration", "100ms", "--latency", "10s")
    assert "a mapping runs at most 1,250 at once without provisioned pollers" in ran.stdout
    assert "from idle" not in ran.stdout


def test_one_environment_is_one(tmp_path: Path) -> None:
    ran = run(tmp_path, "plan", "--backlog", "1", "--environments", "1", "--duration", "1s")
    assert "1 message over 1 environment\n" in ran.stdout
    assert "1 environments" not in ran.stdout


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
        (("--backlog", "9" * 400, "--duration", "1s"), "is not in the range"),
        (
            ("--rate", f"{'9' * 400}/s", "--duration", "1s"),
            "--rate: at most 1,000,000,000,000 messages a second.",
        ),
        (("--backlog", "9", "--duration", f"{'9' * 400}h"), "is no duration."),
        (("--backlog", "9", "--duration", "901s"), "--duration 901s: AWS ends an invocation at 900 s."),
        (
            ("--backlog", "9", "--duration", "1s", "--groups", "2", "--batch-size", "11"),
            "--batch-size 11: a FIFO queue (--groups) gives at most 10.",
        ),
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


def test_the_same_backlog_in_virtual_time_takes_what_the_arithmetic_says(tmp_path: Path) -> None:
    ran = run(tmp_path, "plan", *FIGURES, "--check", "-o", "json")
    assert ran.returncode == 0, ran.stderr
    drained = {one["environments"]: one for one in json.loads(ran.stdout)["drained"]}
    assert drained.keys() == {10, 15}
    assert (drained[10]["arithmetic_s"], drained[15]["arithmetic_s"]) == (15, 10)
    for one in drained.values():
        # Invocations end whole: within two of them.
        assert one["from_idle_s"] <= one["virtual_s"] <= one["from_idle_s"] + 0.2
    text = run(tmp_path, "plan", *FIGURES, "--check").stdout.splitlines()
    assert text[-3].split("  ")[0] == "DRAINED BY"
    assert text[-1].startswith("15 environments")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--backlog", "9", "--duration", "1s"), "nobody drains the backlog."),
        (("--rate", "9", "--duration", "1s", "--environments", "9"), "there is no backlog to drain."),
        (
            ("--backlog", "9", "--rate", "9", "--duration", "1s", "--environments", "9"),
            "messages come as fast.",
        ),
        (("--backlog", "9", "--duration", "900s", "--environments", "9"), "AWS ends it at 900 s."),
    ],
)
def test_what_cannot_be_drained_is_not_checked(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ran = run(tmp_path, "plan", "--check", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
