"""The project file: what it takes, and what it says of what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdarun.errors import ProjectErrors, UnknownFunctionError
from lambdarun.model.cpu import Cpu
from lambdarun.model.declarations import Project
from lambdarun.project.find import find
from lambdarun.project.lone_handler import lone_function, resolve
from lambdarun.project.project_file import load, load_all

GOOD = """
[account]
concurrent_executions = 500
region = "eu-central-1"

[functions.thumbnail]
handler = "app.handler"
code_uri = "code"
timeout = 30
memory_size = 512
cpu = "scaled"
reserved_concurrent_executions = 5
environment = { TABLE = "orders" }
duration = { p50 = "40ms", p99 = "400ms" }
init_duration = "250ms"
async = { maximum_retry_attempts = 1, maximum_event_age_in_seconds = 600 }

[queues.orders]
visibility_timeout = 180
redrive_policy = { dead_letter_target = "queues.orders-dead", max_receive_count = 5 }

[queues.orders-dead]

[event_source_mappings.orders]
event_source = "queues.orders"
function = "thumbnail"
batch_size = 10
function_response_types = ["ReportBatchItemFailures"]

[routes]
s3 = "thumbnail"
"arn:aws:sns:*:alerts" = "thumbnail"

[settings]
seed = 7
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "code").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "lambdarun.toml"


def findings(path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProjectErrors) as told:
        load(path)
    return [str(finding) for finding in told.value.findings]


def test_everything_declared_is_there(write: Path) -> None:
    write.write_text(GOOD)
    loaded = load_all(write)
    project = loaded.project
    function = project.functions["thumbnail"]
    assert function.timeout == 30
    assert function.cpu is Cpu.SCALED
    assert function.code_uri == write.parent / "code"
    assert function.duration is not None
    assert (function.duration.p50, function.duration.p99) == (40_000, 400_000)
    assert function.init_duration == 250_000
    assert function.asynchronous.maximum_retry_attempts == 1
    assert project.account.region == "eu-central-1"
    assert project.queues["orders"].redrive_policy is not None
    assert project.mappings["orders"].report_batch_item_failures
    assert {route.key for route in project.routes} == {"s3", "arn:aws:sns:*:alerts"}
    assert loaded.settings.seed == 7


def test_awss_defaults_hold_for_what_is_not_said(write: Path) -> None:
    write.write_text('[functions.f]\nhandler = "app.h"\ncode_uri = "code"\n[queues.q]\n')
    project = load(write)
    function, queue = project.functions["f"], project.queues["q"]
    assert (function.timeout, function.memory_size, function.reserved_concurrent_executions) == (3, 128, None)
    assert function.asynchronous.maximum_retry_attempts == 2
    assert function.asynchronous.maximum_event_age_in_seconds == 21_600
    assert (queue.visibility_timeout, queue.message_retention_period, queue.maximum_message_size) == (
        30,
        345_600,
        1_048_576,
    )


def test_a_value_out_of_bounds_names_line_column_limit_and_choice(write: Path) -> None:
    text = '[functions.thumbnail]\nhandler = "app.h"\ncode_uri = "code"\ntimeout = 901\n'
    assert findings(write, text) == [
        "lambdarun.toml:4:1: functions.thumbnail.timeout: 901 is above 900 s (AWS's limit). Choose 1 to 900."
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[functions.f]\nhandler = 'a.b'\ntimeot = 3\n", 'lambdarun.toml:3:1: functions.f.timeot: no such setting. Did you mean "timeout"?'),
        ("[functions.f]\nhandler = 'a.b'\nasync = { on_failure = 'queues.q' }\n", "lambdarun.toml:3:11: functions.f.async.on_failure: is AWS's, but not built yet."),
        ("[functions.f]\nhandler = 'a.b'\nruntime = 'java21'\n", 'lambdarun.toml:3:1: functions.f.runtime: "java21" is AWS\'s, but not built yet.'),
        ("[functions.f]\nhandler = 'a.b'\nruntime = 'go1.x'\n", "functions.f.runtime: The runtime parameter of go1.x is no longer supported for creating or updating AWS Lambda functions."),
        ("[functions.f]\nhandler = 'a.b'\nruntime = 'python3.6'\n", "The runtime parameter of python3.6 is no longer supported"),
        ("[functions.f]\nhandler = 'a.b'\nruntime = 'PYTHON3.9'\n", "Value PYTHON3.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, python3.14, "),
        ("[functions.f]\nhandler = 'a.b'\nruntime = 'python3.8'\n", '"python3.8" is too old to run here. Write "python3.9" or a later one.'),
        ("[settings]\ninterpreters = { 'python3.12' = '/no/where' }\n", 'settings.interpreters."python3.12": there is no program "/no/where".'),
        ("[settings]\ninterpreters = { ruby = '/bin/sh' }\n", "settings.interpreters.ruby: is no runtime that an interpreter runs."),
        ("[functions.f]\nhandler = 'a.b'\ntimeout = '3'\n", "lambdarun.toml:3:1: functions.f.timeout: \"3\" is no whole number."),
        ("[functions.f]\nhandler = 'a.b'\nmemory_size = true\n", "functions.f.memory_size: true is no whole number."),
        ("[functions.f]\nhandler = 'a.b'\ncpu = 'half'\n", 'lambdarun.toml:3:1: functions.f.cpu: "half" is no share. Write "full" or "scaled" (by memory_size).'),
        ("[functions.f]\nhandler = 'a b.c'\n", "lambdarun.toml:2:1: functions.f.handler: 'a b.c' is no handler."),
        (f"[functions.f]\nhandler = '{'a' * 127}.b'\n", "without spaces, at most 128 characters."),
        ("[queues.q]\n[functions.f]\nhandler = 'a.b'\n[event_source_mappings.m]\nevent_source = 'queues.q'\nfunction = 'g'\n", "there is no function 'g'. Function does not exist."),
        ("[functions.f]\nhandler = 3\n", "functions.f.handler: 3 is no text."),
        ("[functions.f]\ncode_uri = '.'\n", "lambdarun.toml:1:1: functions.f: has no handler."),
        ("[functions.f]\nhandler = 'a.b'\ncode_uri = 'nowhere'\n", "lambdarun.toml:3:1: functions.f.code_uri: there is no folder"),
        ("[functions.f]\nhandler = 'a.b'\nduration = 3\n", "functions.f.duration: 3 is no duration."),
        ("[functions.f]\nhandler = 'a.b'\n[functions.f.environment]\nAWS_REGION = 'x'\n", "reserved keys that are currently not supported"),
        ("[functions.f]\nhandler = 'a.b'\nengine = 'fast'\n", 'lambdarun.toml:3:1: functions.f.engine: "fast" is no engine. Write "builtin" or "ric".'),
        ("[functions.f]\nhandler = 'a.b'\nruntime = 'nodejs20.x'\nengine = 'ric'\n", "functions.f.engine: is for Python's runtimes alone. Leave it out."),
        ("[functions.f]\nhandler = 'a.b'\nruntime = 3\n", "functions.f.runtime: is no text."),
        (f"[functions.f]\nhandler = 'a.b'\nenvironment = {{ LONG = '{'x' * 4_086}' }}\n", "(4097 bytes, at most 4096)"),
        ("[functions.f]\nhandler = 'a.b'\nenvironment = { A = 'x' }\n", "functions.f.environment.A: is no name for a variable."),
        (f"[functions.f]\nhandler = 'a.b'\nenvironment = {{ LONG = '{'x' * 4096}' }}\n", "exceeded the 4KB limit. String measured: {\"LONG\":\"xx"),
        ("[queues.q]\nredrive_policy = { dead_letter_target = 'queues.z', max_receive_count = 5 }\n", "there is no queue 'z'."),
        ("[queues.q]\nredrive_policy = { max_receive_count = 5 }\n", "names no dead_letter_target."),
        ("[event_source_mappings.m]\nevent_source = 'queues.q'\nfunction = 'f'\n", "lambdarun.toml:2:1: event_source_mappings.m.event_source: there is no queue 'q'."),
        ("[functions.thumbnail]\nhandler = 'a.b'\n[routes]\ns3 = 'thumbnial'\n", 'routes.s3: there is no function \'thumbnial\'. Did you mean "thumbnail"?'),
        ("[settings]\nspeed = 'fast'\n", '"fast" is none of max, 1x, 10x.'),
        ("[functions\n", "lambdarun.toml:1:11: TOML: Expected ']' at the end of a table declaration. Mend the syntax."),
        ("[functions.f]\nhandler = 'a.b'\nhandler = 'a.c'\n", "TOML: Cannot overwrite a value. Delete one of the two."),
        ("[functions.f]\nhandler = ' '\n", "functions.f.handler: ' ' is no handler."),
        ("[functions.f]\nhandler = 'a.b'\ncode_uri = 3\n", "functions.f.code_uri: 3 is no text."),
        ("[functions.f]\nhandler = 'a.b'\nduration = { p99 = '1s' }\n", "functions.f.duration: has no p50."),
        ("[functions.f]\nhandler = 'a.b'\nasync = 3\n", "functions.f.async: is no table. Write [functions.f.async]."),
        ("[functions.'a b']\nhandler = 'a.b'\n", "functions.\"a b\": 'a b' is no function name."),
        ("[functions.f]\nhandler = 'a.b'\nenvironment = { AB = \"x\\u0000y\" }\n", "functions.f.environment.AB: has a NUL character"),
        ("[[event_source_mappings]]\nfunction = 'f'\n", "is no table. Write [event_source_mappings.NAME]."),
        ("[event_source_mappings]\nm = 3\n", "event_source_mappings.m: is no table. Write [event_source_mappings.m]."),
        ("[event_source_mappings.m]\nevent_source = ['q']\nfunction = 'f'\n", "['q'] is no reference to queues."),
        ("[functions.f]\nhandler = 'a.b'\n[routes]\ns33 = 'f'\n", 'routes.s33: no service has this name. Did you mean "s3"?'),
        ("[account]\naccount_id = '5'\n", "account.account_id: '5' is no account. Write its 12 digits in quotes."),
        ("[account]\nregion = 'mars'\n", "account.region: 'mars' is no Region."),
        ("settings = 3\n", "settings: is no table. Write [settings]."),
        ("queues = 3\nfunctions = []\n", "queues: is no table. Write [queues]."),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_its_remedy(write: Path, text: str, said: str) -> None:
    assert any(said in finding for finding in findings(write, text))


def test_all_findings_are_told_at_once(write: Path) -> None:
    text = "[functions.f]\nhandler = 'a.b'\ntimeout = 0\n[functions.g]\nhandler = 'a.b'\nmemory_size = 1\n[queues.q]\nvisibility = 3\n"
    assert len(findings(write, text)) == 3


def test_findings_stand_in_the_order_of_the_file_each_once(write: Path) -> None:
    text = "[account]\naccount_id = 5\nconcurrent_executions = 0\n[functions.f]\nhandler = 'a.b'\nmemory_size = 1\ntimeout = 'x'\n"
    lines = [finding.split(":")[1] for finding in findings(write, text)]
    assert lines == ["2", "3", "6", "7"]
    assert len(findings(write, "event_source_mappings = 3\n")) == 1


def test_a_byte_order_mark_and_carriage_returns_are_nothing_to_speak_of(write: Path) -> None:
    write.write_bytes(b"\xef\xbb\xbf[functions.f]\r\nhandler = 'a.b'\r\ntimeout = 901\r\n")
    with pytest.raises(ProjectErrors, match=r"^lambdarun\.toml:3:1: functions\.f\.timeout"):
        load(write)
    write.write_bytes(b"# one\n\xff\n")
    with pytest.raises(
        ProjectErrors, match=r"^lambdarun\.toml:2: file: is not UTF-8 \(byte 6\)\. Save it as UTF-8\.$"
    ):
        load(write)


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("[tool.lambdarun]\n", True),
        ("tool.lambdarun.functions.f.handler = 'a.b'\n", True),
        ("[tool]\nlambdarun = 3\n", True),
        ("[tool.lambdarun\n", True),
        ("[tool.lambdarunner]\nx = 1\n", False),
        ("tool = 3  # [tool.lambdarun]\n", False),
        ("x = 'lambdarun'\n", False),
    ],
)
def test_a_pyproject_is_ours_where_it_has_our_table(write: Path, text: str, ours: bool) -> None:
    path = write.with_name("pyproject.toml")
    path.write_text(text)
    assert (find(write.parent) == path) is ours


def test_our_table_in_pyproject_must_be_one(write: Path) -> None:
    path = write.with_name("pyproject.toml")
    path.write_text("[tool]\nlambdarun = 3\n")
    with pytest.raises(ProjectErrors, match=r"pyproject\.toml:2:1: tool\.lambdarun: is no table"):
        load(path)


@pytest.mark.parametrize("name", ["app.py", "app.py:", "src/app.py", ":handler"])
def test_a_file_alone_is_no_handler(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownFunctionError, match=r"write path/to/app\.py:handler"):
        resolve(name, None, tmp_path)


def test_pyproject_has_a_table_of_its_own(write: Path) -> None:
    path = write.with_name("pyproject.toml")
    path.write_text('[tool.lambdarun.functions.f]\nhandler = "a.b"\ntimeout = 901\n')
    assert find(write.parent / "code") == path
    with pytest.raises(ProjectErrors) as told:
        load(path)
    assert str(told.value).startswith("pyproject.toml:3:1: functions.f.timeout")


def test_the_project_file_is_found_from_below(write: Path) -> None:
    write.write_text("")
    assert find(write.parent / "code") == write


@pytest.mark.parametrize(
    ("name", "code", "handler", "function"),
    [
        ("src/app.py:handler", "src", "app.handler", "app"),
        ("app.py:h", "", "app.h", "app"),
        ("pkg.mod.handler", "", "pkg.mod.handler", "mod"),
    ],
)
def test_a_handler_is_a_project_of_its_own(
    tmp_path: Path, name: str, code: str, handler: str, function: str
) -> None:
    project = lone_function(name, folder=tmp_path)
    found = project.functions[function]
    assert (found.handler, found.code_uri, found.timeout) == (handler, tmp_path / code, 3)


def test_an_unknown_function_names_its_neighbours(write: Path) -> None:
    write.write_text(GOOD)
    with pytest.raises(UnknownFunctionError, match="Did you mean thumbnail"):
        resolve("thumbnial", load(write), write.parent)
    with pytest.raises(UnknownFunctionError, match="There is no project file here"):
        resolve("nobody", None, write.parent)


def test_the_only_function_needs_no_name(write: Path) -> None:
    write.write_text(GOOD)
    assert resolve(None, load(write), write.parent)[1].name == "thumbnail"
    with pytest.raises(UnknownFunctionError):
        resolve(None, Project(), write.parent)
