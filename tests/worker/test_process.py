"""A handler's process on both clocks: reuse, output, logging, virtual time."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lambdarun.worker import wire
from tests.worker.zygote_in_test import NOW_US, REQUEST_ID_TEXT, Zygote


def write(root: Path, name: str, source: str) -> str:
    (root / f"{name}.py").write_text(source, encoding="utf-8")
    return f"{name}.h"


def test_logging_has_lambdas_text_form_and_stays_at_warning(real_zygote: Zygote, tmp_path: Path) -> None:
    source = "import logging\ndef h(e, c):\n    logging.info('quiet')\n    logging.getLogger('a').warning('loud %s', 1)\n"
    worker = real_zygote.fork(tmp_path, write(tmp_path, "logs", source))
    worker.run(b"{}")
    printed = worker.printed()
    assert re.fullmatch(
        rf"\[WARNING\]\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{REQUEST_ID_TEXT}\tloud 1\n", printed
    )


def test_runtime_row_20_tracebacks_in_the_log_are_indented_with_no_break_spaces(
    real_zygote: Zygote, tmp_path: Path
) -> None:
    worker = real_zygote.fork(tmp_path, write(tmp_path, "bad", "def h(e, c):\n    raise ValueError('no')\n"))
    worker.run(b"{}")
    first, second, frame, line = worker.printed().splitlines()
    assert first == "[ERROR] ValueError: no"
    assert second == "Traceback (most recent call last):"
    assert frame.startswith("\u00a0\u00a0File ")
    assert line == "\u00a0\u00a0\u00a0\u00a0raise ValueError('no')"


def test_runtime_row_19_the_trace_id_is_there_in_an_invocation_and_absent_at_module_scope(
    real_zygote: Zygote, tmp_path: Path
) -> None:
    source = "import os\nAT = os.environ.get('_X_AMZN_TRACE_ID')\ndef h(e, c): return [AT, os.environ['_X_AMZN_TRACE_ID'][:7]]\n"
    worker = real_zygote.fork(tmp_path, write(tmp_path, "trace", source))
    reply = worker.run(b"{}")
    assert reply is not None
    assert json.loads(reply.payload) == [None, "Root=1-"]


TRACES = """
import os, subprocess, sys
NAME = "_X_AMZN_TRACE_ID"
SAYS = f"import os; print(os.environ.get('{NAME}', ''))"
def child():
    return subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True).stdout.strip()
def popen():
    return os.popen(f"echo ${NAME}").read().strip()
def spawned():
    file = os.environ["HOME_OF_TEST"] + "/said"
    os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", f"echo ${NAME} > {file}"], os.environ), 0)
    return open(file).read().strip()
def system():
    file = os.environ["HOME_OF_TEST"] + "/said"
    os.system(f"echo ${NAME} > {file}")
    return open(file).read().strip()
def forked():
    out, into = os.pipe()
    if not (pid := os.fork()):
        os.write(into, os.environ[NAME].encode())
        os._exit(0)
    os.waitpid(pid, 0)
    return os.read(out, 1000).decode()
def multiprocessed():
    import multiprocessing
    file = os.environ["HOME_OF_TEST"] + "/said"
    child = multiprocessing.get_context("spawn").Process(target=os.system, args=(f"echo ${NAME} > {file}",))
    child.start()
    child.join()
    return open(file).read().strip()
def h(e, c):
    os.environ["HOME_OF_TEST"] = os.path.dirname(__file__)
    return [os.environ[NAME], *(globals()[way]() for way in e)]
def clears(e, c):
    os.environ.clear()
    return [child(), popen()]
def plain(e, c):
    os.environ = dict(os.environ)
    return [os.environ[NAME], child(), popen()]
def own(e, c):
    before = os.environ[NAME]
    os.environ[NAME] = "mine"
    return [before, child(), popen()]
"""


def test_the_trace_id_of_the_invocation_is_in_every_kind_of_child(
    real_zygote: Zygote, tmp_path: Path
) -> None:
    worker = real_zygote.fork(tmp_path, write(tmp_path, "traces", TRACES))
    ways = b'["child", "popen", "spawned", "system", "forked", "multiprocessed"]'
    seen = []
    for number, asked in enumerate((ways, b"[]", ways)):
        reply = worker.run(asked, request_id=f"{number}401c351-a1e2-4829-96c9-8204ceede099")
        assert reply is not None
        ids = json.loads(reply.payload)
        assert ids == ids[:1] * len(ids)
        seen.append(ids[0])
    assert all(one.startswith("Root=1-") for one in seen)
    assert len(set(seen)) == 3


def test_a_handler_may_do_to_its_variables_what_it_likes(real_zygote: Zygote, tmp_path: Path) -> None:
    write(tmp_path, "traces_too", TRACES)
    answers = {}
    for name in ("clears", "plain", "own"):
        worker = real_zygote.fork(tmp_path, f"traces_too.{name}")
        replies = [worker.run(b"{}"), worker.run(b"{}")]
        answers[name] = [json.loads(reply.payload) for reply in replies if reply is not None]
    assert answers["clears"] == [["", ""]] * 2
    first, *others = answers["plain"][0]
    assert others == [first] * 2
    assert [others for _, *others in answers["own"]] == [["mine", "mine"]] * 2
    assert all(before.startswith("Root=1-") for before, *_ in answers["own"])


def test_user_modules_do_not_collide_with_ours(real_zygote: Zygote, tmp_path: Path) -> None:
    (tmp_path / "context.py").write_text("NAME = 'mine'\n", encoding="utf-8")
    (tmp_path / "wire.py").write_text("NAME = 'mine too'\n", encoding="utf-8")
    source = "import context, wire, sys\ndef h(e, c): return [context.NAME, wire.NAME, sys.path[0]]\n"
    worker = real_zygote.fork(tmp_path, write(tmp_path, "uses", source))
    reply = worker.run(b"{}")
    assert reply is not None
    assert json.loads(reply.payload) == ["mine", "mine too", str(tmp_path)]


def test_a_reply_says_when_something_may_run_between_invocations(real_zygote: Zygote, tmp_path: Path) -> None:
    source = (
        "import threading, time\ndef h(e, c):\n"
        "    if e: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    worker = real_zygote.fork(tmp_path, write(tmp_path, "threads", source))
    flags = [reply.flags & wire.MAY_RUN for reply in (worker.run(b"0"), worker.run(b"1")) if reply]
    assert flags == [0, wire.MAY_RUN]


def virtual(zygote: Zygote, root: Path, name: str, body: str) -> tuple[object, int]:
    source = "import asyncio, datetime, random, subprocess, sys, threading, time\n" + body
    worker = zygote.fork(root, write(root, name, source))
    reply = worker.run(b"{}", now_us=NOW_US, timeout_s=900)
    assert reply is not None
    assert reply.kind == wire.RESULT, reply.payload
    assert reply.duration_us < 5_000_000
    return json.loads(reply.payload), reply.slept_us


def test_sleep_moves_virtual_time_and_does_not_wait(virtual_zygote: Zygote, tmp_path: Path) -> None:
    body = "def h(e, c):\n    a = time.time()\n    time.sleep(600)\n    return [a, round(time.time() - a)]\n"
    found, slept = virtual(virtual_zygote, tmp_path, "sleeps", body)
    assert found == [NOW_US / 1_000_000 + 0.000001, 600]
    assert slept == 600_000_000


def test_all_clocks_agree(virtual_zygote: Zygote, tmp_path: Path) -> None:
    body = (
        "def h(e, c):\n    time.sleep(1)\n"
        "    return [time.time(), time.monotonic(), datetime.datetime.now(datetime.timezone.utc).timestamp(),\n"
        "            datetime.datetime.utcnow().replace(tzinfo=datetime.timezone.utc).timestamp(), time.time_ns() / 1e9]\n"
    )
    found, _ = virtual(virtual_zygote, tmp_path, "clocks", body)
    assert isinstance(found, list)
    assert all(abs(value - (NOW_US / 1_000_000 + 1)) < 0.001 for value in found)


def test_today_is_the_virtual_day(virtual_zygote: Zygote, tmp_path: Path) -> None:
    body = "def h(e, c): return [datetime.date.today().isoformat(), time.strftime('%Y', time.gmtime())]\n"
    assert virtual(virtual_zygote, tmp_path, "today", body)[0] == ["2026-01-02", "2026"]


def test_no_busy_wait_is_endless(virtual_zygote: Zygote, tmp_path: Path) -> None:
    body = "def h(e, c):\n    end = time.monotonic() + 0.01\n    while time.monotonic() < end: pass\n    return 'done'\n"
    assert virtual(virtual_zygote, tmp_path, "busy", body)[0] == "done"


def test_asyncios_timers_move_virtual_time(virtual_zygote: Zygote, tmp_path: Path) -> None:
    body = (
        "async def main():\n    a = time.time()\n    await asyncio.gather(asyncio.sleep(300), asyncio.sleep(200))\n"
        "    try:\n        await asyncio.wait_for(asyncio.sleep(100), 5)\n    except asyncio.TimeoutError:\n        pass\n"
        "    return round(time.time() - a)\n"
        "def h(e, c): return asyncio.run(main())\n"
    )
    found, slept = virtual(virtual_zygote, tmp_path, "aio", body)
    assert found == 305
    assert slept == pytest.approx(305_000_000, abs=100)  # each reading of the clock takes its microsecond


def test_a_job_of_an_executor_does_not_time_out_falsely(virtual_zygote: Zygote, tmp_path: Path) -> None:
    body = (
        "async def main():\n    loop = asyncio.get_running_loop()\n"
        "    return await asyncio.wait_for(loop.run_in_executor(None, lambda: sum(range(200_000))), 5)\n"
        "def h(e, c): return asyncio.run(main())\n"
    )
    assert virtual(virtual_zygote, tmp_path, "executor", body)[0] == sum(range(200_000))


def test_subprocesses_and_locks_wait_for_real(virtual_zygote: Zygote, tmp_path: Path) -> None:
    body = (
        "def h(e, c):\n    out = subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True, timeout=30).stdout\n"
        "    return [out.decode().strip(), threading.Event().wait(0.01)]\n"
    )
    assert virtual(virtual_zygote, tmp_path, "procs", body)[0] == ["1", False]


def test_chance_is_repeated_in_virtual_time(virtual_zygote: Zygote, tmp_path: Path) -> None:
    body = "def h(e, c): return [random.random(), hash('text')]\n"
    assert virtual(virtual_zygote, tmp_path, "a", body)[0] == virtual(virtual_zygote, tmp_path, "b", body)[0]


def test_the_remaining_time_is_virtual(virtual_zygote: Zygote, tmp_path: Path) -> None:
    body = "def h(e, c):\n    time.sleep(100)\n    return c.get_remaining_time_in_millis()\n"
    assert virtual(virtual_zygote, tmp_path, "left", body)[0] == pytest.approx(800_000, abs=1)


def test_an_event_too_deep_for_the_parser_is_no_json_and_the_process_lives(
    real_zygote: Zygote, tmp_path: Path
) -> None:
    """Deeper than 1,000 it is refused for its caller, as AWS's own parser refuses it: no handler's error."""
    worker = real_zygote.fork(
        tmp_path, write(tmp_path, "deep", "import os\ndef h(e, c): return os.getpid()\n")
    )
    reply = worker.run(b"[" * 20_000 + b"]" * 20_000)
    assert reply is not None
    assert (reply.kind, reply.payload) == (wire.NOT_JSON, b"")
    after = worker.run(b"1")
    assert after is not None
    assert json.loads(after.payload) == worker.pid
