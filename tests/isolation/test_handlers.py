"""What is the same for a handler wherever it runs: in a namespace, in a process, in the caller's process."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from lambdarun.model.instant import FIXED_START, SECOND
from lambdarun.model.records import OutputCaptured
from lambdarun.runtime.isolation import Isolation
from tests.conftest import Declare, lasting, project_of
from tests.isolation.conftest import Ask, Open

COUNTS = """
COUNT = 0
def handler(event, context):
    global COUNT
    COUNT += 1
    return act(event, context) if event else COUNT
def act(event, context):
    {body}
"""
EXIT = "Runtime.ExitError"


def told(runtime: Any) -> list[bytes]:
    """The output of each invocation that had any."""
    return [record.text for record in runtime.log if isinstance(record, OutputCaptured)]


@pytest.mark.parametrize(
    ("result", "payload"),
    [
        ("event", '{"a": [1, 2.5, null, "\\u00fc"]}'),
        ("None", "null"),
        ("(1, 2)", "[1, 2]"),
        ("__import__('decimal').Decimal('1.10')", "1.10"),
        ("{'b': b'x'}", '{"b": "x"}'),
        ("float('nan')", "NaN"),
        ("'x' * 70_000", '"' + "x" * 70_000 + '"'),
    ],
)
def test_results_have_awss_bytes(declare: Declare, opened: Open, result: str, payload: str) -> None:
    function = declare(f"def handler(event, context): return {result}")
    reply = opened(project_of(function)).invoke("fn", {"a": [1, 2.5, None, "ü"]})
    assert json.loads(reply.payload) == json.loads(payload) or "NaN" in payload
    assert reply.payload.decode() in (payload, payload.replace("\\u00fc", "ü"))


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("raise ValueError('no')", "ValueError", "no"),
        ("raise MemoryError('full')", "MemoryError", "full"),
        ("return {1}", "Runtime.MarshalError", "Unable to marshal response: Object of type set is not JSON serializable"),
        ("return (n for n in [1])", "Runtime.MarshalError",
         "Unable to marshal response: Object of type generator is not JSON serializable"),
        ("act(event, context)", "RecursionError", "maximum recursion depth exceeded"),
        ("import nowhere_at_all", "ModuleNotFoundError", "No module named 'nowhere_at_all'"),
    ],
)  # fmt: skip
def test_an_exception_is_answered_and_the_environment_lives_on(
    ask: Ask, body: str, kind: str, message: str
) -> None:
    first, error, after = ask(COUNTS.format(body=body), 0, 1, 0)
    assert (first, after) == (1, 3)
    assert (error["errorType"], error["errorMessage"]) == (kind, message)
    assert all("lambdarun" not in line for line in error["stackTrace"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import sys; sys.exit()", "Runtime exited without providing a reason"),
        ("import sys; sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("import sys; sys.exit('bye')", "Runtime exited with error: exit status 1"),
        ("import os; os._exit(0)", "Runtime exited without providing a reason"),
        ("import os; os._exit(7)", "Runtime exited with error: exit status 7"),
        ("raise GeneratorExit", "Runtime exited with error: exit status 1"),
        (
            "raise type('Own', (BaseException,), {'__module__': __name__})",
            "Runtime exited with error: exit status 1",
        ),
    ],
)
@pytest.mark.parametrize("wall", [False, True], ids=["virtual", "wall"])
def test_an_exit_is_told_with_its_status_and_the_next_invocation_is_cold(
    ask: Ask, body: str, said: str, wall: bool
) -> None:
    first, error, after, last = ask(COUNTS.format(body=body), 0, 1, 0, 0, wall=wall)
    assert (first, after, last) == (1, 1, 2)
    assert error["errorType"] == EXIT
    assert error["errorMessage"].endswith(f" Error: {said}")


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("import nowhere_at_all", "Runtime.ImportModuleError", "No module named 'nowhere_at_all'"),
        ("def broken(:", "Runtime.UserCodeSyntaxError", "invalid syntax"),
        ("x = 1", "Runtime.HandlerNotFound", "Handler 'handler' missing on module"),
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("import sys; sys.exit(4)", EXIT, "exit status 4"),
        ("import os; os._exit(0)", EXIT, "Runtime exited without providing a reason"),
    ],
)
def test_an_init_error_is_tried_twice_and_told_byte_for_byte(
    declare: Declare, opened: Open, source: str, kind: str, message: str
) -> None:
    runtime = opened(project_of(declare(f"print('imported', flush=True)\n{source}\n")))
    for _ in range(2):
        error = runtime.invoke("fn").json()
        assert isinstance(error, dict)
        assert error["errorType"] == kind
        assert message in error["errorMessage"]
        assert error.get("requestId", "") == ""
    started = runtime.log.of("invocation.started")
    assert [record.cold for record in started] == [True, True]
    assert len(runtime.log.of("environment.init_failed")) == 1


def test_the_stack_trace_of_an_init_error_has_no_frame_of_ours(ask: Ask) -> None:
    (error,) = ask("1 / 0\n", None)
    assert "lambdarun" not in "".join(error["stackTrace"])
    assert error["stackTrace"][-1].endswith("in <module>\n    1 / 0\n")


def test_the_context_has_awss_attributes(declare: Declare, opened: Open) -> None:
    source = """
import time
def handler(event, context):
    left = context.get_remaining_time_in_millis()
    time.sleep(1)
    return [context.function_name, context.memory_limit_in_mb, context.function_version, context.log_group_name,
            context.invoked_function_arn, left, context.get_remaining_time_in_millis(), context.client_context.custom]
"""
    runtime = opened(project_of(declare(source, timeout=9, memory_size=256)))
    context = "eyJjdXN0b20iOiB7ImEiOiAxfX0="
    reply = runtime.invoke("fn", client_context=context)
    assert reply.json() == [
        "fn", "256", "$LATEST", "/aws/lambda/fn", "arn:aws:lambda:us-east-1:123456789012:function:fn", 9_000, 8_000,
        {"a": 1},
    ]  # fmt: skip


def test_what_is_printed_and_logged_is_in_its_own_invocations_log(declare: Declare, opened: Open) -> None:
    source = """
import logging, sys
print("module")
logger = logging.getLogger("shop")
logger.setLevel(logging.INFO)
logging.getLogger().setLevel(logging.INFO)
def handler(event, context):
    print("printed", event)
    sys.stderr.write("error\\n")
    logger.info("logged %s", event)
    logger.debug("not logged")
"""
    runtime = opened(project_of(declare(source)))
    for event in (1, 2):
        runtime.invoke("fn", event)
    texts = [re.sub(rb"[0-9a-f-]{36}", b"ID", text) for text in told(runtime)]
    stamp = b"2026-01-01T00:00:00.000Z"
    lines = b"printed %d\nerror\n[INFO]\t" + stamp + b"\tID\tlogged %d\n"
    assert texts == [b"module\n" + lines % (1, 1), lines % (2, 2)]


def test_output_of_children_is_in_the_log_in_the_order_of_writing(declare: Declare, opened: Open) -> None:
    source = """
import os, subprocess
def handler(event, context):
    print("before")
    subprocess.run("echo child; echo error >&2", shell=True)
    print("between")
    os.system("echo system")
    print("after", subprocess.run(["echo", "kept"], capture_output=True, text=True).stdout.strip())
"""
    runtime = opened(project_of(declare(source)), wall=True)
    for _ in range(2):
        runtime.invoke("fn")
    assert told(runtime) == [b"before\nchild\nerror\nbetween\nsystem\nafter kept\n"] * 2


def test_output_past_a_megabyte_is_counted(declare: Declare, opened: Open) -> None:
    source = "def handler(e, c):\n    for _ in range(e): print('y' * 99_999)\n    print('end')\n"
    runtime = opened(project_of(declare(source, timeout=60)))
    for times in (20, 0):
        runtime.invoke("fn", times)
    first, second = runtime.log.of("output.captured")
    assert (len(first.text), first.dropped_bytes) == (1_048_576, 2_000_004 - 1_048_576)
    assert (second.text, second.dropped_bytes) == (b"end\n", 0)


def test_variables_are_awss_and_the_functions_own_and_change_only_in_their_environment(
    ask: Ask, isolation: Isolation
) -> None:
    source = """
import os, tempfile
def handler(event, context):
    seen = [os.environ.get(n) for n in ("TABLE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "MINE", "HOME")]
    os.environ["MINE"] = str(event)
    return [*seen, tempfile.gettempdir()]
"""
    first, second = ask(source, 1, 2, environment={"TABLE": "orders"})
    assert first[:4] == ["orders", "fn", "us-east-1", "ASIALAMBDARUN0000000"]
    assert (first[4], second[4]) == (None, "1")
    # AWS sets no HOME. Without Lambda's folders it is the private one, so that ~/.aws is not the user's.
    *_, home, temporary = first
    assert home == (None if isolation is Isolation.NAMESPACE else temporary)
    assert "MINE" not in os.environ


def test_children_get_the_functions_variables(ask: Ask) -> None:
    source = """
import os, subprocess
def handler(event, context):
    os.environ["SET"] = "by the handler"
    names = subprocess.run(["env"], capture_output=True, text=True).stdout
    return sorted(l.partition("=")[0] for l in names.splitlines() if l.startswith(("TABLE", "SET", "_X_AMZN", "_HANDLER")))
"""
    assert ask(source, 0, environment={"TABLE": "t"}) == [["SET", "TABLE", "_HANDLER", "_X_AMZN_TRACE_ID"]]
    assert "SET" not in os.environ


def test_folder_path_and_arguments_are_the_environments(ask: Ask, tmp_path: Path) -> None:
    source = """
import os, sys, tempfile
def handler(event, context):
    seen = [os.getcwd(), sys.path[0], sys.argv, os.path.isdir(tempfile.gettempdir())]
    os.chdir("/")
    sys.path.insert(0, "/nowhere")
    return seen
"""
    before = os.getcwd(), sys.path[:], sys.argv[:]
    first, second = ask(source, 0, 0)
    assert first[2:] == [[""], True]
    assert first[0] == first[1]
    assert second[:2] == ["/", "/nowhere"]
    assert before == (os.getcwd(), sys.path[:], sys.argv[:])


def test_functions_with_modules_of_one_name_do_not_meet(opened: Open, tmp_path: Path) -> None:
    from lambdarun.model.function import Function, running_runtime

    functions = []
    for name in ("red", "blue"):
        folder = tmp_path / name
        (folder / "lib").mkdir(parents=True)
        (folder / "lib" / "__init__.py").write_text(f"COLOUR = {name!r}\nSEEN = []\n")
        (folder / "app.py").write_text(
            "def handler(e, c):\n    import lib\n    lib.SEEN.append(e)\n    return [lib.COLOUR, lib.SEEN]\n"
        )
        functions.append(
            Function(name=name, handler="app.handler", code_uri=folder, runtime=running_runtime())
        )
    runtime = opened(project_of(*functions))
    answers = [runtime.invoke(name, n).json() for n, name in enumerate(["red", "blue", "red", "blue"])]
    assert answers == [["red", [0]], ["blue", [1]], ["red", [0, 2]], ["blue", [1, 3]]]
    assert "app" not in sys.modules
    assert "lib" not in sys.modules


def test_environments_of_one_function_have_globals_of_their_own(declare: Declare, opened: Open) -> None:
    function = declare(COUNTS.format(body="pass"), duration=lasting(2), timeout=5)
    runtime = opened(project_of(function))
    for _ in range(3):
        runtime.accept("fn", 0)
    runtime.settle()
    assert sum(record.cold for record in runtime.log.of("invocation.started")) == 3


def test_a_sleep_past_the_timeout_ends_there_and_nothing_behind_it_is_seen(
    declare: Declare, opened: Open
) -> None:
    source = COUNTS.format(body="import time; print('sleeps'); time.sleep(10); print('late'); return 'late'")
    runtime = opened(project_of(declare(source, timeout=3)))
    answers = [runtime.invoke("fn", event).json() for event in (0, 1, 0)]
    assert (answers[0], answers[2]) == (1, 1)
    assert answers[1]["errorType"] == "Sandbox.Timedout"
    assert answers[1]["errorMessage"].endswith(" Error: Task timed out after 3.00 seconds")
    assert told(runtime) == [b"sleeps\n"]
    assert runtime.now() == FIXED_START + 3 * SECOND


def test_a_timeout_on_the_walls_clock_is_told_and_the_next_invocation_is_cold(
    declare: Declare, opened: Open
) -> None:
    source = COUNTS.format(body="import time; time.sleep(1.05); return 'late'")
    runtime = opened(project_of(declare(source, timeout=1)), wall=True)
    answers = [runtime.invoke("fn", event).json() for event in (0, 1, 0)]
    assert (answers[0], answers[2]) == (1, 1)
    assert answers[1]["errorType"] == "Sandbox.Timedout"
    assert runtime.log.last("invocation.failed").duration_us == 1_000_000


def test_time_is_virtual_in_the_handler_and_real_behind_it(ask: Ask) -> None:
    import time

    source = """
import asyncio, datetime, time
from time import monotonic, sleep
async def two(): await asyncio.sleep(20)
def handler(event, context):
    begun, mono = time.time(), monotonic()
    sleep(10)
    asyncio.run(two())
    return [round(begun), round(time.time() - begun), round(monotonic() - mono), datetime.datetime.utcnow().year]
"""
    names = ("time", "sleep", "monotonic", "perf_counter", "time_ns")
    before = [getattr(time, name) for name in names], time.time()
    assert ask(source, 0, timeout=60) == [[FIXED_START // SECOND, 30, 30, 2026]]
    assert [getattr(time, name) for name in names] == before[0]
    assert 0 <= time.time() - before[1] < 60


def test_threads_that_the_handler_keeps_live_in_its_time(ask: Ask) -> None:
    source = """
import queue, threading, time
asked, told = queue.Queue(), queue.Queue()
def tell():
    while asked.get(): told.put(time.time())
def handler(event, context):
    if event == 1: threading.Thread(target=tell, daemon=True).start()
    asked.put(event < 3)
    return round(told.get()) if event < 3 else None
"""
    begun = FIXED_START // SECOND
    assert ask(source, 1, 2, 3) == [begun, begun, None]


def test_random_draws_are_the_seeds_and_the_callers_are_its_own(declare: Declare, opened: Open) -> None:
    import random

    function = declare("import random\ndef handler(e, c): return [random.random(), random.randint(1, 10**9)]")
    random.seed(5)
    expected = [random.random() for _ in range(2)]
    random.seed(5)
    got = [random.random()]
    drawn = [
        [opened(project_of(function), seed=seed).invoke("fn").json() for _ in range(1)] for seed in (1, 1, 2)
    ]
    got.append(random.random())
    assert got == expected
    assert drawn[0] == drawn[1] != drawn[2]


def test_threads_that_the_handler_waits_for_work(ask: Ask) -> None:
    source = """
from concurrent.futures import ThreadPoolExecutor
def handler(event, context):
    with ThreadPoolExecutor(4) as pool:
        print("pool")
        return list(pool.map(lambda n: [n, print("t")][0], range(4)))
"""
    assert ask(source, 0, wall=True) == [[0, 1, 2, 3]]


def test_asyncio_works_and_leaves_no_loop(ask: Ask) -> None:
    source = """
import asyncio
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
async def work(n):
    await asyncio.gather(*(asyncio.sleep(0.001) for _ in range(3)))
    return n
def handler(event, context):
    return asyncio.get_event_loop().run_until_complete(work(event))
"""
    assert ask(source, 1, 2, wall=True) == [1, 2]


@pytest.mark.parametrize(
    "body",
    [
        "import sys; sys.stdout.close(); return 'done'",
        "import sys; sys.stdout = None; return 'done'",
        "import os; os.environ.clear(); return 'done'",
        "import os, tempfile; d = tempfile.gettempdir() + '/gone'; os.mkdir(d); os.chdir(d); os.rmdir(d); return 'done'",
        "import logging; logging.basicConfig(level=10, force=True); logging.disable(50); return 'done'",
        "import logging.config as c; c.dictConfig({'version': 1}); return 'done'",
        "import locale; locale.setlocale(locale.LC_ALL, 'C'); return 'done'",
        "import warnings; warnings.simplefilter('error'); return 'done'",
        "import sys; sys.setrecursionlimit(5_000); return 'done'",
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); return 'done'",
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start(); return 'done'",
        "import random; random.seed(1); return 'done'",
        "import time; time.time = lambda: 0; return 'done'",
        "import sys; sys.modules.pop(__name__); return 'done'",
        "import sys; del sys.path[:], sys.argv[:]; return 'done'",
        "import os; os.umask(0o22); return 'done'",
    ],
)
def test_a_rude_handler_harms_neither_the_next_invocation_nor_the_caller(
    ask: Ask, isolation: Isolation, body: str
) -> None:
    before = world()
    assert ask(COUNTS.format(body=body), 0, 1, 0, 0) == [1, "done", 3, 4]
    assert world() == before


def world() -> dict[str, Any]:
    """What of the caller's process a handler might have changed."""
    import locale
    import logging
    import random
    import signal
    import tempfile
    import time
    import warnings

    return {
        "variables": dict(os.environ),
        "os.environ": id(os.environ),
        "folder": os.getcwd(),
        "path": (id(sys.path), sys.path[:]),
        "arguments": sys.argv[:],
        "streams": (sys.stdout, sys.stderr),
        "logging": (logging.root.level, logging.root.handlers[:], logging.root.manager.disable),
        "closing": len(logging._handlerList),  # type: ignore[attr-defined]
        "warnings": (id(warnings.filters), len(warnings.filters)),
        "random": random.getstate(),
        "signals": [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)],
        "locale": locale.setlocale(locale.LC_ALL),
        "recursion": sys.getrecursionlimit(),
        "temporary": tempfile.tempdir,
        "time": [getattr(time, n) for n in ("time", "sleep", "monotonic")],
        "exit": os._exit,
    }
