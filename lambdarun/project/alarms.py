"""Alarms of a project file: AWS's PutMetricAlarm in snake case, with short forms, or a pattern in a function's log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final, TypeVar

from attrs import define

from lambdarun.aws import metric_names as names
from lambdarun.aws.metric_names import BY_NAME, DIMENSIONS, NOT_EMITTED, UNITS, Metric
from lambdarun.model.alarm import (
    Alarm,
    ComparisonOperator,
    LowSamples,
    MissingData,
    Percentile,
    Statistic,
    WatchedLog,
    WatchedMetric,
    percentile,
)
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function
from lambdarun.model.json_log_pattern import PatternFault
from lambdarun.model.log_pattern import LogPattern
from lambdarun.model.near_names import did_you_mean
from lambdarun.model.queue import FIFO_SUFFIX
from lambdarun.project.reading import Reading, Unusable
from lambdarun.project.tables import ALARM_KEYS
from lambdarun.project.toml_text import toml_text
from lambdarun.project.versions import is_declared, resources

E = TypeVar("E", bound=Enum)
Path = tuple[str, ...]

_OF_METRICS: Final = ("metric", "metric_name", "namespace", "dimensions", "unit")
_OF_LOGS: Final = ("function", "log_level", "log_pattern", "default_value")
_SHORT_OPERATORS: Final = {">": "GreaterThanThreshold", ">=": "GreaterThanOrEqualToThreshold", "<": "LessThanThreshold",
                           "<=": "LessThanOrEqualToThreshold"}  # fmt: skip
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
_OTHER_STATISTICS: Final = {
    "tm": "trimmed means", "wm": "winsorized means", "tc": "trimmed counts", "ts": "trimmed sums", "pr": "percentile ranks",
    "iq": "interquartile means",
}  # fmt: skip


@define(eq=False)
class AlarmReader:
    """Reads one kind of declaration."""

    reading: Reading
    functions: Mapping[str, Function]
    mappings: Mapping[str, EventSourceMapping]
    document: Mapping[str, Any]
    """The whole file: an alarm on a queue that has findings of its own is not dangling."""

    def read(self, name: str, given: Mapping[str, Any]) -> Alarm:
        """One alarm. Raises Unusable."""
        path = ("alarms", name)
        self.reading.known(given, ALARM_KEYS, path)
        before = len(self.reading.findings)
        fields: dict[str, Any] = {"name": name}
        if any(key in given for key in _OF_LOGS):
            fields["watched"] = self._log(path, given)
            default: Statistic = Statistic.SUM
        else:
            fields["watched"], metric = self._metric(path, given)
            default = Statistic(metric.statistic) if metric is not None else Statistic.AVERAGE
        fields["statistic"] = self._statistic(path, given, default)
        fields["threshold"] = self._threshold(path, given)
        for key in ("period", "evaluation_periods", "datapoints_to_alarm"):
            if key in given:
                fields[key] = given[key]
        if "comparison_operator" in given:
            said = given["comparison_operator"]
            long = _SHORT_OPERATORS.get(said, said) if isinstance(said, str) else said
            fields["comparison_operator"] = self._one_of(
                (*path, "comparison_operator"), long, ComparisonOperator
            )
        if "treat_missing_data" in given:
            fields["treat_missing_data"] = self._one_of(
                (*path, "treat_missing_data"), given["treat_missing_data"], MissingData
            )
        if "evaluate_low_sample_count_percentile" in given:
            at = (*path, "evaluate_low_sample_count_percentile")
            fields["low_samples"] = self._one_of(at, given[at[-1]], LowSamples)
            if not isinstance(fields["statistic"], Percentile):
                self.reading.find(
                    at, "acts on percentiles only.", "Leave it out, or give an extended_statistic."
                )
        if "alarm_description" in given:
            fields["description"] = self._text(path, given, "alarm_description")
        self.reading.check(Alarm, path, fields)
        if len(self.reading.findings) > before:
            raise Unusable
        return self._made(path, fields)

    def _made(self, path: Path, fields: Mapping[str, Any]) -> Alarm:
        place = self.reading.locator.place(*self.reading.prefix, *path)
        try:
            return Alarm(**fields, place=place)
        except ValueError as fault:
            self.reading.bounds(path, str(fault))
            raise Unusable from None

    def _log(self, path: Path, given: Mapping[str, Any]) -> WatchedLog:
        for key in _OF_METRICS:
            if key in given:
                self.reading.find(
                    (*path, key),
                    "does not go with an alarm on a log.",
                    "Declare two alarms, or leave it out.",
                )
        function = given.get("function")
        if not isinstance(function, str):
            self.reading.find(path, "names no function.", 'Write function = "NAME": its log is watched.')
            raise Unusable
        if function not in self.reading.table(self.document, "functions", ()):
            declared = self.reading.table(self.document, "functions", ())
            self.reading.dangling((*path, "function"), "function", function, declared)
            raise Unusable
        zero = given.get("default_value")
        if zero is not None and (type(zero) is bool or zero != 0):
            at = (*path, "default_value")
            self.reading.find(at, f"{toml_text(zero)} is not built.", "Write 0, or leave it out.")
        if ("log_level" in given) == ("log_pattern" in given):
            mend = 'Write log_level = "ERROR", or log_pattern = "ERROR timeout".'
            self.reading.find(path, "has to have either a log_level or a log_pattern.", mend)
            raise Unusable
        if "log_level" in given:
            text = self._level(path, given, function)
        else:
            text = self._text(path, given, "log_pattern")
        try:
            return WatchedLog(function, LogPattern.compile(text), counts_zeros=zero is not None)
        except PatternFault as fault:
            self.reading.find((*path, "log_pattern"), fault.fault, fault.mend)
            raise Unusable from None

    def _level(self, path: Path, given: Mapping[str, Any], function: str) -> str:
        """The pattern that finds lines of a level: as Lambda's client for Python writes them in the function's format."""
        level = self._text(path, given, "log_level")
        level = "WARNING" if level == "WARN" else level
        if level not in _LEVELS:
            mend = did_you_mean(level, _LEVELS, f"Choose one of {', '.join(_LEVELS)}.")
            self.reading.find((*path, "log_level"), f"{toml_text(level)} is no level.", mend)
            raise Unusable
        declared = self.functions.get(function)
        if declared is None or not declared.logging.is_json:
            return f'"[{level}]"'
        return f'{{ $.level = "{level}" }}'

    def _metric(self, path: Path, given: Mapping[str, Any]) -> tuple[WatchedMetric, Metric | None]:
        """What is watched, and the metric where it is one of AWS's."""
        key = "metric" if "metric" in given else "metric_name"
        if key not in given:
            mend = 'Write metric = "Errors", for example, or function and log_level to watch a log.'
            self.reading.find(path, "names no metric.", mend)
            raise Unusable
        if "metric" in given and "metric_name" in given:
            self.reading.find((*path, "metric_name"), "says the same as metric.", "Leave one of them out.")
        name = self._text(path, given, key)
        metric = self._known(path, given, key, name)
        namespace = metric.namespace if metric is not None else str(given["namespace"])
        dimensions = self._dimensions(path, given)
        if metric is not None:
            self._check_dimensions(path, metric, dimensions)
            if metric in names.ONLY_OF_MAPPINGS:
                dimensions = self._of_mapping((*path, "dimensions", *dimensions), metric, dimensions)
        unit = self._unit(path, given, metric)
        return WatchedMetric(namespace, name, tuple(sorted(dimensions.items())), unit), metric

    def _known(self, path: Path, given: Mapping[str, Any], key: str, name: str) -> Metric | None:
        """The metric of AWS's that is meant; None: a user's own. Raises Unusable."""
        at = (*path, key)
        namespace = self._text(path, given, "namespace") if "namespace" in given else None
        if namespace is not None and namespace not in DIMENSIONS:
            if namespace.startswith("AWS/") and namespace != names.EMF_PARSING_ERRORS.namespace:
                mend = did_you_mean(namespace, DIMENSIONS, f"Here are {', '.join(DIMENSIONS)} and your own.")
                self.reading.find((*path, "namespace"), f"nothing here emits {namespace}.", mend)
                raise Unusable
            return None
        found = [
            metric for (of, called), metric in BY_NAME.items() if called == name and namespace in (None, of)
        ]
        if found:
            return found[0]
        known = sorted(called for of, called in BY_NAME if namespace in (None, of))
        if name in NOT_EMITTED and namespace in (None, "AWS/Lambda"):
            said, otherwise = f"nothing here emits {name} yet.", "Watch another metric."
            self.reading.find(at, said, otherwise)
            raise Unusable
        otherwise = f"Metrics: {', '.join(known)}."
        mend = did_you_mean(name, known, otherwise)
        own = "" if namespace is not None else " A metric of your own needs its namespace."
        self.reading.find(at, f"there is no metric {name!r}.", f"{mend}{own}")
        raise Unusable

    def _dimensions(self, path: Path, given: Mapping[str, Any]) -> dict[str, str]:
        table = self.reading.table(given, "dimensions", path)
        for key, value in table.items():
            if not isinstance(value, str):
                at = (*path, "dimensions", key)
                self.reading.find(at, f"{toml_text(value)} is no text.", "Put it in quotes.")
                raise Unusable
        return dict(table)

    def _check_dimensions(self, path: Path, metric: Metric, dimensions: Mapping[str, str]) -> None:
        at = (*path, "dimensions")
        sets = names.dimension_sets(metric)
        known = sorted({name for one in sets for name in one})
        for name in dimensions:
            if name not in known:
                mend = did_you_mean(name, known, f"Its dimensions: {', '.join(known) or 'none'}.")
                self.reading.find((*at, name), f"{metric.name} has no dimension {name!r}.", mend)
                raise Unusable
        if tuple(sorted(dimensions)) not in sets:
            told = " or ".join(
                "{ " + ", ".join(f'{name} = "..."' for name in one) + " }" for one in sets if one
            )
            said = f"CloudWatch has no {metric.name} under exactly these dimensions."
            self.reading.find(at, said, f"Write {told}.")
            raise Unusable
        functions = self.reading.table(self.document, "functions", ())
        queues = self.reading.table(self.document, "queues", ())
        self._declared(at, "FunctionName", "function", dimensions, functions)
        self._declared(at, "QueueName", "queue", dimensions, queues)
        resource = dimensions.get("Resource")
        if resource is not None and not is_declared(resource, functions):
            self.reading.dangling((*at, "Resource"), "function", resource, resources(functions))
        self._check_kind(at, metric, dimensions.get("QueueName", ""))

    def _of_mapping(self, at: Path, metric: Metric, dimensions: Mapping[str, str]) -> dict[str, str]:
        """The mapping's UUID, which may be said by the mapping's name. Raises Unusable."""
        ((key, said),) = dimensions.items()
        found = [mapping for mapping in self.mappings.values() if said in (mapping.name, mapping.uuid)]
        if not found:
            self.reading.dangling(at, "event source mapping", said, self.mappings)
            raise Unusable
        mapping = found[0]
        pollers = metric == names.PROVISIONED_POLLERS
        if not (mapping.provisioned_pollers is not None if pollers else mapping.event_count):
            has = "provisioned_poller_config" if pollers else 'metrics_config = { metrics = ["EventCount"] }'
            said = f"{mapping.name} does not publish {metric.name}."
            self.reading.find(at, said, f"Give it {has}, or watch another metric.")
        return {key: mapping.uuid}

    def _check_kind(self, at: Path, metric: Metric, queue: str) -> None:
        fifo = queue.endswith(FIFO_SUFFIX)
        if metric in (names.ONLY_OF_STANDARD_QUEUES if fifo else names.ONLY_OF_FIFO_QUEUES):
            kind, other = ("FIFO", "standard") if fifo else ("standard", "FIFO")
            said = f"{metric.name} is of {other} queues only, and {queue} is a {kind} queue."
            self.reading.find((*at, "QueueName"), said, "Watch another metric.")

    def _declared(
        self, at: Path, key: str, kind: str, dimensions: Mapping[str, str], declared: Mapping[str, Any]
    ) -> None:
        name = dimensions.get(key)
        if name is not None and name not in declared:
            self.reading.dangling((*at, key), kind, name, declared)

    def _unit(self, path: Path, given: Mapping[str, Any], metric: Metric | None) -> str | None:
        if "unit" not in given:
            return None
        unit = self._text(path, given, "unit")
        units: Iterable[str] = sorted(UNITS) if metric is None else [metric.unit]
        if unit not in units:
            said = f"{toml_text(unit)} is no unit." if metric is None else f"{metric.name} is not in {unit}."
            mend = did_you_mean(unit, units, f"Write one of {', '.join(units)}.")
            self.reading.find((*path, "unit"), said, mend)
        return unit

    def _statistic(self, path: Path, given: Mapping[str, Any], default: Statistic) -> Statistic | Percentile:
        if "statistic" in given and "extended_statistic" in given:
            at = (*path, "extended_statistic")
            self.reading.find(at, "does not go with a statistic.", "Leave one of them out.")
        if "extended_statistic" in given:
            text = self._text(path, given, "extended_statistic")
            found = percentile(text)
            if found is None:
                other = _OTHER_STATISTICS.get(text[:2].lower())
                said = f"{toml_text(text)} is no percentile."
                if other is not None:
                    said = f"{toml_text(text)}: {other} are AWS's, but not built yet."
                self.reading.find((*path, "extended_statistic"), said, 'Write "p50", "p99" or "p99.9".')
                return default
            return found
        if "statistic" not in given:
            return default
        text = self._text(path, given, "statistic")
        if percentile(text) is not None:
            at = (*path, "statistic")
            self.reading.find(at, f"{text} is an extended one.", f'Write extended_statistic = "{text}".')
            return default
        return self._one_of((*path, "statistic"), text, Statistic) or default

    def _threshold(self, path: Path, given: Mapping[str, Any]) -> float:
        if "threshold" not in given:
            self.reading.find(path, "has no threshold.", "Write threshold = 30, for example.")
            return 0.0
        value = given["threshold"]
        if type(value) not in (int, float):
            self.reading.find((*path, "threshold"), f"{toml_text(value)} is no number.", "Write a number.")
            return 0.0
        return float(value)

    def _one_of(self, at: Path, value: Any, kind: type[E]) -> E | None:
        allowed = [one.value for one in kind]
        if value in allowed:
            return kind(value)
        mend = did_you_mean(str(value), allowed, f"Choose one of {', '.join(allowed)}.")
        self.reading.find(at, f"{toml_text(value)} is none of {', '.join(allowed)}.", mend)
        return None

    def _text(self, path: Path, given: Mapping[str, Any], key: str) -> str:
        """A text. Raises Unusable."""
        value = given[key]
        if not isinstance(value, str):
            self.reading.find((*path, key), f"{toml_text(value)} is no text.", "Put it in quotes.")
            raise Unusable
        return value
