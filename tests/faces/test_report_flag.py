"""`lambdarun replay --report FILE.html`: what is written, and what is refused before the run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.faces.command import run

HANDLERS = """
def handler(event, context):
    print("saw", event)
    if event["n"] == 2:
        raise ValueError("two is too many")
"""
PROJECT = """
[functions.worker]
handler = "app.handler"
duration = "2s"
[routes]
s3 = "worker"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLERS)
    (tmp_path / "lambdarun.toml").write_text(PROJECT)
    events = tmp_path / "events"
    events.mkdir()
    lines = [{"time": f"2026-03-01T00:00:{n:02d}Z", "event": {"n": n}, "source": "s3"} for n in range(3)]
    (events / "events.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return tmp_path


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL
    )
    assert found is not None
    return dict(json.loads(found[1]))


def refused(folder: Path, *arguments: str) -> str:
    """What is said of a command that is refused before any handler runs."""
    marker = folder / "ran"
    (folder / "app.py").write_text(f"open({str(marker)!r}, 'w')\n" + HANDLERS)
    ran = run(folder, "replay", *arguments, "--isolation", "inline")
    assert ran.returncode == 2, ran.stderr
    assert not marker.exists()
    assert not ran.stdout
    return ran.stderr.strip().splitlines()[-1]


def test_the_page_is_written_with_what_happened(folder: Path) -> None:
    ran = run(folder, "-q", "replay", "events", "--report", "report.html", "--isolation", "inline")
    assert ran.returncode == 1
    data = data_of(folder / "report.html")
    assert data["verdict"]["state"] == "failed"
    (worker,) = data["functions"]
    plots = {plot["title"]: plot["series"][0]["values"] for plot in worker["plots"]}
    assert sum(value or 0 for value in plots["Invocations"]) == 5
    assert sum(value or 0 for value in plots["Errors"]) == 3
    (failures,) = [one for one in data["lists"] if one["title"] == "Failed invocations"]
    assert "saw {'n': 2}" in failures["items"][0]["log"]
    assert [file.name for file in folder.iterdir() if file.name.endswith(".partial")] == []


def test_a_queue_and_its_alarm_are_on_the_page(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(
        """
        [functions.worker]
        handler = "app.handler"
        duration = "2s"
        reserved_concurrent_executions = 1
        [queues.jobs]
        visibility_timeout = 30
        [event_source_mappings.jobs]
        event_source = "queues.jobs"
        function = "worker"
        batch_size = 1
        [alarms.lagging]
        metric = "ApproximateAgeOfOldestMessage"
        dimensions = { QueueName = "jobs" }
        statistic = "Maximum"
        threshold = 30
        """
    )
    (folder / "app.py").write_text("def handler(event, context): pass")
    lines = [{"time": "2026-03-01T00:00:00Z", "queue": "jobs", "body": f"{n}"} for n in range(60)]
    (folder / "events" / "events.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    ran = run(folder, "-q", "replay", "events", "--report", "report.html", "--isolation", "inline")
    assert ran.returncode == 0, ran.stderr
    data = data_of(folder / "report.html")
    (jobs,) = data["queues"]
    plots = {plot["title"]: {one["name"]: one["values"] for one in plot["series"]} for plot in jobs["plots"]}
    assert sum(value or 0 for value in plots["Messages"]["deleted"]) == 60
    assert max(value for value in plots["Age of the oldest message"]["oldest"] if value is not None) > 100
    (worker,) = data["functions"]
    (concurrency,) = [plot for plot in worker["plots"] if plot["title"] == "Concurrency"]
    running, allowed = (max(filter(None, one["values"])) for one in concurrency["series"])
    assert running == 1
    assert allowed > 1
    (alarm,) = data["alarms"]
    assert alarm["queue"] == "jobs"
    raised = [state for state in alarm["states"] if state["state"] == "ALARM"]
    assert [state["from"] % 60 for state in raised] == [0]


def test_equal_runs_write_equal_pages(folder: Path) -> None:
    pages = []
    for name in ("one.html", "two.html"):
        run(folder, "-q", "replay", "events", "--report", name, "--isolation", "inline")
        data = data_of(folder / name)
        for one in data["lists"]:
            for item in one["items"]:  # the memory that an invocation used differs, and its log tells it
                item["log"] = re.sub(r"Max Memory Used: \d+ MB", "", item.get("log", ""))
        pages.append(data)
    assert pages[0] == pages[1]


def test_a_former_page_is_replaced(folder: Path) -> None:
    (folder / "report.html").write_text("old")
    run(folder, "-q", "replay", "events", "--report", "report.html", "--isolation", "inline")
    assert data_of(folder / "report.html")["schema"] == 1


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("missing/report.html", "lambdarun: error: missing/report.html: cannot be written: No such file or directory."),
        # Nobody may write there, root neither.
        ("/sys/report.html", "lambdarun: error: /sys/report.html: cannot be written: Permission denied."),
        ("app.py/report.html", "lambdarun: error: app.py/report.html: cannot be written: Not a directory."),
        ("events", "lambdarun: error: events: is a folder. Name a file in it."),
        ("app.py", "lambdarun: error: app.py: is there already and is no page. Name a file that ends in .html."),
        ("lambdarun.toml", "lambdarun: error: lambdarun.toml: is there already and is no page. Name a file that ends in .html."),
        ("events/events.jsonl", "lambdarun: error: --report events/events.jsonl: is a recording of this run. Name another file."),
        ("", "lambdarun: error: .: is a folder. Name a file in it."),
    ],
)  # fmt: skip
def test_a_page_that_cannot_be_is_refused_before_the_run(folder: Path, path: str, said: str) -> None:
    assert refused(folder, "events", "--report", path) == said


def test_a_page_over_another_output_or_over_the_recording_itself_is_refused(folder: Path) -> None:
    said = refused(folder, "events/events.jsonl", "--report", "events/events.jsonl")
    assert (
        said
        == "lambdarun: error: --report events/events.jsonl: is a recording of this run. Name another file."
    )
    said = refused(folder, "events", "--out", "x.html", "--report", "./x.html")
    assert (
        said == "lambdarun: error: --report x.html: is written by another option already. Name another file."
    )
    said = refused(folder, "events", "--out", "events/events.jsonl")
    assert (
        said == "lambdarun: error: --out events/events.jsonl: is a recording of this run. Name another file."
    )


def test_a_run_that_breaks_off_leaves_the_former_page(folder: Path) -> None:
    (folder / "report.html").write_text("old")
    # The project is refused behind the flags: a handler without a file.
    (folder / "app.py").unlink()
    (folder / "lambdarun.toml").write_text(
        PROJECT.replace("app.handler", 'app.handler"\ncode_uri = "nowhere')
    )
    ran = run(folder, "replay", "events", "--report", "report.html", "--isolation", "inline")
    assert ran.returncode not in (0, 1)
    assert (folder / "report.html").read_text() == "old"
    assert [file.name for file in folder.iterdir() if file.name.endswith(".partial")] == []
