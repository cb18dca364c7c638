"""Every flag of `lambdarun invoke` does something that a user can see."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from tests.faces.command import run

HANDLERS = """
import os, sys
def seen(event, context):
    print("printed")
    client = context.client_context
    return {
        "event": event, "memory": context.memory_limit_in_mb, "arn": context.invoked_function_arn,
        "seconds": -(-context.get_remaining_time_in_millis() // 1000), "custom": client and client.custom,
        "env": {k: v for k, v in os.environ.items() if k.startswith("MY_")},
    }
N = 0
def counts(event, context):
    global N
    N += 1
    return N
def fails(event, context): raise ValueError("no")
def raw(event, context): return b"\\xc3\\xbc no json"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLERS)
    return tmp_path


def seen(folder: Path, *flags: str, **environ: str) -> dict[str, object]:
    ran = run(folder, "-q", "invoke", "app.seen", *flags, **environ)
    assert (ran.returncode, ran.stderr) == (0, "")
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


def test_timeout_memory_and_variables_reach_the_handler(folder: Path) -> None:
    (folder / "vars").write_text(
        "MY_FILE=1\n\n# a remark\nexport MY_BOTH='of the file'\nMY_EMPTY=\nMY_URL=a=b\n"
    )
    found = seen(
        folder, "--timeout", "77", "--memory", "1769", "--env", "MY_FLAG=2", "--env", "MY_BOTH=of the flag",
        "--env-file", "vars",
    )  # fmt: skip
    assert (found["seconds"], found["memory"]) == (77, "1769")
    assert found["env"] == {
        "MY_FILE": "1", "MY_FLAG": "2", "MY_BOTH": "of the flag", "MY_EMPTY": "", "MY_URL": "a=b",
    }  # fmt: skip
    assert (seen(folder)["seconds"], seen(folder)["memory"]) == (3, "128")


def test_a_client_context_is_json_or_its_base64(folder: Path) -> None:
    text = '{"custom": {"a": [1]}}'
    for given in (text, base64.b64encode(text.encode()).decode()):
        assert seen(folder, "--client-context", given)["custom"] == {"a": [1]}
    assert seen(folder)["custom"] is None


@pytest.mark.parametrize("kind", ["Event", "DryRun"])
def test_a_client_context_that_no_handler_would_see_is_refused(folder: Path, kind: str) -> None:
    ran = run(folder, "invoke", "app.seen", "--client-context", "{}", "--invocation-type", kind)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"--client-context reaches no handler with --invocation-type {kind}" in ran.stderr


def test_the_qualifier_is_resolved_for_every_invocation_type(folder: Path) -> None:
    assert str(seen(folder, "--qualifier", "$LATEST")["arn"]).endswith(":function:app:$LATEST")
    for kind in ("RequestResponse", "Event", "DryRun"):
        ran = run(folder, "-q", "invoke", "app.seen", "--qualifier", "live", "--invocation-type", kind)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr == (
            "lambdarun: error: ResourceNotFoundException (404): Function not found:"
            " arn:aws:lambda:us-east-1:123456789012:function:app:live\n"
        )


def test_repeat_invokes_in_one_warm_environment(folder: Path) -> None:
    ran = run(folder, "invoke", "app.counts", "--repeat", "3")
    assert ran.stdout == "1\n2\n3\n"
    assert [ran.stderr.count(word) for word in ("INIT_START", "START Req", "REPORT", "Init Duration")] == [
        1,
        3,
        3,
        1,
    ]


def test_repeated_events_are_told_each_with_its_own_attempts(folder: Path) -> None:
    ran = run(folder, "invoke", "app.fails", "--invocation-type", "Event", "--repeat", "2", "-l", "log")
    told = re.findall(r"event (\S+) ended as RetriesExhausted; attempts at 0 s, 60 s, 180 s \(", ran.stderr)
    assert (ran.returncode, len(set(told))) == (1, 2)


def test_the_log_goes_to_its_file_and_else_to_standard_error(folder: Path) -> None:
    there = run(folder, "invoke", "app.seen", "-l", "log")
    here = run(folder, "invoke", "app.seen")
    assert there.stderr == ""
    lines = (folder / "log").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["INIT_START", "START", "printed", "END", "REPORT"]
    assert [line.split()[0] for line in here.stderr.splitlines()] == [line.split()[0] for line in lines]
    assert there.stdout == here.stdout
    quiet = run(folder, "-q", "invoke", "app.seen")
    assert (quiet.stdout, quiet.stderr) == (here.stdout, "")
    missing = run(folder, "invoke", "app.seen", "-l", "no/folder/log")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert (
        missing.stderr == "lambdarun: error: no/folder/log: cannot be written: No such file or directory.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "wanted"),
    [
        (["app.seen"], 0, {"statusCode": 200, "executedVersion": "$LATEST", "functionError": None}),
        (["app.fails"], 1, {"statusCode": 200, "functionError": "Unhandled"}),
        (["app.raw"], 0, {"statusCode": 200, "payload": "ü no json"}),
        (["app.seen", "--invocation-type", "DryRun"], 0, {"statusCode": 204, "payload": None}),
        (["app.seen", "--invocation-type", "Event"], 0, {"statusCode": 202, "payload": None}),
        (["app.seen", "--qualifier", "7"], 1, {"statusCode": 404, "error": "ResourceNotFoundException"}),
    ],
    ids=["ok", "fails", "raw", "dry run", "event", "refused"],
)
def test_output_as_json_is_one_object_with_awss_answer(
    folder: Path, arguments: list[str], code: int, wanted: dict[str, object]
) -> None:
    ran = run(folder, "-q", "invoke", *arguments, "-o", "json")
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["schema"]) == (code, 1)
    assert wanted.items() <= told.items()
    assert ran.stdout.count("\n") == 1


def test_bytes_that_are_no_json_are_printed_as_they_are(folder: Path) -> None:
    assert run(folder, "-q", "invoke", "app.raw").stdout == "ü no json\n"


def test_no_fail_changes_the_exit_code_alone(folder: Path) -> None:
    failing = run(folder, "-q", "invoke", "app.fails")
    lenient = run(folder, "-q", "invoke", "app.fails", "--no-fail")
    assert (failing.returncode, lenient.returncode) == (1, 0)
    assert failing.stdout == lenient.stdout
    assert json.loads(failing.stdout)["errorType"] == "ValueError"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--timeout", "0"], "--timeout: 0 is below 1 s"),
        (["--timeout", "901"], "--timeout: 901 is above 900 s"),
        (["--memory", "127"], "--memory: 127 is below 128 MB"),
        (["--memory", "10241"], "--memory: 10241 is above 10240 MB"),
        (["--env-file", "nowhere"], "nowhere: cannot be read: No such file or directory."),
        (["--env-file", "app.py"], "app.py:2: 'import os, sys' sets nothing."),
        (["--repeat", "0"], "--repeat"),
        (["--invocation-type", "Later"], "'Later' is not one of"),
        (["--layers", "x"], "No such option"),
    ],
)
def test_a_flag_that_cannot_be_is_exit_2_and_says_why(folder: Path, flags: list[str], said: str) -> None:
    ran = run(folder, "invoke", "app.seen", *flags)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not [path.name for path in folder.iterdir() if path.name not in ("app.py", "__pycache__")]


def test_the_seed_of_the_environment_chooses_the_request_id(folder: Path) -> None:
    ids = [
        json.loads(run(folder, "-q", "invoke", "app.counts", "-o", "json", LAMBDARUN_SEED=seed).stdout)[
            "requestId"
        ]
        for seed in ("1", "1", "2")
    ]
    assert ids[0] == ids[1] != ids[2]
