"""Programs that stand for runtimes and extensions: written anew for each test, run as real processes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdarun.model.function import Function, running_runtime
from lambdarun.runtime.code import Code, Packages

PREAMBLE = (
    "#!/usr/bin/env python3\n"
    + """
import http.client, json, os, signal, socket, sys, time
HOST, _, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
api = http.client.HTTPConnection(HOST, int(PORT))

def ask(method, path, body=None, headers={}, version="2018-06-01"):
    api.request(method, "/" + version + path, body, headers)
    answer = api.getresponse()
    return answer, answer.read()

def take():
    answer, body = ask("GET", "/runtime/invocation/next")
    return answer.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(body)

def respond(request_id, body, what="response", headers={}):
    if not isinstance(body, bytes):
        body = json.dumps(body)
    answer, told = ask("POST", "/runtime/invocation/" + request_id + "/" + what, body, headers)
    return answer.status, told.decode()

def register(*events, name=None, **headers):
    named = {"Lambda-Extension-Name": name or os.path.basename(__file__)}
    answer, body = ask("POST", "/extension/register", json.dumps({"events": events}), named, "2020-01-01")
    return {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}

def next_event(who):
    return json.loads(ask("GET", "/extension/event/next", None, who, "2020-01-01")[1])
"""
)


@pytest.fixture
def provided(tmp_path: Path) -> Callable[..., Function]:
    """A function with the runtime `provided.al2023` whose bootstrap has this source."""

    def make(source: str | None, **settings: Any) -> Function:
        code = tmp_path / "code"
        code.mkdir(exist_ok=True)
        if source is not None:
            program(code / "bootstrap", source)
        given = {"name": "fn", "handler": "any.handler", "runtime": "provided.al2023", **settings}
        return Function(code_uri=code, **given)

    return make


@pytest.fixture
def extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts an extension with this source into the folder that stands for /opt."""
    opt = tmp_path / "opt"
    monkeypatch.setattr(Packages, "code_of", lambda _, function: Code(function.code_uri, opt))

    def add(name: str, source: str) -> Path:
        (opt / "extensions").mkdir(parents=True, exist_ok=True)
        program(opt / "extensions" / name, source)
        return opt

    return add


class Notes:
    """What programs of an environment tell the test: by the loopback, for what they write to disk stays in their sandbox."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        port = listening.getsockname()[1]
        self.source = f"""
def note(text):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as telling:
        telling.sendto(text.encode(), ("127.0.0.1", {port}))
"""
        """Defines `note(text)`."""

    def read(self) -> list[str]:
        """All that was told and not yet read."""
        told = []
        while True:
            try:
                told.append(self._listening.recv(65_536).decode().strip())
            except BlockingIOError:
                return told


@pytest.fixture
def notes() -> Iterator[Notes]:
    """Where programs leave notes for the test."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        yield Notes(listening)


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., Function]:
    """A function of Python with this source."""

    def make(source: str, **settings: Any) -> Function:
        code = tmp_path / "code"
        code.mkdir(exist_ok=True)
        (code / "app.py").write_text(source, encoding="utf-8")
        given = {"name": "fn", "handler": "app.handler", "runtime": running_runtime(), **settings}
        return Function(code_uri=code, **given)

    return make


def program(path: Path, source: str) -> None:
    """An executable file of Python."""
    path.write_text(PREAMBLE + source, encoding="utf-8")
    path.chmod(0o755)
