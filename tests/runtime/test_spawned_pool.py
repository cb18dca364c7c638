"""Processes that compute for a command: their answers, their faults, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lambdarun.errors import MachineError, UsageError
from lambdarun.runtime.spawned_pool import CallFailed, SpawnedPool


def work(shared: int, task: int) -> int:
    if task == 13:
        raise UsageError("not thirteen.")
    if task == 14:
        raise KeyError("fourteen")
    if task == 15:
        os.kill(os.getpid(), signal.SIGKILL)
    return shared + task


def test_all_that_is_handed_in_is_done_with_what_is_shared() -> None:
    with SpawnedPool(work, 100, 2) as pool:
        for task in range(5):
            pool.submit(task)
        done = {}
        while (found := pool.next()) is not None:
            done[found[0]] = found[1]
    assert done == {0: 100, 1: 101, 2: 102, 3: 103, 4: 104}


def test_what_a_user_can_mend_keeps_its_words_and_its_exit_code() -> None:
    with SpawnedPool(work, 0, 1) as pool:
        pool.submit(13)
        with pytest.raises(CallFailed, match=r"not thirteen\.") as failed:
            pool.next()
    assert failed.value.exit_code == 2


def test_a_fault_of_ours_comes_with_its_place() -> None:
    with SpawnedPool(work, 0, 1) as pool:
        pool.submit(14)
        with pytest.raises(RuntimeError, match="fourteen"):
            pool.next()


def test_a_process_that_is_killed_is_told() -> None:
    with SpawnedPool(work, 0, 1) as pool:
        pool.submit(15)
        with pytest.raises(MachineError, match="ended from outside"):
            pool.next()


def test_whoever_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    script = tmp_path / "asks.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from lambdarun.runtime.spawned_pool import SpawnedPool\n"
        "from tests.runtime.test_spawned_pool import work\n"
        "if __name__ == '__main__':\n"
        "    with SpawnedPool(work, 0, 2) as pool:\n"
        "        pool.submit(1)\n"
        "        pool.submit(2)\n"
        "        pool.next()\n"
        "        print(*[one.pid for one in pool._processes.values()], flush=True)\n"
        "        sys.stdin.read()\n"
    )
    asking = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert asking.stdout is not None
    assert asking.stdin is not None
    pids = [int(pid) for pid in asking.stdout.readline().split()]
    assert len(pids) == 2
    asking.kill()
    asking.wait()
    asking.stdout.close()
    asking.stdin.close()
    until = time.monotonic() + 20
    while any(Path(f"/proc/{pid}/cmdline").exists() and _alive(pid) for pid in pids):
        assert time.monotonic() < until
        os.sched_yield()


def _alive(pid: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
