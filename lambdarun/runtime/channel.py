"""Packets over SOCK_SEQPACKET sockets, large payloads in a memfd behind them."""

from __future__ import annotations

import os
import select
import socket
from typing import Final

from lambdarun.worker.wire import INLINE_MAX

_FD_NOTE: Final = b"\0"


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
    # The descriptor follows the header at once, unless the machine is busy: wait for it or for the sender's end, however
    # short the channel's own time limit is.
    waiting = select.poll()
    waiting.register(channel, select.POLLIN)
    waiting.poll()
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


def is_inline(payload: bytes) -> bool:
    """Whether `payload` travels in the packet itself."""
    return len(payload) <= INLINE_MAX
