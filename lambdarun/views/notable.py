"""The invocations and messages of a run that somebody will ask about: a bounded number of each, with their logs' ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from heapq import heappush, heapreplace
from typing import Any, Final

from attrs import define, field, frozen

from lambdarun.aws import limits
from lambdarun.model.declarations import Project
from lambdarun.model.event_records import EventDiscarded, MessageDeadLettered
from lambdarun.model.instant import Duration, Instant
from lambdarun.model.logged_invocation import LoggedInvocation
from lambdarun.model.records import InvocationFailed, InvocationSucceeded, Record
from lambdarun.views.told_invocations import ToldInvocations

KEPT_MOST: Final = 20
"""Of each kind."""
OF_ONE_KIND_MOST: Final = 5
"""Failed invocations of one function with one error: others want to be seen too."""
_TEXT_MOST: Final = 2_000
"""Characters of a response or a body."""


@frozen
class NotableInvocation:
    """An invocation that ended, as it is shown."""

    function: str
    version: str
    request_id: str
    started: Instant
    duration_us: Duration
    init_us: Duration | None
    error_type: str | None
    cause: str | None
    """None where it succeeded."""
    response: str
    log: str
    """The last 4 KB of its log, as a caller could have them from AWS."""
    output_dropped_bytes: int


@frozen
class DeadLetter:
    """A message that moved to a dead-letter queue."""

    time: Instant
    queue: str
    target: str
    message_id: str
    receive_count: int
    body: str


@frozen
class Discarded:
    """An asynchronous event that ended without success."""

    time: Instant
    function: str
    request_id: str
    condition: str
    attempts: int


@define(eq=False)
class Notable:
    """Reads records; its members are what to show. Of what it leaves out it has the counts."""

    project: Project
    failed: list[NotableInvocation] = field(factory=list, init=False)
    """The first ones of each kind of error, in order of their ends."""
    failures: int = field(default=0, init=False)
    dead_letters: list[DeadLetter] = field(factory=list, init=False)
    dead: int = field(default=0, init=False)
    discarded: list[Discarded] = field(factory=list, init=False)
    discards: int = field(default=0, init=False)
    _slowest: list[tuple[int, int, NotableInvocation]] = field(factory=list, init=False)
    _kinds: Counter[tuple[str, str]] = field(factory=Counter, init=False)
    _told: ToldInvocations = field(init=False)
    _seen: int = field(default=0, init=False)
    _readers: dict[type, Callable[[Any], None]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._told = ToldInvocations(self.project)
        self._readers = {
            InvocationSucceeded: self._ended,
            InvocationFailed: self._failed,
            MessageDeadLettered: self._dead,
            EventDiscarded: self._discarded,
        }

    def read(self, records: Iterable[Record]) -> None:
        """Take records in."""
        gather, readers = self._told.read, self._readers
        for record in records:
            reader = readers.get(type(record), gather)
            reader(record)

    @property
    def slowest(self) -> list[NotableInvocation]:
        """The longest invocations, the longest first; of equal ones those that ended first."""
        return [one for _, _, one in sorted(self._slowest, key=lambda kept: (-kept[0], -kept[1]))]

    def _ended(self, record: InvocationSucceeded) -> None:
        if not self._among_slowest(record):
            self._told.forget(record.environment)
            return
        self._keep_slow(record, self._shown(record))

    def _failed(self, record: InvocationFailed) -> None:
        self.failures += 1
        kind = record.function, record.error_type
        wanted = len(self.failed) < KEPT_MOST and self._kinds[kind] < OF_ONE_KIND_MOST
        slow = self._among_slowest(record)
        if not wanted and not slow:
            self._told.forget(record.environment)
            return
        shown = self._shown(record)
        if wanted:
            self._kinds[kind] += 1
            self.failed.append(shown)
        if slow:
            self._keep_slow(record, shown)

    def _among_slowest(self, record: InvocationSucceeded | InvocationFailed) -> bool:
        return len(self._slowest) < KEPT_MOST or record.duration_us > self._slowest[0][0]

    def _keep_slow(self, record: InvocationSucceeded | InvocationFailed, shown: NotableInvocation) -> None:
        self._seen += 1
        kept = (record.duration_us, -self._seen, shown)
        if len(self._slowest) < KEPT_MOST:
            heappush(self._slowest, kept)
        else:
            heapreplace(self._slowest, kept)

    def _shown(self, record: InvocationSucceeded | InvocationFailed) -> NotableInvocation:
        failed = record if isinstance(record, InvocationFailed) else None
        told = self._told.told(record)
        return NotableInvocation(
            record.function,
            record.version,
            str(record.request_id),
            record.started,
            record.duration_us,
            record.init_us,
            None if failed is None else failed.error_type,
            None if failed is None else failed.cause,
            _cut(record.response.decode("utf-8", "replace")),
            self._log(record, told).decode("utf-8", "replace"),
            told.dropped_bytes,
        )

    def _log(self, record: InvocationSucceeded | InvocationFailed, told: LoggedInvocation) -> bytes:
        if record.function in self.project.functions:
            return self._told.log(record).tail(told)
        # A log that is read without its project: how the function logs is not known, what it wrote is.
        return told.output[-limits.LOG_TAIL_BYTES.value :]

    def _dead(self, record: MessageDeadLettered) -> None:
        self.dead += 1
        if len(self.dead_letters) < KEPT_MOST:
            self.dead_letters.append(
                DeadLetter(
                    record.time,
                    record.queue,
                    record.target,
                    record.message_id,
                    record.receive_count,
                    _cut(record.body),
                )
            )

    def _discarded(self, record: EventDiscarded) -> None:
        self.discards += 1
        if len(self.discarded) < KEPT_MOST:
            self.discarded.append(
                Discarded(
                    record.time, record.function, str(record.request_id), record.condition, record.attempts
                )
            )


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_MOST else f"{text[:_TEXT_MOST]}... ({len(text):,} characters)"
