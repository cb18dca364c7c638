"""Event source mappings of a project file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define

from lambdarun.aws import limits, mapping_messages
from lambdarun.model.event_source_mapping import EventSourceMapping, ProvisionedPollers
from lambdarun.model.mapping_rules import (
    BOUNDED,
    EVENT_COUNT,
    MappingFault,
    batch_faults,
    exclusion_fault,
    metrics_fault,
    range_fault,
    response_types_fault,
)
from lambdarun.project.filter_criteria import read_filter_criteria
from lambdarun.project.reading import Reading, Unusable
from lambdarun.project.tables import MAPPING_KEYS, NOT_FOR_QUEUES
from lambdarun.project.toml_text import toml_text

_OF_ITS_OWN = ("function", "batch_size", "maximum_batching_window_in_seconds", "enabled")


@define(eq=False)
class MappingReader:
    """Reads one kind of declaration."""

    reading: Reading
    filters_most: int = limits.FILTERS_PER_MAPPING.default

    def read(self, name: str, given: Mapping[str, Any]) -> EventSourceMapping:
        """One mapping. Raises Unusable."""
        reading, path = self.reading, ("event_source_mappings", name)
        before = len(reading.findings)
        for key in [key for key in given if key in NOT_FOR_QUEUES]:
            text = mapping_messages.MAPPING_PARAMETER_UNSUPPORTED.of(field=NOT_FOR_QUEUES[key])
            reading.find((*path, key), text, "Leave it out: it is for streams.")
        reading.known({key: given[key] for key in given if key not in NOT_FOR_QUEUES}, MAPPING_KEYS, path)
        for key in ("event_source", "function"):
            if key not in given:
                reading.find(
                    path, f"has no {key}.", 'Write event_source = "queues.NAME" and function = "NAME".'
                )
                raise Unusable
        settings = self._settings(path, given)
        queue = reading.reference((*path, "event_source"), given["event_source"], "queues")
        if len(reading.findings) > before:
            raise Unusable
        made = reading.make(
            EventSourceMapping,
            path,
            {
                **{key: given[key] for key in _OF_ITS_OWN if key in given},
                **settings,
                "name": name,
                "queue": queue,
                "place": reading.locator.place(*reading.prefix, *path),
            },
        )
        for fault in batch_faults(made):
            self._refuse(path, fault)
        return made

    def _settings(self, path: tuple[str, ...], given: Mapping[str, Any]) -> dict[str, Any]:
        """What has a shape of its own. What is wrong of it is found, and then left out."""
        for key in (key for key in BOUNDED if len(key) == 1):
            self._bounded(path, given, key)
        self._fault(path, response_types_fault(self._list(path, given, "function_response_types")))
        types = given.get("function_response_types", [])
        scaling = self._table(path, given, "scaling_config", ("maximum_concurrency",))
        concurrency = self._bounded(path, scaling, ("scaling_config", "maximum_concurrency"))
        pollers = self._pollers(path, given)
        bounds = None if pollers is None else (pollers["minimum_pollers"], pollers["maximum_pollers"])
        excluded = self._fault(path, exclusion_fault(concurrency, bounds))
        metrics = self._table(path, given, "metrics_config", ("metrics",))
        named = self._list((*path, "metrics_config"), metrics, "metrics")
        self._fault(path, metrics_fault(named))
        return {
            "report_batch_item_failures": bool(types),
            "maximum_concurrency": concurrency,
            "provisioned_pollers": ProvisionedPollers(**pollers) if pollers and not excluded else None,
            "event_count": EVENT_COUNT in named,
            **read_filter_criteria(self.reading, path, given, self.filters_most),
        }

    def _pollers(self, path: tuple[str, ...], given: Mapping[str, Any]) -> dict[str, int] | None:
        table = self._table(path, given, "provisioned_poller_config", ("minimum_pollers", "maximum_pollers"))
        if not table:
            return None  # as AWS: an empty one is none
        found = {}
        for key, bounds in (
            ("minimum_pollers", limits.MINIMUM_POLLERS),
            ("maximum_pollers", limits.MAXIMUM_POLLERS),
        ):
            value = self._bounded(path, table, ("provisioned_poller_config", key))
            found[key] = bounds.default if value is None else value
        return found

    def _bounded(self, path: tuple[str, ...], table: Mapping[str, Any], key: tuple[str, ...]) -> int | None:
        """A number that is within AWS's bounds; None: there is none, or it was found to be wrong."""
        value = table.get(key[-1])
        if value is None:
            return None
        if type(value) is not int:
            self.reading.find(
                (*path, *key), f"{toml_text(value)} is no whole number.", "Write a whole number."
            )
            return None
        return None if self._fault(path, range_fault(key, value)) else value

    def _table(
        self, path: tuple[str, ...], given: Mapping[str, Any], key: str, known: tuple[str, ...]
    ) -> Mapping[str, Any]:
        value = given.get(key, {})
        if not isinstance(value, dict):
            written = " = ..., ".join(known)
            self.reading.find(
                (*path, key), f"{toml_text(value)} is no table.", f"Write {{ {written} = ... }}."
            )
            return {}
        self.reading.known(value, known, (*path, key))
        return value

    def _list(self, path: tuple[str, ...], given: Mapping[str, Any], key: str) -> list[Any]:
        value = given.get(key, [])
        if not isinstance(value, list):
            self.reading.find((*path, key), f"{toml_text(value)} is no list.", f'Write ["{value}"].')
            return []
        return value

    def _fault(self, path: tuple[str, ...], fault: MappingFault | None) -> bool:
        """Find `fault`; whether there is one."""
        if fault is not None:
            self._refuse(path, fault)
        return fault is not None

    def _refuse(self, path: tuple[str, ...], fault: MappingFault) -> None:
        said = fault.said if fault.said.endswith(".") else f"{fault.said}."
        self.reading.find((*path, *fault.key), said, fault.mend)
