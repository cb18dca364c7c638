"""Asynchronous invocation of one function, or of one version or alias: its queue joined to the admission."""

from __future__ import annotations

from attrs import define

from lambdarun.model.admission import Admission
from lambdarun.model.async_queue import AsyncQueue, Delayed, Discarded, QueuedEvent, Verdict
from lambdarun.model.catalog import Callee, Catalog
from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import (
    EventAccepted,
    EventDelayed,
    EventDiscarded,
    EventSettled,
)
from lambdarun.model.instant import Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.outcome import Outcome, Usage
from lambdarun.model.wakes import Wakes


@define(eq=False)
class AsyncInvocation:
    """Events accepted for one function, and their attempts."""

    callee: Callee
    catalog: Catalog
    queue: AsyncQueue
    admission: Admission
    wakes: Wakes
    running: int = 0

    def accept(self, now: Instant, payload: bytes, source: str, recorded: Duration | None) -> RequestId:
        """Take an event into the queue; returns the id of all its attempts."""
        admission = self.admission
        request_id = admission.draws.new_id()
        admission.records.append(
            EventAccepted(now, self.callee.name, request_id, source, len(payload), self.callee.qualifier)
        )
        if self.queue.accept(now, (now, request_id, payload, source, recorded)):
            self.wakes.stir(self)
        return request_id

    def wake(self, now: Instant) -> None:
        """Start every attempt that may start now."""
        queue, callee = self.queue, self.callee
        for event, verdict in queue.take_expired(now):
            self._record(now, event, verdict)
        while (ready := queue.take(now)) is not None:
            event = ready
            if self.catalog.latest[callee.name].reserved_concurrent_executions == 0:
                self._record(now, event, queue.discard_zero_reserved(event))
                continue
            # Alias, version, code and configuration are resolved at each attempt, so an alias of two versions draws again for a
            # retry (whether AWS does is not documented; that it resolves again is).
            function = self.catalog.get(callee.resource)
            assert function is not None
            invocation = Invocation(
                function,
                event.request_id,
                event.payload,
                self,
                event,
                "async",
                event.attempts,
                False,
                Duration(now - event.accepted),
                event.duration,
                invoked_arn=callee.arn,
                qualifier=callee.qualifier,
            )
            if self.admission.start(now, invocation) is not None:
                self._record(now, event, queue.put_back_throttled(now, event))
                return
            queue.began()
            self.running += 1

    def next_due(self) -> Instant | None:
        """When the next attempt may start, or the next event ends by its age."""
        return self.queue.next_due()

    def settle(self, now: Instant, invocation: Invocation, outcome: Outcome, usage: Usage) -> None:
        """Decide what follows an attempt."""
        self.running -= 1
        event: QueuedEvent = invocation.item
        self._record(now, event, self.queue.settle(now, event, outcome))
        self.wakes.stir(self)

    def at_rest(self) -> bool:
        """Whether nothing waits or runs."""
        return not self.running and not len(self.queue)

    def _record(self, now: Instant, event: QueuedEvent, verdict: Verdict) -> None:
        name, qualifier, records = self.callee.name, self.callee.qualifier, self.admission.records
        match verdict:
            case Delayed():
                records.append(EventDelayed(now, name, event.request_id, verdict.cause, verdict.due))
            case Discarded():
                records.append(
                    EventDiscarded(
                        now, name, event.request_id, verdict.condition, verdict.attempts, qualifier
                    )
                )
            case _:
                records.append(EventSettled(now, name, event.request_id, event.attempts, qualifier))
