"""A web server's log as messages of a queue, faster than it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faces.command import run

LINE = '192.0.2.{n} - - [17/May/2015:10:{minute:02}:{second:02} +0000] "GET /{n} HTTP/1.1" 200 5 "-" "curl"\n'
PROJECT = """
[functions.web]
handler = "app.handler"
duration = "100ms"
[queues.requests]
target_age = "30s"
[event_source_mappings.requests]
event_source = "queues.requests"
function = "web"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [LINE.format(n=n, minute=n // 6, second=n % 6 * 10) for n in range(60)]
    (tmp_path / "access.log").write_text("".join(lines))
    (tmp_path / "lambdarun.toml").write_text(PROJECT)
    (tmp_path / "app.py").write_text(
        "import json\n"
        "def handler(event, context):\n"
        "    for record in event['Records']:\n"
        "        print(json.loads(record['body'])['rawPath'])\n"
    )
    return tmp_path


def replayed(folder: Path, *arguments: str) -> list[dict[str, object]]:
    ran = run(folder, "replay", "access.log", "--out", "out.jsonl", "--isolation", "inline", *arguments)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


def test_requests_are_messages_of_the_queue_in_a_tenth_of_the_time(folder: Path) -> None:
    records = replayed(folder, "--rate", "10x", "--through", "queues.requests")
    sent = [record["time"] for record in records if record["kind"] == "message.sent"]
    assert len(sent) == 60
    assert (sent[0], sent[-1]) == ("2015-05-17T10:00:00.000000Z", "2015-05-17T10:00:59.000000Z")
    output = "".join(str(record["text"]) for record in records if record["kind"] == "output.captured")
    assert output.split() == [f"/{n}" for n in range(60)]


def test_without_a_queue_each_request_waits_for_its_answer(folder: Path) -> None:
    text = (folder / "lambdarun.toml").read_text()
    (folder / "lambdarun.toml").write_text(text + '[routes]\napi-gateway-http = "web"\n')
    (folder / "app.py").write_text("def handler(event, context): return event['rawPath']\n")
    answered = [record for record in replayed(folder) if record["kind"] == "arrival.answered"]
    assert [record["result"] for record in answered] == ["succeeded"] * 60
    assert answered[-1]["time"] == "2015-05-17T10:09:50.100000Z"


def test_the_backlog_is_told_where_the_project_has_a_target_or_the_command_names_one(folder: Path) -> None:
    base = ("replay", "access.log", "--through", "queues.requests", "--isolation", "inline", "-o", "json")
    told = [
        json.loads(run(folder, *base, *more).stdout)["backlogs"]["requests"]
        for more in ((), ("--target", "50ms"))
    ]
    assert [one["target_age_s"] for one in told] == [30, 0.05]
    assert [one["messages_older"] for one in told] == [0, 60]
    assert told[1]["target_passed"] == "2015-05-17T10:00:00.050000Z"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rate", "fast"), "--rate fast: is no multiple of a recording's rate."),
        (("--rate", "0.000000001x"), "the recording would not end before the year 9000."),
        (("--through", "queues.request"), 'the project has no such queue. Did you mean "requests"?'),
        (("--through", "topics.requests"), "--through topics.requests: is no queue. Write queues.NAME."),
        (("--target", "0s"), "--target 0s: is no time at all."),
        (("--function", "web", "--through", "queues.orders.fifo"), "which a FIFO queue asks for."),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    ran = run(folder, "replay", "access.log", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr


def test_a_target_without_a_queue_is_told_to_say_nothing(folder: Path) -> None:
    (folder / "app.py").write_text("def handler(event, context): return None\n")
    ran = run(folder, "replay", "access.log", "--function", "web", "--target", "9s", "--isolation", "inline")
    assert (ran.returncode, ran.stderr) == (
        0, "lambdarun: --target: no queue was read, so that there is no backlog to tell of\n",
    )  # fmt: skip
