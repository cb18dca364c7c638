"""Warm and cold invocations, deadlines and memory, beside their floors."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import trio

from benchmarks.floors import exchange, processes
from benchmarks.subjects import function, only
from benchmarks.table import Pair, Row, at_most, interleaved
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.journal import ForgetfulStore
from lambdarun.runtime.processes import Processes
from lambdarun.runtime.session import open_runtime

COUNT = 3_000
_LONE_PAUSE_S = 0.02
"""Between cold starts that are to be alone: what is made ahead is made behind the one before."""


@contextmanager
def cores(ours: set[int], workers: set[int]) -> Iterator[None]:
    """What is started inside runs on `workers`; then this process moves to `ours`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, workers)
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours if ours else before)


def took_warm(runtime: BlockingRuntime, count: int) -> list[float]:
    """Seconds of each of `count` invocations."""
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        runtime.invoke("echo", payload=exchange.EVENT)
        took.append(time.perf_counter() - begun)
    return took


def _compare(worker_core: int, folder: Path) -> tuple[Pair, float]:
    """A lone caller against the bare exchange; also the subject's p99 over its p50."""
    before = os.sched_getaffinity(0)
    with ExitStack() as stack:
        with cores({0}, {worker_core}):
            runtime = stack.enter_context(
                open_blocking_runtime(only(function(folder, "echo")), store=ForgetfulStore())
            )
            runtime.invoke("echo", payload=exchange.EVENT)
        channel = stack.enter_context(exchange.worker(worker_core))
        exchange.round_trips(channel, 500)
        took_warm(runtime, 500)
        tails: list[float] = []

        def subject() -> float:
            took = took_warm(runtime, COUNT)
            tails.append(quantiles(took, n=100)[98] / median(took))
            return median(took)

        pair = interleaved(lambda: median(exchange.round_trips(channel, COUNT)), subject)
    os.sched_setaffinity(0, before)
    return pair, median(tails)


def warm() -> Iterator[Row]:
    """A lone caller, pinned to one core and on two."""
    with tempfile.TemporaryDirectory() as name:
        pair, tail = _compare(0, Path(name))
        yield at_most("warm, lone caller (J)", pair, 3.5)
        yield Row("its p99", "own p50", "", f"{tail:.2f} x", "<= 3 x", tail <= 3)
        pair, _ = _compare(1, Path(name))
        yield at_most("warm on two cores (J2)", pair, 2)


def through_the_pump() -> Iterator[Row]:
    """One caller under trio, with another always in flight, so that all goes through the pump."""
    with tempfile.TemporaryDirectory() as name:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {0})
        with exchange.worker(0) as channel:
            exchange.round_trips(channel, 500)

            async def main() -> Pair:
                async with open_runtime(
                    only(function(Path(name), "echo")), store=ForgetfulStore()
                ) as runtime:

                    async def rounds(count: int) -> list[float]:
                        took = []
                        for _ in range(count):
                            begun = time.perf_counter()
                            await runtime.invoke("echo", payload=exchange.EVENT)
                            took.append(time.perf_counter() - begun)
                        return took

                    await rounds(500)
                    pairs = []
                    for _ in range(5):
                        floor = median(exchange.round_trips(channel, COUNT))
                        pairs.append((floor, median(await rounds(COUNT))))
                    ratios = sorted(s / f for f, s in pairs)
                    base = median(f for f, _ in pairs)
                    return Pair(base, ratios[2] * base, (ratios[-1] - ratios[0]) / ratios[2])

            pair = trio.run(main)
        os.sched_setaffinity(0, before)
        yield at_most("warm under trio (J)", pair, 5)


def sixteen() -> Iterator[Row]:
    """Sixteen callers on as many environments, against a bare loop: callers on one core, environments on the other
    (unpinned, the kernel places both sides as it likes, and each run otherwise).
    """
    count = 8_000
    before = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        channels = [stack.enter_context(exchange.worker(1)) for _ in range(16)]

        async def main() -> tuple[float, float]:
            os.sched_setaffinity(0, {1})
            async with open_runtime(only(function(Path(name), "echo")), store=ForgetfulStore()) as runtime:

                async def caller(calls: int) -> None:
                    for _ in range(calls):
                        await runtime.invoke("echo", payload=exchange.EVENT)

                async def rate(total: int) -> float:
                    begun = time.perf_counter()
                    async with trio.open_nursery() as nursery:
                        for _ in range(16):
                            nursery.start_soon(caller, total // 16)
                    return total / (time.perf_counter() - begun)

                await rate(800)
                os.sched_setaffinity(0, {0})
                await rate(800)
                exchange.epoll_rate(channels, 800)
                pairs = []
                for _ in range(5):
                    pairs.append((exchange.epoll_rate(channels, count), await rate(count)))
                ratios = sorted(s / f for f, s in pairs)
                return median(f for f, _ in pairs), ratios[2]

        floor, ratio = trio.run(main)
    os.sched_setaffinity(0, before)
    yield Row(
        "16 callers, 16 environments", f"{floor:,.0f} /s", f"{floor * ratio:,.0f} /s", f"{ratio:.2f} x", ">= 0.6 x", ratio >= 0.6
    )  # fmt: skip


def took_cold(folder: Path, isolation: Isolation, pause_s: float = 0) -> float:
    """Seconds of a hello handler's first invocation, the median of thirty."""
    took = []
    options = Options(isolation=isolation)
    with open_blocking_runtime(
        only(function(folder, "hello")), store=ForgetfulStore(), options=options
    ) as runtime:
        runtime.invoke("hello")
        for _ in range(30):
            # Forgotten, not ended: the next invocation needs a new one, and nothing is killed meanwhile.
            for environments in runtime.driver.region.admission.environments._idle.values():
                environments.clear()
            time.sleep(pause_s)
            begun = time.perf_counter()
            runtime.invoke("hello")
            took.append(time.perf_counter() - begun)
    return median(took)


def cold() -> Iterator[Row]:
    """A hello handler's first invocation, against fork, import and call."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pair = interleaved(
            lambda: median(processes.fork_import_call(folder, 30)),
            lambda: took_cold(folder, Isolation.PROCESS),
        )
    yield at_most("cold start, answered", pair, 2.3, "ms", 1e3)


def cold_sandbox() -> Iterator[Row]:
    """The same in a sandbox, against the one without: alone, when the namespaces were made ahead, and one behind another."""
    most = 1.3 if os.geteuid() == 0 else 1.6
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for said, pause_s in (("cold sandbox", _LONE_PAUSE_S), ("cold sandbox, back to back", 0.0)):
            pair = interleaved(
                partial(took_cold, folder, Isolation.PROCESS, pause_s),
                partial(took_cold, folder, Isolation.NAMESPACE, pause_s),
            )
            yield at_most(said, pair, most, "ms", 1e3)


def burst() -> Iterator[Row]:
    """Two hundred environments at once: memory of each, without a sandbox and in it."""
    for said, isolation, most in (
        ("burst of 200 environments", Isolation.PROCESS, 2.2),
        ("burst in the sandbox", Isolation.NAMESPACE, 2.8),
    ):
        mb, took = _burst(isolation)
        target = f"<= {most} MB"
        yield Row(said, "", f"{mb:.2f} MB PSS each, {took:.2f} s", "", target, mb <= most)


def _burst(isolation: Isolation) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as name:

        async def main() -> tuple[float, float]:
            project, options = only(function(Path(name), "hello")), Options(isolation=isolation)
            async with open_runtime(project, store=ForgetfulStore(), options=options) as runtime:
                begun = time.perf_counter()
                async with trio.open_nursery() as nursery:
                    for _ in range(200):
                        nursery.start_soon(runtime.invoke, "hello")
                took = time.perf_counter() - begun
                assert isinstance(runtime.driver.processes, Processes)
                owned = runtime.driver.processes._processes.values()
                sizes = [processes.pss_kb(process.pid) for process in owned if process.pid]
                assert len(sizes) > 20
                return median(sizes) / 1024, took

        return trio.run(main)


def deadline() -> Iterator[Row]:
    """From the deadline to the answer of a handler that spins, over a bare kill and wait."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        late = []
        with open_blocking_runtime(
            only(function(folder, "spins", timeout=1)), store=ForgetfulStore()
        ) as runtime:
            for _ in range(7):
                runtime.invoke("spins", {"spin": False})
                begun = time.perf_counter()
                reply = runtime.invoke("spins", {"spin": True})
                late.append(time.perf_counter() - begun - 1.0)
                assert b"Task timed out" in reply.payload
        floor = median(processes.kill_and_wait(30))
        took = median(late)
        over = took - floor
    yield Row(
        "deadline to reaped",
        f"{floor * 1e3:.2f} ms",
        f"{took * 1e3:.2f} ms",
        f"+{over * 1e3:.2f} ms",
        "<= +2.5 ms",
        over <= 0.0025,
    )
