"""The process of an environment whose runtime is a program of its own: serves it both APIs, and speaks for it.

To the shell it is an environment like any other: RUN comes in, RESULT, ERROR or INIT_ERROR goes out, and it dies as its
runtime died. To runtime and extensions, its children, it is Lambda: an HTTP server on a free port of the loopback.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, NoReturn

import trio
from attrs import define, field

from lambdarun.aws import limits, platform_errors
from lambdarun.aws.platform_errors import PlatformError
from lambdarun.model.environment_api import EnvironmentApi, Initialised, Phase, Released, StartRuntime
from lambdarun.model.extensions_api import ExtensionFailed, FunctionFacts, ShutdownReason
from lambdarun.model.invoke_request import exit_text
from lambdarun.model.runtime_api import Event, Failed, InitFailed, Returned, TooLarge
from lambdarun.runtime.api_server import ApiServer
from lambdarun.runtime.clock import wall_epoch_us, wall_seconds
from lambdarun.runtime.readiness import LONE_WAIT, Readiness
from lambdarun.runtime.supervised_child import Child, Children, extension_environment, start_child
from lambdarun.worker import memfd, wire

# A runtime asks for the next event right behind its response, and its caller is answered then: were he answered before,
# his next request might find the environment busy and get another one, by the chance of a busy machine. Only where more
# is done first, by it or by extensions, is the caller answered while the environment lingers.
_LINGER_AFTER_S: Final = 0.1
_LINGER_AFTER_EXTENDED_S: Final = 0.02
# A runtime that told of its failed initialisation exits by itself; what it still writes belongs to the log.
_INIT_ERROR_EXIT_S: Final = 0.1
_MEMFD_WAIT_MS: Final = 10_000
_SIGNALLED: Final = 0x7F


# The life of a supervisor. `start` is called in the fork, becomes the environment's process and runs trio. The first
# RUN begins initialisation: external extensions are started, then, when all have registered, the runtime. When all have
# asked for an event, INITIALISED goes out and the event in. From then on the core (model/environment_api.py) says what
# each request means, and the supervisor only carries: requests in, responses and packets out.
#
# It ends in one of three ways. The shell closes the channel: SHUTDOWN with `spindown`, then exit. The shell sends
# SIGTERM, at a time-out: SHUTDOWN with `timeout`, then exit. A child ends that may not: SHUTDOWN with `failure`, and
# then the supervisor dies as the runtime did, so that the shell reads from its wait status what happened.
@define(eq=False)
class Supervisor:
    """One environment, seen from within."""

    channel: socket.socket
    configuration: dict[str, Any]
    api: EnvironmentApi = field(init=False)
    server: ApiServer = field(init=False)
    readiness: Readiness = field(factory=Readiness, init=False)
    nursery: trio.Nursery = field(init=False)
    children: Children = field(factory=Children, init=False)
    number: int = field(default=0, init=False)
    request_id: str = field(default="", init=False)
    cold: int = field(default=wire.COLD, init=False)
    init_us: int = field(default=0, init=False)
    began: float = field(default=0.0, init=False)
    answer: Returned | Failed | TooLarge | None = field(default=None, init=False)
    told: bool = field(default=False, init=False)
    """Whether the present answer was sent with LINGERS."""
    ending: bool = field(default=False, init=False)
    _first: tuple[Any, ...] | None = field(default=None, init=False)
    """The first event, until all is initialised."""
    _answered: trio.Event = field(factory=trio.Event, init=False)

    async def run(self) -> None:
        """Serve the environment until it ends; never returns."""
        configuration = self.configuration
        facts = FunctionFacts(
            configuration["function"],
            configuration["version"],
            configuration["handler"],
            configuration["account_id"],
        )
        self.api = EnvironmentApi(facts, configuration["seed"])
        self.server = ApiServer.open(self.api, self.follow, self.readiness)
        async with trio.open_nursery() as self.nursery:
            self.nursery.start_soon(self._heed_signals)
            self.nursery.start_soon(self._watch_lingering)
            self.server.serve(self.nursery)
            self.readiness.rest = self._rest
            self.channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, LONE_WAIT)
            self.readiness.watch(self.channel.fileno(), self._read_channel)
            await self.readiness.serve()

    def _later(self, task: Callable[..., Awaitable[object]], *told: object) -> None:
        self.nursery.start_soon(task, *told)
        self.readiness.leave()

    def _read_channel(self) -> None:
        try:
            packet = self.channel.recv(wire.PACKET_MAX)
        except BlockingIOError:
            return
        except ConnectionResetError:
            packet = b""
        if packet:
            self._take(packet)
        else:
            self.readiness.forget(self.channel.fileno())
            self._later(self.end, ShutdownReason.SPINDOWN, 0)

    def _take(self, packet: bytes) -> None:
        unpacked = wire.RUN_HEADER.unpack_from(packet)
        _, flags, arn_bytes, number, _, deadline_us, id_bytes, context_bytes, size = unpacked
        at = wire.RUN_HEADER.size
        body_at = at + arn_bytes + context_bytes
        inline = not flags & wire.MEMFD
        payload = packet[body_at:] if inline else memfd.receive(self.channel, size, _MEMFD_WAIT_MS)
        arn = packet[at : at + arn_bytes].decode() or self.configuration["arn"]
        context = packet[at + arn_bytes : body_at].decode()
        self.number, self.request_id = number, id_bytes.decode()
        told = (payload, arn, context, deadline_us, bool(flags & wire.INIT_WITHIN))
        if not self.began:
            self._first = told if unpacked[0] == wire.RUN else None
            self.began = wall_seconds()
            self._begin()
        else:
            self._invoke(*told)

    def _rest(self) -> None:
        if self.api.phase is Phase.IDLE and not self.ending:
            self.children.freeze()

    def _begin(self) -> None:
        extensions = self.configuration["program"]["extensions"]
        self.api.begin(os.path.basename(path) for path in extensions)
        environ = extension_environment(self._environment())
        for path in extensions:
            try:
                child = start_child([path], environ, self.configuration["task_root"])
            except OSError as fault:
                shown = f"/opt/extensions/{os.path.basename(path)}"
                self._fail(platform_errors.EXTENSION_UNUSABLE, path=shown, fault=_go_words(fault))
            child.name = os.path.basename(path)
            self.children.extensions.append(child)
            self._later(self._watch_extension, child)
        self.follow()

    def _environment(self) -> dict[str, str]:
        return {**self.configuration["environ"], "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.port}"}

    def _start_runtime(self) -> None:
        program = self.configuration["program"]
        command = list(program["command"])
        bootstraps = [path for path in program["bootstraps"] if os.path.exists(path)]
        if program["bootstraps"]:
            if not bootstraps:
                self._fail(platform_errors.BOOTSTRAP_MISSING)
            command = [bootstraps[0]]
        if program["wrapper"] is not None:
            # As AWS's own entry does, by a shell: whose exit statuses of 126 and 127 tell what is wrong with the script.
            command = ["/bin/sh", "-c", 'exec "$0" "$@"', program["wrapper"], *command]
        try:
            environ = {**self._environment(), **program["environ"]}
            runtime = self.children.runtime = start_child(command, environ, self.configuration["task_root"])
        except OSError as fault:
            shown = command[0]
            if bootstraps:
                shown = "/var/task/bootstrap" if shown == program["bootstraps"][0] else "/opt/bootstrap"
            self._fail(platform_errors.BOOTSTRAP_UNUSABLE, path=shown, fault=_go_words(fault))
        self._later(self._watch_runtime, runtime)

    def follow(self) -> None:
        """Send what the core wants sent, and do what happened."""
        responses, happenings = self.api.take()
        for response in responses:
            self.server.send(response)
        for happening in happenings:
            match happening:
                case StartRuntime():
                    self._start_runtime()
                case Initialised():
                    self._initialised()
                case Returned() | Failed() | TooLarge():
                    self.answer = happening
                    self._answered.set()
                case Released():
                    self._released()
                case InitFailed():
                    self.ending = True  # at once: its exit is no news any more
                    self._later(self._init_failed, happening)
                case ExtensionFailed():
                    within = happening.within_init
                    error = platform_errors.EXTENSION_FAILED if within else platform_errors.EXTENSION_GAVE_UP
                    self._fail(error, fault=happening.error_type)

    def _initialised(self) -> None:
        self.init_us = round((wall_seconds() - self.began) * 1_000_000)
        with suppress(OSError):
            os.write(1, wire.INIT_END)
        extended = wire.EXTENDED if self.api.extensions.has_any() else 0
        if self._first is None:  # it was initialised ahead of any event
            self._send(wire.INITIALISED, extended, 0)
            self.cold = self.init_us = 0
            return
        self._send(wire.INITIALISED, extended, 0)
        payload, arn, context, deadline_us, within = self._first
        self._invoke(payload, arn, context, deadline_us if within else deadline_us + self.init_us, within)

    def _invoke(self, payload: bytes, arn: str, context: str, deadline_us: int, _within: bool) -> None:
        self.answer, self.told = None, False
        self.began = wall_seconds()
        # The service refuses such a request before a runtime sees it.
        if not _is_json(payload):
            self._send(wire.NOT_JSON, 0, 0)
            self.cold = self.init_us = 0
            return
        self.children.thaw()
        trace_id = _trace_id(self.request_id)
        self.api.invoke(Event(self.request_id, payload, deadline_us // 1_000, arn, trace_id, context))
        self.follow()

    def _released(self) -> None:
        duration_us = round((wall_seconds() - self.began) * 1_000_000)
        if self.told:
            self._send(wire.RELEASED, 0, duration_us)
        else:
            self._send_answer(0, duration_us)
        self.cold = self.init_us = 0

    def _send_answer(self, flags: int, duration_us: int) -> None:
        match self.answer:
            case Returned(payload):
                self._send(wire.RESULT, flags, duration_us, payload)
            case Failed(error_type, payload):
                self._send(wire.ERROR, flags, duration_us, payload, error_type)
            case _:
                self._send(wire.TOO_LARGE, flags, duration_us)

    def _linger(self) -> None:
        if self.answer is not None and not self.told and self.api.phase is Phase.INVOCATION:
            self.told = True
            self._send_answer(wire.LINGERS, round((wall_seconds() - self.began) * 1_000_000))

    async def _watch_lingering(self) -> None:
        while True:
            await self._answered.wait()
            self._answered = trio.Event()
            number = self.number
            extended = self.api.extensions.has_any()
            await trio.sleep(_LINGER_AFTER_EXTENDED_S if extended else _LINGER_AFTER_S)
            if number == self.number:
                self._linger()

    def _send(
        self, kind: int, flags: int, duration_us: int, payload: bytes = b"", error_type: str = ""
    ) -> None:
        named = error_type.encode()
        inline = wire.REPLY_HEADER.size + len(named) + len(payload) <= wire.PACKET_MAX
        header = wire.REPLY_HEADER.pack(
            kind,
            flags | self.cold | wire.HAD_CHILDREN | (0 if inline else wire.MEMFD),
            len(named),
            self.number,
            duration_us,
            0,
            self.init_us,
            0,
            self.children.memory_kb(),
            len(payload),
        )
        with suppress(BrokenPipeError, ConnectionResetError):  # the shell is gone: its end of file comes next
            if inline:
                self.channel.send(header + named + payload)
            else:
                memfd.send(self.channel, header + named, payload)
            self.readiness.expect(self.channel.fileno())

    async def _heed_signals(self) -> None:
        with trio.open_signal_receiver(signal.SIGTERM) as signals:
            async for _ in signals:
                await self.end(ShutdownReason.TIMEOUT, 0)

    async def _watch_runtime(self, child: Child) -> None:
        status = await child.wait()
        self.server.drain()
        if not self.ending:
            # What it answered before it ended is its answer; the environment is lost all the same.
            self._linger()
            await self.end(ShutdownReason.FAILURE, status)

    async def _watch_extension(self, child: Child) -> None:
        status = await child.wait()
        self.server.drain()
        if not self.ending:
            how = f"exit code {status >> 8}"
            if status & _SIGNALLED:
                how = exit_text(status).rpartition("error: ")[2]
            self._fail(platform_errors.EXTENSION_CRASHED, how=how)

    async def _init_failed(self, failed: InitFailed) -> None:
        if self.children.runtime is not None:
            with trio.move_on_after(_INIT_ERROR_EXIT_S):
                await self.children.runtime.wait()
        self._tell_init_error(failed.error_type, failed.payload)
        await self.end(ShutdownReason.FAILURE, 1 << 8)

    def _tell_init_error(self, error_type: str, payload: bytes) -> None:
        self.init_us = round((wall_seconds() - self.began) * 1_000_000)
        self._send(wire.INIT_ERROR, 0, 0, payload, error_type)

    def _fail(self, error: PlatformError, **values: object) -> NoReturn:
        """The environment cannot go on, for a reason that the platform tells in its own words."""
        text = f"RequestId: {self.request_id} Error: {error.of(**values)}"
        payload = f'{{"errorType":"{error.error_type}","errorMessage":"{text}"}}'.encode()
        if self.api.phase in (Phase.EXTENSIONS, Phase.RUNTIME):
            self._tell_init_error(error.error_type, payload)
        elif self.api.phase is Phase.INVOCATION:
            self._linger()
            duration_us = round((wall_seconds() - self.began) * 1_000_000)
            self._send(wire.CRASHED, 0, duration_us, payload, error.error_type)
        die(1 << 8)

    async def end(self, reason: ShutdownReason, status: int) -> NoReturn:
        """The shutdown phase, then this process's own death as `status` says."""
        self.ending = True
        self.children.thaw()
        with trio.CancelScope(shield=True):
            await self._shut_down(reason)
        die(status)

    async def _shut_down(self, reason: ShutdownReason) -> None:
        """Runtime first, then the extensions, each within its time; nothing without extensions."""
        extensions = self.api.extensions
        if not extensions.has_any():
            return
        external = extensions.has_external()
        limit = limits.SHUTDOWN_WITH_EXTERNAL if external else limits.SHUTDOWN_WITH_INTERNAL
        limit_s = limit.value / 1_000
        until = trio.current_time() + limit_s
        runtime = self.children.runtime
        if runtime is not None:
            share = limits.SHUTDOWN_RUNTIME_SHARE.value / 100 if external else 1
            runtime.signal(signal.SIGTERM)
            with trio.move_on_after(limit_s * share):
                await runtime.wait()
            runtime.signal(signal.SIGKILL)
        left_ms = max(0, round((until - trio.current_time()) * 1_000))
        self.api.shut_down(reason, wall_epoch_us() // 1_000 + left_ms)
        self.follow()
        wanted = extensions.told_of_the_end()
        with trio.move_on_at(until):
            for child in self.children.extensions:
                if child.name in wanted:
                    await child.wait()
        for child in self.children.extensions:
            child.signal(signal.SIGKILL)


def _is_json(payload: bytes) -> bool:
    try:
        _DECODER.decode(payload.decode(json.detect_encoding(payload), "surrogatepass"))
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)


def die(status: int) -> NoReturn:
    """End this process as another one ended, by its wait status."""
    number = status & _SIGNALLED
    if number:
        signal.signal(number, signal.SIG_DFL) if number not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), number)
    os._exit(status >> 8)


def _go_words(fault: OSError) -> str:
    """A fault in the words of Go, in which the platform is written."""
    return (fault.strerror or str(fault)).lower()


def _trace_id(request_id: str) -> str:
    head, middle, tail = request_id[:8], request_id[9:13], request_id[24:]
    seconds = wall_epoch_us() // 1_000_000
    return f"Root=1-{seconds:08x}-{head}{middle}{tail};Parent={tail}{middle};Sampled=0;Lineage=1:{head}:0"


def prepare() -> None:
    """Nothing is left to prepare in the zygote: the imports above are what takes time."""


def join(groups: list[int]) -> None:
    """Enter control groups, as the worker's processes do; what this one starts is in them too."""
    for descriptor in groups:
        os.write(descriptor, b"0")
        os.close(descriptor)


def dress(configuration: dict[str, Any]) -> None:
    """Nothing: the variables are the children's, not this process's."""


def start(channel_fd: int, output_fd: int, configuration: dict[str, Any], clock: None) -> NoReturn:
    """In the fork: become the environment that `configuration` describes."""
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    if output_fd > 2:
        os.close(output_fd)
    channel = socket.socket(fileno=channel_fd)
    trio.run(Supervisor(channel, configuration).run)
    sys.exit(1)
