"""The memory size holds for all processes of an environment, by the kernel's groups and by the sampler alike."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from lambdarun.aws.metric_names import ERRORS
from lambdarun.errors import MachineError, Place
from lambdarun.model.arrival import Delivery, EventArrival
from lambdarun.model.cpu import Cpu
from lambdarun.model.declarations import Route
from lambdarun.model.instant import FIXED_START, Instant
from lambdarun.model.invoke_request import InvokeReply
from lambdarun.runtime import resources
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.cgroups import CPU, MEMORY, PIDS, places
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.resources import Accounting, ResourceFacts
from lambdarun.runtime.session import open_runtime
from lambdarun.runtime.tmpfs import is_tmpfs
from lambdarun.views.metrics import Metrics
from lambdarun.views.results_line import ResultLines
from tests.conftest import Declare, lasting, project_of
from tests.processes import descendants, survivors, watch

FOUND, MISSING = places()
needs_memory = pytest.mark.skipif(MEMORY not in FOUND, reason=f"no cgroup: {MISSING.get(MEMORY)}")
needs_pids = pytest.mark.skipif(PIDS not in FOUND, reason=f"no cgroup: {MISSING.get(PIDS)}")
needs_cpu = pytest.mark.skipif(CPU not in FOUND, reason=f"no cgroup: {MISSING.get(CPU)}")
BOTH = [
    pytest.param(Accounting.CGROUP, marks=needs_memory, id="cgroup"),
    pytest.param(Accounting.SAMPLER, id="sampler"),
]
both = pytest.mark.parametrize("accounting", BOTH)

SOURCE = """
import mmap, multiprocessing, os, signal, subprocess, sys, threading, time
KEPT = []
COUNT = 0
def hold(mb):
    KEPT.append(b"x" * (mb << 20))
def without_end(step=16):
    while True:
        hold(step)
def in_child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid
def handler(event, context):
    global COUNT
    COUNT += 1
    return eval(event) if event else COUNT
"""
MB = 1 << 20
Open = Callable[..., BlockingRuntime]


@pytest.fixture
def opened(declare: Declare) -> Iterator[Open]:
    with ExitStack() as stack:

        def open_one(
            accounting: Accounting, source: str = SOURCE, *, clock: Any = None, **settings: Any
        ) -> BlockingRuntime:
            function = declare(source, **{"memory_size": 256, "timeout": 20, **settings})
            return stack.enter_context(
                open_blocking_runtime(
                    project_of(function), clock=clock, options=Options(accounting=accounting)
                )
            )

        yield open_one


def groups() -> list[str]:
    """All runs' groups that there are."""
    return [str(path) for place in FOUND.values() for path in Path(place.folder).glob("lambdarun-*")]


def told(reply: InvokeReply) -> str:
    """A payload without its request id."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", reply.payload.decode())


def used(reply: InvokeReply) -> int:
    """Max Memory Used of the log's REPORT line."""
    assert reply.log_tail is not None
    found = re.search(rb"Max Memory Used: (\d+) MB", reply.log_tail)
    assert found
    return int(found[1])


OUT_OF_MEMORY = '{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}'
KILLED = OUT_OF_MEMORY.replace("OutOfMemory", "ExitError")


@both
@pytest.mark.parametrize(
    "body",
    [
        "without_end(64)",
        "[mmap.mmap(-1, 1 << 30).write(b'x' * (1 << 29)) for _ in range(4)]",
        "threading.Thread(target=without_end).start() or time.sleep(15)",
    ],
    ids=["64 MB at a time", "shared memory", "in a thread"],
)
def test_out_of_memory_is_told_as_aws_tells_it_and_resets_the_environment(
    opened: Open, accounting: Accounting, body: str
) -> None:
    runtime = opened(accounting)
    assert runtime.invoke("fn").payload == b"1"
    runtime.invoke("fn", "open(os.environ['TMPDIR'] + '/kept', 'w').close()")
    reply = runtime.invoke("fn", body, log_tail=True)
    assert (told(reply), reply.function_error) == (OUT_OF_MEMORY, "Unhandled")
    assert reply.log_tail is not None
    assert reply.log_tail.decode().endswith(
        "Memory Size: 256 MB\tMax Memory Used: 256 MB\tStatus: error\tError Type: Runtime.OutOfMemory\n"
    )
    assert runtime.invoke("fn").payload == b"1"
    assert runtime.invoke("fn", "os.path.exists(os.environ['TMPDIR'] + '/kept')").payload == b"true"


@both
def test_what_was_held_for_a_moment_only_is_too_much_as_well(opened: Open, accounting: Accounting) -> None:
    runtime = opened(
        accounting,
        SOURCE
        + "def moment():\n    len(mmap.mmap(-1, 180 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_POPULATE))\n",
        memory_size=128,
    )
    for _ in range(5):
        assert told(runtime.invoke("fn", "moment()")) == OUT_OF_MEMORY
        assert runtime.invoke("fn").payload == b"1"


@both
def test_a_large_file_that_is_mapped_is_no_memory(
    opened: Open, accounting: Accounting, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(b"x" * (200 << 20))
    runtime = opened(accounting, memory_size=128)
    file = f"mmap.mmap(os.open({str(tmp_path / 'large')!r}, 0), 0, prot=mmap.PROT_READ)"
    body = f"KEPT.append({file}) or sum(KEPT[0][::4096]) and time.sleep(0.05)"
    assert runtime.invoke("fn", body).payload == b"null"
    assert runtime.invoke("fn").payload == b"2"


@needs_memory
def test_memory_that_no_process_maps_counts_too(opened: Open) -> None:
    """Only by the kernel's count: the sampler looks at what processes map."""
    runtime = opened(Accounting.CGROUP)
    body = "[os.write(f, b'x' * (64 << 20)) for f in [os.memfd_create('m')] for _ in range(9)]"
    assert told(runtime.invoke("fn", body)) == OUT_OF_MEMORY
    assert runtime.invoke("fn").payload == b"1"


@both
@pytest.mark.parametrize(
    "body",
    ["os.waitpid(in_child(without_end), 0)[1]", "os.waitpid(in_child(lambda: os.waitpid(in_child(without_end), 0) and os.kill(os.getpid(), 9)), 0)[1]",
     "-subprocess.run([sys.executable, '-c', 'x = []\\nwhile True: x.append(b\"x\" * (16 << 20))']).returncode"],
    ids=["child", "child's child", "other program"],
)  # fmt: skip
def test_a_child_that_allocates_without_end_is_killed_and_the_invocation_goes_on(
    opened: Open, accounting: Accounting, body: str
) -> None:
    runtime = opened(accounting)
    assert runtime.invoke("fn").payload == b"1"
    reply = runtime.invoke("fn", body, log_tail=True)
    assert reply.payload == b"9"
    assert 250 <= used(reply) <= 256
    assert runtime.invoke("fn").payload == b"3"


@both
def test_a_daemon_left_behind_counts_in_later_invocations(opened: Open, accounting: Accounting) -> None:
    runtime = opened(
        accounting,
        SOURCE
        + """
go, end = os.pipe(), os.pipe()
def daemon():
    os.setsid()
    if os.fork() == 0:
        os.close(end[0])
        os.read(go[0], 1)
        without_end()
def wait():
    os.write(go[1], b"x")
    os.close(end[1])
    return os.read(end[0], 1).decode()
""",
    )
    assert runtime.invoke("fn", "os.waitpid(in_child(daemon), 0)[1]").payload == b"0"
    assert runtime.invoke("fn", "wait()").payload == b'""'  # the end of its pipe: it is dead
    assert runtime.invoke("fn").payload == b"3"


@both
def test_sigkill_by_the_handler_itself_is_an_exit(opened: Open, accounting: Accounting) -> None:
    runtime = opened(accounting)
    assert told(runtime.invoke("fn", "os.kill(os.getpid(), 9)")) == KILLED
    assert runtime.invoke("fn", "os.waitpid(in_child(without_end), 0)[1]").payload == b"9"
    # The kernel has killed before, in an invocation that survived it.
    assert told(runtime.invoke("fn", "os.kill(os.getpid(), 9)")) == KILLED


@both
def test_runtime_trap_memory_error_is_the_handlers_own(opened: Open, accounting: Accounting) -> None:
    runtime = opened(accounting)
    runtime.invoke("fn")
    payload = json.loads(runtime.invoke("fn", "b'x' * (1 << 60)").payload)
    assert payload["errorType"] == "MemoryError"
    assert runtime.invoke("fn").payload == b"3"


@both
def test_out_of_memory_while_the_module_is_imported_is_a_failed_init_and_is_tried_twice(
    opened: Open, accounting: Accounting
) -> None:
    source = (
        "import os\nos.write(1, b'importing\\n')\nkept = []\nwhile True: kept.append(b'x' * (16 << 20))\n"
    )
    runtime = opened(accounting, source)
    reply = runtime.invoke("fn", log_tail=True)
    assert told(reply) == OUT_OF_MEMORY
    assert reply.log_tail is not None
    log = reply.log_tail.decode()
    assert log.count("importing") == 2
    assert re.search(r"Phase: init\tStatus: error\tError Type: Runtime.OutOfMemory\n", log)
    assert re.search(r"Phase: invoke\tStatus: error\tError Type: Runtime.OutOfMemory\n", log)
    assert used(reply) == 256


@both
def test_runtime_row_17_max_memory_used_is_the_greatest_of_all_processes(
    opened: Open, accounting: Accounting
) -> None:
    runtime = opened(accounting)
    empty = used(runtime.invoke("fn", log_tail=True))
    assert 8 <= empty <= 40
    assert used(runtime.invoke("fn", log_tail=True)) == empty
    held = used(runtime.invoke("fn", "hold(60)", log_tail=True))
    assert empty + 59 <= held <= empty + 66
    # Freed: the greatest stays, and is not reached again by half of it.
    runtime.invoke("fn", "KEPT.clear()")
    assert used(runtime.invoke("fn", "hold(30)", log_tail=True)) == held
    body = "os.waitpid(in_child(lambda: hold(100) or time.sleep(0.2)), 0) and None"
    assert held + 60 <= used(runtime.invoke("fn", body, log_tail=True)) <= held + 85


@both
def test_memory_that_is_given_back_between_invocations_is_not_summed_up(
    opened: Open, accounting: Accounting
) -> None:
    runtime = opened(accounting)
    for _ in range(4):
        reply = runtime.invoke("fn", "hold(150) or KEPT.clear()", log_tail=True)
        assert reply.payload == b"null"
    assert used(reply) < 190


@both
def test_pages_that_children_share_count_once(opened: Open, accounting: Accounting) -> None:
    runtime = opened(accounting)
    runtime.invoke("fn", "hold(100)")
    body = "[os.waitpid(pid, 0)[1] for pid in [in_child(lambda: sum(KEPT[0][::4096]) and time.sleep(0.1)) for _ in range(6)]]"
    reply = runtime.invoke("fn", body, log_tail=True)
    assert reply.payload == b"[0, 0, 0, 0, 0, 0]"
    assert used(reply) < 200


@both
def test_a_full_tmp_on_disk_is_no_memory(opened: Open, accounting: Accounting) -> None:
    if is_tmpfs(tempfile.gettempdir()):
        pytest.skip("the machine's /tmp is memory: the test below")
    runtime = opened(accounting, memory_size=128)
    body = "len([os.write(f, b'x' * (1 << 20)) for f in [os.open(os.environ['TMPDIR'] + '/f', 577)] for _ in range(400)])"
    reply = runtime.invoke("fn", body, log_tail=True)
    assert reply.payload == b"400"
    assert used(reply) < 60


@both
@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="there is no /dev/shm")
def test_a_full_tmp_in_memory_is_no_memory_of_the_function_and_hides_none(
    opened: Open, accounting: Accounting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")
    runtime = opened(accounting, memory_size=128)
    body = "len([os.write(f, b'x' * (1 << 20)) for f in [os.open(os.environ['TMPDIR'] + '/f', 577)] for _ in range(400)])"
    reply = runtime.invoke("fn", body, log_tail=True)
    assert reply.payload == b"400"
    assert used(reply) < 60
    assert runtime.invoke("fn", "hold(64)").payload == b"null"
    assert told(runtime.invoke("fn", "without_end()")) == OUT_OF_MEMORY
    # The process is gone, the file is there, and the new process has its memory whole.
    assert runtime.invoke("fn", "os.path.getsize(os.environ['TMPDIR'] + '/f') >> 20").payload == b"400"
    assert runtime.invoke("fn", "hold(64)").payload == b"null"
    assert told(runtime.invoke("fn", "without_end()")) == OUT_OF_MEMORY


@both
def test_in_virtual_time_out_of_memory_takes_effect_at_its_duration(
    opened: Open, accounting: Accounting
) -> None:
    runtime = opened(accounting, clock=VirtualClock(), duration=lasting(2))
    begun = runtime.now()
    assert told(runtime.invoke("fn", "without_end()")) == OUT_OF_MEMORY
    assert runtime.now() - begun == 2_000_000
    [failed] = [record for record in runtime.log if record.kind == "invocation.failed"]
    assert (failed.cause, failed.error_type, failed.duration_us) == (
        "out of memory",
        "Runtime.OutOfMemory",
        2_000_000,
    )
    runtime.accept("fn", "without_end()")
    runtime.settle()
    kinds = [record.kind for record in runtime.log]
    assert kinds.count("invocation.failed") == 4  # the first, and an event with two retries
    assert kinds.count("environment.reset") == 4


def test_a_replay_with_out_of_memory_gives_equal_bytes_however_memory_is_counted(declare: Declare) -> None:
    settings = {"memory_size": 128, "duration": lasting(0.5), "timeout": 10}
    project = project_of(declare(SOURCE, **settings), routes=(Route(key="s3", function="fn"),))
    bodies = [
        "1",
        "without_end()",
        "hold(40)",
        "os.waitpid(in_child(without_end), 0)[1]",
        "os.kill(os.getpid(), 9)",
    ]
    arrivals = [
        EventArrival(
            time=Instant(FIXED_START + number * 200_000),
            place=Place("generated"),
            source="s3",
            delivery=Delivery.ASYNC,
            payload=json.dumps(body).encode(),
        )
        for number, body in enumerate(bodies)
    ]
    ways = [Accounting.SAMPLER, Accounting.CGROUP] if MEMORY in FOUND else [Accounting.SAMPLER]
    told = set()
    for way, workers in product(ways, (1, 4)):
        options = Options(accounting=way, workers=workers)
        with open_blocking_runtime(project, clock=VirtualClock(), options=options) as runtime:
            runtime.replay(arrivals)
            told.add(ResultLines(virtual=True).lines(list(runtime.log)))
            metrics = Metrics()
            metrics.read(runtime.log)
            # Two events fail, with two retries each.
            assert metrics.total(ERRORS, FunctionName="fn") == 6
    assert len(told) == 1
    assert told.pop().count('"error_type":"Runtime.OutOfMemory"') == 3


@both
async def test_two_hundred_environments_in_a_burst_each_have_their_own_memory(
    declare: Declare, accounting: Accounting
) -> None:
    import trio

    function = declare(SOURCE, memory_size=128, timeout=60)
    got: list[bytes] = []
    async with open_runtime(project_of(function), options=Options(accounting=accounting)) as runtime:

        async def call(number: int) -> None:
            body = "without_end(32)" if number == 100 else "time.sleep(0.5)"
            got.append((await runtime.invoke("fn", body)).payload)

        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(call, number)
    assert sum(b"OutOfMemory" in payload for payload in got) == 1
    assert sum(payload == b"null" for payload in got) == 199
    assert not groups()


@needs_pids
@both
def test_an_environment_has_at_most_1024_processes_and_threads(opened: Open, accounting: Accounting) -> None:
    runtime = opened(
        accounting,
        SOURCE
        + """
def fork_many():
    made = []
    try:
        for _ in range(2000):
            made.append(in_child(signal.pause))
    except BlockingIOError:
        pass
    for pid in made:
        os.kill(pid, 9)
    for pid in made:
        os.waitpid(pid, 0)
    return len(made)
""",
        memory_size=2_048,
    )
    assert runtime.invoke("fn", "fork_many()").payload == b"1023"
    assert runtime.invoke("fn").payload == b"2"


@both
def test_two_runs_at_once_have_groups_of_their_own(opened: Open, accounting: Accounting) -> None:
    first, second = opened(accounting), opened(accounting)
    for runtime in (first, second):
        assert runtime.invoke("fn", "hold(150)").payload == b"null"
    assert told(first.invoke("fn", "without_end()")) == OUT_OF_MEMORY
    assert second.invoke("fn").payload == b"2"


RUN = """
import sys
from pathlib import Path
from lambdarun.model.declarations import Project
from lambdarun.model.function import Function, running_runtime
from lambdarun.runtime.blocking import open_blocking_runtime
function = Function(name="fn", handler="app.handler", code_uri=Path(sys.argv[1]), runtime=running_runtime())
with open_blocking_runtime(Project(functions={"fn": function})) as runtime:
    runtime.invoke("fn")
    print("ready", flush=True)
    sys.stdin.read()
"""


def start_run(folder: Path) -> subprocess.Popen[bytes]:
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert run.stdout is not None
    assert run.stdout.readline() == b"ready\n"
    return run


@needs_memory
def test_the_groups_of_a_killed_run_are_removed_by_the_next_and_those_of_a_living_one_are_not(
    tmp_path: Path, opened: Open
) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): return 1\n")
    before = set(groups())
    killed = start_run(tmp_path)
    its_own = set(groups()) - before
    living = start_run(tmp_path)
    others = set(groups()) - before - its_own
    assert its_own and others
    watched = watch(descendants(killed.pid))
    killed.kill()
    killed.communicate()
    assert not survivors(watched)
    assert its_own <= set(groups())
    assert opened(Accounting.CGROUP).invoke("fn").payload == b"1"
    assert not its_own & set(groups())
    assert others <= set(groups())
    living.communicate()
    assert not others & set(groups())


@needs_cpu
@both
def test_a_scaled_share_of_the_processor_holds_after_initialisation(
    opened: Open, accounting: Accounting
) -> None:
    source = """
import time
def spin(seconds=0.1):
    begun, cpu = time.perf_counter(), time.process_time()
    while time.process_time() - cpu < seconds:
        pass
    return time.perf_counter() - begun
INIT = spin()
def handler(event, context):
    return [INIT, spin()]
"""
    runtime = opened(accounting, source, memory_size=256, cpu=Cpu.SCALED)
    init, took = json.loads(runtime.invoke("fn").payload)
    # 256 MB are 0.145 of a core: 0.1 s of work take 0.69 s, and on the whole core of initialisation, with others at work on
    # this machine, a good deal less.
    assert took > 0.5
    assert init < took


def test_a_scaled_share_is_refused_on_the_walls_clock_where_no_group_may_be_written(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        resources, "places", lambda *_: ({}, dict.fromkeys((MEMORY, PIDS, CPU), "it is read-only"))
    )
    project = project_of(declare(SOURCE, cpu=Cpu.SCALED))
    with pytest.raises(MachineError) as fault, open_blocking_runtime(project, clock=RealClock()):
        pass
    assert str(fault.value) == (
        'functions.fn.cpu: "scaled" needs a cgroup that may be written, and it is read-only. Leave it out, or replay in'
        " virtual time with --durations measured."
    )
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        assert runtime.invoke("fn").payload == b"1"
    facts = ResourceFacts.of_this_machine()
    assert facts.memory is Accounting.SAMPLER
    assert facts.lines() == [
        "memory_size: a sampler kills what holds more, within tens of milliseconds (no cgroup: it is read-only)",
        "processes and threads: not limited by a cgroup (it is read-only)",
        "cpu: cannot follow memory_size on the wall's clock (no cgroup: it is read-only)",
    ]
    with pytest.raises(MachineError, match="memory cannot be limited by a cgroup: it is read-only"):
        Options(accounting=Accounting.CGROUP) and resources.Resources(False, Accounting.CGROUP)
