"""The messages of one queue as the log tells them: how many are visible, in flight and delayed, in how many groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from heapq import heappop, heappush

from attrs import define, field, frozen

from lambdarun.aws import limits
from lambdarun.model.event_records import MessageId, MessageSent
from lambdarun.model.instant import SECOND, Instant
from lambdarun.views.queue_age import QueueAge


@frozen
class Standing:
    """Messages by where they stand."""

    visible: int
    in_flight: int
    delayed: int


@define(eq=False)
class QueueMessages:
    """One queue; told what happens to its messages, in order of time."""

    is_fifo: bool
    age: QueueAge = field(init=False)
    is_fair: bool = field(default=False, init=False)
    """Whether messages of a standard queue have groups."""
    last: Instant = field(default=Instant(0), init=False)
    """When anything happened in it."""
    groups_in_flight: Counter[str] = field(factory=Counter, init=False)
    noisy: set[str] = field(factory=set, init=False)
    _in_flight: set[MessageId] = field(factory=set, init=False)
    _delayed: dict[MessageId, Instant] = field(factory=dict, init=False)
    """When each shows."""
    _shows: list[tuple[Instant, MessageId]] = field(factory=list, init=False)
    """The same by time; what is not so any more is passed over."""
    _groups: dict[MessageId, str] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.age = QueueAge(self.is_fifo)

    def send(self, record: MessageSent) -> None:
        """A message was sent."""
        message_id = record.message_id
        self.age.add(record.time, message_id)
        self.last = record.time
        if record.delay_seconds:
            self._delay(message_id, Instant(record.time + record.delay_seconds * SECOND))
        if record.message_group_id:
            self._groups[message_id] = record.message_group_id
            self.is_fair = not self.is_fifo

    def come(self, time: Instant, message_id: MessageId, group: str) -> None:
        """A message was moved here; its age runs from now."""
        self.last = time
        self.age.add(time, message_id)
        if group:
            self._groups[message_id] = group
            self.is_fair = not self.is_fifo

    def stay(self, since: Instant, message_id: MessageId, group: str) -> None:
        """A message that was deleted is still there and in flight, since the delete missed a copy of it."""
        self.age.add(since, message_id)
        self._in_flight.add(message_id)
        if group:
            self._groups[message_id] = group

    def change_delay(self, time: Instant, delay_seconds: int) -> None:
        """The queue's delay is another one: of a FIFO queue, for the messages that are there, too."""
        if self.is_fifo:
            for sent, message_id in self.age.never_received():
                self._delay(message_id, Instant(sent + delay_seconds * SECOND))
            self.standing(time)

    def receive(self, time: Instant, message_ids: Iterable[MessageId]) -> None:
        """Messages are in flight."""
        self.last = time
        known = [message_id for message_id in message_ids if self.age.receive(message_id)]
        if self.is_fifo:
            for message_id in known:
                self.hide(message_id)
        else:
            self._in_flight.update(known)
        if self._delayed:
            for message_id in message_ids:
                self._delayed.pop(message_id, None)

    def show(self, message_id: MessageId) -> None:
        """A message is in flight no longer."""
        if message_id in self._in_flight:
            self._in_flight.discard(message_id)
            self._unlock(message_id)

    def hide(self, message_id: MessageId) -> None:
        """A message is in flight, if it was not."""
        if message_id in self.age and message_id not in self._in_flight:
            self._in_flight.add(message_id)
            if self.is_fifo:
                self.groups_in_flight[self._groups.get(message_id, "")] += 1

    def remove(self, message_id: MessageId) -> str:
        """A message is gone; returns its group."""
        self.show(message_id)
        self.age.remove(message_id)
        self._delayed.pop(message_id, None)
        return self._groups.pop(message_id, "") if self._groups else ""

    def clear(self, time: Instant) -> None:
        """All messages are gone."""
        self.last = time
        self.age.clear()
        for held in (self._in_flight, self._delayed, self._shows, self._groups, self.groups_in_flight):
            held.clear()

    def is_active(self, now: Instant) -> bool:
        """Whether CloudWatch gets its metrics."""
        # AWS counts idle pollers as well, which keep a queue active for ever; here, six hours behind its last message.
        return bool(len(self.age)) or now < self.last + limits.QUEUE_ACTIVE.value * SECOND

    def standing(self, now: Instant) -> Standing:
        """How many messages stand where."""
        delayed, shows = self._delayed, self._shows
        while shows and shows[0][0] <= now:
            due, message_id = heappop(shows)
            if delayed.get(message_id) == due:
                del delayed[message_id]
        in_flight = len(self._in_flight)
        return Standing(len(self.age) - in_flight - len(delayed), in_flight, len(delayed))

    def standing_in_quiet_groups(self, now: Instant) -> Standing:
        """The same without the messages of noisy groups."""
        whole = self.standing(now)
        if not self.noisy:
            return whole
        noisy = [message_id for message_id, group in self._groups.items() if group in self.noisy]
        in_flight = sum(message_id in self._in_flight for message_id in noisy)
        delayed = sum(message_id in self._delayed for message_id in noisy)
        return Standing(
            whole.visible - (len(noisy) - in_flight - delayed),
            whole.in_flight - in_flight,
            whole.delayed - delayed,
        )

    def oldest_in_quiet_groups(self) -> Instant | None:
        """Since when the oldest message of no noisy group is there."""
        if not self.noisy:
            return self.age.oldest()
        return self.age.oldest_of(lambda message_id: self._groups.get(message_id) not in self.noisy)

    def _delay(self, message_id: MessageId, until: Instant) -> None:
        self._delayed[message_id] = until
        heappush(self._shows, (until, message_id))

    def _unlock(self, message_id: MessageId) -> None:
        if self.is_fifo:
            group = self._groups.get(message_id, "")
            self.groups_in_flight[group] -= 1
            if not self.groups_in_flight[group]:
                del self.groups_in_flight[group]
