"""Records to whoever reads them, in order: the log in memory, the results file, listeners."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from attrs import define, field

from lambdarun.model.instant import SECOND
from lambdarun.model.records import Record

Reader = Callable[[list[Record]], None]


class Store(Protocol):
    """Keeps what happened. A step's records reach it before any of the step's answers leave."""

    def write(self, records: list[Record]) -> None:
        """Take a step's records."""


@define(eq=False)
class MemoryStore:
    """The event log of a run, kept in memory: records in order, iterable, with a length.

    Kinds are `invocation.started`, `event.discarded`, `batch.settled` and so on (model/records.py has them all).
    """

    records: list[Record] = field(factory=list, init=False)

    def write(self, records: list[Record]) -> None:
        """Append a step's records."""
        self.records += records

    def of(self, kind: str) -> list[Record]:
        """All records of a kind, such as `invocation.started`, in order."""
        return [record for record in self.records if record.kind == kind]

    def last(self, kind: str) -> Record:
        """The newest record of a kind. Raises LookupError where there is none."""
        for record in reversed(self.records):
            if record.kind == kind:
                return record
        raise LookupError(f"no {kind} in the log")

    def seconds(self, kind: str) -> list[float]:
        """When the records of a kind happened, in seconds after the log's first record."""
        start = self.records[0].time if self.records else 0
        return [(record.time - start) / SECOND for record in self.of(kind)]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


@define(eq=False)
class ForgetfulStore:
    """Keeps nothing: for long replays, whose readers take what they need as it comes."""

    def write(self, records: list[Record]) -> None:
        """Let the records go."""


@define(eq=False)
class Journal:
    """The one way by which records leave a step."""

    store: Store
    readers: list[Reader] = field(factory=list)

    def write(self, records: list[Record]) -> None:
        """Store a step's records, then show them to the readers."""
        # The store first: a reader that raises (a full disk under --out) must not keep a record from the log.
        self.store.write(records)
        for read in self.readers:
            read(records)
