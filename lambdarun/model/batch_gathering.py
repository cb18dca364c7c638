"""How received messages become batches: by count, window, bytes and filter.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Sequence
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.event_filter import EventFilter, FilterSource
from lambdarun.model.event_records import MessageId
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.filter_conditions import EVENT_BUS, EVENT_SOURCE_MAPPING
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.lambda_events import sqs_record
from lambdarun.model.mapping_records import MessagesFiltered
from lambdarun.model.message import PLAIN, Received
from lambdarun.model.queue_core import QueueCore
from lambdarun.model.records import Record

_RECORD_BYTES: Final = 4_000
_CHARACTER_BYTES: Final = 12
"""At most so much takes a record without its body and its attributes, and a character of its body (two escapes)."""
_NOTHING_MEASURED: Final = (0, len('{"Records":[]}'))
_NEVER: Final = Instant(1 << 62)


@define(eq=False)
class Gathering:
    """The messages of one mapping that were received and are in no batch yet."""

    declaration: EventSourceMapping
    function: Function
    queue: QueueCore
    region: str
    _gathered: list[Received] = field(factory=list, init=False)
    _until: Instant = field(default=_NEVER, init=False)
    """When the first of the gathered shows again."""
    _carried: deque[tuple[Received, Instant]] = field(factory=deque, init=False)
    """Received, but over the size limit of the batch before: the next one begins with them. With the time at which
    the first of that batch shows again."""
    window_ends: Instant | None = field(default=None, init=False)
    _measured: tuple[int, int] = field(default=_NOTHING_MEASURED, init=False)
    """How many of the gathered messages were measured, and the bytes of their event."""
    _filter: EventFilter | None = field(init=False)
    _fifo: bool = field(init=False)
    _groups: Counter[str | None] = field(factory=Counter, init=False)
    """Of a FIFO queue: the message groups in batches under way."""

    def __attrs_post_init__(self) -> None:
        self._filter = self._compiled()
        self._fifo = self.queue.fifo

    @property
    def is_open(self) -> bool:
        """Whether messages wait here for the end of a window."""
        return bool(self._gathered)

    def forget(self) -> None:
        """Give all messages up: they show again when their visibility timeout ends."""
        self._gathered, self._until, self._measured = [], _NEVER, _NOTHING_MEASURED
        self._carried.clear()
        self.window_ends = None

    def take(self, now: Instant, records: list[Record]) -> tuple[list[Received], Instant]:
        """The messages of the next batch, and when the first of them shows again; none where a window is still open or
        the queue is empty.
        """
        queue, gathered = self.queue, self._gathered
        if not (queue.ready or gathered or self._carried):
            return [], _NEVER
        window = self.declaration.maximum_batching_window_in_seconds
        size = self.declaration.batch_size
        if self._carried:
            self._take_carried(now, size)
        while len(gathered) < size and queue.ready:
            # As AWS: ten a receive, and a batch of more is several receives, which takes a window.
            wanted = min(size - len(gathered), limits.RECEIVE_BATCH.high)
            received = queue.receive(now, wanted, records, self._visibility_s(window))
            if not received:
                break
            if self._filter is not None:
                received = self._passing(now, self._filter, received, records)
            if received:
                self._until = min(self._until, received[0].message.shows)
                gathered += received
            if gathered and not window:
                break
        # More than a batch may be here where an update made batches smaller.
        fits = min(self._fitting(), size)
        if not gathered:
            self._until = _NEVER
            return [], _NEVER
        if window and fits == len(gathered) < size:
            # The window opens with its first message.
            if self.window_ends is None:
                self.window_ends = Instant(now + window * SECOND)
            if now < self.window_ends:
                return [], _NEVER
        return self._close(fits)

    def end(self, batch: Sequence[Received], kept: Collection[MessageId]) -> None:
        """Be told that a batch is not under way any more, and that these of its messages stay in the queue."""
        if not self._fifo:
            return
        self._groups -= Counter(received.message.message_group_id for received in batch)
        if kept and self._carried:
            # What was behind them in their groups is not handled before them: it comes back with them, in order.
            broken = {one.message.message_group_id for one in batch if one.message.id in kept}
            carried = (held for held in self._carried if held[0].message.message_group_id not in broken)
            self._carried = deque(carried)

    def change(self, declared: EventSourceMapping) -> None:
        """Go on with other settings."""
        other = declared.filter_patterns != self.declaration.filter_patterns
        self.declaration = declared
        if other:
            self._filter = self._compiled()

    def _compiled(self) -> EventFilter | None:
        patterns = self.declaration.filter_patterns
        if not patterns:
            return None
        every = self.declaration.all_filter_operators
        dialect = EVENT_BUS if every else EVENT_SOURCE_MAPPING
        return EventFilter(patterns, FilterSource.SQS, dialect, arn=self.queue.arn, region=self.region)

    def _passing(
        self, now: Instant, wanted: EventFilter, received: list[Received], records: list[Record]
    ) -> list[Received]:
        """Those that pass the filter; the others are deleted before they are in any batch."""
        passing = [one for one in received if wanted.passes(one)]
        if len(passing) < len(received):
            others = [one for one in received if one not in passing]
            self.queue.delete_all(others)
            declared, ids = self.declaration, tuple([one.message.id for one in others])
            records.append(MessagesFiltered(now, declared.name, declared.queue, self.function.name, ids))
        return passing

    def _take_carried(self, now: Instant, size: int) -> None:
        """Begin a batch with what was over. A FIFO group of which a batch is under way has to wait for its end."""
        held: list[tuple[Received, Instant]] = []
        carried, gathered = self._carried, self._gathered
        while carried and len(gathered) < size:
            received, until = carried.popleft()
            if now >= until:
                continue  # it shows again, for another receive
            if received.message.message_group_id in self._groups:
                held.append((received, until))
                continue
            gathered.append(received)
            self._until = min(self._until, until)
        carried.extendleft(reversed(held))

    def _close(self, fits: int) -> tuple[list[Received], Instant]:
        gathered, until = self._gathered, self._until
        self.window_ends = None
        self._measured, self._gathered, self._until = _NOTHING_MEASURED, [], _NEVER
        if fits < len(gathered):
            self._carried.extend((received, until) for received in gathered[fits:])
            del gathered[fits:]
        if self._fifo:
            self._groups += Counter(received.message.message_group_id for received in gathered)
        return gathered, until

    def _visibility_s(self, window: int) -> int:
        visibility = self.queue.declaration.visibility_timeout
        # Waiting for the window is part of the time for which the first message is hidden: AWS stretches it (with-sqs.html).
        if window and window + self.function.timeout > visibility:
            return window + self.function.timeout + limits.WINDOW_VISIBILITY_MARGIN.value
        return visibility

    def _fitting(self) -> int:
        """How many of the gathered fit into one event of at most 6 MB, metadata included."""
        gathered = self._gathered
        at_most = len(gathered) * _RECORD_BYTES
        for received in gathered:
            message = received.message
            if message.envelope is not PLAIN and (message.attributes or message.envelope.trace_header):
                break
            at_most += len(message.body) * _CHARACTER_BYTES
        else:
            if at_most < limits.BATCH_BYTES.value:
                return len(gathered)
        fits, total = self._measured
        while fits < len(gathered):
            tail = f"{self.queue.arn}{self.region}" + " " * 64
            record = sqs_record(gathered[fits], tail, " " * 30)
            total += len(record) + 1
            if total > limits.BATCH_BYTES.value:
                break
            fits += 1
            self._measured = fits, total
        # One message alone is too large once its characters are escaped.
        if fits == 0 and gathered:
            # Escaped it can never fit: left hidden, it comes back until the redrive policy moves it. In a FIFO queue its group
            # waits behind it.
            lost = gathered.pop(0).message.message_group_id
            if self._fifo:
                gathered[:] = [one for one in gathered if one.message.message_group_id != lost]
            return self._fitting()
        return fits
