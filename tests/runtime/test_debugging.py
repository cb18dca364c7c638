"""`breakpoint()` with a terminal and without one, and code that changes while a runtime is open."""

from __future__ import annotations

import os
import pty
import select
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.session import open_runtime
from lambdarun.runtime.zygote_process import ZygoteProcess
from tests.conftest import Declare, project_of


class Typist:
    """Somebody at a terminal: waits for the prompt, types a line, and so on."""

    def __init__(self) -> None:
        self.screen = b""
        self.keyboard, self.terminal = pty.openpty()
        self._thread: threading.Thread | None = None

    def types(self, *lines: str, after_s: float = 0.0) -> None:
        """Answer each prompt with the next line, each after so long."""

        def answer() -> None:
            for line in lines:
                self._await_prompt()
                threading.Event().wait(after_s)
                os.write(self.keyboard, f"{line}\n".encode())

        self._thread = threading.Thread(target=answer, daemon=True)
        self._thread.start()

    def _await_prompt(self) -> None:
        seen = len(self.screen)
        while b"(Pdb)" not in self.screen[seen:]:
            ready, _, _ = select.select([self.keyboard], [], [], 20)
            assert ready, self.screen
            self.screen += os.read(self.keyboard, 4_096)

    def read(self) -> str:
        """All that was on the screen."""
        while select.select([self.keyboard], [], [], 0)[0]:
            self.screen += os.read(self.keyboard, 4_096)
        return self.screen.decode()


@pytest.fixture
def typist() -> Iterator[Typist]:
    made = Typist()
    yield made
    os.close(made.keyboard)
    os.close(made.terminal)


STOPS = """
def handler(event, context):
    before = context.get_remaining_time_in_millis()
    seen = event["n"]
    breakpoint()
    after = context.get_remaining_time_in_millis()
    return [seen, before - after]
"""


def test_breakpoint_stops_on_the_terminal_and_the_time_out_waits(declare: Declare, typist: Typist) -> None:
    # It is held for twice its time-out.
    typist.types("p seen", "seen = 42", "c", after_s=0.7)
    options = Options(terminal=typist.terminal)
    with open_blocking_runtime(project_of(declare(STOPS, timeout=1)), options=options) as runtime:
        reply = runtime.invoke("fn", {"n": 7})
        seen, passed_ms = reply.json()
        assert seen == 42
        assert passed_ms < 500
        typist.types("c")
        assert runtime.invoke("fn", {"n": 8}).json()[0] == 8
    assert "(Pdb) p seen\r\n" in typist.read()
    assert "7\r\n" in typist.screen.decode()


def test_a_handler_times_out_behind_a_breakpoint_as_ever(declare: Declare, typist: Typist) -> None:
    source = """
import time
def handler(event, context):
    breakpoint()
    time.sleep(60)
"""
    typist.types("c", after_s=1.2)
    options = Options(terminal=typist.terminal)
    with open_blocking_runtime(project_of(declare(source, timeout=1)), options=options) as runtime:
        assert runtime.invoke("fn").json()["errorType"] == "Sandbox.Timedout"


def test_breakpoint_at_import_holds_the_limit_of_initialisation(declare: Declare, typist: Typist) -> None:
    typist.types("x = 5", "c", after_s=0.2)
    source = "x = 1\nbreakpoint()\ny = 2\ndef handler(event, context):\n    return x\n"
    options = Options(terminal=typist.terminal)
    with open_blocking_runtime(project_of(declare(source, timeout=1)), options=options) as runtime:
        assert runtime.invoke("fn").json() == 5


def test_quit_ends_the_invocation_with_the_debuggers_error(declare: Declare, typist: Typist) -> None:
    typist.types("q")
    options = Options(terminal=typist.terminal)
    with open_blocking_runtime(project_of(declare(STOPS)), options=options) as runtime:
        assert runtime.invoke("fn", {"n": 1}).json()["errorType"] == "BdbQuit"


def test_without_a_terminal_breakpoint_ends_the_invocation_at_once(declare: Declare) -> None:
    with open_blocking_runtime(project_of(declare(STOPS))) as runtime:
        reply = runtime.invoke("fn", {"n": 1})
    assert (reply.function_error, reply.json()["errorType"]) == ("Unhandled", "BdbQuit")


COUNTS = "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return [{version}, count]\n"


def test_changed_code_is_in_the_next_invocation_where_somebody_watches(declare: Declare) -> None:
    function = declare(COUNTS.format(version=1))
    file = function.code_uri / f"{function.handler.partition('.')[0]}.py"
    with open_blocking_runtime(project_of(function), options=Options(watch=True)) as runtime:
        assert [runtime.invoke("fn").json() for _ in range(2)] == [[1, 1], [1, 2]]
        file.write_text(COUNTS.format(version=22))
        assert [runtime.invoke("fn").json() for _ in range(2)] == [[22, 1], [22, 2]]
    file.write_text(COUNTS.format(version=1))
    with open_blocking_runtime(project_of(function)) as runtime:
        assert runtime.invoke("fn").json() == [1, 1]
        file.write_text(COUNTS.format(version=22))
        assert runtime.invoke("fn").json() == [1, 2]


def test_a_changed_module_is_seen_while_an_invocation_of_the_old_code_ends(
    declare: Declare, tmp_path: Path
) -> None:
    function = declare("import inner\ndef handler(event, context):\n    return inner.V\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "__init__.py").write_text("V = 1\n")
    with open_blocking_runtime(project_of(function), options=Options(watch=True)) as runtime:
        assert runtime.invoke("fn").json() == 1
        (tmp_path / "inner" / "__init__.py").write_text("V = 'new'\n")
        assert runtime.invoke("fn").json() == "new"


def test_the_terminal_reaches_every_zygote(typist: Typist) -> None:
    zygote = ZygoteProcess.start(virtual=False, terminal=typist.terminal)
    try:
        assert os.readlink(f"/proc/{zygote._child.pid}/fd/{typist.terminal}") == os.ttyname(typist.terminal)
    finally:
        zygote.close()


async def test_a_held_handler_holds_nobody_else(declare: Declare, typist: Typist) -> None:
    stops, other = (
        declare(STOPS, name="stops", timeout=1),
        declare("def handler(e, c):\n    return 1\n", name="other"),
    )
    typist.types("c", after_s=1.3)
    async with open_runtime(project_of(stops, other), options=Options(terminal=typist.terminal)) as runtime:
        order = []

        async def hold() -> None:
            reply = await runtime.invoke("stops", {"n": 7})
            order.append(reply.json()[0])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold)
            for _ in range(3):
                order.append((await runtime.invoke("other")).json())
    assert order == [1, 1, 1, 7]
