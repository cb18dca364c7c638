"""What lives below a process, and whether it dies."""

from __future__ import annotations

import os
import select
from pathlib import Path
from typing import Any


def children_of(pid: int) -> list[int]:
    """The children of a process; none where it is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def descendants(pid: int) -> list[int]:
    """All processes below one, of any session; what loses its parent stays below the zygote, which adopts it."""
    below = children_of(pid)
    return [*below, *(further for child in below for further in descendants(child))]


def watch(pids: list[int]) -> dict[int, int]:
    """A pidfd of each that is still there, by its process id."""
    watched = {}
    for pid in pids:
        try:
            watched[pid] = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
    return watched


def survivors(watched: dict[int, int]) -> list[int]:
    """Those of `watch` that do not die within ten seconds each; closes its descriptors."""
    living = []
    for pid, descriptor in watched.items():
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        if not waiting.poll(10_000):
            living.append(pid)
        os.close(descriptor)
    return living


def priority_of(pid: int) -> int:
    """How willing a process is to wait: what a handler can tell of itself out of a sandbox. 0 where it is gone."""
    try:
        return os.getpriority(os.PRIO_PROCESS, pid)
    except ProcessLookupError:
        return 0


def zygote_of(runtime: Any) -> int:
    """The process that forks a runtime's environments."""
    [zygote] = runtime.driver.processes.launcher.zygotes
    pid: int = zygote._child.pid
    return pid


def forker_of(runtime: Any) -> int:
    """The process that itself forks a runtime's environments; in a sandbox two wait above it."""
    [zygote] = runtime.driver.processes.launcher.zygotes
    pid = zygote_of(runtime)
    for _ in range(2 if zygote.greeting.sandboxed else 0):
        [pid] = children_of(pid)
    return pid


def pids_of(runtime: Any) -> list[int]:
    """The environments' processes as this machine numbers them; a handler in a sandbox sees other ids."""
    return [process.pid for process in runtime.driver.processes._processes.values() if process.pid]


def strays(runtime: Any) -> list[int]:
    """What lives below a runtime's zygote and is neither an environment's process nor what is ready for the next one."""
    processes = runtime.driver.processes
    [zygote] = processes.launcher.zygotes
    expected = {process.pid for process in processes._processes.values()}
    if not zygote.greeting.sandboxed:
        return [pid for pid in descendants(zygote_of(runtime)) if pid not in expected]
    found, ready = [], 0
    for init in children_of(forker_of(runtime)):
        below = descendants(init)
        if expected.intersection(below):
            found += [pid for pid in below if pid not in expected]
        elif len(below) > 1 or (below and ready):
            found += [init, *below]
        elif below:  # else it is about to end, or just begins
            ready += 1
    return found
