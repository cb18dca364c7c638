"""A queue against the simplest model of one: a list of messages, searched through at every question."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lambdarun.model.draws import Draws
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.message import NewMessage, Received, State
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.model.sqs_queue import SqsQueue

MOST = 3
TWELVE_HOURS = 43_200 * SECOND
VISIBLE, HIDDEN, DELAYED = State.VISIBLE, State.HIDDEN, State.DELAYED


@define(eq=False)
class Told:
    """A message as the model has it."""

    body: str
    sent: int
    state: State
    place: tuple[int, int]
    """Where it stands among the visible ones, or when it shows and after which others."""
    receives: int = 0
    hidden_until: set[int] = field(factory=set)
    """Instants until which it was ever hidden: hidden until one of them again, its place among equals is open."""


class ASqsQueueIsWhatItsModelSays(RuleBasedStateMachine):
    @initialize(
        visibility=st.sampled_from([1, 10, 30]),
        retention=st.sampled_from([60, 120, 345_600]),
        redrive=st.booleans(),
    )
    def begin(self, visibility: int, retention: int, redrive: bool) -> None:
        draws = Draws(0)
        policy = RedrivePolicy(dead_letter_target="dead", max_receive_count=MOST) if redrive else None
        declared = Queue(
            name="q",
            visibility_timeout=visibility,
            message_retention_period=retention,
            redrive_policy=policy,
        )
        self.dead = SqsQueue(Queue(name="dead"), "arn:dead", draws)
        self.queue = SqsQueue(declared, "arn:q", draws, self.dead)
        self.visibility, self.retention, self.redrive = visibility, retention, redrive
        self.now = Instant(0)
        self.there: list[Told] = []
        self.moved: list[str] = []
        self.steps = 0
        self.sent = 0
        self.receipts: list[Received] = []

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
        told.state, told.place = HIDDEN, (shows, self._next())

    def _of(self, received: Received) -> Told | None:
        return next((one for one in self.there if one.body == received.message.body), None)

    @rule(count=st.integers(1, 4), delay=st.sampled_from([None, 0, 3, 30]))
    def send(self, count: int, delay: int | None) -> None:
        for _ in range(count):
            self.sent += 1
            body = str(self.sent)
            self.queue.send(self.now, NewMessage(body=body, delay_seconds=delay), [])
            shows = self.now + (delay or 0) * SECOND
            place = (shows, self._next()) if delay else (0, self._next())
            self.there.append(Told(body, self.now, DELAYED if delay else VISIBLE, place))

    @rule(count=st.integers(1, 6), timeout=st.sampled_from([None, None, 2, 40]))
    def receive(self, count: int, timeout: int | None) -> None:
        records: list[Any] = []
        expected: list[Told] = []
        moved: list[str] = []
        for told in sorted((t for t in self.there if t.state is VISIBLE), key=lambda t: t.place):
            if len(expected) == count:
                break
            if self.redrive and told.receives == MOST:
                moved.append(told.body)
                self.there.remove(told)
                continue
            told.receives += 1
            expected.append(told)
        asked = self.visibility if timeout is None else timeout
        free = self._free(expected, asked)
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
        if several:
            self.queue.delete_all(chosen)
            for received in chosen:
                if (told := self._of(received)) is not None:
                    self.there.remove(told)
            return
        for received in chosen:
            told = self._of(received)
            assert self.queue.delete(received) == (told is not None)
            if told is not None:
                self.there.remove(told)

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), seconds=st.sampled_from([1, 2, 7, 100]))
    def change_visibility(self, data: st.DataObject, seconds: int) -> None:
        """Of some messages of a receive; by an old receipt too, as long as the message is in flight."""
        for received in data.draw(st.lists(st.sampled_from(self.receipts), max_size=3, unique=True)):
            told = self._of(received)
            if told is None:
                refusal = self.queue.change_visibility(self.now, received, seconds)
                assert refusal is not None
                assert refusal.code == "InvalidParameterValue"
            elif told.state is HIDDEN:
                free = self._free([told], seconds)
                refusal = self.queue.change_visibility(self.now, received, free)
                if self.now + free * SECOND >= received.at + TWELVE_HOURS:
                    assert refusal is not None  # a receipt hides for so long in all, whatever is changed
                    continue
                assert refusal is None
                self._hide(told, free)

    @rule(seconds=st.sampled_from([0.0, 0.5, 1, 2, 7, 30, 60]), step=st.booleans())
    def time_passes(self, seconds: float, step: bool) -> None:
        """To an instant, or as the driver does it: to the next one at which anything is due."""
        due = self.queue.next_due()
        self.now = Instant(due if step and due is not None else self.now + round(seconds * SECOND))
        records: list[Any] = []
        self.queue.advance(self.now, records)
        returned, expired = [], []
        for told in sorted((t for t in self.there if t.state is not VISIBLE), key=lambda t: t.place):
            if told.place[0] <= self.now:
                if told.state is HIDDEN:
                    returned.append(told.receives)
                told.state, told.place = VISIBLE, (0, self._next())
        for told in sorted(self.there, key=lambda t: t.sent):
            if told.sent + self.retention * SECOND <= self.now:
                expired.append(told.sent)
                self.there.remove(told)
        assert [r.receive_count for r in records if r.kind == "message.returned"] == returned
        assert [r.sent for r in records if r.kind == "message.expired"] == expired

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
        assert sorted(message.body for message in self.dead.peek()) == sorted(self.moved)

    @invariant()
    def it_asks_for_the_models_next_instant(self) -> None:
        if not hasattr(self, "queue"):
            return
        waiting = [told.place[0] for told in self.there if told.state is not VISIBLE]
        ends = [told.sent + self.retention * SECOND for told in self.there]
        due = self.queue.next_due()
        assert due == min(waiting + ends, default=None)
        assert due is None or due > self.now


ASqsQueueIsWhatItsModelSays.TestCase.settings = settings(
    max_examples=120, stateful_step_count=50, deadline=None
)
TestASqsQueueIsWhatItsModelSays = ASqsQueueIsWhatItsModelSays.TestCase
