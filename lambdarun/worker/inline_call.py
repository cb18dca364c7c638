"""The call of a handler that runs in the caller's own process: which one is on, and what it does to the process.

Some of what a handler does can only be put right when it happens: a child that it starts must get the function's
variables and output, a variable that it sets reaches the C library. Audit events tell of it, so a call that does none
of this pays for none of it.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
from typing import Any

from .inline_output import Output

_STARTS_A_CHILD = frozenset(
    {"os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen", "pty.spawn"}
)
_SETS_A_VARIABLE = frozenset({"os.putenv", "os.unsetenv"})
_BREAKS = "builtins.breakpoint"
_MOVES = "os.chdir"
_HEARD = _STARTS_A_CHILD | _SETS_A_VARIABLE | {_BREAKS, _MOVES}
_get_ident = threading.get_ident
_active: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]  # there, but not in typeshed


class Call:
    """One run of a handler: its thread, its output, and what of the process has to be put back behind it."""

    __slots__ = (
        "callers_streams", "callers_variables", "children_before", "clock", "foreign", "is_dressed", "is_fork", "moved",
        "output", "previous", "set_variables", "thread", "variables", "visit",
    )  # fmt: skip

    def __init__(self, output: Output, variables: dict[bytes, bytes], own_threads: set[int]) -> None:
        self.output = output
        self.variables = variables
        """The function's, as `os.environ` holds them."""
        self.thread = _get_ident()
        self.foreign: frozenset[int] = frozenset()
        """Threads of the caller's: they keep their streams and their time."""
        if len(_active) > 1:
            self.foreign = frozenset(_active) - own_threads - {self.thread}
        self.previous: Call | None = None
        self.visit: Any = None
        """What exchanges the process for it (inline_world.py)."""
        self.clock: Any = None
        """The handler's virtual time, on the thread of the call; None on the real clock."""
        self.callers_streams: tuple[Any, Any] = (None, None)
        self.callers_variables: dict[bytes, bytes] = {}
        self.moved = False
        """Whether the handler changed the working folder."""
        self.set_variables: set[bytes] = set()
        """Those that the C library was told of."""
        self.is_dressed = False
        self.children_before: frozenset[int] | None = None
        self.is_fork = False
        """In a child that the handler forked: it must neither answer nor return to the caller."""

    def is_its(self, thread: int) -> bool:
        """Whether a thread is the handler's: the one of the call, or one that it started."""
        return thread == self.thread or thread not in self.foreign

    def threads(self) -> set[int]:
        """Threads that the handler has started and that still live."""
        return set(_active) - self.foreign - {self.thread}

    def expect_child(self) -> None:
        """Have a child that is about to start get the function's variables and output."""
        if self.children_before is None:
            self.children_before = children()
        self.output.catch_descriptors()
        if self.is_dressed:
            return
        self.is_dressed = True
        for name in self.callers_variables.keys() - self.variables.keys():
            os.unsetenv(name)
        for name, value in self.variables.items():
            os.putenv(name, value)

    def undress(self) -> None:
        """Give the C library the caller's variables back."""
        told = self.set_variables
        if self.is_dressed:
            told = told | self.callers_variables.keys() | self.variables.keys()
        for name in told:
            value = self.callers_variables.get(name)
            if value is None:
                os.unsetenv(name)
            else:
                os.putenv(name, value)

    def show_streams(self) -> None:
        """For a debugger: the terminal is the caller's again until the call ends."""
        sys.stdout, sys.stderr = self.callers_streams


class _Present:
    """The call that is on, and what the audit hook counts."""

    def __init__(self) -> None:
        self.call: Call | None = None
        self.moves = 0
        """How often anybody changed the working folder, but for us."""
        self.deaf = False
        """While we ourselves do what we listen for."""
        self.hears = False


# One for the process, because what it stands for is one for the process: the streams, the clock, the folder.
present = _Present()


def listen() -> None:
    """Hear what handlers do to the process, from here on: hooks cannot be taken back."""
    if not present.hears:
        present.hears = True
        sys.addaudithook(_hear)
        os.register_at_fork(after_in_child=_forked)


def _hear(event: str, told: Any) -> None:
    if event not in _HEARD or present.deaf:
        return
    call = present.call
    if event == _MOVES:
        present.moves += 1
        if call is not None and call.is_its(_get_ident()):
            call.moved = True
        return
    if call is None or not call.is_its(_get_ident()):
        return
    present.deaf = True
    try:
        if event in _SETS_A_VARIABLE:
            call.set_variables.add(os.fsencode(told[0]))
        elif event == _BREAKS:
            call.show_streams()
        else:
            call.expect_child()
    finally:
        present.deaf = False


def _forked() -> None:
    if present.call is not None:
        present.call.is_fork = True


def children() -> frozenset[int]:
    """The processes that this one's threads have started and not reaped."""
    found: set[int] = set()
    for task in os.listdir("/proc/self/task"):
        try:
            with open("/proc/self/task/%s/children" % task) as listing:
                found.update(int(pid) for pid in listing.read().split())
        except OSError:
            continue
    return frozenset(found)


def thread_count() -> int:
    """Threads that Python started, the main one not counted."""
    return _thread._count()
