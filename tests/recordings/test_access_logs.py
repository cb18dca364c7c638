"""Access logs as recordings, and recordings faster than they were or through a queue."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from lambdarun.errors import RecordingError
from lambdarun.model.arrival import Delivery, EventArrival, MessageArrival
from lambdarun.model.instant import iso
from lambdarun.recordings.read import Recording
from lambdarun.recordings.through_queue import through_queue

COMBINED = (
    '192.0.2.7 - - [17/May/2015:10:05:03 +0200] "GET /a%20b/?q=1&q=2&e= HTTP/1.1" 200 203 "http://from.example/"'
    ' "Mozilla \\"5\\""'
)
COMMON = '192.0.2.8 - anna [17/May/2015:08:05:01 +0000] "POST /form HTTP/1.0" 302 -'


def read(folder: Path, *lines: str, rate: int = 1) -> list[EventArrival]:
    (folder / "access.log").write_text("\n".join(lines) + "\n")
    found = list(Recording([folder / "access.log"], rate=Fraction(rate)))
    assert all(isinstance(one, EventArrival) for one in found)
    return found  # type: ignore[return-value]


def test_each_request_is_an_event_of_an_http_api_at_its_time(tmp_path: Path) -> None:
    first, second = read(tmp_path, COMBINED, COMMON)
    # By time, whatever the order of the lines: servers write a request when it has ended.
    assert (iso(first.time), iso(second.time)) == (
        "2015-05-17T08:05:01.000000Z",
        "2015-05-17T08:05:03.000000Z",
    )
    assert (second.source, second.delivery) == ("api-gateway-http", Delivery.SYNC)
    event = json.loads(second.payload)
    assert event["version"] == "2.0"
    assert (event["rawPath"], event["rawQueryString"]) == ("/a b/", "q=1&q=2&e=")
    assert event["queryStringParameters"] == {"q": "1,2", "e": ""}
    assert event["headers"] == {"referer": "http://from.example/", "user-agent": 'Mozilla "5"'}
    http = event["requestContext"]["http"]
    assert (http["method"], http["protocol"], http["sourceIp"]) == ("GET", "HTTP/1.1", "192.0.2.7")
    assert event["requestContext"]["timeEpoch"] == 1_431_849_903_000


def test_the_common_format_has_no_headers(tmp_path: Path) -> None:
    [arrival] = read(tmp_path, COMMON)
    event = json.loads(arrival.payload)
    assert event["headers"] == {}
    assert event["requestContext"]["http"]["method"] == "POST"
    assert "queryStringParameters" not in event


def test_what_is_no_http_is_passed_over_and_told(tmp_path: Path) -> None:
    probe = COMMON.replace("POST /form HTTP/1.0", "\\x16\\x03\\x01")
    (tmp_path / "access.log").write_text(f"{COMMON}\n{probe}\n")
    recording = Recording([tmp_path / "access.log"])
    assert len(list(recording)) == 1
    assert recording.notices[0].endswith("passed over 1 lines that hold no HTTP request (2)")


@pytest.mark.parametrize(
    "bad", ["not a line of it", COMMON.replace("May", "Mai"), COMMON.replace("17/", "47/")]
)
def test_a_line_of_another_kind_is_told_with_its_number(tmp_path: Path, bad: str) -> None:
    with pytest.raises(RecordingError, match=r"access\.log:2: is no line of an access log"):
        read(tmp_path, COMMON, bad)


def test_ten_times_the_rate_is_a_tenth_of_the_time_between(tmp_path: Path) -> None:
    first, second = read(tmp_path, COMBINED, COMMON, rate=10)
    assert iso(first.time) == "2015-05-17T08:05:01.000000Z"
    assert iso(second.time) == "2015-05-17T08:05:01.200000Z"


def test_through_a_queue_an_events_payload_is_a_messages_body(tmp_path: Path) -> None:
    arrivals = read(tmp_path, COMBINED, COMMON)
    sent = list(through_queue(arrivals, "web"))
    assert [one.time for one in sent] == [one.time for one in arrivals]
    assert [one.body.encode() for one in sent] == [one.payload for one in arrivals]
    assert {one.queue for one in sent} == {"web"}


def test_a_message_goes_to_the_other_queue_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text(
        json.dumps({"queue": "old", "body": "x", "message_id": "7", "duration_ms": 5})
    )
    [before] = list(Recording([tmp_path / "m.jsonl"]))
    assert isinstance(before, MessageArrival)
    [sent] = list(through_queue([before], "new"))
    assert (sent.queue, sent.body, sent.message_id, sent.duration) == ("new", "x", "7", before.duration)
