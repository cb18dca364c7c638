"""Programs as runtimes under each isolation: Lambda's folders and a network of their own in a sandbox, none of it inline."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdarun.errors import MachineError
from lambdarun.model.function import Function, Network
from lambdarun.model.runtimes import Engine
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.sandbox_facts import sandbox_facts
from tests.conftest import project_of

Made = Callable[..., Function]
SANDBOXED = pytest.mark.skipif(not sandbox_facts().sandboxed, reason="this machine allows no namespaces")
ASKS = "def handler(event, context):\n    import os, socket, sys\n    return eval(event)\n"
FOLDERS = (
    "[os.getcwd(), sys.executable.startswith('/var/lang/bin/python'), os.getpid() < 100, os.listdir('/tmp')]"
)
RETURNS = "def handler(event, context):\n    return event\n"


def answer(function: Function, event: Any, isolation: Isolation = Isolation.NAMESPACE) -> Any:
    with open_blocking_runtime(project_of(function), options=Options(isolation=isolation)) as runtime:
        return runtime.invoke("fn", event).json()


@SANDBOXED
def test_awss_client_runs_in_lambdas_folders(python: Made) -> None:
    assert answer(python(ASKS, engine=Engine.RIC), FOLDERS) == ["/var/task", True, True, []]


def test_in_a_plain_process_it_has_the_machines_folders(python: Made) -> None:
    function = python(ASKS, engine=Engine.RIC)
    assert answer(function, "os.getcwd()", Isolation.PROCESS) == str(function.code_uri)


@SANDBOXED
@pytest.mark.parametrize("network", [Network.NONE, Network.VPC])
def test_a_network_of_its_own_keeps_a_program_from_the_machines(python: Made, network: Network) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        function = python(ASKS, engine=Engine.RIC, network=network)
        told = answer(function, f"bool(socket.create_connection({listening.getsockname()!r}, 5))")
    assert told["errorType"] == "ConnectionRefusedError"


@pytest.mark.parametrize("network", [Network.NONE, Network.VPC])
def test_without_a_sandbox_such_a_network_is_refused(python: Made, network: Network) -> None:
    with pytest.raises(MachineError, match="needs a network namespace"):
        answer(python(RETURNS, engine=Engine.RIC, network=network), 1, Isolation.PROCESS)


@pytest.mark.parametrize(
    "settings", [{"engine": Engine.RIC}, {"environment": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}}]
)
def test_inline_refuses_programs_of_their_own(python: Made, settings: dict[str, Any]) -> None:
    with pytest.raises(MachineError, match=r"fn: its engine, its wrapper .* Choose another isolation"):
        answer(python(RETURNS, **settings), 1, Isolation.INLINE)


def test_inline_refuses_external_extensions(python: Made, extension: Callable[[str, str], Path]) -> None:
    extension("beside", "")
    with pytest.raises(MachineError, match=r"fn: its engine, its wrapper .* Choose another isolation"):
        answer(python(RETURNS), 1, Isolation.INLINE)


def test_inline_refuses_provided_runtimes(provided: Made) -> None:
    with pytest.raises(
        MachineError, match=r"fn: runs inline, .* not provided.al2023. Choose another isolation"
    ):
        answer(provided(""), 1, Isolation.INLINE)
