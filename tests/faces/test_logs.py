"""Logs as a user sees them: JSON on standard error, `--log-type Tail`, `--logs FOLDER`, embedded metrics."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.faces.command import run

HANDLER = """
import json, logging, sys, time
log = logging.getLogger()
print("importing")
def handler(event, context):
    log.info({"order": event.get("n", 0)})
    print("plain\\rtext")
    if "long" in event: print("\\u20ac" * event["long"])
    if "fail" in event: raise ValueError("no")
    print(json.dumps({
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [
            {"Namespace": "Shop", "Dimensions": [["Service"]], "Metrics": [{"Name": "Orders", "Unit": "Count"}]}]},
        "Service": "intake", "Orders": 2}))
    return context.log_stream_name
"""
PROJECT = """
[functions.text]
handler = "app.handler"
duration = "40ms"
[functions.json]
handler = "app.handler"
logging_config = { log_format = "JSON" }
duration = "40ms"
[functions.group]
handler = "app.handler"
logging_config = { log_format = "JSON", system_log_level = "WARN", application_log_level = "ERROR", log_group = "/shop/../all" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "lambdarun.toml").write_text(PROJECT)
    events = [
        {"Records": [{"eventSource": "aws:s3", "eventTime": f"2026-01-02T03:04:0{n}.000Z", "n": n}]}
        for n in range(4)
    ]
    (tmp_path / "events.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return tmp_path


def streams(place: Path) -> dict[str, str]:
    return {
        file.relative_to(place).as_posix(): file.read_bytes().decode()
        for file in sorted(place.rglob("*"))
        if file.is_file()
    }


def test_a_function_in_json_shows_json_lines_on_standard_error(folder: Path) -> None:
    ran = run(folder, "invoke", "json", "-e", '{"n": 7}')
    assert ran.returncode == 0
    # As text: the carriage return that the handler printed is a line's end here.
    assert [line for line in ran.stderr.split("\n") if line[:1] != "{"] == ["importing", "plain", "text", ""]
    told = [json.loads(line) for line in ran.stderr.split("\n") if line[:1] == "{"]
    assert [one.get("type", one.get("level")) for one in told] == [
        "platform.initStart", "platform.start", "INFO", None, "platform.report",
    ]  # fmt: skip
    assert told[2]["message"] == {"order": 7}
    assert told[2]["requestId"] == told[1]["record"]["requestId"]


def test_a_tail_takes_the_logs_place_on_standard_error(folder: Path) -> None:
    whole = run(folder, "invoke", "text", "-e", '{"long": 100}')
    short = run(folder, "invoke", "text", "-e", '{"long": 100}', "--log-type", "Tail")
    cut = run(folder, "invoke", "text", "-e", '{"long": 2000}', "--log-type", "Tail")
    names = [line.split()[0] for line in whole.stderr.splitlines() if line.split()]
    assert [line.split()[0] for line in short.stderr.splitlines() if line.split()] == names
    assert names[:2] == ["INIT_START", "importing"]
    assert not cut.stderr.startswith("INIT_START")
    assert 4_094 <= len(cut.stderr.encode()) <= 4_102
    assert cut.stderr.lstrip("\N{REPLACEMENT CHARACTER}").startswith("\N{EURO SIGN}")
    assert run(folder, "-q", "invoke", "text", "--log-type", "Tail").stderr == ""
    none = run(folder, "invoke", "text", "--log-type", "None")
    assert none.stderr.startswith("INIT_START")


@pytest.mark.parametrize("name", ["text", "json"])
def test_a_tail_in_json_output_is_base64_as_aws_answers_it(folder: Path, name: str) -> None:
    ran = run(folder, "invoke", name, "-e", '{"fail": 1}', "--log-type", "Tail", "-o", "json")
    told = json.loads(ran.stdout)
    log = base64.b64decode(told["logResult"]).decode()
    assert (ran.returncode, ran.stderr, told["functionError"]) == (1, "", "Unhandled")
    begins = {"text": "INIT_START ", "json": '{"time":'}[name]
    assert log.startswith(begins)
    assert told["requestId"] in log.splitlines()[-1]
    assert "logResult" not in json.loads(run(folder, "invoke", name, "-o", "json").stdout)


def test_a_log_file_is_whole_beside_a_tail(folder: Path) -> None:
    ran = run(folder, "invoke", "text", "-e", '{"long": 2000}', "--log-type", "Tail", "-l", "log")
    assert (folder / "log").read_text().startswith("INIT_START")
    assert not ran.stderr.startswith("INIT_START")


@pytest.mark.parametrize("kind", ["Event", "DryRun"])
def test_a_tail_that_aws_would_not_answer_is_refused(folder: Path, kind: str) -> None:
    ran = run(folder, "invoke", "text", "--log-type", "Tail", "--invocation-type", kind)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert (
        ran.stderr
        == f"lambdarun: error: --log-type Tail: AWS answers no log with --invocation-type {kind}. Leave it out.\n"
    )


def test_a_folder_has_a_file_a_stream_where_the_context_says(folder: Path) -> None:
    ran = run(folder, "invoke", "text", "--logs", "logs")
    [(place, text)] = streams(folder / "logs").items()
    assert place == f"aws/lambda/text/{json.loads(ran.stdout)}"
    assert re.fullmatch(r"aws/lambda/text/\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", place)
    assert text == ran.stderr.replace("plain\ntext", "plain\rtext")
    assert "plain\rtext\n" in text
    quiet = run(folder, "-q", "invoke", "group", "-e", '{"fail": 1}', "--logs", "logs")
    assert quiet.returncode == 1
    # The former run's streams are gone, and no log group leads out of the folder.
    [(place, text)] = streams(folder / "logs").items()
    assert re.fullmatch(r"shop/%2E%2E/all/\d{4}/\d\d/\d\d/group\[\$LATEST\][0-9a-f]{32}", place)
    [error] = [json.loads(line) for line in text.splitlines()]
    assert (error["level"], error["errorType"]) == ("ERROR", "ValueError")


def test_equal_seeds_write_equal_folders_in_virtual_time(folder: Path) -> None:
    def replayed(seed: str) -> dict[str, str]:
        ran = run(folder, "replay", "events.jsonl", "--function", "json", "--logs", "logs", "--seed", seed)
        assert ran.returncode == 0, ran.stderr
        # The one figure in a log that is the machine's own.
        return {
            place: re.sub(r'"maxMemoryUsedMB":\d+', '"maxMemoryUsedMB":0', text)
            for place, text in streams(folder / "logs").items()
        }

    first = replayed("1")
    assert replayed("1") == first
    assert replayed("2").keys() != first.keys()
    [text] = first.values()
    told = [json.loads(line) for line in text.split("\n") if line[:1] == "{"]
    assert [one["time"] for one in told if one.get("type") == "platform.report"] == [
        f"2026-01-02T03:04:0{n}.040Z" for n in range(4)
    ]


def test_a_run_of_many_environments_writes_all_their_streams(folder: Path) -> None:
    events = [
        {"Records": [{"eventSource": "aws:s3", "eventTime": "2026-01-02T03:04:05.000Z", "n": n}]}
        for n in range(90)
    ]
    (folder / "burst.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in events * 2))
    ran = run(folder, "replay", "burst.jsonl", "--function", "text", "--logs", "logs")
    assert ran.returncode == 0, ran.stderr
    found = streams(folder / "logs")
    assert sum(text.count("REPORT ") for text in found.values()) == 180
    assert len(found) > 64
    assert all(text.count("INIT_START") == 1 for text in found.values())


@pytest.mark.parametrize("command", [["invoke", "text"], ["replay", "events.jsonl", "--function", "text"]])
def test_a_folder_that_holds_anything_else_is_left_alone(folder: Path, command: list[str]) -> None:
    (folder / "kept").mkdir()
    (folder / "kept" / "notes.txt").write_text("mine")
    ran = run(folder, *command, "--logs", "kept")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "lambdarun: error: kept: holds notes.txt, which is no log stream. Name an empty folder or a new one.\n"
    )
    ran = run(folder, *command, "--logs", "app.py")
    assert (ran.returncode, ran.stderr) == (
        2, "lambdarun: error: app.py: is no folder. Name one for the log streams.\n",
    )  # fmt: skip
    assert (folder / "kept" / "notes.txt").read_text() == "mine"


def test_embedded_metrics_are_in_the_metrics_file_and_the_summary(folder: Path) -> None:
    ran = run(folder, "replay", "events.jsonl", "--function", "json", "--metrics", "m.jsonl")
    assert "Orders (Count)  Shop            4    8    2      2     2\n" in ran.stdout
    found = [json.loads(line) for line in (folder / "m.jsonl").read_text().splitlines()]
    [point] = [one for one in found if one["namespace"] == "Shop"]
    assert (point["metric"], point["dimensions"], point["unit"], point["timestamp"]) == (
        "Orders", {"Service": "intake"}, "Count", "2026-01-02T03:04:00.000000Z",
    )  # fmt: skip
    assert (point["statistics"]["sum"], point["statistics"]["count"]) == (8, 4)
    document: dict[str, Any] = json.loads(
        run(folder, "replay", "events.jsonl", "--function", "json", "-o", "json").stdout
    )
    assert document["custom_metrics"]["metrics"][0]["sum"] == 8
    # What the function's own level drops never reaches CloudWatch, and so is no metric.
    dropped = run(folder, "replay", "events.jsonl", "--function", "group", "--metrics", "m.jsonl")
    assert "METRIC" not in dropped.stdout
    assert '"Shop"' not in (folder / "m.jsonl").read_text()


def test_levels_with_text_are_refused_where_they_stand(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(
        '[functions.f]\nhandler = "app.handler"\nlogging_config = { system_log_level = "WARN" }\n'
    )
    ran = run(folder, "invoke", "f")
    assert ran.returncode == 3
    assert (
        "lambdarun.toml:3:20: functions.f.logging_config.system_log_level: LogLevel is not supported when"
        in ran.stderr
    )


def test_list_tells_how_each_function_logs(folder: Path) -> None:
    told = json.loads(run(folder, "list", "-o", "json").stdout)
    assert {one["name"]: one["logging_config"] for one in told["functions"]} == {
        "text": {"log_format": "Text", "log_group": "/aws/lambda/text"},
        "json": {
            "log_format": "JSON", "application_log_level": "INFO", "system_log_level": "INFO",
            "log_group": "/aws/lambda/json",
        },
        "group": {
            "log_format": "JSON", "application_log_level": "ERROR", "system_log_level": "WARN",
            "log_group": "/shop/../all",
        },
    }  # fmt: skip
