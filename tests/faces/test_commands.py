"""The commands as a user types them, each in a process of its own."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faces.command import run

HANDLERS = """
import os, sys, time
def returns(event, context): return {"got": event}
def raises(event, context): raise ValueError("no")
def slow(event, context): time.sleep(60)
def exits(event, context): sys.exit(3)
def a_set(event, context): return {1}
def prints(event, context): print("to the log"); return os.environ.get("GREETING")
def accepts(event, context): return {"batchItemFailures": []}
"""
PROJECT = """
[functions.worker]
handler = "app.{handler}"
timeout = 5
duration = "2s"
[queues.jobs]
visibility_timeout = {visibility}
redrive_policy = {{ dead_letter_target = "queues.dead", max_receive_count = 5 }}
[queues.dead]
[event_source_mappings.jobs]
event_source = "queues.jobs"
function = "worker"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLERS)
    (tmp_path / "s3.json").write_text(
        json.dumps({"Records": [{"eventSource": "aws:s3", "eventTime": "2026-01-02T03:04:05Z"}]})
    )
    lines = [{"time": f"2026-03-01T00:00:{n:02d}Z", "queue": "jobs", "body": str(n)} for n in range(30)]
    (tmp_path / "jobs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def test_invoke_prints_the_result_alone_and_the_log_beside_it(folder: Path) -> None:
    ran = run(folder, "invoke", "app.py:returns", "-e", '{"a": 1}')
    assert (ran.returncode, ran.stdout) == (0, '{"got": {"a": 1}}\n')
    assert re.search(
        r"^START RequestId: .*\nEND RequestId: .*\nREPORT RequestId: .*Max Memory Used: [1-9]",
        ran.stderr,
        re.MULTILINE,
    )


@pytest.mark.parametrize(
    ("function", "said", "code"),
    [
        ("raises", '"errorType": "ValueError"', 1),
        ("slow", "Task timed out after 1.00 seconds", 1),
        ("exits", "Runtime exited with error: exit status 3", 1),
        ("a_set", "Object of type set is not JSON serializable", 1),
        ("nope", "Handler 'nope' missing on module 'app'", 1),
    ],
)
def test_invoke_fails_when_the_function_fails(folder: Path, function: str, said: str, code: int) -> None:
    ran = run(folder, "invoke", f"app.py:{function}", "--timeout", "1")
    assert said in ran.stdout
    assert json.loads(ran.stdout)
    assert ran.returncode == code
    assert run(folder, "invoke", f"app.py:{function}", "--timeout", "1", "--no-fail").returncode == 0


def test_a_module_that_is_not_there_is_awss_init_error(folder: Path) -> None:
    ran = run(folder, "invoke", "nowhere.py:handler")
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["errorType"] == "Runtime.ImportModuleError"


def test_a_function_that_is_not_declared_is_exit_4(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(PROJECT.format(handler="returns", visibility=30))
    ran = run(folder, "invoke", "wroker")
    assert (ran.returncode, ran.stdout) == (4, "")
    assert ran.stderr == "lambdarun: error: there is no function 'wroker'. Did you mean worker?\n"


def test_events_come_from_files_standard_input_and_text(folder: Path) -> None:
    assert run(folder, "-q", "invoke", "app.returns", "-e", "s3.json").stdout.startswith('{"got": {"Records"')
    assert run(folder, "-q", "invoke", "app.returns", "-e", "-", stdin="[1]").stdout == '{"got": [1]}\n'
    assert run(folder, "-q", "invoke", "app.returns", "--payload", '"x"').stdout == '{"got": "x"}\n'
    assert run(folder, "-q", "invoke", "app.returns").stdout == '{"got": {}}\n'


@pytest.mark.parametrize(
    ("event", "said"),
    [("no.json", "no.json: there is no such event file."), ('{"a": }', "<event>:1:7: is not JSON")],
)
def test_a_bad_event_is_exit_2(folder: Path, event: str, said: str) -> None:
    ran = run(folder, "invoke", "app.returns", "-e", event)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_event_files_of_every_odd_kind_are_told_or_taken(folder: Path) -> None:
    (folder / "mark.json").write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n')
    assert run(folder, "-q", "invoke", "app.returns", "-e", "mark.json").stdout == '{"got": {"a": 1}}\n'
    (folder / "empty.json").write_bytes(b" \n")
    (folder / "utf16.json").write_bytes('{"a": 1}'.encode("utf-16"))
    (folder / "event.json.gz").write_bytes(gzip.compress(b"{}"))
    (folder / "digits.json").write_text("9" * 5_000)
    for event, said in (
        ("empty.json", "empty.json: is empty."),
        ("utf16.json", "utf16.json: is not UTF-8 (byte 0). Save it as UTF-8."),
        ("event.json.gz", "event.json.gz: is compressed (gzip), not JSON. Unpack it first."),
        ("digits.json", "digits.json:1:1: is not JSON: a number of more than 1000 digits."),
        (".", ".: is a folder. Name a file in it."),
        ("", "-e: there is no such event file."),
        ("a" * 5_000, "...: cannot be read: File name too long."),
        ("null", "or write JSON that begins with {, [ or a quotation mark."),
    ):
        ran = run(folder, "invoke", "app.returns", "-e", event)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert said in ran.stderr
        assert ran.stderr.startswith("lambdarun: error: ")
        assert ran.stderr.count("\n") == 1


def test_variables_come_from_a_file_and_the_flags_stand_above_it(folder: Path) -> None:
    (folder / "vars.env").write_text("# greeting\nexport GREETING='file'\n")
    assert run(folder, "-q", "invoke", "app.prints", "--env-file", "vars.env").stdout == '"file"\n'
    assert (
        run(folder, "-q", "invoke", "app.prints", "--env-file", "vars.env", "--env", "GREETING=flag").stdout
        == '"flag"\n'
    )


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("GREETING", "--env: 'GREETING' sets nothing. Write NAME=VALUE."),
        ("=x", "--env: '': is no name for a variable."),
        ("1A=x", "--env: '1A': is no name for a variable."),
        ("AWS_REGION=x", "Reserved keys used in this request: AWS_REGION."),
        (f"LONG={'x' * 4_096}", "exceeded the 4KB limit."),
    ],
)
def test_variables_that_aws_refuses_are_refused(folder: Path, pair: str, said: str) -> None:
    ran = run(folder, "invoke", "app.prints", "--env", pair)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_handler_that_aws_takes_not_is_exit_2(folder: Path) -> None:
    ran = run(folder, "invoke", "my app.py:prints")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "handler: 'my app.prints' is no handler. Write module.function, without spaces" in ran.stderr


def test_json_output_logs_in_a_file_and_repeats(folder: Path) -> None:
    ran = run(folder, "invoke", "app.prints", "-o", "json", "-l", "log.txt", "--repeat", "2")
    first, second = map(json.loads, ran.stdout.splitlines())
    assert first["schema"] == 1
    assert (first["statusCode"], first["executedVersion"], first["functionError"]) == (200, "$LATEST", None)
    assert first["requestId"] != second["requestId"]
    assert (folder / "log.txt").read_text().count("to the log") == 2
    assert (folder / "log.txt").read_text().count("INIT_START") == 1
    assert ran.stderr == ""


def test_runtime_row_09_event_answers_with_an_empty_body_and_plays_its_retries(folder: Path) -> None:
    ran = run(folder, "invoke", "app.raises", "--invocation-type", "Event", "-e", "s3.json")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "ended as RetriesExhausted; attempts at 0 s, 60 s, 180 s (virtual time)" in ran.stderr


def test_a_dry_run_runs_nothing(folder: Path) -> None:
    assert run(folder, "invoke", "app.raises", "--invocation-type", "DryRun").returncode == 0


def test_replay_sums_up_and_writes_the_same_bytes_twice(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(PROJECT.format(handler="accepts", visibility=30))
    results = []
    for _ in range(2):
        ran = run(folder, "replay", "jobs.jsonl", "--out", "out.jsonl", "--metrics", "metrics.jsonl")
        assert ran.returncode == 0, ran.stderr
        assert re.search(r"worker +30 +\d+ +", ran.stdout)
        assert re.search(r"jobs +30 +30 ", ran.stdout)
        assert "everything succeeded in the end" in ran.stdout
        results.append((folder / "out.jsonl").read_bytes())
    assert results[0] == results[1]
    records = [json.loads(line) for line in results[0].splitlines()]
    assert records[0]["kind"] == "run.started"
    assert records[-1]["kind"] == "run.ended"
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert {"Invocations", "NumberOfMessagesDeleted"} <= {metric["metric"] for metric in metrics}


def test_a_queue_whose_visibility_is_too_short_is_refused_with_awss_text(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(PROJECT.format(handler="accepts", visibility=1))
    ran = run(folder, "replay", "jobs.jsonl")
    assert ran.returncode == 3
    assert "Queue visibility timeout: 1 seconds is less than Function timeout: 5 seconds." in ran.stderr
    ran = run(folder, "replay", "jobs.jsonl", "--allow-short-visibility", "--fail-on", "never")
    assert ran.returncode == 0
    assert "handled twice:" in ran.stdout


def test_a_queue_that_only_the_recording_has_is_checked_too(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(
        '[functions.slow]\nhandler = "app.accepts"\ntimeout = 60\n[routes]\nsqs = "slow"\n'
    )
    refused = run(folder, "replay", "jobs.jsonl")
    assert "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds" in refused.stderr
    assert (refused.returncode, refused.stdout) == (3, "")


def test_the_log_is_spoken_as_loud_and_in_the_form_that_is_asked_for(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(PROJECT.format(handler="raises", visibility=30))
    spoken = [
        run(folder, *options, "replay", "jobs.jsonl", "--fail-on", "never").stderr.count("invocation.failed")
        for options in ([], ["-v"], ["-q", "-v"])
    ]
    assert spoken[0] == spoken[2] == 0 < spoken[1]
    quiet = run(folder, "--log-format", "json", "-v", "replay", "jobs.jsonl", "--fail-on", "never")
    told = [json.loads(line) for line in quiet.stderr.splitlines()]  # notices too
    failed = [line for line in told if line["event"] == "invocation.failed"]
    assert len(failed) == spoken[1]
    assert list(failed[0])[:4] == ["timestamp", "level", "event", "function"]
    single = run(folder, "--log-format", "json", "invoke", "app.py:prints")
    said = {line["event"]: line for line in map(json.loads, single.stderr.splitlines())}
    assert said["output.captured"]["text"] == "to the log\n"
    assert said["invocation.succeeded"]["response"] == "null"


def test_results_files_never_overwrite_a_recording_or_each_other(folder: Path) -> None:
    base = ("replay", "s3.json", "--function", "app.py:returns")
    before = (folder / "s3.json").read_bytes()
    for extra, said in (
        (("--out", "s3.json"), "--out s3.json: is a recording of this run."),
        (("--out", "o.jsonl", "--metrics", "./o.jsonl"), "--metrics o.jsonl: is written by another option already."),
        (("--out", "."), ".: is a folder."),
        (("--out", "nowhere/o.jsonl"), "nowhere/o.jsonl: cannot be written: No such file or directory."),
        (("--out", "o.jsonl", "--metrics", "nowhere/m"), "nowhere/m: cannot be written"),
    ):  # fmt: skip
        ran = run(folder, *base, *extra)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert said in ran.stderr
    assert (folder / "s3.json").read_bytes() == before
    assert not [path.name for path in folder.iterdir() if "partial" in path.name or "o.jsonl" in path.name]


@pytest.mark.parametrize("speed", ["max", "10x"])
def test_a_full_disk_is_told(folder: Path, speed: str) -> None:
    (folder / "many.jsonl").write_text(
        "".join(f'{{"time": "2026-01-01T00:00:00Z", "event": {{"n": {n}}}}}\n' for n in range(40))
    )
    ran = run(folder, "replay", "many.jsonl", "--function", "app.py:returns", "--out", "/dev/full", "--speed", speed)  # fmt: skip
    assert ran.returncode == 5
    assert ran.stderr.endswith("lambdarun: error: /dev/full: cannot be written: No space left on device.\n")
    assert "Traceback" not in ran.stderr


def test_results_go_where_a_link_or_a_pipe_points(folder: Path) -> None:
    (folder / "link.jsonl").symlink_to("target.jsonl")
    base = ("replay", "s3.json", "--function", "app.py:returns", "--out")
    assert run(folder, *base, "link.jsonl").returncode == 0
    assert (folder / "link.jsonl").is_symlink()
    assert (folder / "target.jsonl").read_text().endswith("}\n")
    assert '"kind":"run.ended"' in run(folder, *base, "/dev/stdout").stdout


def test_an_event_that_aws_would_refuse_is_told_once(folder: Path) -> None:
    (folder / "big.json").write_text(
        json.dumps({"Records": [{"eventSource": "aws:s3", "pad": "x" * 1_048_576}]})
    )
    ran = run(folder, "replay", "big.json", "--function", "app.py:returns")
    assert ran.returncode == 1
    assert (
        "not delivered: 1 event: 1048627 byte payload is too large for the Event invocation type"
        in ran.stdout
    )
    assert ran.stdout.endswith("1 ended without success: 1 not delivered\n")


def test_recordings_come_from_standard_input_too(folder: Path) -> None:
    ran = run(folder, "replay", "-", "--function", "app.py:returns", stdin='{"a": 1}\n{"a": 2}\n')
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"app +2 ", ran.stdout)
    ran = run(folder, "replay", "-", "--function", "app.py:returns", stdin="soon")
    assert ran.returncode == 2
    assert "<stdin>:1:1: is not JSON: it begins with 'soon'." in ran.stderr
    assert run(folder, "replay", "", "--function", "app.py:returns").returncode == 2


def test_durations_that_the_recording_does_not_tell_are_named(folder: Path) -> None:
    ran = run(folder, "replay", "s3.json", "--function", "app.py:returns", "--durations", "recorded")
    assert "1 of 1 events tell no duration: for them the declared ones hold" in ran.stderr


def test_one_function_for_all_excludes_the_routes(folder: Path) -> None:
    told = run(folder, "replay", "s3.json", "--project", "--function", "app.py:returns")
    assert told.returncode == 2
    assert "exclude each other" in told.stderr


def test_replay_with_a_function_takes_everything(folder: Path) -> None:
    ran = run(folder, "replay", "s3.json", "jobs.jsonl", "--function", "app.py:accepts")
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"app +s3 +async +1 +1", ran.stdout)
    assert re.search(r"jobs +30 +30", ran.stdout)


def test_what_has_no_route_is_told(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(
        PROJECT.format(handler="accepts", visibility=30) + '[functions.b]\nhandler = "app.returns"\n'
    )
    ran = run(folder, "replay", "s3.json")
    assert ran.returncode == 1
    assert 'not delivered: 1 event: no route for s3: add s3 = "FUNCTION" under [routes]' in ran.stdout


def test_a_recordings_function_that_is_not_declared_names_its_neighbours(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(
        PROJECT.format(handler="accepts", visibility=30) + '[functions.b]\nhandler = "app.returns"\n'
    )
    (folder / "named.jsonl").write_text(
        '{"time": "2026-01-01T00:00:00Z", "event": {}, "function": "wroker"}\n'
    )
    ran = run(folder, "replay", "named.jsonl")
    assert (
        "the recording names function 'wroker', which the project does not have: did you mean worker?"
        in ran.stdout
    )


def test_a_message_that_its_queue_refuses_is_not_delivered_and_why_is_told(folder: Path) -> None:
    lines = [json.dumps({"queue": name, "body": "x"}) for name in ("orders.fifo", "a b", "jobs")]
    grouped = {"queue": "orders.fifo", "body": "x", "message_group_id": "g"}
    (folder / "fifo.jsonl").write_text("\n".join([*lines, json.dumps(grouped)]))
    done = run(folder, "replay", "fifo.jsonl", "--function", "app.py:accepts")
    assert done.returncode == 1
    assert "The request must contain the parameter MessageGroupId." in done.stdout
    assert "The queue should either have ContentBasedDeduplication enabled" in done.stdout
    assert "'a b' is no queue's name" in done.stdout
    assert re.search(r"^jobs +1 +1 ", done.stdout, re.MULTILINE)


def test_recorded_events_of_a_fifo_queue_are_replayed_in_order_of_their_groups(folder: Path) -> None:
    (folder / "groups.py").write_text(
        "def handler(event, context):\n"
        "    for record in event['Records']:\n"
        "        about = record['attributes']\n"
        "        print('GOT', about['MessageGroupId'], record['body'], about['MessageDeduplicationId'])\n"
    )
    events = []
    for number, group in enumerate("abab"):
        about = {
            "ApproximateReceiveCount": "1", "SentTimestamp": str(1_767_225_600_000 + number), "SenderId": "AIDA",
            "SequenceNumber": f"1884949646046769612{number}", "MessageGroupId": group,
            "MessageDeduplicationId": f"d{number}", "ApproximateFirstReceiveTimestamp": "1767225600010",
        }  # fmt: skip
        record = {"messageId": f"m{number}", "body": str(number), "attributes": about,
                  "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:1:jobs.fifo"}  # fmt: skip
        events.append(json.dumps({"Records": [record]}))
    # The recording has the last one twice, as it does where a batch failed: the queue knows it already.
    (folder / "fifo.jsonl").write_text("\n".join([*events, events[-1]]))
    done = run(folder, "replay", "fifo.jsonl", "--function", "groups.py:handler", "--out", "out.jsonl")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "note: jobs.fifo had 1 message already, by its deduplication id, and took none of them again"
        in done.stdout
    )
    records = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert sum(record["kind"] == "message.deduplicated" for record in records) == 1
    printed = "".join(record["text"] for record in records if record["kind"] == "output.captured")
    got = [line.split("GOT ")[1] for line in printed.splitlines() if "GOT " in line]
    assert [line for line in got if line.startswith("a")] == ["a 0 d0", "a 2 d2"]
    assert [line for line in got if line.startswith("b")] == ["b 1 d1", "b 3 d3"]


def test_validate_counts_what_is_declared_and_places_what_is_wrong(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(PROJECT.format(handler="accepts", visibility=30))
    ran = run(folder, "validate")
    assert (ran.returncode, ran.stdout) == (0, "ok: 1 function, 2 queues, 1 event source mapping\n")
    (folder / "lambdarun.toml").write_text(PROJECT.format(handler="accepts", visibility=3))
    ran = run(folder, "validate")
    assert ran.returncode == 3
    assert ran.stderr.startswith(
        "lambdarun: error: lambdarun.toml:10:1: event_source_mappings.jobs: Queue visibility"
    )


def test_validate_warns_of_a_handler_whose_module_is_not_there(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text(
        "[functions.f]\nhandler = 'ap.handler'\n[functions.g]\nhandler = 'json.loads'\n"
    )
    ran = run(folder, "validate")
    assert ran.returncode == 0
    (said,) = ran.stderr.splitlines()
    assert said.startswith(
        "lambdarun: warning: lambdarun.toml:1:1: functions.f.handler: there is no module 'ap' in "
    )
    assert said.endswith('Did you mean "app"?')


def test_a_wrong_project_file_is_exit_3(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text("[functions.f]\nhandler = 'a.b'\ntimeout = 901\n")
    ran = run(folder, "validate")
    assert ran.returncode == 3
    assert (
        ran.stderr
        == "lambdarun: error: lambdarun.toml:3:1: functions.f.timeout: 901 is above 900 s (AWS's limit). Choose 1 to 900.\n"
    )


def test_settings_know_their_origin(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text("[settings]\nspeed = '1x'\n")
    shown = json.loads(run(folder, "config", "show", "-o", "json", LAMBDARUN_SEED="5").stdout)["settings"]
    assert shown["seed"] == {"value": 5, "origin": "LAMBDARUN_SEED"}
    assert shown["speed"] == {"value": "1x", "origin": "lambdarun.toml"}
    assert shown["durations"] == {"value": "declared", "origin": "default"}
    assert run(folder, "config", "show", LAMBDARUN_SEED="x").returncode == 2


def test_usage(folder: Path) -> None:
    assert run(folder, "--version").stdout.startswith("lambdarun 0.")
    listed = run(folder, "-h").stdout
    assert all(name in listed for name in ("invoke", "replay", "list", "validate", "config"))
    assert run(folder, "inovke").returncode == 2
    assert run(folder, "replay").returncode == 2
    ran = run(folder, "invoke", "app.returns", "-q")
    assert ran.returncode == 2
    assert "-q stands before the command: lambdarun -q ..." in ran.stderr
    assert run(folder, "replay", "s3.json").returncode == 2
    assert run(folder, "replay", "nowhere.json", "--function", "app.py:returns").returncode == 2


def test_whoever_stops_reading_changes_no_exit_code_and_a_full_disk_is_told(folder: Path) -> None:
    command = f"{sys.executable} -m lambdarun replay s3.json --function app.py:returns"
    ran = subprocess.run(
        ["bash", "-c", f"{command} | true; exit ${{PIPESTATUS[0]}}"], cwd=folder, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    ran = subprocess.run(
        ["bash", "-c", f"{command} > /dev/full"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 5
    assert ran.stderr == "lambdarun: error: standard output cannot be written: No space left on device.\n"


def test_debug_adds_the_traceback_and_keeps_message_and_exit_code(folder: Path) -> None:
    ran = run(folder, "--debug", "replay", "nowhere.json", "--function", "app.py:returns")
    assert ran.returncode == 2
    assert ran.stderr.startswith("Traceback")
    assert "\nlambdarun: error: nowhere.json: there is no such recording." in ran.stderr


def test_colour_obeys_its_conventions(folder: Path) -> None:
    command = ("replay", "s3.json", "--function", "app.py:returns")
    assert "\x1b[" not in run(folder, *command).stdout
    assert "\x1b[" in run(folder, *command, FORCE_COLOR="1").stdout
    assert "\x1b[" in run(folder, "--color", "always", *command).stdout
    assert "\x1b[" not in run(folder, *command, NO_COLOR="1", FORCE_COLOR="1").stdout


def test_no_short_flag_is_used_twice() -> None:
    import click

    from lambdarun.cli.main import group

    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        flags = [
            flag
            for parameter in command.params
            for flag in parameter.opts
            if len(flag) == 2 and flag[0] == "-"
        ]
        assert len(flags) == len(set(flags))


def test_help_imports_neither_trio_nor_the_model(folder: Path) -> None:
    code = (
        "import sys\nfrom lambdarun.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'trio', 'cattrs', 'structlog', 'lambdarun.model.region'} & set(sys.modules)\n"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, check=False).returncode
        == 0
    )


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
def test_a_file_of_node_js_is_a_function_on_its_own(tmp_path: Path) -> None:
    source = "export const handler = async (event) => { console.log('says'); return event }\n"
    (tmp_path / "index.mjs").write_text(source)
    done = run(tmp_path, "invoke", "index.mjs:handler", "-e", '{"a": 1}')
    assert (done.returncode, done.stdout) == (0, '{"a":1}\n')
    assert "INIT_START Runtime Version: nodejs:20.lambdarun\t" in done.stderr
    assert "\tINFO\tsays\n" in done.stderr
