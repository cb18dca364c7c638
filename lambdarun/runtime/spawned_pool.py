"""Calls of one function in processes of their own, several at once: for long computations that share what they read."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from traceback import format_exc
from typing import Any, Final, Generic, TypeVar

from attrs import define, field

from lambdarun.errors import LambdarunError, MachineError

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")
_PATIENCE_S: Final = 5.0
"""For so long a process may take to end by itself."""


class CallFailed(LambdarunError):
    """What a call raised that the user can mend, with its own exit code."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code  # type: ignore[misc]  # of the class elsewhere; here it is the other process's


# Not the standard library's executor: its processes hold both ends of their queue, so that they live on when the
# caller is killed. Here the caller holds the one other end of each pipe; when it is gone, a process reads the end of
# the stream and ends.
@define(eq=False)
class SpawnedPool(Generic[S, T, R]):
    """Up to `size` processes that call `work(shared, task)`, a function of a module's top level. Use it in a `with`."""

    work: Callable[[S, T], R]
    shared: S
    size: int
    _idle: list[Connection] = field(factory=list, init=False)
    _busy: dict[Connection, T] = field(factory=dict, init=False)
    _waiting: deque[T] = field(factory=deque, init=False)
    _processes: dict[Connection, SpawnProcess] = field(factory=dict, init=False)

    def submit(self, task: T) -> None:
        """Have `task` done, as soon as a process is free."""
        self._waiting.append(task)
        self._hand_out()

    def next(self) -> tuple[T, R] | None:
        """Wait for a task that is done; None: none is under way. Raises CallFailed, MachineError."""
        if not self._busy:
            return None
        connection = wait(list(self._busy))[0]
        assert isinstance(connection, Connection)
        task = self._busy.pop(connection)
        try:
            kind, value = connection.recv()
        except EOFError:
            process = self._processes[connection]
            process.join()
            raise MachineError(
                f"a process of this command was ended from outside ({process.exitcode})."
            ) from None
        if kind == "refused":
            raise CallFailed(*value)
        if kind == "raised":
            raise RuntimeError(f"in a process of this command:\n{value}")
        self._idle.append(connection)
        self._hand_out()
        return task, value

    def _hand_out(self) -> None:
        while self._waiting:
            if not self._idle:
                if len(self._processes) >= self.size:
                    return
                self._start()
            connection = self._idle.pop()
            task = self._waiting.popleft()
            connection.send(task)
            self._busy[connection] = task

    def _start(self) -> None:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self.work, self.shared), daemon=False)
        # Until it serves: a Ctrl-C while it imports would end it with a traceback.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()
        self._processes[ours] = process
        self._idle.append(ours)

    def __enter__(self) -> SpawnedPool[S, T, R]:
        return self

    def __exit__(self, *_: object) -> None:
        busy = set(self._busy)
        for connection, process in self._processes.items():
            connection.close()
            if connection in busy and process.pid is not None and process.is_alive():
                # As Ctrl-C would: what runs there has processes and folders of its own to put away.
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGINT)
        for process in self._processes.values():
            process.join(_PATIENCE_S)
            if process.exitcode is None:
                process.kill()
                process.join()
            process.close()


def _serve(connection: Connection, work: Callable[[Any, Any], Any], shared: Any) -> None:
    """Do one task after the other until nobody asks any more."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        while True:
            connection.send(_done(work, shared, connection.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # whoever asked has gone
    except KeyboardInterrupt:
        signal.signal(
            signal.SIGINT, signal.SIG_IGN
        )  # the caller says it; a second one must not break the end off


def _done(work: Callable[[Any, Any], Any], shared: Any, task: Any) -> tuple[str, Any]:
    try:
        return "done", work(shared, task)
    except LambdarunError as fault:
        return "refused", (str(fault), fault.exit_code)
    # Whatever it was, the caller is to hear of it: here nobody looks.
    except Exception:
        return "raised", format_exc()
