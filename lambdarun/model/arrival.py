"""Something from outside, with its time: what recordings yield and what a run is fed with."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import field, frozen

from lambdarun.errors import Place
from lambdarun.model.instant import Duration, Instant


class Delivery(Enum):
    """The three ways in which Lambda is invoked."""

    SYNC = "sync"
    ASYNC = "async"
    POLL = "poll"


@frozen(kw_only=True)
class EventArrival:
    """One event that a service hands to a function, synchronously or asynchronously."""

    time: Instant
    place: Place
    source: str
    """The service's short name, such as `s3` or `api-gateway-rest` (model/sources.py lists them)."""
    delivery: Delivery
    payload: bytes
    arn: str | None = None
    """The ARN that the event names as its origin, for routes by ARN."""
    function: str | None = None
    """The function that the recording itself names, if it does."""
    duration: Duration | None = None
    """How long the recorded invocation took, for `--durations recorded`."""


@frozen(kw_only=True)
class MessageArrival:
    """One SQS message, put into a queue at its time; a mapping takes it from there."""

    time: Instant
    place: Place
    queue: str
    """Name of the queue (the last part of its ARN)."""
    body: str
    message_id: str | None = None
    """The recorded MessageId; None draws one."""
    attributes: Mapping[str, Mapping[str, object]] = field(factory=dict)
    """Message attributes as they stand in a Lambda event: `{"n": {"stringValue": "6", "dataType": "Number"}}`."""
    sender_id: str | None = None
    delay_seconds: int | None = None
    message_group_id: str | None = None
    message_deduplication_id: str | None = None
    trace_header: str | None = None
    """AWSTraceHeader."""
    arn: str | None = None
    function: str | None = None
    duration: Duration | None = None
    source: str = "sqs"


@frozen(kw_only=True)
class BatchArrival:
    """A recorded batch of a stream, Kafka or MQ: delivered as it is, in order within its lane."""

    time: Instant
    place: Place
    source: str
    lane: str
    """What keeps order: the shard of a stream, the topic partition, the queue of a broker."""
    payload: bytes
    size: int
    """Number of records."""
    newest: Instant
    """When its newest record was written: retention and age count from here."""
    retention: Duration
    """How long the source keeps a record: the batch is retried until then."""
    arn: str | None = None
    function: str | None = None
    duration: Duration | None = None


Arrival = EventArrival | MessageArrival | BatchArrival
