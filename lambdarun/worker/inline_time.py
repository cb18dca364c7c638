"""Virtual time for the length of a handler's call, in a process that lives in real time before, behind and beside it.

The names in `time` are exchanged at each call. Modules that bound one of them keep it; so each function here asks whether
a call is on and whether the asking thread is the handler's, and shows real time otherwise.
"""

from __future__ import annotations

import selectors
import sys
import threading
import time
from importlib import import_module
from typing import Any

from .inline_call import present
from .virtual_time import HandlerClock, load_patch

_NAMES = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep")
# As they were when this was imported: what threads of the caller's see, and whoever asks while no call is on.
_REAL: dict[str, Any] = {name: getattr(time, name) for name in _NAMES}
_REAL_VALUES = [*_REAL.values()]
_TIME: dict[str, Any] = time.__dict__
_get_ident = threading.get_ident


def _clock() -> HandlerClock | None:
    """The virtual time that the asking thread lives in; None: the wall's."""
    call = present.call
    if call is None or call.clock is None or not call.is_its(_get_ident()):
        return None
    clock: HandlerClock = call.clock
    return clock


def _reading_ns(name: str) -> Any:
    real = _REAL[name]

    def read_ns() -> int:
        clock = _clock()
        return clock.read_ns() if clock is not None else real()

    return read_ns


def _reading(name: str) -> Any:
    real = _REAL[name]

    def read() -> float:
        clock = _clock()
        return clock.read_ns() / 1_000_000_000 if clock is not None else real()

    return read


def _sleep(seconds: float) -> None:
    """Move virtual time on the handler's thread; wait for real on others."""
    call = present.call
    # NaN and negative numbers are the real sleep's to refuse.
    clock = call.clock if call is not None and _get_ident() == call.thread else None
    if clock is None or clock.measured_sleep or not seconds >= 0:
        _REAL["sleep"](seconds)
    else:
        clock.move(seconds)


_VIRTUAL: dict[str, Any] = {
    **{name: _reading(name) for name in ("time", "monotonic", "perf_counter")},
    **{name: _reading_ns(name) for name in ("time_ns", "monotonic_ns", "perf_counter_ns")},
    "sleep": _sleep,
}


class _Patch:
    """`datetime` and its kin, which are C code: time_machine patches them underneath."""

    def __init__(self) -> None:
        # Under pytest it is there already, as a plugin; else pytest is kept out of its import.
        patch: Any = import_module("time_machine") if "pytest" in sys.modules else load_patch(None)
        self._travel = patch.travel(0, tick=False) if patch is not None else None
        real_ns: Any = patch.escape_hatch.time.time_ns if patch is not None else None

        def time_ns(_: Any) -> int:
            clock = _clock()
            return clock.read_ns() if clock is not None else real_ns()

        self._time_ns = time_ns
        self._kind: Any = None

    def start(self) -> None:
        if self._travel is None:
            return
        traveller = self._travel.start()
        if self._kind is None:
            self._kind = type("VirtualTraveller", (type(traveller),), {"time_ns": self._time_ns})
        traveller.__class__ = self._kind

    def stop(self) -> None:
        if self._travel is not None:
            self._travel.stop()


class VirtualCalls:
    """Exchanges the time of a process for its handlers' calls; one a runtime."""

    def __init__(self) -> None:
        self._patch = _Patch()
        _selectors.open()

    def enter(self) -> dict[str, Any]:
        """Show virtual time to the call that is on; returns what `leave` wants back."""
        saved = _REAL
        if [*map(_TIME.get, _NAMES)] != _REAL_VALUES:  # a test has put something else there
            saved = {name: _TIME[name] for name in _NAMES}
        _TIME.update(_VIRTUAL)
        self._patch.start()
        return saved

    def leave(self, saved: dict[str, Any]) -> None:
        """The caller's time as it was."""
        self._patch.stop()
        _TIME.update(saved)

    def close(self) -> None:
        """Put what lasts for more than a call back."""
        _selectors.close()


class _Selectors:
    """asyncio's waits, for as long as a runtime in virtual time is open."""

    def __init__(self) -> None:
        self._open = 0
        self._own: Any = None

    def open(self) -> None:
        kind: Any = selectors.DefaultSelector
        self._open += 1
        if self._open > 1:
            return
        select = kind.select
        self._own = kind.__dict__.get("select")

        def select_or_move(self: Any, timeout: float | None = None) -> Any:
            """Move virtual time where nothing but time can end the wait."""
            call = present.call
            if call is None or call.clock is None or timeout is None or timeout <= 0 or call.is_fork:
                return select(self, timeout)
            if _get_ident() != call.thread or call.clock.measured_sleep or "asyncio" not in sys.modules:
                return select(self, timeout)
            ready = select(self, 0)
            if ready:
                return ready
            # As in virtual_time.py: whatever else is registered can end the wait for real, and so can a thread.
            if len(self.get_map()) > 1 or call.threads():
                return select(self, timeout)
            call.clock.move(timeout)
            return []

        kind.select = select_or_move

    def close(self) -> None:
        kind: Any = selectors.DefaultSelector
        self._open -= 1
        if self._open:
            return
        if self._own is not None:
            kind.select = self._own
        else:
            del kind.select
        self._own = None


_selectors = _Selectors()
