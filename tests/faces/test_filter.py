"""`lambdarun filter test`: the verdict on standard output and as an exit code, and why."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.faces.command import run

OPEN = json.dumps({"body": {"state": ["open"]}})


def message(identity: str, body: Any) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": identity, "eventSource": "aws:sqs", "body": text}


QUEUE_EVENT = json.dumps(
    {"Records": [message("m-1", {"state": "open"}), message("m-2", {"state": "shut"}), message("m-3", "hi")]}
)


def test_each_record_of_an_event_is_told(tmp_path: Path) -> None:
    ran = run(tmp_path, "filter", "test", "--pattern", OPEN, "--event", QUEUE_EVENT)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == [
        "record 1 (m-1): match",
        'record 2 (m-2): no match: body.state is "shut"',
        "record 3 (m-3): no match: body is no JSON object, and the pattern looks into it",
        "1 of 3 records match",
    ]


def test_patterns_and_events_are_files_as_well(tmp_path: Path) -> None:
    (tmp_path / "pattern.json").write_text('{"detail": {"state": ["running"], "code": [{"exists": false}]}}')
    (tmp_path / "event.json").write_text('{"source": "aws.ec2", "detail": {"state": "stopped", "code": 3}}')
    ran = run(tmp_path, "filter", "test", "--pattern", "pattern.json", "-e", "event.json")
    assert ran.returncode == 1
    assert (
        ran.stdout == 'event: no match: detail.code is 3, and may not be there, detail.state is "stopped"\n'
    )


def test_several_patterns_are_alternatives(tmp_path: Path) -> None:
    patterns = ["-p", '{"a": [1]}', "-p", '{"b": [{"prefix": "x"}]}']
    ran = run(tmp_path, "filter", "test", *patterns, "-e", '{"b": "xy"}')
    assert (ran.returncode, ran.stdout) == (0, "event: match (pattern 2)\n")
    ran = run(tmp_path, "filter", "test", *patterns, "-e", '{"b": {"c": 1}}')
    assert ran.returncode == 1
    assert ran.stdout.splitlines() == [
        "event: no match",
        "  pattern 1: a is missing",
        "  pattern 2: b is an object, not a value",
    ]


def test_a_stream_of_kinesis_is_looked_at_decoded(tmp_path: Path) -> None:
    data = base64.b64encode(b'{"temperature": 31}').decode()
    event = {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": data, "partitionKey": "p"}}]}
    pattern = '{"data": {"temperature": [{"numeric": [">", 30]}]}, "partitionKey": ["p"]}'
    ran = run(tmp_path, "filter", "test", "-p", pattern, "-e", json.dumps(event), "-o", "json")
    assert ran.returncode == 0
    assert json.loads(ran.stdout) == {
        "schema": 1,
        "source": "kinesis",
        "matches": True,
        "records": [{"record": "record 1", "matches": True, "patterns": [1], "why_not": []}],
    }


def test_a_pattern_comes_from_standard_input(tmp_path: Path) -> None:
    ran = run(tmp_path, "filter", "test", "-p", "-", "-e", '{"a": 1}', stdin='{"a": [1.0]}')
    assert (ran.returncode, ran.stdout) == (0, "event: match\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["-p", '{"body": {"state": "open"}}', "-e", QUEUE_EVENT],
            '<pattern>:1:20: Invalid filter pattern definition. "state" must be an object or an array. It stands at'
            " body.state.",
        ),
        (
            ["-p", '{"detail": {"state": [}', "-e", "{}"],
            "<pattern>:1:23: Event pattern is not valid. Reason: Unexpected character ('}' (code 125)): expected a valid value",
        ),
        (
            ["-p", '{"detail": {"a": [{"EXISTS": true}]}}', "-e", "{}"],
            "Reason: Unrecognized match type EXISTS. It stands at detail.a[0].",
        ),
        (
            ["-p", json.dumps({"a": ["x" * 4100]}), "-e", "{}"],
            "it has 4,111 characters: AWS takes at most 4,096.",
        ),
        (["-p", "nowhere.json", "-e", "{}"], "nowhere.json: there is no such pattern file."),
        (["-p", "", "-e", "{}"], "-p: there is no such pattern file."),
        (["-p", OPEN, "-e", "{"], "<event>:1:2: is not JSON: "),
        (["-p", OPEN, "-e", "[]"], "an event is a JSON object, not []."),
        (["-p", "-", "-e", "-"], "standard input is one thing: the event or one pattern."),
        (["-p", OPEN, "-e", '{"Records": 3}', "--source", "sqs"], "Records is no list of records"),
        (
            ["-p", '{"data": ["x"]}', "-e", "{}", "--source", "kinesis"],
            '"data" is JSON and must be an object of keys, not a plain string. It stands at data.',
        ),
    ],
)
def test_what_cannot_be_tried_ends_with_2_and_its_place(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    ran = run(tmp_path, "filter", "test", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr


def test_event_buses_operators_are_a_switch(tmp_path: Path) -> None:
    pattern = '{"body": {"path": [{"wildcard": "/img/*.png"}]}}'
    event = json.dumps(message("m", {"path": "/img/a.png"}))
    ran = run(tmp_path, "filter", "test", "-p", pattern, "-e", event)
    assert ran.returncode == 2
    assert "wildcard is for event buses: event source mappings take it only with all_operators." in ran.stderr
    ran = run(tmp_path, "filter", "test", "-p", pattern, "-e", event, "--all-operators")
    assert (ran.returncode, ran.stdout) == (0, "record (m): match\n")


def test_a_key_that_stands_twice_is_told(tmp_path: Path) -> None:
    ran = run(tmp_path, "filter", "test", "-p", '{"a": [1], "a": [2]}', "-e", '{"a": 2}')
    assert (ran.returncode, ran.stdout) == (0, "event: match\n")
    assert ran.stderr == "lambdarun: warning: <pattern>: a stands there twice: AWS takes the last.\n"
