"""One queue, the mappings that poll it, and the invocations that come of it."""

from __future__ import annotations

from collections import deque

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

    def wake(self, now: Instant) -> None:
        """Invoke what may be invoked now."""
        mapping, admission = self.mapping, self.admission
        fleet = mapping.fleet
        busy = fleet.busy
        batches = mapping.poll(now, admission.records)
        if not batches:
            self.queue.under_way += fleet.busy - busy
            return
        name, callee = mapping.declaration.name, self.callee
        resource = callee.resource
        recorded = admission.time.mode is DurationMode.RECORDED
        for batch in batches:
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
        self.queue.under_way += fleet.busy - busy

    def next_due(self) -> Instant | None:
        """The mapping's next timer."""
        return self.mapping.next_due()

    def settle(self, now: Instant, invocation: Invocation, outcome: Outcome, usage: Usage) -> None:
        """Delete what succeeded, let the rest come back."""
        batch: Batch = invocation.item
        fleet = self.mapping.fleet
        busy = fleet.busy
        self.mapping.settle(now, batch, invocation.request_id, outcome, self.admission.records)
        self.queue.under_way += fleet.busy - busy
        self.queue.settled(self)


# A queue may have a thousand mappings of which one has work. So its mappings have a heap of dues of their own, as the
# region has one for queues; their batches are counted in one; and what waits in the queue is offered to one after the
# other until nothing is left, beginning where the last offer ended.
@define(eq=False)
class QueuePolling:
    """A queue with its timers and its pollers."""

    queue: QueueCore
    admission: Admission
    wakes: Wakes
    at_work: dict[QueuePolling, None]
    """All queues of the region that may not be at rest."""
    dead_letter: QueuePolling | None = None
    receivers: Sleeper | None = None
    """Callers whose receives wait for a message of it."""
    pollers: list[MappingPolling] = field(factory=list, init=False)
    """Of all mappings that there are, disabled ones too."""
    _polling: deque[MappingPolling] = field(factory=deque, init=False)
    """Those that receive; the next one to be offered messages stands first."""
    under_way: int = field(default=0, init=False)
    """Batches of all mappings."""
    _dues: Wakes = field(factory=Wakes, init=False)
    _lone: MappingPolling | None = field(default=None, init=False)
    """The only one there is: it is asked directly, as heap and turns would cost as much again."""

    def add(self, poller: MappingPolling) -> None:
        """Have one mapping more."""
        self.pollers.append(poller)
        if poller.mapping.polls:
            self._polling.append(poller)
        self._recount()

    def remove(self, poller: MappingPolling) -> None:
        """Have a mapping no more, which receives nothing already. Its last batches still settle."""
        self.pollers.remove(poller)
        self._recount()

    def _recount(self) -> None:
        before, self._lone = self._lone, self.pollers[0] if len(self.pollers) == 1 else None
        if before is not None and self._lone is None:
            self._dues.stir(before)  # its dues are planned from here on

    def begin(self, poller: MappingPolling) -> None:
        """Have a mapping receive from this step on."""
        poller.mapping.begin()
        self._polling.append(poller)
        self.wakes.stir(self)

    def stop(self, now: Instant, poller: MappingPolling) -> None:
        """Have a mapping receive no more."""
        if poller.mapping.polls:
            self._polling.remove(poller)
            fleet = poller.mapping.fleet
            busy = fleet.busy
            poller.mapping.stop(now, self.admission.records)
            self.under_way += fleet.busy - busy
            self.settled(poller)

    def send(self, now: Instant, message: Sendable) -> Message:
        """Take a message; pollers see it in this step."""
        sent = self.queue.send(now, message, self.admission.records)
        self.wakes.stir(self)
        return sent

    def settled(self, poller: MappingPolling) -> None:
        """Be told that a batch of a mapping ended, or that its settings changed."""
        if self._lone is None:
            self._dues.stir(poller)
        self.wakes.stir(self)

    def wake(self, now: Instant) -> None:
        """Let hidden messages show again, then have the pollers look."""
        dead, queue = self.dead_letter, self.queue
        # The queue's core moves messages by itself; whether it did is seen by a count, so that it need not know of wakes.
        before = dead.queue.taken() if dead is not None else 0
        queue.advance(now, self.admission.records)
        if self._lone is not None:
            self._lone.wake(now)
        else:
            self._offer(now)
        if dead is not None and dead.queue.taken() != before:
            # Its pollers look at what came, and what nobody polls expires one day.
            self.wakes.stir(dead)
        self.at_work[self] = None
        if self.receivers is not None and self.queue.ready:
            self.wakes.stir(self.receivers)

    def _offer(self, now: Instant) -> None:
        """Let those poll that have to, then give what waits to one after the other."""
        queue, dues, polling = self.queue, self._dues, self._polling
        dues.run(now)
        for _ in range(len(polling)):
            if not queue.ready:
                break
            poller = polling[0]
            polling.rotate(-1)
            if poller.mapping.can_take:
                dues.call(poller, now)

    def next_due(self) -> Instant | None:
        """The next timer of the queue or of a poller."""
        due = self.queue.next_due()
        wanted = self._dues.next_due() if self._lone is None else self._lone.mapping.next_due()
        return wanted if due is None or (wanted is not None and wanted < due) else due

    def at_rest(self) -> bool:
        """Whether no enabled poller has anything left to take or to settle."""
        if not self._polling:
            return True
        queue = self.queue
        # A queue that nobody polls is at rest with messages in it: nothing will ever happen to them but their expiry.
        return not (queue.visible or queue.hidden or queue.delayed or self.under_way)
