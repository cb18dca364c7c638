"""Execution environments in which nothing runs: each invocation succeeds after its declared or recorded duration.

For questions whose answer does not depend on what handlers do, such as how many of them a queue needs.
"""

from __future__ import annotations

from typing import Final

from attrs import define, field

from lambdarun.model.environment import Environment
from lambdarun.model.instant import Duration
from lambdarun.model.invocation import Invocation
from lambdarun.model.news import Ended
from lambdarun.model.outcome import Succeeded, Usage
from lambdarun.model.queue_mapping import Batch

_NOTHING: Final = Succeeded(b"null")
_NO_TIME: Final = Duration(0)


@define(eq=False)
class NoHandlers:
    """A workplace for virtual time. `per_message` is what each message of a batch adds to the duration."""

    per_message: Duration = _NO_TIME
    folder: str = ""
    is_within: bool = field(default=False, init=False)
    _ended: list[Ended] = field(factory=list, init=False)

    def fileno(self) -> int:
        """None: there is nothing to wait for."""
        return -1

    def in_flight(self) -> int:
        """Invocations handed over and not yet ended."""
        return len(self._ended)

    def answered(self) -> list[Ended]:
        """None: whoever was answered has ended."""
        return []

    def seconds_until_deadline(self) -> float | None:
        """At once, where `collect` has something to tell."""
        return 0.0 if self._ended else None

    def run(self, invocation: Invocation) -> None:
        """Have it succeed."""
        init = _NO_TIME if invocation.cold else None
        slept = _NO_TIME
        if self.per_message and isinstance(invocation.item, Batch):
            slept = Duration(self.per_message * len(invocation.item.messages))
        usage = Usage(_NO_TIME, init, slept, _NO_TIME, 0, b"", 0)
        self._ended.append(Ended(invocation, _NOTHING, usage))

    def collect_lone(self) -> Ended | None:
        """The one in flight."""
        return self._ended.pop() if self._ended else None

    def collect(self, timeout_s: float) -> list[Ended]:
        """All that was handed over."""
        ended, self._ended = self._ended, []
        return ended

    def reset(self, environment: Environment) -> None:
        """Nothing runs in it."""

    def stop(self, environment: Environment) -> None:
        """Nothing runs in it."""

    def close(self) -> None:
        """Nothing runs."""
