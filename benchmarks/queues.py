"""Asynchronous events and queue messages through the region and through real workers."""

from __future__ import annotations

import os
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.floors import exchange, heap
from benchmarks.invocations import cores
from benchmarks.subjects import batch_events, function, messages, only, orders, orders_handler
from benchmarks.table import Row, at_most, interleaved
from lambdarun.cli.event_log_file import WholeFile
from lambdarun.model.async_queue import AsyncQueue
from lambdarun.model.draws import Draws
from lambdarun.model.function import AsyncInvokeConfiguration, DeclaredDuration
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.news import Accept
from lambdarun.model.region import Region
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.journal import ForgetfulStore, Reader
from lambdarun.views.results_line import ResultLines
from lambdarun.views.summary import Summary

MILLION = 1_000_000


def accepts() -> Iterator[Row]:
    """Events accepted through the region, with record and answer; and what a pending one weighs."""
    with tempfile.TemporaryDirectory() as name:
        made = function(Path(name), "hello", reserved_concurrent_executions=1)

        def subject() -> float:
            region = Region(only(made), Draws(0))
            now = Instant(SECOND)
            count = MILLION // 2
            begun = time.perf_counter()
            for ticket in range(count):
                region.take(now, Accept(ticket, "hello", b"{}"))
                region.advance(now)
            return count / (time.perf_counter() - begun)

        floors, rates = [], []
        for _ in range(5):
            floors.append(heap.pushes_a_second(MILLION))
            rates.append(subject())
    floor, rate = median(floors), median(rates)
    need = max(150_000, 0.08 * floor)
    yield Row(
        "events accepted", f"{floor:,.0f} pushes/s", f"{rate:,.0f} /s", f"{rate / floor:.3f} x", f">= {need:,.0f} /s", rate >= need
    )  # fmt: skip
    queue = AsyncQueue(AsyncInvokeConfiguration())
    draws = Draws(0)
    payload = b"{}"
    tracemalloc.start()
    for number in range(MILLION):
        queue.accept(Instant(number), (Instant(10**15 + number), draws.new_id(), payload, "api", None))
    size = tracemalloc.get_traced_memory()[0] / MILLION
    tracemalloc.stop()
    yield Row("a pending event", "", f"{size:.0f} B", "", "<= 400 B", size <= 400)


def throttles() -> Iterator[Row]:
    """Six virtual hours of an event that finds no room, over start-up."""
    with tempfile.TemporaryDirectory() as name:
        free = function(Path(name), "echo", reserved_concurrent_executions=1)

        def hours() -> float:
            region = Region(only(free), Draws(0))
            region.admission.ledger.take(Instant(0), "echo", False, False)
            begun = time.perf_counter()
            now = Instant(SECOND)
            region.take(now, Accept(1, "echo", b"{}"))
            steps = 0
            while True:
                records, _ = region.advance(now)
                steps += 1
                if records and records[-1].kind == "event.discarded":
                    assert steps > 70  # the back-off of six hours, step by step
                    return time.perf_counter() - begun
                due = region.next_due()
                assert due is not None
                now = due

        took = median(hours() for _ in range(5))
    yield Row("six hours of throttles", "", f"{took * 1e3:.2f} ms", "", "< 10 ms", took < 0.01)


def _replay(
    folder: Path,
    *,
    poison: int = 0,
    out: bool = False,
    declared: bool = False,
    all_in: Isolation | None = None,
) -> float:
    """Seconds of a replay of 10,000 messages in tens; `all_in` counts start-up and cold starts of such an isolation too;
    `declared` durations let invocations overlap, with the environments on a core of their own.
    """
    settings = {}
    if declared:
        settings["duration"] = DeclaredDuration(p50=Duration(5 * SECOND // 2), p99=Duration(5 * SECOND // 2))
    project = orders(folder, **settings)
    arrivals = list(messages(10_100, poison))
    first, arrivals = arrivals[:100], arrivals[100:]
    summary = Summary()
    readers: list[Reader] = [summary.read]
    file = None
    if out:
        file = WholeFile(folder / "out.jsonl")
        lines = ResultLines(virtual=True)
        readers.append(lambda records: file.write(lines.lines(records)))
    options = Options(readers=tuple(readers), isolation=all_in)
    begun = time.perf_counter()
    with ExitStack() as stack:
        with cores({0}, {1 if declared else 0}):
            opened = open_blocking_runtime(
                project, clock=VirtualClock(), store=ForgetfulStore(), options=options
            )
            runtime = stack.enter_context(opened)
        if not all_in:
            runtime.replay(first)
            begun = time.perf_counter()
        runtime.replay(arrivals)
        if file is not None:
            file.finish()
        took = time.perf_counter() - begun
    if all_in:
        took = time.perf_counter() - begun
    assert summary.queues["q"].deleted + summary.queues["q"].dead_lettered >= 10_000
    return took


def replays() -> Iterator[Row]:
    """10,000 messages through real workers, against a bare loop that hands over the same batches."""
    events = batch_events(1_000)
    before = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        os.sched_setaffinity(0, {0})
        channel = stack.enter_context(exchange.worker(0, orders_handler))
        exchange.batch_loop(channel, events)

        def floor() -> float:
            return exchange.batch_loop(channel, events)

        cases: list[tuple[str, dict[str, Any], float]] = [
            ("replay, warm", {}, 5.0),
            ("replay, warm, --out", {"out": True}, 6.0),
            ("replay, all in", {"poison": 50, "all_in": Isolation.PROCESS}, 9.0),
            ("replay, all in, --out", {"poison": 50, "out": True, "all_in": Isolation.PROCESS}, 10.0),
            # A sandbox for each of the environments that poison has ended, all on one core.
            ("replay, all in, sandbox", {"poison": 50, "all_in": Isolation.NAMESPACE}, 11.0),
        ]
        for title, settings, most in cases:
            pair = interleaved(floor, partial(_replay, folder, **settings))
            yield at_most(title, pair, most, "ms", 1e3)
        # The same loop on two cores: its worker has one of its own.
        other = stack.enter_context(exchange.worker(1, orders_handler))
        exchange.batch_loop(other, events)
        pair = interleaved(
            partial(exchange.batch_loop, other, events), partial(_replay, folder, declared=True)
        )
        yield at_most("replay, two cores, declared", pair, 1.5, "ms", 1e3)
        os.sched_setaffinity(0, before)
