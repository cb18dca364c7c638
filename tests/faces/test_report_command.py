"""`lambdarun report LOG.jsonl -o FILE.html`: the page of a run that is over."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.faces.command import run

HANDLERS = """
import time
def handler(event, context):
    print("saw", len(event["Records"]))
    if context.aws_request_id[0] in "0123":
        raise ValueError("no")
    time.sleep(40 if context.aws_request_id[0] == "4" else 0.2)
"""
PROJECT = """
[functions.worker]
handler = "app.handler"
timeout = 50
reserved_concurrent_executions = 3
[queues.jobs]
visibility_timeout = 30
redrive_policy = { dead_letter_target = "queues.dead", max_receive_count = 2 }
[queues.dead]
[event_source_mappings.jobs]
event_source = "queues.jobs"
function = "worker"
[alarms.lagging]
metric = "ApproximateAgeOfOldestMessage"
dimensions = { QueueName = "jobs" }
statistic = "Maximum"
threshold = 20
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a run's log, and the page that was written with it."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "app.py").write_text(HANDLERS)
    (folder / "lambdarun.toml").write_text(PROJECT)
    lines = [
        {"time": f"2026-03-01T00:{n % 7:02d}:{n % 60:02d}Z", "queue": "jobs", "body": f"{n}"}
        for n in range(300)
    ]
    (folder / "jobs.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    ran = run(
        folder, "-q", "replay", "jobs.jsonl", "--out", "log.jsonl", "--report", "first.html", "--fail-on", "never",
        "--isolation", "inline", "--allow-short-visibility",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return folder


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL
    )
    assert found is not None
    return dict(json.loads(found[1]))


def refused(folder: Path, *arguments: str) -> str:
    ran = run(folder, "report", *arguments)
    assert ran.returncode == 2
    assert not ran.stdout
    return ran.stderr.strip().splitlines()[-1]


def test_the_page_of_a_log_is_the_page_of_its_run(folder: Path) -> None:
    ran = run(folder, "report", "log.jsonl", "-o", "second.html")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    first, second = data_of(folder / "first.html"), data_of(folder / "second.html")
    # How much memory an invocation used is not in the log of virtual time: the later page tells none.
    assert "Max Memory Used" not in json.dumps(second)
    for one in first["lists"]:
        for item in one["items"]:
            if "log" in item:
                item["log"] = re.sub(r"Max Memory Used: \d+ MB\t", "", item["log"])
    assert first["lists"]
    assert first["alarms"][0]["states"]
    assert {one["title"] for one in first["lists"]} >= {
        "Failed invocations",
        "Dead letters",
        "Double deliveries",
    }
    assert first == second


def test_without_the_project_the_page_has_what_handlers_wrote_and_no_alarms(
    folder: Path, tmp_path: Path
) -> None:
    ran = run(tmp_path, "report", str(folder / "log.jsonl"), "-o", "page.html")
    assert ran.returncode == 0, ran.stderr
    data = data_of(tmp_path / "page.html")
    assert data["alarms"] == []
    assert data["queues"] == data_of(folder / "first.html")["queues"]
    failed = data["lists"][0]["items"][0]
    assert failed["log"].startswith("saw ")
    assert "REPORT" not in failed["log"]


def test_what_is_no_whole_log_is_refused_at_its_line(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "log.jsonl").read_text().splitlines(keepends=True)

    def said(*text: str) -> str:
        (tmp_path / "x.jsonl").write_text("".join(text))
        told = refused(tmp_path, "x.jsonl", "-o", "page.html")
        assert not list(tmp_path.glob("*page.html*"))
        return told

    expected = "Expected the event log of a run, as replay --out writes it."
    assert said() == f"lambdarun: error: x.jsonl: is empty. {expected}"
    assert (
        said(*lines[:9])
        == "lambdarun: error: x.jsonl:9: is not the end of a run: the log was cut. Write it anew."
    )
    assert said(lines[0], "{nonsense\n") == f"lambdarun: error: x.jsonl:2: is not JSON. {expected}"
    assert said(lines[0], "[1]\n") == f"lambdarun: error: x.jsonl:2: is no record of an event log. {expected}"
    newer = lines[0].replace('"schema":1', '"schema":2')
    assert (
        said(newer)
        == "lambdarun: error: x.jsonl:1: has the schema 2, not 1. Use the lambdarun that wrote it."
    )
    wrong = lines[0].replace("run.started", "run.startled")
    assert (
        said(wrong)
        == "lambdarun: error: x.jsonl:1: kind: there is no 'run.startled'. Did you mean run.started?"
    )
    wrong = re.sub(r'"time":"[^"]*"', '"time":"noon"', lines[0])
    assert said(wrong) == f'lambdarun: error: x.jsonl:1: time: "noon" is no Instant. {expected}'
    wrong = re.sub(r'"seed":\d+', '"seed":"7"', lines[0])
    assert said(wrong) == f'lambdarun: error: x.jsonl:1: seed: "7" is no int. {expected}'
    wrong = re.sub(r',"seed":\d+', "", lines[0])
    assert (
        said(wrong)
        == "lambdarun: error: x.jsonl:1: run.started has no seed. Use the lambdarun that wrote it."
    )


def test_a_page_over_its_log_or_where_none_can_be_is_refused(folder: Path, tmp_path: Path) -> None:
    said = refused(folder, "log.jsonl", "-o", "log.jsonl")
    assert said == "lambdarun: error: --output log.jsonl: is a recording of this run. Name another file."
    said = refused(folder, "log.jsonl", "-o", "missing/page.html")
    assert said == "lambdarun: error: missing/page.html: cannot be written: No such file or directory."
    said = refused(folder, "nothing.jsonl", "-o", "page.html")
    assert said.startswith("lambdarun: error: nothing.jsonl: cannot be read: No such file or directory.")
