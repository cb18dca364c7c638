"""Execution environments in the caller's own process: handlers run on the thread that steps the runtime.

A handler that passes its timeout cannot be killed: in virtual time that is told at its instant, on the wall's clock when
it returns. A signal that kills, and a crash, kill the caller.
"""

from __future__ import annotations

import os
import select
import shutil
import tempfile
from collections import deque
from contextlib import suppress
from typing import Any, Final

from attrs import define, field

from lambdarun.aws import platform_errors
from lambdarun.errors import MachineError
from lambdarun.model.declarations import Account
from lambdarun.model.environment import Environment
from lambdarun.model.function import running_runtime
from lambdarun.model.handler_time import longest_init
from lambdarun.model.instant import SECOND, Duration
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import exited, timed_out
from lambdarun.model.news import Ended
from lambdarun.model.outcome import Cause, FunctionFailed, NotJson, Outcome, Succeeded, Usage
from lambdarun.runtime.code import Packages
from lambdarun.runtime.engines import is_program
from lambdarun.runtime.process_environment import process_environment
from lambdarun.runtime.sandbox import refuse_without_sandbox
from lambdarun.runtime.view import machine_view
from lambdarun.worker import inline, wire
from lambdarun.worker.inline_world import Caller

NO_TIME: Final = Duration(0)
_INTERRUPTED: Final = 2
"""The wait status of a process that SIGINT ended."""


@define(eq=False)
class InlineEnvironments:
    """All environments of a runtime, in the caller's process: what both ways to run them share."""

    account: Account
    virtual: bool
    measured_sleep: bool = False
    seed: int = 0
    packages: Packages = field(factory=Packages)
    folder: str = field(init=False)
    _caller: Caller = field(init=False)
    _environments: dict[int, inline.InlineEnvironment] = field(factory=dict, init=False)
    _waiting: deque[Invocation] = field(factory=deque, init=False)
    _ended: list[Ended] = field(factory=list, init=False)
    _states: dict[int, str] = field(factory=dict, init=False)
    """Of the code of each environment, where somebody watches it."""
    _event: int = field(default=-1, init=False)
    _closed: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="lambdarun-")
        self._caller = Caller(self.virtual)

    def answered(self) -> list[Ended]:
        """None: no extension holds an inline environment."""
        return []

    def fileno(self) -> int:
        """The descriptor that is readable when `collect` has something to do."""
        if self._event < 0:
            self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            if self._waiting:
                self._wake()
        return self._event

    def _wake(self) -> None:
        if self._event >= 0:
            os.eventfd_write(self._event, 1)

    def _calm(self) -> None:
        if self._event >= 0:
            with suppress(BlockingIOError):  # nobody woke us
                os.eventfd_read(self._event)

    def _of(self, invocation: Invocation) -> inline.InlineEnvironment:
        environment = invocation.environment
        function = environment.function
        if function.runtime != running_runtime():
            raise MachineError(
                f"{function.name}: runs inline, so by {running_runtime()}, not {function.runtime}. Choose another isolation."
            )
        found = self._environments.get(environment.id)
        if self.packages.watch:
            state = self.packages.state_of(function)
            if found is not None and self._states.get(environment.id) != state:
                self.reset(environment)
                found = None
            self._states[environment.id] = state
        if found is None:
            if is_program(function, self.packages.code_of(function)):
                raise MachineError(
                    f"{function.name}: its engine, its wrapper script or its extensions are programs of their own, and inline "
                    f"there is none. Choose another isolation."
                )
            found = inline.InlineEnvironment(self._configuration(environment), self._caller)
            self._environments[environment.id] = found
        return found

    def _configuration(self, environment: Environment) -> dict[str, Any]:
        function, folder = environment.function, self._private_folder(environment)
        os.makedirs(folder, exist_ok=True)
        refuse_without_sandbox(function, None)
        code = self.packages.code_of(function)
        view = machine_view(code, function.runtime, folder)
        return {
            "environ": process_environment(self.account, environment, view),
            "task_root": view.task_root,
            "opt": str(code.opt) if code.opt is not None else None,
            "layer_path": view.layer_path,
            "handler": function.handler,
            # As launch.py: what replaces a reset one does not draw again what that one drew.
            "seed": f"{self.seed}:{function.name}:{environment.id}:{environment.runs}",
            "measured_sleep": self.measured_sleep,
        }

    def _private_folder(self, environment: Environment) -> str:
        return f"{self.folder}/{environment.function.name}-{environment.id}"

    def _request(self, invocation: Invocation) -> inline.Request:
        function = invocation.function
        return inline.Request(
            invocation.payload,
            invocation.request_id,
            invocation.invoked_arn or self.account.function_arn(function.name),
            invocation.client_context,
            invocation.started if self.virtual else 0,
            longest_init(invocation) if invocation.ahead else function.timeout * SECOND,
            invocation.init_within,
            invocation.ahead,
        )

    def _told(self, invocation: Invocation, ending: inline.Ending) -> Ended:
        """What an ending says of its invocation."""
        usage = Usage(
            Duration(ending.duration_us),
            None if ending.init_us is None else Duration(ending.init_us),
            Duration(ending.slept_us),
            Duration(ending.init_slept_us),
            ending.max_memory_kb >> 10,
            ending.output,
            ending.dropped_bytes,
            ending.init_output_bytes,
        )
        outcome = _outcome(invocation, ending)
        if not self.virtual:
            outcome, usage = _in_time(invocation, outcome, usage)
        if ending.kind in (inline.EXITED, wire.INIT_ERROR, wire.OVERSLEPT) or (
            isinstance(outcome, FunctionFailed) and outcome.cause in (Cause.TIMED_OUT, Cause.INIT_FAILED)
        ):
            self.reset(invocation.environment)
        return Ended(invocation, outcome, usage)

    def reset(self, environment: Environment) -> None:
        """Forget an environment's modules and variables, and end the processes it started; its folder stays."""
        found = self._environments.pop(environment.id, None)
        if found is not None:
            found.close()

    def stop(self, environment: Environment) -> None:
        """End an environment and its private folder."""
        self.reset(environment)
        shutil.rmtree(self._private_folder(environment), ignore_errors=True)

    def close(self) -> None:
        """End everything that can be ended."""
        if self._closed:
            return
        self._closed = True
        self._waiting.clear()
        for environment in self._environments.values():
            environment.close()
        self._environments.clear()
        self._caller.close()
        self.packages.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._event >= 0:
            os.close(self._event)
            self._event = -1


@define(eq=False)
class InlineHere(InlineEnvironments):
    """Runs each handler within `collect`, one after the other."""

    is_within: bool = field(default=False, init=False)

    def in_flight(self) -> int:
        """Invocations handed over and not yet ended."""
        return len(self._waiting) + len(self._ended)

    def seconds_until_deadline(self) -> float | None:
        """Seconds of the wall until `collect` has something to do; None: nothing is known to come."""
        return 0.0 if self._waiting or self._ended else None

    def run(self, invocation: Invocation) -> None:
        """Take an event for its environment; it is handled in `collect`."""
        self._waiting.append(invocation)
        self._wake()

    def collect_lone(self) -> Ended | None:
        """Run the one invocation in flight."""
        return self._perform() if self._waiting else None

    def collect(self, timeout_s: float) -> list[Ended]:
        """Run what has waited longest; where nothing waits, let `timeout_s` pass."""
        # One and no more: what comes of it may be due before the next.
        if self._waiting:
            self._ended.append(self._perform())
        elif not self._ended and timeout_s:
            select.select([], [], [], timeout_s)
        if not self._waiting:
            self._calm()
        ended, self._ended = self._ended, []
        return ended

    def _perform(self) -> Ended:
        invocation = self._waiting.popleft()
        environment = self._of(invocation)
        self.is_within = True
        try:
            ending = environment.run(self._request(invocation))
        except BaseException:
            # Ctrl-C, or a failure of the caller's own test: it goes to the caller, and the invocation has ended.
            output = environment.output.take()
            self.reset(invocation.environment)
            usage = Usage(NO_TIME, None, NO_TIME, NO_TIME, 0, *output)
            self._ended.append(Ended(invocation, exited(invocation.request_id, _INTERRUPTED), usage))
            raise
        finally:
            self.is_within = False
        return self._told(invocation, ending)


def _outcome(invocation: Invocation, ending: inline.Ending) -> Outcome:
    kind = ending.kind
    if kind in (wire.RESULT, wire.INITIALISED):
        return Succeeded(ending.body)
    if kind == wire.NOT_JSON:
        return NotJson()
    if kind == wire.OVERSLEPT:
        return timed_out(invocation.request_id, invocation.function.timeout)
    if kind == inline.EXITED:
        cause = Cause.EXITED if ending.is_initialised else Cause.INIT_FAILED
        return exited(invocation.request_id, ending.status, cause)
    cause = Cause.INIT_FAILED if kind == wire.INIT_ERROR else Cause.RAISED
    return FunctionFailed(cause, ending.error_type.decode(), ending.body)


def _in_time(invocation: Invocation, outcome: Outcome, usage: Usage) -> tuple[Outcome, Usage]:
    """On the wall's clock: the outcome of a handler that has returned, if it was in time."""
    timeout = invocation.function.timeout * SECOND
    init = usage.init or 0
    rest = (NO_TIME, NO_TIME, usage.max_memory_mb, usage.output, usage.output_dropped, usage.init_output)
    if not invocation.init_within and init >= (longest := longest_init(invocation)):
        failed = FunctionFailed(Cause.INIT_FAILED, platform_errors.TIMED_OUT.error_type, b"")
        return failed, Usage(NO_TIME, longest, *rest)
    within = init if invocation.init_within else 0
    if within + usage.duration < timeout:
        return outcome, usage
    late = timed_out(invocation.request_id, invocation.function.timeout)
    return late, Usage(Duration(max(0, timeout - within)), usage.init, *rest)
