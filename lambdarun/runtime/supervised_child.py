"""Runtimes and extensions as children of their environment's supervisor."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import trio
from attrs import define, field

from lambdarun.runtime.clock import wall_seconds

_PR_SET_PDEATHSIG: Final = 1
# The kernel keeps the peak, so a look that comes later sees as much; one costs 40 µs.
_MEMORY_LOOK_S: Final = 0.01
_PRCTL: Final = ctypes.CDLL(None).prctl
# What extensions do not see, beside all variables that begin with an underscore.
_NOT_FOR_EXTENSIONS: Final = frozenset(
    {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)


@define(eq=False)
class Child:
    """One child, until its end is known."""

    pid: int
    pidfd: int
    name: str = ""
    status: int | None = None
    _ended: trio.Event = field(factory=trio.Event, init=False)
    _awaited: bool = field(default=False, init=False)

    async def wait(self) -> int:
        """Its wait status, once it has ended."""
        if self._awaited:
            await self._ended.wait()
        elif self.status is None:
            self._awaited = True
            try:
                await trio.lowlevel.wait_readable(self.pidfd)
            except trio.Cancelled:
                self._awaited = False
                raise
            self.status = self._reap()
            os.close(self.pidfd)
            self._ended.set()
        assert self.status is not None
        return self.status

    def _reap(self) -> int:
        return os.waitpid(self.pid, 0)[1]  # it has ended: nothing is waited for

    def signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self.status is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def signal_group(self, number: int) -> None:
        """Send a signal to it and to what it has started."""
        if self.status is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def memory_kb(self) -> int:
        """The most that it has had in memory at once; 0 where it is gone."""
        try:
            with open(f"/proc/{self.pid}/status") as status:
                for line in status:
                    if line.startswith("VmHWM:"):
                        return int(line.split()[1])
        except OSError:
            pass
        return 0


@define(eq=False)
class Children:
    """All children of a supervisor that it started itself."""

    runtime: Child | None = None
    extensions: list[Child] = field(factory=list)
    _frozen: bool = field(default=False, init=False)
    _memory_kb: int = field(default=0, init=False)
    _memory_due: float = field(default=0.0, init=False)

    # As on AWS nothing runs between invocations. It is frozen some milliseconds after the last answer: an event that comes
    # sooner need not wait for a stop and a continue.
    def freeze(self) -> None:
        """Stop them, with all that they have started."""
        if not self._frozen:
            self._frozen = True
            self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        if self._frozen:
            self._frozen = False
            self._signal(signal.SIGCONT)

    def memory_kb(self) -> int:
        """The most that all of them have had in memory, as far as a look tells."""
        now = wall_seconds()
        if now >= self._memory_due:
            self._memory_due = now + _MEMORY_LOOK_S
            ended_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            living_kb = sum(child.memory_kb() for child in self._all())
            self._memory_kb = max(self._memory_kb, ended_kb, living_kb)
        return self._memory_kb

    def _all(self) -> list[Child]:
        return [*self.extensions, *([self.runtime] if self.runtime is not None else [])]

    def _signal(self, number: int) -> None:
        for child in self._all():
            child.signal_group(number)


def start_child(command: list[str], environ: Mapping[str, str], folder: str) -> Child:
    """Start a program. Raises OSError with the reason why it does not start."""
    popen = subprocess.Popen(  # noqa: S603 - what the user's project names is what is to be run
        command,
        env=dict(environ),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        preexec_fn=_stand_alone,
    )
    # Waited for by its pidfd: Popen's own idea of its end must not reap it first.
    popen.returncode = 0
    return Child(popen.pid, os.pidfd_open(popen.pid))


def _stand_alone() -> None:
    os.setpgid(0, 0)  # so that its supervisor can stop it with all that it starts, and go on itself
    _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)


def extension_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that external extensions see."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith("_") and name not in _NOT_FOR_EXTENSIONS
    }
