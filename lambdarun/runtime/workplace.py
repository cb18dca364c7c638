"""Where handlers run, as the driver sees it: processes of their own, or the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lambdarun.model.environment import Environment
from lambdarun.model.invocation import Invocation
from lambdarun.model.news import Ended, Responded


class Workplace(Protocol):
    """Runs invocations in their environments and tells what came of them. It decides nothing."""

    @property
    def folder(self) -> str:
        """A folder of the run: it is removed when that ends."""

    @property
    def is_within(self) -> bool:
        """Whether the asking code is itself a handler that runs here: then nothing can be asked of the runtime."""

    def fileno(self) -> int:
        """The descriptor that is readable when `collect` has something to do."""

    def in_flight(self) -> int:
        """Invocations handed over and not yet ended."""

    def answered(self) -> list[Ended]:
        """The ends of those that were answered already: nobody would hear of them once this is closed."""

    def seconds_until_deadline(self) -> float | None:
        """Seconds of the wall until `collect` has to be called whatever else happens; None: it need not be."""

    def run(self, invocation: Invocation) -> None:
        """Hand an event to its environment; `collect` tells what came of it."""

    def collect_lone(self) -> Ended | Responded | None:
        """Wait a moment for the one invocation in flight; None if it takes longer."""

    def collect(self, timeout_s: float) -> Sequence[Ended | Responded]:
        """Wait up to `timeout_s` until something ends; returns all that did."""

    def reset(self, environment: Environment) -> None:
        """End what runs in an idle environment; its private folder stays."""

    def stop(self, environment: Environment) -> None:
        """End an environment and its private folder."""

    def close(self) -> None:
        """End everything."""
