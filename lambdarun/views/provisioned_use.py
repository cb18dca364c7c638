"""What is allocated of provisioned concurrency, and how much of it is in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container

from attrs import define, field


@define(eq=False)
class ProvisionedUse:
    """Allocations and runs, by function."""

    _allocated: dict[tuple[str, str], int] = field(factory=dict, init=False)
    _running: dict[str, str] = field(factory=dict, init=False)
    """The function that a request runs, by the request's id: an id runs once at a time."""

    def allocate(self, function: str, qualifier: str, executions: int) -> None:
        """Be told what a version or alias has now."""
        self._allocated[function, qualifier] = executions

    def use(self, function: str, request_id: str) -> None:
        """Be told that a request runs in a provisioned environment."""
        self._running[request_id] = function

    def end(self, request_id: str) -> None:
        """Be told that a request ended, wherever it ran."""
        if self._running:
            self._running.pop(request_id, None)

    def unused(self, reserved: Container[str]) -> int:
        """What is allocated and idle, of functions without a reservation."""
        if not self._allocated:
            return 0
        running = Counter(self._running.values())
        allocated: Counter[str] = Counter()
        for (function, _), executions in self._allocated.items():
            allocated[function] += executions
        return sum(max(0, allocated[name] - running[name]) for name in allocated if name not in reserved)
