"""Inline environments whose handlers run on a thread beside the caller's trio loop, which stays free meanwhile.

One at a time: what an invocation exchanges of the process (its variables, its folder) there is once. A handler that passes
its timeout has its time-out told at its instant; its thread cannot be killed and goes on, in the caller's world. Its result
is dropped, its environment replaced, and closing the runtime warns of it.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final

from attrs import define, field

from lambdarun.aws import platform_errors
from lambdarun.model.handler_time import longest_init
from lambdarun.model.instant import SECOND, Duration
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import timed_out
from lambdarun.model.news import Ended
from lambdarun.model.outcome import Cause, FunctionFailed, Outcome, Usage
from lambdarun.runtime.clock import wall_seconds
from lambdarun.runtime.inline import NO_TIME, InlineEnvironments
from lambdarun.worker import inline

_LONE_WAIT_S: Final = 0.002
"""As in processes.py: so long a lone caller waits for the thread before the pump takes over."""


@define(eq=False)
class _Running:
    """An invocation on the thread."""

    invocation: Invocation
    environment: inline.InlineEnvironment
    began: float = field(factory=wall_seconds)
    awaited: bool = False

    def deadline(self) -> float:
        """When it times out, as far as is known: a first initialisation has a limit of its own."""
        invocation, environment = self.invocation, self.environment
        timeout = invocation.function.timeout
        if invocation.init_within or environment.was_initialised:
            return self.began + timeout
        initialised = environment.initialised_at
        return (
            self.began + longest_init(invocation) / SECOND if initialised is None else initialised + timeout
        )


@define(eq=False)
class InlineBeside(InlineEnvironments):
    """Runs handlers on a thread of their own, one after the other."""

    is_within: bool = field(default=False, init=False)
    _hand: _Hand | None = field(default=None, init=False)
    _running: _Running | None = field(default=None, init=False)
    _abandoned: list[_Running] = field(factory=list, init=False)
    _waking: threading.Lock = field(factory=threading.Lock, init=False)

    def _wake(self) -> None:
        # The thread calls it: it must not write to a descriptor that was closed and given out again.
        with self._waking:
            InlineEnvironments._wake(self)

    def in_flight(self) -> int:
        """Invocations handed over and not yet ended."""
        return len(self._waiting) + len(self._ended) + (self._running is not None)

    def seconds_until_deadline(self) -> float | None:
        """Seconds of the wall until the next time-out is due; None: nothing can time out."""
        if self._ended:
            return 0.0
        running = self._running
        return None if running is None else max(0.0, running.deadline() - wall_seconds())

    def run(self, invocation: Invocation) -> None:
        """Hand an event to the thread; `collect` tells what came of it."""
        self._waiting.append(invocation)
        self._hand_over()

    def collect_lone(self) -> Ended | None:
        """Wait a moment for the one invocation in flight; None if it takes longer."""
        running, hand = self._running, self._hand
        if running is None or hand is None or running.awaited:
            return None
        running.awaited = True
        if hand.finished.wait(_LONE_WAIT_S):
            self._calm()
            self._take_finished()
        return self._ended.pop() if self._ended else None

    def collect(self, timeout_s: float) -> list[Ended]:
        """Wait up to `timeout_s` for the thread; returns what ended."""
        self._calm()
        hand, running = self._hand, self._running
        if hand is not None and running is not None:
            wait_s = min(timeout_s, max(0.0, running.deadline() - wall_seconds()))
            if hand.finished.wait(wait_s) if wait_s else hand.finished.is_set():
                self._take_finished()
            elif running.deadline() <= wall_seconds():
                self._abandon(running)
        ended, self._ended = self._ended, []
        return ended

    def _hand_over(self) -> None:
        """Give the thread its next invocation, if it is free."""
        if self._running is not None or not self._waiting:
            return
        if self._hand is None:
            self._hand = _Hand(self._wake)
        invocation = self._waiting.popleft()
        environment = self._of(invocation)
        environment.tell_initialised = self._wake
        self._running = _Running(invocation, environment)
        self._hand.begin(environment, self._request(invocation))

    def _take_finished(self) -> None:
        hand, running = self._hand, self._running
        assert hand is not None
        assert running is not None
        self._running = None
        ending = hand.take()
        if isinstance(ending, BaseException):
            self.reset(running.invocation.environment)
            raise ending
        self._ended.append(self._told(running.invocation, ending))
        self._hand_over()

    def _abandon(self, running: _Running) -> None:
        """Tell the time-out of a handler that goes on, and leave its thread to it."""
        if not self._let_go(running):
            return  # it has ended by itself just now
        invocation, environment = running.invocation, running.environment
        output, dropped = environment.output.take()
        init = environment.init_us
        outcome: Outcome
        if environment.initialised_at is None and not invocation.init_within:
            outcome = FunctionFailed(Cause.INIT_FAILED, platform_errors.TIMED_OUT.error_type, b"")
            usage = Usage(NO_TIME, longest_init(invocation), NO_TIME, NO_TIME, 0, output, dropped)
        else:
            outcome = timed_out(invocation.request_id, invocation.function.timeout)
            within = (init or 0) if invocation.init_within else 0
            told = None if init is None or environment.was_initialised else Duration(init)
            duration = Duration(invocation.function.timeout * SECOND - within)
            usage = Usage(duration, told, NO_TIME, NO_TIME, 0, output, dropped)
        self._ended.append(Ended(invocation, outcome, usage))
        self._hand_over()

    def _let_go(self, running: _Running) -> bool:
        """Take the process back from a handler that still runs; False where it has ended."""
        visit = running.environment.visit
        if visit is None or not visit.leave():
            return False
        running.environment.output.muted = True
        self._running = self._hand = None
        self._abandoned.append(running)
        self._environments.pop(running.invocation.environment.id, None)
        return True

    def still_running(self) -> list[str]:
        """Functions whose handlers passed their timeout and still run on threads of their own."""
        return [one.invocation.function.name for one in self._abandoned if one.environment.visit is not None]

    def close(self) -> None:
        """End everything that can be ended. Warns (RuntimeWarning) of handlers that still run."""
        if self._closed:
            return
        if self._running is not None:
            self._let_go(self._running)
        if self._hand is not None:
            self._hand.end()
        with self._waking:
            InlineEnvironments.close(self)
        still = self.still_running()
        if still:
            text = f"a handler that runs inline cannot be killed; still running: {', '.join(still)}"
            warnings.warn(text, RuntimeWarning, stacklevel=2)


@define(eq=False)
class _Hand:
    """The thread; a daemon, so that a handler without end does not keep the interpreter."""

    _wake: Callable[[], None]
    finished: threading.Event = field(factory=threading.Event, init=False)
    _tasks: SimpleQueue[Any] = field(factory=SimpleQueue, init=False)
    _ending: inline.Ending | BaseException | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        threading.Thread(target=self._serve, name="lambdarun-handler", daemon=True).start()

    def begin(self, environment: inline.InlineEnvironment, request: inline.Request) -> None:
        """Have the thread run a handler."""
        self.finished.clear()
        self._tasks.put((environment, request))

    def take(self) -> inline.Ending | BaseException:
        """What came of it: an ending, or an exception that is the caller's."""
        ending, self._ending = self._ending, None
        assert ending is not None
        return ending

    def end(self) -> None:
        """Let the thread end."""
        self._tasks.put(None)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            environment, request = task
            try:
                self._ending = environment.run(request)
            # Everything: it is raised where the caller can see it.
            except BaseException as fault:
                self._ending = fault
            self.finished.set()
            self._wake()
