"""Large payloads between two processes, whoever is slow."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from lambdarun.worker import memfd

HEADER = b"header"
PAYLOAD = b"x" * 100_000


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a channel; ours gives up a plain receive after 2 ms."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 2_000))
    with ours, theirs:
        yield ours, theirs


def send_descriptor(channel: socket.socket) -> None:
    descriptor = os.memfd_create("payload")
    os.write(descriptor, PAYLOAD)
    socket.send_fds(channel, [b"\0"], [descriptor])
    os.close(descriptor)


def test_a_payload_that_comes_at_once_is_whole(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    memfd.send(theirs, HEADER, PAYLOAD)
    assert ours.recv(64) == HEADER
    assert memfd.receive(ours, len(PAYLOAD), 10_000) == PAYLOAD


def test_a_payload_whose_sender_was_held_up_behind_its_header_is_waited_for(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    late = threading.Timer(0.05, send_descriptor, (theirs,))
    late.start()
    assert memfd.receive(ours, len(PAYLOAD), 10_000) == PAYLOAD
    late.join()


def test_a_sender_that_died_behind_its_header_is_the_end(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.close()
    with pytest.raises(EOFError):
        memfd.receive(ours, len(PAYLOAD), 10_000)


def test_a_payload_that_is_shorter_than_its_header_said_is_the_end(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    send_descriptor(theirs)
    with pytest.raises(EOFError):
        memfd.receive(ours, len(PAYLOAD) + 1)
