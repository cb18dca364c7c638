"""Execution environments as processes: start, run, freeze, deadline, kill.

Everything is read through one epoll descriptor: replies, output, deaths and the zygote's answers. A process with a
single thread and no child that waits for its next event is frozen already; it says in its reply when more than that
lives, and then its group is stopped until the next invocation (a stop and a continue each time would cost 19 µs).
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import struct
import tempfile
from array import array
from collections import deque
from contextlib import suppress
from fcntl import ioctl
from heapq import heapify, heappop, heappush
from termios import FIONREAD
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.errors import MachineError
from lambdarun.model.declarations import Account
from lambdarun.model.environment import Environment
from lambdarun.model.instant import SECOND, Duration
from lambdarun.model.invocation import Invocation
from lambdarun.model.news import Ended
from lambdarun.model.outcome import Outcome, Usage
from lambdarun.runtime.channel import send_in_memfd
from lambdarun.runtime.clock import wall_epoch_us, wall_seconds
from lambdarun.runtime.environment_process import (
    DIED_OVERDUE,
    EnvironmentProcess,
    died,
    init_timed_out,
    open_environment,
    replied,
    used,
)
from lambdarun.runtime.process_environment import process_environment
from lambdarun.runtime.zygote_process import ZygoteProcess
from lambdarun.worker import wire

OUTPUT_KEPT_BYTES: Final = 1_048_576
"""Of one invocation's output; what is beyond is read, so that the handler is not held up, and counted."""
SPIN_LIMIT_MIN_S: Final = 10
_LONE_WAIT: Final = struct.pack("ll", 0, 2_000)
_WAITING: Final = array("i", [0])
"""Where the kernel writes how many bytes wait in a pipe: half the time of a read that finds none."""
_PIPE_READ: Final = 65_536
_STALE_MAX: Final = 256
_POLL_GRAIN_S: Final = 0.002
_QUIET_EXIT_S: Final = 0.2
_DEATH_WAIT_MS: Final = 10_000
_REPLY, _OUTPUT, _DEATH, _ZYGOTE = range(4)


@define(eq=False)
class Processes:
    """All environments' processes, and what they have to say. Nothing here decides: it starts, tells and kills."""

    account: Account
    zygote: ZygoteProcess
    virtual: bool
    running_max: int
    """How many may work at once; more wait here. Never changes what happens in virtual time."""
    measured_sleep: bool = False
    seed: int = 0
    folder: str = field(init=False)
    _epoll: select.epoll = field(factory=select.epoll, init=False)
    _readers: dict[int, tuple[int, EnvironmentProcess | None]] = field(factory=dict, init=False)
    _processes: dict[int, EnvironmentProcess] = field(factory=dict, init=False)
    _deadlines: list[tuple[float, int]] = field(factory=list, init=False)
    _busy: dict[int, EnvironmentProcess] = field(factory=dict, init=False)
    _waiting: deque[Invocation] = field(factory=deque, init=False)
    _ended: list[Ended] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="lambdarun-")
        self._watch(self.zygote.control.fileno(), _ZYGOTE, None)

    def fileno(self) -> int:
        """The descriptor that is readable when `collect` has something to do."""
        return self._epoll.fileno()

    def in_flight(self) -> int:
        """Invocations handed over and not yet ended."""
        return len(self._busy) + len(self._waiting)

    def seconds_until_deadline(self) -> float | None:
        """Seconds of the wall until the next time-out is due; None: nothing can time out."""
        while self._deadlines and self._deadlines[0][1] not in self._busy:
            heappop(self._deadlines)
        return max(0.0, self._deadlines[0][0] - wall_seconds()) if self._deadlines else None

    def run(self, invocation: Invocation) -> None:
        """Hand an event to its environment; `collect` tells what came of it."""
        if len(self._busy) >= self.running_max:
            self._waiting.append(invocation)
        else:
            self._begin(invocation)

    def collect_lone(self) -> Ended | None:
        """Wait a moment for the one invocation in flight, without the price of a poll; None if it takes longer."""
        [process] = self._busy.values()
        if process.awaited:
            return None
        try:
            packet = process.channel.recv(wire.PACKET_MAX)
        except (BlockingIOError, ConnectionResetError):
            process.awaited = True
            return None
        ioctl(process.output, FIONREAD, _WAITING)
        if _WAITING[0]:
            self._read_output(process)
        self._read_packet(process, packet)
        return self._ended.pop() if self._ended else None

    def collect(self, timeout_s: float) -> list[Ended]:
        """Wait up to `timeout_s` until something ends; returns all that did."""
        overdue = self.seconds_until_deadline()
        if overdue is not None and overdue < timeout_s:
            timeout_s = self._near(overdue)
        readers = self._readers
        replies = []
        for descriptor, _ in self._epoll.poll(timeout_s, len(readers)):
            role, process = readers[descriptor]
            if role == _OUTPUT:
                self._read_output(process)  # type: ignore[arg-type]  # None only in the zygote's entry
            else:
                replies.append((descriptor, role, process))
        # What was written before a reply was readable with it: so the output has been read, and needs no look again.
        for descriptor, role, process in replies:
            if process is None:
                self._read_zygote()
            elif descriptor in readers:  # else buried just now
                self._read_reply(process)
                if role == _DEATH and descriptor in readers:
                    self._bury(process)
        if overdue is not None:
            self._end_overdue()
        while self._waiting and len(self._busy) < self.running_max:
            self._begin(self._waiting.popleft())
        ended, self._ended = self._ended, []
        return ended

    def _near(self, overdue_s: float) -> float:
        """How long to poll when the next time-out is due in `overdue_s`. A poll counts in whole milliseconds, rounded
        up, so it ends a little before, and the rest is waited for by the microsecond.
        """
        if overdue_s > _POLL_GRAIN_S:
            return overdue_s - _POLL_GRAIN_S
        select.select([self._epoll], [], [], overdue_s)
        return 0

    def reset(self, environment: Environment) -> None:
        """End an environment's idle process and what that left behind; its private folder stays."""
        process = self._processes.get(environment.id)
        if process is not None:
            self._kill(process)

    def stop(self, environment: Environment) -> None:
        """End an environment: its process, what that left behind, and its private folder."""
        self.reset(environment)
        shutil.rmtree(self._private_folder(environment), ignore_errors=True)

    def close(self) -> None:
        """End everything: processes get a moment to exit by themselves, so that their coverage data is written."""
        if self._epoll.closed:
            return
        self._waiting.clear()
        with suppress(MachineError):  # the zygote is gone, and with it what it forked
            self.zygote.await_forks()
            self._read_zygote()
        living = list(self._processes.values())
        for process in living:
            if process.stopped:
                process.signal(signal.SIGCONT)
            process.channel.close()
        quiet = wall_seconds() + _QUIET_EXIT_S
        for process in living:
            if process.invocation is None and process.pid:
                process.await_death(max(0, round((quiet - wall_seconds()) * 1_000)))
        for process in living:
            process.signal(signal.SIGKILL)
        for process in living:
            with suppress(MachineError):
                self._bury(process)
        self.zygote.close()
        self._epoll.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _begin(self, invocation: Invocation) -> None:
        process = self._processes.get(invocation.environment.id)
        if process is None:
            process = self._start(invocation)
        elif process.stopped:
            process.signal(signal.SIGCONT)
            process.stopped = False
        process.invocation = invocation
        process.awaited = False
        process.began = began = wall_seconds()
        self._busy[invocation.number] = process
        limit = invocation.function.timeout
        if self.virtual:
            limit = max(SPIN_LIMIT_MIN_S, 2 * limit)
        elif process.fresh and not invocation.init_within:
            limit = limits.INIT_TIMEOUT.value  # until its initialisation is told
        self._end_by(began + limit, process, invocation)
        try:
            self._send(process, invocation)
        except (BrokenPipeError, ConnectionResetError):
            # It died while it was idle: the environment gets a new process, and its reply says that it was cold.
            self._kill(process, tell=False)
            self._busy.pop(invocation.number, None)
            self._begin(invocation)

    def _end_by(self, deadline: float, process: EnvironmentProcess, invocation: Invocation) -> None:
        deadlines = self._deadlines
        if len(deadlines) > 2 * len(self._busy) + _STALE_MAX:
            # A lone caller never looks at the heap, and what has ended stays in it.
            self._deadlines = deadlines = [one for one in deadlines if one[1] in self._busy]
            heapify(deadlines)
        process.deadline = deadline
        heappush(deadlines, (deadline, invocation.number))

    def _send(self, process: EnvironmentProcess, invocation: Invocation) -> None:
        payload, context = invocation.payload, invocation.client_context
        arn = invocation.invoked_arn.encode() if invocation.invoked_arn is not None else b""
        inline = len(payload) <= wire.INLINE_MAX
        begins = invocation.started if self.virtual else wall_epoch_us()
        header = wire.RUN_HEADER.pack(
            wire.RUN,
            (0 if inline else wire.MEMFD) | (wire.INIT_WITHIN if invocation.init_within else 0),
            len(arn),
            invocation.number & 0xFFFFFFFF,
            begins if self.virtual else 0,
            begins + invocation.function.timeout * SECOND,
            0,
            invocation.request_id.encode(),
            len(context),
            len(payload),
        )
        if arn or context:
            header += arn + context
        if inline:
            process.channel.send(header + payload)
        else:
            process.channel.send(header)
            send_in_memfd(process.channel, payload)

    def _start(self, invocation: Invocation) -> EnvironmentProcess:
        environment = invocation.environment
        function = invocation.function
        folder = self._private_folder(environment)
        os.makedirs(folder, exist_ok=True)
        try:
            process, descriptors = open_environment(environment)
        except OSError as fault:
            raise MachineError(
                f"cannot start an environment beside {len(self._processes)} others: {fault.strerror}."
            ) from fault
        process.channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _LONE_WAIT)
        configuration = {
            "environ": process_environment(self.account, function, environment.log_stream, folder),
            "task_root": str(function.code_uri),
            "handler": function.handler,
            "arn": self.account.function_arn(function.name),
            "virtual": self.virtual,
            "seed": f"{self.seed}:{function.name}:{environment.id}:{environment.runs}",
            "measured_sleep": self.measured_sleep,
        }
        try:
            self.zygote.fork(configuration, descriptors, process)
        except MachineError:
            process.close()
            raise
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self._processes[environment.id] = process
        self._watch(process.channel.fileno(), _REPLY, process)
        self._watch(process.output, _OUTPUT, process)
        return process

    def _private_folder(self, environment: Environment) -> str:
        return f"{self.folder}/{environment.function.name}-{environment.id}"

    def _watch(self, descriptor: int, role: int, process: EnvironmentProcess | None) -> None:
        self._readers[descriptor] = (role, process)
        self._epoll.register(descriptor, select.EPOLLIN)

    def _unwatch(self, descriptor: int) -> None:
        if self._readers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def _read_zygote(self) -> None:
        self.zygote.read_answers()
        for process, pid in self.zygote.forked:
            process.pid = pid
            process.pidfd = os.pidfd_open(pid)
            self._watch(process.pidfd, _DEATH, process)
        self.zygote.forked.clear()

    def _read_output(self, process: EnvironmentProcess) -> None:
        while True:
            try:
                part = os.read(process.output, _PIPE_READ)
            except BlockingIOError:
                return
            if not part:
                self._unwatch(process.output)
                return
            room = OUTPUT_KEPT_BYTES - process.kept_bytes
            if len(part) > room:
                process.dropped_bytes += len(part) - room
                part = part[:room]
            process.kept.append(part)
            process.kept_bytes += len(part)

    def _read_reply(self, process: EnvironmentProcess) -> None:
        try:
            packet = process.channel.recv(wire.PACKET_MAX, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except ConnectionResetError:
            packet = b""
        self._read_packet(process, packet)

    def _read_packet(self, process: EnvironmentProcess, packet: bytes) -> None:
        if not packet:
            # The process closed its end or died; its death is told by the pidfd.
            self._unwatch(process.channel.fileno())
            return
        header = wire.REPLY_HEADER.unpack_from(packet)
        invocation = process.invocation
        if header[0] == wire.INITIALISED:
            process.initialised = (Duration(header[6]), Duration(header[7]))
            if invocation is not None and not self.virtual and not invocation.init_within:
                self._end_by(wall_seconds() + invocation.function.timeout, process, invocation)
            return
        if invocation is None or header[3] != invocation.number & 0xFFFFFFFF:
            return
        try:
            outcome = replied(process, invocation, header, packet)
        except EOFError:
            return
        self._end(process, invocation, outcome, used(process, header))
        if header[0] in (wire.INIT_ERROR, wire.OVERSLEPT):
            self._bury(process)
        elif header[1] & wire.MAY_RUN:
            if not process.pid:
                self.zygote.await_forks()
                self._read_zygote()
            process.signal(signal.SIGSTOP)
            process.stopped = True

    def _end(
        self, process: EnvironmentProcess, invocation: Invocation, outcome: Outcome, usage: Usage
    ) -> None:
        process.invocation = None
        del self._busy[invocation.number]
        self._ended.append(Ended(invocation, outcome, usage))

    def _end_overdue(self) -> None:
        now = wall_seconds()
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, number = heappop(self._deadlines)
            process = self._busy.get(number)
            # A cold start's first deadline holds until its initialisation is told; then another one does.
            if process is not None and process.invocation is not None and process.deadline == deadline:
                self._kill(process, timed_out=True)

    def _kill(self, process: EnvironmentProcess, *, timed_out: bool = False, tell: bool = True) -> None:
        if not process.pid:
            self.zygote.await_forks()
            self._read_zygote()
        process.signal(signal.SIGKILL)
        if not tell:
            process.invocation = None
        self._bury(process, timed_out=timed_out)

    def _bury(self, process: EnvironmentProcess, *, timed_out: bool = False) -> None:
        """See a dying process off: wait for it, reap it, and end its invocation if it had one."""
        if self._processes.get(process.environment.id) is process:
            del self._processes[process.environment.id]
        try:
            if not process.pid:
                self.zygote.await_forks()
                self._read_zygote()
            dead = process.await_death(_DEATH_WAIT_MS)
            self._read_output(process)
            status, memory_kb = self.zygote.reap(process.pid) if dead else (wire.LOST, 0)
            self._read_zygote()
        finally:
            self._release(process)
        invocation = process.invocation
        if invocation is not None:
            elapsed = wall_seconds() - process.began
            within_init = timed_out and process.is_initialising and not invocation.init_within
            if within_init and not self.virtual:
                self._end(process, invocation, *init_timed_out(process, memory_kb))
            else:
                died_as = DIED_OVERDUE if timed_out else status
                self._end(process, invocation, *died(process, invocation, died_as, memory_kb, elapsed))

    def _release(self, process: EnvironmentProcess) -> None:
        for descriptor in (process.channel.fileno(), process.output, process.pidfd):
            self._unwatch(descriptor)
        process.close()
