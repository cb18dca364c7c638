"""Packets over SOCK_SEQPACKET sockets, large payloads in a memfd behind them."""

from __future__ import annotations

import os
import select
import socket
from typing import Final

_FD_NOTE: Final = b"\0"
_MEMFD_WAIT_MS: Final = 10_000


def send_in_memfd(channel: socket.socket, payload: bytes) -> None:
    """Send `payload` as a descriptor: the packet that follows a header with the flag MEMFD."""
    descriptor = os.memfd_create("lambdarun-payload", os.MFD_CLOEXEC)
    try:
        rest = memoryview(payload)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        socket.send_fds(channel, [_FD_NOTE], [descriptor])
    finally:
        os.close(descriptor)


def receive_memfd(channel: socket.socket, size: int) -> bytes:
    """The payload of `size` bytes whose descriptor comes next. Raises EOFError where the sender died first."""
    # It is sent right behind the header; but its sender may lose the processor between the two.
    waiting = select.poll()
    waiting.register(channel, select.POLLIN)
    if not waiting.poll(_MEMFD_WAIT_MS):
        raise EOFError
    _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    if not descriptors:
        raise EOFError
    try:
        parts = []
        offset = 0
        while offset < size:
            part = os.pread(descriptors[0], size - offset, offset)
            if not part:
                raise EOFError
            parts.append(part)
            offset += len(part)
        return b"".join(parts)
    finally:
        os.close(descriptors[0])
