"""Queues as `lambdarun list` shows them."""

from __future__ import annotations

from lambdarun.model.declarations import Project
from lambdarun.model.instant import SECOND
from lambdarun.model.queue import Queue
from lambdarun.report.spans import span

_HEADINGS = ("QUEUE", "VISIBILITY", "RETENTION", "DEAD LETTERS", "DELAY", "FIFO", "TARGET AGE")


def queue_rows(project: Project) -> list[tuple[str, ...]]:
    """A table's rows, the first with its headings; none where there are no queues."""
    rows = [_row(queue) for queue in project.queues.values()]
    return [_HEADINGS, *rows] if rows else []


def _row(queue: Queue) -> tuple[str, ...]:
    policy = queue.redrive_policy
    return (
        queue.name,
        f"{queue.visibility_timeout} s",
        span(queue.message_retention_period),
        "-" if policy is None else f"{policy.dead_letter_target} after {policy.max_receive_count}",
        f"{queue.delay_seconds} s",
        _fifo(queue),
        "-" if queue.target_age is None else span(queue.target_age / SECOND),
    )


def _fifo(queue: Queue) -> str:
    if queue.fifo is None:
        return "-"
    told = [
        "deduplicates by content" if queue.fifo.content_based_deduplication else "",
        "high throughput" if queue.fifo.high_throughput else "",
    ]
    return ", ".join(filter(None, told)) or "yes"


def queues_as_json(project: Project) -> list[dict[str, object]]:
    """All of them, under the keys of the project file."""
    return [_as_json(queue) for queue in project.queues.values()]


def _as_json(queue: Queue) -> dict[str, object]:
    policy, allowed, fifo = queue.redrive_policy, queue.redrive_allow_policy, queue.fifo
    told: dict[str, object] = {
        "name": queue.name,
        "visibility_timeout": queue.visibility_timeout,
        "delay_seconds": queue.delay_seconds,
        "message_retention_period": queue.message_retention_period,
        "maximum_message_size": queue.maximum_message_size,
        "receive_message_wait_time_seconds": queue.receive_message_wait_time_seconds,
        "redrive_policy": None
        if policy is None
        else {
            "dead_letter_target": policy.dead_letter_target,
            "max_receive_count": policy.max_receive_count,
        },
        "redrive_allow_policy": {
            "redrive_permission": allowed.redrive_permission.value,
            "source_queues": list(allowed.source_queues),
        },
        "fifo_queue": fifo is not None,
    }
    if fifo is not None:
        told["content_based_deduplication"] = fifo.content_based_deduplication
        told["deduplication_scope"] = fifo.deduplication_scope.value
        told["fifo_throughput_limit"] = fifo.fifo_throughput_limit.value
    told["target_age_s"] = None if queue.target_age is None else queue.target_age / SECOND
    told["duplicates"] = queue.duplicates
    told["sampling"] = queue.sampling
    return told
