"""What a handler leaves behind is seen, so that its group is stopped between invocations."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdarun.worker import wire
from tests.worker.zygote_in_test import Worker, Zygote

IMPORTS = "import asyncio, ctypes, multiprocessing, os, signal, subprocess, sys, threading, time\n"
WAITS = "[sys.executable, '-c', 'import signal; signal.pause()']"


def open_worker(zygote: Zygote, root: Path, body: str) -> Worker:
    name = f"left_{len(list(root.iterdir()))}"
    (root / f"{name}.py").write_text(IMPORTS + body, encoding="utf-8")
    return zygote.fork(root, f"{name}.h")


def may_run(worker: Worker, payload: bytes = b"1") -> bool:
    reply = worker.run(payload)
    assert reply is not None
    assert reply.kind == wire.RESULT, reply.payload
    return bool(reply.flags & wire.MAY_RUN)


@pytest.mark.parametrize(
    "start",
    [
        "threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "threading.Timer(600, print).start()",
        f"globals().update(kept=subprocess.Popen({WAITS}))",
        "os.fork() or signal.pause()",
        "multiprocessing.get_context('fork').Process(target=signal.pause, daemon=True).start()",
        "globals().update(kept=multiprocessing.get_context('spawn').Process(target=signal.pause)); kept.start()",
        f"os.posix_spawn(sys.executable, {WAITS}, dict(os.environ))",
        f"os.spawnv(os.P_NOWAIT, sys.executable, {WAITS})",
        "ctypes.CDLL(None).fork() or signal.pause()",
    ],
    ids=["thread", "timer", "subprocess", "os.fork", "multiprocessing", "spawned", "posix_spawn", "spawnv", "ctypes"],
)  # fmt: skip
def test_whatever_a_handler_starts_and_leaves_is_seen(
    real_zygote: Zygote, tmp_path: Path, start: str
) -> None:
    worker = open_worker(real_zygote, tmp_path, f"def h(e, c):\n    if e: {start}\n")
    assert [may_run(worker, event) for event in (b"0", b"1", b"0")] == [False, True, True]


def test_a_thread_that_python_did_not_make_is_seen(real_zygote: Zygote, tmp_path: Path) -> None:
    body = (
        "NATIVE = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)\n"
        "def h(e, c):\n"
        "    c = ctypes.CDLL(None)\n"
        "    pause = ctypes.cast(c.pause, ctypes.c_void_p)\n"
        "    c.pthread_create.argtypes = [ctypes.c_void_p] * 4\n"
        "    return c.pthread_create(ctypes.byref(ctypes.c_ulong()), None, pause, None)\n"
    )
    assert may_run(open_worker(real_zygote, tmp_path, body))


def test_what_a_module_starts_at_import_is_seen(real_zygote: Zygote, tmp_path: Path) -> None:
    body = "threading.Thread(target=threading.Event().wait, daemon=True).start()\ndef h(e, c): pass\n"
    assert may_run(open_worker(real_zygote, tmp_path, body))


def test_a_grandchild_that_its_parent_left_is_seen(real_zygote: Zygote, tmp_path: Path) -> None:
    """A shell's background job: the shell has ended, the zygote has adopted the job."""
    body = "def h(e, c):\n    if e: os.system('sleep 600 >/dev/null 2>&1 &')\n"
    worker = open_worker(real_zygote, tmp_path, body)
    assert [may_run(worker, event) for event in (b"0", b"1", b"0")] == [False, True, True]


@pytest.mark.parametrize(
    ("module", "work"),
    [
        ("threading", "t = threading.Thread(target=print); t.start(); t.join()"),
        ("subprocess", "subprocess.run(['true'])"),
        ("os", "os.system('true')"),
        ("asyncio", "asyncio.run(asyncio.sleep(0))"),
        (
            "multiprocessing",
            "p = multiprocessing.get_context('fork').Process(target=print); p.start(); p.join()",
        ),
    ],
    ids=["thread", "subprocess", "system", "asyncio", "multiprocessing"],
)
def test_what_ended_is_not_left(real_zygote: Zygote, tmp_path: Path, module: str, work: str) -> None:
    # Each imports what it needs alone: where ctypes is loaded, a thread that is just ending may still be seen.
    (tmp_path / "ended.py").write_text(f"import {module}\ndef h(e, c):\n    {work}\n", encoding="utf-8")
    worker = real_zygote.fork(tmp_path, "ended.h")
    assert [may_run(worker) for _ in range(2)] == [False, False]


def test_a_child_that_has_ended_and_was_not_waited_for_does_not_count_for_ever(
    real_zygote: Zygote, tmp_path: Path
) -> None:
    body = "def h(e, c):\n    if e: os._exit(0) if os.fork() == 0 else None\n    else: os.wait()\n"
    worker = open_worker(real_zygote, tmp_path, body)
    assert [may_run(worker, event) for event in (b"1", b"0")] == [True, False]
