"""How received messages become batches: by count, window, bytes and filter.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

from __future__ import annotations

from collections import deque
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.lambda_events import sqs_record
from lambdarun.model.message import Received
from lambdarun.model.records import Record
from lambdarun.model.sqs_queue import SqsQueue

_RECORD_BYTES: Final = 1_200
_CHARACTER_BYTES: Final = 12
"""At most so much takes a record without its body and its attributes, and a character of its body (two escapes)."""
_NOTHING_MEASURED: Final = (0, len('{"Records":[]}'))
_NEVER: Final = Instant(1 << 62)


@define(eq=False)
class Gathering:
    """The messages of one mapping that were received and are in no batch yet."""

    declaration: EventSourceMapping
    function: Function
    queue: SqsQueue
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

    @property
    def is_open(self) -> bool:
        """Whether messages wait here for the end of a window."""
        return bool(self._gathered)

    @property
    def is_empty(self) -> bool:
        """Whether no message is here."""
        return not self._gathered and not self._carried

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
        if not (queue.visible or gathered or self._carried):
            return [], _NEVER
        window = self.declaration.maximum_batching_window_in_seconds
        size = self.declaration.batch_size
        while self._carried and len(gathered) < size:
            carried, until = self._carried.popleft()
            if now < until:  # else it shows again, for another receive
                gathered.append(carried)
                self._until = min(self._until, until)
        while len(gathered) < size and queue.visible:
            # As AWS: ten a receive, and a batch of more is several receives, which takes a window.
            wanted = min(size - len(gathered), limits.RECEIVE_BATCH.high)
            received = queue.receive(now, wanted, records, self._visibility_s(window))
            if not received:
                break
            self._until = min(self._until, received[0].message.shows)
            gathered += received
            if not window:
                break
        fits = self._fitting()
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

    def _close(self, fits: int) -> tuple[list[Received], Instant]:
        gathered, until = self._gathered, self._until
        self.window_ends = None
        self._measured, self._gathered, self._until = _NOTHING_MEASURED, [], _NEVER
        if fits < len(gathered):
            self._carried.extend((received, until) for received in gathered[fits:])
            del gathered[fits:]
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
            if message.attributes:
                break
            at_most += len(message.body) * _CHARACTER_BYTES
        else:
            if at_most < limits.BATCH_BYTES.value:
                return len(gathered)
        fits, total = self._measured
        while fits < len(gathered):
            record = sqs_record(gathered[fits], f"{self.queue.arn}{self.region}" + " " * 64, " " * 30)
            total += len(record) + 1
            if total > limits.BATCH_BYTES.value:
                break
            fits += 1
            self._measured = fits, total
        # One message alone is too large once its characters are escaped.
        if fits == 0 and gathered:
            # Escaped it can never fit: left hidden, it comes back until the redrive policy moves it.
            gathered.pop(0)
            return self._fitting()
        return fits
