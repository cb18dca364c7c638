"""What a handler left behind that could run between invocations: threads and children.

A look into /proc and at the children costs 2 to 3 µs, so it is made only where there may be something: Python tells of
its own threads and, by audit events, of what starts children; where code that needs neither was loaded, each time.
"""

from __future__ import annotations

import _thread
import os
import sys

_STARTS_A_CHILD = frozenset(
    {"os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen", "pty.spawn"}
)
# multiprocessing starts children without an audit event; what ctypes loads may do anything.
_UNSEEN_MODULES = frozenset({"_multiprocessing", "multiprocessing"})
_UNSEEN_EVENTS = frozenset({"ctypes.dlopen", "ctypes.dlsym", "ctypes.cdata"})
_STANDARD_LIBRARY = os.path.dirname(os.__file__)
_SITE = "site-packages"


class Leftovers:
    """Looks for threads and children of this process."""

    def __init__(self, tasks: int) -> None:
        self._tasks = tasks
        """A descriptor of /proc/self/task."""
        self._modules = len(sys.modules)
        self._newest = next(reversed(sys.modules))
        self._children = False
        self._unseen = False
        sys.addaudithook(self._hear)

    def any(self) -> bool:
        """Whether anything but the main thread lives."""
        if len(sys.modules) != self._modules:
            self._look_at_modules()
        if not (self._unseen or self._children or _thread._count()):
            return False
        # A directory's link count is 2 and its subdirectories: one a thread.
        if os.fstat(self._tasks).st_nlink > 3:
            return True
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            self._children = False
            return False
        return True

    def _hear(self, event: str, _: object) -> None:
        if event in _STARTS_A_CHILD:
            self._children = True
        elif event in _UNSEEN_EVENTS:
            self._unseen = True

    def _look_at_modules(self) -> None:
        # From the newest on: to touch every name would make each page that holds one this process's own.
        seen = self._newest
        self._modules = len(sys.modules)
        self._newest = next(reversed(sys.modules))
        for name in reversed(sys.modules):
            if name == seen:
                return
            file = getattr(sys.modules[name], "__file__", None) or ""
            foreign = file.endswith(".so") and (_SITE in file or not file.startswith(_STANDARD_LIBRARY))
            if foreign or name in _UNSEEN_MODULES:
                self._unseen = True
