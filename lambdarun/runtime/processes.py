"""Execution environments as processes: start, run, freeze, deadline, kill.

Everything is read through one epoll descriptor: replies, output, deaths and the zygote's answers. A process with a
single thread and no child that waits for its next event is frozen already; it says in its reply when more than that
lives, and then its group is stopped until the next invocation (a stop and a continue each time would cost 19 µs).
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
from array import array
from collections import deque
from contextlib import suppress
from fcntl import ioctl
from termios import FIONREAD
from typing import Any, ClassVar, Final

from attrs import define, field

from lambdarun.errors import MachineError
from lambdarun.model.environment import Environment
from lambdarun.model.instant import Duration
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import runtime_out_of_memory
from lambdarun.model.news import Ended, Responded
from lambdarun.model.outcome import Outcome, Usage
from lambdarun.runtime.clock import wall_seconds
from lambdarun.runtime.deadlines import Deadlines, limit_s, nearly
from lambdarun.runtime.environment_process import (
    DIED_OVERDUE,
    EnvironmentProcess,
    died,
    hand_over,
    hung_up,
    released,
    replied,
    used,
)
from lambdarun.runtime.farewells import FAREWELL_S, Farewells, answered, ask_to_end, let_exit, overdue
from lambdarun.runtime.launch import Launcher
from lambdarun.runtime.memory_sampler import Tree
from lambdarun.runtime.zygote_process import ZygoteProcess
from lambdarun.worker import wire

# How long `collect_lone` blocks in the receive itself (a timeval: 2 ms). A warm handler answers within microseconds,
# and an epoll turn costs more than that; one that takes longer is left to the poll, so that time-outs and other
# callers do not wait for it.
_LONE_WAIT: Final = struct.pack("ll", 0, 2_000)
_WAITING: Final = array("i", [0])
"""Where the kernel writes how many bytes wait in a pipe: half the time of a read that finds none."""
# A killed process can linger only in uninterruptible I/O. Then its status is told as lost, and the run goes on.
_DEATH_WAIT_MS: Final = 10_000
_REPLY, _OUTPUT, _DEATH, _ZYGOTE, _TICK = range(5)


# How an environment lives here:
#
# _start makes the two ends of its socket and its output pipe and asks the zygote for a process. Nobody waits for the
# answer: the socket keeps the first packet until the process is there, so request and fork overlap, and `pid` stays 0
# for a while. What needs the process id (a signal, a burial) first waits for the zygote's answers.
#
# _begin hands over one event and plants a deadline. The reply comes over the socket (_read_packet), the output
# through the pipe, a death through the pidfd; what ended is gathered in _ended for whoever calls `collect`. _bury is
# the only way out: it knows the process dead, has the zygote reap it, closes all three descriptors, and ends the
# invocation that it still had.
#
# The order of looking is part of what comes out: output before replies, so that what a handler wrote before it
# returned is in its own invocation; replies before deaths, so that a process that answered and exited has answered.
@define(eq=False)
class Processes:
    """All environments' processes, and what they have to say. Nothing here decides: it starts, tells and kills."""

    launcher: Launcher
    virtual: bool
    running_max: int
    """How many may work at once; more wait here. Never changes what happens in virtual time."""
    is_within: ClassVar[bool] = False
    """No handler runs in this process."""
    _epoll: select.epoll = field(factory=select.epoll, init=False)
    _readers: dict[int, tuple[int, Any]] = field(factory=dict, init=False)
    _processes: dict[int, EnvironmentProcess] = field(factory=dict, init=False)
    _busy: dict[int, EnvironmentProcess] = field(factory=dict, init=False)
    _deadlines: Deadlines = field(init=False)
    _waiting: deque[Invocation] = field(factory=deque, init=False)
    _ended: list[Ended | Responded] = field(factory=list, init=False)
    _farewells: Farewells = field(factory=Farewells, init=False)

    def __attrs_post_init__(self) -> None:
        self._deadlines = Deadlines(self._busy)
        zygotes = self.launcher.zygotes
        zygotes.started = self._watch_zygote
        for zygote in zygotes:
            self._watch_zygote(zygote)
        ticker = self.launcher.resources.ticker
        self._watch(ticker.descriptor, _TICK, ticker)

    @property
    def folder(self) -> str:
        """A folder of the run: it is removed when that ends."""
        return self.launcher.folder

    def fileno(self) -> int:
        """The descriptor that is readable when `collect` has something to do."""
        return self._epoll.fileno()

    def in_flight(self) -> int:
        """Invocations handed over and not yet ended."""
        return len(self._busy) + len(self._waiting)

    def answered(self) -> list[Ended]:
        """The ends of those that were answered already: nobody would hear of them once this is closed."""
        return answered(self._busy.values())

    def seconds_until_deadline(self) -> float | None:
        """Seconds of the wall until the next time-out is due; None: nothing can time out."""
        due = self._deadlines.next()
        dues = [due] if due is not None else []
        dues += self._farewells.deadlines()
        return max(0.0, min(dues) - wall_seconds()) if dues else None

    def run(self, invocation: Invocation) -> None:
        """Hand an event to its environment; `collect` tells what came of it."""
        if len(self._busy) >= self.running_max:
            self._waiting.append(invocation)
        else:
            self._begin(invocation)

    def collect_lone(self) -> Ended | Responded | None:
        """Wait a moment for the one invocation in flight, without the price of a poll; None if it takes longer."""
        # Whoever calls has seen that one is in flight, and it is busy: an invocation waits for its turn only behind busy
        # ones.
        [process] = self._busy.values()
        if process.awaited:
            return None
        try:
            packet = process.channel.recv(wire.PACKET_MAX)
        except (BlockingIOError, ConnectionResetError):
            process.awaited = True
            return None
        # The reply is here, so all that the handler wrote is in the pipe: it belongs to this invocation and must be read
        # before.
        ioctl(process.output, FIONREAD, _WAITING)
        if _WAITING[0]:
            self._read_output(process)
        self._read_packet(process, packet)
        return self._ended.pop() if self._ended else None

    def collect(self, timeout_s: float) -> list[Ended | Responded]:
        """Wait up to `timeout_s` until something ends; returns all that did."""
        overdue = self.seconds_until_deadline()
        if overdue is not None and overdue < timeout_s:
            timeout_s = nearly(self._epoll, overdue)
        readers = self._readers
        replies = []
        # The bound is not for speed: without it epoll reports at most FD_SETSIZE - 1 descriptors, and a burst of environments
        # has more, whose output would then be taken for that of the next invocation.
        for descriptor, _ in self._epoll.poll(timeout_s, len(readers)):
            role, process = readers[descriptor]
            if role == _OUTPUT:
                self._read_output(process)
            else:
                replies.append((descriptor, role, process))
        # What was written before a reply was readable with it: so the output has been read, and needs no look again.
        for descriptor, role, process in replies:
            if role == _ZYGOTE:
                self._read_zygote(process)
            elif role == _TICK:
                self.launcher.resources.look((busy.began, busy.account) for busy in self._busy.values())
            elif descriptor in readers:  # else buried just now
                self._read_reply(process)
                if role == _DEATH and descriptor in readers:
                    self._bury(process)
        if overdue is not None:
            self._end_overdue()
        # First come, first run. In virtual time this order changes nothing that is recorded: each waits under its own pin.
        while self._waiting and len(self._busy) < self.running_max:
            self._begin(self._waiting.popleft())
        ended, self._ended = self._ended, []
        return ended

    def reset(self, environment: Environment) -> None:
        """End an environment's idle process and what that left behind; its private folder stays."""
        process = self._processes.get(environment.id)
        if process is not None:
            self._kill(process)

    def stop(self, environment: Environment) -> None:
        """End an environment: its process, what that left behind, and its private folder."""
        process = self._processes.get(environment.id)
        if process is not None and process.extended and process.invocation is None:
            self._await_pid(process)
            del self._processes[environment.id]
            self._unwatch(process.channel.fileno())
            self._farewells.begin(process)
        else:
            self.reset(environment)
        self.launcher.forget(environment)

    def close(self) -> None:
        """End everything: processes get a moment to exit by themselves, so that their coverage data is written."""
        if self._epoll.closed:
            return
        self._waiting.clear()
        for zygote in self.launcher.zygotes:
            with suppress(MachineError):  # the zygote is gone, and with it what it forked
                zygote.await_forks()
                self._read_zygote(zygote)
        living = [*self._processes.values(), *self._farewells.leaving]
        let_exit(living, measured=self.launcher.measures)
        for process in living:
            with suppress(MachineError):
                self._bury(process)
        self.launcher.close()
        self._epoll.close()

    def _begin(self, invocation: Invocation) -> None:
        process = self._processes.get(invocation.environment.id)
        if process is None:
            process = self._start(invocation)
        elif self.launcher.packages.watch and self.launcher.is_outdated(invocation.environment):
            self._kill(process, tell=False)
            self.launcher.forget(invocation.environment)
            process = self._start(invocation)
        elif process.stopped:
            process.signal(signal.SIGCONT)
            process.stopped = False
        process.invocation = invocation
        process.awaited = False
        resources = self.launcher.resources
        if resources.looks and not resources.ticker.is_on:
            resources.ticker.start()
        process.began = began = wall_seconds()
        self._busy[invocation.number] = process
        process.overdue = False
        self._end_by(began + limit_s(process, invocation, virtual=self.virtual), process, invocation)
        try:
            hand_over(process, invocation, virtual=self.virtual and not process.supervised)
        except (BrokenPipeError, ConnectionResetError):
            # It died while it was idle: the environment gets a new process, and its reply says that it was cold.
            self._kill(process, tell=False)
            self._busy.pop(invocation.number, None)
            self._begin(invocation)

    def _end_by(self, deadline: float, process: EnvironmentProcess, invocation: Invocation) -> None:
        if self.launcher.debug_port is not None:
            return  # somebody looks at the handler in an editor, which tells nobody when it stops
        process.deadline = deadline
        self._deadlines.put(deadline, invocation.number)

    def _start(self, invocation: Invocation) -> EnvironmentProcess:
        process = self.launcher.launch(invocation.environment)
        # Set once: a call of settimeout or poll for each receive would cost as much as the receive.
        process.channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _LONE_WAIT)
        self._processes[invocation.environment.id] = process
        self._watch(process.channel.fileno(), _REPLY, process)
        self._watch(process.output, _OUTPUT, process)
        return process

    def _watch_zygote(self, zygote: ZygoteProcess) -> None:
        self._watch(zygote.control.fileno(), _ZYGOTE, zygote)

    def _watch(self, descriptor: int, role: int, told: Any) -> None:
        self._readers[descriptor] = (role, told)
        self._epoll.register(descriptor, select.EPOLLIN)

    def _unwatch(self, descriptor: int) -> None:
        if self._readers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def _read_zygote(self, zygote: ZygoteProcess) -> None:
        zygote.read_answers()
        for process, pid in zygote.forked:
            process.pid = pid
            process.pidfd = os.pidfd_open(pid)
            self._watch(process.pidfd, _DEATH, process)
            process.account.forked(Tree(pid, zygote.adopted, process.output_link()), zygote.resident_kb)
        zygote.forked.clear()

    def _await_pid(self, process: EnvironmentProcess) -> None:
        if not process.pid:
            process.zygote.await_forks()
            self._read_zygote(process.zygote)

    def _read_output(self, process: EnvironmentProcess) -> None:
        if not process.read_output():
            self._unwatch(process.output)

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
            # The process closed its end or died; its death is told by the pidfd. Or a handler sent nothing on it: rubbish.
            if hung_up(process.channel):
                self._unwatch(process.channel.fileno())
            return
        try:
            header = wire.REPLY_HEADER.unpack_from(packet)
        except struct.error:
            return  # a handler found the socket and wrote on it: AWS's Runtime API refuses that too, and waits on
        invocation = process.invocation
        process.extended |= bool(header[1] & wire.EXTENDED)
        if header[0] == wire.INITIALISED and not (invocation is not None and invocation.ahead):
            process.initialised = (Duration(header[6]), Duration(header[7]))
            process.account.initialised()
            if invocation is not None and not self.virtual and not invocation.init_within:
                self._end_by(wall_seconds() + invocation.function.timeout, process, invocation)
            return
        if header[0] in (wire.PAUSED, wire.RESUMED):
            process.hold(wall_seconds(), held=header[0] == wire.PAUSED)
            if invocation is not None:
                self._end_by(process.deadline, process, invocation)
            return
        # Nobody waits for it: its invocation was ended otherwise (a time-out that crossed the reply).
        if invocation is None or header[3] != invocation.number & 0xFFFFFFFF or header[0] not in wire.REPLIES:
            return
        if header[0] == wire.RELEASED:
            self._end(process, invocation, *released(process, header))
            return
        try:
            outcome = replied(process, invocation, header, packet)
        # Half a reply: the death that cut it is on its way, and ends the invocation as what it was.
        except EOFError:
            return
        usage = used(process, header)
        if header[1] & wire.LINGERS:
            process.lingering = outcome, usage
            self._tell_early(invocation, outcome)
            return
        account = process.account
        if header[8] > account.limit_kb and not header[1] & wire.HAD_CHILDREN and account.exceeded(header[8]):
            self._end(process, invocation, runtime_out_of_memory(invocation.request_id), usage)
            self._kill(process)
            return
        self._end(process, invocation, outcome, usage)
        if header[0] in (wire.INIT_ERROR, wire.OVERSLEPT, wire.CRASHED):
            self._bury(process)
        elif header[1] & wire.MAY_RUN:
            self._freeze(process)

    def _freeze(self, process: EnvironmentProcess) -> None:
        # A thread or a child lives. On AWS everything freezes between invocations, so the group is stopped, and continued by
        # _begin.
        self._await_pid(process)
        process.signal(signal.SIGSTOP)
        process.stopped = True

    def _tell_early(self, invocation: Invocation, outcome: Outcome) -> None:
        if not self.virtual:  # there the outcome has its own instant
            self._ended.append(Responded(invocation, outcome))

    def _end(
        self, process: EnvironmentProcess, invocation: Invocation, outcome: Outcome, usage: Usage
    ) -> None:
        process.invocation = None
        del self._busy[invocation.number]
        self._ended.append(Ended(invocation, outcome, usage))

    def _end_overdue(self) -> None:
        now = wall_seconds()
        for deadline, number in self._deadlines.take_due(now):
            process = self._busy.get(number)
            # A cold start's first deadline holds until its initialisation is told; then another one does.
            if process is None or process.invocation is None or process.deadline != deadline:
                continue
            if process.extended and not process.overdue:
                self._dismiss(process, process.invocation)
            else:
                self._kill(process, timed_out=True)
        self._farewells.kill_overdue(now)

    def _dismiss(self, process: EnvironmentProcess, invocation: Invocation) -> None:
        """Have a process whose invocation is overdue end its extensions in order; it is killed if it takes too long."""
        self._await_pid(process)
        ask_to_end(process)
        if process.lingering is None:
            self._tell_early(invocation, overdue(invocation))
        self._end_by(wall_seconds() + FAREWELL_S, process, invocation)

    def _kill(self, process: EnvironmentProcess, *, timed_out: bool = False, tell: bool = True) -> None:
        self._await_pid(process)
        if self.launcher.measures:
            process.let_save()
        process.signal(signal.SIGKILL)
        if not tell:
            process.invocation = None
        self._bury(process, timed_out=timed_out)

    def _bury(self, process: EnvironmentProcess, *, timed_out: bool = False) -> None:
        """See a dying process off: wait for it, reap it, and end its invocation if it had one."""
        if self._processes.get(process.environment.id) is process:
            del self._processes[process.environment.id]
        try:
            self._await_pid(process)
            dead = process.await_death(_DEATH_WAIT_MS)
            self._read_output(process)
            # Until this word the process id is a zombie's and cannot be given to another process: every signal before it
            # was safe.
            status, memory_kb = process.zygote.reap(process.pid) if dead else (wire.LOST, 0)
            self._read_zygote(process.zygote)
        finally:
            self._release(process)
            self._farewells.leaving.discard(process)
        timed_out = timed_out or process.overdue
        invocation = process.invocation
        if invocation is not None:
            died_as = DIED_OVERDUE if timed_out else status
            self._end(
                process, invocation, *died(process, invocation, died_as, memory_kb, virtual=self.virtual)
            )

    def _release(self, process: EnvironmentProcess) -> None:
        for descriptor in (process.channel.fileno(), process.output, process.pidfd):
            self._unwatch(descriptor)
        process.close()
