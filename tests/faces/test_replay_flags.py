"""Every flag of `lambdarun replay` does something that a user can see, and the files it writes are what they say."""

from __future__ import annotations

import json
import re
import signal
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faces.command import run
from tests.processes import descendants, priority_of

HANDLERS = """
import os, time
def takes(event, context): return None
def fails(event, context): raise ValueError("no")
def sleeps(event, context): time.sleep(3)
def works(event, context):
    end = time.clock_gettime(time.CLOCK_BOOTTIME) + 0.05
    while time.clock_gettime(time.CLOCK_BOOTTIME) < end: pass
def spins(event, context):
    os.setpriority(os.PRIO_PROCESS, 0, 7)
    while True: pass
"""
PROJECT = """
[functions.worker]
handler = "app.{handler}"
timeout = 5
duration = "2s"
[queues.jobs]
visibility_timeout = 30
redrive_policy = {{ dead_letter_target = "queues.dead", max_receive_count = 5 }}
[queues.dead]
[event_source_mappings.jobs]
event_source = "queues.jobs"
function = "worker"
batch_size = 2
[routes]
s3 = "worker"
"""


# What the services' pages name as each metric's own statistic.
STATISTICS = {
    "Invocations": "Sum", "Errors": "Sum", "Throttles": "Sum", "Duration": "Average", "AsyncEventsReceived": "Sum",
    "AsyncEventsDropped": "Sum", "AsyncEventAge": "Average", "NumberOfMessagesSent": "Sum",
    "NumberOfMessagesReceived": "Sum", "NumberOfMessagesDeleted": "Sum", "SentMessageSize": "Average",
}  # fmt: skip


def jsonl(path: Path, items: list[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(item)}\n" for item in items))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLERS)
    (tmp_path / "lambdarun.toml").write_text(PROJECT.format(handler="takes"))
    jsonl(tmp_path / "jobs.jsonl", [
        {"time": f"2026-03-01T00:00:{n:02d}Z", "queue": "jobs", "body": "x" * (n + 1)} for n in range(4)
    ])  # fmt: skip
    report = "REPORT RequestId: x\tDuration: 1234.00 ms\tBilled Duration: 1234 ms\t"
    jsonl(tmp_path / "events.jsonl", [
        {"time": f"2026-03-01T00:00:{n:02d}Z", "event": {"n": n}, "source": "s3", "report": report} for n in range(3)
    ])  # fmt: skip
    return tmp_path


def replay(folder: Path, *arguments: str, code: int = 0, **environ: str) -> dict[str, Any]:
    ran = run(folder, "-q", "replay", *arguments, "-o", "json", **environ)
    assert ran.returncode == code, ran.stderr
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("handler", "fail_on", "code"),
    [
        ("takes", "error", 0), ("takes", "dlq", 0), ("takes", "never", 0),
        ("fails", "error", 1), ("fails", "dlq", 1), ("fails", "never", 0),
    ],
)  # fmt: skip
def test_fail_on_chooses_what_makes_the_exit_code_1(
    folder: Path, handler: str, fail_on: str, code: int
) -> None:
    (folder / "lambdarun.toml").write_text(PROJECT.format(handler=handler))
    summary = replay(folder, "jobs.jsonl", "--fail-on", fail_on, code=code)
    assert summary["queues"]["jobs"]["dead_lettered"] == (4 if handler == "fails" else 0)


def test_fail_on_dlq_lets_a_discarded_event_pass(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(PROJECT.format(handler="fails"))
    summary = replay(folder, "events.jsonl", "--fail-on", "dlq")
    assert summary["functions"]["worker"]["discarded"] == {"RetriesExhausted": 3}
    assert replay(folder, "events.jsonl", code=1)["failed_for_good"] == 3


def test_start_at_shifts_the_whole_recording_and_nothing_else(folder: Path) -> None:
    at = {}
    for start in (None, "2030-06-01T12:00:00Z"):
        flags = [] if start is None else ["--start-at", start]
        replay(folder, "jobs.jsonl", "--out", "out.jsonl", *flags)
        at[start] = [(r["kind"], r["time"]) for r in records(folder / "out.jsonl")]
    assert at[None][0][1] == "2026-03-01T00:00:00.000000Z"
    assert at["2030-06-01T12:00:00Z"][0][1] == "2030-06-01T12:00:00.000000Z"
    assert [kind for kind, _ in at[None]] == [kind for kind, _ in at["2030-06-01T12:00:00Z"]]
    assert [time[17:] for _, time in at[None]] == [time[17:] for _, time in at["2030-06-01T12:00:00Z"]]
    ran = run(folder, "replay", "jobs.jsonl", "--start-at", "noon")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "--start-at noon: is no time. Write ISO 8601: 2026-01-02T03:04:05Z." in ran.stderr


@pytest.mark.parametrize(
    ("handler", "durations", "least", "most"),
    [
        ("takes", "declared", 2_000, 2_000),
        ("sleeps", "declared", 5_000, 5_000),  # 2 s declared and 3 s slept reach the timeout
        ("takes", "recorded", 1_234, 1_234),
        ("sleeps", "recorded", 4_234, 4_234),
        ("works", "measured", 50, 4_000),
        ("sleeps", "measured", 3_000, 4_999),
    ],
)
def test_durations_says_where_they_come_from(
    folder: Path, handler: str, durations: str, least: int, most: int
) -> None:
    (folder / "lambdarun.toml").write_text(PROJECT.format(handler=handler))
    jsonl(folder / "one.jsonl", records(folder / "events.jsonl")[:1])
    flags = ["one.jsonl", "--durations", durations, "--fail-on", "never"]
    took = replay(folder, *flags)["functions"]["worker"]["duration_ms"]
    assert least * 0.99 <= took["p50"] <= most * 1.01
    assert least <= took["max"] <= most


def test_the_seed_and_the_workers_decide_nothing_but_chance(folder: Path) -> None:
    text = PROJECT.format(handler="takes").replace('"2s"', '{ p50 = "40ms", p99 = "900ms" }')
    (folder / "lambdarun.toml").write_text(text)
    written = {}
    for flags in (
        ("--seed", "7"),
        ("--seed", "7", "--workers", "1"),
        ("--seed", "7", "--workers", "5"),
        ("--seed", "8"),
    ):
        replay(folder, "jobs.jsonl", "--out", "out.jsonl", *flags)
        written[flags] = (folder / "out.jsonl").read_bytes()
    same = [data for flags, data in written.items() if "7" in flags]
    assert same[0] == same[1] == same[2] != written["--seed", "8"]
    replay(folder, "jobs.jsonl", "--out", "out.jsonl", LAMBDARUN_SEED="7")
    assert (folder / "out.jsonl").read_bytes() == same[0]
    assert records(folder / "out.jsonl")[0]["seed"] == 7


def test_speed_10x_takes_a_tenth_of_the_recordings_time(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(PROJECT.format(handler="takes"))
    begun = time.monotonic()
    summary = replay(folder, "jobs.jsonl", "--out", "out.jsonl", "--speed", "10x")
    assert 0.3 <= time.monotonic() - begun < 3  # the recording lasts for three seconds
    told = records(folder / "out.jsonl")
    # On the wall's clock it depends on the machine how many messages are there for one batch.
    batches = [record["deleted"] for record in told if record["kind"] == "batch.settled"]
    assert summary["functions"]["worker"]["invocations"] == len(batches) <= 4
    assert sum(len(deleted) for deleted in batches) == 4
    assert told[0]["speed"] == "10x"
    sent = [record["time"] for record in told if record["kind"] == "message.sent"]
    assert sent == sorted(sent)
    assert sent[-1] >= "2026-03-01T00:00:03"
    took = max(r["duration_us"] for r in told if r["kind"] == "invocation.succeeded")
    assert took < 1_000_000  # on the wall's clock a declared duration does not act


def test_durations_of_a_variable_are_told_to_be_idle_on_the_walls_clock(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(PROJECT.format(handler="takes"))
    flags = ("replay", "jobs.jsonl", "--speed", "10x")
    assert "virtual time only" not in run(folder, *flags).stderr
    said = run(folder, *flags, LAMBDARUN_DURATIONS="recorded").stderr
    assert "durations = recorded (LAMBDARUN_DURATIONS) acts in virtual time only" in said
    assert "tell no duration" not in said


def test_the_metrics_file_has_cloudwatchs_names_units_dimensions_and_statistics(folder: Path) -> None:
    replay(folder, "jobs.jsonl", "events.jsonl", "--metrics", "metrics.jsonl")
    points = records(folder / "metrics.jsonl")
    found = {(p["namespace"], p["metric"], tuple(sorted(p["dimensions"].items()))): p for p in points}
    assert all(
        set(p)
        == {"schema", "namespace", "metric", "dimensions", "timestamp", "unit", "statistic", "statistics"}
        for p in points
    )
    assert all(
        set(p["statistics"]) == {"sum", "min", "max", "count", "avg", "p50", "p90", "p99"} for p in points
    )
    assert {p["timestamp"] for p in points} == {"2026-03-01T00:00:00.000000Z"}
    function, resource = ("FunctionName", "worker"), ("Resource", "worker")
    queue = ("QueueName", "jobs")
    assert len(found) == len(points)
    wanted: list[tuple[str, str, tuple[tuple[str, str], ...], str, dict[str, float]]] = [
        ("AWS/Lambda", "Invocations", (function,), "Count", {"sum": 7, "count": 7, "min": 1, "max": 1}),
        ("AWS/Lambda", "Invocations", (function, resource), "Count", {"sum": 7}),
        ("AWS/Lambda", "Invocations", (), "Count", {"sum": 7}),
        ("AWS/Lambda", "Errors", (function,), "Count", {"sum": 0, "count": 7}),
        ("AWS/Lambda", "Throttles", (function,), "Count", {"sum": 0}),
        ("AWS/Lambda", "Duration", (function,), "Milliseconds", {"avg": 2_000, "max": 2_000, "p99": 2_000}),
        ("AWS/Lambda", "AsyncEventsReceived", (function,), "Count", {"sum": 3}),
        ("AWS/Lambda", "AsyncEventsDropped", (function,), "Count", {"sum": 0}),
        ("AWS/Lambda", "AsyncEventAge", (function,), "Milliseconds", {"max": 0, "count": 3}),
        ("AWS/SQS", "NumberOfMessagesSent", (queue,), "Count", {"sum": 4}),
        ("AWS/SQS", "NumberOfMessagesReceived", (queue,), "Count", {"sum": 4}),
        ("AWS/SQS", "NumberOfMessagesDeleted", (queue,), "Count", {"sum": 4}),
        ("AWS/SQS", "SentMessageSize", (queue,), "Bytes", {"min": 1, "max": 4, "sum": 10}),
    ]
    for namespace, metric, dimensions, unit, statistics in wanted:
        point = found[namespace, metric, dimensions]
        assert (point["unit"], point["statistic"]) == (unit, STATISTICS[metric])
        assert statistics.items() <= point["statistics"].items(), (metric, point["statistics"])


def test_only_what_is_asked_for_is_written(folder: Path) -> None:
    before = {path.name for path in folder.iterdir()} | {"__pycache__"}
    replay(folder, "jobs.jsonl")
    assert {path.name for path in folder.iterdir()} <= before
    replay(folder, "jobs.jsonl", "--out", "out.jsonl", "--metrics", "metrics.jsonl")
    assert {path.name for path in folder.iterdir()} - before == {"out.jsonl", "metrics.jsonl"}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--speed", "2x"], "'2x' is not one of"),
        (["--durations", "real"], "'real' is not one of"),
        (["--fail-on", "maybe"], "'maybe' is not one of"),
        (["--workers", "0"], "--workers"),
        (["--workers", "2", "--speed", "1x"], "--workers: acts in virtual time only, not with the speed 1x."),
        (["--durations", "measured", "--speed", "10x"], "--durations: acts in virtual time only"),
        (["--seed", "x"], "--seed"),
        (["--inline"], "No such option"),
    ],
)
def test_a_flag_that_cannot_be_is_exit_2_and_leaves_no_file(
    folder: Path, flags: list[str], said: str
) -> None:
    ran = run(folder, "replay", "jobs.jsonl", *flags)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert not [path.name for path in folder.iterdir() if "out" in path.name or "partial" in path.name]


def test_a_queue_without_any_visibility_is_refused_even_where_a_short_one_is_allowed(folder: Path) -> None:
    """Its messages would be received without end."""
    text = PROJECT.format(handler="takes").replace("visibility_timeout = 30", "visibility_timeout = 0")
    (folder / "lambdarun.toml").write_text(text)
    ran = run(folder, "replay", "jobs.jsonl", "--allow-short-visibility")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "Queue visibility timeout: 0 seconds is less than Function timeout: 5 seconds." in ran.stderr


def test_the_text_names_functions_queues_and_the_verdict(folder: Path) -> None:
    ran = run(folder, "replay", "jobs.jsonl", "events.jsonl")
    assert ran.returncode == 0
    assert re.search(r"^worker +7 ", ran.stdout, re.MULTILINE)
    assert re.search(r"^jobs +4 +4 ", ran.stdout, re.MULTILINE)
    assert "everything succeeded in the end" in ran.stdout
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", ["invoke", "replay"])
def test_ctrl_c_ends_in_two_seconds_with_no_process_left(folder: Path, command: str) -> None:
    arguments = (
        ["invoke", "app.py:spins", "--timeout", "60"]
        if command == "invoke"
        else [
            "replay",
            "events.jsonl",
            "--function",
            "app.py:spins",
            "--out",
            "out.jsonl",
            "--metrics",
            "m.jsonl",
        ]
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "lambdarun", *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    started: list[int] = []
    while 7 not in map(priority_of, started):
        assert process.poll() is None
        started = descendants(process.pid)
    assert len(started) >= 2
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=2)
    assert process.returncode == 130
    assert "Traceback" not in stdout + stderr
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
    if command == "replay":
        assert "interrupted" in stdout
        told = records(folder / "out.jsonl")
        assert [record["seq"] for record in told] == list(range(1, len(told) + 1))
        assert (told[-1]["kind"], told[-1]["interrupted"]) == ("run.ended", True)
        assert "invocation.started" in {record["kind"] for record in told}
        assert records(folder / "m.jsonl")
    assert not list(folder.glob(".*partial"))


def test_list_validate_and_config_show_say_the_same_in_both_forms(folder: Path) -> None:
    listed = run(folder, "list").stdout
    for heading, row in (
        ("FUNCTION", r"worker +app\.takes +5 s +128 MB +-"),
        ("QUEUE", r"jobs +30 s +4 days +dead after 5"),
        ("MAPPING", r"jobs +jobs +worker +2 +0 s +no"),
        ("ROUTE", r"s3 +worker"),
    ):
        assert re.search(rf"^{heading} ", listed, re.MULTILINE)
        assert re.search(rf"^{row}", listed, re.MULTILINE), row
    told = json.loads(run(folder, "list", "-o", "json").stdout)
    assert told["functions"][0]["handler"] == "app.takes"
    jobs, dead = told["queues"]
    assert (jobs["name"], jobs["visibility_timeout"], jobs["message_retention_period"]) == (
        "jobs",
        30,
        345_600,
    )
    assert jobs["redrive_policy"] == {"dead_letter_target": "dead", "max_receive_count": 5}
    assert (dead["name"], dead["redrive_policy"]) == ("dead", None)
    assert told["event_source_mappings"] == [
        {
            "name": "jobs", "queue": "jobs", "function": "worker", "batch_size": 2, "enabled": True,
            "maximum_batching_window_in_seconds": 0, "report_batch_item_failures": False,
            "scaling_config": {"maximum_concurrency": None}, "provisioned_poller_config": None,
            "filter_criteria": {"filters": []}, "metrics_config": {"metrics": []},
            "uuid": "89661d2c-ac13-4fd1-8e11-606c3aa98aa5",
        }
    ]  # fmt: skip
    assert told["routes"] == {"s3": "worker"}
    valid = json.loads(run(folder, "validate", "-o", "json").stdout)
    assert (valid["functions"], valid["queues"], valid["findings"]) == (1, 2, [])
    (folder / "lambdarun.toml").write_text(
        PROJECT.format(handler="takes").replace("timeout = 30", "timeout = 4")
    )
    ran = run(folder, "validate", "-o", "json")
    (finding,) = json.loads(ran.stdout)["findings"]
    assert (ran.returncode, finding["severity"], finding["place"]) == (3, "error", "lambdarun.toml:10:1")
    shown = run(folder, "config", "show", LAMBDARUN_SPEED="1x").stdout
    assert re.search(r"^speed +1x +LAMBDARUN_SPEED$", shown, re.MULTILINE)
    assert re.search(r"^seed +0 +default$", shown, re.MULTILINE)


@pytest.mark.parametrize("command", [["list"], ["validate"]])
def test_without_a_project_file_they_are_exit_2(tmp_path: Path, command: list[str]) -> None:
    ran = run(tmp_path, *command)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "there is no lambdarun.toml here or above" in ran.stderr


class Editor(socketserver.BaseRequestHandler):
    """Somebody at an editor: changes the file whenever a handler calls, for a handler cannot change its own."""

    file: Path

    def handle(self) -> None:
        with self.file.open("a") as source:
            source.write("#\n")


def test_watch_brings_changed_code_into_the_next_invocation(folder: Path) -> None:
    # A minute apart, so that one environment does all.
    jsonl(folder / "minutes.jsonl", [
        {"time": f"2026-03-01T00:0{n}:00Z", "event": {}, "source": "s3"} for n in range(3)
    ])  # fmt: skip
    source = (
        "count = 0\ndef takes(event, context):\n    global count\n    count += 1\n    print('count', count)\n"
    )
    Editor.file = folder / "app.py"
    with socketserver.TCPServer(("127.0.0.1", 0), Editor) as editor:
        threading.Thread(target=editor.serve_forever, args=(0.01,), daemon=True).start()
        source += f"    import socket\n    socket.create_connection({editor.server_address!r}).recv(1)\n"
        for flags, counts in (((), [1, 2, 3]), (("--watch",), [1, 1, 1])):
            (folder / "app.py").write_text(source)
            replay(folder, "minutes.jsonl", "--out", "out.jsonl", *flags)
            assert [int(n) for n in re.findall(r"count (\d)", (folder / "out.jsonl").read_text())] == counts
        editor.shutdown()
