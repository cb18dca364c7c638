"""Large payloads between two processes, whoever is slow."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from lambdarun.runtime.channel import receive_memfd, send_in_memfd

PAYLOAD = b"x" * 100_000


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a channel; ours gives up a plain receive after 2 ms."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 2_000))
    with ours, theirs:
        yield ours, theirs


def test_a_payload_that_comes_at_once_is_whole(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    send_in_memfd(theirs, PAYLOAD)
    assert receive_memfd(ours, len(PAYLOAD)) == PAYLOAD


def test_a_payload_whose_sender_was_held_up_behind_its_header_is_waited_for(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    late = threading.Timer(0.05, send_in_memfd, (theirs, PAYLOAD))
    late.start()
    assert receive_memfd(ours, len(PAYLOAD)) == PAYLOAD
    late.join()


def test_a_sender_that_died_behind_its_header_is_the_end(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.close()
    with pytest.raises(EOFError):
        receive_memfd(ours, len(PAYLOAD))
