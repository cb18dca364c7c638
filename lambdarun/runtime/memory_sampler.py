"""What an environment's processes hold, read from /proc: for machines where no control group may be written.

A tree of processes is looked at in two steps. The resident sizes cost some microseconds, and where even their sum, which
counts shared pages more than once, is no more than what is known already, that is all. Only above it is each page's share
looked up, which takes milliseconds for hundreds of megabytes.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from math import inf
from typing import Final

from attrs import define, field

from lambdarun.runtime.clock import wall_seconds

_FRESH_S: Final = 0.005
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@define(eq=False)
class Adopted:
    """The children of a process that forks environments which it did not fork: orphans that environments made."""

    zygote_pid: int
    forks: set[int] = field(factory=set, init=False)
    """What it forked itself and has not reaped: the environments' own processes."""
    _pids: list[int] = field(factory=list, init=False)
    _read: float = field(default=-inf, init=False)

    def pids(self) -> list[int]:
        """They, as of a moment ago: one look serves all environments, for the kernel lists 200 children in 0.1 ms."""
        now = wall_seconds()
        if now - self._read > _FRESH_S:
            children = _thread_children(self.zygote_pid, self.zygote_pid)
            self._pids = [pid for pid in children if pid not in self.forks]
            self._read = now
        return self._pids


@define(eq=False)
class Tree:
    """The processes of one environment: the runtime's own, what comes from it, and what it has left behind."""

    pid: int
    adopted: Adopted
    """What has lost its parent, of all environments."""
    output: str
    """The environment's output as a link to it looks in /proc."""
    _parent: int = field(default=0, init=False)
    _seen: set[int] = field(factory=set, init=False)

    @property
    def parent(self) -> int:
        """What forked it: the process that forks environments, or, in a sandbox, the first process of the environment's own
        PID namespace, to which all orphans of that go.
        """
        # Looked up when it is first asked for: most processes are never looked at.
        if not self._parent:
            self._parent = _parent(self.pid)
        return self._parent

    def processes(self) -> list[int]:
        """All that live, the runtime's own first."""
        living = [self.pid, *_below(self.pid)]
        alone = self.parent != self.adopted.zygote_pid
        for pid in _children(self.parent) if alone else self.adopted.pids():
            if pid not in living and (alone or self._has_left(pid)):
                living += [pid, *_below(pid)]
        self._seen = set(living)
        return living

    def _has_left(self, pid: int) -> bool:
        """Whether an adopted process is of this environment."""
        # A daemon has a session of its own: it was in the tree at an earlier look, or it holds the output, as all do that do
        # not close it. One that left the tree between two looks and closed everything is not counted.
        return pid in self._seen or _group(pid) == self.pid or self.output in _links(pid)

    def kill(self, pid: int) -> bool:
        """Kill one of them; False where it is none of them any more."""
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return False
        try:
            # Looked at again behind the descriptor: the number may have gone to another process meanwhile.
            if pid not in self.processes():
                return False
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            return True
        finally:
            os.close(descriptor)


@define
class Sample:
    """What a tree held at one look."""

    used: int
    """Bytes of all of them."""
    largest: int
    """The process that holds most of its own: the one that the kernel would kill."""
    files: int = 0
    """What the runtime's process has mapped of files, as far as that was looked at; it is not in `used`."""


def sample(tree: Tree, known: int) -> Sample:
    """Bytes that the processes of `tree` hold; exact where it may be more than the `known` ones, else an upper bound."""
    processes = tree.processes()
    resident = {pid: resident_bytes(pid) for pid in processes}
    largest = max(resident, key=lambda pid: resident[pid])
    total = sum(resident.values())
    if total <= known:
        return Sample(total, largest)
    # Copies of files on disk count only as far as the process had them from the start (the interpreter): the kernel gives
    # the others up when it needs room. What is shared with the process that forks environments counts in full: on AWS
    # nobody shares it.
    anonymous, shared, files = _status(tree.pid)
    _, _, from_the_start = _status(tree.parent)
    base = min(files, from_the_start)
    own, shares = anonymous + shared + base, base
    if len(processes) > 1:
        for pid in processes:
            proportional, private = _rollup(pid)
            shares += proportional
            if pid != tree.pid:
                own += private
    # Two sums, each of which leaves something out and counts nothing twice: what children share with each other alone is not
    # in the first, most of what all environments share is not in the second.
    return Sample(max(own, shares), largest, files - base)


def mapped_files(tree: Tree) -> int:
    """Bytes of files that the runtime's process has mapped, beyond what it had from the start."""
    return max(0, _status(tree.pid)[2] - _status(tree.parent)[2])


def resident_bytes(pid: int) -> int:
    """The resident size of a process; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as told:
            return int(told.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _status(pid: int) -> tuple[int, int, int]:
    """Resident bytes of a process that are its memory, shared memory, and files."""
    found = {}
    with suppress(OSError), open(f"/proc/{pid}/status", "rb") as told:
        for line in told:
            if line.startswith(b"Rss"):
                name, size, _ = line.split()
                found[name] = int(size) << 10
    return found.get(b"RssAnon:", 0), found.get(b"RssShmem:", 0), found.get(b"RssFile:", 0)


def _rollup(pid: int) -> tuple[int, int]:
    """A process's share of what is no file, and what of that is its alone."""
    proportional = private = 0
    with suppress(OSError), open(f"/proc/{pid}/smaps_rollup", "rb") as told:
        for line in told:
            if line.startswith((b"Pss_Anon:", b"Pss_Shmem:")):
                proportional += int(line.split()[1]) << 10
            elif line.startswith(b"Private_Dirty:"):
                private = int(line.split()[1]) << 10
    return proportional, private


def _below(pid: int) -> list[int]:
    below = _children(pid)
    for child in below:  # it grows while it is walked: a chain of forks may be longer than Python's stack
        below += _children(child)
    return below


def _children(pid: int) -> list[int]:
    """The children of all threads of a process."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [child for thread in threads for child in _thread_children(pid, int(thread))]


def _thread_children(pid: int, thread: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as told:
            return [int(child) for child in told.read().split()]
    except OSError:
        return []


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as told:
            return int(told.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def _links(pid: int) -> set[str]:
    """What the descriptors of a process lead to."""
    found = set()
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    return found


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return 0
