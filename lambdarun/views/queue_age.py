"""The age of a queue's oldest message, as CloudWatch counts it.

In a standard queue a message that was received three times or more and is not deleted is left out: it would hide the age
of the others. A FIFO queue keeps its order, and such a message its place. In a dead-letter queue a message's age runs from
its move.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.event_records import MessageId
from lambdarun.model.instant import Instant

_NEVER: Final = 1 << 62


@define(eq=False)
class QueueAge:
    """The messages of one queue."""

    is_fifo: bool = False
    _poisonous: int = field(init=False)
    """After so many receives a message counts no longer."""
    _receives: dict[MessageId, int] = field(factory=dict, init=False)
    _oldest: list[tuple[Instant, int, MessageId]] = field(factory=list, init=False)
    _puts: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._poisonous = _NEVER if self.is_fifo else limits.POISON_RECEIVES.value

    def __len__(self) -> int:
        return len(self._receives)

    def __contains__(self, message_id: MessageId) -> bool:
        return message_id in self._receives

    def add(self, since: Instant, message_id: MessageId) -> None:
        """A message came."""
        self._receives[message_id] = 0
        self._puts = puts = self._puts + 1
        heappush(self._oldest, (since, puts, message_id))

    def never_received(self) -> Iterator[tuple[Instant, MessageId]]:
        """Messages that nobody received, and since when they are there."""
        return ((since, one) for since, _, one in self._oldest if self._receives.get(one) == 0)

    def receive(self, message_id: MessageId) -> bool:
        """A message was received once more; False where it is not here."""
        if message_id not in self._receives:
            return False
        self._receives[message_id] += 1
        return True

    def remove(self, message_id: MessageId) -> None:
        """A message was deleted, moved or expired."""
        self._receives.pop(message_id, None)

    def clear(self) -> None:
        """All are gone."""
        self._receives.clear()
        self._oldest.clear()

    def oldest(self) -> Instant | None:
        """Since when the oldest message that counts is there."""
        oldest, receives, poisonous = self._oldest, self._receives, self._poisonous
        # Dropped when they come up, as in every heap here: gone or poisonous, an entry never counts again.
        while oldest and receives.get(oldest[0][2], poisonous) >= poisonous:
            heappop(oldest)
        return oldest[0][0] if oldest else None

    def oldest_of(self, counts: Callable[[MessageId], bool]) -> Instant | None:
        """The same among messages of which `counts` is true. Looks at all of them."""
        receives, poisonous = self._receives, self._poisonous
        return min(
            (
                since
                for since, _, message_id in self._oldest
                if receives.get(message_id, poisonous) < poisonous and counts(message_id)
            ),
            default=None,
        )
