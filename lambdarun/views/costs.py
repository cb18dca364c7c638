"""What each function's invocations cost, read from the log."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field

from lambdarun.model.cost import Cost
from lambdarun.model.logged_invocation import billed_ms
from lambdarun.model.records import InvocationFailed, InvocationSucceeded, Record


@define(eq=False)
class Costs:
    """Reads records; costs by function."""

    functions: dict[str, Cost] = field(factory=dict, init=False)

    def read(self, records: Iterable[Record]) -> None:
        """Take records in."""
        for record in records:
            if type(record) is InvocationSucceeded or type(record) is InvocationFailed:
                self.function(record.function).add(
                    billed_ms(record.duration_us, record.init_us), record.memory_mb
                )

    def function(self, name: str) -> Cost:
        """The cost of a function, begun where there is none."""
        return self.functions.setdefault(name, Cost())
