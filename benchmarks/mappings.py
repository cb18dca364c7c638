"""What a step costs with many mappings of which one has work: on queues of their own, and all on one queue."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.subjects import messages
from benchmarks.table import Row, at_most, interleaved
from lambdarun.model.arrival import Arrival
from lambdarun.model.declarations import Account, Project
from lambdarun.model.draws import Draws
from lambdarun.model.effects import RunInvocation
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.news import Arrive, Ended
from lambdarun.model.outcome import Succeeded, Usage
from lambdarun.model.queue import Queue
from lambdarun.model.region import Region

STEPS = 3_000
MANY = 1_000


def _function(name: str) -> Function:
    return Function(name=name, handler="a.b", code_uri=Path(), runtime="python3.11", timeout=5)


def _on_queues_of_their_own(count: int) -> Project:
    # The busy queue in the middle: whoever goes through them all meets it neither first nor last.
    names = [f"other-{number}" for number in range(count)]
    names[count // 2] = "q"
    return Project(
        account=Account(concurrent_executions=100_000),
        functions={name: _function(name) for name in names},
        queues={name: Queue(name=name) for name in names},
        mappings={name: EventSourceMapping(name=name, queue=name, function=name) for name in names},
    )


def _on_one_queue(count: int) -> Project:
    names = [f"m-{number}" for number in range(count)]
    return Project(
        account=Account(concurrent_executions=100_000),
        functions={name: _function(name) for name in names},
        queues={"q": Queue(name="q")},
        mappings={name: EventSourceMapping(name=name, queue="q", function=name) for name in names},
    )


def _seconds(project: Project) -> float:
    """For steps in which ten messages arrive and others in which their batch ends, as a driver takes them."""
    region = Region(project, Draws(0))
    arrivals: list[Arrival] = list(messages(10 * STEPS))
    usage = Usage(Duration(1), None, Duration(0), Duration(0), 1, b"", 0)
    begun = time.perf_counter()
    for step in range(STEPS):
        now = Instant((step + 1) * SECOND)
        region.take(now, Arrive(arrivals[10 * step : 10 * step + 10]))
        for effect in region.advance(now)[1]:
            if isinstance(effect, RunInvocation):
                region.take(now, Ended(effect.invocation, Succeeded(b"null"), usage))
        region.advance(now)
        region.next_due()
        region.at_rest()
    return time.perf_counter() - begun


def mappings() -> Iterator[Row]:
    """1,000 mappings against one."""
    one = _on_one_queue(1)
    for name, many in (
        ("1,000 mappings, one busy", _on_queues_of_their_own(MANY)),
        ("1,000 mappings of one queue", _on_one_queue(MANY)),
    ):
        pair = interleaved(lambda: _seconds(one), lambda many=many: _seconds(many), rounds=5)  # type: ignore[misc]
        yield at_most(name, pair, 1.3, "us a step", 1e6 / (2 * STEPS))
