"""Metric filters on log groups: log events that a pattern matches, by minute.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import define, field

from lambdarun.model.alarm import WatchedLog
from lambdarun.model.declarations import Project
from lambdarun.model.instant import Instant
from lambdarun.model.log_pattern import LogPattern
from lambdarun.model.records import Record
from lambdarun.views.histogram import Histogram
from lambdarun.views.log_text import LogTexts
from lambdarun.views.queue_metrics import PERIOD


@define(eq=False)
class _Filter:
    """One pattern and what it counted."""

    pattern: LogPattern
    counts_zeros: bool
    series: dict[int, Histogram] = field(factory=dict, init=False)

    def take(self, time: Instant, events: Iterable[str]) -> None:
        for event in events:
            matches = self.pattern.matches(event)
            if matches or self.counts_zeros:
                self.series.setdefault(time // PERIOD, Histogram()).add(1 if matches else 0)


@define(eq=False)
class LogFilters:
    """Reads records, and filters the events of log groups. An invocation's events count at its end, when its log is whole."""

    project: Project
    _texts: LogTexts = field(init=False)
    _filters: dict[str, list[_Filter]] = field(factory=dict, init=False)
    """By log group: functions may share one, and a filter reads all of it."""
    _functions: set[str] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self._texts = LogTexts(self.project)

    def watch(self, log: WatchedLog) -> Mapping[int, Histogram]:
        """What `log` counts from now on, by minute since 1970: 1 for each match."""
        group = self.project.functions[log.function].log_group
        made = _Filter(log.pattern, log.counts_zeros)
        self._filters.setdefault(group, []).append(made)
        self._functions |= {
            function.name for function in self.project.functions.values() if function.log_group == group
        }
        return made.series

    def read(self, records: Iterable[Record]) -> None:
        """Take records in."""
        for record in records:
            if getattr(record, "function", None) not in self._functions:
                continue
            for told in self._texts.read([record]):
                events = told.text.removesuffix("\n").split("\n") if told.text else []
                for one in self._filters.get(told.log_group, ()):
                    one.take(record.time, events)
