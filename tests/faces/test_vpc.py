"""A function in a VPC has no internet without a NAT gateway, and whoever waits for it is told so."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdarun.runtime.sandbox_facts import sandbox_facts
from tests.faces.command import run

FACTS = sandbox_facts()
pytestmark = pytest.mark.skipif(not FACTS.sandboxed, reason=f"no sandbox here: {FACTS.why_not}")
HANDLER = """
import socket
def connects(event, context):
    return bool(socket.create_connection((event["host"], event["port"])))
"""
PROJECT = """
[functions.inside]
handler = "app.connects"
timeout = 1
network = "vpc"
{more}
[functions.inside.async]
maximum_retry_attempts = 0
[routes]
s3 = "inside"
"""
NOTE = (
    "inside timed out {times}: a function in a VPC has no internet without a NAT gateway"
    " (nat_gateway = true gives it one)"
)
UNREACHED = {"host": "203.0.113.1", "port": 80}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "lambdarun.toml").write_text(PROJECT.format(more=""))
    return tmp_path


@pytest.fixture
def server() -> Iterator[dict[str, object]]:
    """Where a server listens on the machine's loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        host, port = listening.getsockname()
        yield {"host": host, "port": port}


def test_invoke_tells_why_it_timed_out(folder: Path) -> None:
    ran = run(folder, "invoke", "inside", "--payload", json.dumps(UNREACHED))
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["errorType"] == "Sandbox.Timedout"
    assert NOTE.format(times="once") in " ".join(ran.stderr.split())


def test_the_summary_of_a_replay_tells_it(folder: Path) -> None:
    line = json.dumps({"time": "2026-03-01T00:00:01Z", "event": UNREACHED, "source": "s3"})
    (folder / "events.jsonl").write_text(f"{line}\n")
    ran = run(folder, "replay", "events.jsonl")
    assert ran.returncode == 1
    assert NOTE.format(times="once") in " ".join((ran.stdout + ran.stderr).split())


def test_with_a_nat_gateway_it_reaches_what_the_machine_reaches(
    folder: Path, server: dict[str, object]
) -> None:
    (folder / "lambdarun.toml").write_text(PROJECT.format(more="nat_gateway = true"))
    ran = run(folder, "invoke", "inside", "--payload", json.dumps(server))
    assert (ran.returncode, json.loads(ran.stdout)) == (0, True)
    assert "NAT gateway" not in ran.stderr
