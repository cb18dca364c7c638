"""A handler in the caller's own process: the same import, call and answer as in a process of its own.

What runs here is bootstrap.py's: this module prepares the process for it (inline_world.py), and tells an end that would
have ended a process as what it would have been.
"""

from __future__ import annotations

import builtins
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from . import bootstrap, context, error_payload, handler_log, inline_world, marshal, wire
from .inline_call import listen
from .inline_output import Output
from .inline_world import Caller, Left, Overslept, Visit, World
from .virtual_time import HandlerClock

EXITED = -1
"""Kind of an end: the handler ended its process; `status` as os.wait4 gives it."""
# Bound before virtual time replaces them in `time`.
_perf_counter_ns, _monotonic = time.perf_counter_ns, time.monotonic
_OWN_ENDS = frozenset({"asyncio.exceptions", "concurrent.futures._base"})
"""Where exceptions come from, beside the built-in ones, that end a handler's process; others of the caller's (a test's failure) pass through."""


class Request(NamedTuple):
    """One event for a handler; times in microseconds since 1970, on whichever clock holds."""

    payload: bytes
    request_id: str
    arn: str
    client_context: bytes
    now_us: int
    timeout_us: int
    init_within: bool
    ahead: bool = False
    """Initialise alone: there is no event yet."""


class Ending(NamedTuple):
    """How a call ended: kinds of wire.py, or EXITED. Durations in microseconds, real and as slept."""

    kind: int
    flags: int
    error_type: bytes
    body: bytes
    status: int
    duration_us: int
    slept_us: int
    init_us: int | None
    init_slept_us: int
    max_memory_kb: int
    output: bytes
    dropped_bytes: int
    init_output_bytes: int
    is_initialised: bool
    """False: it ended within its initialisation."""


def _nobody() -> None:
    """Told of an initialisation that nobody waits for."""


class InlineEnvironment:
    """An execution environment within the caller's process."""

    def __init__(self, configuration: dict[str, Any], caller: Caller) -> None:
        listen()
        self.configuration = configuration
        self.output = Output()
        self.world = World(configuration, caller, self.output)
        self.clock: HandlerClock | None = None
        if caller.virtual is not None:
            self.clock = HandlerClock(configuration["measured_sleep"])
        self.handler: Any = None
        self.told: Any = None
        """The present invocation's context."""
        self.statics: tuple[str | None, ...] = ()
        self.visit: Visit | None = None
        """The call that is on."""
        self.initialised_at: float | None = None
        """When its handler was imported, on the wall's monotonic clock."""
        self.was_initialised = False
        """Whether it was before the call that is on."""
        self.tell_initialised: Callable[[], None] = _nobody
        self._cold = True
        self.init_us: int | None = None
        """What its initialisation took, once that has ended."""
        self._init_slept_us = 0
        self._init_output_bytes = 0
        self._begun = self._begins_us = 0
        self._deadline_us = 0

    def _oversleep(self) -> None:
        # What the handler writes while it is torn out would not have been written: its process would be gone.
        self.output.muted = True
        raise Overslept

    def run(self, request: Request) -> Ending:
        """Initialise where that is due, call the handler, and tell how it ended. Raises what is the caller's: Ctrl-C, a
        test's own failure.
        """
        if self.clock is not None:
            self.clock.begin(request.now_us, request.now_us + request.timeout_us)
        marshal.use_runtime(self.configuration["environ"].get("AWS_EXECUTION_ENV", ""))
        self.was_initialised = self.is_initialised
        self._begins_us = request.now_us or time.time_ns() // 1_000
        self._begun = _perf_counter_ns()
        self.visit = visit = Visit(self.world, self.clock)
        kind, flags, error_type, body, status = EXITED, 0, b"", b"", 0
        try:
            kind, flags, error_type, body = self.world.context.run(self._answer, request)
        except Overslept:
            kind = wire.OVERSLEPT
        except Left as left:
            status = left.status << 8
        except SystemExit as leave:
            status = _exit_status(leave) << 8
        except BaseException as fault:
            if not self._ends_process(fault):
                raise
            _print(fault)
            status = 1 << 8
        finally:
            duration_us = (_perf_counter_ns() - self._begun) // 1_000
            if visit.call.is_fork:
                inline_world._real_exit(status >> 8)
            visit.leave()
            self.visit = None
        output, dropped = self.output.take()
        cold, self._cold = self._cold, False
        if cold and not self.is_initialised:
            # It ended within its initialisation, so all of it was that.
            self.init_us, duration_us = self.init_us or duration_us, 0
        return Ending(
            kind, flags, error_type, body, status, duration_us, self._slept(),
            self.init_us if cold else None, self._init_slept_us if cold else 0,
            bootstrap._usage(bootstrap._SELF).ru_maxrss, output, dropped, self._init_output_bytes if cold else 0,
            self.is_initialised,
        )  # fmt: skip

    @property
    def is_initialised(self) -> bool:
        """Whether its handler is imported."""
        return self.initialised_at is not None

    def _slept(self) -> int:
        return self.clock.take_slept_us() if self.clock is not None else 0

    def _answer(self, request: Request) -> tuple[int, int, bytes, bytes]:
        begins_us = self._begins_us
        deadline_us = begins_us + request.timeout_us
        if not self.is_initialised:
            handler_log.request_id = ""
            failed = self._initialise()
            if failed is not None:
                return failed
            took_us = (self.init_us or 0) if self.clock is None else self._init_slept_us
            if not request.init_within:
                deadline_us += took_us
            elif self.clock is not None:
                self.clock.spend(took_us)
            if self.clock is not None:
                self.clock.overslept = self._oversleep
        if request.ahead:
            self._begun = _perf_counter_ns()
            return wire.INITIALISED, 0, b"", b""
        handler_log.request_id = request.request_id
        self._begun = _perf_counter_ns()
        self.world.variables.data[b"_X_AMZN_TRACE_ID"] = bootstrap._trace_id(request.request_id, begins_us)
        return bootstrap._answer(
            self,
            request.payload,
            request.request_id,
            request.arn,
            deadline_us // 1_000,
            request.client_context,
        )

    def _initialise(self) -> tuple[int, int, bytes, bytes] | None:
        """Import the handler; returns the answer where that failed."""
        begun = self._begun
        try:
            self.statics = context.static_values()
            self.handler = error_payload.find_handler(self.configuration["handler"])
        # As in bootstrap.py: SystemExit in a module ends the process.
        except Exception as fault:
            # Our own frame, which AWS's client would not have.
            fault.__traceback__ = fault.__traceback__.tb_next if fault.__traceback__ is not None else None
            self._note_init(begun)
            error = error_payload.error_object(fault, "")
            bootstrap._log_error(error, error_payload.INIT_WARNING)
            body = error_payload.error_json(error)[: wire.INLINE_MAX]
            return wire.INIT_ERROR, 0, error["errorType"].encode(), body
        finally:
            self.world.logging.initialised()
        self._note_init(begun)
        self._init_output_bytes = self.output.kept_bytes
        self.initialised_at = _monotonic()
        self.tell_initialised()
        return None

    def _note_init(self, begun: int) -> None:
        self.init_us = (_perf_counter_ns() - begun) // 1_000
        self._init_slept_us = self._slept()

    def _ends_process(self, fault: BaseException) -> bool:
        """Whether a process of its own would have ended by it, and nobody else is meant by it."""
        # Ctrl-C comes to the main thread alone; there it cannot be told from a handler's own.
        if isinstance(fault, KeyboardInterrupt):
            return threading.current_thread() is not threading.main_thread()
        kind = type(fault)
        # By the type, not by its module's name: a test framework's failures call themselves built in.
        if kind.__module__ == "builtins":
            return getattr(builtins, kind.__name__, None) is kind
        top = self.configuration["handler"].partition(".")[0]
        own = kind.__module__ in self.world.modules.modules or kind.__module__.partition(".")[0] == top
        return own or kind.__module__ in _OWN_ENDS

    def close(self) -> None:
        """End what the environment left in the process."""
        self.world.close()


def _exit_status(leave: SystemExit) -> int:
    """As zygote.py's: what is no number goes to standard error."""
    if leave.code is None:
        return 0
    if isinstance(leave.code, int):
        return leave.code & 0xFF
    _write_error("%s\n" % (leave.code,))
    return 1


def _print(fault: BaseException) -> None:
    """The traceback that the interpreter ends with."""
    trace = fault.__traceback__
    while trace is not None and os.path.dirname(trace.tb_frame.f_code.co_filename) == os.path.dirname(
        __file__
    ):
        trace = trace.tb_next
    _write_error("".join(traceback.format_exception(type(fault), fault, trace)))


def _write_error(text: str) -> None:
    try:
        sys.stderr.write(text)
    except (OSError, ValueError, AttributeError):
        pass  # the handler closed it or put something else there
