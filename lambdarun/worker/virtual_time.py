"""`time` and `datetime` as the handler sees them in virtual time.

Reading the clock adds a microsecond, so no busy wait is endless; `time.sleep` on the main thread moves time instead of
waiting; so do asyncio's timers where nothing but time can end the wait: no other thread lives and the loop watches
nothing but its own wake-up descriptor. Waits on real I/O, sleeps of other threads, `Event.wait`, `queue.get(timeout)`
and timers stay real: `threading`, `queue` and `subprocess` took the real clock when they were imported in the zygote. In
a child that the handler forks, time goes on from the present at the wall's pace and its waits are real.
"""

from __future__ import annotations

import os
import queue
import selectors
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable
from typing import Any

# What is bound here, and what other modules bound when the zygote imported them, stays real when `install` replaces
# names in `time`.
_real_sleep = time.sleep
_real_monotonic_ns = time.monotonic_ns
# Named so that the imports above are not taken for forgotten ones: they must happen before `install`. `subprocess`
# waits for children by the monotonic clock, and a clock that stands still while a child works would wait for ever.
_REAL_CLOCKS = (queue, subprocess, threading)


def _nobody_to_tell() -> None:
    """Before the first event: initialisation has no deadline of its own here."""


class HandlerClock:
    """The handler's present: microseconds since 1970, moved by sleeps and readings."""

    def __init__(self, measured_sleep: bool) -> None:
        self.measured_sleep = measured_sleep
        self.now_us = 0
        self.slept_us = 0
        self.in_fork = False
        self._began_ns = 0
        self._readings = 0
        self._timeout_us = 0
        self.overslept: Callable[[], None] = _nobody_to_tell
        """Called when a sleep reaches the function's timeout; does not return."""

    def begin(self, now_us: int, deadline_us: int) -> None:
        """An invocation begins at `now_us`. A process's time never goes back."""
        # A stretch, not an instant: initialisation may have moved `now_us` ahead of the model's clock.
        self._timeout_us = deadline_us - now_us
        self.now_us = max(now_us, self.now_us)
        self._began_ns = _real_monotonic_ns()
        self._readings = 0
        self.slept_us = 0

    def spend(self, microseconds: int) -> None:
        """Take time off what is left until the function's timeout."""
        self._timeout_us = max(1, self._timeout_us - microseconds)

    def leave(self) -> None:
        """In a child that the handler forked: wait for real from here on, and tell nobody."""
        if not self.in_fork and not self.measured_sleep:
            self._began_ns = _real_monotonic_ns()
        self.in_fork = True

    def take_slept_us(self) -> int:
        """What was slept since the last call, in microseconds."""
        slept, self.slept_us = self.slept_us, 0
        return slept

    def read_ns(self) -> int:
        """The present in nanoseconds since 1970, a microsecond later at each call."""
        # `while time.time() < end: pass` has to end: each reading is a microsecond later than the one before.
        self._readings += 1
        real = self.measured_sleep or self.in_fork
        elapsed_us = (_real_monotonic_ns() - self._began_ns) // 1_000 if real else 0
        return (self.now_us + elapsed_us + self._readings) * 1_000

    def move(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        if self.in_fork:
            _real_sleep(seconds)
            return
        moved = round(seconds * 1_000_000)
        self.now_us += moved
        self.slept_us += moved
        # Nothing behind such a sleep may happen: the model would have killed the process before. So the process ends here.
        if self.slept_us >= self._timeout_us > 0:
            self.overslept()


def load_patch(folder: str | None) -> Any:
    """time_machine, from the folder that holds it; None (and one line on standard error) where it is missing.

    It patches `datetime`, which is C code, underneath, and finds itself by its name; so a handler that imports it gets
    this one. Imported once, in the zygote.
    """
    # It imports pytest where that is installed, only to register a plugin, and unittest for a decorator of test cases:
    # 177 ms and 5 ms for nothing.
    unittest = types.ModuleType("unittest")
    unittest.TestCase = type("TestCase", (), {})  # type: ignore[attr-defined]  # all that is asked of it
    # None in sys.modules makes an import of that name fail at once; time_machine goes on without it.
    stand_ins = {"pytest": None, "dateutil": None, "dateutil.parser": None, "unittest": unittest}
    hidden = {name: sys.modules.get(name) for name in stand_ins}
    try:
        if folder is not None:
            sys.path.append(folder)
        sys.modules.update(stand_ins)  # type: ignore[arg-type]  # None is how Python hides a module
        import time_machine
    except ImportError as fault:
        python = "python%d.%d" % sys.version_info[:2]
        sys.stderr.write(f"lambdarun: datetime shows the wall's time in {python} handlers: {fault}\n")
        return None
    finally:
        if folder is not None:
            sys.path.remove(folder)
        for name, module in hidden.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
    return time_machine


def install(patch: Any, measured_sleep: bool) -> HandlerClock:
    """Have this process live in virtual time; returns its clock."""
    clock = HandlerClock(measured_sleep)
    os.register_at_fork(after_in_child=clock.leave)
    if patch is not None:
        # Only for `datetime`, `gmtime` and their kin; `time.time` and the others are replaced below. The traveller asks
        # our clock whenever the C code asks it.
        # time_machine asks the traveller on top of its stack for `time_ns`. Its own would stand still or run by the wall.
        traveller = patch.travel(0, tick=False).start()
        traveller.__class__ = type(
            "VirtualTraveller", (type(traveller),), {"time_ns": lambda _: clock.read_ns()}
        )
    time.time_ns = clock.read_ns
    time.time = lambda: clock.read_ns() / 1_000_000_000
    # One clock for all of them: durations that a handler measures are then sums of its sleeps, and equal on each run.
    for name in ("monotonic", "perf_counter"):
        setattr(time, name, lambda: clock.read_ns() / 1_000_000_000)
        setattr(time, f"{name}_ns", clock.read_ns)
    if not measured_sleep:
        _move_in_sleep(clock)
        _move_in_select(clock)
    return clock


def _move_in_sleep(clock: HandlerClock) -> None:
    main = threading.get_ident()

    def sleep(seconds: float) -> None:
        """Move virtual time on the main thread; wait for real on others."""
        # A thread that sleeps while the main one works would move the time of both. NaN and negative numbers are the real
        # sleep's to refuse.
        if threading.get_ident() != main or not seconds >= 0:
            _real_sleep(seconds)
        else:
            clock.move(seconds)

    time.sleep = sleep  # type: ignore[assignment]  # narrower than the C function's signature


def _move_in_select(clock: HandlerClock) -> None:
    kind = selectors.DefaultSelector
    select = kind.select
    main = threading.get_ident()

    def select_or_move(self: Any, timeout: float | None = None) -> Any:
        """Move virtual time where nothing but time can end the wait."""
        # asyncio's loop sleeps in its selector. Other users of selectors (a server's loop, subprocess.communicate) wait for
        # real events.
        movable = timeout is not None and timeout > 0 and not clock.in_fork and "asyncio" in sys.modules
        if not movable or threading.get_ident() != main:
            return select(self, timeout)
        ready = select(self, 0)
        if ready:
            return ready
        # The loop's own wake-up socket is always registered. Anything more can end the wait for real, and so can a thread (an
        # executor's job): to move time here would make `wait_for` time out although the answer is on its way.
        if len(self.get_map()) > 1 or threading.active_count() > 1:
            return select(self, timeout)
        assert timeout is not None
        clock.move(timeout)
        return []

    kind.select = select_or_move  # type: ignore[method-assign]  # the whole point
