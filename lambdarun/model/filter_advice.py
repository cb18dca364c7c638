"""What a mapping's filters may not do as they seem to."""

from __future__ import annotations

from collections.abc import Sequence

from lambdarun.model.event_filter import EventFilter, FilterSource
from lambdarun.model.filter_conditions import EVENT_BUS
from lambdarun.model.filter_text import given_twice


def filter_advice(patterns: Sequence[str]) -> list[tuple[str, str]]:
    """What is doubtful in valid patterns for a queue, each with what to do about it."""
    advice = []
    others = EventFilter(patterns, FilterSource.SQS, EVENT_BUS).metadata_keys
    if others:
        # Older editions of the guide had them, and recordings of DynamoDB's streams show that they act there.
        # https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
        said = f"patterns look at {', '.join(others)}; AWS's guide names body alone for queues."
        advice.append((said, "Look at body."))
    for key in dict.fromkeys(key for pattern in patterns for key in given_twice(pattern)):
        advice.append((f"{key} stands twice in a pattern: AWS takes the last.", "Leave one out."))
    return advice
