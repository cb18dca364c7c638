"""https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lambdarun.model.draws import Draws
from lambdarun.model.event_filter import EventFilter, FilterSource, PatternFault, source_pattern
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.message import NewMessage, Received
from lambdarun.model.queue import Queue
from lambdarun.model.sqs_queue import SqsQueue

ARN = "arn:aws:sqs:us-east-1:123456789012:q"


def received(body: str, **more: Any) -> Received:
    queue = SqsQueue(Queue(name="q"), ARN, Draws(0))
    queue.send(Instant(SECOND), NewMessage(body=body, **more), [])
    (one,) = queue.receive(Instant(2 * SECOND), 1, [])
    return one


def filters(*patterns: Any, source: FilterSource = FilterSource.SQS, **more: Any) -> EventFilter:
    return EventFilter([json.dumps(pattern) for pattern in patterns], source, **more)


def test_without_patterns_everything_passes() -> None:
    assert filters().passes(received("anything"))
    assert EventFilter((), FilterSource.KINESIS).passes_record({})


def test_one_of_the_patterns_must_match() -> None:
    wanted = filters({"body": {"a": [1]}}, {"body": {"b": [2]}})
    assert wanted.passes(received('{"b": 2}'))
    assert not wanted.passes(received('{"a": 2, "b": 1}'))


@pytest.mark.parametrize(
    ("body", "pattern", "passes"),
    [
        ("ERROR 3", {"body": ["ERROR 3"]}, True),
        ("ERROR 3", {"body": [{"prefix": "ERR"}]}, True),
        ("INFO", {"body": [{"prefix": "ERR"}]}, False),
        ("ERROR 3", {"eventSource": ["aws:sqs"]}, True),
        ("ERROR 3", {"body": {"level": [{"exists": False}]}}, False),
        ('{"level": "ERROR"}', {"body": [{"prefix": "{"}]}, False),
        ('{"level": "ERROR"}', {"body": [{"exists": False}]}, False),
        ('{"level": "ERROR"}', {"eventSource": ["aws:sqs"]}, True),
        ('{"level": "ERROR"}', {"body": {"level": ["ERROR"]}}, True),
        ('{"level": "ERROR"}', {"body.level": ["ERROR"]}, True),
        ('{"level": "ERROR"}', {"body": {"level": ["INFO"]}}, False),
        ('{"level": "ERROR"', {"body": {"level": ["ERROR"]}}, False),
        ('{"level": NaN}', {"body": {"level": [{"exists": True}]}}, False),
        (' {"level": "ERROR"}\n', {"body": {"level": ["ERROR"]}}, True),
        # A JSON body that is no object is taken for the text that it is.
        ("17", {"body": ["17"]}, True),
        ("17", {"body": [17]}, False),
        ('["a"]', {"body": ["a"]}, False),
        # JSON within JSON is a text.
        ('{"inner": "{\\"a\\": 1}"}', {"body": {"inner": {"a": [1]}}}, False),
    ],
)
def test_text_and_json_bodies_go_with_patterns_of_their_kind(
    body: str, pattern: dict[str, Any], passes: bool
) -> None:
    assert filters(pattern).passes(received(body)) == passes
    assert filters(pattern).passes_record({"body": body, "eventSource": "aws:sqs"}) == passes


def test_alternatives_within_a_pattern_go_with_bodies_of_their_own_kind() -> None:
    wanted = filters({"$or": [{"body": ["ping"]}, {"body": {"kind": ["ping"]}}]})
    assert wanted.passes(received("ping"))
    assert wanted.passes(received('{"kind": "ping"}'))
    assert not wanted.passes(received("pong"))


def test_other_fields_of_a_message_are_seen_as_the_function_would_see_them() -> None:
    message = received(
        '{"a": 1}', attributes={"Kind": {"stringValue": "x", "dataType": "String"}}, sender_id="AROA"
    )
    by_attribute = {"messageAttributes": {"Kind": {"stringValue": ["x"]}}, "body": {"a": [1]}}
    wanted = filters(by_attribute, arn=ARN, region="us-east-1")
    assert wanted.passes(message)
    assert wanted.metadata_keys == ("messageAttributes",)
    assert filters({"eventSourceARN": [{"suffix": ":q"}]}, arn=ARN).passes(message)
    assert filters({"attributes": {"ApproximateReceiveCount": ["1"]}}).passes(message)
    assert not filters({"attributes": {"ApproximateReceiveCount": [1]}}).passes(message)


def kinesis(data: bytes, **more: Any) -> dict[str, Any]:
    fields = {"partitionKey": "p", "sequenceNumber": "1", "data": base64.b64encode(data).decode(), **more}
    return {"eventSource": "aws:kinesis", "eventID": "shard:1", "kinesis": fields}


def test_data_of_kinesis_is_matched_decoded() -> None:
    wanted = filters({"data": {"temperature": [{"numeric": [">", 30]}]}}, source=FilterSource.KINESIS)
    assert wanted.passes_record(kinesis(b'{"temperature": 31}'))
    assert not wanted.passes_record(kinesis(b'{"temperature": 29}'))
    assert not wanted.passes_record(kinesis(b"hot"))
    assert not wanted.passes_record(kinesis(b"\xff\xfe"))
    assert wanted.passes_record({"data": base64.b64encode(b'{"temperature": 31}').decode()})
    assert not wanted.passes_record({"kinesis": [], "data": 3})


def test_fields_of_kinesis_stand_beside_its_data() -> None:
    wanted = filters({"partitionKey": ["p"]}, source=FilterSource.KINESIS)
    assert wanted.passes_record(kinesis(b"anything"))
    assert not filters({"kinesis": {"partitionKey": ["p"]}}, source=FilterSource.KINESIS).passes_record(
        kinesis(b"anything")
    )


@pytest.mark.parametrize(
    ("source", "key"), [(FilterSource.KINESIS, "data"), (FilterSource.DYNAMODB, "dynamodb")]
)
def test_a_plain_pattern_for_a_stream_is_refused(source: FilterSource, key: str) -> None:
    with pytest.raises(PatternFault) as told:
        source_pattern(json.dumps({key: ["text"]}), source)
    assert (told.value.key, told.value.column) == (key, len(key) + 6)


def image(**attributes: Any) -> dict[str, Any]:
    return {"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": {"NewImage": attributes}}


def test_row_19_leaves_of_patterns_are_awss() -> None:
    def passes(pattern: Any, record: dict[str, Any]) -> bool:
        wanted = filters({"dynamodb": {"NewImage": pattern}}, source=FilterSource.DYNAMODB)
        return wanted.passes_record(record)

    record = image(n={"N": "101"})
    assert not passes({"n": {"N": [{"numeric": [">", 100]}]}}, record)
    assert not passes({"n": [{"exists": True}]}, record)
    assert passes({"n": {"N": [{"exists": True}]}}, record)
    assert not passes({"missing": {"S": [{"anything-but": ["x"]}]}}, record)
    decoded = filters({"data": {"n": [{"numeric": [">", 100]}]}}, source=FilterSource.KINESIS)
    assert decoded.passes_record(kinesis(b'{"n": 101}'))
    assert not decoded.passes_record(kinesis(b'{"n": "101"}'))


def test_events_of_a_table_are_matched_by_their_names_as_well() -> None:
    wanted = filters({"eventName": ["INSERT"], "eventSource": ["aws:dynamodb"]}, source=FilterSource.DYNAMODB)
    assert wanted.passes_record(image())
    assert not wanted.passes_record({**image(), "eventName": "MODIFY"})


def test_why_a_record_does_not_pass_is_told_for_each_pattern() -> None:
    wanted = filters({"body": {"a": [1], "b": {"c": [2]}}}, {"body": ["x"]}, {"awsRegion": ["eu-west-1"]})
    assert wanted.why_not({"body": '{"a": 1, "b": {"c": 3}}'}) == [
        "body.b.c is 3",
        "body is a JSON object, and the pattern takes it for a plain string",
        "awsRegion is missing",
    ]
