"""How old the messages of a queue get, as CloudWatch counts the age of the oldest one.

A message counts until it is deleted, moved or expired, or is received for the third time: then it would hide the age of
the others. In a dead-letter queue a message's age runs from its move.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.event_records import MessageId
from lambdarun.model.instant import Duration, Instant

_POISON_RECEIVES: Final = limits.POISON_RECEIVES.value


# No heap: the oldest message's age reaches its most when some message ends to count, and that message is then the
# oldest. So looking at each message at its end is enough.
@define(eq=False)
class MessageAges:
    """The messages of one queue; `target` is the age that none should pass."""

    target: Duration | None = None
    most: Duration = field(default=Duration(0), init=False)
    """The greatest age so far of the oldest message."""
    late: int = field(default=0, init=False)
    """How many passed the target."""
    passed: Instant | None = field(default=None, init=False)
    """The first instant at which the oldest message's age passed the target."""
    _since: dict[MessageId, Instant] = field(factory=dict, init=False)
    _receives: dict[MessageId, int] = field(factory=dict, init=False)

    def add(self, since: Instant, message_id: MessageId) -> None:
        """A message came."""
        self._since[message_id] = since

    def receive(self, now: Instant, message_id: MessageId) -> None:
        """A message was received once more."""
        if message_id not in self._since:
            return
        receives = self._receives.get(message_id, 0) + 1
        if receives < _POISON_RECEIVES:
            self._receives[message_id] = receives
        else:
            self.leave(now, message_id)

    def leave(self, now: Instant, message_id: MessageId) -> None:
        """A message counts no longer."""
        since = self._since.pop(message_id, None)
        if since is not None:
            self._receives.pop(message_id, None)
            self._note(since, now)

    def end(self, now: Instant) -> None:
        """The run is over, or the queue was purged: what is left is so old."""
        for since in self._since.values():
            self._note(since, now)
        self._since.clear()
        self._receives.clear()

    def _note(self, since: Instant, now: Instant) -> None:
        age = now - since
        if age > self.most:
            self.most = Duration(age)
        if self.target is not None and age > self.target:
            self.late += 1
            passed = Instant(since + self.target)
            if self.passed is None or passed < self.passed:
                self.passed = passed
