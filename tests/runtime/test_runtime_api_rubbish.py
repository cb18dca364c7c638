"""Runtimes that send rubbish: each gets its exact answer, the environment goes on or ends as AWS's does, nothing stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdarun.model.function import Function
from lambdarun.runtime.blocking import open_blocking_runtime
from tests.conftest import project_of
from tests.processes import descendants, survivors, watch

Provided = Callable[..., Function]
# What the rubbish was answered is the answer of the first event; the second event shows that the environment goes on.
AROUND = """
def raw(data, half_close=False):
    with socket.create_connection((HOST, int(PORT))) as sock:
        sock.sendall(data)
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        told = b""
        while part := sock.recv(65536):
            told += part
    return told.decode("latin-1")

request_id, event = take()
PATH = "/2018-06-01/runtime/invocation/" + request_id
told = rubbish()
respond(request_id, told)
while True:
    request_id, event = take()
    respond(request_id, os.getpid())
"""


def answers(function: Function, *, events: int = 3) -> list[Any]:
    with open_blocking_runtime(project_of(function)) as runtime:
        got = [runtime.invoke("fn", number, log_tail=True) for number in range(events)]
        zygotes = [zygote._child.pid for zygote in runtime.driver.processes.launcher.zygotes]
        watched = watch([pid for zygote in zygotes for pid in descendants(zygote)])
    assert survivors(watched) == []
    assert all(reply.ok for reply in got), got
    told = [reply.json() for reply in got]
    assert len(set(map(str, told[1:]))) == 1  # one process from beginning to end
    return told


def after(rubbish: str) -> str:
    """The source of a bootstrap whose `rubbish` function has this body."""
    body = "".join(f"    {line}\n" for line in rubbish.splitlines())
    return f"def rubbish():\n{body}{AROUND}"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ("b'nonsense\\r\\n\\r\\n'", "400 "),
        ("b'\\x16\\x03\\x01\\x02\\x00' + bytes(200)", "400 "),
        ("b'GET /ping HTTP/1.1\\r\\n\\r\\n'", "400 "),  # no Host
        ("b'GET /ping HTTP/1.1\\r\\nHost: x\\r\\nX: ' + b'y' * 1_100_000", "431 "),
        ("b'POST /ping HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: many\\r\\n\\r\\n'", "400 "),
        ("b'POST ' + PATH.encode() + b'/response HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\n'", "400 "),
    ],
    ids=["text", "tls", "no host", "huge header", "no length", "no chunk"],
)  # fmt: skip
def test_what_is_no_http_is_answered_and_closed_and_the_environment_goes_on(
    provided: Provided, data: str, status: str
) -> None:
    told = answers(provided(after(f"return raw({data})")))[0]
    assert told.startswith(f"HTTP/1.1 {status}")
    assert "connection: close" in told.lower()


def test_a_body_that_ends_before_its_length_is_refused_and_may_be_posted_again(provided: Provided) -> None:
    data = "b'POST ' + PATH.encode() + b'/response HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 100\\r\\n\\r\\nhalf'"
    told = answers(provided(after(f"return raw({data}, half_close=True)")))[0]
    assert told.startswith("HTTP/1.1 400 ")
    assert '"errorType":"TruncatedHTTPRequest"' in told


def test_connections_that_say_nothing_or_never_end_hold_nobody_up(provided: Provided) -> None:
    rubbish = """
global held
held = [socket.create_connection((HOST, int(PORT))) for _ in range(50)]
for sock in held[10:]:
    sock.sendall(b"POST " + PATH.encode() + b"/response HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 9\\r\\n\\r\\nslow")
return "held"
"""
    assert answers(provided(after(rubbish)))[0] == "held"


def test_wrong_ids_wrong_order_and_posts_twice_change_nothing(provided: Provided) -> None:
    rubbish = """
wrong = [respond("nobody", 1), respond("../../init", 1), respond(request_id[:-1] + "x", 1, "error")]
wrong.append(ask("POST", "/runtime/init/error", b"{}")[0].status)
wrong.append(ask("DELETE", "/runtime/invocation/next")[0].status)
wrong.append(ask("GET", "/runtime/nowhere")[0].status)
wrong.append(take()[0] == request_id)
return wrong
"""
    told = answers(provided(after(rubbish)))[0]
    invalid = [400, '{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n']
    assert told == [invalid, [404, "404 page not found\n"], invalid, 403, 405, 404, True]


def test_a_second_post_is_refused_and_the_first_holds(provided: Provided) -> None:
    source = """
request_id, event = take()
first = respond(request_id, "first")
second = [respond(request_id, "second")[0], respond(request_id, {}, "error")[0]]
request_id, event = take()
respond(request_id, [first[0], second])
take()
"""
    with open_blocking_runtime(project_of(provided(source))) as runtime:
        assert runtime.invoke("fn", 0, log_tail=True).json() == "first"
        assert runtime.invoke("fn", 1).json() == [202, [403, 403]]


def test_requests_sent_ahead_of_their_answers_are_answered_in_order(provided: Provided) -> None:
    rubbish = """
ping = b"GET /ping HTTP/1.1\\r\\nHost: x\\r\\n"
return raw((ping + b"\\r\\n") * 3 + ping + b"Connection: close\\r\\n\\r\\n").count("pong")
"""
    assert answers(provided(after(rubbish)))[0] == 4


def test_an_http_1_0_client_is_served(provided: Provided) -> None:
    told = answers(provided(after("return raw(b'GET /ping HTTP/1.0\\r\\n\\r\\n')")))[0]
    assert told.startswith("HTTP/1.1 200 ")
    assert told.endswith("pong")


def test_a_client_that_waits_for_100_continue_gets_it(provided: Provided) -> None:
    data = "b'POST /2018-06-01/runtime/init/error HTTP/1.1\\r\\nHost: x\\r\\nExpect: 100-continue\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n'"
    assert "HTTP/1.1 403 " in answers(provided(after(f"return raw({data})")))[0]


def test_a_wait_that_was_given_up_gets_no_event(provided: Provided) -> None:
    source = """
for _ in range(20):
    sock = socket.create_connection((HOST, int(PORT)))
    sock.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    sock.close()
while True:
    request_id, event = take()
    respond(request_id, event)
"""
    with open_blocking_runtime(project_of(provided(source))) as runtime:
        assert [runtime.invoke("fn", number, log_tail=True).json() for number in range(3)] == [0, 1, 2]


def test_a_body_without_end_costs_no_memory_and_is_refused_at_its_end(provided: Provided) -> None:
    source = """
def parts():
    for _ in range(100):
        yield b"x" * 1_000_000
request_id, event = take()
status = ask("POST", "/runtime/invocation/" + request_id + "/response", parts())[0].status
request_id, event = take()
parent = open("/proc/%d/status" % os.getppid()).read()
respond(request_id, [status, int(parent.partition("VmHWM:")[2].split()[0])])
take()
"""
    with open_blocking_runtime(project_of(provided(source, timeout=30))) as runtime:
        reply = runtime.invoke("fn", 0, log_tail=True)
        assert json.loads(reply.payload)["errorType"] == "Function.ResponseSizeTooLarge"
        told = runtime.invoke("fn", 1).json()
    assert isinstance(told, list)
    assert told[0] == 413
    assert told[1] < 100_000
