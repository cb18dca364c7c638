"""A handler's process: import the handler, then receive, run, reply.

The loop is the hot path: one receive, one send, and between them nothing that is not needed for each event.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import resource
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from . import context, error_payload, handler_log, marshal, wire
from .leftovers import Leftovers

if TYPE_CHECKING:
    from .virtual_time import HandlerClock

_perf_counter_ns = time.perf_counter_ns
_HIGH_DESCRIPTOR = 900
"""Our descriptors stand from here on, out of the way of handlers that close the low ones."""


class Environment:
    """What one process needs between events."""

    def __init__(
        self, channel: socket.socket, configuration: dict[str, Any], clock: HandlerClock | None
    ) -> None:
        self.channel = channel
        self.configuration = configuration
        self.clock = clock
        """The handler's virtual time; None on the real clock."""
        self.saved_output = _lift(os.dup(1))
        self.leftovers = Leftovers(_lift(os.open("/proc/self/task", os.O_RDONLY | os.O_DIRECTORY)))
        self.handler: Any = None
        self.is_fork = False
        """In a child that the handler forked: it must not answer, nor take the next event."""
        os.register_at_fork(after_in_child=self._fork)
        self.init_us = 0
        self.init_slept_us = 0

    def _fork(self) -> None:
        self.is_fork = True

    def initialise(self) -> None:
        """Import the handler. Raises error_payload.Fault, or whatever its module raises."""
        begun = _perf_counter_ns()
        try:
            self.handler = error_payload.find_handler(self.configuration["handler"])
        finally:
            self.init_us = (_perf_counter_ns() - begun) // 1_000
            if self.clock is not None:
                self.init_slept_us = self.clock.take_slept_us()


def start(channel_fd: int, output_fd: int, configuration: dict[str, Any], clock: HandlerClock | None) -> None:
    """Become the environment that `configuration` describes, and serve it; never returns."""
    channel_fd = _lift(channel_fd)
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    os.close(output_fd)
    os.environ.clear()
    os.environ.update(configuration["environ"])
    time.tzset()
    marshal.use_runtime(os.environ.get("AWS_EXECUTION_ENV", ""))
    handler_log.open_streams()
    handler_log.set_up_logging()
    root = configuration["task_root"]
    os.chdir(root)
    sys.path.insert(0, root)
    sys.argv = [""]
    if clock is not None:
        random.seed(configuration["seed"])
    channel = socket.socket(fileno=channel_fd)
    serve(Environment(channel, configuration, clock))


def serve(environment: Environment) -> None:
    """Answer events until the runtime closes its end."""
    channel = environment.channel
    receive = channel.recv
    send = channel.send
    clock = environment.clock
    arn_default = environment.configuration["arn"]
    statics = context.static_values()
    unpack = wire.RUN_HEADER.unpack_from
    header_size = wire.RUN_HEADER.size
    pack = wire.REPLY_HEADER.pack
    loads = json.loads
    environ = os.environ
    first = True
    number = 0

    def overslept() -> None:
        """Tell that the handler slept until its deadline, and end as a killed process does: nothing more runs."""
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cold = wire.COLD if first else 0
        init, slept = environment.init_us, environment.init_slept_us
        send(
            pack(
                wire.OVERSLEPT,
                cold,
                0,
                number,
                0,
                clock.take_slept_us() if clock else 0,
                init,
                slept,
                memory,
                0,
            )
        )
        os._exit(1)

    while True:
        packet = receive(wire.PACKET_MAX)
        if not packet:
            os._exit(0)
        _, flags, arn_bytes, number, now_us, deadline_us, _, id_bytes, context_bytes, size = unpack(packet)
        body_at = header_size + arn_bytes + context_bytes
        if flags & wire.MEMFD:
            payload = _read_memfd(channel, size)
        else:
            payload = packet[body_at:]
        digits = id_bytes.hex()
        request_id = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        if clock is not None:
            clock.begin(now_us, deadline_us)
        reply_flags = 0
        if first:
            deadline_us += _initialise(environment, send, pack, number)
            reply_flags = wire.COLD
            if clock is not None:
                clock.overslept = overslept
        handler_log.request_id = request_id
        begun = _perf_counter_ns()
        environ["_X_AMZN_TRACE_ID"] = _trace_id(digits, now_us or time.time_ns() // 1_000)
        kind = wire.RESULT
        error_type = b""
        try:
            event = loads(payload)
        except ValueError:
            kind, body = wire.NOT_JSON, b""
        except RecursionError as fault:
            unreadable = error_payload.Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {fault}")
            error = error_payload.error_object(unreadable, request_id)
            _log_error(error)
            kind, error_type, body = wire.ERROR, error["errorType"].encode(), error_payload.error_json(error)
        else:
            arn = packet[header_size : header_size + arn_bytes].decode() if arn_bytes else arn_default
            caller = packet[header_size + arn_bytes : body_at] if context_bytes else b""
            try:
                lambda_context = _context(request_id, statics, arn, deadline_us // 1_000, caller)
                result = environment.handler(event, lambda_context)
                try:
                    body, more = marshal.marshal(result)
                    reply_flags |= more
                except Exception as fault:
                    raise error_payload.Fault(
                        "Runtime.MarshalError", f"Unable to marshal response: {fault}"
                    ) from None
                result = None
            except Exception as fault:
                error = error_payload.error_object(fault, request_id)
                _log_error(error)
                kind, error_type, body = (
                    wire.ERROR,
                    error["errorType"].encode(),
                    error_payload.error_json(error),
                )
        duration_us = (_perf_counter_ns() - begun) // 1_000
        reply_flags |= _after(environment)
        inline = len(body) <= wire.INLINE_MAX
        header = pack(
            kind,
            reply_flags if inline else reply_flags | wire.MEMFD,
            len(error_type),
            number,
            duration_us,
            clock.take_slept_us() if clock is not None else 0,
            environment.init_us,
            environment.init_slept_us,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            len(body),
        )
        if inline:
            send(header + error_type + body)
        else:
            _send_memfd(channel, header + error_type, body)
        if first:
            first = False
            environment.init_us = environment.init_slept_us = 0


def _initialise(environment: Environment, send: Any, pack: Any, number: int) -> int:
    """Import the handler before the first event; returns by how many microseconds that moves the deadline."""
    clock = environment.clock
    try:
        environment.initialise()
    except Exception as fault:
        error = error_payload.error_object(fault, "")
        _log_error(error, error_payload.INIT_WARNING)
        body = error_payload.error_json(error)
        error_type = error["errorType"].encode()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        init, slept = environment.init_us, environment.init_slept_us
        send(
            pack(wire.INIT_ERROR, wire.COLD, len(error_type), number, 0, 0, init, slept, memory, len(body))
            + error_type
            + body[: wire.INLINE_MAX]
        )
        os._exit(1)
    send(
        pack(
            wire.INITIALISED, wire.COLD, 0, number, 0, 0, environment.init_us, environment.init_slept_us, 0, 0
        )
    )
    return environment.init_slept_us if clock is not None else environment.init_us


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


def _trace_id(digits: str, now_us: int) -> str:
    return f"Root=1-{now_us // 1_000_000:08x}-{digits[:24]};Parent={digits[8:24]};Sampled=0;Lineage=1:{digits[24:]}:0"


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
    """Look at what the handler left behind: MAY_RUN if a thread or a child lives; its output opened again."""
    if environment.is_fork:
        os._exit(0)
    try:
        os.get_inheritable(1)
        os.get_inheritable(2)
    except OSError:
        os.dup2(environment.saved_output, 1)
        os.dup2(environment.saved_output, 2)
        handler_log.open_streams()
    try:
        return wire.MAY_RUN if environment.leftovers.any() else 0
    except OSError:
        return wire.MAY_RUN


def _lift(descriptor: int) -> int:
    """The same file under a high number."""
    try:
        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH_DESCRIPTOR)
    except OSError:
        return descriptor
    os.close(descriptor)
    return high


def _read_memfd(channel: socket.socket, size: int) -> bytes:
    _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    descriptor = descriptors[0]
    try:
        parts = []
        offset = 0
        while offset < size:
            part = os.pread(descriptor, size - offset, offset)
            parts.append(part)
            offset += len(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _send_memfd(channel: socket.socket, header: bytes, body: bytes) -> None:
    descriptor = os.memfd_create("lambdarun-reply", os.MFD_CLOEXEC)
    try:
        rest = memoryview(body)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        channel.send(header)
        socket.send_fds(channel, [b"\0"], [descriptor])
    finally:
        os.close(descriptor)
