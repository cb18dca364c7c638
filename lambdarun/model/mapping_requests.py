"""Requests about event source mappings under AWS's names, read into a declaration or refused in AWS's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import define, evolve

from lambdarun.aws import limits, mapping_messages, messages
from lambdarun.aws.filter_messages import INVALID_FILTER
from lambdarun.aws.messages import ErrorText
from lambdarun.model.catalog import Callee, Catalog
from lambdarun.model.event_filter import FilterSource, PatternFault, source_pattern
from lambdarun.model.event_source_mapping import EventSourceMapping, ProvisionedPollers
from lambdarun.model.function import LATEST, Function
from lambdarun.model.invoke_request import Refusal, refusal, resolve
from lambdarun.model.mapping_rules import (
    BOUNDED,
    EVENT_COUNT,
    MappingFault,
    batch_faults,
    exclusion_fault,
    metrics_fault,
    range_fault,
    response_types_fault,
    visibility_fault,
)
from lambdarun.model.mapping_shapes import OF_STREAMS
from lambdarun.model.queue_polling import QueuePolling

_QUEUE_ARN: Final = r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:(?P<name>[a-zA-Z0-9_.-]+)"


@define(eq=False)
class MappingRequests:
    """Reads requests in the world of one region: its functions and its queues."""

    catalog: Catalog
    queues: Mapping[str, QueuePolling]

    def invalid(self, request: Mapping[str, Any]) -> Refusal | None:
        """What the API's model refuses of a request: AWS looks at that before anything else."""
        for key in BOUNDED:
            *outer, name = ["".join(word.capitalize() for word in part.split("_")) for part in key]
            table = request.get(outer[0], {}) if outer else request
            fault = range_fault(key, table[name]) if name in table else None
            if fault is not None:
                return _refused(fault)
        types, metrics = _lists(request)
        for fault in (response_types_fault(types), metrics_fault(metrics)):
            if fault is not None and fault.text is not mapping_messages.METRICS_OF_KAFKA:
                return _refused(fault)
        most = limits.FILTER_PATTERN_LENGTH.value
        for number, text in enumerate(_pattern_texts(request.get("FilterCriteria", {})), 1):
            if len(text) > most:
                member = f"filterCriteria.filters.{number}.member.pattern"
                return _refusal(mapping_messages.TEXT_TOO_LONG, value=text, member=member, bound=most)
        return None

    def created(self, request: Mapping[str, Any], uuid: str) -> EventSourceMapping | Refusal:
        """The mapping that a request to create describes."""
        arn = request.get("EventSourceArn")
        if arn is None:
            return _refusal(mapping_messages.UNKNOWN_SOURCE)
        # The function before the source, as recorded (test_event_source_mapping_exceptions).
        function = self._function(request.get("FunctionName", ""))
        if isinstance(function, Refusal):
            return function
        found = re.fullmatch(_QUEUE_ARN, arn)
        if found is None:
            return _refusal(mapping_messages.UNKNOWN_SOURCE)
        name = found["name"]
        if name not in self.queues or arn != self.catalog.account.queue_arn(name):
            return _refusal(mapping_messages.MAPPING_QUEUE_MISSING)
        return self._with(EventSourceMapping(name=uuid, uuid=uuid, queue=name, function=function), request)

    def updated(
        self, mapping: EventSourceMapping, request: Mapping[str, Any]
    ) -> EventSourceMapping | Refusal:
        """`mapping` as a request to update would have it; what that does not name stays as it is."""
        if "FunctionName" in request:
            function = self._function(request["FunctionName"])
            if isinstance(function, Refusal):
                return function
            mapping = evolve(mapping, function=function)
        return self._with(mapping, request)

    def function(self, resource: str) -> Function:
        """What a mapping's function is for now; of an alias of two versions the first."""
        catalog, callee = self.catalog, self.catalog.callee(resource)
        alias = catalog.aliases(callee.name).get(callee.qualifier)
        number = callee.qualifier if alias is None else alias.function_version
        return catalog.versions(callee.name).get(number) or catalog.latest[callee.name]

    def _function(self, name: str) -> str | Refusal:
        """The function that a name, partial ARN or ARN means, with the qualifier that AWS then shows."""
        callee = resolve(self.catalog, name, None)
        if isinstance(callee, Refusal):
            if callee.code == messages.FUNCTION_NOT_FOUND.code:
                return _refusal(mapping_messages.MAPPING_FUNCTION_MISSING)
            return callee
        # Recorded in test_function_name_variations: of a partial ARN $LATEST is kept, of a whole one it is dropped.
        if callee.qualifier == LATEST and name.startswith("arn:"):
            callee = Callee(callee.name, "", None)
        return callee.resource

    def _with(self, mapping: EventSourceMapping, request: Mapping[str, Any]) -> EventSourceMapping | Refusal:
        for name in OF_STREAMS:
            if name in request:
                return _refusal(mapping_messages.MAPPING_PARAMETER_UNSUPPORTED, field=name)
        changes: dict[str, Any] = {}
        for name, attribute in (
            ("BatchSize", "batch_size"),
            ("MaximumBatchingWindowInSeconds", "maximum_batching_window_in_seconds"),
            ("Enabled", "enabled"),
        ):
            if name in request:
                changes[attribute] = request[name]
        types, metrics = _lists(request)
        fault = metrics_fault(metrics)
        if "FunctionResponseTypes" in request:
            changes["report_batch_item_failures"] = bool(types)
        if "MetricsConfig" in request:
            changes["event_count"] = EVENT_COUNT in metrics
        if "FilterCriteria" in request:
            patterns = self._patterns(request["FilterCriteria"])
            if isinstance(patterns, Refusal):
                return patterns
            changes["filter_patterns"] = patterns
        # An empty configuration clears it.
        concurrency, pollers = mapping.maximum_concurrency, mapping.provisioned_pollers
        if "ScalingConfig" in request:
            concurrency = request["ScalingConfig"].get("MaximumConcurrency")
        bounds = None if pollers is None else (pollers.minimum_pollers, pollers.maximum_pollers)
        if "ProvisionedPollerConfig" in request:
            bounds = _pollers(request["ProvisionedPollerConfig"])
        fault = fault or exclusion_fault(concurrency, bounds)
        if fault is not None:
            return _refused(fault)
        made = evolve(
            mapping,
            **changes,
            maximum_concurrency=concurrency,
            provisioned_pollers=None
            if bounds is None
            else ProvisionedPollers(minimum_pollers=bounds[0], maximum_pollers=bounds[1]),
        )
        fault = next(batch_faults(made), None) or visibility_fault(
            self.queues[made.queue].queue.declaration, self.function(made.function)
        )
        return made if fault is None else _refused(fault)

    def _patterns(self, criteria: Mapping[str, Any]) -> tuple[str, ...] | Refusal:
        patterns = _pattern_texts(criteria)
        most = self.catalog.account.filters_per_mapping
        if len(patterns) > most:
            return _refusal(mapping_messages.TOO_MANY_FILTERS, count=len(patterns), most=most)
        for text in patterns:
            try:
                source_pattern(text, FilterSource.SQS)
            except PatternFault:
                return _refusal(INVALID_FILTER)
        return patterns


def _pattern_texts(criteria: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(one.get("Pattern", "") for one in criteria.get("Filters", ()))


def _lists(request: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The response types and the metrics that a request names."""
    types, metrics = request.get("FunctionResponseTypes", ()), request.get("MetricsConfig", {})
    return list(types), list(metrics.get("Metrics", ()))


def _pollers(given: Mapping[str, Any]) -> tuple[int, int] | None:
    if not given:
        return None
    return (
        given.get("MinimumPollers", limits.MINIMUM_POLLERS.default),
        given.get("MaximumPollers", limits.MAXIMUM_POLLERS.default),
    )


def _refused(fault: MappingFault) -> Refusal:
    return refusal(fault.text, fault.said)


def _refusal(text: ErrorText, **values: object) -> Refusal:
    return refusal(text, text.of(**values))
