"""The variables that a handler in the caller's process sees.

They are the function's: AWS's documented set and what the project declares. On top stands what *this process* has set
itself since it started (a test's monkeypatch, a conftest, a library that fakes credentials), but not what the user's shell
exported: a variable that is there and not on AWS would hide a fault, and credentials of the shell's stay out. What names the
function cannot be replaced.
"""

from __future__ import annotations

import os
from typing import Any

_NAMES_THE_FUNCTION = frozenset(
    {
        b"_HANDLER",
        b"LAMBDA_TASK_ROOT",
        b"LAMBDA_RUNTIME_DIR",
        b"TMPDIR",
        b"LC_CTYPE",
        b"_X_AMZN_TRACE_ID",
    }
)
_PREFIX = b"AWS_LAMBDA_"


def _started_with(environ: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The variables that this process was started with."""
    try:
        with open("/proc/self/environ", "rb") as block:
            pairs = [entry.partition(b"=") for entry in block.read().split(b"\0") if b"=" in entry]
    except OSError:
        return dict(environ)
    found = {name: value for name, _, value in pairs}
    # A library that writes a title for `ps` writes it over this block: then what is there now is the best that is known.
    if not found.keys() & environ.keys():
        return dict(environ)
    return found


_ENVIRON: Any = os.environ
_SHELL = _started_with(_ENVIRON._data)


class CallersVariables:
    """What the process has set itself; looked at before each call, computed when something changed."""

    def __init__(self) -> None:
        self._seen: dict[bytes, bytes] | None = None
        self.set_here: dict[bytes, bytes] = {}
        self.version = 0

    def look(self, current: dict[bytes, bytes]) -> None:
        """Take in what the caller's `os.environ` holds now."""
        if current == self._seen:
            return
        self._seen = dict(current)
        set_here = {
            name: value
            for name, value in current.items()
            if _SHELL.get(name) != value and name not in _NAMES_THE_FUNCTION and not name.startswith(_PREFIX)
        }
        if set_here != self.set_here:
            self.set_here = set_here
            self.version += 1


class Variables:
    """Those of one environment: the handler's own changes last until it is reset."""

    def __init__(self, given: dict[str, str], caller: CallersVariables) -> None:
        self._given = {os.fsencode(name): os.fsencode(value) for name, value in given.items()}
        self._caller = caller
        self._version = caller.version
        self._taken = caller.set_here
        self.data = {**self._given, **caller.set_here}
        """As `os.environ` keeps it."""

    def refresh(self) -> None:
        """Follow what the caller has set since the last call."""
        caller = self._caller
        if caller.version == self._version:
            return
        before, now = self._taken, caller.set_here
        for name in before.keys() - now.keys():
            if name in self._given:
                self.data[name] = self._given[name]
            else:
                self.data.pop(name, None)
        for name, value in now.items():
            if before.get(name) != value:
                self.data[name] = value
        self._taken, self._version = now, caller.version
