"""What the recorded tests of event filters did, done again here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdarun.aws.filter_messages import INVALID_FILTER
from lambdarun.model.event_filter import EventFilter, FilterSource, PatternFault, source_pattern
from tests.oracles.scenarios import Stage


def refused_stream_pattern(_: Stage, *, text: str, source: str) -> Any:
    """A pattern for a stream that AWS refuses."""
    with pytest.raises(PatternFault):
        source_pattern(text, FilterSource(source))
    return _as_data()


def _as_data() -> dict[str, Any]:
    return {
        "Code": INVALID_FILTER.code,
        "Message": INVALID_FILTER.text,
        "StatusCode": INVALID_FILTER.status,
    }


def filtered_stream(_: Stage, *, pattern: Any, source: str, records: list[Any]) -> Any:
    """The records of a stream that reach the function."""
    filters = EventFilter((json.dumps(pattern),), FilterSource(source))
    return {"Records": [record for record in records if filters.passes_record(record)]}
