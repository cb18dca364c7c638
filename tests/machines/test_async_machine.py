"""Whatever the outcomes and the hour, no accepted event is lost or invented."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdarun.model.async_queue import AsyncQueue, Delayed, Discarded, QueuedEvent
from lambdarun.model.draws import RequestId
from lambdarun.model.function import AsyncInvokeConfiguration
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.outcome import Cause, FunctionFailed, Succeeded, SystemFailed

SUCCEEDED = Succeeded(b"null")
FAILED = FunctionFailed(Cause.RAISED, "E", b"{}")

AGE_S = 900


class EventsAreNeitherLostNorInvented(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.configuration = AsyncInvokeConfiguration(maximum_event_age_in_seconds=AGE_S)
        self.queue = AsyncQueue(self.configuration)
        self.now = Instant(0)
        self.quiet_until = Instant(0)
        self.accepted = 0
        self.taken: dict[str, QueuedEvent] = {}
        self.running: dict[str, QueuedEvent] = {}
        self.settled: dict[str, str] = {}

    @rule()
    def an_event_is_accepted(self) -> None:
        self.accepted += 1
        self.queue.accept(self.now, (self.now, RequestId(str(self.accepted)), b"{}", "s3", None))

    @rule(seconds=st.integers(0, 600), room=st.booleans())
    def time_passes(self, seconds: int, room: bool) -> None:
        self.now = Instant(self.now + seconds * SECOND)
        for event, verdict in self.queue.take_expired(self.now):
            self.settled[event.request_id] = verdict.condition
            # Expired is what would be too old at its next attempt, which a back-off puts off by five minutes at most.
            assert self.now + 300 * SECOND >= event.accepted + AGE_S * SECOND
        oldest = Instant(0)
        while (event_ := self.queue.take(self.now)) is not None:
            assert self.now >= self.quiet_until, "nothing starts while the queue backs off"
            assert event_.accepted >= oldest, "the oldest of those that are ready starts first"
            assert self.now < event_.accepted + AGE_S * SECOND, "nothing starts that is too old"
            oldest = event_.accepted
            assert self.taken.setdefault(event_.request_id, event_) is event_
            if not room:
                verdict_ = self.queue.put_back_throttled(self.now, event_)
                if isinstance(verdict_, Discarded):
                    self.settled[event_.request_id] = verdict_.condition
                    assert self.queue.next_due() != Instant(0)
                else:
                    self.quiet_until = verdict_.due
                    assert self.now < verdict_.due <= self.now + 300 * SECOND
                break
            self.queue.began()
            assert event_.request_id not in self.running
            self.running[event_.request_id] = event_

    @precondition(lambda self: self.running)
    @rule(data=st.data(), outcome=st.sampled_from([SUCCEEDED, FAILED, SystemFailed("x")]))
    def an_attempt_ends(self, data: st.DataObject, outcome: object) -> None:
        event = self.running.pop(data.draw(st.sampled_from(sorted(self.running))))
        verdict = self.queue.settle(self.now, event, outcome)
        if isinstance(verdict, Delayed) and verdict.cause == "system":
            self.quiet_until = max(self.quiet_until, verdict.due)
        if not isinstance(verdict, Delayed):
            self.settled[event.request_id] = getattr(verdict, "condition", "Success")

    @invariant()
    def every_event_is_somewhere(self) -> None:
        assert len(self.queue) + len(self.running) + len(self.settled) == self.accepted

    @invariant()
    def attempts_are_at_most_three(self) -> None:
        assert all(event.attempts <= 3 and event.failures <= 2 for event in self.taken.values())

    @invariant()
    def what_waits_has_an_instant(self) -> None:
        assert (self.queue.next_due() is not None) == bool(len(self.queue))


EventsAreNeitherLostNorInvented.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
TestEventsAreNeitherLostNorInvented = EventsAreNeitherLostNorInvented.TestCase
