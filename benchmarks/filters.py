"""Filters against the parsing of the events that they look at."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from benchmarks.table import Row, at_most, interleaved
from lambdarun.model.event_filter import EventFilter, FilterSource
from lambdarun.model.filter_pattern import FilterPattern
from lambdarun.model.filter_set import PatternSet

_ROUNDS = 20_000
_ORDER = {
    "id": "4c1f8a52-0d0e-4a4e-9a51-2f6c4f0b9e11",
    "type": "order.placed",
    "region": "eu-central-1",
    "placed": "2026-01-02T03:04:05.678Z",
    "total": 148.9,
    "currency": "EUR",
    "gift": False,
    "coupon": None,
    "tags": ["web", "returning"],
    "customer": {
        "id": "c-20881",
        "email": "somebody@example.com",
        "tier": "gold",
        "address": {"country": "DE", "city": "Berlin", "postcode": "10115", "street": "Invalidenstr. 1"},
    },
    "payment": {"method": "card", "state": "captured", "attempts": 1, "amount": 148.9},
    "shipping": {"carrier": "DHL", "express": True, "weight": 2.4, "warehouse": "BER-2"},
    "source": {"ip": "203.0.113.7", "agent": "Mozilla/5.0 (X11; Linux x86_64)", "channel": "web"},
}
# One of each operator that a mapping takes; the last one alone lets the order through.
_TEN = (
    {"type": ["order.cancelled", "order.refunded"]},
    {"total": [{"numeric": [">", 1000]}]},
    {"region": [{"prefix": "us-"}]},
    {"placed": [{"suffix": "+01:00"}]},
    {"coupon": [{"anything-but": ["WELCOME"]}], "gift": [True]},
    {"customer": {"tier": [{"equals-ignore-case": "PLATINUM"}]}},
    {"customer": {"address": {"country": ["FR", "ES"]}}},
    {"payment": {"state": ["failed"], "attempts": [{"numeric": [">=", 3]}]}},
    {"returned": [{"exists": True}]},
    {"$or": [{"shipping": {"carrier": ["UPS"]}}, {"shipping": {"express": [True]}}], "tags": ["web"]},
)


def _seconds(rounds: int, call: object, given: object) -> float:
    assert callable(call)
    begun = time.perf_counter()
    for _ in range(rounds):
        call(given)
    return (time.perf_counter() - begun) / rounds


def filters() -> Iterator[Row]:
    """Ten patterns and a thousand on one key: parsing the event, and looking at it."""
    body = json.dumps(_ORDER)
    record = {"body": body}

    def floor() -> float:
        return _seconds(_ROUNDS, json.loads, body)

    ten = EventFilter([json.dumps({"body": one}) for one in _TEN], FilterSource.SQS)
    assert ten.matching(record) == {9}
    yield at_most(
        "ten filters, body parsed",
        interleaved(floor, lambda: _seconds(_ROUNDS, ten.passes_record, record)),
        1.5,
    )
    one_key: dict[int, PatternSet[int]] = {}
    for count in (1, 1_000):
        one_key[count] = PatternSet()
        for number in range(count):
            asked = ["order.placed" if number == 0 else f"order.{number}", {"prefix": f"pre-{number}"}]
            one_key[count].add(number, FilterPattern.compile(json.dumps({"type": asked})))
        assert one_key[count].matching(_ORDER) == {0}
    alone = one_key[1].any_matches
    many = one_key[1_000].any_matches
    yield at_most(
        "1,000 patterns on a key, to one",
        interleaved(lambda: _seconds(_ROUNDS, alone, _ORDER), lambda: _seconds(_ROUNDS, many, _ORDER)),
        1.5,
    )
