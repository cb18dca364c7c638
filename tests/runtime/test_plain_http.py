"""Requests that are read without a parser are read as h11 reads them; what is not plain is left to it."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarun.runtime.plain_http import read_head

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"
LINES = st.sampled_from(
    [
        b"Host: a",
        b"host:b",
        b"Content-Length: 3",
        b"content-length: 03",
        b"Content-Length: +3",
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"Connection: keep-alive",
        b"X: a b\tc",
        b" folded",
        b"X : spaced",
        b"Y:  two",
        b"Z: ",
        b"Empty:",
        b"\xff: \xff",
        b"User-Agent: some thing/1",
    ]
)
FIRST = st.sampled_from(
    [
        b"GET /a HTTP/1.1",
        b"POST /b?c=d HTTP/1.1",
        b"GET /a HTTP/1.0",
        b"get / HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"GET /",
    ]
)


@given(FIRST, st.lists(LINES, max_size=5), st.sampled_from([b"", b"{}", b"abc", b"abcd"]))
def test_what_is_read_without_a_parser_is_what_h11_reads(
    first: bytes, lines: list[bytes], body: bytes
) -> None:
    data = b"\r\n".join([first, *lines, b"", b""]) + body
    head = read_head(data)
    if head is None:
        return
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(data)
    request = parser.next_event()
    assert isinstance(request, h11.Request)
    assert (head.method, head.target) == (request.method.decode(), request.target.decode())
    assert head.headers == {name.decode(): value.decode() for name, value in request.headers}
    assert head.size - head.body_at == int(head.headers.get("content-length", "0"))


@pytest.mark.parametrize("cut", range(0, len(NEXT), 7))
def test_a_head_that_is_not_whole_is_left_to_the_parser(cut: int) -> None:
    assert read_head(NEXT[:cut]) is None
    assert read_head(NEXT) is not None
