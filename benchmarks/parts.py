"""What each part of a warm invocation costs: the calls between the layers, timed where they are made."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.floors import exchange
from benchmarks.subjects import function, only
from benchmarks.table import Row
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.journal import ForgetfulStore

COUNT = 5_000


class Stopwatch:
    """Times calls, less the timed calls that they make and less what the timing itself takes."""

    def __init__(self) -> None:
        self.took: dict[str, list[float]] = defaultdict(list)
        self._inside = [0.0]
        self._price = 0.0
        nothing = self.timed("nothing", lambda: None)
        for _ in range(COUNT):
            nothing()
        self._price = median(self.took.pop("nothing"))

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, with its own time noted under `name`."""

        def timed(*arguments: Any) -> Any:
            self._inside.append(0.0)
            begun = time.perf_counter()
            result = call(*arguments)
            took = time.perf_counter() - begun
            self.took[name].append(took - self._inside.pop() - self._price)
            self._inside[-1] += took
            return result

        return timed


def parts() -> Iterator[Row]:
    """A lone caller on one core: where its time goes."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    with (
        tempfile.TemporaryDirectory() as name,
        open_blocking_runtime(only(function(Path(name), "echo")), store=ForgetfulStore()) as runtime,
    ):
        rounds(runtime)
        whole = median(rounds(runtime))
        watch = Stopwatch()
        _watch(runtime, watch)
        runtime.invoke("echo", payload=exchange.EVENT)
        watch.took.clear()
        rounds(runtime)
    os.sched_setaffinity(0, before)
    told = 0.0
    for part, took in watch.took.items():
        share = sum(took) / COUNT
        told += share
        yield Row(part, "", f"{share * 1e6:.1f} us", f"{share / whole:.0%}", "", True)
    rest = max(0.0, whole - told)
    yield Row("the door and the driver", "", f"{rest * 1e6:.1f} us", f"{rest / whole:.0%}", "", True)


def rounds(runtime: BlockingRuntime) -> list[float]:
    """Seconds of each of `COUNT` invocations."""
    took = []
    for _ in range(COUNT):
        begun = time.perf_counter()
        runtime.invoke("echo", payload=exchange.EVENT)
        took.append(time.perf_counter() - begun)
    return took


def _watch(runtime: BlockingRuntime, watch: Stopwatch) -> None:
    """Have the calls between the layers timed."""
    driver, region = runtime.driver, runtime.driver.region
    processes, journal = driver.processes, driver.journal
    region.take = watch.timed("take: what is asked, what came of it", region.take)  # type: ignore[method-assign]
    region.advance = watch.timed("advance: records, effects", region.advance)  # type: ignore[method-assign]
    journal.write = watch.timed("records written", journal.write)  # type: ignore[method-assign]
    processes.run = watch.timed("packet made, deadline armed", processes.run)  # type: ignore[method-assign]
    processes.collect_lone = watch.timed(  # type: ignore[method-assign]
        "reply received and read", processes.collect_lone
    )
    for process in processes._processes.values():
        process.channel = _Channel(process.channel, watch)  # type: ignore[assignment]


class _Channel:
    """A socket whose sends are timed: on one core the worker runs within them."""

    def __init__(self, channel: Any, watch: Stopwatch) -> None:
        self._channel = channel
        self.send = watch.timed("sent, json and handler in the worker", channel.send)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)
