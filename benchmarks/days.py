"""A virtual day of messages: handlers in this very process, beside the region's own loop without handlers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from benchmarks.subjects import function
from benchmarks.table import Pair, Row, at_most, interleaved
from lambdarun.errors import Place
from lambdarun.model.arrival import MessageArrival
from lambdarun.model.declarations import Account, Project
from lambdarun.model.draws import Draws
from lambdarun.model.effects import RunInvocation
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.instant import FIXED_START, SECOND, Duration, Instant
from lambdarun.model.news import Arrive, Ended
from lambdarun.model.outcome import Succeeded, Usage
from lambdarun.model.queue import Queue
from lambdarun.model.region import Region
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.journal import ForgetfulStore

MILLION = 1_000_000
_DAY = 86_400 * SECOND
_NONE = Duration(0)


def _project(folder: Path) -> Project:
    made = function(folder, "nothing")
    return Project(
        account=Account(concurrent_executions=100_000),
        functions={"nothing": made},
        queues={"q": Queue(name="q")},
        mappings={"q": EventSourceMapping(name="q", queue="q", function="nothing")},
    )


def _messages(count: int, at_once: int) -> Iterator[MessageArrival]:
    """Spread evenly over a day, so many at an instant."""
    place = Place("benchmark")
    for number in range(count):
        instant = Instant(FIXED_START + number // at_once * at_once * _DAY // count)
        yield MessageArrival(time=instant, place=place, queue="q", body=f'{{"order": {number}}}')


def _without_handlers(project: Project, count: int, at_once: int) -> float:
    """Seconds of the region's own loop: each invocation succeeds as soon as it is asked for."""
    begun = time.perf_counter()
    region = Region(project, Draws(0))
    for now, arrivals in groupby(_messages(count, at_once), key=attrgetter("time")):
        while (due := region.next_due()) is not None and due < now:
            _step(region, due)
        region.take(now, Arrive(list(arrivals)))
        _step(region, now)
    assert not region.queues["q"].queue.peek()
    return time.perf_counter() - begun


def _step(region: Region, now: Instant) -> None:
    _, effects = region.advance(now)
    while effects:
        for effect in effects:
            if type(effect) is RunInvocation:
                usage = Usage(_NONE, None, _NONE, _NONE, 40, b"", 0, 0)
                region.take(now, Ended(effect.invocation, Succeeded(b"null"), usage))
        _, effects = region.advance(now)


def _with_handlers(project: Project, count: int, at_once: int) -> float:
    begun = time.perf_counter()
    with open_blocking_runtime(
        project, clock=VirtualClock(), store=ForgetfulStore(), options=Options(isolation=Isolation.INLINE)
    ) as runtime:
        runtime.replay(_messages(count, at_once))
        assert not runtime.queue("q").messages()
    return time.perf_counter() - begun


def days() -> Iterator[Row]:
    """A million messages in a virtual day, in tens as everywhere here; a tenth of them, for the spread and one by one."""
    with tempfile.TemporaryDirectory() as name:
        project = _project(Path(name))
        yield at_most("a day of 1,000,000 messages", _pair(project, MILLION, 10, 1), 2, "s", 1)
        yield at_most("a day of 100,000 messages", _pair(project, MILLION // 10, 10, 5), 2, "s", 1)
        pair = _pair(project, MILLION // 10, 1, 5)
        yield Row(
            "one by one", f"{pair.floor:.1f} s", f"{pair.subject:.1f} s", f"{pair.ratio:.2f} x", "", True
        )


def _pair(project: Project, count: int, at_once: int, rounds: int) -> Pair:
    return interleaved(
        lambda: _without_handlers(project, count, at_once),
        lambda: _with_handlers(project, count, at_once),
        rounds,
    )
