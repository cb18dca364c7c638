"""What a FIFO queue remembers for five minutes: messages that it took, and receives that may be asked again.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-exactly-once-processing.html
"""

from __future__ import annotations

import re
from collections import deque
from hashlib import sha256
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.message import Message, Received, Sendable, State
from lambdarun.model.queue import DeduplicationScope

_INTERVAL: Final = Duration(limits.DEDUPLICATION_INTERVAL.value * SECOND)
_ATTEMPT_INTERVAL: Final = Duration(limits.RECEIVE_ATTEMPT_INTERVAL.value * SECOND)
SHA256_LENGTH: Final = 64
"""Of its hexadecimal text."""
_SHA256: Final = re.compile("[0-9a-f]+")

Key = str | int
"""A deduplication id, or a body's SHA-256 as a number, which weighs less than its text."""


def key_of(message: Sendable) -> Key:
    """What tells a message from others: its id, which wins, or its body."""
    own = message.message_deduplication_id
    if own is None:
        return int.from_bytes(sha256(message.body.encode("utf-8", "surrogatepass")).digest(), "big")
    # An id that is the hash of another message's body makes both the same message, as on AWS (API_SendMessage.html). All of
    # it counts: an id of that length may as well be a number with zeros before it.
    return int(own, 16) if len(own) == SHA256_LENGTH and _SHA256.fullmatch(own) else own


# An entry is the first message itself: its id is the answer to a duplicate, and its age says when it is forgotten.
@define(eq=False)
class Deduplication:
    """The messages of the last five minutes by what tells them apart, whether they are still there or not."""

    _known: dict[Key | tuple[str, Key], Message] = field(factory=dict, init=False)
    _order: deque[Key | tuple[str, Key]] = field(factory=deque, init=False)
    _forgets: Instant = field(default=Instant(0), init=False)
    """Before then every entry holds."""
    _by_group: bool = field(default=False, init=False)
    """Whether any entry is of one group only."""

    def first(self, now: Instant, key: Key, group: str) -> Message | None:
        """The message that was sent before and makes this one a duplicate."""
        known = self._known
        if now >= self._forgets:
            order = self._order
            while order and known[order[0]].sent + _INTERVAL <= now:
                del known[order.popleft()]
            # At once where nothing is known: the first message that comes then says when.
            self._forgets = Instant(known[order[0]].sent + _INTERVAL) if order else now
        # By both scopes: what was taken before a change of the scope stays known as it was (recorded:
        # test_fifo_change_to_high_throughput_after_creation).
        found = known.get(key)
        return known.get((group, key)) if found is None and self._by_group else found

    def remember(self, key: Key, message: Message, scope: DeduplicationScope) -> None:
        """A message was taken that had no first one."""
        by: Key | tuple[str, Key] = key
        if scope is DeduplicationScope.MESSAGE_GROUP:
            by = (message.message_group_id or "", key)
            self._by_group = True
        self._known[by] = message
        self._order.append(by)

    def clear(self) -> None:
        """A purge forgets (recorded: test_purge_queue_clears_fifo_deduplication_cache)."""
        self._known.clear()
        self._order.clear()


@define(eq=False)
class _Attempt:
    at: Instant
    received: list[Received]
    shows: Instant


@define(eq=False)
class ReceiveAttempts:
    """Receives by their ReceiveRequestAttemptId, for a caller whose answer was lost on its way.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
    """

    _attempts: dict[str, _Attempt] = field(factory=dict, init=False)

    def again(self, now: Instant, attempt_id: str, shows: Instant) -> list[Received] | None:
        """The messages of the same attempt, to be hidden until `shows`; None: it is over, or one of them was changed."""
        attempts = self._attempts
        while attempts and next(iter(attempts.values())).at + _ATTEMPT_INTERVAL <= now:
            del attempts[next(iter(attempts))]
        found = attempts.get(attempt_id)
        if found is None:
            return None
        for received in found.received:
            message = received.message
            unchanged = message.receive_count == received.receive_count and message.shows == found.shows
            if message.state is not State.HIDDEN or not unchanged:
                del attempts[attempt_id]
                return None
        found.shows = shows
        return found.received

    def remember(self, now: Instant, attempt_id: str, received: list[Received], shows: Instant) -> None:
        """A receive found these."""
        self._attempts[attempt_id] = _Attempt(now, received, shows)
