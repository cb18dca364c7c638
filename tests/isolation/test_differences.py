"""The table of differences, row by row: what the kinds of isolation do not share is as the table says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdarun.model.instant import FIXED_START, SECOND
from lambdarun.model.records import OutputCaptured
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.isolation_differences import DIFFERENCES
from tests.conftest import Declare, project_of
from tests.isolation.conftest import Open

COUNTS = """
import os, sys, threading, time, signal, logging
COUNT = 0
def handler(event, context):
    global COUNT
    COUNT += 1
    return act(event, context) if event else COUNT
def act(event, context):
    {body}
"""
Probe = Callable[[Declare, Open, Isolation, pytest.MonkeyPatch, Path], str]
PROBES: dict[str, Probe] = {}


def probe(start: str) -> Callable[[Probe], Probe]:
    """A probe of the row whose `what` begins so: it returns how the row's text begins."""

    def keep(function: Probe) -> Probe:
        [row] = [row for row in DIFFERENCES if row.what.startswith(start)]
        PROBES[row.what] = function
        return function

    return keep


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: re.sub(r"\W+", "-", row.what)[:40])
def test_a_difference_is_as_the_table_says(
    row: Any, declare: Declare, opened: Open, isolation: Isolation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # fmt: skip
    observed = PROBES[row.what](declare, opened, isolation, monkeypatch, tmp_path)
    assert row.of(isolation).startswith(observed), observed


def test_each_row_has_a_reason_and_really_differs() -> None:
    assert len({row.what for row in DIFFERENCES}) == len(DIFFERENCES) == len(PROBES)
    for row in DIFFERENCES:
        assert row.why
        assert len({row.of(isolation) for isolation in Isolation}) > 1


def answers(
    declare: Declare, opened: Open, body: str, *events: Any, wall: bool = False, **settings: Any
) -> list[Any]:
    runtime = opened(project_of(declare(COUNTS.format(body=body), **settings)), wall=wall)
    return [runtime.invoke("fn", event).json() for event in events]


def elsewhere(isolation: Isolation, folder: Path, body: str, *, timeout_s: float = 20) -> str:
    """What a program prints that invokes a handler with this body; how it ended, where it did not live on."""
    (folder / "elsewhere_app.py").write_text(COUNTS.format(body=body))
    program = f"""
import lambdarun
from lambdarun import Options, Isolation
import lambdarun.runtime.deadlines as deadlines
deadlines.SPIN_LIMIT_MIN_S = 1
project = lambdarun.lone_function({str(folder / "elsewhere_app.py:handler")!r})
options = Options(isolation=Isolation({isolation.value!r}))
clock = lambdarun.VirtualClock()
with lambdarun.open_blocking_runtime(project, clock=clock, options=options) as runtime:
    print("log", runtime.invoke("elsewhere_app", 1).payload.decode(), runtime.invoke("elsewhere_app", 0).payload.decode())
"""
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return "never ends"
    return done.stdout if done.returncode >= 0 else f"signal {-done.returncode}"


@probe("/var/task")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    body = "import tempfile; return [os.getcwd(), os.environ['LAMBDA_TASK_ROOT'], tempfile.gettempdir(), os.environ.get('TMPDIR')]"
    (seen,) = answers(declare, opened, body, 1)
    if seen == ["/var/task", "/var/task", "/tmp", None]:
        return "Lambda's own"
    here, task, temporary, named = seen
    assert (here, temporary) == (task, named)
    assert not task.startswith("/var/task")
    return "the machine's, named by LAMBDA_TASK_ROOT and TMPDIR"


@probe("HOME")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    body = "import tempfile; return [os.environ.get('HOME'), tempfile.gettempdir(), os.path.exists(os.path.expanduser('~/.aws'))]"
    ((home, temporary, found),) = answers(declare, opened, body, 1)
    assert not found
    if home is None:
        return "not set, as on AWS"
    return "the private folder that stands for /tmp" if home == temporary else home


@probe("writing to the code's folder")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    (said,) = answers(declare, opened, tried("open('written', 'w').close()"), 1)
    return str(said)


@probe("more in /tmp")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    # Claimed, not written: it costs a disk nothing where it goes.
    fill = "import tempfile; f = tempfile.TemporaryFile(); os.posix_fallocate(f.fileno(), 0, 520 << 20); f.close()"
    (said,) = answers(declare, opened, tried(fill), 1, memory_size=2048)
    return str(said)


@probe("processes of the machine")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    body = (
        f"return open('/proc/{os.getpid()}/cmdline').read() if os.path.exists('/proc/{os.getpid()}') else ''"
    )
    (seen,) = answers(declare, opened, body, 1)
    return "seen" if seen == Path("/proc/self/cmdline").read_text() else "not seen"


def tried(statement: str) -> str:
    """A handler's body that says whether a statement goes."""
    return f"""try:
        {statement}
    except OSError as fault:
        return "OSError, " + os.strerror(fault.errno).lower()
    return "goes"
"""


@probe("a signal that kills")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    said = elsewhere(isolation, folder, "os.kill(os.getpid(), signal.SIGKILL)")
    if said == f"signal {signal.SIGKILL.value}":
        return "kills the caller"
    assert said.endswith(" 1\n")
    return re.findall(r"Runtime\.\w+", said)[0] + ", the next invocation has a new environment"


@probe("a timeout on the wall's clock")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    mark = folder / "mark"
    body = f"time.sleep(1.1); open({str(mark)!r}, 'w').close()"
    _, late = answers(declare, opened, body, 0, 1, wall=True, timeout=1)
    assert late["errorType"] == "Sandbox.Timedout"
    return "told when the handler returns" if mark.exists() else "the process is killed at that instant"


@probe("a loop without end in virtual time")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    said = elsewhere(
        isolation, folder, "while True: pass", timeout_s=3 if isolation is Isolation.INLINE else 60
    )
    return said if said == "never ends" else "killed after twice the timeout of the wall"


@probe("`finally` and")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    mark = folder / "mark"
    body = f"""try:
        print("in"); os._exit(1) if event == 1 else time.sleep(9)
    finally:
        print("finally"); open({str(mark)!r} + str(event), "w").close()"""
    runtime = opened(project_of(declare(COUNTS.format(body=body))))
    for event in (1, 2):
        runtime.invoke("fn", event)
    ran = {event: Path(f"{mark}{event}").exists() for event in (1, 2)}
    assert len(set(ran.values())) == 1
    texts = [record.text for record in runtime.log if isinstance(record, OutputCaptured)]
    assert texts[1] == b"in\n"
    return "run; what they print after the timeout is dropped" if ran[1] else "do not run"


@probe("KeyboardInterrupt")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    runtime = opened(project_of(declare(COUNTS.format(body="raise KeyboardInterrupt"))))
    try:
        error = runtime.invoke("fn", 1).json()
    except KeyboardInterrupt:
        # The runtime goes on: the interrupted invocation has ended, its environment is new.
        assert runtime.invoke("fn", 0).json() == 1
        return "reaches the caller"
    assert isinstance(error, dict)
    return f"{error['errorType']}, {error['errorMessage'].rpartition(': ')[2]}"


@probe("time slept before an exit")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    runtime = opened(project_of(declare(COUNTS.format(body="time.sleep(2); os._exit(1)"))))
    runtime.invoke("fn", 1)
    return "counts" if runtime.now() == FIXED_START + 2 * SECOND else "does not count"


TICKS = """ticks = globals().setdefault("TICKS", [])
    def tick():
        while not STOP.wait(0.01): ticks.append(1)
    if event == "start":
        globals()["STOP"] = threading.Event()
        threading.Thread(target=tick, daemon=True).start()
    if event == "stop": STOP.set()
    return len(ticks)"""


@probe("background threads between invocations")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    runtime = opened(project_of(declare(COUNTS.format(body=TICKS))), wall=True)
    counts = [runtime.invoke("fn", "start").json()]
    threading.Event().wait(0.3)
    counts += [runtime.invoke("fn", event).json() for event in ("look", "stop")]
    assert isinstance(counts[1], int)
    return "run on" if counts[1] > 10 else "frozen"


@probe("background threads after")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    body = "threading.Thread(target=threading.Event().wait, args=(3,), daemon=True, name='left').start(); os._exit(1)"
    runtime = opened(project_of(declare(COUNTS.format(body=body))), wall=True)
    runtime.invoke("fn", 1)
    left = [thread for thread in threading.enumerate() if thread.name == "left"]
    return "run on" if left else "gone"


@probe("output of `os.write")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    body = "os.write(1, b'first '); os.system(':'); os.write(1, b'second ')"
    runtime = opened(project_of(declare(COUNTS.format(body=body))))
    runtime.invoke("fn", 1)
    (record,) = runtime.log.of("output.captured")
    assert b"second" in record.text
    return (
        "in the log"
        if b"first" in record.text
        else "on the caller's output, until the handler starts its first child"
    )


@probe("`os.close` of 0")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    body = """os.close(1)
    try:
        os.fstat(1)
    except OSError:
        return "closes"
    os.closerange(0, 4096)
    return "does nothing" if os.fstat(0) and os.fstat(2) else None"""
    first, second = answers(declare, opened, body, 1, 1)
    assert first == second
    return str(first)


@probe("variables that the caller's process has set")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    names = ("SET_HERE", "AWS_ACCESS_KEY_ID", "AWS_LAMBDA_FUNCTION_NAME")
    patch.setenv("SET_HERE", "early")
    patch.setenv("AWS_LAMBDA_FUNCTION_NAME", "forged")
    body = f"return [os.environ.get(name) for name in {names}]"
    runtime = opened(project_of(declare(COUNTS.format(body=body))))
    first = runtime.invoke("fn", 1).json()
    patch.setenv("SET_HERE", "late")
    patch.setenv("AWS_ACCESS_KEY_ID", "testing")
    second = runtime.invoke("fn", 1).json()
    patch.delenv("SET_HERE")
    third = runtime.invoke("fn", 1).json()
    own = "ASIALAMBDARUN0000000"
    if first == [None, own, "fn"]:
        assert second == third == first
        return "not seen"
    assert (first, second) == (["early", own, "fn"], ["late", "testing", "fn"])
    assert third == [None, "testing", "fn"]
    return "seen, but for those that name the function"


@probe("patched libraries")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    import json.decoder

    patch.setattr(json.decoder, "MARK", "patched", raising=False)
    (seen,) = answers(declare, opened, "import json.decoder as d; return getattr(d, 'MARK', 'own')", 1)
    return "shared with the caller" if seen == "patched" else "the handler's own"


@probe("modules with compiled parts")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    import shutil

    import _time_machine

    # Any compiled module will do; under a name of its own it is found in the code's folder.
    package = folder / "compiled_package"
    package.mkdir()
    (package / "__init__.py").write_text("SEEN = []\nfrom compiled_package import _time_machine\n")
    shutil.copy(_time_machine.__file__, package)
    body = "import compiled_package as p; p.SEEN.append(event); return os._exit(1) if event == 2 else p.SEEN"
    first, _, third = answers(declare, opened, body, 1, 2, 3)
    assert first == [1]
    return "new in each environment" if third == [3] else "shared by the environments"


@probe("levels and handlers set on a named logger")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    name = f"named.{isolation.value}"
    body = f"log = logging.getLogger({name!r}); was = log.level; log.setLevel(13); return os._exit(1) if event == 2 else was"
    _, _, third = answers(declare, opened, body, 1, 2, 3)
    return "end with the environment" if third == 0 else "stay"


@probe("Max Memory Used")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    import resource

    runtime = opened(project_of(declare(COUNTS.format(body="pass"))))
    runtime.invoke("fn", 0)
    used = runtime.log.last("invocation.succeeded").max_memory_mb
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return "the whole process's, the caller included" if abs(used - ours) <= 1 else "the environment's"


@probe("process id")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    (pid,) = answers(declare, opened, "return os.getpid()", 1)
    return "the caller's" if pid == os.getpid() else "the environment's own"


@probe("depth of recursion")
def _(declare: Declare, opened: Open, isolation: Isolation, patch: pytest.MonkeyPatch, folder: Path) -> str:
    body = """def down(n):
        try:
            return down(n + 1)
        except RecursionError:
            return n
    return sys.getrecursionlimit() - down(0)"""
    (lost,) = answers(declare, opened, body, 1)
    return "less by the caller's own depth" if lost > 30 else "the interpreter's limit"
