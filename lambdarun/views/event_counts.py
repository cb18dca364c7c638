"""What a mapping counts of its events, where its MetricsConfig asks for that (EventCount).

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

from lambdarun.aws import metric_names as names
from lambdarun.aws.metric_names import Metric
from lambdarun.model.event_records import BatchDelayed, BatchReceived, BatchSettled
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.instant import Instant
from lambdarun.model.mapping_records import MappingChanged, MessagesFiltered
from lambdarun.model.records import InvocationStarted
from lambdarun.views.queue_metrics import MINUTES_TOLD, PERIOD, Adds


# By the guide's words: InvokedEventCount counts an event once for each attempt, throttled ones too; what fails counts at
# the end of its invocation, what invokes at its start. DroppedEventCount and OnFailureDestinationDeliveredEventCount
# are for sources whose retries a mapping limits: for a queue AWS emits neither.
@define(eq=False)
class EventCounts:
    """Hands datapoints of all mappings that ask for them to `add`. `mappings` are those that are in place at first."""

    add: Adds
    mappings: Iterable[EventSourceMapping] = ()
    _uuids: dict[str, str] = field(init=False)
    """Of the mappings that are counted, by name."""
    _polling: dict[str, None] = field(init=False)
    """Those of them that receive."""
    _started: dict[str, Instant] = field(factory=dict, init=False)
    """When invocations under way began, by request id."""

    def __attrs_post_init__(self) -> None:
        counted = [mapping for mapping in self.mappings if mapping.event_count]
        self._uuids = {mapping.name: mapping.uuid for mapping in counted}
        self._polling = dict.fromkeys(mapping.name for mapping in counted if mapping.enabled)

    def readers(self) -> dict[type, Callable[[Any], None]]:
        """Who reads which records."""
        return {
            MappingChanged: self.change,
            BatchReceived: self.receive,
            MessagesFiltered: self.filter,
            InvocationStarted: self.start,
            BatchDelayed: self.delay,
            BatchSettled: self.settle,
        }

    def change(self, record: MappingChanged) -> None:
        """A mapping came, went, or has other settings."""
        if record.event_count and record.state:
            self._uuids[record.mapping] = record.uuid
        else:
            self._uuids.pop(record.mapping, None)
        if record.mapping in self._uuids and record.concurrency:
            self._polling[record.mapping] = None
        else:
            self._polling.pop(record.mapping, None)

    def receive(self, record: BatchReceived) -> None:
        """A batch was polled."""
        self._count(names.POLLED_EVENTS, record.mapping, record.time, len(record.message_ids))

    def filter(self, record: MessagesFiltered) -> None:
        """Messages were polled, and are in no batch."""
        for metric in (names.POLLED_EVENTS, names.FILTERED_OUT_EVENTS):
            self._count(metric, record.mapping, record.time, len(record.message_ids))

    def start(self, record: InvocationStarted) -> None:
        """An invocation began, perhaps with a batch."""
        if record.trigger in self._uuids:
            self._started[record.request_id] = record.time

    def delay(self, record: BatchDelayed) -> None:
        """An attempt to invoke did not come to an end: throttled, or lost."""
        if record.messages:
            for metric in (names.INVOKED_EVENTS, names.FAILED_INVOKE_EVENTS):
                self._count(metric, record.mapping, record.time, record.messages)

    def settle(self, record: BatchSettled) -> None:
        """An invocation with a batch ended."""
        if record.mapping not in self._uuids:
            return
        began = self._started.pop(record.request_id, record.time)
        deleted, kept = len(record.deleted), len(record.failed)
        self._count(names.INVOKED_EVENTS, record.mapping, began, deleted + kept)
        # What succeeded too late to be deleted did not fail.
        failed = 0 if record.verdict == "succeeded" else kept
        self._count(names.FAILED_INVOKE_EVENTS, record.mapping, record.time, failed)
        if record.verdict in ("succeeded", "partial"):
            self._count(names.DELETED_EVENTS, record.mapping, record.time, deleted)

    def pass_minutes(self, first: int, minute: int) -> None:
        """Minutes went by: a mapping that polls and finds nothing counts 0 polled events in each."""
        for name in self._polling if first else ():
            for passed in range(max(first, minute - MINUTES_TOLD), minute):
                self._count(names.POLLED_EVENTS, name, Instant(passed * PERIOD), 0)

    def _count(self, metric: Metric, mapping: str, time: Instant, value: int) -> None:
        uuid = self._uuids.get(mapping)
        if uuid is not None:
            self.add(metric, (("EventSourceMappingUUID", uuid),), time, value)
