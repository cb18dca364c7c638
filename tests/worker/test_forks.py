"""A child that the handler forks and that returns from it, or sleeps in it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lambdarun.worker import wire
from tests.worker.zygote_in_test import NOW_US, Worker, Zygote


def open_worker(zygote: Zygote, root: Path, body: str) -> Worker:
    (root / "forks.py").write_text(f"import os, time\n{body}", encoding="utf-8")
    return zygote.fork(root, "forks.h")


@pytest.mark.parametrize("virtual", [False, True], ids=["real", "virtual"])
def test_a_forked_child_neither_answers_nor_takes_the_next_event(
    real_zygote: Zygote, virtual_zygote: Zygote, tmp_path: Path, virtual: bool
) -> None:
    """Both sides of the fork return from the handler; the environment's own process answers, each time."""
    worker = open_worker(
        virtual_zygote if virtual else real_zygote,
        tmp_path,
        "N = 0\ndef h(e, c):\n    global N\n    N += 1\n    if e: os.fork()\n    return [N, os.getpid()]\n",
    )
    answers = []
    for number in range(1, 6):
        reply = worker.run(b"1" if number == 1 else b"0", now_us=NOW_US if virtual else 0)
        assert reply is not None
        answers.append(json.loads(reply.payload))
    assert answers == [[number, worker.pid] for number in range(1, 6)]


def test_a_forked_child_waits_for_real_and_its_clock_goes_on(virtual_zygote: Zygote, tmp_path: Path) -> None:
    """It must not move the handler's time, nor tell that the handler overslept."""
    body = (
        "def h(e, c):\n"
        "    before = time.time()\n"
        "    ours, theirs = os.pipe()\n"
        "    if os.fork() == 0:\n"
        "        at = time.time()\n"
        "        while time.time() < at + 0.02: time.sleep(0.01)\n"
        "        os.write(theirs, b'%f' % (time.time() - before))\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "    return [float(os.read(ours, 99)), time.time() - before]\n"
    )
    worker = open_worker(virtual_zygote, tmp_path, body)
    reply = worker.run(b"{}", now_us=NOW_US, timeout_s=3)
    assert reply is not None
    child, own = json.loads(reply.payload)
    assert 0.02 <= child < 3
    assert own < 0.001
    assert reply.slept_us == 0


def test_a_forked_child_that_sleeps_past_the_deadline_ends_nothing(
    virtual_zygote: Zygote, tmp_path: Path
) -> None:
    worker = open_worker(
        virtual_zygote, tmp_path, "def h(e, c):\n    if os.fork() == 0: time.sleep(600)\n    return 'ours'\n"
    )
    reply = worker.run(b"{}", now_us=NOW_US, timeout_s=3)
    assert reply is not None
    assert (reply.kind, reply.payload) == (wire.RESULT, b'"ours"')
    assert reply.flags & wire.MAY_RUN
    os.kill(worker.pid, 9)
