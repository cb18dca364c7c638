"""The processes that fork environments: one an interpreter and place of C libraries, started when first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, field

from lambdarun.model.function import Function
from lambdarun.runtime.interpreters import Interpreters
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.zygote_process import SUPERVISORS, ZygoteProcess


def _nobody(_: ZygoteProcess) -> None:
    return None


@define(eq=False)
class Zygotes:
    """All zygotes of a runtime."""

    virtual: bool
    isolation: Isolation | None = None
    """What was asked for; None: the namespace where the machine allows it."""
    started: Callable[[ZygoteProcess], None] = field(default=_nobody)
    """Told of each one that is started."""
    interpreters: Interpreters = field(factory=Interpreters)
    terminal: int | None = None
    """A descriptor that handlers inherit, for their debugger."""
    _running: dict[tuple[str, str], ZygoteProcess] = field(factory=dict, init=False)
    """By interpreter and folder of C libraries."""

    def adopt(self, zygote: ZygoteProcess) -> None:
        """Take over one that was started ahead."""
        self._running[zygote.interpreter, zygote.libraries] = zygote
        self.started(zygote)

    def supervisors(self) -> ZygoteProcess:
        """The one whose forks supervise a runtime of its own. Raises MachineError where it cannot be started."""
        zygote = self._running.get((SUPERVISORS, ""))
        if zygote is None:
            zygote = ZygoteProcess.start(virtual=False, interpreter=SUPERVISORS, isolation=self.isolation)
            self.adopt(zygote)
        return zygote

    def of(self, function: Function, libraries: str = "") -> ZygoteProcess:
        """The one whose forks can run `function`. Raises MachineError where it cannot be started.

        `libraries` is a folder of the function's layers: the C library learns at a process's very start where to look
        for others.
        """
        interpreter = self.interpreters.of(function.runtime)
        zygote = self._running.get((interpreter, libraries))
        if zygote is None:
            zygote = ZygoteProcess.start(
                virtual=self.virtual,
                interpreter=interpreter,
                libraries=libraries,
                terminal=self.terminal,
                isolation=self.isolation,
            )
            self.adopt(zygote)
        return zygote

    def __iter__(self) -> Iterator[ZygoteProcess]:
        return iter(tuple(self._running.values()))

    def close(self) -> None:
        """End all of them, and by their death whatever they forked."""
        for zygote in self:
            zygote.close()
