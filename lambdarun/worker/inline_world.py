"""What a process has once and each environment has for itself: exchanged before a handler's call, put back behind it.

Variables, working folder, import path, modules, arguments, streams, logging, warnings, `random`, asyncio's loop, time zone,
signal handlers, locale, recursion limit, and in virtual time the clock. What an environment changes of these is there again
at its next call, as in a process of its own. The caller finds all of it as it was.
"""

from __future__ import annotations

import contextvars
import locale
import os
import random
import signal
import sys
import tempfile
import threading
import time
import warnings
from typing import Any

from .inline_call import Call, children, present
from .inline_logging import OwnLogging
from .inline_modules import OwnModules
from .inline_output import CallersStream, Output, open_stream
from .inline_time import VirtualCalls
from .inline_variables import CallersVariables, Variables

_ENVIRON: Any = os.environ
_MAIN = threading.main_thread().ident
_real_exit, _real_close, _real_close_range = os._exit, os.close, os.closerange
_real_signal, _real_locale = signal.signal, locale.setlocale
_OS: dict[str, Any] = os.__dict__
_RANDOM: dict[str, Any] = random.__dict__
_DRAWS = tuple(name for name in random.__all__ if hasattr(_RANDOM[name], "__self__"))
_FIRST_DRAWS = [_RANDOM[name] for name in _DRAWS]
_FIRST_RANDOM: dict[str, Any] = {name: _RANDOM[name] for name in (*_DRAWS, "_inst")}
# Of an interpreter that was started without -W.
_WARNINGS: list[Any] = [
    ("default", None, DeprecationWarning, "__main__", 0),
    ("ignore", None, DeprecationWarning, None, 0),
    ("ignore", None, PendingDeprecationWarning, None, 0),
    ("ignore", None, ImportWarning, None, 0),
    ("ignore", None, ResourceWarning, None, 0),
]
_filters_mutated: Any = getattr(warnings, "_filters_mutated", None) or getattr(
    warnings, "_filters_mutated_lock_held", lambda: None
)
_UTC = (b":UTC", b"UTC", b"UTC0")


class Left(BaseException):
    """The handler ended its process by `os._exit`: raised through it, up to whoever called it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Overslept(BaseException):
    """In virtual time: the handler slept until its timeout. Raised through it."""


def _exit_process(status: int) -> None:
    """`os._exit` during a call: the handler's end, not the caller's."""
    call = present.call
    # A forked child ends for real; so does the process where another thread asks for it (pytest's timeout does).
    if call is None or call.is_fork or threading.get_ident() != call.thread:
        _real_exit(status)
    else:
        raise Left(status & 0xFF)


def _set_signal(number: Any, action: Any) -> Any:
    call = present.call
    if call is None:  # bound by a module while a call was on
        return _real_signal(number, action)
    return call.visit.set_signal(number, action)


def _set_locale(category: int, locale: Any = None) -> str:
    call = present.call
    if call is None:
        return _real_locale(category, locale)
    name: str = call.visit.set_locale(category, locale)
    return name


def _close(descriptor: int) -> None:
    """`os.close` during a call: descriptors 0, 1 and 2 are the caller's."""
    call = present.call
    if call is None or call.is_fork or descriptor not in (0, 1, 2):
        _real_close(descriptor)


def _close_range(low: int, high: int) -> None:
    """`os.closerange` during a call: nobody can tell the caller's descriptors from the handler's, so none is closed."""
    call = present.call
    if call is None or call.is_fork:
        _real_close_range(low, high)


class Caller:
    """What is the caller's, for all environments of a runtime."""

    def __init__(self, virtual: bool) -> None:
        self.variables = CallersVariables()
        self.virtual = VirtualCalls() if virtual else None
        self._folder = -1
        self._moves = -1

    def folder(self) -> int:
        """A descriptor of the caller's working folder; -1 where there is none any more."""
        if self._moves != present.moves:
            self._forget_folder()
            self._moves = present.moves
            try:
                self._folder = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                self._folder = -1
        return self._folder

    def _forget_folder(self) -> None:
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    def close(self) -> None:
        """Let go of all that lasts longer than a call."""
        self._forget_folder()
        if self.virtual is not None:
            self.virtual.close()


_OF_A_CALL: dict[str, Any] = {"_exit": _exit_process, "close": _close, "closerange": _close_range}
"""What stands in `os` during a call."""


class World:
    """One environment's."""

    def __init__(self, configuration: dict[str, Any], caller: Caller, output: Output) -> None:
        self.caller = caller
        self.output = output
        self.root = root = configuration["task_root"]
        caller.variables.look(_ENVIRON._data)
        self.variables = Variables(configuration["environ"], caller.variables)
        given_path = filter(None, configuration["environ"].get("PYTHONPATH", "").split(os.pathsep))
        self.path = [
            root,
            *configuration["layer_path"],
            *given_path,
            *(entry for entry in sys.path if entry not in ("", root)),
        ]
        folders = (root, *filter(None, [configuration.get("opt")]))
        self.modules = OwnModules(folders, configuration["handler"])
        self.argv = [""]
        self.streams: tuple[Any, Any] = (open_stream(1, self._sink), open_stream(2, self._sink))
        self.logging = OwnLogging()
        self.filters: Any = list(_WARNINGS)
        source = random.Random(configuration["seed"]) if caller.virtual is not None else random.Random()
        self.draws = {name: getattr(source, name) for name in _DRAWS}
        self.draws["_inst"] = source
        self.policy: Any = None
        self.temporary: Any = None
        self.context = contextvars.Context()
        self.signals: dict[int, Any] = {}
        self.locale: str | None = None
        self.recursion = sys.getrecursionlimit()
        self.threads: set[int] = set()
        self.children: set[int] = set()
        self.folder = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        _know_again(root)

    def _sink(self, descriptor: int) -> Any:
        """Where what the present thread writes goes."""
        call = present.call
        if call is None:
            # A thread that goes on between invocations: on AWS it would be frozen, and write in the next one.
            return self.output
        if call.is_its(threading.get_ident()):
            return call.output
        return CallersStream(call.callers_streams[descriptor - 1])

    def close(self) -> None:
        """Let go of the descriptors, and end what the handler started."""
        os.close(self.folder)
        self.output.close()
        for pid in self.children & children():
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        loop = getattr(getattr(self.policy, "_local", None), "_loop", None)
        if loop is not None and not loop.is_running():
            loop.close()


def _know_again(folder: str) -> None:
    """Have the import system look into `folder` anew: files written within one tick of the clock are not seen else."""
    finder = sys.path_importer_cache.get(folder)
    if finder is not None and hasattr(finder, "invalidate_caches"):
        finder.invalidate_caches()


class Visit:
    """An environment's world in the place of the caller's: from `Visit(world)` until `leave`, once."""

    # Made for each invocation: without a dict of its own it takes half the time.
    __slots__ = (
        "_asyncio", "_data", "_environ", "_filters", "_folder", "_is_main", "_library", "_open", "_patched", "_random",
        "_sys", "_temporary", "_time", "_zone", "call", "locale", "signals", "world",
    )  # fmt: skip

    def __init__(self, world: World, clock: Any) -> None:
        self.world = world
        self.call = call = Call(world.output, world.variables.data, world.threads)
        call.clock = clock
        call.visit = self
        self._open = [True]
        self._is_main = call.thread == _MAIN
        self.signals: dict[int, Any] = {}
        self.locale: str | None = None
        self._zone = False
        self._time: Any = None
        self._enter()

    def _enter(self) -> None:
        world, call = self.world, self.call
        world.caller.variables.look(_ENVIRON._data)
        world.variables.refresh()
        self._environ, self._data = _OS["environ"], _ENVIRON._data
        call.callers_variables = self._data
        call.callers_streams = (sys.stdout, sys.stderr)
        self._sys = (sys.path, sys.argv, sys.getrecursionlimit())
        self._folder = world.caller.folder()
        self._filters = warnings.filters
        self._temporary = tempfile.tempdir
        call.previous = present.call
        # From here on the process is the handler's.
        _ENVIRON._data = world.variables.data
        sys.path, sys.argv = world.path, world.argv
        sys.stdout, sys.stderr = world.streams
        tempfile.tempdir = world.temporary
        warnings.filters = world.filters
        _filters_mutated()
        self._draw_from(world.draws)
        self._enter_asyncio()
        self._move(world.folder)
        world.modules.enter()
        world.logging.enter()
        self._listen_to_changes()
        self._enter_zone()
        if world.recursion != self._sys[2]:
            sys.setrecursionlimit(world.recursion)
        present.call = call
        if call.clock is not None and world.caller.virtual is not None:
            self._time = world.caller.virtual.enter()

    def _draw_from(self, draws: dict[str, Any]) -> None:
        """Have `random` draw from the environment's own source, but where a test has put something else."""
        if [*map(_RANDOM.get, _DRAWS)] == _FIRST_DRAWS:
            self._random = _FIRST_RANDOM
            _RANDOM.update(draws)
            return
        self._random = {name: _RANDOM[name] for name in draws}
        source = _RANDOM["_inst"]
        _RANDOM.update(
            (name, draw) for name, draw in draws.items()
            if name == "_inst" or getattr(_RANDOM[name], "__self__", None) is source
        )  # fmt: skip

    def _enter_asyncio(self) -> None:
        self._asyncio: tuple[Any, Any] = (None, None)
        events: Any = sys.modules.get("asyncio.events")
        if events is not None:
            self._asyncio = (events._get_running_loop(), events._event_loop_policy)
            events._set_running_loop(None)
            events._event_loop_policy = self.world.policy
        # trio's name for anyio's and httpx's question, where the handler runs on the thread of a trio loop.
        sniffio: Any = sys.modules.get("sniffio")
        self._library = None
        if sniffio is not None and sniffio.thread_local.name is not None:
            self._library = sniffio.thread_local.name
            sniffio.thread_local.name = None

    def _leave_asyncio(self) -> None:
        events: Any = sys.modules.get("asyncio.events")
        if events is not None:
            loop, policy = self._asyncio
            self.world.policy, events._event_loop_policy = events._event_loop_policy, policy
            if threading.get_ident() == self.call.thread:
                events._set_running_loop(loop)
        if self._library is not None:
            sys.modules["sniffio"].thread_local.name = self._library

    def _listen_to_changes(self) -> None:
        """Hear of changed signal handlers and locale, and put in place what the environment changed before."""
        world = self.world
        self._patched = (_OS["_exit"], signal.signal, locale.setlocale, _OS["close"], _OS["closerange"])
        _OS.update(_OF_A_CALL)
        locale.setlocale = _set_locale
        if self._is_main:
            signal.signal = _set_signal  # type: ignore[assignment]  # as above
            for number, action in world.signals.items():
                self.signals[number] = _real_signal(number, action)
        if world.locale is not None:
            self.locale = _real_locale(locale.LC_ALL)
            _real_locale(locale.LC_ALL, world.locale)

    def set_signal(self, number: Any, action: Any) -> Any:
        """`signal.signal`, which notes what was there."""
        before = _real_signal(number, action)
        self.signals.setdefault(int(number), before)
        self.world.signals[int(number)] = action
        return before

    def set_locale(self, category: int, name: Any) -> str:
        """`locale.setlocale`, which notes what was there."""
        if name is not None and self.locale is None:
            self.locale = _real_locale(locale.LC_ALL)
        return _real_locale(category, name)

    def _enter_zone(self) -> None:
        zone = self.world.variables.data.get(b"TZ")
        if zone in _UTC and time.timezone == 0 and not time.daylight:
            return
        self._zone = True
        _set_zone(zone)

    def _move(self, folder: int) -> None:
        present.deaf = True
        try:
            os.fchdir(folder)
        except OSError:
            pass  # taken away by the handler, or the caller's is gone: what stands is as good
        finally:
            present.deaf = False

    def leave(self) -> bool:
        """Put the caller's world back; says whether this call of it did, for it is done once."""
        try:
            # Taken out of a list: the one operation that two threads cannot both succeed in.
            self._open.pop()
        except IndexError:
            return False
        world, call = self.world, self.call
        if self._time is not None and world.caller.virtual is not None:
            world.caller.virtual.leave(self._time)
        present.call = call.previous
        self._leave_changes()
        world.logging.leave()
        world.modules.leave()
        if call.moved:
            self._follow()
        self._move(self._folder)
        self._leave_asyncio()
        _RANDOM.update(self._random)
        world.filters, warnings.filters = warnings.filters, self._filters
        _filters_mutated()
        world.temporary, tempfile.tempdir = tempfile.tempdir, self._temporary
        if call.callers_streams != (sys.stdout, sys.stderr):  # else a debugger has shown the caller's
            world.streams = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = call.callers_streams
        world.path, world.argv = sys.path, sys.argv
        sys.path, sys.argv, _ = self._sys
        _OS["environ"] = self._environ
        _ENVIRON._data = self._data
        if call.is_dressed or call.set_variables or call.children_before is not None:
            self._leave_children()
        if call.foreign or len(threading._active) > 1:  # type: ignore[attr-defined]  # there, but not in typeshed
            world.threads = call.threads()
        return True

    def _leave_children(self) -> None:
        """What children, and the C library, were given."""
        call = self.call
        present.deaf = True
        call.undress()
        present.deaf = False
        if call.children_before is not None:
            self.world.output.give_descriptors_back()
            self.world.children |= children() - call.children_before

    def _leave_changes(self) -> None:
        world = self.world
        _OS["_exit"], signal.signal, locale.setlocale, _OS["close"], _OS["closerange"] = self._patched
        if self._zone:
            _set_zone(self._data.get(b"TZ"))
        if sys.getrecursionlimit() != self._sys[2]:
            world.recursion = sys.getrecursionlimit()
            sys.setrecursionlimit(self._sys[2])
        for number, action in self.signals.items():
            # None: set by C code, which alone can set it again.
            if action is not None:
                _real_signal(number, action)
        if self.locale is not None:
            world.locale = _real_locale(locale.LC_ALL)
            _real_locale(locale.LC_ALL, self.locale)

    def _follow(self) -> None:
        """Keep the folder that the handler changed to: its next call begins there."""
        try:
            folder = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        os.close(self.world.folder)
        self.world.folder = folder


def _set_zone(zone: bytes | None) -> None:
    present.deaf = True
    if zone is None:
        os.unsetenv("TZ")
    else:
        os.putenv("TZ", os.fsdecode(zone))
    time.tzset()
    present.deaf = False
