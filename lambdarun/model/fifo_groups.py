"""The message groups of a FIFO queue: who may be received, and in which order.

Three rules, all recorded (test_sqs.py: test_fifo_*). A group is open while its first undeleted message is visible; else it
is locked, whatever stands behind. A receive takes the longest run of visible messages from a group's head. Open groups wait
in the order in which their heads were sent; a head that was received and shows again waits behind all that wait already.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from typing import Final

from attrs import define, field

from lambdarun.aws import limits
from lambdarun.model.message import Message, State

_VISIBLE: Final = State.VISIBLE
_HIDDEN: Final = State.HIDDEN
_GONE: Final = State.GONE
_LOOK_AHEAD: Final = limits.FIFO_LOOK_AHEAD.value
_COMPACT: Final = 32
"""So many gone messages at a group's head are cut off at once."""


@define(eq=False, weakref_slot=False)
class _Group:
    """Two messages or more, by order of arrival."""

    messages: list[Message]
    first: int
    """Where the first message is that is not gone."""
    in_flight: int


# A million groups of one message each must fit, so such a group is its message, and an object only from the second on.
#
# Open groups are known by their heads: those that nobody received yet in a deque, which sends fill in order, the others in
# a heap by place. Both hold hints, as everywhere: a head that is locked, gone or a head no longer is passed over.
@define(eq=False)
class FifoGroups:
    """All groups that have messages."""

    locked: int = field(default=0, init=False)
    """Groups with messages in flight."""
    _groups: dict[str, Message | _Group] = field(factory=dict, init=False)
    _fresh: deque[Message] = field(factory=deque, init=False)
    _again: list[tuple[int, int, Message]] = field(factory=list, init=False)
    _offers: int = field(default=0, init=False)
    _last: int = field(default=0, init=False)
    """Number of the message that came last."""
    _in_view: int = field(default=0, init=False)
    _horizon: int = field(default=0, init=False)
    """Number of the last message that SQS looks at: there is an end to how far it searches for open groups."""
    _beyond: deque[Message] = field(factory=deque, init=False)

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def may_be_open(self) -> bool:
        """Whether any group may be open."""
        self._drop_hints()
        return bool(self._fresh or self._again)

    def add(self, message: Message) -> None:
        """A message came: it is the last one of its group."""
        groups, name = self._groups, message.message_group_id
        assert name is not None
        self._last = message.number
        if self._in_view < _LOOK_AHEAD:
            self._in_view += 1
            self._horizon = message.number
        else:
            self._beyond.append(message)
        found = groups.get(name)
        if found is None:
            groups[name] = message
            self._offer(message)
        elif isinstance(found, _Group):
            found.messages.append(message)
        else:
            groups[name] = _Group([found, message], 0, int(found.state is _HIDDEN))

    def hide(self, message: Message, count: int) -> None:
        """So many messages of one group go in flight, `message` among them."""
        group = self._groups[message.message_group_id or ""]
        if isinstance(group, _Group):
            self.locked += not group.in_flight
            group.in_flight += count
        else:
            self.locked += 1

    def show(self, message: Message) -> None:
        """A delayed or received message is visible."""
        if self._head(message) is message:
            self._offer(message)

    def unlock(self, message: Message) -> None:
        """A message is in flight no longer, but still there."""
        group = self._groups[message.message_group_id or ""]
        if isinstance(group, _Group):
            group.in_flight -= 1
            self.locked -= not group.in_flight
        else:
            self.locked -= 1

    def remove(self, message: Message, was_in_flight: bool) -> None:
        """A message is gone."""
        name = message.message_group_id or ""
        self._drop(name, int(was_in_flight))
        if message.number <= self._horizon:
            self._in_view -= 1
            if self._beyond:
                self._look_further()

    def remove_received(self, name: str, count: int) -> None:
        """So many messages of a group are gone that were in flight, and so in view."""
        self._drop(name, count)
        self._in_view -= count
        if self._beyond:
            self._look_further()

    def close_hidden(self) -> None:
        """Visible messages were delayed: their groups leave the row of open ones, and come back in their time."""
        self._fresh = deque([head for head in self._fresh if self._is_open(head)])
        self._again = [entry for entry in self._again if self._is_open(entry[2])]
        heapify(self._again)

    def clear(self) -> None:
        """All messages are gone."""
        self._groups.clear()
        self._fresh.clear()
        self._again.clear()
        self._beyond.clear()
        self.locked = self._in_view = 0

    def next_run(self, most: int) -> list[Message]:
        """Up to `most` messages of the group whose turn it is, which leaves the row of open groups; none: all are locked."""
        self._drop_hints()
        fresh, again = self._fresh, self._again
        if again and not (fresh and 2 * fresh[0].number <= again[0][0]):
            head = heappop(again)[2]
        elif fresh:
            head = fresh.popleft()
        else:
            return []
        group = self._groups[head.message_group_id or ""]
        if not isinstance(group, _Group):
            return [head]
        run: list[Message] = []
        messages, at = group.messages, group.first
        while at < len(messages) and len(run) < most:
            message = messages[at]
            at += 1
            if message.state is _VISIBLE and message.number <= self._horizon:
                run.append(message)
            elif message.state is not _GONE:
                break
        return run

    def _head(self, message: Message) -> Message | None:
        group = self._groups.get(message.message_group_id or "")
        return group.messages[group.first] if isinstance(group, _Group) else group

    def _is_open(self, head: Message) -> bool:
        return head.state is _VISIBLE and self._head(head) is head

    def _drop_hints(self) -> None:
        fresh, again = self._fresh, self._again
        while fresh and not self._is_open(fresh[0]):
            fresh.popleft()
        while again and not self._is_open(again[0][2]):
            heappop(again)

    def _offer(self, head: Message) -> None:
        if head.state is not _VISIBLE or head.number > self._horizon:
            return
        fresh, number = self._fresh, head.number
        received = head.receive_count > head.envelope.receives_before
        if not received and (not fresh or fresh[-1].number < number):
            fresh.append(head)
        else:
            self._offers += 1
            # Behind the last message that came, if it was received; else at its own place.
            place = 2 * self._last + 1 if received else 2 * number
            heappush(self._again, (place, self._offers, head))

    def _advance(self, name: str, group: _Group) -> None:
        """The head of a group is gone: who is it now?"""
        messages, first = group.messages, group.first
        while first < len(messages) and messages[first].state is _GONE:
            first += 1
        if first == len(messages):
            del self._groups[name]
            return
        if first > _COMPACT and 2 * first > len(messages):
            del messages[:first]
            first = 0
        group.first = first
        if messages[first].state is _VISIBLE:
            self._offer(messages[first])

    def _drop(self, name: str, in_flight: int) -> None:
        """Messages of a group are gone, of which so many were in flight."""
        group = self._groups[name]
        if isinstance(group, _Group):
            if in_flight:
                group.in_flight -= in_flight
                self.locked -= not group.in_flight
            if group.messages[group.first].state is _GONE:
                self._advance(name, group)
        else:
            del self._groups[name]
            self.locked -= in_flight

    def _look_further(self) -> None:
        beyond = self._beyond
        while beyond and self._in_view < _LOOK_AHEAD:
            message = beyond.popleft()
            if message.state is not _GONE:
                self._in_view += 1
                self._horizon = message.number
                if self._head(message) is message:
                    self._offer(message)
