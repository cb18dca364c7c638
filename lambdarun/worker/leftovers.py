"""What a handler left behind that could run between invocations: threads and children.

A look into /proc and at the children costs 2 to 3 µs, so it is made only where there may be something: Python tells of
its own threads and, by audit events, of what starts children; where code that needs neither was loaded, each time.
"""

from __future__ import annotations

import _thread
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

_STARTS_A_CHILD = frozenset(
    {"os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen", "pty.spawn"}
)
# multiprocessing starts children without an audit event; what ctypes loads may do anything.
_UNSEEN_MODULES = frozenset({"_multiprocessing", "multiprocessing"})
_UNSEEN_EVENTS = frozenset({"ctypes.dlopen", "ctypes.dlsym", "ctypes.cdata"})
_STANDARD_LIBRARY = os.path.dirname(os.__file__)
_SITE = "site-packages"


# What this must never do is miss something: a thread that runs on between invocations changes results, and on AWS it
# would not have run. Looking where nothing is costs 2 to 3 µs; stopping a group that needs no stop costs 19. So every
# doubt is answered with a look, and a look that fails with 'something lives'.
#
# Python's own threads are counted by _thread; children are heard of by audit events. Code that starts either without
# Python (extension modules, ctypes) cannot be heard, so once such code was loaded, every event ends with a look.
class Leftovers:
    """Looks for threads and children of this process."""

    def __init__(self, tasks: int, before_child: Callable[[], None]) -> None:
        self._tasks = tasks
        """A descriptor of /proc/self/task."""
        self._before_child = before_child
        """Called whenever a child is about to be started."""
        self._modules = len(sys.modules)
        self._newest = next(reversed(sys.modules))
        self._children = False
        self._had_children = False
        self.had_any = False
        """Whether there has ever been a child."""
        self.unseen = False
        """Whether code was loaded that may start threads and children without a word."""
        # It cannot be taken back, and handlers cannot see or remove it.
        sys.addaudithook(self._hear)

    def any(self) -> bool:
        """Whether anything but the main thread lives."""
        if len(sys.modules) != self._modules:
            self._look_at_modules()
        if not (self.unseen or self._children or self._had_children or _thread._count()):
            return False
        # A directory's link count is 2 and its subdirectories: one a thread.
        # One system call, where listing the folder takes three.
        if os.fstat(self._tasks).st_nlink > 3:
            return True
        try:
            # WNOWAIT: a child that has ended stays for the handler's own wait.
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            self._children = False
            # One that came and went unseen has left its size.
            self.had_any = self.had_any or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0
            self._had_children = self._had_children and _orphans()
            return self._had_children
        self._had_children = self.had_any = True
        return True

    def _hear(self, event: str, told: Any) -> None:
        if event in _STARTS_A_CHILD:
            self._children = self._had_children = self.had_any = True
            self._before_child()
        elif event in _UNSEEN_EVENTS or (event == "import" and told[0] in _UNSEEN_MODULES):
            self.unseen = True
            self._before_child()

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
                self.unseen = True


def _orphans() -> bool:
    """Whether a process of our group lives that a child of ours left: the zygote adopted it."""
    group = os.getpgrp()
    try:
        with open("/proc/%d/task/%d/children" % (os.getppid(), os.getppid())) as listing:
            adopted = [int(pid) for pid in listing.read().split()]
    except OSError:
        return True  # nobody can tell: to stop the group costs some microseconds, a process that runs on costs the truth
    for pid in adopted:
        try:
            with open("/proc/%d/stat" % pid) as stat:
                state, _, its_group = stat.read().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # it ended just now
        # Other environments are children of the zygote too, each in its own group.
        if int(its_group) == group and state != "Z" and pid != os.getpid():
            return True
    return False
