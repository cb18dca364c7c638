"""Files to arrivals: formats, times, order, and what is said of bad ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lambdarun.errors import RecordingError
from lambdarun.model.arrival import BatchArrival, Delivery, EventArrival, MessageArrival
from lambdarun.model.instant import iso, parse_instant
from lambdarun.recordings.read import Recording

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
    recording = Recording([tmp_path])
    assert [iso(a.time)[8:10] for a in recording] == ["02", "03"]
    assert recording.notices == [f"{tmp_path}: 1 other files passed over"]


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
        ("time.jsonl", '{"time": "noon", "event": {}}\n{}\n', "time.jsonl:1", "'noon' is no time"),
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
    ("source", "delivery"),
    [
        ("s3", Delivery.ASYNC),
        ("sns", Delivery.ASYNC),
        ("eventbridge", Delivery.ASYNC),
        ("cognito", Delivery.SYNC),
    ],
)
def test_a_source_that_the_recording_names_decides_the_delivery(
    tmp_path: Path, source: str, delivery: Delivery
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"event": {"made": "up"}, "source": source}))
    (arrival,) = Recording([path])
    assert isinstance(arrival, EventArrival)
    assert (arrival.source, arrival.delivery) == (source, delivery)


@pytest.mark.parametrize("source", ["sqs", "kinesis", "dynamodb", "kafka", "mq", "documentdb"])
@pytest.mark.parametrize("event", [{"made": "up"}, 3, None, [1]])
def test_an_event_that_is_none_of_the_polled_source_named_is_told(
    tmp_path: Path, source: str, event: object
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"event": event, "source": source}) + "\n")
    with pytest.raises(RecordingError, match=rf"a\.jsonl(:1)?: is no event of {source}\. Give it"):
        list(Recording([path]))
