"""Debuggers in a handler's process: `breakpoint()` on the user's terminal, and debugpy for editors.

Imported only where somebody debugs.
"""

from __future__ import annotations

import os
import pdb
import sys
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


def on_terminal(terminal: int, paused: Callable[[], None], resumed: Callable[[int], None]) -> None:
    """Have `breakpoint()` stop on `terminal`, a descriptor; `resumed` is told for how many nanoseconds."""
    # Whoever names a debugger of their own means that one.
    if os.environ.get("PYTHONBREAKPOINT"):
        return
    made: list[TerminalDebugger] = []

    def stop(*_: Any, **__: Any) -> None:
        if not made:
            made.append(TerminalDebugger(terminal, paused, resumed))
        made[0].set_trace(sys._getframe(1))

    sys.breakpointhook = stop


def await_editor(port: int) -> None:
    """Listen on `port` of this machine with debugpy and wait until an editor has attached. Raises ImportError, RuntimeError
    where the port is taken.
    """
    import debugpy  # type: ignore[import-not-found,import-untyped,unused-ignore]  # an extra: `lambdarun[debug]`

    debugpy.listen(("127.0.0.1", port))
    debugpy.wait_for_client()
