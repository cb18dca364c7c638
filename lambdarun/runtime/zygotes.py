"""The processes that fork environments: one an interpreter, started when it is first needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from attrs import define, field

from lambdarun.model.function import Function
from lambdarun.runtime.zygote_process import SUPERVISORS, ZygoteProcess


def _nobody(_: ZygoteProcess) -> None:
    return None


@define(eq=False)
class Zygotes:
    """All zygotes of a runtime."""

    virtual: bool
    started: Callable[[ZygoteProcess], None] = field(default=_nobody)
    """Told of each one that is started."""
    _running: dict[str, ZygoteProcess] = field(factory=dict, init=False)
    """By interpreter."""

    def adopt(self, zygote: ZygoteProcess) -> None:
        """Take over one that was started ahead."""
        self._running[zygote.interpreter] = zygote
        self.started(zygote)

    def of(self, function: Function) -> ZygoteProcess:
        """The one whose forks can run `function`. Raises MachineError where it cannot be started."""
        return self._running_or_started(sys.executable)

    def supervisors(self) -> ZygoteProcess:
        """The one whose forks supervise a runtime of its own. Raises MachineError where it cannot be started."""
        return self._running_or_started(SUPERVISORS)

    def _running_or_started(self, interpreter: str) -> ZygoteProcess:
        zygote = self._running.get(interpreter)
        if zygote is None:
            virtual = self.virtual and interpreter != SUPERVISORS
            zygote = ZygoteProcess.start(virtual=virtual, interpreter=interpreter)
            self.adopt(zygote)
        return zygote

    def __iter__(self) -> Iterator[ZygoteProcess]:
        return iter(tuple(self._running.values()))

    def close(self) -> None:
        """End all of them, and by their death whatever they forked."""
        for zygote in self:
            zygote.close()
