"""Event source mappings as `lambdarun list` shows them."""

from __future__ import annotations

from lambdarun.model.declarations import Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.mapping_rules import EVENT_COUNT

_HEADINGS = ("MAPPING", "QUEUE", "FUNCTION", "BATCH", "WINDOW", "PARTIAL", "SCALING", "FILTERS", "METRICS")


def mapping_rows(project: Project) -> list[tuple[str, ...]]:
    """A table's rows, the first with its headings; none where nothing is mapped."""
    rows = [_row(mapping) for mapping in project.mappings.values()]
    return [_HEADINGS, *rows] if rows else []


def _row(mapping: EventSourceMapping) -> tuple[str, ...]:
    return (
        mapping.name if mapping.enabled else f"{mapping.name} (disabled)",
        mapping.queue,
        mapping.function,
        str(mapping.batch_size),
        f"{mapping.maximum_batching_window_in_seconds} s",
        "yes" if mapping.report_batch_item_failures else "no",
        _scaling(mapping),
        str(len(mapping.filter_patterns) or "-"),
        EVENT_COUNT if mapping.event_count else "-",
    )


def _scaling(mapping: EventSourceMapping) -> str:
    pollers = mapping.provisioned_pollers
    if pollers is not None:
        return f"{pollers.minimum_pollers} to {pollers.maximum_pollers} pollers"
    most = mapping.maximum_concurrency
    return "-" if most is None else f"at most {most}"


def mappings_as_json(project: Project) -> list[dict[str, object]]:
    """All of them, under the keys of the project file."""
    return [
        {
            "name": m.name,
            "uuid": m.uuid,
            "queue": m.queue,
            "function": m.function,
            "batch_size": m.batch_size,
            "maximum_batching_window_in_seconds": m.maximum_batching_window_in_seconds,
            "report_batch_item_failures": m.report_batch_item_failures,
            "scaling_config": {"maximum_concurrency": m.maximum_concurrency},
            "provisioned_poller_config": None
            if m.provisioned_pollers is None
            else {
                "minimum_pollers": m.provisioned_pollers.minimum_pollers,
                "maximum_pollers": m.provisioned_pollers.maximum_pollers,
            },
            "filter_criteria": {
                "filters": [{"pattern": pattern} for pattern in m.filter_patterns],
                **({"all_operators": True} if m.all_filter_operators else {}),
            },
            "metrics_config": {"metrics": [EVENT_COUNT] if m.event_count else []},
            "enabled": m.enabled,
        }
        for m in project.mappings.values()
    ]
