"""Requests as runtimes send them, read without a parser: one line, headers of plain text, and a body of known length.

Whatever is not exactly so is h11's to read, which knows all of HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from lambdarun.aws import limits
from lambdarun.model.record_class import record

_REQUEST_LINE: Final = re.compile(rb"(GET|POST|PUT) (/[!-~]*) HTTP/1\.1")
_HEADER: Final = re.compile(rb"([A-Za-z0-9-]+): ?([!-~](?:[ -~]*[!-~])?)")
_HEAD_BYTES_MAX: Final = 8_192
# They change how a request is read, or what follows it.
_NOT_PLAIN: Final = frozenset({"transfer-encoding", "expect", "upgrade", "trailer", "te"})


@record
class Head:
    """A request without its body."""

    method: str
    target: str
    headers: Mapping[str, str]
    size: int
    """Bytes, with the body."""
    body_at: int


def read_head(data: bytes) -> Head | None:
    """The request that `data` begins with; None: its head is not whole, or not plain."""
    end = data.find(b"\r\n\r\n", 0, _HEAD_BYTES_MAX)
    line_end = data.find(b"\r\n", 0, end)
    if end < 0 or line_end < 0:
        return None
    return _head(data[: end + 4], line_end)


# A runtime asks for each event with the same bytes, and sends the same headers each time, but for the length of a body.
@lru_cache(maxsize=8)
def _head(head: bytes, line_end: int) -> Head | None:
    line = _REQUEST_LINE.fullmatch(head, 0, line_end)
    headers = _headers(head[line_end + 2 : -4])
    if line is None or headers is None:
        return None
    size = len(head) + int(headers.get("content-length", "0"))
    return Head(line[1].decode(), line[2].decode(), headers, size, len(head))


@lru_cache(maxsize=64)
def _headers(block: bytes) -> Mapping[str, str] | None:
    headers: dict[str, str] = {}
    for line in block.split(b"\r\n"):
        header = _HEADER.fullmatch(line)
        if header is None:
            return None
        name = header[1].decode().lower()
        if name in headers or name in _NOT_PLAIN:
            return None
        headers[name] = header[2].decode()
    length = headers.get("content-length", "0")
    if not length.isdigit() or len(length) > 8 or int(length) > limits.RESPONSE_BYTES.value:
        return None
    lives_on = headers.get("connection", "keep-alive").lower() == "keep-alive"
    return headers if "host" in headers and lives_on else None
