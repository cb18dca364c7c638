"""The shutdown phase seen from outside: processes with extensions are asked to end, and killed if they take too long.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import timed_out
from lambdarun.model.news import Ended
from lambdarun.model.outcome import Outcome
from lambdarun.runtime.clock import wall_seconds
from lambdarun.runtime.environment_process import EnvironmentProcess

FAREWELL_S: Final = limits.SHUTDOWN_WITH_EXTERNAL.value / 1_000 + 0.5
"""AWS's shutdown phase, and a moment for the process itself."""


_QUIET_EXIT_S: Final = 0.2
_SAVING_S: Final = 10.0


def let_exit(processes: Collection[EnvironmentProcess], *, measured: bool) -> None:
    """Give processes a moment to exit by themselves, then kill them. `measured`: coverage writes its data meanwhile."""
    for process in processes:
        if process.stopped:
            process.signal(signal.SIGCONT)
        process.channel.close()
    # Beside coverage only extensions need it: a process whose socket closes exits in well under a millisecond.
    extended = any(process.extended for process in processes)
    quiet = wall_seconds() + (_SAVING_S if measured else FAREWELL_S if extended else _QUIET_EXIT_S)
    for process in processes:
        if process.pid and (process.extended or process.invocation is None):
            process.await_death(max(0, round((quiet - wall_seconds()) * 1_000)))
    for process in processes:
        process.signal(signal.SIGKILL)


def ask_to_end(process: EnvironmentProcess) -> None:
    """Tell a supervisor that its invocation is overdue: runtime and extensions are its own to end."""
    process.overdue = True
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)


def overdue(invocation: Invocation) -> Outcome:
    """What an invocation that reached its timeout came to."""
    return timed_out(invocation.request_id, invocation.function.timeout)


def answered(processes: Iterable[EnvironmentProcess]) -> list[Ended]:
    """The ends of invocations that were answered and whose extensions still work, as far as they are known."""
    return [
        Ended(process.invocation, *process.lingering)
        for process in processes
        if process.invocation is not None and process.lingering is not None
    ]


@define(eq=False)
class Farewells:
    """Processes whose environment is gone, and which still say good-bye."""

    leaving: set[EnvironmentProcess] = field(factory=set, init=False)

    def begin(self, process: EnvironmentProcess) -> None:
        """Let an idle process end in order: the end of its channel is the word to go."""
        process.channel.shutdown(socket.SHUT_RDWR)
        process.signal(signal.SIGCONT)
        process.deadline = wall_seconds() + FAREWELL_S
        self.leaving.add(process)

    def deadlines(self) -> list[float]:
        """When each is killed."""
        return [process.deadline for process in self.leaving]

    def kill_overdue(self, now: float) -> None:
        """Kill those that took too long; their deaths are told as any other."""
        for process in self.leaving:
            if process.deadline <= now:
                process.signal(signal.SIGKILL)
                process.deadline = now + FAREWELL_S  # its death is on its way
