"""How far a handler is kept from the machine that runs it."""

from __future__ import annotations

from enum import Enum


class Isolation(Enum):
    """Where handlers run."""

    NAMESPACE = "namespace"
    """In user, mount and PID namespaces: the handler sees Lambda's folders, its own processes and nothing of the
    user's."""
    PROCESS = "process"
    """In processes of their own, with the machine's folders."""
    INLINE = "inline"
    """In the caller's own process."""
