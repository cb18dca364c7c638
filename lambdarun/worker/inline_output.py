"""What a handler in the caller's process writes: kept for its log, out of the caller's streams.

Python's streams are exchanged for the length of the call. Descriptors 1 and 2 are exchanged only once the handler starts
a child: what threads of the caller's write meanwhile, or the interpreter's last words at a crash, must not vanish. So
what C code or `os.write` put on descriptor 1 or 2 before that goes where the caller's goes.
"""

from __future__ import annotations

import fcntl
import io
import os
import threading
from collections.abc import Callable
from typing import Any

from .handler_log import Unbuffered

KEPT_BYTES = 1_048_576
"""Of one invocation's output; what is beyond is counted."""


class Output:
    """What one environment has written since the last `take`."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.kept_bytes = 0
        self.dropped_bytes = 0
        self.muted = False
        """Behind a time-out: nothing that is written counts any more."""
        self._file = -1
        """Where descriptors 1 and 2 write once a child was started."""
        self._read_bytes = 0
        self._callers: tuple[int, ...] = ()
        self._lock = threading.Lock()

    def write(self, part: bytes) -> None:
        """Take in what was written."""
        if self.muted:
            return
        if self._callers:
            # In the order of writing: a child's lines stand between those before and after it.
            os.write(self._file, part)
            return
        with self._lock:
            self._keep(part)

    def _keep(self, part: bytes) -> None:
        room = KEPT_BYTES - self.kept_bytes
        if len(part) > room:
            self.dropped_bytes += len(part) - room
            part = part[:room]
        self.kept.append(part)
        self.kept_bytes += len(part)

    def take(self) -> tuple[bytes, int]:
        """All of it since the last call, and how many bytes beyond the cap."""
        if self._file >= 0:
            self._read_file()
        if not self.kept and not self.dropped_bytes:
            return b"", 0
        taken = b"".join(self.kept), self.dropped_bytes
        self.kept, self.kept_bytes, self.dropped_bytes = [], 0, 0
        return taken

    def catch_descriptors(self) -> None:
        """Have descriptors 1 and 2 of the process write here too, until `give_descriptors_back`."""
        if self._callers:
            return
        if self._file < 0:
            self._file = os.memfd_create("lambdarun-output", os.MFD_CLOEXEC)
            # Behind a child's `> /dev/stderr`, which empties it, the next line is the first again.
            fcntl.fcntl(self._file, fcntl.F_SETFL, os.O_APPEND)
        saved = []
        for descriptor in (1, 2):
            try:
                saved.append(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3))
            except OSError:
                saved.append(-1)  # the caller has none
            os.dup2(self._file, descriptor)
        self._callers = tuple(saved)

    def give_descriptors_back(self) -> None:
        """The caller's descriptors 1 and 2 as they were."""
        for descriptor, saved in enumerate(self._callers, 1):
            if saved < 0:
                os.close(descriptor)
            else:
                os.dup2(saved, descriptor)
                os.close(saved)
        self._callers = ()

    def _read_file(self) -> None:
        size = os.fstat(self._file).st_size
        if size < self._read_bytes:
            self._read_bytes = 0
        room = KEPT_BYTES - self.kept_bytes
        if size > self._read_bytes:
            part = os.pread(self._file, min(room, size - self._read_bytes), self._read_bytes)
            self.dropped_bytes += size - self._read_bytes - len(part)
            self._read_bytes = size
            self.kept.append(part)
            self.kept_bytes += len(part)

    def close(self) -> None:
        """Let go of what a child may have written to."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class _Raw(io.RawIOBase):
    """A stream's lowest part: whoever writes, it asks where to."""

    def __init__(self, descriptor: int, find: Callable[[int], Any]) -> None:
        self._descriptor = descriptor
        self._find = find

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor of its name: what a child is given as its output."""
        return self._descriptor

    def write(self, part: Any) -> int:
        """Write where the writing thread belongs."""
        data = bytes(part)
        self._find(self._descriptor).write(data)
        return len(data)


def open_stream(descriptor: int, find: Callable[[int], Any]) -> Unbuffered:
    """A text stream as AWS's client has them; `find(descriptor)` says where bytes of the present thread go."""
    raw = _Raw(descriptor, find)
    stream = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="surrogateescape", newline="\n"
    )
    return Unbuffered(stream)


class CallersStream:
    """The caller's own stream, for bytes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, part: bytes) -> None:
        """Write to it, if there is one."""
        if self._stream is not None:
            self._stream.write(part.decode("utf-8", "replace"))
