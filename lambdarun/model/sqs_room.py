"""The queues of an account as the API's calls see them: by URL, name or ARN, with what is kept beside each core."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from lambdarun.aws import sqs_queue_messages
from lambdarun.model.admission import Admission
from lambdarun.model.declarations import Account
from lambdarun.model.instant import Instant
from lambdarun.model.message import Received
from lambdarun.model.queue import Queue
from lambdarun.model.queue_core import QueueCore
from lambdarun.model.queue_polling import QueuePolling
from lambdarun.model.records import Record
from lambdarun.model.sqs_attributes import Attributes, Beside
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.wakes import Wakes


@define(eq=False)
class LiveQueue:
    """One queue with what only callers of the API see of it."""

    polled: QueuePolling
    created: Instant
    modified: Instant
    beside: Beside = field(factory=Beside)
    tags: dict[str, str] = field(factory=dict)
    purged: Instant | None = None

    @property
    def core(self) -> QueueCore:
        """Where its messages are."""
        return self.polled.queue

    @property
    def name(self) -> str:
        """Its name."""
        return self.polled.queue.declaration.name

    @property
    def attributes(self) -> Attributes:
        """All that can be set of it."""
        return Attributes(self.polled.queue.declaration, self.beside)


@define(eq=False)
class QueueRoom:
    """Finds, opens and closes queues, and has their pollers look when a call changed something."""

    account: Account
    admission: Admission
    wakes: Wakes
    _polled: dict[str, QueuePolling]
    """All queues by name, in order of their making; shared with whoever sends and polls."""
    _open: Callable[[Queue], QueuePolling]
    deleted: dict[str, Instant] = field(factory=dict, init=False)
    """When a queue of that name was deleted last."""
    _live: dict[str, LiveQueue] = field(factory=dict, init=False)

    @property
    def records(self) -> list[Record]:
        """Where happenings are told."""
        return self.admission.records

    def names(self) -> list[str]:
        """Of all queues, sorted."""
        return sorted(self._polled)

    def url(self, name: str) -> str:
        """`https://sqs.us-east-1.amazonaws.com/123456789012/orders`."""
        return f"https://sqs.{self.account.region}.amazonaws.com/{self.account.account_id}/{name}"

    def arn(self, name: str) -> str:
        """`arn:aws:sqs:us-east-1:123456789012:orders`."""
        return self.account.queue_arn(name)

    def declaration(self, name: str) -> Queue | None:
        """What is declared of a queue; None: there is none."""
        polled = self._polled.get(name)
        return None if polled is None else polled.queue.declaration

    def named(self, now: Instant, name: str) -> LiveQueue | None:
        """A queue with its state of `now`."""
        polled = self._polled.get(name)
        if polled is None:
            return None
        live = self._live.get(name)
        if live is None or live.polled is not polled:
            # A declared queue is there before anybody calls: its times are those of the first who asks.
            live = self._live[name] = LiveQueue(polled, now, now)
        polled.queue.advance(now, self.records)
        return live

    def at_url(self, now: Instant, url: str) -> LiveQueue:
        """The queue with that URL; its name alone will do too. Raises SqsError."""
        *path, name = url.rstrip("/").split("/")
        found = None
        if not path or path[-1] in ("", self.account.account_id):
            found = self.named(now, name)
        if found is None:
            raise SqsError.of(sqs_queue_messages.QUEUE_MISSING)
        return found

    def with_arn(self, now: Instant, arn: str, member: str) -> LiveQueue:
        """The queue with that ARN, which stood in `member`. Raises SqsError."""
        name = arn.rpartition(":")[2]
        found = self.named(now, name) if arn == self.arn(name) else None
        if found is None:
            raise SqsError.of(sqs_queue_messages.ARN_MISSING, name=member)
        return found

    def open(self, now: Instant, declared: Queue, beside: Beside) -> LiveQueue:
        """Make a queue."""
        polled = self._open(declared)
        live = self._live[declared.name] = LiveQueue(polled, now, now, beside)
        self._link(polled)
        for other in self._polled.values():
            policy = other.queue.declaration.redrive_policy
            if policy is not None and policy.dead_letter_target == declared.name:
                self._link(other)
        return live

    def close(self, now: Instant, live: LiveQueue) -> None:
        """Delete a queue and all that is in it; what moved dead letters to it keeps them from now on."""
        live.core.purge(now, self.records)
        self.stir(live)
        del self._polled[live.name], self._live[live.name]
        self.deleted[live.name] = now
        for other in self._polled.values():
            if other.dead_letter is live.polled:
                other.dead_letter = other.queue.dead_letter = None

    def configure(self, now: Instant, live: LiveQueue, attributes: Attributes) -> None:
        """Change what is set of a queue."""
        live.beside, live.modified = attributes.beside, now
        live.core.configure(now, attributes.queue, self.records)
        self._link(live.polled)
        self.stir(live)

    def sources(self, name: str) -> list[str]:
        """The queues whose dead letters go to that queue, sorted by name."""
        found = []
        for own, polled in self._polled.items():
            policy = polled.queue.declaration.redrive_policy
            if policy is not None and policy.dead_letter_target == name:
                found.append(own)
        return sorted(found)

    def receive(
        self, now: Instant, live: LiveQueue, count: int, visibility_timeout: int | None, attempt: str | None
    ) -> list[Received]:
        """Receive, and have the pollers of a dead-letter queue look where that moved something."""
        dead = live.polled.dead_letter
        before = dead.queue.taken() if dead is not None else 0
        received = live.core.receive(now, count, self.records, visibility_timeout, attempt)
        moved = dead is not None and dead.queue.taken() != before
        if dead is not None and moved:
            self.wakes.stir(dead)
        # Only where something came of it: a receive that waits looks again whenever the queue wakes, and it would wake for
        # ever.
        if received or moved:
            self.stir(live)
        return received

    def stir(self, live: LiveQueue) -> None:
        """Have the queue's pollers look, and its timers set anew, in this step."""
        self.wakes.stir(live.polled)

    def _link(self, polled: QueuePolling) -> None:
        policy = polled.queue.declaration.redrive_policy
        target = None if policy is None else self._polled.get(policy.dead_letter_target)
        polled.dead_letter = target
        polled.queue.dead_letter = None if target is None else target.queue


def page(names: list[str], most: int | None, after: str | None) -> tuple[list[str], str | None]:
    """At most `most` names behind `after`, and the last of them where more follow."""
    left = [name for name in names if after is None or name > after]
    bound = len(left) if most is None else most
    told = left[:bound]
    return told, told[-1] if told and len(left) > bound else None
