"""Fork, import and call; kill and wait; whole Python commands; memory of a forked child."""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path


def fork_import_call(folder: Path, count: int) -> list[float]:
    """Seconds from a request to the byte of a child that imported `hello_floor` and called its handler.

    A prepared single-threaded process forks, as a zygote does; it is asked over a pipe.
    """
    (folder / "hello_floor.py").write_text("def handler(event, context):\n    return 'hello'\n")
    ask_read, ask_write = os.pipe()
    told_read, told_write = os.pipe()
    parent = os.fork()
    if parent == 0:
        os.close(ask_write)
        sys.path.insert(0, str(folder))
        import json  # noqa: F401 - part of what is prepared

        gc.collect()
        gc.freeze()
        while os.read(ask_read, 1):
            child = os.fork()
            if child == 0:
                importlib.invalidate_caches()
                importlib.import_module("hello_floor").handler({}, None)
                os.write(told_write, b".")
                os._exit(0)
            os.waitpid(child, 0)
        os._exit(0)
    os.close(ask_read)
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        os.write(ask_write, b".")
        os.read(told_read, 1)
        took.append(time.perf_counter() - begun)
        time.sleep(0.002)  # lets the child before be reaped, so that it is not counted
    os.close(ask_write)
    os.waitpid(parent, 0)
    os.close(told_read)
    os.close(told_write)
    return took


def kill_and_wait(count: int) -> list[float]:
    """Seconds to kill a sleeping process group and to reap it."""
    took = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            signal.pause()
            os._exit(0)
        with suppress(PermissionError):
            os.setpgid(pid, pid)
        pidfd = os.pidfd_open(pid)
        time.sleep(0.002)
        begun = time.perf_counter()
        os.killpg(pid, signal.SIGKILL)
        select.select([pidfd], [], [])
        os.waitpid(pid, 0)
        took.append(time.perf_counter() - begun)
        os.close(pidfd)
    return took


def command(*arguments: str) -> float:
    """Seconds of a whole Python command."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=False, capture_output=True)
    return time.perf_counter() - begun


def pss_kb(pid: int) -> int:
    """Proportional set size of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
