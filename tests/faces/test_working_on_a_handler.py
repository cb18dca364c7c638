"""`invoke` for somebody who works on a handler: `--watch`, `breakpoint()`, `--debug-port`, coverage."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from tests.faces.command import run


@define
class Screen:
    """What a process writes, as it comes."""

    descriptor: int
    text: str = ""
    _end: int = field(default=0, init=False)

    def until(self, said: str) -> str:
        """Read until `said` is there, after what was waited for before; returns all of it."""
        while said not in self.text[self._end :]:
            ready, _, _ = select.select([self.descriptor], [], [], 30)
            assert ready, self.text
            part = os.read(self.descriptor, 65_536)
            assert part, self.text
            self.text += part.decode()
        self._end = self.text.index(said, self._end) + len(said)
        return self.text


@contextmanager
def typed(folder: Path, *arguments: str, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process that goes on beside the test."""
    command = [sys.executable, "-m", "lambdarun", *arguments]
    with subprocess.Popen(command, cwd=folder, **streams) as process:
        try:
            yield process
        finally:
            process.kill()


ANSWERS = "def handler(event, context):\n    return {value}\n"


def test_watch_invokes_again_at_each_change_and_ends_with_130(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(ANSWERS.format(value="['one', event]"))
    (tmp_path / "event.json").write_text("1")
    arguments = ("invoke", "app.py:handler", "-e", "event.json", "--watch")
    with typed(tmp_path, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = Screen(process.stdout.fileno()), Screen(process.stderr.fileno())
        out.until('["one", 1]\n')
        err.until("lambdarun: watching .; Ctrl-C ends\n")
        (tmp_path / "app.py").write_text(ANSWERS.format(value="['second', event]"))
        out.until('["second", 1]\n')
        err.until("watching")
        (tmp_path / "event.json").write_text("22")
        out.until('["second", 22]\n')
        err.until("watching")
        (tmp_path / "event.json").write_text("{")  # a fault is told, and waited out
        err.until("lambdarun: error: event.json:1:2: is not JSON")
        err.until("watching")
        (tmp_path / "event.json").write_text("333")
        out.until('["second", 333]\n')
        err.until("watching")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_a_function_error_does_not_end_the_watch(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context):\n    raise ValueError('x')\n")
    arguments = ("invoke", "app.py:handler", "--watch")
    with typed(tmp_path, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = Screen(process.stdout.fileno()), Screen(process.stderr.fileno())
        out.until('"errorType": "ValueError"')
        err.until("watching")
        (tmp_path / "app.py").write_text(ANSWERS.format(value="'mended'"))
        out.until('"mended"')


def test_invoke_on_a_terminal_stops_at_breakpoint(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "def handler(event, context):\n    found = 41\n    breakpoint()\n    return found + 1\n"
    )
    keyboard, terminal = pty.openpty()
    streams = {"stdin": terminal, "stderr": terminal, "stdout": subprocess.PIPE, "start_new_session": True}
    with typed(tmp_path, "invoke", "app.py:handler", "--timeout", "1", **streams) as process:
        os.close(terminal)
        screen = Screen(keyboard)
        screen.until("(Pdb) ")
        os.write(keyboard, b"p found\n")
        screen.until("41\r\n(Pdb) ")
        os.write(keyboard, b"c\n")
        assert process.stdout is not None
        assert process.stdout.read() == b"42\n"
        assert process.wait(30) == 0
    os.close(keyboard)


def test_without_a_terminal_breakpoint_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context):\n    breakpoint()\n    return 1\n")
    done = run(tmp_path, "invoke", "app.py:handler")
    assert done.returncode == 1
    assert json.loads(done.stdout)["errorType"] == "BdbQuit"


class Editor:
    """As much of an editor's debugger as a test needs (Debug Adapter Protocol)."""

    def __init__(self, port: int) -> None:
        self.channel = self._connect(port)
        self.channel.settimeout(30)
        self.stream = self.channel.makefile("rb")
        self.sequence = 0
        self.seen: list[dict[str, Any]] = []

    @staticmethod
    def _connect(port: int) -> socket.socket:
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port))
            except ConnectionRefusedError:
                select.select([], [], [], 0.05)

    def ask(self, command: str, **arguments: Any) -> int:
        self.sequence += 1
        body = json.dumps(
            {"seq": self.sequence, "type": "request", "command": command, "arguments": arguments}
        ).encode()
        self.channel.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self.sequence

    def until(self, **wanted: Any) -> dict[str, Any]:
        while True:
            size = 0
            while (line := self.stream.readline().strip()) != b"":
                size = int(line.rpartition(b":")[2])
            assert size
            message: dict[str, Any] = json.loads(self.stream.read(size))
            if all(message.get(key) == value for key, value in wanted.items()):
                return message

    def answered(self, command: str, **arguments: Any) -> dict[str, Any]:
        answer = self.until(type="response", request_seq=self.ask(command, **arguments))
        assert answer["success"], answer
        return answer.get("body") or {}

    def close(self) -> None:
        self.stream.close()
        self.channel.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_editor_attaches_on_the_debug_port_and_no_time_out_counts(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    pytest.importorskip("debugpy")
    file = tmp_path / "app.py"
    file.write_text("def handler(event, context):\n    found = event['n']\n    return found + 1\n")
    port = free_port()
    arguments = ("invoke", "app.py:handler", "--timeout", "1", "-e", '{"n": 1}', "--debug-port", str(port))
    with typed(tmp_path, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        Screen(process.stderr.fileno()).until(
            f"waiting for a debugger on 127.0.0.1:{port}; time-outs are off\n"
        )
        editor = Editor(port)
        request.addfinalizer(editor.close)
        editor.answered("initialize", adapterID="test", clientID="test")
        attached = editor.ask("attach", justMyCode=False)
        editor.until(type="event", event="initialized")
        editor.answered("setBreakpoints", source={"path": str(file)}, breakpoints=[{"line": 3}])
        editor.answered("configurationDone")
        del attached
        stopped = editor.until(type="event", event="stopped")["body"]
        select.select([], [], [], 1.2)  # longer than the function's time-out
        frame = editor.answered("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]
        assert (frame["name"], frame["line"]) == ("handler", 3)
        assert editor.answered("evaluate", expression="found", frameId=frame["id"])["result"] == "1"
        editor.ask("evaluate", expression="found = 41", frameId=frame["id"], context="repl")
        editor.ask("continue", threadId=stopped["threadId"])  # the run may end before it is answered
        assert process.stdout is not None
        assert process.stdout.read() == b"42\n"
        assert process.wait(30) == 0


def test_a_debug_port_that_is_taken_is_told(tmp_path: Path) -> None:
    pytest.importorskip("debugpy")
    (tmp_path / "app.py").write_text(ANSWERS.format(value="1"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(tmp_path, "invoke", "app.py:handler", "--debug-port", str(port))
    assert done.returncode == 5
    assert (
        done.stderr
        == f"lambdarun: error: --debug-port {port}: Address already in use. Choose another port.\n"
    )


def test_without_debugpy_the_debug_port_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(ANSWERS.format(value="1"))
    hidden = "import sys; sys.modules['debugpy'] = None; sys.argv[0] = 'lambdarun'; from lambdarun.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "invoke", "app.py:handler", "--debug-port", "5678"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 5
    assert done.stderr == (
        "lambdarun: error: --debug-port needs debugpy, which is not installed here."
        " Install it: pip install 'lambdarun[debug]'.\n"
    )


@pytest.mark.parametrize("network", ["none", "vpc"])
def test_no_editor_reaches_a_function_without_a_network(tmp_path: Path, network: str) -> None:
    pytest.importorskip("debugpy")
    (tmp_path / "app.py").write_text(ANSWERS.format(value="1"))
    (tmp_path / "lambdarun.toml").write_text(
        f'[functions.app]\nhandler = "app.handler"\ncode_uri = "."\nruntime = "python3.11"\nnetwork = "{network}"\n'
    )
    done = run(tmp_path, "invoke", "app", "--debug-port", str(free_port()))
    assert done.returncode != 0
    assert f"no editor reaches app, whose network is '{network}'" in done.stderr
