"""The shell's end of the zygote: start it, have it fork environments, have it reap them."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import subprocess
import sys
from collections import deque
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from lambdarun.errors import MachineError
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.memory_sampler import Adopted
from lambdarun.worker import wire

_START: Final = str(Path(wire.__file__).with_name("start.py"))
# The socket module has no names for them.
_SO_PASSCRED: Final = 16
_SCM_CREDENTIALS: Final = 2
_CREDENTIALS: Final = struct.Struct("iII")
_ANSWER_MAX: Final = 4_096
_SUPERVISOR_ZYGOTE: Final = "lambdarun.runtime.supervisor_zygote"
_PACKAGES: Final = str(Path(wire.__file__).parents[2])
SUPERVISORS: Final = "supervisors"
"""In place of an interpreter: the zygote of environments whose runtime is a program of its own."""
_PASSED_ON: Final = (
    "COVERAGE_PROCESS_START",
    "COVERAGE_PROCESS_CONFIG",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONPATH",
    "VIRTUAL_ENV",
)
_DEATH_WAIT_S: Final = 10.0


@frozen
class Greeting:
    """What a zygote says of itself."""

    sandboxed: bool
    """Whether its environments are in namespaces of their own."""
    why_not: str | None
    """Why they are not although they should be."""


# Why a process of its own forks: a fork copies the whole memory map and only the thread that calls it, so a fork of
# the process that runs trio would bring the loop's descriptors, other threads' locks in whatever state, and whatever
# the user imported. The zygote is small, has one thread, and does nothing else.
@define(eq=False)
class ZygoteProcess:
    """A clean child that forks environments and runs no user code.

    Its answers come in the order of the requests, so forks wait for theirs in a queue.
    """

    interpreter: str
    """The one that it runs; `SUPERVISORS` for the one whose forks supervise a runtime of its own."""
    control: socket.socket
    _child: subprocess.Popen[bytes]
    libraries: str = ""
    """Where C libraries are looked for, beside the machine's own places."""
    _awaiting: deque[Any] = field(factory=deque, init=False)
    forked: list[tuple[Any, int]] = field(factory=list, init=False)
    """Forks that were answered and not yet taken: (what `fork` was given, process id)."""
    adopted: Adopted = field(init=False)
    """What it has not forked and is its child all the same."""
    resident_kb: int = field(default=0, init=False)
    """What each fork has from its start on, known once one was answered."""
    _greeting: Greeting | None = field(default=None, init=False)
    _inner: dict[int, int] = field(factory=dict, init=False)
    """The ids that processes have in the zygote's PID namespace, by our own ids; where that is another one."""

    @classmethod
    def start(
        cls,
        *,
        virtual: bool,
        interpreter: str = sys.executable,
        libraries: str = "",
        terminal: int | None = None,
        isolation: Isolation | None = None,
    ) -> ZygoteProcess:
        """Start the process; it is ready when it answers, and the socket keeps what is sent before.

        With Isolation.PROCESS its environments are in no sandbox; else they are, where the machine allows it: see
        `greeting`.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
        with theirs:
            environ = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            if libraries:
                known = environ.get("LD_LIBRARY_PATH")
                environ["LD_LIBRARY_PATH"] = f"{known}:{libraries}" if known else libraries
            if virtual:
                # Sets of texts are iterated in the order of their hashes: a handler that prints one would differ from run to run.
                environ["PYTHONHASHSEED"] = "0"
            # Without `site`: it only enters namespaces, and the zygote is a new program.
            script = (
                [_START, "zygote"] if isolation is Isolation.PROCESS else ["-I", "-S", _START, "sandbox_root"]
            )
            if interpreter == SUPERVISORS:
                # Under our own interpreter, and away from the working folder, whose modules might have the names of ours.
                script = ["-P", "-m", _SUPERVISOR_ZYGOTE]
                environ["PYTHONPATH"] = os.pathsep.join(filter(None, (environ.get("PYTHONPATH"), _PACKAGES)))
            program = sys.executable if interpreter == SUPERVISORS else interpreter
            arguments = [program, *script, str(theirs.fileno()), "virtual" if virtual else "real"]
            # C code for the running interpreter: another one has its own, or none.
            ours_too = virtual and interpreter == sys.executable
            if ours_too and (patch := find_spec("time_machine")) is not None and patch.origin is not None:
                arguments.append(str(Path(patch.origin).parent.parent))
            else:
                arguments.append("-")
            try:
                child = subprocess.Popen(  # noqa: S603 - our own script under the running interpreter
                    arguments,
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno(), *([terminal] if terminal is not None else [])],
                    # Away from the terminal: Ctrl-C is for the runtime, which then ends the zygote and all it forked in order.
                    start_new_session=True,
                )
            except OSError as fault:
                ours.close()
                raise MachineError(f"cannot start {interpreter}: {fault.strerror}.") from fault
        return cls(interpreter, ours, child, libraries)

    def __attrs_post_init__(self) -> None:
        self.adopted = Adopted(self.pid)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def greeting(self) -> Greeting:
        """What kind of environments it has; waited for. Raises MachineError where it ended instead."""
        while self._greeting is None:
            self._wait()
            self.read_answers()
        return self._greeting

    def fork(self, configuration: dict[str, Any], descriptors: list[int], owner: Any) -> None:
        """Ask for an environment's process; `forked` has its id once the zygote has answered."""
        packet = bytes([wire.FORK]) + json.dumps(configuration).encode()
        # Not waited for. Answers come in order, so a queue of who asked is enough to match them.
        try:
            socket.send_fds(self.control, [packet], descriptors)
        except OSError as fault:
            raise self._ended() from fault
        self._awaiting.append(owner)

    def read_answers(self) -> list[tuple[int, int, int]]:
        """Take in what has been answered, without waiting; returns (process id, wait status, KB) of reaped ones."""
        reaped: list[tuple[int, int, int]] = []
        while True:
            try:
                packet, ancillary, _, _ = self.control.recvmsg(
                    _ANSWER_MAX, socket.CMSG_SPACE(_CREDENTIALS.size), socket.MSG_DONTWAIT
                )
            except BlockingIOError:
                return reaped
            except OSError:
                packet = b""
            if not packet:
                raise self._ended()
            if packet[0] == wire.GREETING:
                self._greeting = Greeting(**json.loads(packet[1:]))
                continue
            kind, pid, status, memory_kb = wire.PID.unpack(packet)
            if kind == wire.FORKED:
                self.resident_kb = memory_kb
                pid = self._own_id(pid, ancillary)
                self.adopted.forks.add(pid)
                self.forked.append((self._awaiting.popleft(), pid))
            else:
                self.adopted.forks.discard(pid)
                reaped.append((pid, status, memory_kb))

    def _own_id(self, inner: int, ancillary: list[tuple[int, int, bytes]]) -> int:
        """A process's id in our own PID namespace. The kernel translates what a packet's credentials name."""
        if not self.greeting.sandboxed:
            return inner
        [told] = [
            data for level, kind, data in ancillary if (level, kind) == (socket.SOL_SOCKET, _SCM_CREDENTIALS)
        ]
        pid: int = _CREDENTIALS.unpack(told)[0]
        self._inner[pid] = inner
        return pid

    def await_forks(self) -> None:
        """Wait until every fork asked for is answered."""
        while self._awaiting:
            self._wait()
            self.read_answers()

    def reap(self, pid: int) -> tuple[int, int]:
        """Wait status and greatest resident size (KB) of `pid`, which is known to be dead; its strays go with it."""
        inner = self._inner.pop(pid, pid)
        try:
            self.control.send(wire.PID.pack(wire.REAP, inner, 0, 0))
        except OSError as fault:
            raise self._ended() from fault
        while True:
            self._wait()
            for reaped, status, memory_kb in self.read_answers():
                if reaped == inner:
                    return status, memory_kb

    def forget(self, environment: str) -> None:
        """Have it let go of what it keeps of an environment: its /tmp."""
        if self.greeting.sandboxed:
            with suppress(OSError):  # it is gone, and with it what it kept
                self.control.send(bytes([wire.FORGET]) + environment.encode())

    def _wait(self) -> None:
        waiting = select.poll()
        waiting.register(self.control, select.POLLIN)
        if not waiting.poll(_DEATH_WAIT_S * 1_000):
            raise MachineError(
                f"the process that forks environments gave no answer in {_DEATH_WAIT_S:.0f} s."
            )

    def _ended(self) -> MachineError:
        with suppress(subprocess.TimeoutExpired):  # its socket closes a moment before it can be waited for
            self._child.wait(timeout=_DEATH_WAIT_S)
        return MachineError(f"the process that forks environments ended (exit {self._child.poll()}).")

    def close(self) -> None:
        """End the zygote, and by its death whatever it forked."""
        if self.control.fileno() < 0:
            return
        # Its end of file is the word to go; it kills what it forked first. Only a zygote that hangs is killed, and then the
        # kernel kills its children (PR_SET_PDEATHSIG).
        self.control.close()
        try:
            self._child.wait(timeout=_DEATH_WAIT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
