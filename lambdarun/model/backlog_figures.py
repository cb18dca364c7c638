"""What a queue's figures come to, one after the other: the answers of `lambdarun plan` without a recording."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from attrs import frozen

from lambdarun.aws import limits
from lambdarun.model import capacity


@frozen(kw_only=True)
class Figures:
    """What is known of a queue and its function. Times are seconds, the duration an invocation's; None: not given."""

    duration_s: float
    batch: float = 1
    """Messages of a batch, as it is on the average reached."""
    backlog: float | None = None
    environments: int | None = None
    latency_s: float | None = None
    rate: float | None = None
    """Messages a second."""
    groups: int | None = None
    """FIFO: message groups that have messages."""
    timeout_s: int | None = None
    window_s: int = 0
    max_receive_count: int | None = None

    @property
    def message_s(self) -> float:
        """Seconds of an invocation for one message."""
        return capacity.seconds_per_message(self.duration_s, self.batch)


@frozen
class Answer:
    """One figure with its name, its unit (empty: a count) and what it is made of."""

    name: str
    value: float
    unit: str
    said: str


def answers(given: Figures) -> list[Answer]:
    """All that follows from what is given, in an order to be read in."""
    return [*_backlog(given), *_arrivals(given), *_drain(given), *_in_flight(given), *_visibility(given)]


def needed(given: Figures) -> int | None:
    """Environments that end the backlog in time; None where no backlog or no latency is given."""
    if given.backlog is None or given.latency_s is None:
        return None
    found = capacity.environments_within(given.latency_s, given.backlog, given.message_s, given.rate or 0)
    return max(1, found)


def in_time(given: Figures) -> bool:
    """Whether so many as are needed would be used: a FIFO queue gives each message group to one invocation at a time."""
    wanted = needed(given)
    return wanted is None or wanted == _used(given, wanted)


def _used(given: Figures, environments: int) -> int:
    return environments if given.groups is None else min(environments, given.groups)


def _backlog(given: Figures) -> Iterator[Answer]:
    if given.backlog is not None and given.environments is not None:
        each = capacity.backlog_per_environment(given.backlog, given.environments)
        messages, fleet = _counted(given.backlog, "message"), _counted(given.environments, "environment")
        said = f"{messages} over {fleet}"
        yield Answer("backlog per environment", each, "", said)
    if given.latency_s is not None:
        acceptable = capacity.acceptable_backlog(given.latency_s, given.message_s)
        said = f"{given.latency_s:g} s of latency over {given.message_s:g} s for a message"
        yield Answer("acceptable backlog", acceptable, "", said)
    wanted = needed(given)
    if wanted is not None:
        said = f"to end the backlog within {given.latency_s:g} s"
        if given.rate:
            said += f" while {given.rate:g} messages a second come"
        if not in_time(given):
            said += f"; only {_counted(given.groups or 0, 'message group')} can be worked on at once"
        elif wanted > limits.POLLER_MAX.value:
            said += (
                f"; a mapping runs at most {limits.POLLER_MAX.value:,} at once without provisioned pollers"
            )
        yield Answer("environments needed", wanted, "", said)
        if given.environments is not None and in_time(given):
            more = wanted - given.environments
            yield Answer("environments to add", more, "", _change(more))


def _change(more: int) -> str:
    if not more:
        return "as many as run"
    return f"{'more' if more > 0 else 'fewer'} than run"


def _arrivals(given: Figures) -> Iterator[Answer]:
    if given.rate is None:
        return
    made_of = f"{given.rate:g} messages/s x {given.duration_s:g} s / {given.batch:g} in a batch"
    if given.groups is None:
        wanted = capacity.needed_concurrency(given.rate, given.duration_s, given.batch)
        yield Answer("needed concurrency", wanted, "", made_of)
        return
    wanted = capacity.needed_concurrency_fifo(given.rate, given.duration_s, given.batch, given.groups)
    yield Answer(
        "needed concurrency", wanted, "", f"{made_of}, at most the {_counted(given.groups, 'message group')}"
    )
    each = capacity.throughput(1, given.duration_s, given.batch)
    yield Answer("a message group's most", each, "messages/s", "one invocation at a time")


def _drain(given: Figures) -> Iterator[Answer]:
    wanted = needed(given)
    fleets = dict.fromkeys(_used(given, count) for count in (given.environments, wanted) if count is not None)
    rate = given.rate or 0
    for count in fleets:
        most = capacity.throughput(count, given.duration_s, given.batch)
        by = f"by {_counted(count, 'environment')}"
        yield Answer("throughput", most, "messages/s", by)
        if given.backlog is None:
            continue
        drained = capacity.drain_seconds(given.backlog, count, given.duration_s, given.batch, rate)
        said = by if drained < inf else f"{by}: messages come as fast as they are done"
        yield Answer("time to drain", drained, "s", said)
        idle = capacity.drain_seconds_from_idle(given.backlog, count, given.duration_s, given.batch, rate)
        if drained < idle < inf and count <= limits.POLLER_MAX.value:
            start, growth = limits.POLLER_START.value, limits.POLLER_GROWTH_PER_SECOND.value
            said = f"{by}, from idle: pollers begin with {start} batches and add {growth} a second"
            yield Answer("time to drain from idle", idle, "s", said)


def _in_flight(given: Figures) -> Iterator[Answer]:
    count = needed(given) or given.environments
    if count is None:
        return
    count = _used(given, count)
    flying = capacity.in_flight(count, given.batch)
    most = limits.MESSAGES_IN_FLIGHT.value
    fits = "AWS allows" if flying <= most else "too many: AWS allows"
    yield Answer("messages in flight", flying, "", f"by {_counted(count, 'environment')}; {fits} {most:,}")


def _visibility(given: Figures) -> Iterator[Answer]:
    if given.timeout_s is None:
        return
    visibility = capacity.visibility_needed(given.timeout_s, given.window_s)
    times = limits.VISIBILITY_TIMES_TIMEOUT.value
    window = f" + {given.window_s} s of window" if given.window_s else ""
    yield Answer("visibility timeout", visibility, "s", f"{times} x {given.timeout_s} s of timeout{window}")
    if given.max_receive_count is not None:
        until = capacity.seconds_until_dead_letter(given.max_receive_count, visibility)
        said = f"{given.max_receive_count} receives x {visibility} s, and the poll after it"
        yield Answer("time until the dead-letter queue", until, "s", said)


def _counted(count: float, thing: str) -> str:
    return f"{count:,.0f} {thing}{'' if count == 1 else 's'}"
