"""Projects and events that the cases share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lambdarun.errors import Place
from lambdarun.model.arrival import MessageArrival
from lambdarun.model.declarations import Account, Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function, running_runtime
from lambdarun.model.instant import FIXED_START, SECOND, Instant
from lambdarun.model.queue import Queue, RedrivePolicy

CODE = """
def echo(event, context):
    return event

def hello(event, context):
    return "hello"

def nothing(event, context):
    pass

def spins(event, context):
    while event["spin"]:
        pass

def orders(event, context):
    failures = []
    for record in event["Records"]:
        if record["body"] == "poison":
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
"""


def function(folder: Path, name: str, **settings: Any) -> Function:
    """One of the handlers above."""
    (folder / "bench_app.py").write_text(CODE)
    return Function(
        name=name, handler=f"bench_app.{name}", code_uri=folder, runtime=running_runtime(), **settings
    )


def only(made: Function) -> Project:
    """A project of one function, in an account whose limits are out of the way."""
    return Project(account=Account(concurrent_executions=100_000), functions={made.name: made})


def orders(folder: Path, **settings: Any) -> Project:
    """A queue of orders, its mapping and its dead letters."""
    made = function(folder, "orders", timeout=5, **settings)
    return Project(
        functions={"orders": made},
        queues={
            "q": Queue(
                name="q",
                visibility_timeout=30,
                redrive_policy=RedrivePolicy(dead_letter_target="dead", max_receive_count=5),
            ),
            "dead": Queue(name="dead"),
        },
        mappings={
            "q": EventSourceMapping(name="q", queue="q", function="orders", report_batch_item_failures=True)
        },
    )


def messages(count: int, poison_every: int = 0) -> Iterable[MessageArrival]:
    """Messages in tens, ten an instant."""
    place = Place("benchmark")
    for number in range(count):
        body = (
            "poison"
            if poison_every and number % poison_every == 0
            else f'{{"order": {number}, "total": "12.50"}}'
        )
        time = Instant(FIXED_START + number // 10 * SECOND)
        yield MessageArrival(time=time, place=place, queue="q", body=body)


def batch_events(count: int) -> list[bytes]:
    """The same messages as `count` prebuilt events of ten."""
    events = []
    for batch in range(count):
        records = [
            {
                "messageId": f"00000000-0000-4000-8000-{batch * 10 + n:012d}",
                "receiptHandle": "AQEB" + "x" * 52,
                "body": f'{{"order": {batch * 10 + n}, "total": "12.50"}}',
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1767323045678",
                    "SenderId": "AIDALAMBDARUN00000000",
                    "ApproximateFirstReceiveTimestamp": "1767323045690",
                },
                "messageAttributes": {},
                "md5OfBody": "0123456789abcdef0123456789abcdef",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:q",
                "awsRegion": "us-east-1",
            }
            for n in range(10)
        ]
        events.append(json.dumps({"Records": records}).encode())
    return events


def orders_handler(event: Any) -> object:
    """The floor's own copy of the handler."""
    failures = []
    for record in event["Records"]:
        if record["body"] == "poison":
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
