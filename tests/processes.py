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


def zygote_of(runtime: Any) -> int:
    """The process that forks a runtime's environments."""
    [zygote] = runtime.driver.processes.launcher.zygotes
    pid: int = zygote._child.pid
    return pid
