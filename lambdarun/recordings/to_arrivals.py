"""One recorded event to the arrivals that it stands for, by the service that made it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import define, evolve

from lambdarun.aws import limits
from lambdarun.errors import Place, RecordingError
from lambdarun.model.arrival import Arrival, BatchArrival, Delivery, EventArrival, MessageArrival
from lambdarun.model.instant import SECOND, Duration, Instant, parse_instant
from lambdarun.model.json_text import parse
from lambdarun.model.message_attributes import normalised
from lambdarun.model.sources import SOURCES
from lambdarun.recordings.detect import NoEvent, Recognised, also_looks_like, recognise
from lambdarun.recordings.event_clock import EARLIEST, LATEST, event_time

# Brokers keep no such limit of their own that a recording could tell, so their batches are retried for a day as well.
RETENTION: Final = Duration(limits.STREAM_RETENTION.value * SECOND)
UNTIMED_STEP: Final = Duration(SECOND)
"""Events that tell no time follow each other by a second."""


@define
class Timeline:
    """Gives each event of a file its time: the recording's own, the event's, or a second after the one before."""

    last: Instant
    untimed: int = 0

    def time(self, recorded: Instant | None, source: str, event: Any) -> Instant:
        """The time of the next event."""
        found = recorded if recorded is not None else event_time(source, event)
        self.untimed += found is None
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
        time = line.time if line.time is not None else _accepted(event)
        inner = evolve(line, event=event["requestPayload"], text=None, time=time)
        yield from _event(inner, Recognised(line.source or _source_of(inner.event), Delivery.ASYNC), timeline)
        return
    if isinstance(event, dict) and ("KinesisBatchInfo" in event or "DDBStreamBatchInfo" in event):
        payload = event.get("payload")
        if payload is not None:
            # An on-failure record in S3 holds the whole event.
            try:
                inside = parse(payload) if isinstance(payload, str) else payload
            except ValueError as fault:
                raise RecordingError(line.place, f"payload: {fault}.", "It should hold an event.") from None
            yield from arrivals_of(evolve(line, event=inside, text=None), timeline, notices)
            return
    found = recognise(event)
    if isinstance(found, NoEvent):
        raise RecordingError(line.place, f"is {found.seen}, not an event.", found.mend)
    if line.source is not None and line.source != found.source:
        if found.source != "custom":
            notices.append(f"{line.place}: looks like {found.source}, the recording says {line.source}")
        found = evolve(found, source=line.source, delivery=SOURCES[line.source])
    elif others := also_looks_like(event, found):
        notices.append(f"{line.place}: taken for {found.source}, but looks like {', '.join(others)} too")
    if isinstance(event, dict) and event.get("Event") == "s3:TestEvent":
        notices.append(
            f"{line.place}: S3 sends its test event to queues and topics; a function gets a dry run"
        )
    if found.delivery is Delivery.POLL:
        _check_batch(line, found.source)
    match found.source:
        case "sqs":
            yield from _messages(line, found, timeline)
        case "kinesis" | "dynamodb":
            yield from _shards(line, found, timeline)
        case "kafka" | "mq" | "documentdb":
            yield _batch(line, found, timeline, found.arn or found.source, _size(event))
        case _:
            yield from _event(line, found, timeline)


def _accepted(record: Mapping[str, Any]) -> Instant | None:
    """When a destination record's event was accepted: its timestamp is that of the last attempt."""
    count = record["requestContext"].get("approximateInvokeCount")
    try:
        last = parse_instant(record["timestamp"])
    except (KeyError, TypeError, ValueError):
        return None
    waits = (limits.FUNCTION_ERROR_WAIT_FIRST.value, limits.FUNCTION_ERROR_WAIT_SECOND.value)
    retries = max(0, count - 1) if isinstance(count, int) else 0
    began = Instant(last - sum(waits[:retries]) * SECOND)
    return began if EARLIEST <= began < LATEST else None


def _check_batch(line: Line, source: str) -> None:
    """Raises RecordingError where an event of `source` is no batch such as that service writes."""
    if not isinstance(line.event, dict):
        mend = 'It needs to be an object. (An event with such keys of its own goes into {"event": ...}.)'
        raise RecordingError(line.place, f"is no event of {source}.", mend)
    records = line.event.get("Records")
    recorded = isinstance(records, list) and all(isinstance(record, dict) for record in records)
    if source in ("sqs", "kinesis", "dynamodb") and not recorded:
        raise RecordingError(
            line.place, f"is no event of {source}.", 'It needs "Records": [...], one object a record.'
        )


def message_of(line: Line, fields: Mapping[str, Any], timeline: Timeline) -> MessageArrival:
    """A message line: `{"queue": ..., "body": ...}`."""
    return MessageArrival(
        time=timeline.time(line.time, "sqs", None),
        place=line.place,
        queue=fields["queue"],
        body=fields["body"],
        message_id=fields.get("message_id"),
        attributes=_attributes(line, fields.get("message_attributes")),
        delay_seconds=fields.get("delay_seconds"),
        message_group_id=fields.get("message_group_id"),
        message_deduplication_id=fields.get("message_deduplication_id"),
        function=line.function,
        duration=line.duration,
    )


def _attributes(line: Line, given: Any) -> Mapping[str, Mapping[str, object]]:
    try:
        return normalised(given or {})
    except ValueError as fault:
        raise RecordingError(
            line.place, f"{fault}.", 'Write a text, a number, or {"stringValue": "6", "dataType": "Number"}.'
        ) from None


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
        if not isinstance(record.get("body"), str):
            raise RecordingError(
                line.place, "has an SQS record without a body.", "Each record needs a text `body`."
            )
        attributes = record.get("attributes") or {}
        if not isinstance(attributes, dict):
            raise RecordingError(
                line.place, "has an SQS record whose attributes have no names.", "Leave them out."
            )
        arn = record.get("eventSourceARN")
        # Each message by its own SentTimestamp: the batch that was recorded is AWS's doing, and lambdarun makes its own.
        sent = line.time if line.time is not None else event_time("sqs", {"Records": [record]})
        yield MessageArrival(
            time=timeline.time(sent, "custom", None),
            place=line.place,
            queue=str(arn).rsplit(":", 1)[-1] if arn else "recorded",
            body=record["body"],
            message_id=str(record["messageId"]) if record.get("messageId") is not None else None,
            attributes=_attributes(line, record.get("messageAttributes")),
            sender_id=_system(attributes, "SenderId"),
            message_group_id=_system(attributes, "MessageGroupId"),
            message_deduplication_id=_system(attributes, "MessageDeduplicationId"),
            trace_header=_system(attributes, "AWSTraceHeader"),
            arn=str(arn) if arn is not None else None,
            function=line.function,
            duration=line.duration,
        )


def _system(attributes: Mapping[str, Any], name: str) -> str | None:
    return str(attributes[name]) if name in attributes else None


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
        newest=time,
        retention=RETENTION,
        arn=found.arn,
        function=line.function,
        duration=line.duration,
    )


def _size(event: Any) -> int:
    for name in ("records", "rmqMessagesByQueue"):
        if isinstance(event.get(name), dict):
            return sum(len(records) for records in event[name].values() if isinstance(records, list))
    records = event.get("messages") or event.get("events")
    return len(records) if isinstance(records, list) else 0
