"""Handlers that do what they should not: the outcome is AWS's, the next invocation is right, and nothing is left.

Each case runs on the wall's clock and in virtual time, in an environment of its own between two invocations of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from lambdarun.model.declarations import Project
from lambdarun.model.function import AsyncInvokeConfiguration
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from tests.conftest import Declare, project_of
from tests.processes import descendants, strays, survivors, watch

PRELUDE = """
import asyncio, decimal, datetime, json, multiprocessing, os, resource, signal, subprocess, sys, threading, time
COUNT = 0
def misbehave():
    {body}
def handler(event, context):
    global COUNT
    COUNT += 1
    return misbehave() if event == "now" else COUNT
"""
EXIT = '{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: {}"}}'
KILLED = EXIT.format("Runtime exited with error: signal: killed")
TIMED_OUT = (
    '{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 1.00 seconds"}'
)
TOO_LARGE = (
    '{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
    '"errorType":"Function.ResponseSizeTooLarge"}'
)


def error(kind: str, text: str) -> str:
    return f'{{"errorMessage": "{text}", "errorType": "{kind}", "requestId": "ID", "stackTrace": TRACE}}'


def unmarshallable(text: str) -> str:
    return error("Runtime.MarshalError", f"Unable to marshal response: {text}").replace("TRACE", "[]")


@frozen
class Case:
    """What the handler does, what AWS answers, and whether the environment's process survives it."""

    name: str
    body: str
    payload: str
    survives: bool = True


CASES = [
    Case("raises", "raise ValueError('no')", error("ValueError", "no")),
    Case("recurses", "misbehave()", error("RecursionError", "maximum recursion depth exceeded")),
    Case("runs out of its own memory", "raise MemoryError('full')", error("MemoryError", "full")),
    Case("raises in asyncio", "asyncio.run(asyncio.wait_for(asyncio.sleep(9), 0.01))", error("TimeoutError", "")),
    Case("returns a set", "return {1}", unmarshallable("Object of type set is not JSON serializable")),
    Case("returns bytes inside", "return [b'\\xff']",
         unmarshallable("'utf-8' codec can't decode byte 0xff in position 0: invalid start byte")),
    Case("returns a datetime", "return datetime.datetime.now()",
         unmarshallable("Object of type datetime is not JSON serializable")),
    Case("returns a function", "return print",
         unmarshallable("Object of type builtin_function_or_method is not JSON serializable")),
    Case("returns itself", "a = []; a.append(a); return a", unmarshallable("Circular reference detected")),
    Case("returns 7 MB", "return 'x' * 7_000_000", TOO_LARGE),
    Case("exits with 0", "sys.exit(0)", EXIT.format("Runtime exited without providing a reason"), False),
    Case("exits with a text", "sys.exit('bye')", EXIT.format("Runtime exited with error: exit status 1"), False),
    Case("exits hard", "os._exit(7)", EXIT.format("Runtime exited with error: exit status 7"), False),
    Case("raises KeyboardInterrupt", "raise KeyboardInterrupt",
         EXIT.format("Runtime exited with error: exit status 1"), False),
    Case("closes every descriptor", "os.closerange(0, 4096)",
         EXIT.format("Runtime exited with error: exit status 1"), False),
    Case("kills itself", "os.kill(os.getpid(), signal.SIGKILL); signal.pause()", KILLED, False),
    Case("kills its group", "os.killpg(0, signal.SIGKILL); signal.pause()", KILLED, False),
    Case("aborts", "os.abort()", EXIT.format("Runtime exited with error: signal: aborted"), False),
    Case("reads where nothing is", "os.kill(os.getpid(), signal.SIGSEGV); signal.pause()",
         EXIT.format("Runtime exited with error: signal: segmentation fault"), False),
    Case("prints 100 MB", "for _ in range(100): os.write(1, b'y' * 999_999 + b'\\n')", "null"),
    Case("closes descriptor 1", "os.close(1); return 'closed'", '"closed"'),
    Case("closes 0, 1 and 2", "os.closerange(0, 3); return 'closed'", '"closed"'),
    Case("closes sys.stdout", "sys.stdout.close(); return 'closed'", '"closed"'),
    Case("closes descriptor 1 and raises", "os.close(1); raise ValueError('no')", error("ValueError", "no")),
    Case("forks", "os.fork() or signal.pause(); return 'forked'", '"forked"'),
    Case("forks and returns twice", "os.fork(); return 'forked'", '"forked"'),
    Case("forks a daemon", "os.fork() or os.setsid() or os.fork() or signal.pause(); return 'forked'", '"forked"'),
    Case("leaves a shell's job", "os.system('sleep 600 &'); return 'job'", '"job"'),
    Case("leaves a child of multiprocessing",
         "multiprocessing.Process(target=signal.pause).start(); return 'child'", '"child"'),
    Case("starts threads",
         "[threading.Thread(target=threading.Event().wait, daemon=True).start() for _ in range(8)]", "null"),
    Case("starts threads that are no daemons", "threading.Thread(target=threading.Event().wait).start()", "null"),
    Case("starts a thread that raises", "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()", "null"),
    Case("starts a thread that exits", "t = threading.Thread(target=sys.exit); t.start(); t.join()", "null"),
    Case("takes its working folder away", "os.chdir('/'); os.environ.clear(); return 'gone'", '"gone"'),
    Case("opens files without end",
         "try:\n        [os.open('/', 0) for _ in range(10_000_000)]\n    except OSError as full:\n        return full.errno",
         "24"),
]  # fmt: skip
ENDLESS = [
    Case("spins", "while True: pass", TIMED_OUT),
    Case("ignores SIGTERM", "[signal.signal(n, signal.SIG_IGN) for n in (2, 15)]\n    while True: pass", TIMED_OUT),
    Case("stops itself", "os.kill(os.getpid(), signal.SIGSTOP)", TIMED_OUT),
    Case("spins in a thread and waits for it",
         "def spin():\n        while True: pass\n    t = threading.Thread(target=spin); t.start(); t.join()", TIMED_OUT),
    Case("forks and waits for the child", "os.fork() or signal.pause(); os.wait()", TIMED_OUT),
    Case("waits in C", "threading.Lock().acquire() and threading.Event().wait()", TIMED_OUT),
]  # fmt: skip
Open = Callable[..., BlockingRuntime]


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@pytest.fixture(params=["wall", "virtual"])
def opened(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens a runtime on either clock; at the end nothing may be left: no process, folder or descriptor."""
    before = descriptors(), set(descendants(os.getpid()))
    doors: list[Any] = []
    folders: list[str] = []

    def make(project: Project) -> BlockingRuntime:
        clock = VirtualClock() if request.param == "virtual" else None
        doors.append(open_blocking_runtime(project, clock=clock, options=Options(workers=8)))
        runtime: BlockingRuntime = doors[-1].__enter__()
        folders.append(runtime.driver.processes.launcher.folder)
        return runtime

    yield make
    started = watch([pid for pid in descendants(os.getpid()) if pid not in before[1]])
    assert len(started) >= len(doors)  # the zygotes at least
    for door in doors:
        door.__exit__(None, None, None)
    assert survivors(started) == []
    assert (descriptors(), set(descendants(os.getpid()))) == before
    assert not any(Path(folder).exists() for folder in folders)


def told(payload: bytes) -> str:
    """A payload with its request id and stack trace taken out."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", payload.decode())
    return re.sub(r'"stackTrace": \[".*\]}$', '"stackTrace": TRACE}', text, flags=re.DOTALL)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_bad_handler_has_its_outcome_and_the_next_invocation_is_right(
    declare: Declare, opened: Open, case: Case
) -> None:
    runtime = opened(project_of(declare(PRELUDE.format(body=case.body), timeout=20)))
    assert runtime.invoke("fn").payload == b"1"
    assert told(runtime.invoke("fn", "now").payload) == case.payload
    after = [runtime.invoke("fn").payload for _ in range(2)]
    assert after == ([b"3", b"4"] if case.survives else [b"1", b"2"])
    cold = [record.cold for record in runtime.log.of("invocation.started")]
    assert cold == [True, False, not case.survives, False]


def test_endless_handlers_side_by_side_time_out_each_and_their_next_invocations_are_right(
    declare: Declare, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdarun.runtime.deadlines.SPIN_LIMIT_MIN_S", 0)
    once = AsyncInvokeConfiguration(maximum_retry_attempts=0)
    names = {f"f{number}": case.name for number, case in enumerate(ENDLESS)}
    functions = [
        declare(PRELUDE.format(body=case.body), name=f"f{number}", timeout=1, asynchronous=once)
        for number, case in enumerate(ENDLESS)
    ]
    runtime = opened(project_of(*functions))
    assert [runtime.invoke(name).payload for name in names] == [b"1"] * len(names)
    for name in names:
        runtime.accept(name, "now")
    runtime.settle()
    failed = {names[record.function]: record for record in runtime.log.of("invocation.failed")}
    assert {name: told(record.response) for name, record in failed.items()} == dict.fromkeys(
        names.values(), TIMED_OUT
    )
    assert {record.duration_us for record in failed.values()} == {1_000_000}
    for name in names:
        assert [runtime.invoke(name).payload for _ in range(2)] == [b"1", b"2"]


@pytest.mark.parametrize(
    ("source", "kind", "text"),
    [
        ("import nowhere_at_all\n", "Runtime.ImportModuleError",
         "Unable to import module 'MODULE': No module named 'nowhere_at_all'"),
        ("from os import nothing\n", "Runtime.ImportModuleError",
         "Unable to import module 'MODULE': cannot import name 'nothing' from 'os'"),
        ("def broken(:\n", "Runtime.UserCodeSyntaxError", "Syntax error in module 'MODULE': invalid syntax"),
        ("\tx = 1\n", "Runtime.UserCodeSyntaxError", "Syntax error in module 'MODULE': unexpected indent"),
        ("x = 1\n", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'MODULE'"),
        ("1 / 0\n", "ZeroDivisionError", "division by zero"),
        ("import sys\nsys.exit(4)\n", "Runtime.ExitError", "Runtime exited with error: exit status 4"),
        ("import os\nos._exit(0)\n", "Runtime.ExitError", "Runtime exited without providing a reason"),
        ("import os\nos.kill(os.getpid(), 9)\n", "Runtime.ExitError", "Runtime exited with error: signal: killed"),
        ("import os\nos.close(1)\n1 / 0\n", "ZeroDivisionError", "division by zero"),
    ],
    ids=["no module", "no name", "syntax", "indent", "no handler", "raises", "exits", "exits hard", "kills itself",
         "closes its output"],
)  # fmt: skip
def test_a_module_that_does_not_import_has_awss_error_and_the_next_function_runs(
    declare: Declare, opened: Open, source: str, kind: str, text: str
) -> None:
    broken = declare(source, name="broken")
    runtime = opened(project_of(broken, declare("def handler(e, c): return e\n", name="whole")))
    for _ in range(2):
        error = runtime.invoke("broken").json()
        assert isinstance(error, dict)
        assert error["errorType"] == kind
        assert text.replace("MODULE", broken.handler.partition(".")[0]) in error["errorMessage"]
    assert runtime.invoke("whole", 1).payload == b"1"
    assert [r.cold for r in runtime.log.of("invocation.started")] == [True, True, True]


def test_output_past_a_megabyte_is_counted_and_the_next_invocations_is_its_own(
    declare: Declare, opened: Open
) -> None:
    source = "def handler(e, c):\n    for _ in range(e): print('y' * 999_999)\n    print('end')\n"
    runtime = opened(project_of(declare(source, timeout=60)))
    assert [runtime.invoke("fn", times).ok for times in (100, 0)] == [True, True]
    first, second = runtime.log.of("output.captured")
    assert (len(first.text), first.dropped_bytes) == (1_048_576, 100_000_004 - 1_048_576)
    assert (second.text, second.dropped_bytes) == (b"end\n", 0)


def test_output_of_a_closed_descriptor_is_captured_again_in_the_next_invocation(
    declare: Declare, opened: Open
) -> None:
    source = "import os\ndef handler(e, c):\n    print('said', e)\n    if e: os.closerange(1, 3)\n"
    runtime = opened(project_of(declare(source)))
    for event in (1, 0):
        runtime.invoke("fn", event)
    assert [record.text for record in runtime.log.of("output.captured")] == [b"said 1\n", b"said 0\n"]


@pytest.mark.parametrize("event", [b"{broken", b"", b"[1,", b'"\xff"', b"nul", b"{} {}"])
def test_a_payload_that_is_no_json_reaches_no_handler(declare: Declare, opened: Open, event: bytes) -> None:
    from lambdarun.runtime.requests import InvocationRefused

    runtime = opened(project_of(declare("def handler(e, c):\n    print('ran')\n    return e\n")))
    if event == b"":
        assert runtime.invoke("fn", payload=event).payload == b"{}"
        return
    with pytest.raises(InvocationRefused) as refused:
        runtime.invoke("fn", payload=event)
    assert (refused.value.refusal.status, refused.value.refusal.code) == (
        400,
        "InvalidRequestContentException",
    )
    assert refused.value.refusal.message.startswith("Could not parse request body into json: ")
    assert runtime.log.of("output.captured") == []
    assert runtime.invoke("fn", {"a": 1}).payload == b'{"a": 1}'
    assert len(runtime.log.of("invocation.succeeded")) == 1


def test_a_hundred_bad_invocations_leave_as_much_as_one(declare: Declare, opened: Open) -> None:
    """Descriptors and processes of the runtime do not grow with the number of environments that were lost."""
    bodies = [
        "os._exit(1)",
        "os.fork() or signal.pause(); os._exit(1)",
        "os.closerange(0, 4096)",
        "raise KeyError",
    ]
    functions = [declare(PRELUDE.format(body=body), name=f"f{n}") for n, body in enumerate(bodies)]
    runtime = opened(project_of(*functions))
    folder = runtime.driver.processes.launcher.folder
    counts = []
    for _ in range(2):
        for _ in range(12):
            for function in functions:
                runtime.invoke(function.name, "now")
        assert survivors(watch(strays(runtime))) == []
        counts.append((len(descriptors()), len(os.listdir(folder))))
    assert counts[0] == counts[1]
