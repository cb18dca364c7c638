"""Joins the region to the processes: steps it, does what it asks, tells it what came of it.

The driver is no task: whoever brings news steps it, be it a caller, the pump that reads the workers, or the timer for
what is due. Two kinds share the step: on the wall's clock an outcome takes effect when it is read; in virtual time it
waits in a heap for its instant. Within one instant outcomes are taken first, by number of invocation, then arrivals,
then dues, so the order in which the kernel schedules processes never reaches a core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.arrival import Arrival
from lambdarun.model.effects import Answer, Reply, RunInvocation, StopEnvironment
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.news import Arrive, Ended, News
from lambdarun.model.outcome import is_time_out
from lambdarun.model.records import HandlerOverran
from lambdarun.model.region import Region
from lambdarun.runtime.clock import Clock, RealClock, VirtualClock, wall_seconds
from lambdarun.runtime.deadlines import SPIN_LIMIT_MIN_S
from lambdarun.runtime.journal import Journal
from lambdarun.runtime.workplace import Workplace

FOREVER: Final = Instant(1 << 62)
_TURN_S: Final = 0.05
"""For so long virtual time moves before other tasks and Ctrl-C are heard."""
_LOOK_AGAIN_S: Final = limits.FUNCTION_TIMEOUT.low / 2
"""Whoever waits for workers looks up so often: an invocation begun meanwhile times out later than that."""


# Why a function and not a task: a task would have to be woken for each piece of news (measured: 6 µs an invocation),
# and a caller would wait for its answer, which now may be there when `submit` returns. So nothing here is `async`,
# and the doors (session.py for trio, blocking.py for everybody else) differ only in how they wait.
#
# A step's order is a promise: records are written before effects are done. An answer is an effect, so whoever reads
# 202 finds `event.accepted` in the log, and a process that dies between the two has promised nothing.
@define(eq=False)
class Driver:
    """What both clocks share: the step, the callers and the arrivals still to come."""

    region: Region
    processes: Workplace
    journal: Journal
    clock: Clock = field(kw_only=True)
    callers: dict[int, Callable[[Reply], None]] = field(factory=dict, init=False)
    arrivals: Iterator[Arrival] = field(factory=lambda: iter(()), init=False)
    next_arrival: Arrival | None = field(default=None, init=False)
    closed: bool = field(default=False, init=False)
    _tickets: int = field(default=0, init=False)

    def close(self) -> None:
        """End all processes; nothing can be asked of the runtime from here on."""
        self.closed = True
        self.processes.close()

    def ensure_open(self) -> None:
        """Raise RuntimeError where the runtime was closed, or where a handler that it runs asks."""
        if self.closed:
            raise RuntimeError("the runtime is closed: what it gave out cannot be used behind its block")
        if self.processes.is_within:
            raise RuntimeError("a handler cannot use the runtime that runs it; open another one in it")

    def ticket(self, answered: Callable[[Reply], None]) -> int:
        """A ticket for a request; `answered` is called with its reply, once."""
        if self.closed or self.processes.is_within:
            self.ensure_open()
        self._tickets = ticket = self._tickets + 1
        self.callers[ticket] = answered
        return ticket

    def feed(self, arrivals: Iterator[Arrival]) -> None:
        """Have `arrivals`, in order of time, happen at their instants."""
        self.ensure_open()
        self.arrivals = arrivals
        self.next_arrival = next(arrivals, None)

    def submit(self, news: News) -> None:
        """Take in news at the present instant and do what follows."""
        now = self.clock.now()
        self.region.take(now, news)
        self.step(now)

    def step(self, now: Instant) -> None:
        """Let the region decide, write its records, then do what it asks."""
        records, effects = self.region.advance(now)
        if records:
            self.journal.write(records)
        for effect in effects:
            # By `type() is`: this runs for each invocation, and a match of classes takes longer.
            kind = type(effect)
            if kind is RunInvocation:
                self._run(effect)  # type: ignore[arg-type]  # mypy does not narrow by `type(x) is`
            elif kind is Answer:
                self._answer(effect)  # type: ignore[arg-type]  # as above
            elif isinstance(effect, StopEnvironment):
                self.processes.stop(effect.environment)

    def _run(self, effect: RunInvocation) -> None:
        self.processes.run(effect.invocation)

    def _answer(self, answer: Answer) -> None:
        self.callers.pop(answer.ticket)(answer.reply)

    def _take_arrivals(self, now: Instant) -> None:
        arrival, arrivals = self.next_arrival, self.arrivals
        if arrival is None or arrival.time > now:
            return
        # All of one instant in one piece of news: pollers see a batch of ten, not one message and nine latecomers.
        taken = []
        while arrival is not None and arrival.time <= now:
            taken.append(arrival)
            arrival = next(arrivals, None)
        self.next_arrival = arrival
        self.region.take(now, Arrive(taken))

    def at_rest(self) -> bool:
        """Whether nothing is left to arrive, to run, to retry or to deliver."""
        return self.next_arrival is None and not self.processes.in_flight() and self.region.at_rest()


@define(eq=False)
class RealDriver(Driver):
    """Drives on the wall's clock."""

    clock: RealClock = field(kw_only=True)

    def close(self) -> None:
        """As every driver; what was answered, and is only held by extensions, ends as it was answered."""
        if not self.closed and (ends := self.processes.answered()):
            now = self.clock.now()
            for news in ends:
                self.region.take(now, news)
            self.journal.write(self.region.advance(now)[0])
        Driver.close(self)

    def submit_alone(self, news: News) -> None:
        """The same; where it is the only work in flight, wait a moment for its end, without a poll."""
        now = self.clock.now()
        # The reply is read on the caller's own thread and stack: no epoll, no task, no switch.
        self.region.take(now, news)
        self.step(now)
        if self.processes.in_flight() == 1:
            ended = self.processes.collect_lone()
            if ended is not None:
                now = self.clock.now()
                self.region.take(now, ended)
                self.step(now)

    def pump(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` for workers, then take in what ended, arrived or became due, in one step."""
        ended = self.processes.collect(timeout_s)
        now = self.clock.now()
        for news in ended:
            self.region.take(now, news)
        if self.next_arrival is not None:
            self._take_arrivals(now)
        self.step(now)

    def seconds_until_due(self) -> float:
        """Seconds of the wall for which nothing is due but what workers bring, time-outs included."""
        # Never without end: an invocation that begins meanwhile (another task's) would time out unseen.
        waits = [_LOOK_AGAIN_S]
        overdue = self.processes.seconds_until_deadline()
        if overdue is not None:
            waits.append(overdue)
        due = self.region.next_due()
        if due is not None:
            waits.append(self.clock.wall_seconds_until(due))
        if self.next_arrival is not None:
            waits.append(self.clock.wall_seconds_until(self.next_arrival.time))
        return min(waits)


@define(eq=False)
class VirtualDriver(Driver):
    """Drives in virtual time: handlers run at once, their outcomes take effect at their instants."""

    clock: VirtualClock = field(kw_only=True)
    _outcomes: list[tuple[Instant, int, Ended, bool]] = field(factory=list, init=False)

    def submit_alone(self, news: News) -> None:
        """As `submit`: in virtual time the answer comes by `run`."""
        self.submit(news)

    def _run(self, effect: RunInvocation) -> None:
        invocation = effect.invocation
        # The pin first, then the work: nothing is ever in flight without one, or time could jump past its outcome.
        self.clock.pins.hold(invocation.number, self.region.time.floor(invocation))
        self.processes.run(invocation)

    def collect(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` for workers and note when what they did takes effect."""
        time, processes = self.region.time, self.processes
        lone = processes.collect_lone() if timeout_s and processes.in_flight() == 1 else None
        for ended in (lone,) if lone is not None else processes.collect(timeout_s):
            assert isinstance(ended, Ended)  # in virtual time nobody is answered before the instant
            invocation = ended.invocation
            instant, outcome, usage = time.end(invocation, ended.outcome, ended.usage)
            overran = False
            # The model made another outcome of it (a time-out by its duration): what the handler did after that moment must not
            # be there for the next invocation, so its process goes, as one that was killed at its deadline would have.
            if outcome is not ended.outcome:
                self.processes.reset(invocation.environment)
            if is_time_out(outcome):
                # Killed by the wall's limit, ended by a sleep until its deadline, or alive but late by its duration.
                overran = (
                    is_time_out(ended.outcome) and ended.usage.slept < invocation.function.timeout * SECOND
                )
            # From its pin into the heap, with no await between: while an outcome is in neither, time could pass it.
            self.clock.pins.release(invocation.number)
            heappush(self._outcomes, (instant, invocation.number, Ended(invocation, outcome, usage), overran))

    def next_instant(self) -> Instant | None:
        """When the next thing happens, as far as is known."""
        due = self.region.next_due()
        if self._outcomes and (due is None or self._outcomes[0][0] < due):
            due = self._outcomes[0][0]
        if self.next_arrival is not None and (due is None or self.next_arrival.time < due):
            due = self.next_arrival.time
        return due

    def move(self, limit: Instant, enough: Callable[[], bool]) -> bool:
        """Let time go on to whatever is due, at most to `limit`, until `enough()` or until workers must be awaited.

        Returns True where workers must be awaited.
        """
        clock = self.clock
        pins = clock.pins
        while not enough():
            instant = self.next_instant()
            least = pins.least()
            # A worker might still bring something for `least` or later. What is due strictly before cannot be changed by it, so
            # it happens now; that is what lets handlers that overlap in virtual time really run side by side. At `least` itself
            # outcomes come first, so even a tie has to wait.
            if least is not None and (instant is None or least <= instant) and least <= limit:
                return True
            if instant is None or instant > limit:
                return False
            clock.move_to(instant)
            self._happen(clock.now())
        return False

    def move_a_turn(self, limit: Instant, enough: Callable[[], bool]) -> bool:
        """Move, waiting for workers where needed, for about 50 ms of the wall; True: call again."""
        self.ensure_open()
        until = wall_seconds() + _TURN_S
        while self.move(limit, enough):
            self.collect(_TURN_S)
            if wall_seconds() > until:
                return True
        return False

    def happen_now(self) -> None:
        """Take in what takes effect at the present instant, without time going on."""
        self._happen(self.clock.now())

    def _happen(self, now: Instant) -> None:
        outcomes = self._outcomes
        while outcomes and outcomes[0][0] <= now:
            # By (instant, number): the number is the order in which the model let them start, not that in which the kernel ended
            # them.
            _, _, ended, overran = heappop(outcomes)
            if overran:
                function = ended.invocation.function
                limit_s = max(SPIN_LIMIT_MIN_S, 2 * function.timeout)
                self.journal.write([HandlerOverran(now, function.name, ended.invocation.request_id, limit_s)])
            self.region.take(now, ended)
        self._take_arrivals(now)
        self.step(now)

    def at_rest(self) -> bool:
        """Whether nothing is left to arrive, to take effect, to run, to retry or to deliver."""
        return not self._outcomes and Driver.at_rest(self)
