"""What the recorded tests of event filters did, done again here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdarun.aws.filter_messages import INVALID_FILTER
from lambdarun.errors import ProjectErrors
from lambdarun.model.event_filter import EventFilter, FilterSource, PatternFault, source_pattern
from lambdarun.project.project_file import load_all
from lambdarun.runtime.blocking import BlockingRuntime
from tests.oracles.scenarios import PRINTS_ITS_EVENT, Stage

# A scenario's Stage polls a queue named q; the mapping is m.
PROJECT = """
[functions.fn]
handler = "handler.handler"
code_uri = "."
[queues.q]
[event_source_mappings.m]
event_source = "queues.q"
function = "fn"
filter_criteria = {{ filters = [{{ pattern = {pattern} }}] }}
"""


def filtered_queue(stage: Stage, *, pattern: Any, matching: Any, other: Any) -> Any:
    """One message that matches and one that does not: one invocation, and nothing left."""
    left = []

    def send(runtime: BlockingRuntime) -> None:
        for body in (matching, other):
            runtime.queue("q").send(body if isinstance(body, str) else json.dumps(body))
        runtime.settle()
        left.extend(runtime.queue("q").messages())

    mapping = {"maximum_batching_window_in_seconds": 1, "filter_patterns": (json.dumps(pattern),)}
    printed, _ = stage.polled(PRINTS_ITS_EVENT, send, mapping=mapping)
    assert left == []
    return {"invocation_events": printed}


def refused_pattern(stage: Stage, *, text: str) -> Any:
    """A pattern in a project file that AWS refuses."""
    stage.function(PRINTS_ITS_EVENT)
    file = stage.folder / "lambdarun.toml"
    file.write_text(PROJECT.format(pattern=json.dumps(text)), encoding="utf-8")
    with pytest.raises(ProjectErrors) as refused:
        load_all(file)
    (finding,) = refused.value.findings
    assert finding.fault.startswith(INVALID_FILTER.text)
    return _as_data()


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
