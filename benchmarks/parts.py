"""What each part of a warm invocation costs: the calls between the layers, timed where they are made."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.invocations import took_warm
from benchmarks.subjects import function, only
from benchmarks.table import Row
from lambdarun.model.region import Region
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.journal import ForgetfulStore, Journal
from lambdarun.runtime.processes import Processes

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

        def timed(*arguments: Any, **more: Any) -> Any:
            self._inside.append(0.0)
            begun = time.perf_counter()
            result = call(*arguments, **more)
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
        took_warm(runtime, COUNT)
        watch = Stopwatch()
        with _watched(runtime, watch):
            took_warm(runtime, COUNT)
    os.sched_setaffinity(0, before)
    parts = {part: median(took) * len(took) / COUNT for part, took in watch.took.items()}
    for part, took in parts.items():
        yield Row(f"  {part}", "", f"{took * 1e6:.1f} us", f"{took / sum(parts.values()):.0%}", "", True)


WATCHED: list[tuple[type, str, str]] = [
    (BlockingRuntime, "invoke", "the door and the driver"),
    (Region, "take", "take: what is asked, what came of it"),
    (Region, "advance", "advance: records, effects"),
    (Journal, "write", "records written"),
    (Processes, "run", "packet made, deadline armed"),
    (Processes, "collect_lone", "reply received and read"),
]


@contextmanager
def _watched(runtime: BlockingRuntime, watch: Stopwatch) -> Iterator[None]:
    """The calls between the layers, timed."""
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in WATCHED]
    for owner, name, part in WATCHED:
        setattr(owner, name, watch.timed(part, getattr(owner, name)))
    assert isinstance(runtime.driver.processes, Processes)
    for process in runtime.driver.processes._processes.values():
        process.channel = _Channel(process.channel, watch)  # type: ignore[assignment]
    try:
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


class _Channel:
    """A socket whose sends are timed: on one core the worker runs within them."""

    def __init__(self, channel: Any, watch: Stopwatch) -> None:
        self._channel = channel
        self.send = watch.timed("sent, json and handler in the worker", channel.send)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)
