"""One queue, the mappings that poll it, and the invocations that come of it."""

from __future__ import annotations

from attrs import define, field

from lambdarun.model.admission import Admission
from lambdarun.model.catalog import Callee, Catalog
from lambdarun.model.handler_time import DurationMode
from lambdarun.model.instant import Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.message import Message, Sendable
from lambdarun.model.outcome import Outcome, Usage
from lambdarun.model.queue_core import QueueCore
from lambdarun.model.queue_mapping import Batch, QueueMapping
from lambdarun.model.wakes import Sleeper, Wakes


@define(eq=False)
class MappingPolling:
    """A mapping's pollers: batches in, outcomes back."""

    mapping: QueueMapping
    callee: Callee
    catalog: Catalog
    admission: Admission
    queue: QueuePolling

    def poll(self, now: Instant) -> None:
        """Invoke what may be invoked now."""
        mapping, admission = self.mapping, self.admission
        name, callee = mapping.declaration.name, self.callee
        resource = callee.resource
        recorded = admission.time.mode is DurationMode.RECORDED
        for batch in mapping.poll(now, admission.records):
            request_id = admission.draws.new_id()
            function = self.catalog.get(resource)
            assert function is not None
            invocation = Invocation(
                function,
                request_id,
                batch.payload(),
                self,
                batch,
                name,
                batch.attempts + 1,
                True,
                Duration(0),
                batch.duration if recorded else None,
                invoked_arn=callee.arn,
                qualifier=callee.qualifier,
            )
            reason = admission.start(now, invocation)
            if reason is None:
                mapping.began(batch, request_id)
            else:
                mapping.throttled(now, batch, reason.value, admission.records)

    def settle(self, now: Instant, invocation: Invocation, outcome: Outcome, usage: Usage) -> None:
        """Delete what succeeded, let the rest come back."""
        batch: Batch = invocation.item
        self.mapping.settle(now, batch, invocation.request_id, outcome, self.admission.records)
        self.queue.wakes.stir(self.queue)


@define(eq=False)
class QueuePolling:
    """A queue with its timers and its pollers."""

    queue: QueueCore
    admission: Admission
    wakes: Wakes
    dead_letter: QueuePolling | None = None
    pollers: list[MappingPolling] = field(factory=list)
    receivers: Sleeper | None = None
    """Callers whose receives wait for a message of it."""

    def send(self, now: Instant, message: Sendable) -> Message:
        """Take a message; pollers see it in this step."""
        sent = self.queue.send(now, message, self.admission.records)
        self.wakes.stir(self)
        return sent

    def wake(self, now: Instant) -> None:
        """Let hidden messages show again, then have the pollers look."""
        dead = self.dead_letter
        # The queue's core moves messages by itself; whether it did is seen by a count, so that it need not know of wakes.
        before = dead.queue.taken() if dead is not None else 0
        self.queue.advance(now, self.admission.records)
        for poller in self.pollers:
            poller.poll(now)
        if dead is not None and dead.queue.taken() != before:
            # Its pollers look at what came, and what nobody polls expires one day.
            self.wakes.stir(dead)
        if self.receivers is not None and self.queue.ready:
            self.wakes.stir(self.receivers)

    def next_due(self) -> Instant | None:
        """The next timer of the queue or of a poller."""
        due = self.queue.next_due()
        for poller in self.pollers:
            wanted = poller.mapping.next_due()
            if wanted is not None and (due is None or wanted < due):
                due = wanted
        return due

    def at_rest(self) -> bool:
        """Whether no enabled poller has anything left to take or to settle."""
        if not any(poller.mapping.declaration.enabled for poller in self.pollers):
            return True
        queue = self.queue
        # A queue that nobody polls is at rest with messages in it: nothing will ever happen to them but their expiry.
        return not (queue.visible or queue.hidden or queue.delayed) and all(
            poller.mapping.at_rest() for poller in self.pollers
        )
