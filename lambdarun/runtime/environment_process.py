"""One environment's process: how an event is handed to it, and what its replies and its death say of the invocation."""

from __future__ import annotations

import os
import select
import signal
import socket
from contextlib import suppress
from math import inf
from typing import Any, Final

from attrs import define, field

from lambdarun.aws import platform_errors
from lambdarun.model.environment import Environment
from lambdarun.model.handler_time import longest_init
from lambdarun.model.instant import SECOND, Duration
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import exited, response_too_large, runtime_out_of_memory, timed_out
from lambdarun.model.outcome import Cause, FunctionFailed, NotJson, Outcome, Succeeded, SystemFailed, Usage
from lambdarun.runtime.account import Account
from lambdarun.runtime.clock import wall_epoch_us, wall_seconds
from lambdarun.runtime.zygote_process import ZygoteProcess
from lambdarun.worker import memfd, wire

DIED_OVERDUE: Final = -1
"""In place of a wait status: the process was killed at its deadline."""
OUTPUT_KEPT_BYTES: Final = 1_048_576
"""Of one invocation's output; what is beyond is read, so that the handler is not held up, and counted."""
_PIPE_READ: Final = 65_536
_MEMFD_WAIT_MS: Final = 10_000
"""How long a payload may come behind its header. A process that has the time to send one has the time to send both."""
_NONE: Final = Duration(0)
_CAUSES: Final = {
    wire.ERROR: Cause.RAISED,
    wire.INIT_ERROR: Cause.INIT_FAILED,
    wire.CRASHED: Cause.EXITED,
}
_SAVING_MS: Final = 1_000


@define(eq=False)
class EnvironmentProcess:
    """The process of one environment, and the invocation that it works on."""

    environment: Environment
    zygote: ZygoteProcess
    """The one that forks it."""
    account: Account
    """What it may use, and what it uses."""
    channel: socket.socket
    output: int
    pid: int = 0
    pidfd: int = -1
    stopped: bool = False
    fresh: bool = True
    """Until its first reply: it may have died idle and been started anew, so the model need not know."""
    invocation: Invocation | None = None
    began: float = 0.0
    awaited: bool = False
    """Whether somebody has waited for this invocation alone, in vain."""
    deadline: float = 0.0
    left_s: float = 0.0
    """Until its deadline, while a debugger holds it, since `paused_at`."""
    paused_at: float = 0.0
    initialised: tuple[Duration, Duration] | None = None
    """What its initialisation took, and slept in virtual time, until its first reply has told so too."""
    supervised: bool = False
    """Whether its runtime is a program of its own, and this process its supervisor."""
    extended: bool = False
    """Whether extensions run in it: it is asked to end, and given time, before it is killed."""
    overdue: bool = False
    """Whether it was asked to end because its invocation reached the timeout."""
    lingering: tuple[Outcome, Usage] | None = None
    """What its invocation came to, while extensions still work on it."""
    kept: list[bytes] = field(factory=list)
    kept_bytes: int = 0
    dropped_bytes: int = 0

    @property
    def is_initialising(self) -> bool:
        """Whether it has not yet told that its handler is imported."""
        return self.invocation is not None and self.fresh and self.initialised is None

    def read_output(self) -> bool:
        """Read what waits in its pipe; False where that has come to its end."""
        while True:
            try:
                # Read to the end and beyond the cap: 64 KB that nobody reads would hold the handler up until its timeout.
                part = os.read(self.output, _PIPE_READ)
            except BlockingIOError:
                return True
            if not part:
                return False
            room = OUTPUT_KEPT_BYTES - self.kept_bytes
            if len(part) > room:
                self.dropped_bytes += len(part) - room
                part = part[:room]
            self.kept.append(part)
            self.kept_bytes += len(part)

    def output_link(self) -> str:
        """Its pipe, as links to it look in /proc."""
        return f"pipe:[{os.fstat(self.output).st_ino}]"

    def take_output(self) -> tuple[bytes, int]:
        """What was written since the last call, and how many bytes beyond the cap."""
        if not self.kept:
            return b"", 0
        taken = b"".join(self.kept), self.dropped_bytes
        self.kept, self.kept_bytes, self.dropped_bytes = [], 0, 0
        return taken

    def signal(self, number: int) -> None:
        """Send a signal to its process group."""
        if self.pid:  # 0 would be our own group
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def await_death(self, timeout_ms: int) -> bool:
        """Wait until it has died, at most `timeout_ms`; says whether it has."""
        waiting = select.poll()
        waiting.register(self.pidfd, select.POLLIN)
        return bool(waiting.poll(timeout_ms))

    def hold(self, now: float, *, held: bool) -> None:
        """A debugger holds the handler, or lets it go on: its time does not run between."""
        if held:
            self.paused_at, self.left_s, self.deadline = now, self.deadline - now, inf
        else:
            self.began += now - self.paused_at
            self.deadline = now + self.left_s

    def let_save(self) -> None:
        """Have it write what coverage measured, before it is killed."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        self.await_death(_SAVING_MS)

    def close(self) -> None:
        """Close our ends of what joins us to it."""
        self.channel.close()
        os.close(self.output)
        if self.pid:
            os.close(self.pidfd)


def open_environment(
    environment: Environment, zygote: ZygoteProcess, account: Account
) -> tuple[EnvironmentProcess, list[int]]:
    """What joins us to a process yet to be forked, and its own ends: of the socket, and of its output."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        read_end, write_end = os.pipe2(os.O_CLOEXEC)
    except OSError:
        ours.close()
        theirs.close()
        raise
    os.set_blocking(read_end, False)
    return EnvironmentProcess(environment, zygote, account, ours, read_end), [theirs.detach(), write_end]


def hung_up(channel: socket.socket) -> bool:
    """Whether the other end is closed; an empty packet reads like its end, and is not."""
    poll = select.poll()
    poll.register(channel, select.POLLRDHUP)
    return bool(poll.poll(0))


def hand_over(process: EnvironmentProcess, invocation: Invocation, *, virtual: bool) -> None:
    """Send an event to its process. Raises BrokenPipeError or ConnectionResetError where that is dead."""
    payload, context = invocation.payload, invocation.client_context
    arn = invocation.invoked_arn.encode() if invocation.invoked_arn is not None else b""
    inline = len(payload) <= wire.INLINE_MAX
    begins = invocation.started if virtual else wall_epoch_us()
    header = wire.RUN_HEADER.pack(
        wire.INIT if invocation.ahead else wire.RUN,
        (0 if inline else wire.MEMFD) | (wire.INIT_WITHIN if invocation.init_within else 0),
        len(arn),
        # An echo, compared on return: 32 bits are enough to tell an old reply from a new one.
        invocation.number & 0xFFFFFFFF,
        begins if virtual else 0,
        begins + (longest_init(invocation) if invocation.ahead else invocation.function.timeout * SECOND),
        invocation.request_id.encode(),
        len(context),
        len(payload),
    )
    if arn or context:
        header += arn + context
    if inline:
        process.channel.send(header + payload)
    else:
        memfd.send(process.channel, header, payload)


def replied(
    process: EnvironmentProcess, invocation: Invocation, header: tuple[Any, ...], packet: bytes
) -> Outcome:
    """What a reply says of the invocation. Raises EOFError where its sender died before all of it was sent."""
    kind, flags, type_bytes, size = header[0], header[1], header[2], header[9]
    # The payload stays bytes: it was JSON when it left the worker, and nobody between there and the caller needs its
    # values.
    start = wire.REPLY_HEADER.size + type_bytes
    payload = memfd.receive(process.channel, size, _MEMFD_WAIT_MS) if flags & wire.MEMFD else packet[start:]
    if kind in (wire.RESULT, wire.INITIALISED):
        return Succeeded(payload)
    if kind == wire.NOT_JSON:
        return NotJson()
    if kind == wire.TOO_LARGE:
        return response_too_large()
    if kind == wire.OVERSLEPT:
        return timed_out(invocation.request_id, invocation.function.timeout)
    # They differ in what follows (a reset), not in what the caller sees.
    return FunctionFailed(
        _CAUSES[kind], packet[wire.REPLY_HEADER.size : start].decode(errors="replace"), payload
    )


def released(process: EnvironmentProcess, header: tuple[Any, ...]) -> tuple[Outcome, Usage]:
    """The outcome of an invocation that lingered, and all that it used until its environment was free."""
    assert process.lingering is not None
    (outcome, before), process.lingering = process.lingering, None
    output, dropped = process.take_output()
    usage = Usage(
        Duration(header[4]),
        before.init,
        before.slept,
        before.init_slept,
        max(before.max_memory_mb, header[8] >> 10),
        before.output + output,
        before.output_dropped + dropped,
        before.init_output,
        Duration(max(0, header[4] - before.duration)),
    )
    return outcome, usage


def used(process: EnvironmentProcess, header: tuple[Any, ...]) -> Usage:
    """What the invocation used until its reply."""
    output, dropped = process.take_output() if process.kept else (b"", 0)
    process.initialised, process.fresh = None, False
    init, init_output = None, 0
    if header[1] & wire.COLD:
        init = Duration(header[6])
        output, init_output = _parted(output)
    return Usage(
        Duration(header[4]),
        init,
        Duration(header[5]),
        Duration(header[7]),
        process.account.max_memory_mb(header[8], had_children=bool(header[1] & wire.HAD_CHILDREN)),
        output,
        dropped,
        init_output,
    )


def _init_timed_out(
    process: EnvironmentProcess, invocation: Invocation, memory_mb: int
) -> tuple[Outcome, Usage]:
    """Initialisation passed its own limit: it is done again, within the invocation."""
    # The limit itself, not what was measured: how late our timer was is no figure of the function's.
    longest = longest_init(invocation)
    outcome = FunctionFailed(Cause.INIT_FAILED, platform_errors.TIMED_OUT.error_type, b"")
    return outcome, Usage(_NONE, longest, _NONE, _NONE, memory_mb, *process.take_output())


def died(
    process: EnvironmentProcess, invocation: Invocation, status: int, memory_kb: int, *, virtual: bool
) -> tuple[Outcome, Usage]:
    """What it says of an invocation that its process died; `status` as os.wait4 gives it, or DIED_OVERDUE."""
    overdue = status == DIED_OVERDUE
    # In virtual time the model knows how long initialisation may take.
    if overdue and process.is_initialising and not invocation.init_within and not virtual:
        memory_mb = process.account.max_memory_mb(memory_kb, had_children=True)
        return _init_timed_out(process, invocation, memory_mb)
    if process.lingering is not None and not overdue:
        return _died_answered(process)
    return _died_at_work(process, invocation, status, memory_kb)


def _died_at_work(
    process: EnvironmentProcess, invocation: Invocation, status: int, memory_kb: int
) -> tuple[Outcome, Usage]:
    elapsed = Duration(round((wall_seconds() - process.began) * SECOND))
    initialising = process.is_initialising
    out_of_memory, memory_mb = process.account.at_death(status, memory_kb)
    # AWS takes a segmentation fault during initialisation for a time-out (recorded:
    # test_lambda_runtime_exit_segfault); here it is told at once, with the whole timeout as its duration.
    late = status == DIED_OVERDUE or (status == signal.SIGSEGV and initialising)
    outcome: Outcome
    if late:
        elapsed = Duration(invocation.function.timeout * SECOND)
        outcome = timed_out(invocation.request_id, invocation.function.timeout)
    elif status == wire.LOST:
        outcome = SystemFailed("the environment's process was lost")
    elif out_of_memory:
        cause = Cause.INIT_FAILED if initialising else Cause.OUT_OF_MEMORY
        outcome = runtime_out_of_memory(invocation.request_id, cause)
    else:
        cause = Cause.INIT_FAILED if initialising else Cause.EXITED
        outcome = exited(invocation.request_id, status, cause)
    output, dropped = process.take_output()
    output, init_output = _parted(output) if process.fresh else (output, 0)
    init, init_slept = process.initialised or (elapsed if initialising and not late else None, _NONE)
    # What was measured runs from the hand-over, initialisation included; Duration is what came behind it.
    if init is not None and (invocation.init_within or not late):
        elapsed = max(_NONE, Duration(elapsed - init))
    return outcome, Usage(elapsed, init, _NONE, init_slept, memory_mb, output, dropped, init_output)


def _died_answered(process: EnvironmentProcess) -> tuple[Outcome, Usage]:
    """A runtime answered and ended before it asked for the next event: its answer holds, its environment is reset."""
    assert process.lingering is not None
    (outcome, usage), process.lingering = process.lingering, None
    if isinstance(outcome, FunctionFailed):
        outcome = FunctionFailed(Cause.EXITED, outcome.error_type, outcome.payload)
    return outcome, usage


def _parted(output: bytes) -> tuple[bytes, int]:
    """A first invocation's output without the mark in it, and how much of it initialisation wrote."""
    before, mark, behind = output.partition(wire.INIT_END)
    return (before + behind, len(before)) if mark else (output, 0)
