"""What `lambdarun invoke` does for somebody who works on a handler: watch, breakpoint, an editor's debugger."""

from __future__ import annotations

import os
import select
import socket
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from lambdarun.errors import LambdarunError, MachineError, ProjectErrors

_LOOK_S: Final = 0.2
"""How often files are looked at: by their times, which the standard library can do everywhere."""
_REST: Final = 10
"""Between two looks at least so many times as long as a look took."""


def terminal() -> int | None:
    """A descriptor of the user's terminal, for `breakpoint()`; None: nobody sits there."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    try:
        return os.open(os.ttyname(sys.stdin.fileno()), os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None


def checked_port(port: int) -> int:
    """A port where debugpy can listen. Raises MachineError."""
    if find_spec("debugpy") is None:
        raise MachineError(
            "--debug-port needs debugpy, which is not installed here. Install it: pip install 'lambdarun[debug]'."
        )
    with socket.socket() as tried:
        # As debugpy itself: a port whose last connection has just ended is free.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as fault:
            raise MachineError(f"--debug-port {port}: {fault.strerror}. Choose another port.") from None
    return port


def watch(invoke: Callable[[], list[Path]], files: Iterable[Path], quiet: bool) -> None:
    """Call `invoke`, and again whenever something of what it returns, or of `files`, has changed. Ends by Ctrl-C.

    A fault of the user's is told and waited out: it is what they are about to mend.
    """
    from lambdarun.runtime.clock import wall_seconds

    watched: list[Path] = [Path.cwd()]
    own = list(files)
    while True:
        before = _state([*watched, *own])
        try:
            found = invoke()
        except LambdarunError as fault:
            for one in fault.findings if isinstance(fault, ProjectErrors) else [fault]:
                sys.stderr.write(f"lambdarun: error: {one}\n")
        else:
            if found != watched:
                # Only now it is known what to look at; what changed during this first invocation is seen in the next.
                watched = found
                before = _state([*watched, *own])
        if not quiet:
            sys.stderr.write(f"lambdarun: watching {', '.join(map(_shown, watched))}; Ctrl-C ends\n")
        while True:
            begun = wall_seconds()
            if _state([*watched, *own]) != before:
                break
            # Of a large folder a look takes a while, and must not take a whole core.
            select.select([], [], [], max(_LOOK_S, _REST * (wall_seconds() - begun)))


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _state(paths: Iterable[Path]) -> list[str]:
    from lambdarun.runtime.package_cache import state_of  # brings zipfile: for who watches

    return [state_of(path) for path in paths]
