"""The kernel's control groups, version 1 and 2: where a run may make its own, what is written there and read.

A run makes one group below its own (in v2, where a group with processes can have no limited children, beside it), and
in that one an environment. What a run that was killed left is removed by the next.
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html, https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

MEMORY: Final = "memory"
PIDS: Final = "pids"
CPU: Final = "cpu"
_PREFIX: Final = "lambdarun-"
_SELF: Final = Path("/proc/self")
_CPU_PERIOD_US: Final = 20_000
"""Shares are dealt out anew so often: 128 MB are 1.4 ms of it, and the kernel deals none below 1 ms."""


@frozen
class Mount:
    """Where a hierarchy of groups can be reached."""

    version: int
    root: str
    """The group that is seen at `folder`: not `/` inside a container."""
    folder: str
    controllers: frozenset[str]
    """Of version 1; version 2 has one hierarchy for all."""


@frozen
class Place:
    """A group in which this process may make others that are limited."""

    version: int
    folder: str


def place_of(controller: str, proc: Path = _SELF) -> Place | str:
    """Where groups limited by `controller` may be made, or why nowhere."""
    try:
        own = (proc / "cgroup").read_text()
        mounts = _mounts((proc / "mountinfo").read_text())
    except OSError:
        return "this system has no control groups"
    unified: str | None = None
    for line in own.splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            mount = next((m for m in mounts if m.version == 1 and controller in m.controllers), None)
            return "its hierarchy is mounted nowhere" if mount is None else _first_place(mount, path)
        if not names:
            unified = path
    mount = next((m for m in mounts if m.version == 2), None)
    if unified is None or mount is None:
        return f"no hierarchy has the controller {controller}"
    return _second_place(mount, unified, controller)


def _mounts(mountinfo: str) -> list[Mount]:
    mounts = []
    for line in mountinfo.splitlines():
        before, _, behind = line.partition(" - ")
        root, folder = before.split()[3:5]
        kind, _, options = behind.split()[:3]
        if kind in ("cgroup", "cgroup2"):
            mounts.append(Mount(1 if kind == "cgroup" else 2, root, folder, frozenset(options.split(","))))
    return mounts


def _folder(mount: Mount, path: str) -> str:
    below = os.path.relpath(path, mount.root) if path.startswith(mount.root) else "."
    return os.path.normpath(os.path.join(mount.folder, below))


def _first_place(mount: Mount, path: str) -> Place | str:
    folder = _folder(mount, path)
    return Place(1, folder) if os.access(folder, os.W_OK) else f"{folder} cannot be written"


def _second_place(mount: Mount, path: str, controller: str) -> Place | str:
    own = _folder(mount, path)
    # Own group first; but while processes are in it, v2 lets it limit no children (but for the root). A service manager that
    # hands a user his part of the tree has the controllers on in the group above.
    for folder in (own, os.path.dirname(own)):
        if not folder.startswith(mount.folder):
            break
        # A process may be moved only where the group above both, the old one and the new, may be written as well.
        with suppress(OSError):
            enabled = Path(folder, "cgroup.subtree_control").read_text().split()
            procs = os.path.join(folder, "cgroup.procs")
            if controller in enabled and os.access(folder, os.W_OK) and os.access(procs, os.W_OK):
                return Place(2, folder)
    return (
        f"neither {own} nor the group above it may be written with the controller {controller} on "
        "(systemd-run --user --scope -p Delegate=yes gives such a group)"
    )


@define(eq=False)
class RunGroups:
    """A run's groups: one of its own at each place, made when the first environment needs one."""

    places: dict[str, Place]
    """By controller."""
    _folders: dict[str, str] = field(factory=dict, init=False)
    """The run's own, by the place's folder."""
    _locks: list[int] = field(factory=list, init=False)

    def prepare(self) -> dict[str, str]:
        """Make the run's own groups; places where the kernel refuses that are left out, and told with why."""
        refused = {}
        for controller, place in tuple(self.places.items()):
            try:
                self._run_folder(place)
            except OSError as fault:
                refused[controller] = f"{place.folder}: {fault.strerror}"
                del self.places[controller]
        return refused

    def open(self, name: str, controllers: Iterable[str]) -> Group:
        """The group of an environment, limited by those `controllers` that may be had; made now. Raises OSError."""
        folders: dict[str, str] = {}
        joins = []
        versions = {}
        for controller in controllers:
            place = self.places.get(controller)
            if place is None:
                continue
            folder = f"{self._run_folder(place)}/{name}"
            if folder not in folders.values():
                os.mkdir(folder)
                joins.append(f"{folder}/{_JOIN[place.version]}")
            folders[controller], versions[controller] = folder, place.version
        return Group(folders, versions, joins)

    def _run_folder(self, place: Place) -> str:
        folder = self._folders.get(place.folder)
        if folder is None:
            _sweep(place.folder)
            folder, lock = _locked_folder(place.folder)
            self._locks.append(lock)
            if place.version == 2:
                on = [name for name, other in self.places.items() if other.folder == place.folder]
                _write(f"{folder}/cgroup.subtree_control", " ".join(f"+{name}" for name in on))
            self._folders[place.folder] = folder
        return folder

    def close(self) -> None:
        """Remove all of them; processes in them are dead."""
        for folder in self._folders.values():
            _remove(folder)
        for lock in self._locks:
            os.close(lock)
        self._folders, self._locks = {}, []


# `tasks` moves one thread, and where that is the one that writes, without the lock of all forks, whose first taker waits
# for every processor (measured: 0.05 ms against 6 to 14). v2 has no such way for a group with a memory limit.
_JOIN: Final = {1: "tasks", 2: "cgroup.procs"}


def _locked_folder(within: str) -> tuple[str, int]:
    """A new group of a run's own, and the descriptor that holds its lock. Raises OSError."""
    while True:
        folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=within)
        # Another run that sweeps just now may take it for one that was left, until it is locked: then there is none any more.
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.exists(folder):
                return folder, lock
            os.close(lock)


def _sweep(folder: str) -> None:
    """Remove the groups of runs that are gone: each run holds a lock on its own, which ends with it however it ends."""
    for entry in Path(folder).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            descriptor = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(str(entry))
            finally:
                os.close(descriptor)


def _remove(folder: str) -> None:
    with suppress(OSError):  # a process that dies just now is still in it: the next run takes it away
        for entry in os.scandir(folder):
            if entry.is_dir():
                with suppress(OSError):
                    os.rmdir(entry.path)
        os.rmdir(folder)


@define(eq=False)
class Group:
    """An environment's group: its limits, and what the kernel counts."""

    folders: dict[str, str]
    """By controller."""
    versions: dict[str, int]
    joins: list[str]
    """Files to which whoever wants to be in it writes `0`."""
    _peak: int | None = field(default=None, init=False)
    """A descriptor that stays open: the peak is read after each invocation of a runtime that has children."""

    def limit_memory(self, limit_bytes: int) -> None:
        """Have the kernel kill a process of the group where all of them hold more, swap included."""
        folder = self.folders[MEMORY]
        if self.versions[MEMORY] == 2:
            _write(f"{folder}/memory.max", limit_bytes)
            with suppress(OSError):  # without swap in the kernel there is no such file
                _write(f"{folder}/memory.swap.max", 0)
            return
        # With swap can never be below without: the order depends on which way it goes.
        names = [f"{folder}/memory.limit_in_bytes", f"{folder}/memory.memsw.limit_in_bytes"]
        try:
            _write(names[0], limit_bytes)
        except OSError:
            names.reverse()
            _write(names[0], limit_bytes)
        with suppress(FileNotFoundError):
            _write(names[1], limit_bytes)

    def limit_processes(self, most: int) -> None:
        """At most so many processes and threads in the group."""
        _write(f"{self.folders[PIDS]}/pids.max", most)

    def limit_cpu(self, cores: float | None) -> None:
        """At most so much of the processors; None: no limit."""
        folder = self.folders[CPU]
        quota = None if cores is None else max(1_000, round(cores * _CPU_PERIOD_US))
        if self.versions[CPU] == 2:
            _write(f"{folder}/cpu.max", f"{'max' if quota is None else quota} {_CPU_PERIOD_US}")
            return
        _write(f"{folder}/cpu.cfs_period_us", _CPU_PERIOD_US)
        _write(f"{folder}/cpu.cfs_quota_us", -1 if quota is None else quota)

    def usage_bytes(self) -> int:
        """What all its processes are charged now."""
        name = "memory.current" if self.versions[MEMORY] == 2 else "memory.usage_in_bytes"
        return int(_read(f"{self.folders[MEMORY]}/{name}"))

    def peak_bytes(self) -> int:
        """The most that it was charged at once; where the kernel does not tell (v2 before 5.19), what it is now."""
        name = "memory.peak" if self.versions[MEMORY] == 2 else "memory.max_usage_in_bytes"
        if self._peak is None:
            try:
                self._peak = os.open(f"{self.folders[MEMORY]}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return self.usage_bytes()
        return int(os.pread(self._peak, 64, 0))

    def forget_peak(self) -> None:
        """Let the peak begin anew, where the kernel can."""
        if self.versions[MEMORY] == 1:
            _write(f"{self.folders[MEMORY]}/memory.max_usage_in_bytes", 0)

    def file_bytes(self) -> int:
        """What of the charge are copies of files on disk, which the kernel gives up when it needs room.

        Shared memory and what a tmpfs holds count as files too for the kernel, but are no copies: they are not in it.
        """
        told = _fields(_read(f"{self.folders[MEMORY]}/memory.stat"))
        if self.versions[MEMORY] == 2:
            return max(0, told["file"] - told["shmem"])
        return max(0, told["total_cache"] - told["total_shmem"])

    def kills(self) -> int:
        """How many of its processes the kernel has killed for want of memory."""
        name = "memory.events" if self.versions[MEMORY] == 2 else "memory.oom_control"
        return _fields(_read(f"{self.folders[MEMORY]}/{name}"))["oom_kill"]

    def open_joins(self) -> list[int]:
        """Descriptors by which a process can enter, whatever it sees of the machine's files. Raises OSError."""
        opened: list[int] = []
        try:
            for path in self.joins:
                opened.append(os.open(path, os.O_WRONLY | os.O_CLOEXEC))
        except OSError:
            for descriptor in opened:
                os.close(descriptor)
            raise
        return opened

    def remove(self) -> None:
        """Take the group away; its processes are dead."""
        if self._peak is not None:
            os.close(self._peak)
            self._peak = None
        for folder in set(self.folders.values()):
            with suppress(OSError):  # one that dies just now: the run's end takes it away
                os.rmdir(folder)


def _fields(text: bytes) -> dict[str, int]:
    words = text.decode().split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 8_192)
    finally:
        os.close(descriptor)


def _write(path: str, value: object) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, str(value).encode())
    finally:
        os.close(descriptor)


def places(wanted: Iterable[str] = (MEMORY, PIDS, CPU)) -> tuple[dict[str, Place], dict[str, str]]:
    """The places of each controller that may be had, and why not of the others."""
    found = {controller: place_of(controller) for controller in wanted}
    return (
        {name: place for name, place in found.items() if isinstance(place, Place)},
        {name: why for name, why in found.items() if isinstance(why, str)},
    )
