"""Functions and queues over time, read from the event log as it comes: a few hundred buckets, whatever the run's length."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

from lambdarun.model.event_records import (
    BatchReceived,
    BatchSettled,
    EventAccepted,
    EventDiscarded,
    EventSettled,
    MessageDeadLettered,
    MessageExpired,
    MessageReturned,
    MessageSent,
)
from lambdarun.model.instant import Instant
from lambdarun.model.mapping_records import MappingScaled, MessagesFiltered
from lambdarun.model.queue import FIFO_SUFFIX
from lambdarun.model.queue_records import (
    MessageDuplicated,
    MessagesDeleted,
    MessagesMovedBack,
    MessagesReceived,
    QueuePurged,
    QueueUpdated,
    VisibilityChanged,
)
from lambdarun.model.records import (
    InvocationFailed,
    InvocationLost,
    InvocationStarted,
    InvocationSucceeded,
    InvocationThrottled,
    Record,
)
from lambdarun.views.timeline_function import FunctionTimeline
from lambdarun.views.timeline_queue import QueueTimeline
from lambdarun.views.timeline_series import Scale


@define(eq=False)
class Timeline:
    """Reads records in order of time; its members are the series."""

    functions: dict[str, FunctionTimeline] = field(factory=dict, init=False)
    queues: dict[str, QueueTimeline] = field(factory=dict, init=False)
    scale: Scale | None = field(default=None, init=False)
    """None before the first record."""
    last: Instant | None = field(default=None, init=False)
    _readers: dict[type, Callable[[int, Any], None]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        function, queue = self.function, self.queue
        self._readers = {
            InvocationStarted: lambda at, r: function(r.function).take_started(at, r),
            InvocationSucceeded: lambda at, r: function(r.function).take_ended(at, r),
            InvocationFailed: lambda at, r: function(r.function).take_ended(at, r),
            InvocationLost: lambda at, r: function(r.function).take_lost(at, r),
            InvocationThrottled: lambda at, r: function(r.function).take_throttled(at),
            MappingScaled: lambda at, r: function(r.function).take_scaled(at, r),
            EventAccepted: lambda at, r: function(r.function).take_accepted(at),
            EventSettled: lambda at, r: function(r.function).take_settled(at),
            EventDiscarded: lambda at, r: function(r.function).take_settled(at),
            MessageSent: lambda at, r: queue(r.queue).take_sent(at, r),
            BatchReceived: lambda at, r: queue(r.queue).take_received(at, r),
            BatchSettled: lambda at, r: queue(r.queue).take_settled(at, r),
            MessagesReceived: lambda at, r: queue(r.queue).take_received(at, r),
            MessagesDeleted: lambda at, r: queue(r.queue).take_deleted(at, r),
            MessagesFiltered: lambda at, r: queue(r.queue).take_deleted(at, r),
            MessagesMovedBack: lambda at, r: queue(r.queue).take_moved_back(at, r),
            VisibilityChanged: lambda at, r: queue(r.queue).take_changed(at, r),
            QueuePurged: lambda at, r: queue(r.queue).take_purged(at, r),
            MessageReturned: lambda at, r: queue(r.queue).take_returned(at, r),
            MessageDeadLettered: self._moved,
            QueueUpdated: lambda at, r: queue(r.queue).take_updated(at, r),
            MessageDuplicated: lambda at, r: queue(r.queue).take_duplicated(at, r),
            MessageExpired: lambda at, r: queue(r.queue).take_expired(at, r),
        }

    def read(self, records: Iterable[Record]) -> None:
        """Take records in."""
        readers, scale = self._readers, self.scale
        record = None
        for record in records:
            reader = readers.get(type(record))
            if reader is None and scale is not None:
                continue
            time = record.time
            if scale is None:
                scale = self.scale = Scale(time)
            if time >= scale.ends:
                scale.reach(time)
            if reader is not None:
                reader(time // scale.width, record)
        if record is not None:
            self.last = record.time

    def finish(self) -> None:
        """Tell what stands at the end of the run. Once, behind its last record."""
        if self.scale is None or self.last is None:
            return
        self.scale.reach(self.last)
        bucket = self.last // self.scale.width
        for function in self.functions.values():
            function.finish(bucket)
        for queue in self.queues.values():
            queue.finish(bucket, self.last)

    @property
    def buckets(self) -> tuple[int, int]:
        """The number of the first bucket, and how many there are."""
        if self.scale is None or self.last is None:
            return 0, 0
        begin = self.scale.begin
        return begin, self.last // self.scale.width - begin + 1

    def function(self, name: str) -> FunctionTimeline:
        """The series of a function, begun where there are none."""
        found = self.functions.get(name)
        if found is None:
            found = self.functions[name] = FunctionTimeline(self._begun())
        return found

    def queue(self, name: str) -> QueueTimeline:
        """The series of a queue, begun where there are none."""
        found = self.queues.get(name)
        if found is None:
            found = self.queues[name] = QueueTimeline(self._begun(), name.endswith(FIFO_SUFFIX))
        return found

    def _begun(self) -> Scale:
        assert self.scale is not None  # each record is read behind the first
        self.scale.share(len(self.functions) + len(self.queues) + 1)
        return self.scale

    def _moved(self, bucket: int, record: MessageDeadLettered) -> None:
        group = self.queue(record.queue).take_moved(bucket, record)
        self.queue(record.target).take_dead_letter(bucket, record, group)
