"""Event source mappings of a project file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define

from lambdarun.aws import mapping_messages
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.project.reading import Reading, Unusable
from lambdarun.project.tables import MAPPING_KEYS, NOT_FOR_QUEUES
from lambdarun.project.toml_text import toml_text


@define(eq=False)
class MappingReader:
    """Reads one kind of declaration."""

    reading: Reading

    def read(self, name: str, given: Mapping[str, Any]) -> EventSourceMapping:
        """One mapping. Raises Unusable."""
        path = ("event_source_mappings", name)
        for key in [key for key in given if key in NOT_FOR_QUEUES]:
            text = mapping_messages.MAPPING_PARAMETER_UNSUPPORTED.of(field=NOT_FOR_QUEUES[key])
            self.reading.find((*path, key), text, "Leave it out: it is for streams.")
        self.reading.known(
            {key: given[key] for key in given if key not in NOT_FOR_QUEUES}, MAPPING_KEYS, path
        )
        for key in ("event_source", "function"):
            if key not in given:
                self.reading.find(
                    path, f"has no {key}.", 'Write event_source = "queues.NAME" and function = "NAME".'
                )
                raise Unusable
        types = given.get("function_response_types", [])
        if types not in ([], ["ReportBatchItemFailures"]):
            self.reading.find(
                (*path, "function_response_types"),
                f"{toml_text(types)} is not known.",
                'Write ["ReportBatchItemFailures"].',
            )
        keys = ("function", "batch_size", "maximum_batching_window_in_seconds", "enabled")
        return self.reading.make(
            EventSourceMapping,
            path,
            {
                **{key: given[key] for key in keys if key in given},
                "name": name,
                "queue": self.reading.reference((*path, "event_source"), given["event_source"], "queues"),
                "report_batch_item_failures": bool(types),
                "place": self.reading.locator.place(*self.reading.prefix, *path),
            },
        )
