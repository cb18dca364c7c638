"""A queue, its poller and its dead-letter queue: nothing lost, nothing invented, whatever happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdarun.model.draws import Draws, RequestId
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.message import NewMessage
from lambdarun.model.outcome import Cause, FunctionFailed, Succeeded, SystemFailed
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.model.queue_mapping import Batch, QueueMapping
from lambdarun.model.sqs_queue import SqsQueue

OUTCOMES = [
    Succeeded(b"null"),
    FunctionFailed(Cause.RAISED, "E", b"{}"),
    SystemFailed("lost"),
    Succeeded(b"[1"),
]


class MessagesAreNeitherLostNorInvented(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        policy = RedrivePolicy(dead_letter_target="dead", max_receive_count=3)
        draws = Draws(0)
        self.queue = SqsQueue(Queue(name="q", visibility_timeout=30, redrive_policy=policy), "arn:q", draws)
        self.dead = SqsQueue(Queue(name="dead"), "arn:dead", draws)
        self.queue.dead_letter = self.dead
        function = Function(name="fn", handler="a.b", code_uri=Path(), runtime="python3.11")
        declared = EventSourceMapping(
            name="m", queue="q", function="fn", batch_size=3, report_batch_item_failures=True
        )
        self.mapping = QueueMapping(declared, function, self.queue, "us-east-1")
        self.now = Instant(0)
        self.sent: set[str] = set()
        self.deleted: set[str] = set()
        self.running: list[Batch] = []
        self.receive_counts: dict[str, int] = {}

    @rule(count=st.integers(1, 5), delay=st.sampled_from([None, 0, 5]))
    def messages_are_sent(self, count: int, delay: int | None) -> None:
        for _ in range(count):
            body = str(len(self.sent))
            self.sent.add(body)
            self.queue.send(self.now, NewMessage(body=body, delay_seconds=delay), [])

    @rule(seconds=st.integers(0, 45), room=st.booleans())
    def time_passes_and_the_poller_looks(self, seconds: int, room: bool) -> None:
        self.now = Instant(self.now + seconds * SECOND)
        records: list[Any] = []
        self.queue.advance(self.now, records)
        for batch in self.mapping.poll(self.now, records):
            for received in batch.messages:
                body = received.message.body
                # A throttled batch is tried again with what it had, even if another receive's delete came first.
                assert batch.tries or body not in self.deleted
                assert received.receive_count >= self.receive_counts.get(body, 0)
                assert received.receive_count <= 3
                self.receive_counts[body] = received.receive_count
            if room:
                self.mapping.began(batch, RequestId("1"))
                self.running.append(batch)
            else:
                self.mapping.throttled(self.now, batch, "throttled", records)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES))
    def a_batch_ends(self, data: st.DataObject, outcome: Any) -> None:
        batch = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        records: list[Any] = []
        self.mapping.settle(self.now, batch, RequestId("1"), outcome, records)
        if outcome == OUTCOMES[0]:
            self.deleted |= {received.message.body for received in batch.messages}

    @invariant()
    def every_message_is_somewhere_exactly_once(self) -> None:
        waiting = [message.body for message in self.queue.peek()]
        moved = [message.body for message in self.dead.peek()]
        assert sorted([*waiting, *(m for m in moved if m not in self.deleted)]) == sorted(
            self.sent - self.deleted
        )

    @invariant()
    def the_counts_add_up(self) -> None:
        counts = self.queue.counts()
        assert counts.visible + counts.hidden + counts.delayed == len(self.queue.peek())
        assert min(counts.visible, counts.hidden, counts.delayed) >= 0


MessagesAreNeitherLostNorInvented.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
TestMessagesAreNeitherLostNorInvented = MessagesAreNeitherLostNorInvented.TestCase
