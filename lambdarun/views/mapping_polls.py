"""What idle pollers do: long polls that find nothing, computed and not played one by one.

A poller without a batch asks its queue again and again, and each call waits 20 s: five of them make 15 a minute, 21,600
a day. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.aws import metric_names as names
from lambdarun.model.event_records import BatchDropped, BatchReceived, BatchSettled
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.mapping_records import MappingChanged, MappingScaled
from lambdarun.model.poller_fleet import scaling_of
from lambdarun.views.queue_metrics import MINUTES_TOLD, PERIOD, Adds

_POLL: Final = limits.POLLER_WAIT.value * SECOND


@define(eq=False)
class _Pollers:
    """Those of one mapping. `idle` is the time of all that found nothing and is not told yet, in microseconds."""

    queue: str
    uuid: str
    level: int
    provisioned: bool
    since: Instant | None = None
    busy: int = 0
    idle: int = 0

    def go_on(self, time: Instant) -> None:
        """They went on as they were until `time`."""
        if self.since is not None:
            self.idle += max(self.level - self.busy, 0) * (time - self.since)
        self.since = time


@define(eq=False)
class MappingPolls:
    """Hands datapoints to `add`: NumberOfEmptyReceives of queues, ProvisionedPollers of mappings. `mappings` are those
    that are in place at first.
    """

    add: Adds
    mappings: Iterable[EventSourceMapping] = ()
    _pollers: dict[str, _Pollers] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        for mapping in self.mappings:
            level = scaling_of(mapping).start if mapping.enabled else 0
            provisioned = mapping.provisioned_pollers is not None
            self._pollers[mapping.name] = _Pollers(mapping.queue, mapping.uuid, level, provisioned)

    def readers(self) -> dict[type, Callable[[Any], None]]:
        """Who reads which records."""
        return {
            MappingChanged: self.change,
            MappingScaled: self.scale,
            BatchReceived: self.receive,
            BatchSettled: self.free,
            BatchDropped: self.free,
        }

    def change(self, record: MappingChanged) -> None:
        """A mapping came, went, or polls otherwise."""
        found = self._pollers.get(record.mapping)
        if found is None:
            found = self._pollers[record.mapping] = _Pollers(record.queue, record.uuid, 0, False)
        found.go_on(record.time)
        found.level = record.concurrency
        found.provisioned = record.provisioned
        if not record.state:
            del self._pollers[record.mapping]

    def scale(self, record: MappingScaled) -> None:
        """A mapping may have another number of batches."""
        found = self._pollers.get(record.mapping)
        if found is not None:
            found.go_on(record.time)
            found.level = record.concurrency

    def receive(self, record: BatchReceived) -> None:
        """A poller has a batch."""
        found = self._pollers.get(record.mapping)
        if found is not None:
            found.go_on(record.time)
            found.busy += 1

    def free(self, record: BatchSettled | BatchDropped) -> None:
        """A poller has its batch no more."""
        found = self._pollers.get(record.mapping)
        if found is not None:
            found.go_on(record.time)
            found.busy -= 1

    def pass_minutes(self, first: int, minute: int) -> None:
        """Time went on from minute `first` to `minute`: tell of each that is over."""
        for pollers in self._pollers.values():
            if not first:
                pollers.since = Instant(minute * PERIOD)
                continue
            told = max(first, minute - MINUTES_TOLD)
            if told > first:
                pollers.since = Instant(told * PERIOD)
            for passed in range(told, minute):
                time = Instant(passed * PERIOD)
                pollers.go_on(Instant(time + PERIOD))
                count, pollers.idle = divmod(pollers.idle, _POLL)
                if count:
                    self.add(names.EMPTY_RECEIVES, (("QueueName", pollers.queue),), time, 1, count)
                if pollers.provisioned and pollers.level:
                    each = limits.BATCHES_PER_POLLER.value
                    self.add(
                        names.PROVISIONED_POLLERS,
                        (("EventSourceMappingUUID", pollers.uuid),),
                        time,
                        -(-pollers.level // each),
                    )
