"""A FIFO queue against the simplest model of one: a list of messages, searched through at every question."""

from __future__ import annotations

from typing import Any

from attrs import define, evolve, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lambdarun.model.draws import Draws
from lambdarun.model.fifo_queue import FifoQueue
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.message import NewMessage, Received, State
from lambdarun.model.queue import DeduplicationScope, Fifo, Queue, RedrivePolicy

MOST = 2
VISIBLE, HIDDEN, DELAYED = State.VISIBLE, State.HIDDEN, State.DELAYED
Place = tuple[int, int, int]


@define(eq=False)
class Told:
    """A message as the model has it."""

    body: str
    group: str
    number: int
    sent: int
    state: State
    shows: tuple[int, int] = (0, 0)
    """Hidden until when, and after which others."""
    receives: int = 0
    hidden_until: set[int] = field(factory=set)
    """Instants until which it was ever hidden: hidden until one of them again, its place among equals is open."""


class AFifoQueueIsWhatItsModelSays(RuleBasedStateMachine):
    @initialize(
        visibility=st.sampled_from([1, 10, 30]),
        retention=st.sampled_from([60, 345_600]),
        delay=st.sampled_from([0, 0, 5]),
        redrive=st.booleans(),
        scope=st.sampled_from(DeduplicationScope),
    )
    def begin(
        self, visibility: int, retention: int, delay: int, redrive: bool, scope: DeduplicationScope
    ) -> None:
        draws = Draws(0)
        self.declared = Queue(
            name="q.fifo",
            visibility_timeout=visibility,
            message_retention_period=retention,
            delay_seconds=delay,
            redrive_policy=RedrivePolicy(dead_letter_target="dead.fifo", max_receive_count=MOST)
            if redrive
            else None,
            fifo=Fifo(deduplication_scope=scope),
        )
        self.dead = FifoQueue(Queue(name="dead.fifo"), "arn:dead", draws)
        self.queue = FifoQueue(self.declared, "arn:q", draws, self.dead)
        self.redrive, self.scope = redrive, scope
        self.now = Instant(0)
        self.there: list[Told] = []
        self.moved: list[str] = []
        self.known: dict[object, tuple[int, str]] = {}
        self.steps = self.sent = 0
        self.receipts: list[Received] = []
        self.open: dict[str, tuple[Told, Place]] = {}

    def _next(self) -> int:
        self.steps += 1
        return self.steps

    def _free(self, hidden: list[Told], timeout: int) -> int:
        """`timeout` or the next one that leaves nobody's place open."""
        while any(self.now + timeout * SECOND in told.hidden_until for told in hidden):
            timeout += 1
        return timeout

    def _hide(self, told: Told, timeout: int) -> None:
        shows = self.now + timeout * SECOND
        told.hidden_until.add(shows)
        told.state, told.shows = HIDDEN, (shows, self._next())

    def _of(self, received: Received) -> Told | None:
        return next((one for one in self.there if one.body == received.message.body), None)

    def _changed(self) -> None:
        """Note which groups are open now, each with the place that it got when it opened."""
        heads: dict[str, Told] = {}
        for told in self.there:
            heads.setdefault(told.group, told)
        found = {}
        for group, head in heads.items():
            if head.state is VISIBLE:
                place = (head.number, 0, 0) if not head.receives else (self.sent, 1, self._next())
                before = self.open.get(group)
                found[group] = before if before is not None and before[0] is head else (head, place)
        self.open = found

    @rule(
        group=st.sampled_from("abcd"), count=st.integers(1, 3), known=st.sampled_from([None, None, "x", "y"])
    )
    def send(self, group: str, count: int, known: str | None) -> None:
        for _ in range(count):
            name = known or str(self.steps)
            key = (group, name) if self.scope is DeduplicationScope.MESSAGE_GROUP else name
            sent, first = self.known.get(key, (-10_000 * SECOND, ""))
            duplicate = self.now < sent + 300 * SECOND
            body = str(self._next())
            message = NewMessage(body=body, message_group_id=group, message_deduplication_id=name)
            taken = self.queue.send(self.now, message, [])
            if duplicate:
                assert taken.body == first
                continue
            assert taken.body == body
            self.known[key] = (self.now, body)
            self.sent += 1
            state = DELAYED if self.declared.delay_seconds else VISIBLE
            self.there.append(Told(body, group, self.sent, self.now, state))
            self._changed()

    @rule(count=st.integers(1, 6), timeout=st.sampled_from([None, None, 2, 40]))
    def receive(self, count: int, timeout: int | None) -> None:
        expected: list[Told] = []
        moved: list[str] = []
        while len(expected) < count and self.open:
            group = min(self.open, key=lambda name: self.open[name][1])
            run: list[Told] = []
            for told in (one for one in self.there if one.group == group):
                if told.state is not VISIBLE or len(run) == count - len(expected):
                    break
                run.append(told)
            gone = [told for told in run if self.redrive and told.receives == MOST]
            for told in run:
                if told in gone:
                    self.there.remove(told)
                    moved.append(told.body)
                else:
                    told.receives += 1
                    told.state = HIDDEN
                    expected.append(told)
            self._changed()
        asked = self.declared.visibility_timeout if timeout is None else timeout
        free = self._free(expected, asked)
        records: list[Any] = []
        got = self.queue.receive(self.now, count, records, timeout if free == asked else free)
        for told in expected:
            self._hide(told, free)
        assert [(r.message.body, r.receive_count) for r in got] == [(t.body, t.receives) for t in expected]
        assert [record.body for record in records] == moved
        self.moved += moved
        self.receipts += got

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), several=st.booleans())
    def delete(self, data: st.DataObject, several: bool) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.receipts), min_size=1, max_size=4, unique=True))
        refused = []
        for received in chosen:
            told = self._of(received)
            holds = told is not None and told.state is HIDDEN and told.receives == received.receive_count
            if told is not None and not holds:
                refused.append(received)
            if not several:
                assert (self.queue.delete_refusal(received) is not None) == (received in refused)
                assert self.queue.delete(received) == holds
            if told is not None and holds:
                self.there.remove(told)
                self._changed()
        if several:
            assert list(self.queue.delete_all(chosen)) == refused

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), seconds=st.sampled_from([1, 2, 7, 100]))
    def change_visibility(self, data: st.DataObject, seconds: int) -> None:
        for received in data.draw(st.lists(st.sampled_from(self.receipts), max_size=3, unique=True)):
            told = self._of(received)
            if told is not None and told.state is HIDDEN and told.receives == received.receive_count:
                free = self._free([told], seconds)
                assert self.queue.change_visibility(self.now, received, free) is None
                self._hide(told, free)
            else:
                refusal = self.queue.change_visibility(self.now, received, seconds)
                assert refusal is not None
                assert refusal.code == "InvalidParameterValue"

    @rule(seconds=st.sampled_from([0.0, 0.5, 1, 2, 7, 30, 60, 300]), step=st.booleans())
    def time_passes(self, seconds: float, step: bool) -> None:
        """To an instant, or as the driver does it: to the next one at which anything is due."""
        due = self.queue.next_due()
        self.now = Instant(due if step and due is not None else self.now + round(seconds * SECOND))
        self.advance()

    def advance(self) -> None:
        records: list[Any] = []
        self.queue.advance(self.now, records)
        delay = self.declared.delay_seconds * SECOND
        for told in self.there:
            if told.state is DELAYED and told.sent + delay <= self.now:
                told.state = VISIBLE
                self._changed()
        returned = []
        hidden = [told for told in self.there if told.state is HIDDEN and told.shows[0] <= self.now]
        for told in sorted(hidden, key=lambda t: t.shows):
            told.state = VISIBLE
            returned.append(told.receives)
            self._changed()
        expired = []
        for told in list(self.there):
            if told.sent + self.declared.message_retention_period * SECOND <= self.now:
                expired.append(told.sent)
                self.there.remove(told)
                self._changed()
        assert [r.receive_count for r in records if r.kind == "message.returned"] == returned
        assert [r.sent for r in records if r.kind == "message.expired"] == expired

    @rule(delay=st.sampled_from([0, 3, 30]))
    def the_delay_is_changed(self, delay: int) -> None:
        self.declared = evolve(self.declared, delay_seconds=delay)
        self.queue.configure(self.now, self.declared, [])
        for told in self.there:
            if told.state is VISIBLE and not told.receives and told.sent + delay * SECOND > self.now:
                told.state = DELAYED
        self._changed()
        self.advance()

    @precondition(lambda self: self.steps > 30)
    @rule()
    def purge(self) -> None:
        self.queue.purge(self.now, [])
        self.there.clear()
        self.known.clear()
        self._changed()

    @invariant()
    def it_holds_what_the_model_holds(self) -> None:
        if not hasattr(self, "queue"):
            return
        counts = self.queue.counts()
        assert (counts.visible, counts.hidden, counts.delayed) == tuple(
            sum(told.state is state for told in self.there) for state in (VISIBLE, HIDDEN, DELAYED)
        )
        assert [message.body for message in self.queue.peek()] == [told.body for told in self.there]
        assert self.queue.oldest() == min((told.sent for told in self.there), default=None)
        assert [message.body for message in self.dead.peek()] == self.moved
        assert self.queue.groups == len({told.group for told in self.there})
        assert self.queue.groups_in_flight == len({t.group for t in self.there if t.state is HIDDEN})
        assert self.queue.ready == bool(self.open)

    @invariant()
    def it_asks_for_the_models_next_instant(self) -> None:
        if not hasattr(self, "queue"):
            return
        delay = self.declared.delay_seconds * SECOND
        waiting = [told.shows[0] for told in self.there if told.state is HIDDEN]
        waiting += [told.sent + delay for told in self.there if told.state is DELAYED]
        ends = [told.sent + self.declared.message_retention_period * SECOND for told in self.there]
        due = self.queue.next_due()
        assert due == min(waiting + ends, default=None)
        assert due is None or due > self.now


AFifoQueueIsWhatItsModelSays.TestCase.settings = settings(
    max_examples=150, stateful_step_count=50, deadline=None
)
TestAFifoQueueIsWhatItsModelSays = AFifoQueueIsWhatItsModelSays.TestCase
