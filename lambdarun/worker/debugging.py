"""Debuggers in a handler's process: `breakpoint()` on the user's terminal, and debugpy for editors."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Callable

_FOLDERS = "PATHS_FROM_ECLIPSE_TO_PYTHON"


def on_terminal(terminal: int, paused: Callable[[], None], resumed: Callable[[int], None]) -> None:
    """Have `breakpoint()` stop on `terminal`, a descriptor; `resumed` is told for how many nanoseconds."""
    # The handler's own children have no business there.
    os.set_inheritable(terminal, False)
    # Whoever names a debugger of their own means that one.
    if os.environ.get("PYTHONBREAKPOINT"):
        return
    made: list[Any] = []

    def stop(*_: Any, **__: Any) -> None:
        if not made:
            from .terminal_debugger import TerminalDebugger

            made.append(TerminalDebugger(terminal, paused, resumed))
        made[0].set_trace(sys._getframe(1))

    sys.breakpointhook = stop


def await_editor(port: int, folders: list[tuple[str, str]]) -> None:
    """Listen on `port` of this machine with debugpy and wait until an editor has attached. `folders`: the user's, and what
    they are called here. Raises ImportError, RuntimeError where the port is taken.
    """
    # Read when debugpy first listens; an editor's own pathMappings win over it. pydevd_file_utils.py tells of it.
    os.environ[_FOLDERS] = json.dumps(folders)
    try:
        import debugpy  # type: ignore[import-not-found,import-untyped,unused-ignore]  # an extra: `lambdarun[debug]`

        debugpy.listen(("127.0.0.1", port))
    finally:
        del os.environ[_FOLDERS]
    debugpy.wait_for_client()
