"""How far a handler is kept from the machine that runs it."""

from __future__ import annotations

from enum import Enum

from lambdarun.errors import MachineError


class Isolation(Enum):
    """Where handlers run."""

    NAMESPACE = "namespace"
    """In user, mount and PID namespaces: the handler sees Lambda's folders, its own processes and nothing of the
    user's."""
    PROCESS = "process"
    """In processes of their own, with the machine's folders."""
    INLINE = "inline"
    """In the caller's own process."""


def choose(asked: Isolation | None, *, sandboxed: bool, why_not: str | None) -> Isolation:
    """The isolation of a run: what was asked for, else the namespace where the machine allows it.

    Raises MachineError where the namespace was asked for and the machine does not allow it.
    """
    if asked is Isolation.NAMESPACE and not sandboxed:
        raise MachineError(
            f"isolation namespace: this machine does not allow it ({why_not}). Allow user namespaces, or use process."
        )
    if asked is None:
        return Isolation.NAMESPACE if sandboxed else Isolation.PROCESS
    return asked


def fallback_notice(why_not: str | None) -> str | None:
    """What to tell where the namespace would have been chosen and could not be."""
    return f"isolation: process ({why_not})" if why_not is not None else None
