"""Large payloads between the runtime and its processes: in a memfd, whose descriptor is a packet of its own.

A SOCK_SEQPACKET packet must fit into the socket's buffer, and copying megabytes through it would take two system calls
for each 64 KB. A memfd is written once and read once, whatever its size. Both ends use this module.
"""

from __future__ import annotations

import os
import select
import socket


def send(channel: socket.socket, header: bytes, payload: bytes) -> None:
    """Send `header`, which has the flag MEMFD, and in the packet behind it a descriptor of `payload`."""
    descriptor = os.memfd_create("lambdarun-payload", os.MFD_CLOEXEC)
    try:
        rest = memoryview(payload)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        # Not before all is written: a header is a promise, and memory may run out on the way to it.
        channel.send(header)
        socket.send_fds(channel, [b"\0"], [descriptor])
    finally:
        os.close(descriptor)


def receive(channel: socket.socket, size: int, wait_ms: int | None = None) -> bytes:
    """The payload of `size` bytes whose descriptor comes next, waited for at most `wait_ms`.

    Raises EOFError where the sender died, or cut the file, before all of it was there.
    """
    # It is sent right behind the header; but its sender may lose the processor, or its life, between the two.
    waiting = select.poll()
    waiting.register(channel, select.POLLIN)
    if not waiting.poll(wait_ms):
        raise EOFError
    _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    if not descriptors:
        raise EOFError
    try:
        parts = []
        offset = 0
        # By position: the sender's own descriptor, and with it the place to which it wrote, is the same open file.
        while offset < size:
            part = os.pread(descriptors[0], size - offset, offset)
            if not part:
                raise EOFError
            parts.append(part)
            offset += len(part)
        return b"".join(parts)
    finally:
        os.close(descriptors[0])
