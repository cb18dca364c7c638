"""What AWS takes of a queue's mapping and then does otherwise than it reads, or advises against.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from lambdarun.aws import limits
from lambdarun.errors import Place
from lambdarun.model.capacity import effective_visibility, seconds_until_dead_letter
from lambdarun.model.declarations import Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function, parted
from lambdarun.model.key_text import key_text
from lambdarun.model.queue import Queue


@frozen
class Advice:
    """One thing to look at: where it stands, what follows from it, and what to set."""

    place: Place | None
    key: str
    text: str
    mend: str


def advice(mapping: EventSourceMapping, queue: Queue, function: Function) -> Iterator[Advice]:
    """Of one mapping."""
    yield from _stretched(mapping, queue, function)
    yield from _first_pollers(mapping, function)
    yield from _dead_letters_too_late(queue)


def _stretched(mapping: EventSourceMapping, queue: Queue, function: Function) -> Iterator[Advice]:
    window = mapping.maximum_batching_window_in_seconds
    hidden = effective_visibility(queue.visibility_timeout, function.timeout, window)
    if hidden == queue.visibility_timeout:
        return
    margin = limits.WINDOW_VISIBILITY_MARGIN.value
    text = (
        f"the window ({window} s) and the function timeout ({function.timeout} s) pass the queue's visibility timeout"
        f" {queue.visibility_timeout} s: messages are hidden for {hidden} s (both and {margin} s), and come back so late."
    )
    mend = f"Set {key_text(('queues', queue.name, 'visibility_timeout'))} to {window + function.timeout} or more, or a shorter window."
    yield Advice(mapping.place, f"event_source_mappings.{mapping.name}", text, mend)


def _first_pollers(mapping: EventSourceMapping, function: Function) -> Iterator[Advice]:
    reserved, start = function.reserved_concurrent_executions, limits.POLLER_START.value
    if reserved is None or reserved >= start or not mapping.enabled:
        return
    if mapping.maximum_concurrency is not None and mapping.maximum_concurrency <= reserved:
        return
    least = limits.MAXIMUM_CONCURRENCY.low
    text = (
        f"reserved_concurrent_executions = {reserved} of {function.name} is below the {start} batches with which pollers begin:"
        " the others are throttled while their messages' visibility timeout runs."
    )
    mend = f"Reserve {start} or more"
    if reserved >= least:
        mend += f", or set scaling_config = {{ maximum_concurrency = {reserved} }}"
    yield Advice(mapping.place, f"event_source_mappings.{mapping.name}", text, f"{mend}.")


def _dead_letters_too_late(queue: Queue) -> Iterator[Advice]:
    policy = queue.redrive_policy
    if policy is None:
        return
    until = seconds_until_dead_letter(policy.max_receive_count, queue.visibility_timeout)
    kept = queue.message_retention_period
    if until < kept:
        return
    text = (
        f"{policy.max_receive_count} receives with a visibility timeout of {queue.visibility_timeout} s take {until:,} s, and"
        f" messages are kept for {kept:,} s: what always fails expires before it reaches {policy.dead_letter_target}."
    )
    mend = "Lower max_receive_count or visibility_timeout, or keep messages longer."
    yield Advice(queue.place, key_text(("queues", queue.name)), text, mend)


def reservations(project: Project) -> Iterator[Advice]:
    """Of all mappings together: functions whose reservation is below what their pollers may ask for at once."""
    asked: dict[str, int] = {}
    for mapping in project.mappings.values():
        if mapping.maximum_concurrency is not None and mapping.enabled:
            name = parted(mapping.function)[0]
            asked[name] = asked.get(name, 0) + mapping.maximum_concurrency
    for name, most in asked.items():
        function = project.functions.get(name)
        reserved = function.reserved_concurrent_executions if function is not None else None
        if function is None or reserved is None or reserved >= most:
            continue
        text = f"reserved_concurrent_executions = {reserved} is below the {most} of maximum_concurrency of its mappings:"
        mend = f"messages are throttled. Reserve {most}, or lower maximum_concurrency."
        yield Advice(function.place, f"functions.{name}", text, mend)
