"""`lambdarun plan FILE...`: the answer, and that a replay with it keeps the target."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faces.command import run
from tests.processes import descendants, survivors, watch

PROJECT = """
[functions.worker]
handler = "app.handler"
timeout = 5
memory_size = 512
duration = "{duration}"
{reserved}

[queues.jobs]
visibility_timeout = {visibility}

[event_source_mappings.jobs]
event_source = "queues.jobs"
function = "worker"
batch_size = {batch}
"""
# 200 messages in ten seconds: of 2 s each in batches of one, they are 400 s of work.
JOBS = "".join(
    json.dumps({"time": 1_780_000_000 + n // 20, "queue": "jobs", "body": f"job {n}"}) + "\n"
    for n in range(200)
)


def declare(folder: Path, *, reserved: int | None = None, batch: int = 1, visibility: int = 30) -> None:
    text = "" if reserved is None else f"reserved_concurrent_executions = {reserved}"
    (folder / "lambdarun.toml").write_text(
        PROJECT.format(duration="2s", reserved=text, visibility=visibility, batch=batch)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return None\n")
    (tmp_path / "jobs.jsonl").write_text(JOBS)
    declare(tmp_path)
    return tmp_path


def planned(folder: Path, *arguments: str) -> dict[str, Any]:
    ran = run(folder, "plan", "jobs.jsonl", *arguments, "-o", "json")
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def oldest_in_replay(folder: Path, *arguments: str) -> dict[str, Any]:
    ran = run(
        folder,
        "-q",
        "replay",
        "jobs.jsonl",
        "--target",
        "20s",
        "--isolation",
        "inline",
        "-o",
        "json",
        *arguments,
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)["backlogs"]["jobs"]
    return told


def test_a_replay_with_the_answer_keeps_the_target_and_with_one_less_does_not(folder: Path) -> None:
    answer = planned(folder, "--target", "20s", "--batch-size", "1", "--visibility-timeout", "30")["answer"]
    reserved = answer["reserved_concurrent_executions"]
    assert reserved > 1
    assert answer["set"] == {"functions.worker.reserved_concurrent_executions": reserved}
    declare(folder, reserved=reserved)
    kept = oldest_in_replay(folder)
    assert (kept["messages_older"], kept["target_passed"]) == (0, None)
    # Not about the same: the trial was this very run.
    assert kept["oldest_age_s"] == answer["oldest_age_s"]
    declare(folder, reserved=reserved - 1)
    missed = oldest_in_replay(folder)
    assert missed["messages_older"] > 0
    assert missed["oldest_age_s"] > 20
    assert missed["target_passed"] is not None


def test_all_settings_are_tried_and_the_cheapest_that_holds_is_the_answer(folder: Path) -> None:
    told = planned(folder, "--target", "20s")
    tried = {(one["batch_size"], one["visibility_timeout"]) for one in told["trials"]}
    assert tried == {(1, 30), (10, 30)}
    answer = told["answer"]
    by_settings: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for one in told["trials"]:
        if one["holds"]:
            by_settings.setdefault((one["batch_size"], one["visibility_timeout"]), []).append(one)
    least = [
        min(holding, key=lambda one: one["reserved_concurrent_executions"])
        for holding in by_settings.values()
    ]
    assert answer["dollars"] == min(one["dollars"] for one in least)
    assert answer["batch_size"] == 10
    declare(folder, reserved=answer["reserved_concurrent_executions"], batch=10)
    assert oldest_in_replay(folder)["messages_older"] == 0


def test_of_a_fifo_queue_no_cheaper_answer_stands_above_the_least_that_will_do(folder: Path) -> None:
    lines = [
        {
            **json.loads(line),
            "queue": "jobs.fifo",
            "message_group_id": f"g{n % 6}",
            "message_deduplication_id": str(n),
        }
        for n, line in enumerate(JOBS.splitlines())
    ]
    (folder / "jobs.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    text = (folder / "lambdarun.toml").read_text()
    (folder / "lambdarun.toml").write_text(
        text.replace("[queues.jobs]", '[queues."jobs.fifo"]').replace("queues.jobs", "queues.jobs.fifo")
    )
    told = planned(folder, "--target", "20s")
    answer = told["answer"]
    assert answer["batch_size"] == 10
    less = [
        one["holds"]
        for one in told["trials"]
        if (one["batch_size"], one["visibility_timeout"]) == (10, answer["visibility_timeout"])
        and one["reserved_concurrent_executions"] < answer["reserved_concurrent_executions"]
    ]
    assert not any(less)


def test_the_answer_is_the_same_whoever_runs_the_trials(folder: Path) -> None:
    ran = [run(folder, "plan", "jobs.jsonl", "--target", "20s", "--workers", n) for n in ("1", "2")]
    assert ran[0].stdout == ran[1].stdout
    assert "keeps 20 s: set " in ran[0].stdout
    assert ran[0].stderr == ""


def test_the_table_marks_the_answer_and_names_the_prices(folder: Path) -> None:
    ran = run(folder, "plan", "jobs.jsonl", "--target", "20s", "--batch-size", "1")
    [marked] = [line.split() for line in ran.stdout.splitlines() if line.startswith("*")]
    heads = ran.stdout.splitlines()[2].split()
    assert heads[:3] == ["RESERVED", "batch", "visibility"]
    assert marked[2] == "1"
    assert f"one less ({int(marked[1]) - 1}) does not: the oldest message gets " in ran.stdout
    assert "no handler ran: each invocation succeeds after its declared duration" in ran.stdout
    assert "https://aws.amazon.com/lambda/pricing/, 20" in ran.stdout


def test_pollers_that_take_no_more_than_runs_are_tried_for_the_answer(folder: Path) -> None:
    told = planned(folder, "--target", "20s", "--batch-size", "1")
    assert told["answer"]["throttles"] > 0
    capped = told["with_maximum_concurrency"]
    assert capped["throttles"] == 0
    assert capped["maximum_concurrency"] == capped["reserved_concurrent_executions"]
    assert capped["maximum_concurrency"] == told["answer"]["reserved_concurrent_executions"]


def test_a_target_that_nothing_keeps_is_told_and_is_a_failure(folder: Path) -> None:
    ran = run(folder, "plan", "jobs.jsonl", "--target", "1s")
    assert ran.returncode == 1
    assert "nothing keeps 1 s: at best, with a concurrency of " in ran.stdout


def test_with_an_isolation_the_handlers_run(folder: Path) -> None:
    (folder / "app.py").write_text("def handler(event, context):\n    raise ValueError('never')\n")
    ran = run(folder, "plan", "jobs.jsonl", "--target", "20s", "--batch-size", "1", "--isolation", "inline")
    assert ran.returncode == 1
    # What always fails comes back: no concurrency helps.
    assert "nothing keeps 20 s" in ran.stdout
    assert "handlers ran" in ran.stdout


def test_each_message_may_take_its_own_time(folder: Path) -> None:
    slow = planned(folder, "--target", "40s", "--batch-size", "10", "--per-message", "200ms")["answer"]
    quick = planned(folder, "--target", "40s", "--batch-size", "10")["answer"]
    assert slow["gb_seconds"] > quick["gb_seconds"]


def test_progress_is_told_on_standard_error_where_it_is_asked_for(folder: Path) -> None:
    ran = run(folder, "-v", "plan", "jobs.jsonl", "--target", "20s", "--batch-size", "1")
    assert ran.stderr.startswith("lambdarun: trial 1: concurrency ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--target", "soon"), 2, "--target soon: is no duration."),
        (("--rate", "20/s"), 2, "--rate 20/s: is no multiple of a recording's rate. Write 10x"),
        (("--rate", "0x"), 2, "--rate 0x: is no multiple"),
        (("--backlog", "5"), 2, "--backlog: is for figures. Leave it out."),
        (("--through", "jobs"), 2, "--through jobs: is no queue. Write queues.NAME."),
        (("--through", "queues.job"), 2, "the project has no such queue. Did you mean"),
        (("--queue", "other"), 2, "--queue other: no message of the recording goes there. It has: jobs."),
        (("--function", "nobody"), 4, "there is no function 'nobody'"),
        (("--visibility-timeout", "3"), 2, "is less than Function timeout: 5 seconds. AWS refuses it."),
        (("--batch-size", "50"), 2, "Maximum batch window in seconds must be greater than 0"),
        (("--durations", "measured"), 2, "--durations measured: no handler runs that could be."),
        (
            ("--per-message", "1s", "--isolation", "inline"),
            2,
            "--per-message: handlers that run take their own time.",
        ),
    ],
)
def test_bad_input_is_refused_with_a_way_out(
    folder: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = run(folder, "plan", "jobs.jsonl", *arguments)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert said in ran.stderr


def test_without_any_duration_there_is_no_answer(folder: Path) -> None:
    text = (folder / "lambdarun.toml").read_text().replace('duration = "2s"', "")
    (folder / "lambdarun.toml").write_text(text)
    ran = run(folder, "plan", "jobs.jsonl")
    assert ran.returncode == 2
    assert "worker: no duration is declared, so that nothing would take any time." in ran.stderr


def test_what_says_how_to_try_needs_a_recording(folder: Path) -> None:
    ran = run(folder, "plan", "--target", "60s", "--duration", "1s", "--backlog", "9")
    assert ran.returncode == 2
    assert "--target: is for a recording: name its FILE. Leave it out." in ran.stderr


def test_ctrl_c_ends_all_trials(folder: Path) -> None:
    (folder / "app.py").write_text("import os\ndef handler(event, context):\n    os.read(os.pipe()[0], 1)\n")
    command = [sys.executable, "-m", "lambdarun", "plan", "jobs.jsonl", "--isolation", "process"]
    with subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as planning:
        # Two trials, each with a zygote and its environments.
        while len(descendants(planning.pid)) < 6:
            assert planning.poll() is None
        watched = watch(descendants(planning.pid))
        planning.send_signal(signal.SIGINT)
        said = planning.communicate()
    assert planning.returncode == 130
    assert (said[0], said[1].strip()) == ("", "lambdarun: interrupted")
    assert survivors(watched) == []


def test_a_missing_recording_is_told(folder: Path) -> None:
    ran = run(folder, "plan", "job.jsonl")
    assert ran.returncode == 2
    assert "there is no such recording. Did you mean jobs.jsonl?" in ran.stderr


def test_a_recording_whose_messages_the_queue_refuses_has_no_answer(folder: Path) -> None:
    text = (folder / "lambdarun.toml").read_text()
    (folder / "lambdarun.toml").write_text(
        text.replace("[queues.jobs]", '[queues."jobs.fifo"]').replace("queues.jobs", "queues.jobs.fifo")
    )
    line = {
        "time": 1_780_000_000,
        "queue": "jobs.fifo",
        "body": "job",
        "message_group_id": "g",
        "message_deduplication_id": "d",
    }
    bad = json.dumps({**line, "message_group_id": "gr\u00fcn"})
    (folder / "bad.jsonl").write_text(f"{bad}\n")
    ran = run(folder, "plan", "bad.jsonl")
    assert ran.returncode == 2
    assert (
        "queue jobs.fifo takes no message of the recording: Value gr\u00fcn for parameter MessageGroupId"
        in ran.stderr
    )
    (folder / "half.jsonl").write_text(f"{bad}\n{json.dumps(line)}\n")
    ran = run(folder, "plan", "half.jsonl", "-o", "json")
    assert ran.returncode == 0, ran.stderr
    assert "1 of 2 events were not delivered, most often: Value gr\u00fcn" in ran.stderr
    assert {trial["sent"] for trial in json.loads(ran.stdout)["trials"]} == {1}


def test_a_name_that_no_queue_can_have_is_said(folder: Path) -> None:
    line = {"time": 1_780_000_000, "queue": "n\u00f6", "body": "job"}
    (folder / "bad.jsonl").write_text(json.dumps(line))
    ran = run(folder, "plan", "bad.jsonl", "--function", "worker")
    assert ran.returncode == 2
    assert "'n\u00f6' is no queue's name." in ran.stderr


def test_a_replay_says_whose_mapping_is_disabled(folder: Path) -> None:
    text = (folder / "lambdarun.toml").read_text()
    (folder / "lambdarun.toml").write_text(f"{text}enabled = false\n")
    ran = run(folder, "replay", "jobs.jsonl")
    assert "warning: nobody reads queue jobs: event_source_mappings.jobs is disabled" in ran.stderr
