"""Files to arrivals: formats, times, order, and what is said of bad ones."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarun.errors import RecordingError
from lambdarun.model.arrival import BatchArrival, Delivery, EventArrival, MessageArrival
from lambdarun.model.instant import Instant, iso, parse_instant
from lambdarun.recordings.json_lines import json_lines
from lambdarun.recordings.read import Recording
from lambdarun.recordings.to_arrivals import Timeline, arrivals_of, message_of

S3 = {
    "Records": [
        {
            "eventSource": "aws:s3",
            "eventTime": "2026-01-02T03:04:05.678Z",
            "s3": {"bucket": {"arn": "arn:aws:s3:::b"}},
        }
    ]
}
BUS = {
    "detail-type": "d",
    "source": "demo",
    "detail": {},
    "time": "2026-01-02T03:04:07Z",
    "resources": ["arn:aws:x"],
}


def read(path: Path, text: str | bytes, **settings: Any) -> list[Any]:
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(data)
    return list(Recording([path], **settings))


def times(arrivals: list[Any]) -> list[str]:
    return [iso(arrival.time)[11:19] for arrival in arrivals]


def test_a_single_event_keeps_its_exact_text(tmp_path: Path) -> None:
    text = json.dumps(S3, indent=4)
    (arrival,) = read(tmp_path / "event.json", text)
    assert isinstance(arrival, EventArrival)
    assert arrival.payload == text.encode()
    assert (arrival.source, arrival.delivery, arrival.arn) == ("s3", Delivery.ASYNC, "arn:aws:s3:::b")
    assert times([arrival]) == ["03:04:05"]


def test_an_array_is_one_event_an_item(tmp_path: Path) -> None:
    assert [a.source for a in read(tmp_path / "e.json", json.dumps([BUS, S3]))] == ["s3", "eventbridge"]


def test_an_array_of_a_pipe_is_one_event(tmp_path: Path) -> None:
    (arrival,) = read(
        tmp_path / "e.json", json.dumps([{"messageId": "1", "eventSource": "aws:sqs", "eventSourceARN": "a"}])
    )
    assert arrival.source == "pipes"


def test_one_event_a_line_with_blank_lines_a_mark_and_carriage_returns(tmp_path: Path) -> None:
    text = "\ufeff" + json.dumps(S3) + "\r\n\r\n" + json.dumps(BUS) + "\r\n"
    assert [a.source for a in read(tmp_path / "e.jsonl", text)] == ["s3", "eventbridge"]


def test_values_without_separators(tmp_path: Path) -> None:
    assert len(read(tmp_path / "e.json", json.dumps(S3) + json.dumps(BUS))) == 2


def test_compressed_files(tmp_path: Path) -> None:
    assert (
        len(read(tmp_path / "e.jsonl.gz", gzip.compress((json.dumps(S3) + "\n" + json.dumps(BUS)).encode())))
        == 2
    )


def test_a_timed_line_has_the_last_word_on_its_time(tmp_path: Path) -> None:
    lines = [
        {"time": "2026-05-01T00:00:01Z", "event": S3, "function": "fn"},
        {
            "time": 1777593602000,
            "event": {"custom": True},
            "source": "iot",
            "report": "REPORT x\tDuration: 5.84 ms\t",
        },
    ]
    first, second = read(tmp_path / "e.jsonl", "\n".join(map(json.dumps, lines)))
    assert times([first, second]) == ["00:00:01", "00:00:02"]
    assert first.function == "fn"
    assert second.source == "iot"
    assert second.duration == 5_840


def test_what_a_fifo_queue_knew_of_a_message_is_kept(tmp_path: Path) -> None:
    about = {
        "MessageGroupId": "g",
        "MessageDeduplicationId": "d",
        "AWSTraceHeader": "Root=1-2-3",
        "SenderId": "AIDA",
    }
    arn = "arn:aws:sqs:us-east-1:1:jobs.fifo"
    record = {"eventSource": "aws:sqs", "body": "x", "eventSourceARN": arn, "attributes": about}
    line = {"queue": "jobs.fifo", "body": "y", "message_group_id": "h", "message_deduplication_id": "e"}
    lines = [json.dumps({"Records": [record]}), json.dumps(line)]
    one, two = read(tmp_path / "fifo.jsonl", "\n".join(lines))
    assert (one.queue, one.message_group_id, one.message_deduplication_id) == ("jobs.fifo", "g", "d")
    assert (one.trace_header, one.sender_id) == ("Root=1-2-3", "AIDA")
    assert (two.queue, two.message_group_id, two.message_deduplication_id) == ("jobs.fifo", "h", "e")


def test_message_lines(tmp_path: Path) -> None:
    line = {
        "time": "2026-05-01T00:00:01Z",
        "queue": "orders",
        "body": "{}",
        "message_attributes": {"n": 6, "s": "x"},
    }
    (arrival,) = read(tmp_path / "e.jsonl", json.dumps(line) + "\n\n")
    assert isinstance(arrival, MessageArrival)
    assert arrival.queue == "orders"
    assert arrival.attributes["n"] == {"stringValue": "6", "dataType": "Number"}


def test_an_sqs_event_becomes_its_messages_at_the_times_they_were_sent(tmp_path: Path) -> None:
    records = [
        {"messageId": str(n), "body": f"b{n}", "attributes": {"SentTimestamp": f"{1767323045678 + n * 1000}"},
         "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:r:a:jobs"}
        for n in range(2)
    ]  # fmt: skip
    arrivals = read(tmp_path / "e.json", json.dumps({"Records": records}))
    assert [(a.queue, a.body, a.message_id) for a in arrivals] == [("jobs", "b0", "0"), ("jobs", "b1", "1")]
    assert times(arrivals) == ["03:04:05", "03:04:06"]


def test_a_streams_records_become_a_batch_a_shard(tmp_path: Path) -> None:
    records = [
        {"eventSource": "aws:kinesis", "eventID": f"shardId-{n % 2}:49", "eventSourceARN": "arn:s",
         "kinesis": {"approximateArrivalTimestamp": 1767323045.5}}
        for n in range(4)
    ]  # fmt: skip
    arrivals = read(tmp_path / "e.json", json.dumps({"Records": records}))
    assert [type(a) for a in arrivals] == [BatchArrival, BatchArrival]
    assert {(a.lane, a.size) for a in arrivals} == {("arn:s/shardId-0", 2), ("arn:s/shardId-1", 2)}


def test_untimed_events_follow_each_other_by_a_second_from_a_fixed_instant(tmp_path: Path) -> None:
    arrivals = read(tmp_path / "e.jsonl", '{"a": 1}\n{"a": 2}\n{"a": 3}\n')
    assert [iso(a.time)[:19] for a in arrivals] == [f"2026-01-01T00:00:0{n}" for n in range(3)]


def test_placeholder_times_of_1970_count_as_none(tmp_path: Path) -> None:
    event = {**S3, "Records": [{**S3["Records"][0], "eventTime": "1970-01-01T00:00:00Z"}]}
    assert iso(read(tmp_path / "e.json", json.dumps(event))[0].time).startswith("2026-01-01")


def test_arrivals_of_several_files_are_in_order_of_time(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json.dumps(BUS))
    (tmp_path / "a.json").write_text(json.dumps({**BUS, "time": "2026-01-03T00:00:00Z"}))
    (tmp_path / "notes.txt").write_text("no recording")
    (tmp_path / "README.md").write_text("no recording either, as anybody sees")
    recording = Recording([tmp_path])
    assert [iso(a.time)[8:10] for a in recording] == ["02", "03"]
    assert recording.notices == [f"{tmp_path}: passed over notes.txt (no recording by its name)"]


def test_start_at_shifts_the_whole_recording(tmp_path: Path) -> None:
    arrivals = read(
        tmp_path / "e.jsonl",
        json.dumps(S3) + "\n" + json.dumps(BUS),
        start_at=parse_instant("2030-01-01T00:00:00Z"),
    )
    assert [iso(a.time)[:23] for a in arrivals] == ["2030-01-01T00:00:00.000", "2030-01-01T00:00:01.322"]


def test_a_functions_log_gives_events_and_durations(tmp_path: Path) -> None:
    text = (
        "2026-05-01T00:00:01.000Z START RequestId: r1 Version: $LATEST\n"
        f"2026-05-01T00:00:01.001Z {json.dumps(BUS)}\n"
        "2026-05-01T00:00:02.000Z END RequestId: r1\n"
        "2026-05-01T00:00:02.000Z REPORT RequestId: r1\tDuration: 900.00 ms\tBilled Duration: 900 ms\n"
    )
    (arrival,) = read(tmp_path / "f.log", text)
    assert (arrival.source, arrival.duration) == ("eventbridge", 900_000)
    assert times([arrival]) == ["00:00:01"]


@pytest.mark.parametrize(
    ("name", "text", "place", "words"),
    [
        ("cut.json", '{"a": [1, 2', "cut.json:1:12", "is not JSON"),
        ("wrong.jsonl", '{"a": 1}\n{"b": }\n', "wrong.jsonl:2:7", "is not JSON"),
        ("empty.json", " \n", "empty.json", "is empty"),
        ("latin.json", b'{"a": "\xff"}', "latin.json:1", "is not UTF-8"),
        ("xray.json", '{"Traces": []}', "xray.json", "X-Ray traces"),
        ("keys.jsonl", '{"time": 1, "event": {}, "funtion": "x"}\n{}\n', "keys.jsonl:1", "funtion"),
        ("time.jsonl", '{"time": "noon", "event": {}}\n{}\n', "time.jsonl:1", '"noon" is no time'),
        ("body.json", '{"Records": [{"eventSource": "aws:sqs"}]}', "body.json", "without a body"),
    ],
)
def test_bad_files_are_told_with_their_place(
    tmp_path: Path, name: str, text: Any, place: str, words: str
) -> None:
    with pytest.raises(RecordingError) as told:
        read(tmp_path / name, text)
    assert str(told.value).startswith(str(tmp_path / place) + ": ")
    assert words in str(told.value)


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "orders.jsonl").write_text("{}")
    with pytest.raises(RecordingError, match=r"there is no such recording\. Did you mean orders\.jsonl\?"):
        list(Recording([tmp_path / "order.jsonl"]))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"time": true, "event": {}}', "time: true is no time."),
        ('{"time": 1e300, "event": {}}', "time: 1e+300 is no time."),
        ('{"time": -5, "event": {}}', "time: -5 is no time."),
        ('{"time": "0001-01-01T00:00:00Z", "event": {}}', 'time: "0001-01-01T00:00:00Z" is no time.'),
        ('{"time": "2026-01-01", "event": {}, "sorce": "s3"}', 'sorce: a timed line has no such key. Did you mean "source"?'),
        ('{"event": {}, "source": "s33"}', """source: 's33' is not known. Did you mean "s3"?"""),
        ('{"event": {}, "function": 5}', "function: 5 is no text."),
        ('{"event": {}, "report": "soon"}', "report: has no `Duration: ... ms`."),
        ('{"queue": "q", "body": {"a": 1}}', 'body: {"a": 1} is no text. Write the body as SQS carries it'),
        ('{"queue": null, "body": "x"}', "queue: null is no text."),
        ('{"queue": "q", "body": "x", "delay_seconds": "1"}', 'delay_seconds: "1" is no whole number.'),
        ('{"queue": "q", "body": "x", "message_attributes": [1]}', "[1] are no message attributes: they have names."),
        ('{"queue": "q", "body": "x", "message_attributes": {"a": null}}', "attribute 'a': None is neither text nor number"),
        ('{"queue": "q", "body": "x", "message_attributes": {"a": {"dataType": "Set"}}}', "has no dataType String, Number or Binary"),
        ('{"queue": "q", "body": "x", "message_attributes": {"a": {"binaryValue": "x"}}}', "attribute 'a': 'x' is no base64."),
        ('{"queue": "q", "body": "x", "message_attributes": {"a": {"binaryValue": "\u00e9"}}}', "attribute 'a': 'é' is no base64."),
        ('{"queue": "q", "body": "x", "duration_ms": -1}', "duration_ms: -1 is no duration."),
        ('{"queue": "q", "body": "x", "duration_ms": 1' + "0" * 400 + "}", "is no duration."),
        ('{"Records": [{"eventSource": "aws:sqs", "body": "x"}, 5]}', "is no event of sqs."),
        ('{"Records": [{"eventSource": "aws:kinesis"}, 5]}', "is no event of kinesis."),
        ('{"Records": [{"eventSource": "aws:sqs", "body": "x", "attributes": [1]}]}', "attributes have no names."),
        ("[]", "is an empty array."),
        ("[" * 100_000, "is not JSON: nested more than 1000 deep. AWS would refuse it too."),
        ('{"a": ' + "9" * 5_000 + "}", "is not JSON: a number of more than 1000 digits. AWS would refuse it too."),
        ("@timestamp,@message\n1,2\n", "it begins with '@timestamp,@message', as a CSV file does."),
        ("192.0.2.1 - - [17/May/2015:10:05:03 +0000] GET / 200", "as a web server's access log does."),
        ("START RequestId: 1 Version: 2\nEND RequestId: 1\n", "holds no event."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_field_and_remedy(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(RecordingError) as caught:
        read(tmp_path / "e.jsonl", '{"event": {}}\n' + line if line.startswith("{") else line)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/e.jsonl")
    if line.startswith("{"):
        assert str(caught.value).startswith(f"{tmp_path}/e.jsonl:2:")


def test_seconds_and_milliseconds_are_told_apart_by_their_size(tmp_path: Path) -> None:
    lines = [{"time": time, "event": {}} for time in (1767323045, 1767323046.0, "1767323047", 1767323048000)]
    found = read(tmp_path / "e.jsonl", "\n".join(map(json.dumps, lines)))
    assert times(found) == ["03:04:05", "03:04:06", "03:04:07", "03:04:08"]


def test_a_text_under_event_is_an_event_of_its_own(tmp_path: Path) -> None:
    for text in ('{"event": "signup"}', '{"event": "signup", "source": "web"}'):
        (arrival,) = read(tmp_path / "e.json", text)
        assert arrival.payload == text.encode()


def test_a_file_without_times_begins_with_the_first_event_that_has_one(tmp_path: Path) -> None:
    (tmp_path / "timed.json").write_text(json.dumps(S3))
    (tmp_path / "untimed.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    recording = Recording([tmp_path])
    assert [iso(a.time)[:19] for a in recording] == ["2026-01-02T03:04:05"] * 2 + ["2026-01-02T03:04:06"]
    assert recording.notices == [
        "2 of 3 events tell no time: each follows the one before it in its file by a second"
    ]


def test_names_that_cannot_be_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "orders.jsonl").write_text("{}")
    with pytest.raises(RecordingError, match=r"Did you mean orders\.jsonl\?"):
        list(Recording([tmp_path / "order.json"]))
    with pytest.raises(RecordingError, match=r"Name a file, a folder, or - for standard input"):
        list(Recording([tmp_path / "missing.jsonl"]))
    with pytest.raises(RecordingError, match=r"cannot be read: File name too long"):
        list(Recording([tmp_path / ("a" * 5_000)]))


LOGGED = base64.b64encode(
    gzip.compress(json.dumps({"logEvents": [{"timestamp": 1}, {"timestamp": 1767323047000}]}).encode())
).decode()
FAILED = {"requestPayload": {"a": 1}, "timestamp": "2026-01-02T03:07:05.000Z"}


@pytest.mark.parametrize(
    "event",
    [
        {"awslogs": {"data": LOGGED}},
        {"invokingEvent": '{"notificationCreationTime": "2026-01-02T03:04:07.1Z"}', "resultToken": "t"},
        {"invokingEvent": '{"configurationItem": {"configurationItemCaptureTime": "2026-01-02T03:04:07Z"}}', "resultToken": "t"},
        {"requestContext": {"serviceNetworkArn": "a", "timeEpoch": "1767323047177430"}},
        {"type": "REQUEST", "methodArn": "a", "requestContext": {"requestTimeEpoch": 1767323047000}},
        {**FAILED, "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3}, "timestamp": "2026-01-02T03:07:07Z"},
    ],
)  # fmt: skip
def test_events_that_tell_their_time_within_are_believed(tmp_path: Path, event: dict[str, Any]) -> None:
    assert times(read(tmp_path / "e.json", json.dumps(event))) == ["03:04:07"]


@pytest.mark.parametrize(
    ("event", "mend"),
    [
        ({"Messages": [{"Body": "x"}]}, "jq -c '.Messages[] | {queue: \"NAME\", body: .Body}'"),
        ({"Records": [{"Data": "eA==", "PartitionKey": "1"}], "NextShardIterator": "i"}, "Give each record the shape"),
        ({"events": [{"message": "{}", "timestamp": 1, "ingestionTime": 2}]}, "jq -c '.events[] | {time: .timestamp"),
        ({"log": {"entries": []}}, "make events of them"),
    ],
)  # fmt: skip
def test_what_holds_events_but_is_none_says_how_to_make_some(
    tmp_path: Path, event: dict[str, Any], mend: str
) -> None:
    with pytest.raises(RecordingError) as told:
        read(tmp_path / "e.json", json.dumps(event))
    assert mend in str(told.value)


def test_an_event_that_two_rows_of_the_table_know_is_told(tmp_path: Path) -> None:
    event = {"Records": [{"eventSource": "aws:s3"}], "awslogs": {"data": ""}}
    (tmp_path / "e.json").write_text(json.dumps(event))
    recording = Recording([tmp_path / "e.json"])
    (arrival,) = list(recording)
    assert isinstance(arrival, EventArrival)
    assert arrival.source == "s3"
    assert recording.notices == [f"{tmp_path / 'e.json'}: taken for s3, but looks like cloudwatch-logs too"]


@pytest.mark.parametrize("name", ["cognito-sender", "scheduler"])
def test_a_kind_of_a_service_is_not_another_service(name: str, tmp_path: Path) -> None:
    rows = map(
        json.loads, (Path(__file__).parent.parent / "data" / "detection.jsonl").read_text().splitlines()
    )
    event = next(row["event"] for row in rows if row.get("source") == name)
    (tmp_path / "e.json").write_text(json.dumps(event))
    recording = Recording([tmp_path / "e.json"])
    assert len(list(recording)) == 1
    assert recording.notices == []


def test_a_streams_on_failure_record_in_s3_holds_its_event(tmp_path: Path) -> None:
    event = {"Records": [{"eventSource": "aws:kinesis", "eventID": "shardId-0:1", "kinesis": {}}]}
    for payload in (event, json.dumps(event)):
        (tmp_path / "e.json").write_text(
            json.dumps({"KinesisBatchInfo": {"batchSize": 1}, "payload": payload})
        )
        (arrival,) = list(Recording([tmp_path / "e.json"]))
        assert isinstance(arrival, BatchArrival)
        assert json.loads(arrival.payload) == event


def test_attributes_of_a_message_line_are_plain_or_as_an_event_or_an_sdk_has_them(tmp_path: Path) -> None:
    given = {"a": "x", "b": 6, "c": {"stringValue": "y"}, "d": {"StringValue": "7", "DataType": "Number.int"}}
    given["e"] = {"binaryValue": "eA==", "dataType": "Binary", "stringListValues": []}
    (arrival,) = read(
        tmp_path / "m.jsonl", json.dumps({"queue": "q", "body": "x", "message_attributes": given})
    )
    assert arrival.attributes == {
        "a": {"stringValue": "x", "dataType": "String"},
        "b": {"stringValue": "6", "dataType": "Number"},
        "c": {"stringValue": "y", "dataType": "String"},
        "d": {"stringValue": "7", "dataType": "Number.int"},
        "e": {"binaryValue": "eA==", "dataType": "Binary"},
    }


ROWS = [
    json.loads(line)["event"]
    for line in (Path(__file__).parent.parent / "data" / "detection.jsonl").read_text().splitlines()
]
POLLED = ("sqs", "kinesis", "dynamodb", "kafka", "mq", "documentdb")
JUNK = st.sampled_from([None, 5, "x", [], {}, [1], {"a": 1}, True, -1.5, ""])


def damaged(value: Any, draw: Any) -> Any:
    """`value` with some of its members left out and some replaced."""
    if draw(st.integers(0, 8)) == 0:
        return draw(JUNK)
    if isinstance(value, dict):
        return {key: damaged(item, draw) for key, item in value.items() if draw(st.integers(0, 15))}
    if isinstance(value, list):
        return [damaged(item, draw) for item in value]
    return value


@given(data=st.data(), row=st.sampled_from(ROWS))
def test_a_damaged_event_is_an_arrival_or_told_and_never_a_traceback(data: Any, row: Any) -> None:
    text = json.dumps(damaged(row, data.draw))
    timeline = Timeline(Instant(0))
    notices: list[str] = []
    try:
        for line, message in json_lines("event.json", text):
            if message is not None:
                message_of(line, message, timeline)
            else:
                list(arrivals_of(line, timeline, notices))
    except RecordingError as fault:
        told = str(fault)
    else:
        told = "event.json"
    assert told.startswith("event.json")


@pytest.mark.parametrize(
    ("source", "delivery"),
    [
        ("s3", Delivery.ASYNC),
        ("sns", Delivery.ASYNC),
        ("eventbridge", Delivery.ASYNC),
        ("iot", Delivery.ASYNC),
        ("cognito", Delivery.SYNC),
    ],
)
def test_a_source_that_the_recording_names_decides_the_delivery(
    tmp_path: Path, source: str, delivery: Delivery
) -> None:
    (arrival,) = read(tmp_path / "a.jsonl", json.dumps({"event": {"made": "up"}, "source": source}))
    assert isinstance(arrival, EventArrival)
    assert (arrival.source, arrival.delivery) == (source, delivery)


@pytest.mark.parametrize("time", [{}, {"time": "2026-01-02T03:04:05Z"}], ids=["untimed", "timed"])
@pytest.mark.parametrize(
    ("source", "event"),
    [
        *((source, event) for source in ("sqs", "kinesis", "dynamodb") for event in ({}, {"made": "up"}, {"Records": [1]})),
        *((source, event) for source in POLLED for event in (3, None, [1], "signup", [])),
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_a_batch_of_the_source_named_is_told(
    tmp_path: Path, source: str, event: object, time: dict[str, str]
) -> None:
    lines = [{"event": {}}, {"event": event, "source": source, **time}]
    with pytest.raises(RecordingError) as told:
        read(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines)))
    needs = '"Records": [...], one object a record.' if isinstance(event, dict) else "to be an object."
    assert str(told.value).startswith(f"{tmp_path}/a.jsonl:2: is no event of {source}. It needs {needs}")


@pytest.mark.parametrize("source", ["kafka", "mq", "documentdb"])
def test_any_object_is_a_batch_of_a_broker_that_the_recording_names(tmp_path: Path, source: str) -> None:
    (arrival,) = read(tmp_path / "a.jsonl", json.dumps({"event": {"made": "up"}, "source": source}))
    assert isinstance(arrival, BatchArrival)
    assert (arrival.source, arrival.lane, json.loads(arrival.payload)) == (source, source, {"made": "up"})
