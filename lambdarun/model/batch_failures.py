"""What a handler's reply says of its batch: all succeeded, some failed, or a reply that names what is not there.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html, and LocalStack's recordings of
test_report_batch_item_failures_*.
"""

from __future__ import annotations

import json
from collections.abc import Container

from attrs import frozen


@frozen
class AllSucceeded:
    """Nothing was reported."""


@frozen
class Partial:
    """These items failed; duplicates count once."""

    failed: frozenset[str]


@frozen
class Malformed:
    """The reply is no JSON or names an item that is not in the batch: the whole batch failed."""


def verdict(payload: bytes, ids: Container[str]) -> AllSucceeded | Partial | Malformed:
    """Read a handler's reply to a batch with these item identifiers."""
    try:
        reply = json.loads(payload)
    except (ValueError, RecursionError):
        return Malformed()
    # The truth table of services-sqs-errorhandling.html, and what was recorded beyond it: AWS reads the reply leniently
    # at the top, where handlers return anything, and strictly within the list, where a wrong id would delete what failed.
    if not isinstance(reply, dict):
        # null, "", [] succeed; so does any other reply that reports nothing.
        return AllSucceeded()
    reported = reply.get("batchItemFailures")
    if not reported:
        return AllSucceeded()
    if not isinstance(reported, list):
        return Malformed()
    failed = set()
    for item in reported:
        identifier = item.get("itemIdentifier") if isinstance(item, dict) else None
        if not isinstance(identifier, str) or identifier not in ids:
            return Malformed()
        failed.add(identifier)
    return Partial(frozenset(failed))
