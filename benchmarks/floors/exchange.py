"""Two processes that hand JSON to and fro over SOCK_SEQPACKET: the floor of a warm invocation (J, J2)."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVENT = json.dumps({"key": "x" * 900, "numbers": list(range(12))}).encode()
PACKET = 65_536


def handler(event: object) -> object:
    """The handler that both sides of a comparison call."""
    return event


def serve(channel: socket.socket, handle: Callable[[object], object]) -> None:
    """Answer events until the other end is closed."""
    while packet := channel.recv(PACKET):
        channel.send(json.dumps(handle(json.loads(packet))).encode())


@contextmanager
def worker(core: int | None, handle: Callable[[object], object] = handler) -> Iterator[socket.socket]:
    """A forked process that serves on `core` (None: wherever)."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        if core is not None:
            os.sched_setaffinity(0, {core})
        serve(theirs, handle)
        os._exit(0)
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        os.waitpid(pid, 0)


def round_trips(channel: socket.socket, count: int) -> list[float]:
    """Seconds of each of `count` exchanges."""
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        channel.send(EVENT)
        channel.recv(PACKET)
        took.append(time.perf_counter() - begun)
    return took


def epoll_rate(channels: list[socket.socket], count: int) -> float:
    """Exchanges a second of one loop that keeps all workers busy."""
    epoll = select.epoll()
    by_fd = {}
    for channel in channels:
        by_fd[channel.fileno()] = channel
        epoll.register(channel.fileno(), select.EPOLLIN)
    begun = time.perf_counter()
    for channel in channels:
        channel.send(EVENT)
    left = count
    while left > 0:
        for fd, _ in epoll.poll():
            by_fd[fd].recv(PACKET)
            by_fd[fd].send(EVENT)
            left -= 1
    took = time.perf_counter() - begun
    for channel in channels:
        channel.recv(PACKET)
    epoll.close()
    return count / took


def batch_loop(channel: socket.socket, batches: list[bytes]) -> float:
    """Seconds to hand all batches over, each reply read before the next."""
    begun = time.perf_counter()
    for batch in batches:
        channel.send(batch)
        channel.recv(PACKET)
    return time.perf_counter() - begun
