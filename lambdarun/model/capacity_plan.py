"""What a plan tries: a queue, its mapping and its function with other settings, as few of them as will do."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, evolve, field, frozen

from lambdarun.aws import limits
from lambdarun.errors import UsageError
from lambdarun.model.arrival import Arrival, MessageArrival
from lambdarun.model.capacity import needed_concurrency, visibility_needed
from lambdarun.model.declarations import Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function, parted
from lambdarun.model.instant import SECOND
from lambdarun.model.key_text import key_text
from lambdarun.model.queue import Queue
from lambdarun.model.routing import Routing

_MINUTE: int = 60 * SECOND


@frozen
class Candidate:
    """Settings to try. The visibility timeout is seconds."""

    batch_size: int
    visibility_timeout: int
    reserved_concurrent_executions: int
    maximum_concurrency: int | None = None
    """Of the mapping; None: as it is declared."""


@frozen(kw_only=True)
class Subject:
    """What is planned: a queue that messages come to, with whoever reads it, all declared."""

    project: Project
    queue: Queue
    mapping: EventSourceMapping
    function: Function

    def declared(self, candidate: Candidate) -> Project:
        """The project with a candidate's settings in place of its own."""
        project = self.project
        function = evolve(
            self.function, reserved_concurrent_executions=candidate.reserved_concurrent_executions
        )
        mapping = evolve(self.mapping, batch_size=candidate.batch_size)
        if candidate.maximum_concurrency is not None:
            mapping = evolve(mapping, maximum_concurrency=candidate.maximum_concurrency)
        queue = evolve(self.queue, visibility_timeout=candidate.visibility_timeout)
        return evolve(
            project,
            functions={**project.functions, function.name: function},
            mappings={**project.mappings, mapping.name: mapping},
            queues={**project.queues, queue.name: queue},
        )

    @property
    def most(self) -> int:
        """Above it no reserved concurrency makes sense, or AWS would refuse it; 0 where AWS takes none."""
        others = sum(
            other.reserved_concurrent_executions or 0
            for other in self.project.functions.values()
            if other.name != self.function.name
        )
        left = self.project.account.concurrent_executions - limits.UNRESERVED_MINIMUM.value - others
        return max(0, min(left, limits.POLLER_MAX.value))

    def batch_sizes(self) -> tuple[int, ...]:
        """Those to try: one by one, what one receive brings, and what is declared."""
        found = {1, limits.RECEIVE_BATCH.high, self.mapping.batch_size}
        return tuple(sorted(found))

    def visibility_timeouts(self) -> tuple[int, ...]:
        """Those to try: what AWS advises, and what is declared if AWS would take it."""
        window = self.mapping.maximum_batching_window_in_seconds
        advised = min(visibility_needed(self.function.timeout, window), limits.VISIBILITY_TIMEOUT.high)
        declared = self.queue.visibility_timeout
        return tuple(sorted({advised, *((declared,) if declared >= self.function.timeout else ())}))

    def advised(self, candidate: Candidate) -> bool:
        """Whether its visibility timeout is as long as AWS advises."""
        window = self.mapping.maximum_batching_window_in_seconds
        return candidate.visibility_timeout >= visibility_needed(self.function.timeout, window)

    def capped(self, candidate: Candidate) -> Candidate | None:
        """The same with pollers that take no more than the function may run; None where AWS does not let that be set,
        or the project says something of it already.
        """
        bounds, most = limits.MAXIMUM_CONCURRENCY, candidate.reserved_concurrent_executions
        declared = (
            self.mapping.maximum_concurrency is not None or self.mapping.provisioned_pollers is not None
        )
        if declared or not bounds.low <= most <= bounds.high:
            return None
        return evolve(candidate, maximum_concurrency=most)

    def changes(self, candidate: Candidate) -> dict[str, int]:
        """The settings that a candidate changes, by their place in a project file."""
        wanted = {
            f"functions.{self.function.name}.reserved_concurrent_executions": (
                self.function.reserved_concurrent_executions,
                candidate.reserved_concurrent_executions,
            ),
            key_text(("event_source_mappings", self.mapping.name, "batch_size")): (
                self.mapping.batch_size,
                candidate.batch_size,
            ),
            key_text(("queues", self.queue.name, "visibility_timeout")): (
                self.queue.visibility_timeout,
                candidate.visibility_timeout,
            ),
        }
        return {key: value for key, (declared, value) in wanted.items() if value != declared}

    def guess(self, arrivals: Iterable[Arrival], batch_size: int) -> int:
        """The concurrency to try first: what the busiest minute needs, by the declared duration."""
        by_minute: dict[int, int] = {}
        for arrival in arrivals:
            if isinstance(arrival, MessageArrival) and arrival.queue == self.queue.name:
                minute = arrival.time // _MINUTE
                by_minute[minute] = by_minute.get(minute, 0) + 1
        declared = self.function.duration
        duration_s = declared.p50 / SECOND if declared is not None else 0
        found = needed_concurrency(max(by_minute.values(), default=0) / 60, duration_s, batch_size)
        return min(max(1, found), self.most)


@define
class LeastConcurrency:
    """Finds the least concurrency that holds, up to `most`, in few trials: more than enough is taken to hold too.

    Doubles from a guess until one holds, then halves what lies between; so whatever is found, one less was tried and
    does not hold.
    """

    most: int
    guess: int
    fails: int = field(default=0, init=False)
    """The greatest that is known not to hold."""
    holds: int | None = field(default=None, init=False)
    """The least that is known to hold."""

    def next(self) -> int | None:
        """What to try now; None: nothing is left to find out."""
        if self.holds is not None:
            return None if self.holds - self.fails == 1 else (self.fails + self.holds) // 2
        if self.fails == self.most:
            return None
        return min(2 * self.fails or self.guess, self.most)

    def tell(self, concurrency: int, holds: bool, *, used_up: bool = True) -> None:
        """Be told how what was tried went; where it was not `used_up`, more would change nothing."""
        if holds:
            self.holds = concurrency
        else:
            self.fails = concurrency if used_up else self.most


def subject_of(
    project: Project, routed: str | None, arrivals: Iterable[Arrival], wanted: str | None
) -> Subject:
    """The queue to plan for: `wanted`, or the one that messages come to. Raises UsageError where that is not one."""
    first: dict[str, MessageArrival] = {}
    for arrival in arrivals:
        if isinstance(arrival, MessageArrival):
            first.setdefault(arrival.queue, arrival)
    routing = Routing(project, routed)
    read = {name: arrival for name, arrival in first.items() if _reader(routing, arrival) is not None}
    if wanted is not None:
        if wanted not in first:
            raise UsageError(f"--queue {wanted}: no message of the recording goes there. {_known(first)}")
        if wanted not in read:
            raise UsageError(f"--queue {wanted}: {_unread(routing, first[wanted])}.")
        read = {wanted: read[wanted]}
    if not first:
        raise UsageError(
            "the recording holds no message of a queue. --through queues.NAME sends its events through one."
        )
    if not read:
        raise UsageError(f"{_unread(routing, next(iter(first.values())))}.")
    if len(read) > 1:
        raise UsageError(
            f"the recording's messages go to several queues. Name one with --queue. {_known(read)}"
        )
    [(name, arrival)] = read.items()
    found = _reader(routing, arrival)
    assert found is not None
    bare, qualifier = parted(found.function)
    if qualifier:
        raise UsageError(
            f"{found.name} calls {found.function}: reserved concurrency is a function's. Map it to {bare}."
        )
    queue = routing.queue(arrival)
    whole = evolve(
        project,
        queues={**project.queues, name: queue},
        mappings={**project.mappings, found.name: found},
    )
    subject = Subject(project=whole, queue=queue, mapping=found, function=project.functions[bare])
    if not subject.most:
        most = project.account.concurrent_executions
        raise UsageError(
            f"an account's concurrency of {most:,} has nothing to reserve: AWS keeps {limits.UNRESERVED_MINIMUM.value}"
            " unreserved. Raise account.concurrent_executions, or reserve less for others."
        )
    return subject


def _reader(routing: Routing, arrival: MessageArrival) -> EventSourceMapping | None:
    """The mapping that reads the queue; one with AWS's defaults where only a route says who does."""
    known = routing.mappings(arrival.queue)
    declared = [one for one in known if one.enabled]
    if known and not declared:
        raise UsageError(f"nobody reads queue {arrival.queue}: {known[0].name} is disabled. Enable it.")
    if len(declared) > 1:
        named = ", ".join(one.name for one in declared)
        raise UsageError(f"queue {arrival.queue} has several mappings ({named}). Name one's --function.")
    if declared:
        return declared[0]
    target = routing.target(arrival)
    if target is None or routing.no_queue(arrival) is not None:
        return None
    return EventSourceMapping(name=arrival.queue, queue=arrival.queue, function=target)


def _unread(routing: Routing, arrival: MessageArrival) -> str:
    return routing.no_queue(arrival) or routing.unrouted(arrival)


def _known(queues: Iterable[str]) -> str:
    return f"It has: {', '.join(sorted(queues)) or 'none'}."
