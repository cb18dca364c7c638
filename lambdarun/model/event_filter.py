"""The filters of an event source mapping: which records reach the function.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Final

from attrs import define, field, frozen

from lambdarun.model.filter_conditions import EVENT_SOURCE_MAPPING, Branch, Dialect, PatternFault
from lambdarun.model.filter_explanation import misses
from lambdarun.model.filter_pattern import FilterPattern
from lambdarun.model.filter_set import PatternSet
from lambdarun.model.filter_text import fault_at
from lambdarun.model.json_text import NESTING_MAX, parse
from lambdarun.model.lambda_events import sqs_record
from lambdarun.model.message import Received


class FilterSource(Enum):
    """What a mapping polls; each has a key that holds the data."""

    SQS = "sqs"
    KINESIS = "kinesis"
    DYNAMODB = "dynamodb"

    @property
    def data_key(self) -> str:
        """Where a pattern finds the data."""
        return _DATA_KEYS[self]


_DATA_KEYS: Final = {
    FilterSource.SQS: "body",
    FilterSource.KINESIS: "data",
    FilterSource.DYNAMODB: "dynamodb",
}


class DataFormat(Enum):
    """What a pattern takes the data for, or what the data is. AWS drops a record where the two differ."""

    ABSENT = "absent"
    PLAIN = "plain"
    JSON = "json"


@frozen
class _Part:
    """Some branches of a pattern."""

    branches: tuple[Branch, ...]


def source_pattern(text: str, source: FilterSource, dialect: Dialect = EVENT_SOURCE_MAPPING) -> FilterPattern:
    """A pattern of a mapping's filter. Raises PatternFault: AWS says INVALID_FILTER, the fault is the reason."""
    pattern = FilterPattern.compile(text, dialect)
    key = source.data_key
    if source is not FilterSource.SQS and any(key in branch for branch in pattern.branches):
        # AWS tells that the mapping is refused, in the table of invocation-eventfiltering; not how it words the reason.
        raise fault_at(text, (key,), f'"{key}" is JSON and must be an object of keys, not a plain string')
    return pattern


def _texts(given: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(given or ())


@define(eq=False)
class EventFilter:
    """The patterns of one mapping, of which one must match; without any, everything passes.

    `arn` and `region` of the source matter only to patterns that name `eventSourceARN` or `awsRegion`.
    """

    texts: tuple[str, ...] = field(converter=_texts)
    source: FilterSource
    dialect: Dialect = EVENT_SOURCE_MAPPING
    arn: str = ""
    region: str = ""
    _patterns: list[FilterPattern] = field(init=False)
    _by_format: dict[DataFormat, PatternSet[int]] = field(init=False)
    _within_data: Callable[[object], bool] = field(init=False)
    """A test of the data alone by the patterns that look into it."""
    _reads_more: bool = field(init=False)
    """Whether a pattern names a key beside the data."""

    def __attrs_post_init__(self) -> None:
        self._patterns = [source_pattern(text, self.source, self.dialect) for text in self.texts]
        branches = [branch for pattern in self._patterns for branch in pattern.branches]
        self._reads_more = any(name.partition(".")[0] != self.source.data_key for b in branches for name in b)
        self._by_format = {}
        for form in (DataFormat.PLAIN, DataFormat.JSON):
            patterns: PatternSet[int] = PatternSet()
            for number, pattern in enumerate(self._patterns):
                fitting = tuple(b for b in pattern.branches if self._wanted(b) <= {form, DataFormat.ABSENT})
                patterns.add(number, _Part(fitting))
            self._by_format[form] = patterns
        prefix = f"{self.source.data_key}."
        within: PatternSet[int] = PatternSet()
        for number, pattern in enumerate(self._patterns):
            looking = (b for b in pattern.branches if self._wanted(b) == {DataFormat.JSON})
            cut = [{name.removeprefix(prefix): asked for name, asked in b.items()} for b in looking]
            within.add(number, _Part(tuple(cut)))
        self._within_data = within.test()

    def _wanted(self, branch: Branch) -> set[DataFormat]:
        """What the keys of a branch take the data for. A branch that takes it for both never matches."""
        key = self.source.data_key
        return {
            DataFormat.PLAIN
            if name == key
            else DataFormat.JSON
            if name.startswith(f"{key}.")
            else DataFormat.ABSENT
            for name in branch
        }

    @property
    def metadata_keys(self) -> tuple[str, ...]:
        """The keys beside the data that patterns name, in order: AWS's guide no longer documents any."""
        names = {name.partition(".")[0] for pattern in self._patterns for b in pattern.branches for name in b}
        return tuple(sorted(names - {self.source.data_key}))

    def passes(self, received: Received) -> bool:
        """Whether a queue's message reaches the function; one that does not is deleted."""
        if not self._patterns:
            return True
        if not self._reads_more:
            return self._data_passes(received.message.body)
        tail = f'"eventSource":"aws:sqs","eventSourceARN":"{self.arn}","awsRegion":"{self.region}"}}'
        return self.passes_record(json.loads(sqs_record(received, tail, "")))

    def passes_record(self, record: Mapping[str, Any]) -> bool:
        """Whether a record, as the function would get it in `Records`, reaches the function."""
        if not self._patterns:
            return True
        if not self._reads_more and self.source is FilterSource.SQS:
            return self._data_passes(record.get("body", ""))
        view, form = self.view(record)
        return self._by_format[form].any_matches(view)

    def matching(self, record: Mapping[str, Any]) -> set[int]:
        """The numbers of the patterns that a record matches."""
        view, form = self.view(record)
        return self._by_format[form].matching(view)

    def why_not(self, record: Mapping[str, Any]) -> list[str]:
        """For each pattern what a record that does not pass lacks."""
        view, form = self.view(record)
        return [self._why_not(pattern, view, form) for pattern in self._patterns]

    def _why_not(self, pattern: FilterPattern, view: dict[str, Any], form: DataFormat) -> str:
        key = self.source.data_key
        fitting = [b for b in pattern.branches if self._wanted(b) <= {form, DataFormat.ABSENT}]
        if fitting:
            return ", ".join(str(miss) for miss in misses(fitting, view))
        if form is DataFormat.JSON:
            return f"{key} is a JSON object, and the pattern takes it for a plain string"
        return f"{key} is no JSON object, and the pattern looks into it"

    def _data_passes(self, data: Any) -> bool:
        form, value = _told(data)
        if form is DataFormat.JSON:
            return self._within_data(value)
        return self._by_format[form].any_matches({self.source.data_key: value})

    def view(self, record: Mapping[str, Any]) -> tuple[dict[str, Any], DataFormat]:
        """A record as patterns see it, and the format of its data."""
        if self.source is FilterSource.DYNAMODB:
            return dict(record), DataFormat.JSON
        if self.source is FilterSource.SQS:
            form, body = _told(record.get("body", ""))
            return {**record, "body": body}, form
        # The fields of a record of Kinesis are seen beside the data, not under `kinesis`.
        inner = record.get("kinesis")
        if not isinstance(inner, dict):
            inner = record
        fields = {**{name: value for name, value in record.items() if name != "kinesis"}, **inner}
        form, data = _told(_decoded(inner.get("data", "")))
        return {**fields, "data": data}, form


def _told(data: Any) -> tuple[DataFormat, Any]:
    """Data as patterns see it: a JSON object, or else a plain string."""
    # What JSON numbers, texts and arrays count as is documented nowhere. A pattern's key holds an object or an array of
    # choices, so that only an object can be looked into; anything else is taken for the text that it is.
    if not isinstance(data, str):
        return (DataFormat.JSON if isinstance(data, dict) else DataFormat.PLAIN), data
    if data[:1] != "{" and data.lstrip(" \t\r\n")[:1] != "{":
        return DataFormat.PLAIN, data
    try:
        # The scanner alone, without what looks for blanks around: a fifth of what a small message costs.
        value, end = _scan(data, 0)
        if end == len(data) and (end <= 2 * NESTING_MAX or data.count("[") + data.count("{") <= NESTING_MAX):
            return DataFormat.JSON, value
    except (StopIteration, ValueError, RecursionError):
        pass
    try:
        return DataFormat.JSON, parse(data)
    except json.JSONDecodeError:
        return DataFormat.PLAIN, data


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


_scan: Final[Callable[[str, int], tuple[Any, int]]] = json.JSONDecoder(parse_constant=_refuse).scan_once  # type: ignore[attr-defined]  # typeshed leaves it out


def _decoded(data: Any) -> Any:
    """The text of a record of Kinesis; as it stands where it is none."""
    try:
        return base64.b64decode(data, validate=True).decode() if isinstance(data, str) else data
    except (binascii.Error, UnicodeDecodeError):
        return data


__all__ = ["DataFormat", "EventFilter", "FilterSource", "PatternFault", "source_pattern"]
