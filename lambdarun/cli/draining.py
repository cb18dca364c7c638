"""A backlog drained in virtual time by so many environments: the arithmetic's check."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import inf
from pathlib import Path
from typing import Final

from attrs import frozen

from lambdarun.aws import limits
from lambdarun.errors import Place, UsageError
from lambdarun.model.arrival import MessageArrival
from lambdarun.model.backlog_figures import Figures
from lambdarun.model.capacity import drain_seconds, drain_seconds_from_idle, visibility_needed
from lambdarun.model.declarations import Account, Project
from lambdarun.model.event_records import BatchReceived
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import DeclaredDuration, Function, running_runtime
from lambdarun.model.handler_time import DurationMode
from lambdarun.model.instant import FIXED_START, SECOND, Duration, Instant
from lambdarun.model.queue import Queue
from lambdarun.model.records import Record
from lambdarun.runtime.trial import Terms, play

_MESSAGES_MOST: Final = 2_000_000
_NAME: Final = "backlog"


@frozen
class Drained:
    """Seconds until nobody waits any more: by each of the two formulas, and as it came out."""

    environments: int
    arithmetic_s: float
    from_idle_s: float
    virtual_s: float


def drain(figures: Figures, environments: int) -> Drained:
    """Let so many environments work a backlog off. Raises UsageError where it would never end."""
    if figures.backlog is None:
        raise UsageError("--check: there is no backlog to drain. Give --backlog.")
    if figures.groups is not None:
        raise UsageError("--check: drains a standard queue. Leave --groups out.")
    given = (figures.backlog, environments, figures.duration_s, figures.batch, figures.rate or 0)
    expected, from_idle = drain_seconds(*given), drain_seconds_from_idle(*given)
    if expected == inf:
        raise UsageError(f"--check: {environments:,} environments never end it: messages come as fast.")
    # Others go on to come until well after the end.
    more = round((figures.rate or 0) * from_idle * 2)
    if figures.backlog + more > _MESSAGES_MOST:
        raise UsageError(f"--check: these are more than {_MESSAGES_MOST:,} messages. Check a part of them.")
    ends: list[Instant] = []
    duration = Duration(round(figures.duration_s * SECOND))

    def read(records: list[Record]) -> None:
        if not ends:
            ends.extend(
                Instant(one.time + duration)
                for one in records
                if type(one) is BatchReceived and not one.visible and one.hidden
            )

    arrivals = list(_arrivals(round(figures.backlog), more, figures.rate or 1))
    play(
        _project(figures, environments, duration),
        arrivals,
        Terms(seed=0, durations=DurationMode.DECLARED),
        read,
    )
    return Drained(environments, expected, from_idle, (ends[0] - FIXED_START) / SECOND)


def _arrivals(backlog: int, more: int, rate: float) -> Iterator[MessageArrival]:
    place = Place("--backlog")
    times = chain([0] * backlog, (round(n * SECOND / rate) for n in range(1, more + 1)))
    for time in times:
        yield MessageArrival(time=Instant(FIXED_START + time), place=place, queue=_NAME, body="x")


def _project(figures: Figures, environments: int, duration: Duration) -> Project:
    timeout = min(duration // SECOND + 1, limits.FUNCTION_TIMEOUT.high)
    if duration >= timeout * SECOND:
        raise UsageError(
            f"--check: no invocation may take {figures.duration_s:g} s: AWS ends it at {timeout} s."
        )
    function = Function(
        name=_NAME,
        handler="none.none",
        code_uri=Path(),
        runtime=running_runtime(),
        timeout=timeout,
        duration=DeclaredDuration(p50=duration, p99=duration),
        reserved_concurrent_executions=environments,
    )
    batch = max(1, round(figures.batch))
    window = figures.window_s or (1 if batch > limits.SQS_BATCH_WITHOUT_WINDOW.value else 0)
    most = limits.MAXIMUM_CONCURRENCY
    mapping = EventSourceMapping(
        name=_NAME,
        queue=_NAME,
        function=_NAME,
        batch_size=batch,
        maximum_batching_window_in_seconds=window,
        # No poller takes what nobody would run: the formulas know of no throttles.
        maximum_concurrency=environments if most.low <= environments <= most.high else None,
    )
    visibility = max(limits.VISIBILITY_TIMEOUT.default, visibility_needed(timeout, window))
    queue = Queue(name=_NAME, visibility_timeout=visibility)
    account = Account(
        concurrent_executions=max(
            limits.ACCOUNT_CONCURRENCY.default, environments + limits.UNRESERVED_MINIMUM.value
        )
    )
    return Project(
        account=account, functions={_NAME: function}, queues={_NAME: queue}, mappings={_NAME: mapping}
    )
