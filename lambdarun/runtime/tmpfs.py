"""Folders that are memory: what a tmpfs holds is charged to whoever wrote it, though to a handler `/tmp` is disk."""

from __future__ import annotations

import os
from contextlib import suppress


def is_tmpfs(folder: str) -> bool:
    """Whether what is written to `folder` stays in memory."""
    device = os.stat(folder).st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError), open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            before, _, behind = line.partition(" - ")
            if before.split()[2] == name:
                return behind.split()[0] in ("tmpfs", "ramfs")
    return False


def used_bytes(folder: str) -> int:
    """What a folder in memory holds: a mount's own word for one that is a mount, else the sum of its files."""
    try:
        if os.stat(folder).st_dev != os.stat(f"{folder}/..").st_dev:
            told = os.statvfs(folder)
            return (told.f_blocks - told.f_bfree) * told.f_frsize
    except OSError:
        return 0
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(f"{root}/{name}").st_blocks * 512
    return total
