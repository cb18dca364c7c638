"""What is asked of event source mappings while a run lasts. Each request gets an Answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdarun.model.record_class import record


@record
class CreateMapping:
    """Make a mapping (AWS: CreateEventSourceMapping); the request's fields under AWS's names."""

    ticket: int
    request: Mapping[str, Any]


@record
class UpdateMapping:
    """Change a mapping, enable or disable it (AWS: UpdateEventSourceMapping)."""

    ticket: int
    uuid: str
    request: Mapping[str, Any]


@record
class DeleteMapping:
    """Delete a mapping (AWS: DeleteEventSourceMapping)."""

    ticket: int
    uuid: str


MappingRequest = CreateMapping | UpdateMapping | DeleteMapping
