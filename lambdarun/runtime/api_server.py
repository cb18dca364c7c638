"""The HTTP server of one environment, between the loopback and the core. Each request is whole before it is asked.

What a runtime sends with each invocation is read at once (plain_http.py); all else is read by h11.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Final

import h11
import trio
from attrs import define, field

from lambdarun.aws import limits, runtime_api
from lambdarun.model.environment_api import EnvironmentApi
from lambdarun.model.runtime_api import Request, Response, refused
from lambdarun.runtime.plain_http import Head, read_head
from lambdarun.runtime.readiness import LONE_WAIT, Readiness

_READ_BYTES: Final = 65_536
# Go's server, which AWS's is, takes a megabyte of request line and headers.
_HEADER_BYTES_MAX: Final = 1_048_576


# Responses are written by whoever brings them about: the response to a waiting `next` is sent by what read the event.
# So a connection's reader only reads, and learns at once when its peer is gone.
@define(eq=False)
class Connection:
    """One connection, and the request that is being read or answered."""

    key: int
    sock: socket.socket
    http: h11.Connection | None = None
    """None: what was read of the present request is in `held`, and needs no parser so far."""
    held: bytearray = field(factory=bytearray)
    head: Head | None = None
    request: h11.Request | None = None
    body: list[bytes] = field(factory=list)
    size: int = 0
    answering: bool = False
    unsent: bytearray = field(factory=bytearray)
    closing: bool = False


@define(eq=False)
class ApiServer:
    """Serves the core of one environment."""

    api: EnvironmentApi
    follow: Callable[[], None]
    """Called when the core may have something to send."""
    listener: socket.socket
    port: int
    readiness: Readiness
    _connections: dict[int, Connection] = field(factory=dict, init=False)
    _made: int = field(default=0, init=False)
    _nursery: trio.Nursery = field(init=False)

    @classmethod
    def open(cls, api: EnvironmentApi, follow: Callable[[], None], readiness: Readiness) -> ApiServer:
        """Listen on a free port of the loopback. Raises OSError."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        listener.setblocking(False)
        return cls(api, follow, listener, listener.getsockname()[1], readiness)

    def serve(self, nursery: trio.Nursery) -> None:
        """Take connections from now on; what cannot be done at once is a task of the nursery."""
        self._nursery = nursery
        self.readiness.watch(self.listener.fileno(), self._take_one)

    def _take_one(self) -> None:
        try:
            self._accept()
        except BlockingIOError:
            pass  # whoever knocked is gone again
        except OSError:
            # A runtime that opens connections without end has used up the descriptors; a closed one gives some back.
            self.readiness.forget(self.listener.fileno())
            self._nursery.start_soon(self._take_again)
            self.readiness.leave()

    async def _take_again(self) -> None:
        await trio.sleep(_ACCEPT_AGAIN_S)
        self.readiness.watch(self.listener.fileno(), self._take_one)

    def drain(self) -> None:
        """Take in what was sent by somebody who is gone since: it was sent before he went."""
        with suppress(OSError):
            while True:
                self._accept()
        for connection in tuple(self._connections.values()):
            with suppress(OSError):
                while not connection.closing and (
                    data := connection.sock.recv(_READ_BYTES, socket.MSG_DONTWAIT)
                ):
                    self._receive(connection, data)

    def _accept(self) -> None:
        sock, _ = self.listener.accept()
        # Set once: a reader that is asked ahead of its time waits so long.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, LONE_WAIT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._made += 1
        connection = self._connections[self._made] = Connection(self._made, sock)
        self.readiness.watch(sock.fileno(), partial(self._read, connection))

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._close(connection)  # the peer is gone; nothing of it is left to answer
            return
        self._receive(connection, data)
        if not data or (connection.closing and not connection.unsent):
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        if self._connections.pop(connection.key, None) is None:
            return
        connection.closing = True
        if connection.unsent:
            trio.lowlevel.notify_closing(connection.sock)
        self.readiness.forget(connection.sock.fileno())
        self.api.closed(connection.key)
        connection.sock.close()

    def _receive(self, connection: Connection, data: bytes) -> None:
        if connection.http is None:
            if self._took_plain(connection, data):
                return
            held, connection.http = bytes(connection.held), _parser()
            connection.held.clear()
            connection.head = None
            if held:
                self._parse(connection, connection.http, held)
        if connection.http is not None and not connection.closing:
            self._parse(connection, connection.http, data)

    def _took_plain(self, connection: Connection, data: bytes) -> bool:
        """Take in what needs no parser; False where it does."""
        if connection.answering:
            # A client that does not wait for its answer: it is read behind that.
            connection.held += data
            return True
        if not data:
            return not connection.held
        if connection.head is None:
            connection.head = read_head(data)
        head = connection.head
        if head is None or len(connection.held) + len(data) > head.size:
            return False
        if not connection.held and len(data) == head.size:
            body = data[head.body_at :]
        else:
            connection.held += data
            if len(connection.held) < head.size:
                return True
            body = bytes(connection.held[head.body_at :])
            connection.held.clear()
        connection.head = None
        self._ask(
            connection, Request(connection.key, head.method, head.target, head.headers, body, len(body))
        )
        return True

    def _parse(self, connection: Connection, http: h11.Connection, data: bytes) -> None:
        try:
            http.receive_data(data)
            self._events(connection, http)
        except h11.RemoteProtocolError as fault:
            self._refuse(connection, fault)

    def _events(self, connection: Connection, http: h11.Connection) -> None:
        while not connection.closing:
            event = http.next_event()
            if isinstance(event, h11.Request):
                connection.request, connection.body, connection.size = event, [], 0
                if http.they_are_waiting_for_100_continue:
                    self._write(connection, _CONTINUE)
            elif isinstance(event, h11.Data):
                # What is beyond the limit is counted, so that it can be refused, and not kept.
                if connection.size <= limits.RESPONSE_BYTES.value:
                    connection.body.append(bytes(event.data))
                connection.size += len(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self._ask_parsed(connection, event)
                return  # what follows is read behind the answer
            elif isinstance(event, h11.ConnectionClosed):
                connection.closing = True
            else:
                return

    def _ask_parsed(self, connection: Connection, end: h11.EndOfMessage) -> None:
        request, body = connection.request, b"".join(connection.body)
        assert request is not None
        connection.request, connection.body = None, []
        headers = {name.decode(): value.decode("latin-1") for name, value in (*request.headers, *end.headers)}
        method, target = request.method.decode(), request.target.decode("latin-1")
        self._ask(connection, Request(connection.key, method, target, headers, body, connection.size))

    def _ask(self, connection: Connection, request: Request) -> None:
        connection.answering = True
        self.api.ask(request)
        self.follow()

    def send(self, response: Response) -> None:
        """Send a response; it is dropped where its connection is gone."""
        connection = self._connections.get(response.key)
        if connection is None or not connection.answering:
            return
        connection.answering = False
        http = connection.http
        # What h11 has read says whether the connection lives on; the answer needs no parser of its own, and is half the
        # price without one.
        closes = http is not None and http.their_state is not h11.DONE
        self._write(connection, _answer(response.status, response.headers, response.body, closes=closes))
        if len(self._connections) == 1:
            # A runtime alone: the next that comes is its next request, and a look at all descriptors costs as much as an answer.
            self.readiness.expect(connection.sock.fileno())
        if closes:
            connection.closing = True
            self._finish(connection)
            return
        ahead = bytes(connection.held) if http is None else http.trailing_data[0]
        connection.http = None
        connection.held.clear()
        if ahead:
            # A client that does not wait for its answer has sent the next request already.
            self._receive(connection, ahead)

    def _refuse(self, connection: Connection, fault: h11.RemoteProtocolError) -> None:
        """Answer what is no HTTP, or not whole, and have the connection closed: the environment goes on."""
        connection.closing = True
        told = Response(connection.key, fault.error_status_hint, _PLAIN, b"400 Bad Request")
        if connection.request is not None and not connection.answering:
            told = refused(connection.key, runtime_api.TRUNCATED)
        if not connection.answering:
            self._write(connection, _answer(told.status, told.headers, told.body, closes=True))
        self._finish(connection)

    def _write(self, connection: Connection, data: bytes | None) -> None:
        if not data:
            return
        if connection.unsent:
            connection.unsent += data
            return
        sent = 0
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            sent = connection.sock.send(data, socket.MSG_DONTWAIT)
        if sent < len(data):
            connection.unsent += data[sent:]
            self._nursery.start_soon(self._send_rest, connection)
            self.readiness.leave()

    async def _send_rest(self, connection: Connection) -> None:
        try:
            while connection.unsent:
                await trio.lowlevel.wait_writable(connection.sock)
                del connection.unsent[
                    : connection.sock.send(connection.unsent[:_SEND_BYTES], socket.MSG_DONTWAIT)
                ]
            if connection.closing:
                self._finish(connection)
        except (OSError, trio.ClosedResourceError):
            connection.unsent.clear()

    def _finish(self, connection: Connection) -> None:
        """Have its reader see the end."""
        if not connection.unsent:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)


def _parser() -> h11.Connection:
    return h11.Connection(h11.SERVER, _HEADER_BYTES_MAX)


def _answer(status: int, headers: tuple[tuple[str, str], ...], body: bytes, *, closes: bool) -> bytes:
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers])
    end = _CLOSE if closes else "\r\n"
    line = f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\n"
    return f"{line}{fields}Content-Length: {len(body)}\r\n{end}".encode() + body


_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
_CLOSE: Final = "Connection: close\r\n\r\n"
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_PLAIN: Final = (("Content-Type", "text/plain; charset=utf-8"),)
_ACCEPT_AGAIN_S: Final = 0.05
_SEND_BYTES: Final = 1_048_576
