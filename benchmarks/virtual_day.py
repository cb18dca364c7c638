"""A day of a queue in virtual time: handlers in this very process, against the region's own loop without any."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.subjects import function
from benchmarks.table import Row, at_most, interleaved
from lambdarun.errors import Place
from lambdarun.model.arrival import Arrival, MessageArrival
from lambdarun.model.declarations import Project
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

COUNT: Final = 1_000_000
_TOGETHER: Final = 10
_DAY: Final = 86_400 * SECOND
# Time of this process: all of it is here, and what else the machine does is left out.
_USAGE: Final = Usage(Duration(1), None, Duration(0), Duration(0), 1, b"", 0)


def virtual_day() -> Iterator[Row]:
    """1,000,000 messages, ten at an instant, all day long."""
    with tempfile.TemporaryDirectory() as name:
        project = _project(Path(name))
        pair = interleaved(lambda: _region(project, COUNT), lambda: _inline(project, COUNT), rounds=1)
    yield at_most("virtual day, 1,000,000 messages, inline", pair, 2.0, "s", 1)


def _project(folder: Path) -> Project:
    mapping = EventSourceMapping(name="q", queue="q", function="noop")
    return Project(
        functions={"noop": function(folder, "noop", timeout=5)},
        queues={"q": Queue(name="q", visibility_timeout=30)},
        mappings={"q": mapping},
    )


def _arrivals(count: int) -> Iterator[MessageArrival]:
    place = Place("benchmark")
    for number in range(count):
        now = Instant(FIXED_START + number // _TOGETHER * (_DAY * _TOGETHER // count))
        yield MessageArrival(time=now, place=place, queue="q", body=f'{{"order": {number}}}')


def _inline(project: Project, count: int) -> float:
    """Seconds of a replay with a handler that does nothing."""
    options = Options(isolation=Isolation.INLINE)
    with open_blocking_runtime(
        project, clock=VirtualClock(), store=ForgetfulStore(), options=options
    ) as runtime:
        begun = time.process_time()
        runtime.replay(_arrivals(count))
        return time.process_time() - begun


def _region(project: Project, count: int) -> float:
    """Seconds of the same without a runtime: an invocation succeeds in the step that began it."""
    region = Region(project, Draws(0))
    begun = time.process_time()
    together: list[Arrival] = []
    for arrival in _arrivals(count):
        if together and arrival.time != together[0].time:
            _step(region, together[0].time, together)
            together = []
        together.append(arrival)
    _step(region, together[0].time, together)
    took = time.process_time() - begun
    assert region.at_rest()
    return took


def _step(region: Region, now: Instant, arrivals: list[Arrival]) -> None:
    while (due := region.next_due()) is not None and due < now:
        region.advance(due)
    region.take(now, Arrive(arrivals))
    _, effects = region.advance(now)
    while effects:
        for effect in effects:
            if isinstance(effect, RunInvocation):
                region.take(now, Ended(effect.invocation, Succeeded(b"null"), _USAGE))
        _, effects = region.advance(now)
