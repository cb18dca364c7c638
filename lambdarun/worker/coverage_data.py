"""Coverage of handlers: its data is written before a process ends, however that comes about.

coverage.py starts itself with the interpreter (its `patch = subprocess`) and writes at the interpreter's end, which
these processes never reach.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any


def _measured() -> Any:
    """What measures this process; None where nothing does."""
    coverage = sys.modules.get("coverage")
    return coverage.Coverage.current() if coverage is not None else None


def save() -> None:
    """Write what was measured so far."""
    measured = _measured()
    if measured is not None:
        measured.stop()
        measured.save()


def leave(status: int) -> None:
    """End this process at once, its data written."""
    save()
    os._exit(status)


def save_when_killed() -> None:
    """Have SIGTERM, which the runtime sends before it kills where coverage is measured, write the data."""
    if _measured() is not None:
        signal.signal(signal.SIGTERM, lambda *_: leave(1))
