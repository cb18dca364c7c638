"""A handler's process: import the handler, then receive, run, reply.

The loop is the hot path: one receive, one send, and between them nothing that is not needed for each event.
"""

from __future__ import annotations

import fcntl
import os
import random
import resource
import select
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from . import context, coverage_data, error_payload, handler_log, marshal, memfd, wire
from .leftovers import Leftovers

if TYPE_CHECKING:
    from .virtual_time import HandlerClock

# Bound before any user code runs, and before virtual time replaces them in `time`: a handler that patches a module,
# and a clock that moves by itself, must not reach what we measure with. It also saves an attribute lookup an event.
_perf_counter_ns = time.perf_counter_ns
_usage, _SELF = resource.getrusage, resource.RUSAGE_SELF
_unpack, _pack_reply = wire.RUN_HEADER.unpack_from, wire.REPLY_HEADER.pack
_TRACE_VARIABLE = b"_X_AMZN_TRACE_ID"
# Behind os.environ, for Python alone: the C library keeps all values that a variable ever had, so the trace id, which is
# new for each event, is put there only for children (_hand_down_trace_id). A handler may put something else in the place
# of os.environ.
_VARIABLES: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]  # there, but not in typeshed
_HIGH_DESCRIPTOR = 900
"""Our descriptors stand from here on, out of the way of handlers that close the low ones."""


# The life of a process. The zygote forks it with a socket and a pipe; `start` makes the pipe its output and the task
# root its working folder; `serve` then waits for the first event with the handler *not yet imported*, so that request
# and fork overlap. The first event's arrival is the beginning of initialisation: user code first runs there, its
# output is marked off from the invocation's (INIT_END), and its time is told apart in the reply.
#
# What user code can do to us from within its own process, all of it in tests/worker: close descriptors (ours stand
# from 900 on, and the output is looked at after each event), replace sys.stdout, fork (the child must neither answer
# nor take the next event), start threads and children (they may run on after the reply, so the reply says so), call
# os._exit (the runtime sees the death).
class Environment:
    """What one process needs between events."""

    def __init__(
        self, channel: socket.socket, configuration: dict[str, Any], clock: HandlerClock | None
    ) -> None:
        self.channel = channel
        self.configuration = configuration
        self.clock = clock
        """The handler's virtual time; None on the real clock."""
        # A copy of the pipe under a high number: from it 1 and 2 are opened again after a handler that closed them.
        self.saved_output = _lift(os.dup(1))
        self.outputs = select.poll()
        self.outputs.register(1, 0)
        self.outputs.register(2, 0)
        tasks = _lift(os.open("/proc/self/task", os.O_RDONLY | os.O_DIRECTORY))
        self.leftovers = Leftovers(tasks, _hand_down_trace_id)
        self.statics = context.static_values()
        self.handler: Any = None
        self.number = 0
        """The present invocation's."""
        self.cold = wire.COLD
        """COLD until the first reply."""
        self.is_fork = False
        """In a child that the handler forked: it must not answer, nor take the next event."""
        os.register_at_fork(after_in_child=self._fork)
        self.init_us = 0
        self.init_slept_us = 0
        self.told: Any = None
        """The present invocation's context."""
        self.paused_ns = 0
        """How long a debugger has held the present invocation, or the initialisation before it."""

    def _fork(self) -> None:
        self.is_fork = True

    def initialise(self, *, ahead: bool = False) -> int:
        """Import the handler before the first event, or `ahead` of there being one; returns by how many microseconds
        that moves the deadline.
        """
        begun = _perf_counter_ns()
        clock = self.clock
        try:
            self.let_debug()
            self.handler = error_payload.find_handler(self.configuration["handler"])
        # Not BaseException: SystemExit in a module ends the process with its status, and the platform tells of it.
        except Exception as fault:
            self._note_init(begun)
            error = error_payload.error_object(fault, "")
            _log_error(error, error_payload.INIT_WARNING)
            # Inline only: the process exits behind it, and whoever dies right behind a header leaves a payload half sent.
            body = error_payload.error_json(error)[: wire.INLINE_MAX]
            self.reply(wire.INIT_ERROR, 0, 0, error["errorType"].encode(), body)
            coverage_data.leave(1)
        self._note_init(begun)
        if handler_log.written:
            try:
                os.write(1, wire.INIT_END)
            except OSError:
                pass  # the module closed its output
        self.reply(wire.INITIALISED, _after(self) if ahead else 0, 0, b"", b"")
        if clock is None:
            return self.init_us
        clock.overslept = self.overslept
        return self.init_slept_us

    def _note_init(self, begun: int) -> None:
        self.init_us = (_perf_counter_ns() - begun - self.paused_ns) // 1_000
        self.paused_ns = 0
        if self.clock is not None:
            self.init_slept_us = self.clock.take_slept_us()

    def let_debug(self) -> None:
        """Have debuggers ready, where somebody wants one. Raises ImportError, RuntimeError where one cannot be."""
        terminal, port = self.configuration.get("terminal"), self.configuration.get("debug_port")
        if terminal is None and port is None:
            return
        from . import debugging  # for who debugs

        if terminal is not None:
            debugging.on_terminal(terminal, self.paused, self.resumed)
        if port is not None:
            root, sandbox = self.configuration["task_root"], self.configuration.get("sandbox")
            debugging.await_editor(port, [(sandbox["task"], root)] if sandbox is not None else [])

    def paused(self) -> None:
        """A debugger holds the handler from now on: its time-out waits."""
        self.reply(wire.PAUSED, 0, 0, b"", b"")

    def resumed(self, nanoseconds: int) -> None:
        """It goes on, after so long."""
        self.paused_ns += nanoseconds
        if self.told is not None:
            self.told._epoch_deadline_time_in_ms += nanoseconds // 1_000_000
        self.reply(wire.RESUMED, 0, 0, b"", b"")

    def overslept(self) -> None:
        """Tell that the handler slept until its deadline, and end as a killed process does: nothing more runs."""
        self.reply(wire.OVERSLEPT, 0, 0, b"", b"")
        coverage_data.leave(1)

    def reply(self, kind: int, flags: int, duration_us: int, error_type: bytes, body: bytes) -> None:
        """Send a packet of `kind` about the present invocation."""
        clock = self.clock
        inline = len(body) <= wire.INLINE_MAX
        header = _pack_reply(
            kind,
            flags | self.cold if inline else flags | self.cold | wire.MEMFD,
            len(error_type),
            self.number,
            duration_us,
            clock.take_slept_us() if clock is not None else 0,
            self.init_us,
            self.init_slept_us,
            self._max_resident_kb() if flags & wire.HAD_CHILDREN else _usage(_SELF).ru_maxrss,
            len(body),
        )
        if inline:
            self.channel.send(header + error_type + body)
        else:
            memfd.send(self.channel, header + error_type, body)

    def _max_resident_kb(self) -> int:
        # Of children only those that were waited for are told, and of those the largest.
        return max(_usage(_SELF).ru_maxrss, _usage(resource.RUSAGE_CHILDREN).ru_maxrss)


def prepare() -> None:
    """What is the same for all environments: done before the fork, so that they share its memory."""
    handler_log.open_streams()
    handler_log.set_up_logging()
    sys.argv = [""]


def dress(configuration: dict[str, Any]) -> None:
    """Take on the variables of an environment about to be forked. Those of one function differ in two or three, and
    what is set here costs the environment no memory of its own.
    """
    # In the zygote itself, which serves one function after another: what the one before left and this one lacks has to
    # go.
    environ, variables = os.environ, configuration["environ"]
    for name in environ.keys() - variables.keys():
        del environ[name]
    zone = environ.get("TZ")
    for name, value in variables.items():
        if environ.get(name) != value:
            environ[name] = value
    # The C library read the zone when the interpreter started.
    if environ.get("TZ") != zone:
        time.tzset()
    marshal.use_runtime(environ.get("AWS_EXECUTION_ENV", ""))
    _know(configuration["task_root"])


def _know(folder: str) -> None:
    """Have the import system ready for `folder`, as it would be after a first import from there."""
    if folder not in sys.path_importer_cache:
        for hook in sys.path_hooks:
            try:
                sys.path_importer_cache[folder] = hook(folder)
            except ImportError:
                continue
            return


def join(groups: list[int]) -> None:
    """Enter control groups: `groups` are open files of their members. By the opener's rights, so it works in a sandbox."""
    for descriptor in groups:
        os.write(descriptor, b"0")
        os.close(descriptor)


def start(channel_fd: int, output_fd: int, configuration: dict[str, Any], clock: HandlerClock | None) -> None:
    """Become the environment that `configuration` describes, and serve it; never returns."""
    # Before the output: the numbers that the zygote received may be 1 or 2.
    channel_fd = _lift(channel_fd)
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    os.close(output_fd)
    root, sandbox = configuration["task_root"], configuration.get("sandbox")
    if sandbox is not None and sandbox["task"] != root:
        coverage_data.measure_in_sandbox(root, os.path.realpath(sandbox["task"]))
    os.chdir(root)
    log_format, log_level = os.environ.get("AWS_LAMBDA_LOG_FORMAT"), os.environ.get("AWS_LAMBDA_LOG_LEVEL")
    if log_format is not None or log_level is not None:
        handler_log.use_format(log_format, log_level)
    # The interpreter started in the zygote, before it could know this function's variables.
    given = [root, *configuration.get("layer_path", ()), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    sys.path[:0] = [entry for entry in given if entry and entry not in sys.path]
    if clock is not None:
        # All environments are forks of one process: without it each would draw the same, and none the same in the next run.
        random.seed(configuration["seed"])
    coverage_data.save_when_killed()
    channel = socket.socket(fileno=channel_fd)
    serve(Environment(channel, configuration, clock))


def serve(environment: Environment) -> None:
    """Answer events until the runtime closes its end."""
    channel, clock, reply = environment.channel, environment.clock, environment.reply
    receive = channel.recv
    arn_default = environment.configuration["arn"]
    header_size = wire.RUN_HEADER.size
    variables = _VARIABLES
    while True:
        # Blocked here a process with one thread and no child is frozen as AWS freezes it: nothing of it can run.
        packet = receive(wire.PACKET_MAX)
        if not packet:
            coverage_data.leave(0)
        kind, flags, arn_bytes, number, now_us, deadline_us, id_bytes, context_bytes, size = _unpack(packet)
        environment.number = number
        body_at = header_size + arn_bytes + context_bytes
        payload = memfd.receive(channel, size) if flags & wire.MEMFD else packet[body_at:]
        if clock is not None:
            clock.begin(now_us, deadline_us)
        if kind == wire.INIT:
            environment.initialise(ahead=True)
            environment.cold = environment.init_us = environment.init_slept_us = 0
            continue
        if environment.cold:
            took_us = environment.initialise()
            if not flags & wire.INIT_WITHIN:
                deadline_us += took_us
            elif clock is not None:
                clock.spend(took_us)
        # A module's global, not a field of a record: the filter that puts it on log lines is asked for each line.
        handler_log.request_id = request_id = id_bytes.decode()
        # From here the function's own time counts: what lies above is the service's, or initialisation.
        begun = _perf_counter_ns()
        variables[_TRACE_VARIABLE] = _trace_id(request_id, now_us or time.time_ns() // 1_000)
        if environment.leftovers.unseen:
            _hand_down_trace_id()
        arn = packet[header_size : header_size + arn_bytes].decode() if arn_bytes else arn_default
        caller = packet[header_size + arn_bytes : body_at] if context_bytes else b""
        kind, flags, error_type, body = _answer(
            environment, payload, request_id, arn, deadline_us // 1_000, caller
        )
        duration_us = (_perf_counter_ns() - begun) // 1_000
        if environment.paused_ns:
            duration_us -= environment.paused_ns // 1_000
            environment.paused_ns = 0
        reply(kind, flags | _after(environment), duration_us, error_type, body)
        if environment.cold:
            environment.cold = environment.init_us = environment.init_slept_us = 0


def _answer(
    environment: Any, payload: bytes, request_id: str, arn: str, deadline_ms: int, caller: bytes
) -> tuple[int, int, bytes, bytes]:
    """Call the handler: kind and flags of the reply, error type, body."""
    try:
        event = marshal.unmarshal(payload)
    # The service refuses such a request before a handler sees it (400): so this is no error of the function.
    except (ValueError, RecursionError):
        return wire.NOT_JSON, 0, b"", b""
    try:
        environment.told = told = _context(request_id, environment.statics, arn, deadline_ms, caller)
        body, flags = _marshal(environment.handler(event, told))
        return wire.RESULT, flags, b"", body
    # The handler call: whatever it raises is the function's answer. Not BaseException: SystemExit ends the process, and
    # the environment with it; AWS's client does the same.
    except Exception as fault:
        error = error_payload.error_object(fault, request_id)
        _log_error(error)
        return wire.ERROR, 0, error["errorType"].encode(), error_payload.error_json(error)


def _marshal(result: Any) -> tuple[bytes, int]:
    try:
        return marshal.marshal(result)
    except Exception as fault:
        raise error_payload.Fault("Runtime.MarshalError", f"Unable to marshal response: {fault}") from None


def _context(
    request_id: str, statics: tuple[str | None, ...], arn: str, deadline_ms: int, caller: bytes
) -> context.LambdaContext:
    if not caller:
        return context.LambdaContext(request_id, statics, arn, deadline_ms, None)
    try:
        client_context = context.parse_client_context(caller)
    except ValueError as fault:
        raise error_payload.Fault("Runtime.LambdaContextUnmarshalError", str(fault)) from None
    return context.LambdaContext(request_id, statics, arn, deadline_ms, client_context)


def _trace_id(request_id: str, now_us: int) -> bytes:
    head, middle, tail = request_id[:8], request_id[9:13], request_id[24:]
    seconds = now_us // 1_000_000
    text = f"Root=1-{seconds:08x}-{head}{middle}{tail};Parent={tail}{middle};Sampled=0;Lineage=1:{head}:0"
    return text.encode()


def _hand_down_trace_id() -> None:
    trace_id = _VARIABLES.get(_TRACE_VARIABLE)
    if trace_id is not None:
        os.putenv(_TRACE_VARIABLE, trace_id)


def _log_error(error: dict[str, Any], warning: str | None = None) -> None:
    try:
        if warning is not None:
            import logging

            logging.warning(warning)
        error_payload.log_error(error)
    except (OSError, ValueError):
        # The handler closed its output: the error still reaches the caller.
        pass


def _after(environment: Environment) -> int:
    """Look at what the handler left behind: MAY_RUN if a thread or a child lives, HAD_CHILDREN; its output opened again."""
    # A child of os.fork() that returned from the handler: two processes must not answer one event.
    if environment.is_fork:
        os._exit(0)
    # POLLNVAL: descriptor 1 or 2 is closed (POLLERR: its reader is gone). Nothing else is asked for, so it costs under 1
    # µs.
    if environment.outputs.poll(0):
        os.dup2(environment.saved_output, 1)
        os.dup2(environment.saved_output, 2)
        handler_log.open_streams()
    leftovers = environment.leftovers
    try:
        flags = wire.MAY_RUN if leftovers.any() else 0
    except OSError:
        flags = wire.MAY_RUN
    return flags | wire.HAD_CHILDREN if leftovers.had_any else flags


def _lift(descriptor: int) -> int:
    """The same file under a high number."""
    try:
        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH_DESCRIPTOR)
    except OSError:
        return descriptor
    os.close(descriptor)
    return high
