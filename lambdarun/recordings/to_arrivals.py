"""One recorded event to the arrivals that it stands for, by the service that made it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import define, evolve

from lambdarun.errors import Place, RecordingError
from lambdarun.model.arrival import Arrival, BatchArrival, Delivery, EventArrival, MessageArrival
from lambdarun.model.instant import MILLISECOND, SECOND, Duration, Instant
from lambdarun.recordings.detect import (
    ASYNCHRONOUS_SOURCES,
    POLLED_SOURCES,
    NoEvent,
    Recognised,
    recognise,
)
from lambdarun.recordings.event_clock import EARLIEST, event_time, number_time

# https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html and with-ddb.html; brokers keep no such limit of their
# own that a recording could tell, so their batches are retried for a day as well.
RETENTION: Final = Duration(86_400 * SECOND)
UNTIMED_STEP: Final = Duration(SECOND)
"""Events that tell no time follow each other by a second."""


@define
class Timeline:
    """Gives each event of a file its time: the recording's own, the event's, or a second after the one before."""

    last: Instant

    def time(self, recorded: Instant | None, source: str, event: Any) -> Instant:
        """The time of the next event."""
        found = recorded if recorded is not None else event_time(source, event)
        self.last = found if found is not None else Instant(self.last + UNTIMED_STEP)
        return self.last


@define
class Line:
    """One event as it was found, with what stood beside it."""

    place: Place
    event: Any
    text: bytes | None
    """The event's exact JSON text; None: make it from `event`."""
    time: Instant | None = None
    function: str | None = None
    source: str | None = None
    duration: Duration | None = None


def arrivals_of(line: Line, timeline: Timeline, notices: list[str]) -> Iterator[Arrival]:
    """The arrivals of one line. Raises RecordingError where it is no event at all."""
    event = line.event
    if (
        isinstance(event, dict)
        and "requestPayload" in event
        and isinstance(event.get("requestContext"), dict)
    ):
        # A destination record: its payload was an asynchronous event.
        inner = evolve(line, event=event["requestPayload"], text=None)
        yield from _event(inner, Recognised(line.source or _source_of(inner.event), Delivery.ASYNC), timeline)
        return
    found = recognise(event)
    if isinstance(found, NoEvent):
        raise RecordingError(line.place, f"is {found.seen}, not an event.", found.mend)
    if line.source is not None and line.source != found.source:
        notices.append(f"{line.place}: looks like {found.source}, the recording says {line.source}")
        found = evolve(found, source=line.source, delivery=_delivery(line, line.source, found.delivery))
    match found.source:
        case "sqs":
            yield from _messages(line, found, timeline)
        case "kinesis" | "dynamodb":
            yield from _shards(line, found, timeline)
        case "kafka" | "mq" | "documentdb":
            yield _batch(line, found, timeline, found.arn or found.source, _size(event))
        case _:
            yield from _event(line, found, timeline)


def _delivery(line: Line, source: str, seen: Delivery) -> Delivery:
    """How the service that the recording names calls, whatever its event looks like."""
    if source in POLLED_SOURCES:
        raise RecordingError(
            line.place, f"is no event of {source}.", "Give it the service's own shape, or leave source out."
        )
    if source in ASYNCHRONOUS_SOURCES:
        return Delivery.ASYNC
    return Delivery.SYNC if seen is Delivery.POLL else seen


def message_of(line: Line, fields: Mapping[str, Any], timeline: Timeline) -> MessageArrival:
    """A message line: `{"queue": ..., "body": ...}`."""
    return MessageArrival(
        time=timeline.time(line.time, "sqs", None),
        place=line.place,
        queue=fields["queue"],
        body=fields["body"],
        message_id=fields.get("message_id"),
        attributes={name: _full(value) for name, value in fields.get("message_attributes", {}).items()},
        delay_seconds=fields.get("delay_seconds"),
        function=line.function,
        duration=line.duration,
    )


def _full(value: Any) -> Mapping[str, object]:
    if isinstance(value, dict):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"stringValue": str(value), "dataType": "Number"}
    return {"stringValue": str(value), "dataType": "String"}


def _source_of(event: Any) -> str:
    found = recognise(event)
    return found.source if isinstance(found, Recognised) else "custom"


def _payload(line: Line) -> bytes:
    if line.text is not None:
        return line.text
    return json.dumps(line.event, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _event(line: Line, found: Recognised, timeline: Timeline) -> Iterator[EventArrival]:
    yield EventArrival(
        time=timeline.time(line.time, found.source, line.event),
        place=line.place,
        source=found.source,
        delivery=found.delivery,
        payload=_payload(line),
        arn=found.arn,
        function=line.function,
        duration=line.duration,
    )


def _messages(line: Line, found: Recognised, timeline: Timeline) -> Iterator[MessageArrival]:
    for record in line.event["Records"]:
        if not isinstance(record, dict) or not isinstance(record.get("body"), str):
            raise RecordingError(
                line.place, "has an SQS record without a body.", "Each record needs a text `body`."
            )
        attributes = record.get("attributes") or {}
        arn = record.get("eventSourceARN")
        sent = line.time
        if sent is None and "SentTimestamp" in attributes:
            stamp = number_time(attributes["SentTimestamp"], MILLISECOND)
            sent = stamp if stamp >= EARLIEST else None
        yield MessageArrival(
            time=timeline.time(sent, "custom", None),
            place=line.place,
            queue=str(arn).rsplit(":", 1)[-1] if arn else "recorded",
            body=record["body"],
            message_id=record.get("messageId"),
            attributes=record.get("messageAttributes") or {},
            sender_id=attributes.get("SenderId"),
            arn=arn,
            function=line.function,
            duration=line.duration,
        )


def _shards(line: Line, found: Recognised, timeline: Timeline) -> Iterator[BatchArrival]:
    """A stream's event: all its records are of one shard, but a file made by hand may mix them."""
    lanes: dict[str, list[Any]] = {}
    for record in line.event["Records"]:
        arn = str(record.get("eventSourceARN", found.source))
        shard = str(record.get("eventID", "")).partition(":")[0] if found.source == "kinesis" else ""
        lanes.setdefault(f"{arn}/{shard}" if shard else arn, []).append(record)
    for lane, records in lanes.items():
        part = line if len(lanes) == 1 else evolve(line, event={**line.event, "Records": records}, text=None)
        yield _batch(part, found, timeline, lane, len(records))


def _batch(line: Line, found: Recognised, timeline: Timeline, lane: str, size: int) -> BatchArrival:
    time = timeline.time(line.time, found.source, line.event)
    return BatchArrival(
        time=time,
        place=line.place,
        source=found.source,
        lane=lane,
        payload=_payload(line),
        size=size,
        oldest=time,
        newest=time,
        retention=RETENTION,
        arn=found.arn,
        function=line.function,
        duration=line.duration,
    )


def _size(event: Any) -> int:
    for name in ("records", "rmqMessagesByQueue"):
        if isinstance(event.get(name), dict):
            return sum(len(records) for records in event[name].values())
    return len(event.get("messages") or event.get("events") or [])
