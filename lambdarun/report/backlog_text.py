"""Backlogs and double deliveries on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf

from lambdarun.model.instant import SECOND, iso
from lambdarun.report.spans import span
from lambdarun.views.backlog import QueueBacklog
from lambdarun.views.double_deliveries import Cause, DoubleDeliveries, DoubleGroup


def backlog_rows(backlogs: Mapping[str, QueueBacklog]) -> list[list[str]]:
    """A table: each queue's backlog against what its target age allows."""
    rows = [
        [
            "BACKLOG OF",
            "target",
            "oldest",
            "older",
            "largest",
            "at once",
            "each",
            "acceptable",
            "needed",
            "drained in",
        ]
    ]
    for name, one in backlogs.items():
        target = one.ages.target
        rows.append(
            [
                name,
                "-" if target is None else span(target / SECOND),
                span(one.ages.most / SECOND),
                f"{one.ages.late:,}",
                f"{one.largest:,}",
                f"{one.environments:,}",
                f"{one.each:,.4g}",
                "any" if one.acceptable == inf else f"{one.acceptable:,.4g}",
                f"{one.environments_needed:,}",
                "-" if one.drained_s is None else span(one.drained_s),
            ]
        )
    return rows


def backlog_lines(backlogs: Mapping[str, QueueBacklog]) -> Iterator[str]:
    """What stands below the table."""
    for name, one in backlogs.items():
        pace = f"{span(one.duration_s)} for a batch of {one.batch:,.3g}"
        busiest = one.rate_of_busiest_minute
        yield (
            f"  {name}: {one.rate:,.3g} messages/s need {one.needed_concurrency(one.rate):,} at once ({pace}), the busiest"
            f" minute's {busiest:,.3g}/s need {one.needed_concurrency(busiest):,}; by the arithmetic the largest backlog takes"
            f" {'for ever' if one.drain_s == inf else span(one.drain_s)}"
        )
        target = one.ages.target
        if one.ages.passed is not None and target is not None:
            when = iso(one.ages.passed)[:23].replace("T", " ")
            yield f"  {name}: the oldest message passed {span(target / SECOND)} first at {when} UTC"


def double_lines(doubles: DoubleDeliveries) -> Iterator[str]:
    """A sentence for each queue and cause, with the setting that ends it."""
    for group in doubles.told():
        if group.cause is Cause.NEVER_RUN:
            if group.remedy is not None:
                yield _never_run(group)
        else:
            yield _handled_twice(group)


def _handled_twice(group: DoubleGroup) -> str:
    came = "1 message" if group.count == 1 else f"{group.count:,} messages"
    text = (
        f"handled twice: {came} of {group.queue} came back while an invocation was still at work"
        f" ({group.again:,} received again): {group.cause.value}"
    )
    if group.needed:
        text += f"; {span(group.needed / SECOND)} from receive to end"
    if group.remedy is not None:
        text += f". Set {group.remedy}"
    one = group.example
    if one is not None:
        again = f", again in {one.again}" if one.again is not None else ""
        text += f". First: {one.message_id} at {iso(one.shown)}, still in {one.first}{again}"
    return text


def _never_run(group: DoubleGroup) -> str:
    spent = "1 receive" if group.count == 1 else f"{group.count:,} receives"
    return (
        f"received in vain: {spent} of {group.queue}: {group.cause.value}, which counts towards a redrive policy's"
        f" max_receive_count. Set {group.remedy}"
    )
