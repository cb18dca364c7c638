"""A web server's access log, in the common or the combined format: each line is an HTTP API's event.

https://httpd.apache.org/docs/2.4/logs.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

A log holds no bodies, and of the headers those two that the combined format has: that is all the events have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from lambdarun.errors import Place, RecordingError
from lambdarun.model.instant import MILLISECOND, Instant, parse_instant
from lambdarun.recordings.to_arrivals import Line

_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
_LINE: Final = re.compile(
    rf"(\S+) \S+ (\S+) \[(\d\d/\w{{3}}/\d{{4}}:\d\d:\d\d:\d\d [+-]\d{{4}})\] {_QUOTED} (\d{{3}}|-) (\d+|-)"
    rf"(?: {_QUOTED} {_QUOTED})?.*"
)
_REQUEST: Final = re.compile(r"([A-Z]+) (\S+)(?: (HTTP/[\d.]+))?")
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_EXPECTED: Final = "Each line must be of the common or combined log format."


def is_access_log(text: str) -> bool:
    """Whether a text is an access log: its first line is one of such a log."""
    return _LINE.fullmatch(text.lstrip().partition("\n")[0].rstrip()) is not None


def access_lines(name: str, text: str, notices: list[str]) -> Iterator[Line]:
    """The requests of a log. Raises RecordingError at a line that is none; what was no HTTP (a probe's bytes) is
    passed over and told in `notices`.
    """
    odd: list[int] = []
    for number, raw in enumerate(text.split("\n"), 1):
        if not raw.strip():
            continue
        place = Place(name, number)
        found = _LINE.fullmatch(raw.rstrip())
        time = _time(found[3]) if found is not None else None
        if found is None or time is None:
            raise RecordingError(place, "is no line of an access log, as those before it are.", _EXPECTED)
        request = _REQUEST.fullmatch(_plain(found[4]))
        if request is None:
            odd.append(number)
            continue
        yield Line(place, _event(found, request, time, number), None, time)
    if odd:
        lines = ", ".join(map(str, odd[:3])) + (", ..." if len(odd) > 3 else "")
        notices.append(f"{name}: passed over {len(odd):,} lines that hold no HTTP request ({lines})")


def _event(line: re.Match[str], request: re.Match[str], time: Instant, number: int) -> dict[str, Any]:
    """Payload format 2.0."""
    address, stamp = line[1], line[3]
    method, target, protocol = request[1], request[2], request[3] or "HTTP/1.0"
    path, _, query = target.partition("?")
    told = (("referer", line[7]), ("user-agent", line[8]))
    headers = {name: _plain(value) for name, value in told if value not in (None, "-")}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(path, errors="replace"),
        "rawQueryString": query,
        "headers": headers,
    }
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
        # Of several values AWS makes one, with commas.
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    if parameters:
        event["queryStringParameters"] = parameters
    event["requestContext"] = {
        "accountId": "anonymous",
        "apiId": "access-log",
        "domainName": "access-log",
        "http": {
            "method": method,
            "path": unquote(path, errors="replace"),
            "protocol": protocol,
            "sourceIp": address,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": f"line-{number}",
        "routeKey": "$default",
        "stage": "$default",
        "time": stamp,
        "timeEpoch": time // MILLISECOND,
    }
    event["isBase64Encoded"] = False
    return event


def _plain(text: str) -> str:
    return text.replace('\\"', '"').replace("\\\\", "\\")


def _time(stamp: str) -> Instant | None:
    """`17/May/2015:10:05:03 +0000`; None where there is no such time."""
    day, month, year, clock, zone = stamp[:2], stamp[3:6], stamp[7:11], stamp[12:20], stamp[21:]
    if month not in _MONTHS:
        return None
    try:
        return parse_instant(f"{year}-{_MONTHS[month]:02}-{day}T{clock}{zone[:3]}:{zone[3:]}")
    except ValueError:
        return None
