"""Supervisors, runtimes and extensions killed at any moment: each request is answered, the next one is right, nothing stays."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdarun.model.function import Function
from lambdarun.runtime.blocking import open_blocking_runtime
from tests.conftest import project_of
from tests.processes import descendants, pids_of, survivors, watch

EXTENSION = "who = register('INVOKE', 'SHUTDOWN')\nwhile next_event(who)['eventType'] == 'INVOKE':\n    time.sleep(0.005)\n"
RUNTIME = (
    "while True:\n    request_id, event = take()\n    time.sleep(0.005)\n    respond(request_id, event)\n"
)
ALLOWED = {"Runtime.ExitError", "Extension.Crash", "Sandbox.Timedout"}


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_at_any_moment_costs_one_invocation_at_most(
    provided: Callable[..., Function], extension: Callable[[str, str], Path], seed: int
) -> None:
    extension("beside", EXTENSION)
    draws = random.Random(seed)
    with open_blocking_runtime(project_of(provided(RUNTIME, timeout=10))) as runtime:
        runtime.invoke("fn", 0, log_tail=True)
        [zygote] = [
            one._child.pid
            for one in runtime.driver.processes.launcher.zygotes
            if one.interpreter == "supervisors"
        ]
        for number in range(8):
            [supervisor, *_] = pids_of(runtime) or [0]
            victims = [supervisor, *descendants(supervisor)] if supervisor else []
            killer = threading.Timer(
                draws.uniform(0, 0.03), _kill, [draws.choice(victims)] if victims else [0]
            )
            killer.start()
            reply = runtime.invoke("fn", number, log_tail=True)
            killer.join()
            assert reply.ok or reply.json()["errorType"] in ALLOWED, reply.payload  # type: ignore[index, call-overload]
            # Whatever was killed, and when: two more requests find a whole environment.
            runtime.invoke("fn", "again", log_tail=True)
            assert runtime.invoke("fn", number, log_tail=True).json() == number
        watched = watch([zygote, *descendants(zygote)])
    assert survivors(watched) == []


def _kill(pid: int) -> None:
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            time.sleep(0)
