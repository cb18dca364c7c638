"""Memory over the limit: how long until the process is killed; and what counting it costs a warm invocation."""

from __future__ import annotations

import os
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.floors import exchange
from benchmarks.invocations import COUNT, took_warm
from benchmarks.subjects import function, only
from benchmarks.table import Pair, Row, at_most, interleaved
from lambdarun.model.declarations import Project
from lambdarun.model.function import Function, running_runtime
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.cgroups import MEMORY, places
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.journal import ForgetfulStore
from lambdarun.runtime.resources import Accounting

# 64 MB at a time, filled by the megabyte; after each its time is written to a file that both sides map.
_HOG = """
import mmap, struct, time
def handler(event, context):
    with open(event, "r+b") as file:
        times = mmap.mmap(file.fileno(), 0)
    kept, page = [], b"x" * (1 << 20)
    while True:
        kept.append(mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE))
        for at in range(64):
            kept[-1].write(page)
            struct.pack_into("d", times, 8 * (64 * len(kept) - 64 + at), time.monotonic())
"""
_MB = 256
_SHARED_MB = 14
"""What the process had before, which counts: it is over the limit so many megabytes sooner."""


def memory() -> Iterator[Row]:
    """From the megabyte that is too much to the answer, by both ways; the warm path by both."""
    ways = [Accounting.CGROUP, Accounting.SAMPLER] if MEMORY in places()[0] else [Accounting.SAMPLER]
    for way in ways:
        late, most = zip(*(_excess(way) for _ in range(7)), strict=True)
        took = median(late)
        said = f"{took * 1e3:.1f} ms, {median(most):.0f} MB filled"
        yield Row(f"excess to killed ({way.value})", "", said, "", "<= 60 ms", took <= 0.06)
    with tempfile.TemporaryDirectory() as name:
        for way in ways:
            yield at_most(f"warm, memory by {way.value} (J)", _warm(way, Path(name)), 5.5)


def _excess(way: Accounting) -> tuple[float, float]:
    """Seconds from the first megabyte over the limit to the answer, and megabytes that were filled until then."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hog.py").write_text(_HOG)
        times = folder / "times"
        times.write_bytes(bytes(8 * 65_536))
        hog = Function(
            name="hog",
            handler="hog.handler",
            code_uri=folder,
            runtime=running_runtime(),
            memory_size=_MB,
            timeout=30,
        )
        # Without a sandbox: the handler leaves its times in a file of this machine's.
        options = Options(accounting=way, isolation=Isolation.PROCESS)
        with open_blocking_runtime(
            Project(functions={"hog": hog}), store=ForgetfulStore(), options=options
        ) as runtime:
            reply = runtime.invoke("hog", str(times))
            answered = time.monotonic()
        assert b"Runtime.OutOfMemory" in reply.payload
        stamps = [stamp for (stamp,) in struct.iter_unpack("d", times.read_bytes()) if stamp]
    # By the kernel there is no first one too many: it is never had. Then from the last that was.
    return answered - stamps[min(len(stamps), _MB - _SHARED_MB) - 1], len(stamps)


def _warm(way: Accounting, folder: Path) -> Pair:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    with (
        open_blocking_runtime(
            only(function(folder, "echo")), store=ForgetfulStore(), options=Options(accounting=way)
        ) as runtime,
        exchange.worker(0) as channel,
    ):
        exchange.round_trips(channel, 500)
        took_warm(runtime, 500)
        pair = interleaved(
            lambda: median(exchange.round_trips(channel, COUNT)), lambda: median(took_warm(runtime, COUNT))
        )
    os.sched_setaffinity(0, before)
    return pair
