"""pdb on the user's terminal. Imported at the first `breakpoint()`: it brings 20 ms of other modules."""

from __future__ import annotations

import pdb
import time
from typing import Any, Callable

_perf_counter_ns = time.perf_counter_ns
_OURS = [f"{__package__}.*"]


class TerminalDebugger(pdb.Pdb):
    """pdb on a terminal of its own: descriptor 0 of a handler is empty, and 1 is its log."""

    def __init__(self, terminal: int, paused: Callable[[], None], resumed: Callable[[int], None]) -> None:
        self.paused = paused
        self.resumed = resumed
        super().__init__(
            stdin=open(terminal, closefd=False),  # noqa: SIM115 - for as long as the process lives
            stdout=open(terminal, "w", closefd=False),  # noqa: SIM115
            # Behind the handler's end there is only what called it: nobody wants to step into that.
            skip=_OURS,
            nosigint=True,
        )

    def interaction(self, *arguments: Any) -> None:
        """Stop and read commands; the function's time stands still meanwhile."""
        begun = _perf_counter_ns()
        self.paused()
        try:
            super().interaction(*arguments)
        finally:
            self.resumed(_perf_counter_ns() - begun)
