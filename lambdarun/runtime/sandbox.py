"""What an environment's sandbox is told: its code, its layers, its /tmp and its network."""

from __future__ import annotations

import os
from typing import Any

from lambdarun.aws import limits
from lambdarun.errors import MachineError
from lambdarun.model.environment import Environment
from lambdarun.model.function import Function, Network
from lambdarun.runtime.account import PID
from lambdarun.runtime.code import Code

_MB = 1_048_576


def sandbox_key(environment: Environment) -> str:
    """The name under which the zygote keeps an environment's namespace, with its /tmp, from process to process."""
    return f"{environment.function.name}-{environment.id}"


def sandbox_of(
    environment: Environment, code: Code, folders: tuple[tuple[str, str], ...] = ()
) -> dict[str, Any]:
    """The part of a process's configuration that worker/sandbox.py reads.

    `folders` are the machine's that the environment needs beside its code, each with its place in the sandbox.
    """
    function = environment.function
    return {
        # With other code it is another namespace, and another /tmp, as on AWS.
        "environment": f"{sandbox_key(environment)}:{code.task_root}:{code.opt}",
        "task": str(code.task_root),
        "opt": str(code.opt) if code.opt is not None else None,
        "folders": folders,
        "tmp_bytes": temporary_bytes(function),
        "network": "open" if function.nat_gateway else function.network.value,
    }


def refuse_without_sandbox(function: Function, why_not: str | None) -> None:
    """Raises MachineError where `function` has a network that only a sandbox gives."""
    if function.network is Network.OPEN or function.nat_gateway:
        return
    reason = why_not or "this isolation has none"
    raise MachineError(
        f"functions.{function.name}.network: {function.network.value!r} needs a network namespace, and there is none: "
        f'{reason}. Run it where namespaces are allowed (lambdarun doctor says what is missing), or write "open".'
    )


def temporary_bytes(function: Function) -> int:
    """What the /tmp of one of its environments may hold."""
    return function.ephemeral_storage * _MB + limits.EPHEMERAL_STORAGE_EXTRA.value


def temporary_folder() -> str:
    """Where the runtime finds a sandboxed process's /tmp, whose pages are memory to the kernel, and disk to AWS."""
    return os.path.join("/proc", PID, "root", "tmp")
