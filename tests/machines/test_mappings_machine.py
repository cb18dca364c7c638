"""Mappings of one queue under random outcomes, throttles and requests: nothing is lost, and nothing is handled twice at
once but what its visibility timeout gave away.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lambdarun.model.declarations import Project
from lambdarun.model.draws import Draws
from lambdarun.model.effects import Answer, RunInvocation
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.invoke_request import Refusal
from lambdarun.model.mapping_news import CreateMapping, DeleteMapping, UpdateMapping
from lambdarun.model.mapping_state import BECOMES, MappingState
from lambdarun.model.message import NewMessage
from lambdarun.model.news import Ended, Send
from lambdarun.model.outcome import Cause, FunctionFailed, Outcome, Succeeded, SystemFailed, Usage
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.model.region import Region

USAGE = Usage(Duration(1), None, Duration(0), Duration(0), 1, b"", 0)
OUTCOMES: list[Outcome] = [
    Succeeded(b"null"),
    FunctionFailed(Cause.RAISED, "E", b"{}"),
    SystemFailed("lost"),
    Succeeded(b"[1"),
]
VISIBILITY_S = 30


class NoMessageIsLostOrHandledTwiceAtOnce(RuleBasedStateMachine):
    """A region with a queue, two functions, and mappings that come and go."""

    @initialize(
        fifo=st.booleans(), most=st.sampled_from([2, None]), reserved=st.sampled_from([None, 1, 2]), seed=st.integers(0, 99)
    )  # fmt: skip
    def begin(self, fifo: bool, most: int | None, reserved: int | None, seed: int) -> None:
        suffix = ".fifo" if fifo else ""
        self.name = f"q{suffix}"
        policy = (
            None
            if most is None
            else RedrivePolicy(dead_letter_target=f"dead{suffix}", max_receive_count=most)
        )
        functions = {
            name: Function(
                name=name, handler="a.b", code_uri=Path(), runtime="python3.11", timeout=5,
                reserved_concurrent_executions=reserved,
            )
            for name in ("one", "two")
        }  # fmt: skip
        queues = [
            Queue(name=self.name, visibility_timeout=VISIBILITY_S, redrive_policy=policy),
            Queue(name=f"dead{suffix}"),
        ]
        project = Project(functions=functions, queues={queue.name: queue for queue in queues})
        self.fifo, self.most = fifo, most
        self.arn = project.account.queue_arn(self.name)
        self.region = Region(project, Draws(seed))
        self.now = Instant(SECOND)
        self.sent = 0
        self.tickets = 0
        self.running: list[Invocation] = []
        self.answers: dict[int, Any] = {}
        self.gone: set[str] = set()
        """Messages that were deleted, by the log."""
        self.states: dict[str, str] = {}
        self.ids: set[str] = set()

    def _step(self) -> None:
        records, effects = self.region.advance(self.now)
        for record in records:
            assert record.time == self.now
            self._read(record)
        for effect in effects:
            if isinstance(effect, Answer):
                self.answers[effect.ticket] = effect.reply
            elif isinstance(effect, RunInvocation):
                self._run(effect.invocation)

    def _read(self, record: Any) -> None:
        if record.kind == "message.sent":
            self.ids.add(record.message_id)
        elif record.kind == "batch.settled":
            self.gone |= set(record.deleted)
        elif record.kind in ("messages.filtered",):
            self.gone |= set(record.message_ids)
        elif record.kind == "mapping.changed":
            before = self.states.pop(record.mapping, None)
            if before is not None:
                after = MappingState(record.state) if record.state else None
                assert after in BECOMES[MappingState(before)], (before, record.state)
            else:
                assert record.state in ("Creating", "Disabled")
            if record.state:
                self.states[record.mapping] = record.state

    def _run(self, invocation: Invocation) -> None:
        batch = invocation.item
        assert batch.visible_until > self.now
        assert len({received.message.id for received in batch.messages}) == len(batch.messages)
        for other in self.running:
            if other.item.visible_until <= self.now:
                continue
            assert not set(batch.ids) & set(other.item.ids), "two invocations at once for one message"
            if self.fifo:
                groups, others = (
                    {received.message.message_group_id for received in one.messages}
                    for one in (batch, other.item)
                )
                assert not groups & others, "two invocations at once for one group"
        for received in batch.messages:
            assert self.most is None or received.receive_count <= self.most
        self.running.append(invocation)

    def _ask(self, news: Any) -> Any:
        self.region.take(self.now, news)
        self._step()
        return self.answers.pop(news.ticket)

    def _ticket(self) -> int:
        self.tickets += 1
        return self.tickets

    @rule(count=st.integers(1, 5), group=st.sampled_from("abc"))
    def messages_are_sent(self, count: int, group: str) -> None:
        for _ in range(count):
            self.sent += 1
            more = (
                {"message_group_id": group, "message_deduplication_id": str(self.sent)} if self.fifo else {}
            )
            body = "drop" if self.sent % 7 == 0 else "keep"
            self.region.take(self.now, Send(self.name, NewMessage(body=body, **more)))
        self._step()

    @rule(
        function=st.sampled_from(["one", "two"]), enabled=st.booleans(), size=st.sampled_from([1, 3, 10]),
        window=st.sampled_from([0, 0, 2]), partial=st.booleans(), filtered=st.booleans(),
    )  # fmt: skip
    def a_mapping_is_asked_for(
        self, function: str, enabled: bool, size: int, window: int, partial: bool, filtered: bool
    ) -> None:
        request: dict[str, Any] = {
            "EventSourceArn": self.arn, "FunctionName": function, "Enabled": enabled, "BatchSize": size,
            "MaximumBatchingWindowInSeconds": window,
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if partial else [],
        }  # fmt: skip
        if filtered:
            request["FilterCriteria"] = {"Filters": [{"Pattern": '{"body": ["keep"]}'}]}
        reply = self._ask(CreateMapping(self._ticket(), request))
        if isinstance(reply, Refusal):
            assert reply.code in ("ResourceConflictException", "InvalidParameterValueException")
            assert (reply.code == "ResourceConflictException") or (self.fifo and window)

    @precondition(lambda self: self.states)
    @rule(
        data=st.data(),
        change=st.sampled_from(
            [{"Enabled": False}, {"Enabled": True}, {"BatchSize": 2}, {"FunctionName": "two"},
             {"ScalingConfig": {"MaximumConcurrency": 2}}, {"FilterCriteria": {}}]
        ),
    )  # fmt: skip
    def a_mapping_is_changed(self, data: st.DataObject, change: dict[str, Any]) -> None:
        uuid = data.draw(st.sampled_from(sorted(self.states)))
        settled = MappingState(self.states[uuid]).is_settled
        reply = self._ask(UpdateMapping(self._ticket(), uuid, change))
        if isinstance(reply, Refusal):
            assert (reply.code == "ResourceInUseException") == (not settled)
        else:
            assert settled

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def a_mapping_is_deleted(self, data: st.DataObject) -> None:
        uuid = data.draw(st.sampled_from(sorted(self.states)))
        settled = MappingState(self.states[uuid]).is_settled
        assert isinstance(self._ask(DeleteMapping(self._ticket(), uuid)), Refusal) != settled

    @precondition(lambda self: self.running)
    @rule(data=st.data(), outcome=st.sampled_from([*OUTCOMES, "partial"]))
    def an_invocation_ends(self, data: st.DataObject, outcome: Any) -> None:
        invocation = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        if outcome == "partial":
            first = invocation.item.messages[0].message.id
            outcome = Succeeded(f'{{"batchItemFailures": [{{"itemIdentifier": "{first}"}}]}}'.encode())
        self.region.take(self.now, Ended(invocation, outcome, USAGE))
        self._step()

    @rule(seconds=st.sampled_from([0, 1, 2, 5, 29, 30, 31, 90]))
    def time_passes(self, seconds: int) -> None:
        end = Instant(self.now + seconds * SECOND)
        for _ in range(2_000):
            due = self.region.next_due()
            if due is None or due > end:
                break
            self.now = due
            self._step()
        else:
            raise AssertionError("something is due and is not done")
        self.now = end

    @invariant()
    def every_message_is_somewhere(self) -> None:
        if not hasattr(self, "region"):
            return
        by_queue = {name: [m.id for m in polled.queue.peek()] for name, polled in self.region.queues.items()}
        held = [message_id for ids in by_queue.values() for message_id in ids]
        assert len(held) == len(set(held))
        assert set(held) | self.gone == self.ids
        # An old receipt of a message that moved since deletes nothing, and AWS says that it did.
        assert not set(by_queue[self.name]) & self.gone

    @invariant()
    def what_get_tells_is_what_the_log_told(self) -> None:
        if not hasattr(self, "region"):
            return
        told = self.region.mappings.list(None, None, None, 100)
        assert not isinstance(told, Refusal)
        found = {one["UUID"]: one["State"] for one in told["EventSourceMappings"]}
        assert found == self.states


NoMessageIsLostOrHandledTwiceAtOnce.TestCase.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None
)
TestNoMessageIsLostOrHandledTwiceAtOnce = NoMessageIsLostOrHandledTwiceAtOnce.TestCase
