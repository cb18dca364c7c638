"""Filters against the parsing of the events that they look at."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve

from benchmarks.table import Pair, Row, at_most, interleaved
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


_S3 = {
    "Records": [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2026-01-02T03:04:05.000Z",
            "eventName": "ObjectCreated:Put",
            "userIdentity": {"principalId": "AIDAJDPLRKLG7UEXAMPLE"},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "images",
                "bucket": {"name": f"bucket-{number}", "arn": f"arn:aws:s3:::bucket-{number}"},
                "object": {"key": f"images/{number}.jpg", "size": 1024, "sequencer": "0055AED6DCD90281E5"},
            },
        }
        for number in range(3)
    ]
}
_TEN_OF_S3 = tuple(
    {"Records": one}
    for one in (
        {"eventName": [{"prefix": "ObjectRemoved"}]},
        {"s3": {"bucket": {"name": ["bucket-8", "bucket-9"]}}},
        {"s3": {"object": {"key": [{"suffix": ".png"}]}}},
        {"s3": {"object": {"size": [{"numeric": [">", 1_000_000]}]}}},
        {"awsRegion": ["eu-west-1"]},
        {"eventSource": ["aws:sns"]},
        {"s3": {"configurationId": ["texts"]}, "eventName": ["ObjectCreated:Copy"]},
        {"userIdentity": {"principalId": ["AIDA"]}},
        {"s3": {"bucket": {"name": ["bucket-0"]}, "object": {"key": ["images/1.jpg"]}}},
        {"s3": {"bucket": {"name": ["bucket-2"]}, "object": {"key": [{"prefix": "images/"}]}}},
    )
)


def filters() -> Iterator[Row]:
    """Ten patterns against an event, and a thousand on one key."""
    for title, event, patterns in (
        ("ten patterns on an event", _ORDER, _TEN),
        ("ten on one with arrays", _S3, _TEN_OF_S3),
    ):
        yield at_most(title, _against_json(event, patterns), 1.5)
    body = json.dumps(_ORDER)
    record = {"body": body}
    ten = EventFilter([json.dumps({"body": one}) for one in _TEN], FilterSource.SQS)
    assert ten.matching(record) == {9}
    pair = interleaved(
        lambda: _seconds(_ROUNDS, json.loads, body), lambda: _seconds(_ROUNDS, ten.passes_record, record)
    )
    # No target of its own: the parsing alone is five sixths of the floor.
    yield evolve(at_most("ten filters, body parsed too", pair, 0), target="", held=True)
    yield at_most("1,000 patterns on a key, to one", _thousand_to_one(), 1.5)


def _against_json(event: Any, patterns: Sequence[Any]) -> Pair:
    """Whether one of the patterns matches, which the last alone does, over parsing the event's text."""
    together: PatternSet[int] = PatternSet()
    for number, pattern in enumerate(patterns):
        together.add(number, FilterPattern.compile(json.dumps(pattern)))
    assert together.matching(event) == {len(patterns) - 1}
    text = json.dumps(event)
    return interleaved(
        lambda: _seconds(_ROUNDS, json.loads, text), lambda: _seconds(_ROUNDS, together.any_matches, event)
    )


def _thousand_to_one() -> Pair:
    """Which of the patterns on one key match, a thousand over one; the one that does is among both."""
    sets: dict[int, PatternSet[int]] = {}
    for count in (1, 1_000):
        sets[count] = PatternSet()
        for number in range(count):
            asked = ["order.placed" if number == 0 else f"order.{number}", {"prefix": f"pre-{number:04}"}]
            sets[count].add(number, FilterPattern.compile(json.dumps({"type": asked})))
        assert sets[count].matching(_ORDER) == {0}
    one, many = sets[1].matching, sets[1_000].matching
    return interleaved(lambda: _seconds(_ROUNDS, one, _ORDER), lambda: _seconds(_ROUNDS, many, _ORDER))
