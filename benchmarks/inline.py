"""Invocations of a simulation with handlers in this very process, against the same with handlers in processes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import evolve

from benchmarks.subjects import function, only
from benchmarks.table import Row, interleaved
from lambdarun.errors import Place
from lambdarun.model.arrival import Delivery, EventArrival
from lambdarun.model.declarations import Project, Route
from lambdarun.model.instant import FIXED_START, SECOND, Instant
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.journal import ForgetfulStore

COUNT = 5_000
_WARM = 100


def _arrivals(first: int, count: int) -> Iterator[EventArrival]:
    place = Place("benchmark")
    for number in range(first, first + count):
        time_ = Instant(FIXED_START + number * SECOND)
        yield EventArrival(time=time_, place=place, source="s3", delivery=Delivery.ASYNC, payload=b'{"n": 1}')


def _took(project: Project, isolation: Isolation) -> float:
    """Seconds for each invocation of a warm replay."""
    options = Options(isolation=isolation)
    with open_blocking_runtime(
        project, clock=VirtualClock(), store=ForgetfulStore(), options=options
    ) as runtime:
        runtime.replay(_arrivals(0, _WARM))
        begun = time.perf_counter()
        runtime.replay(_arrivals(2 * _WARM, COUNT))
        return (time.perf_counter() - begun) / COUNT


def inline() -> Iterator[Row]:
    """A trivial handler, one asynchronous event a virtual second."""
    with tempfile.TemporaryDirectory() as name:
        project = evolve(only(function(Path(name), "hello")), routes=(Route(key="s3", function="hello"),))
        pair = interleaved(
            lambda: _took(project, Isolation.PROCESS), lambda: _took(project, Isolation.INLINE)
        )
    yield Row(
        "replay inline", f"{1 / pair.floor:,.0f} /s in processes", f"{1 / pair.subject:,.0f} /s",
        f"{pair.ratio:.2f} x (spread {pair.spread:.0%})", "", True,
    )  # fmt: skip
