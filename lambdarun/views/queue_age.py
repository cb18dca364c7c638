"""The age of a queue's oldest message, as CloudWatch counts it.

A message that was received three times or more and is not deleted is left out: it would hide the age of the others. In a
dead-letter queue a message's age runs from its move.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.event_records import MessageId
from lambdarun.model.instant import Instant

_POISON_RECEIVES: Final = limits.POISON_RECEIVES.value


@define(eq=False)
class QueueAge:
    """The messages of one queue."""

    _receives: dict[MessageId, int] = field(factory=dict, init=False)
    _oldest: list[tuple[Instant, int, MessageId]] = field(factory=list, init=False)
    _puts: int = field(default=0, init=False)

    def __len__(self) -> int:
        return len(self._receives)

    def add(self, since: Instant, message_id: MessageId) -> None:
        """A message came."""
        self._receives[message_id] = 0
        self._puts += 1
        heappush(self._oldest, (since, self._puts, message_id))

    def receive(self, message_id: MessageId) -> None:
        """A message was received once more."""
        if message_id in self._receives:
            self._receives[message_id] += 1

    def remove(self, message_id: MessageId) -> None:
        """A message was deleted, moved or expired."""
        self._receives.pop(message_id, None)

    def oldest(self) -> Instant | None:
        """Since when the oldest message that counts is there."""
        oldest, receives = self._oldest, self._receives
        # Dropped when they come up, as in every heap here: gone or poisonous, an entry never counts again.
        while oldest and receives.get(oldest[0][2], _POISON_RECEIVES) >= _POISON_RECEIVES:
            heappop(oldest)
        return oldest[0][0] if oldest else None
