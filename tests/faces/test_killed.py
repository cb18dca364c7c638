"""When the command itself is killed, nothing that its handlers started lives on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import descendants, priority_of, survivors, watch

LEAVES = """
import os, time
def handler(event, context):
    if os.fork() == 0:
        if event.get("daemon"):
            os.setsid()
        read, write = os.pipe()
        os.setpriority(os.PRIO_PROCESS, 0, 7)
        os.read(read, 1)
    while True:
        os.sched_yield()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize("event", ["{}", '{"daemon": true}'], ids=["child", "daemon"])
def test_no_process_outlives_a_command_that_is_killed(
    tmp_path: Path, event: str, number: signal.Signals
) -> None:
    (tmp_path / "app.py").write_text(LEAVES)
    environ = {**os.environ, "TMPDIR": str(tmp_path)}  # what SIGKILL leaves there, pytest takes away
    command = [
        sys.executable,
        "-m",
        "lambdarun",
        "-q",
        "invoke",
        "app.py:handler",
        "--timeout",
        "60",
        "-e",
        event,
    ]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, env=environ) as process:
        # A child of the handler has this priority once it has left its parent's session.
        started: list[int] = []
        while 7 not in map(priority_of, started):
            assert process.poll() is None
            started = descendants(process.pid)
        watched = watch(started)
        assert len(watched) >= 3
        process.send_signal(number)
        process.wait()
    assert survivors(watched) == []
