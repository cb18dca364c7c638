"""Python as a program over the Runtime API: AWS's own client, and ours under a wrapper script, side by side with the
built-in engine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdarun.errors import MachineError
from lambdarun.model.function import Function
from lambdarun.model.invoke_request import InvokeReply
from lambdarun.model.runtimes import Engine
from lambdarun.runtime import engines
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.code import Code, Packages
from tests.conftest import project_of

Python = Callable[..., Function]
WAYS = ["builtin", "wrapped", "ric"]
SOURCE = """
import logging, os, sys
COUNT = 0
class Mine(Exception):
    pass
def handler(event, context):
    global COUNT
    COUNT += 1
    print("prints")
    logging.warning("logs")
    if event == "raise":
        raise Mine("no")
    if event == "marshal":
        return {1, 2}
    if event == "exit":
        sys.exit(3)
    return {
        "event": event, "count": COUNT, "name": context.function_name, "memory": context.memory_limit_in_mb,
        "version": context.function_version, "arn": context.invoked_function_arn, "custom":
        context.client_context and context.client_context.custom, "left": 2000 < context.get_remaining_time_in_millis() <= 3000,
        "trace": os.environ["_X_AMZN_TRACE_ID"][:7], "cwd": os.getcwd(), "text": "\\u00fc", "path": sys.path[0] in ("", os.getcwd()),
    }
"""


def by(way: str, python: Python, source: str, **settings: Any) -> Function:
    """The same function by one of the ways to run it."""
    function = python(source, **settings)
    if way == "ric":
        return python(source, engine=Engine.RIC, **settings)
    if way == "wrapped":
        wrapper = function.code_uri / "wrapper"
        wrapper.write_text('#!/bin/sh\nexec "$@"\n')
        wrapper.chmod(0o755)
        return python(source, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}, **settings)
    return function


def replies(function: Function, *events: Any) -> list[InvokeReply]:
    context = "eyJjdXN0b20iOiB7ImEiOiAxfX0="
    with open_blocking_runtime(project_of(function)) as runtime:
        return [runtime.invoke("fn", event, client_context=context, log_tail=True) for event in events]


def told(reply: InvokeReply) -> str:
    return reply.payload.decode().replace(reply.request_id, "ID")


def log(reply: InvokeReply) -> str:
    """The log without what differs from run to run."""
    assert reply.log_tail is not None
    text = reply.log_tail.decode().replace(reply.request_id, "ID")
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "DATE", text)
    return re.sub(r"\d+\.\d\d ms|\d+ ms|Used: \d+ MB", "N", text).replace("\r", "\n")


@pytest.mark.parametrize("way", WAYS[1:])
def test_payloads_errors_and_logs_are_the_built_in_engines(python: Python, way: str) -> None:
    events = [{"a": ["ü", 1.5]}, "raise", "marshal", "again", "exit", "cold again"]
    own = replies(by("builtin", python, SOURCE), *events)
    others = replies(by(way, python, SOURCE), *events)
    assert [told(reply) for reply in others] == [told(reply) for reply in own]
    if way == "wrapped":
        assert [log(reply) for reply in others] == [log(reply) for reply in own]
    # AWS's client writes an error's lines by a carriage return where it has no log descriptor.
    first = [line for line in log(others[0]).splitlines() if line]
    assert first == [line for line in log(own[0]).splitlines() if line]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("source", "handler", "error_type"),
    [
        ("", "gone.handler", "Runtime.ImportModuleError"),
        ("x = (", "app.handler", "Runtime.UserCodeSyntaxError"),
        ("", "app.handler", "Runtime.HandlerNotFound"),
        ("raise ValueError('at import')", "app.handler", "ValueError"),
    ],
)
def test_init_errors_are_awss(python: Python, way: str, source: str, handler: str, error_type: str) -> None:
    [reply] = replies(by(way, python, source, handler=handler), 1)
    [own] = replies(by("builtin", python, source, handler=handler), 1)
    error = json.loads(reply.payload)
    assert (error["errorType"], error["requestId"]) == (error_type, "")
    assert told(reply) == told(own)
    assert log(reply).count("Phase: ") == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_timeout_is_told_alike(python: Python, way: str) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(30)\n"
    [reply] = replies(by(way, python, source, timeout=1), 1)
    assert (
        told(reply)
        == '{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 1.00 seconds"}'
    )


@pytest.mark.parametrize(("name", "status"), [("nowhere", 127), ("plain", 126)])
def test_a_wrapper_that_is_missing_or_not_executable_is_an_exit(
    python: Python, name: str, status: int
) -> None:
    function = python(SOURCE, environment={"AWS_LAMBDA_EXEC_WRAPPER": f"/var/task/{name}"})
    (function.code_uri / "plain").write_text("#!/bin/sh\n")
    [reply] = replies(function, 1)
    text = f"RequestId: ID Error: Runtime exited with error: exit status {status}"
    assert told(reply) == f'{{"errorType":"Runtime.ExitError","errorMessage":"{text}"}}'


def test_without_awss_client_the_error_says_how_to_get_it(
    python: Python, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_answer", lambda command: None)
    function = python(SOURCE, engine=Engine.RIC)
    with open_blocking_runtime(project_of(function)) as runtime, pytest.raises(MachineError) as said:
        runtime.invoke("fn", 1)
    assert "has no package awslambdaric. Install it there: pip install awslambdaric" in str(said.value)


@pytest.mark.parametrize("way", ["wrapped", "ric"])
def test_layers_are_on_the_path_behind_the_code(
    python: Python, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    (tmp_path / "opt" / "python").mkdir(parents=True)
    for folder, names in ((tmp_path / "opt" / "python", ("both", "layered")), (tmp_path / "code", ("both",))):
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / f"{name}.py").write_text(f"FROM = {folder.name!r}\n")
    monkeypatch.setattr(Packages, "code_of", lambda _, function: Code(function.code_uri, tmp_path / "opt"))
    source = "import both, layered\ndef handler(event, context):\n    return [both.FROM, layered.FROM]\n"
    [reply] = replies(by(way, python, source), 1)
    assert reply.json() == ["code", "python"]
