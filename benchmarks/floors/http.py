"""A bare HTTP round trip over the loopback: the standard library's client and server, one connection, no work."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from benchmarks.floors.exchange import EVENT


class _Echoes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def server() -> Iterator[http.client.HTTPConnection]:
    """A connection to a server in a process of its own."""
    listening = HTTPServer(("127.0.0.1", 0), _Echoes)
    pid = os.fork()
    if pid == 0:
        listening.serve_forever()
    connection = http.client.HTTPConnection("127.0.0.1", listening.server_port)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        yield connection
    finally:
        connection.close()
        listening.server_close()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def round_trips(connection: http.client.HTTPConnection, count: int) -> list[float]:
    """Seconds of each of `count` round trips."""
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        connection.request("POST", "/", EVENT, {"Content-Type": "application/json"})
        connection.getresponse().read()
        took.append(time.perf_counter() - begun)
    return took
