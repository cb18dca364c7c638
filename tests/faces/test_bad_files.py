"""Event files that are not what they should be: exit 2, with file, line, column, what was seen and what was expected."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.faces.command import run

VALUE = "is not JSON: Expecting value. Mend the event there."
BAD = {
    "cut.json": (b'{"a": 1,\n "b": [1, 2', "cut.json:2:12: is not JSON: Expecting ',' delimiter."),
    "wrong.json": (b'{"a": 1,\n "b": nope}', "wrong.json:2:7: is not JSON: Expecting value."),
    "empty.json": (b"", "empty.json: is empty."),
    "blank.json": (b" \n\n", "blank.json: is empty."),
    "deep.json": (b"[" * 9_000 + b"]" * 9_000, "deep.json:1:1001: is not JSON: nested more than 1000 deep."),
    "text.json": (b"hello there\n", f"text.json:1:1: {VALUE}", "text.json:1:1: is not JSON: it begins with 'hello there'."),
    "latin.json": (b'{"a": "\xfc"}', "is not UTF-8 (byte 7)."),
    "archive.zip": (b"PK\x03\x04\x14\x00\xff\xfe", "is not UTF-8"),
    "page.html": (b"<html></html>", f"page.html:1:1: {VALUE}", "page.html:1:1: is not JSON: it begins with '<html></html>', as XML or HTML does."),
    "table.csv": (b"time,body\n1,2\n", f"table.csv:1:1: {VALUE}", "table.csv:1:1: is not JSON: it begins with 'time,body'."),
}  # fmt: skip
"""What stands in the file, and what each command says; once where `invoke` and `replay` say the same."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text("def handler(e, c): return e\n")
    for name, (data, *_) in BAD.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.mark.parametrize("name", sorted(BAD))
@pytest.mark.parametrize("command", [["invoke", "app.handler", "-e"], ["replay", "--function", "app.handler"]],
                         ids=["invoke", "replay"])  # fmt: skip
def test_a_bad_file_is_told_with_its_place(folder: Path, command: list[str], name: str) -> None:
    ran = run(folder, *command, name)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"lambdarun: error: {name}")
    _, *said = BAD[name]
    assert said[0 if command[0] == "invoke" else -1] in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("cut.jsonl", b'{"a": 1}\n{"b":\n{"c": 1}\n', "cut.jsonl:2:6: is not JSON: Expecting value. Each line"),
        ("last.jsonl", b'{"a": 1}\n{"b": 1}\n{"c"', "last.jsonl:3:5: is not JSON: Expecting ':' delimiter."),
        ("array.json", b'[{"a": 1},\n {"b": 2}', "array.json:2:10: is not JSON: Expecting ',' delimiter."),
        ("keys.jsonl", b'{"time": "2026-01-01T00:00:00Z", "event": {}, "evnet": 1}\n', 'keys.jsonl: evnet: a timed line has no such key. Did you mean "event"?'),
        ("time.jsonl", b'{"time": "yesterday", "event": {}}\n', 'time.jsonl: time: "yesterday" is no time. Write ISO 8601'),
        ("cut.json.gz", gzip.compress(b'{"a": 1}' * 50, mtime=0)[:-9], "cut.json.gz: cannot be unpacked: Compressed file ended before the end"),
        ("noise.json.gz", b"\x1f\x8b\x08\x00garbage", "noise.json.gz: cannot be unpacked: "),
    ],
)  # fmt: skip
def test_a_bad_recording_is_told_with_its_line(folder: Path, name: str, data: bytes, said: str) -> None:
    (folder / name).write_bytes(data)
    ran = run(folder, "replay", name, "--function", "app.handler", "--out", "out.jsonl")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert not (folder / "out.jsonl").exists()
    assert not list(folder.glob(".*partial"))


def test_an_event_over_the_limit_has_awss_text_and_counts_once(folder: Path) -> None:
    large = {"Records": [{"eventSource": "aws:s3", "filler": "y" * 1_100_000}]}
    small = {"Records": [{"eventSource": "aws:s3"}]}
    (folder / "large.jsonl").write_text(f"{json.dumps(large)}\n{json.dumps(small)}\n")
    ran = run(folder, "replay", "large.jsonl", "--function", "app.handler", "-o", "json")
    summary = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert summary["failed_for_good"] == 1
    (undelivered,) = summary["undelivered"]
    assert undelivered["count"] == 1
    assert undelivered["places"] == ["large.jsonl:1"]
    assert (
        "byte payload is too large for the Event invocation type (limit 1048576 bytes)"
        in undelivered["reason"]
    )
    assert summary["functions"]["app"]["settled"] == 1
    (folder / "huge.json").write_text(json.dumps("z" * 6_300_000))
    ran = run(folder, "-q", "invoke", "app.handler", "-e", "huge.json")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        "lambdarun: error: RequestEntityTooLargeException (413): 6300002 byte payload is too large for the"
        " RequestResponse invocation type (limit 6291456 bytes)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["invoke", "zzz"], 4, "there is no function 'zzz'."),
        (["invoke"], 4, "name a function."),
        (["replay", "cut.json", "--function", "thumbnial"], 4, "Did you mean thumbnail?"),
        (["replay", "wrnog.json"], 2, "Did you mean wrong.json"),
        (["replay", "app.py"], 2, "app.py:1:1: is not JSON: it begins with 'def handler(e, c): return e'."),
        (["--config", "nowhere.toml", "list"], 2, "nowhere.toml: there is no such project file."),
    ],
)
def test_what_is_not_there_names_its_neighbours(
    folder: Path, arguments: list[str], code: int, said: str
) -> None:
    (folder / "lambdarun.toml").write_text(
        '[functions.thumbnail]\nhandler = "app.handler"\n[functions.orders]\nhandler = "app.handler"\n'
    )
    ran = run(folder, *arguments)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_characters_that_no_encoding_has_are_told_in_another_way(folder: Path) -> None:
    (folder / "lambdarun.toml").write_text('[queues."orders.fifo"]\n')
    line = {"queue": "orders.fifo", "body": "b", "message_group_id": "\ud800"}
    (folder / "odd.jsonl").write_text(json.dumps(line))
    ran = run(folder, "replay", "odd.jsonl", "--function", "app.handler")
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "Value \\ud800 for parameter MessageGroupId is invalid." in ran.stdout
