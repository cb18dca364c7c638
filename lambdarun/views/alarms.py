"""Alarms over the metrics of a run: when each went into which state, and why.

A minute's datapoints are known when it is over. So alarms are evaluated at the start of each minute, on what is known
then: CloudWatch too looks again at periods that were late (an invocation counts in the minute in which it began).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import define, field, frozen

from lambdarun.aws import alarm_reasons
from lambdarun.model.alarm import Alarm, AlarmState, WatchedLog, WatchedMetric
from lambdarun.model.alarm_evaluation import Datapoint, Verdict, evaluate, evaluation_range
from lambdarun.model.declarations import Project
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.records import InitialisationFailed, OutputCaptured, Record, RunEnded
from lambdarun.views.alarm_data import Source, custom_source, log_source, metric_source, value_of
from lambdarun.views.custom_metrics import CustomMetrics
from lambdarun.views.figures import AlarmEpisode, AlarmFigures
from lambdarun.views.log_filters import LogFilters
from lambdarun.views.metrics import Metrics, metrics_of
from lambdarun.views.queue_metrics import PERIOD

_MINUTE_S: Final = PERIOD // SECOND


@frozen
class Transition:
    """An alarm went into another state."""

    time: Instant
    alarm: str
    state: AlarmState
    reason: str


@define(eq=False)
class Watch:
    """One alarm, where its values come from, and its present state."""

    alarm: Alarm
    source: Source
    state: AlarmState = AlarmState.INSUFFICIENT_DATA
    reason: str = alarm_reasons.UNCHECKED.text
    is_blind: bool = False
    """Whether the last look found no datapoint at all."""

    def look(self, now: Instant) -> Verdict | None:
        """What its metric says at `now`; None: it stays in its state."""
        alarm = self.alarm
        period = alarm.period * SECOND
        points: list[Datapoint | None] = []
        for number in range(evaluation_range(alarm), 0, -1):
            start = Instant(now - number * period)
            values = self.source.values(start, period)
            points.append(
                None
                if values is None
                else Datapoint(
                    start, value_of(alarm.statistic, values, whole=self.source.is_whole), values.count
                )
            )
        self.is_blind = not any(points)
        return evaluate(alarm, points)


@define(eq=False)
class Alarms:
    """Reads a run's records, and with them all metrics that a project's alarms watch."""

    project: Project
    metrics: Metrics = field()
    """Read along with the alarms: nobody else may have it read the same records."""
    transitions: list[Transition] = field(factory=list, init=False)
    """In order of time, and of the project file."""
    _watches: list[Watch] = field(init=False)
    _custom: CustomMetrics | None = field(default=None, init=False)
    _logs: LogFilters | None = field(default=None, init=False)
    _minute: int | None = field(default=None, init=False)
    """Whose records are being read."""

    @metrics.default
    def _metrics_of_the_project(self) -> Metrics:
        return metrics_of(self.project)

    def __attrs_post_init__(self) -> None:
        self._watches = [Watch(alarm, self._source(alarm)) for alarm in self.project.alarms.values()]

    def _source(self, alarm: Alarm) -> Source:
        match alarm.watched:
            case WatchedLog() as log:
                if self._logs is None:
                    self._logs = LogFilters(self.project)
                return log_source(self._logs.watch(log))
            case WatchedMetric() as metric:
                found = metric_source(self.metrics, metric)
                if found is not None:
                    return found
                if self._custom is None:
                    self._custom = CustomMetrics(self.project.functions)
                return custom_source(self._custom, metric)

    @property
    def states(self) -> dict[str, AlarmState]:
        """The present state of each alarm."""
        return {watch.alarm.name: watch.state for watch in self._watches}

    def read(self, records: Sequence[Record]) -> None:
        """Take records in, in order of time."""
        taken: list[Record] = []
        # A step's records are of one instant, as a rule, and need not be looked at one by one.
        if records and records[-1].time // PERIOD == self._minute:
            taken, records = list(records), ()
        for record in records:
            minute = record.time // PERIOD
            if minute != self._minute:
                self._take(taken)
                taken = []
                self._go_on(minute)
            taken.append(record)
        self._take(taken)
        if taken and isinstance(taken[-1], RunEnded) and not taken[-1].interrupted:
            self._follow()

    def advance(self, now: Instant) -> None:
        """Evaluate up to `now` although nothing happens any more."""
        if self._minute is not None and now // PERIOD > self._minute:
            self._go_on(now // PERIOD)

    def figures(self) -> dict[str, AlarmFigures]:
        """What became of each alarm, for a summary."""
        found = {
            watch.alarm.name: AlarmFigures(str(watch.alarm.watched), watch.state, watch.reason)
            for watch in self._watches
        }
        for transition in self.transitions:
            episodes = found[transition.alarm].episodes
            if transition.state is AlarmState.ALARM:
                episodes.append(AlarmEpisode(transition.time, None, transition.reason))
            elif episodes and episodes[-1].cleared is None:
                episodes[-1].cleared = transition.time
        return found

    def _take(self, records: list[Record]) -> None:
        if not records:
            return
        self.metrics.read(records)
        if self._logs is not None:
            self._logs.read(records)
        if self._custom is not None:
            for record in records:
                if isinstance(record, OutputCaptured | InitialisationFailed):
                    self._custom.read(record)

    def _go_on(self, minute: int) -> None:
        """Time goes on to `minute`: evaluate at the start of each minute on the way."""
        first, self._minute = self._minute, minute
        if first is None:
            return
        self.metrics.go_on(minute)
        told = len(self.transitions)
        for watch in self._watches:
            self._evaluate(watch, first + 1, minute)
        self._order(told)

    def _order(self, told: int) -> None:
        """Put all transitions behind the first `told` in order of time."""
        self.transitions[told:] = sorted(self.transitions[told:], key=lambda transition: transition.time)

    def _evaluate(self, watch: Watch, first: int, last: int) -> None:
        every = watch.alarm.evaluated_every // _MINUTE_S
        minute = _next_multiple(first, every)
        while minute <= last:
            self._settle(watch, minute)
            minute += every
            if watch.is_blind:
                # Over years without a datapoint nothing changes: on to where the next one comes into sight.
                following = watch.source.next_from(Instant((minute - every) * PERIOD))
                if following is None:
                    return
                minute = max(minute, _next_multiple(following // PERIOD + 1, every))

    def _settle(self, watch: Watch, minute: int) -> bool:
        """Evaluate one alarm at the start of a minute; whether it went into another state."""
        now = Instant(minute * PERIOD)
        verdict = watch.look(now)
        if verdict is None:
            return False
        changed = verdict.state is not watch.state
        watch.state, watch.reason = verdict.state, verdict.reason
        if changed:
            self.transitions.append(Transition(now, watch.alarm.name, verdict.state, verdict.reason))
        return changed

    def _follow(self) -> None:
        """The run is over: close its last minute, and follow the alarms that are raised for as long as its datapoints are
        in sight, to tell when they are cleared. Nothing happens any more, so what CloudWatch would see is known.
        """
        assert self._minute is not None
        end = self._minute + 1
        self._go_on(end)
        told = len(self.transitions)
        raised = [watch for watch in self._watches if watch.state is AlarmState.ALARM]
        for watch in raised:
            last = end + evaluation_range(watch.alarm) * watch.alarm.period // _MINUTE_S
            self._minute = max(self._minute, last)
            self.metrics.go_on(self._minute)
            every = watch.alarm.evaluated_every // _MINUTE_S
            for minute in range(_next_multiple(end + 1, every), last + 1, every):
                if self._settle(watch, minute):
                    break
        self._order(told)


def _next_multiple(number: int, of: int) -> int:
    """The first multiple that is not below `number`."""
    return -(-number // of) * of
