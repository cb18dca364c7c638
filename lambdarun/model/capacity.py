"""What arrival rate, duration, batch size and concurrency say of a queue's backlog: arithmetic, nothing is run.

Times are seconds, rates messages a second. A duration is that of an invocation, so that a message takes it over the
messages of a batch. "Environment" is what AWS's page on scaling by a queue calls an instance.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

from __future__ import annotations

from math import ceil, inf, sqrt
from typing import Final

from lambdarun.aws import limits

_ROUNDING: Final = 1e-9
"""So much above a whole number is still that number: what a division of decimals leaves."""
_DAY_S: Final = 86_400


def backlog_per_environment(backlog: float, environments: float) -> float:
    """Messages that wait for each environment that runs.

    >>> backlog_per_environment(1_500, 10)
    150.0
    """
    return backlog / environments


def seconds_per_message(duration_s: float, batch: float = 1) -> float:
    """The part of an invocation that one message of its batch takes.

    >>> seconds_per_message(1, 10)
    0.1
    """
    return duration_s / batch


def acceptable_backlog(latency_s: float, message_s: float) -> float:
    """Messages that may wait for one environment if the last of them is to be done within `latency_s`; any number
    where they take no time.

    >>> acceptable_backlog(10, 0.1)
    100.0
    """
    return latency_s / message_s if message_s else inf


def environments_needed(backlog: float, acceptable: float) -> int:
    """Environments among which `backlog` is no more than `acceptable` for each.

    >>> environments_needed(1_500, acceptable_backlog(10, 0.1))
    15
    """
    return _up(backlog / acceptable)


def environments_within(latency_s: float, backlog: float, message_s: float, rate: float) -> int:
    """Environments that end a backlog within `latency_s` while messages go on to come at `rate`.

    >>> environments_within(10, 1_500, 0.1, rate=0), environments_within(10, 1_500, 0.1, rate=50)
    (15, 20)
    """
    return _up((backlog / latency_s + rate) * message_s)


def needed_concurrency(rate: float, duration_s: float, batch: float = 1) -> int:
    """Invocations at once that keep up with `rate` (Little's law).

    >>> needed_concurrency(500, 2, 10)
    100
    """
    return _up(rate * duration_s / batch)


def needed_concurrency_fifo(rate: float, duration_s: float, batch: float, groups: int) -> int:
    """The same for a FIFO queue: a group is in one invocation at a time, so that more than `groups` do not help.

    >>> needed_concurrency_fifo(500, 2, 10, groups=40), needed_concurrency_fifo(50, 2, 10, groups=40)
    (40, 10)
    """
    return min(needed_concurrency(rate, duration_s, batch), groups)


def throughput(concurrency: float, duration_s: float, batch: float = 1) -> float:
    """Messages a second that so many invocations at once get done. One message group is a concurrency of 1.

    >>> throughput(1_250, 1, 10), throughput(1, 1, 10)
    (12500.0, 10.0)
    """
    return concurrency * batch / duration_s if duration_s else inf


def ramp_seconds(concurrency: float) -> float:
    """How long the pollers take until so many batches are under way, from an idle queue.

    >>> ramp_seconds(100), ramp_seconds(1_250), ramp_seconds(5)
    (19.0, 249.0, 0.0)
    """
    start, growth = limits.POLLER_START.value, limits.POLLER_GROWTH_PER_SECOND.value
    return max(0.0, (concurrency - start) / growth)


def handled_in_ramp(ramp_s: float, duration_s: float, batch: float = 1) -> float:
    """Messages that are done in the first `ramp_s` seconds, while the pollers still grow.

    >>> handled_in_ramp(19, 1, 10)
    9975.0
    """
    start, growth = limits.POLLER_START.value, limits.POLLER_GROWTH_PER_SECOND.value
    grown = start * ramp_s + growth / 2 * ramp_s**2
    return throughput(grown, duration_s, batch)


def drain_seconds(
    backlog: float, concurrency: float, duration_s: float, batch: float = 1, rate: float = 0
) -> float:
    """How long until a backlog is gone while messages go on to come; without end where they come as fast.

    >>> drain_seconds(100_000, 100, 1, batch=10, rate=500), drain_seconds(1, 50, 1, batch=10, rate=500)
    (200.0, inf)
    """
    spare = throughput(concurrency, duration_s, batch) - rate
    if spare == inf or not backlog:
        return 0.0
    return backlog / spare if spare > 0 else inf


def drain_seconds_from_idle(
    backlog: float, concurrency: float, duration_s: float, batch: float = 1, rate: float = 0
) -> float:
    """The same where the pollers were idle and first have to grow to `concurrency`.

    >>> drain_seconds_from_idle(1_500, 10, 0.1), round(drain_seconds_from_idle(1_500, 15, 0.1), 2)
    (15.25, 10.67)
    """
    ramp_s = ramp_seconds(concurrency)
    left = backlog - handled_in_ramp(ramp_s, duration_s, batch) + rate * ramp_s
    if not ramp_s or left > 0:
        # With what came during the ramp.
        return ramp_s + drain_seconds(left, concurrency, duration_s, batch, rate)
    if not duration_s or not backlog:
        return 0.0
    # Gone within the ramp: (b/d)(5t + 2.5t²) - rt = B.
    start, growth = limits.POLLER_START.value, limits.POLLER_GROWTH_PER_SECOND.value
    square, straight = growth / 2 * batch / duration_s, start * batch / duration_s - rate
    return (sqrt(straight**2 + 4 * square * backlog) - straight) / (2 * square)


def oldest_age_seconds(backlog: float, concurrency: float, duration_s: float, batch: float = 1) -> float:
    """About how old the oldest message gets, as long as none fails again and again.

    >>> oldest_age_seconds(100_000, 100, 1, batch=10)
    100.0
    """
    return drain_seconds(backlog, concurrency, duration_s, batch)


def in_flight(concurrency: float, batch: float, prefetched: float = 0) -> float:
    """Messages that are received and not deleted, about.

    >>> in_flight(1_250, 100), in_flight(1_250, 100) <= limits.MESSAGES_IN_FLIGHT.value
    (125000, False)
    """
    return concurrency * batch + prefetched


def visibility_needed(timeout_s: int, window_s: int = 0) -> int:
    """The visibility timeout that AWS advises for a queue that Lambda reads.

    >>> visibility_needed(30, 5)
    185
    """
    return limits.VISIBILITY_TIMES_TIMEOUT.value * timeout_s + window_s


def effective_visibility(visibility_s: int, timeout_s: int, window_s: int = 0) -> int:
    """For how long a mapping's receives hide messages: longer than the queue says where a window would use it up.

    >>> effective_visibility(30, 15, 20), effective_visibility(30, 10, 20), effective_visibility(30, 30)
    (65, 30, 30)
    """
    if window_s and window_s + timeout_s > visibility_s:
        return window_s + timeout_s + limits.WINDOW_VISIBILITY_MARGIN.value
    return visibility_s


def seconds_until_dead_letter(max_receive_count: int, visibility_s: int) -> int:
    """How long a message that always fails stays: it moves at the first poll after that.

    >>> seconds_until_dead_letter(5, 180) // 60
    15
    """
    return max_receive_count * visibility_s


def average_batch(batch_size: int, rate: float, pollers: int, window_s: float, read_s: float = 0) -> float:
    """Messages that batches reach, at a steady rate: what comes to one of `pollers` in a window (or in the time that
    a receive takes), between 1 and `batch_size`.

    >>> average_batch(100, rate=50, pollers=5, window_s=5), average_batch(10, rate=50, pollers=5, window_s=5)
    (50.0, 10.0)
    """
    gathered = rate / pollers * max(window_s, read_s)
    return min(float(batch_size), max(1.0, gathered))


def idle_polls_a_day(pollers: int = limits.POLLER_START.value) -> int:
    """Receive calls that a mapping makes in a day in which nothing comes.

    >>> idle_polls_a_day(), idle_polls_a_day(2)
    (21600, 8640)
    """
    return pollers * _DAY_S // limits.POLLER_WAIT.value


def _up(value: float) -> int:
    return ceil(value - _ROUNDING)
