"""The life of an execution environment, and which one gets the next event.

A handler's exception does not reset it; a time-out, an exit or a failed initialisation does: the process is gone, its
private folder stays, and the next invocation pays for its own init.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import Final

from attrs import define, field

from lambdarun.model.draws import Draws
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Instant


class Phase(Enum):
    """Where an environment stands."""

    # An Enum's own hash is Python code, and the table is looked into several times an invocation.
    __hash__ = object.__hash__

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    RESET = "reset"
    GONE = "gone"


class Happening(Enum):
    """What can happen to an environment."""

    __hash__ = object.__hash__

    CLAIMED = "claimed"
    REPLIED = "replied"
    TIMED_OUT = "timed out"
    EXITED = "exited"
    OUT_OF_MEMORY = "out of memory"
    INIT_FAILED = "init failed"
    # AWS's own doing, after minutes or hours of idleness, which it does not document: nothing here lets it happen by
    # itself.
    RECYCLED = "recycled"


# What is not in the table cannot happen: it raises, so that a wiring fault shows at once.
NEXT_PHASE: Final[dict[Phase, dict[Happening, Phase]]] = {
    Phase.STARTING: {Happening.CLAIMED: Phase.BUSY},
    Phase.IDLE: {Happening.CLAIMED: Phase.BUSY, Happening.RECYCLED: Phase.GONE},
    Phase.BUSY: {
        Happening.REPLIED: Phase.IDLE,  # also when the handler raised: no reset
        Happening.TIMED_OUT: Phase.RESET,
        Happening.EXITED: Phase.RESET,
        Happening.OUT_OF_MEMORY: Phase.RESET,
        Happening.INIT_FAILED: Phase.RESET,
    },
    # No process, but the private folder is kept. The next invocation pays for its own init.
    Phase.RESET: {Happening.CLAIMED: Phase.BUSY, Happening.RECYCLED: Phase.GONE},
    Phase.GONE: {},
}


@define(eq=False)
class Environment:
    """One execution environment: one event at a time, of one function."""

    id: int
    function: Function
    log_stream: str
    phase: Phase = Phase.STARTING
    cold: bool = True
    """Whether the present (or next) invocation must initialise it first."""
    runs: int = 0


@define(eq=False)
class Environments:
    """All environments; idle ones of a function are taken last in, first out."""

    draws: Draws
    _idle: dict[str, list[Environment]] = field(factory=dict, init=False)
    _made: int = field(default=0, init=False)

    def needs_new(self, function_name: str) -> bool:
        """Whether the next event of a function needs an environment that does not exist yet."""
        return not self._idle.get(function_name)

    def choose(self, now: Instant, function: Function) -> Environment:
        """The environment for the next event of `function`, now busy; a new one where none is idle."""
        idle = self._idle.get(function.name)
        if idle:
            # The one that was used last. AWS documents no order among idle ones; so as few as possible are in use, as with any
            # pool.
            environment = idle.pop()
            # A reset one has a folder but no process: its next invocation pays for an initialisation (AWS: suppressed init).
            environment.cold = environment.phase is Phase.RESET
        else:
            self._made += 1
            environment = Environment(self._made, function, self._log_stream(now, function))
        environment.runs += 1
        # A new one is claimed for the event that it was made for, and initialised as its first part.
        environment.phase = NEXT_PHASE[environment.phase][Happening.CLAIMED]
        return environment

    def release(self, environment: Environment, happening: Happening) -> None:
        """Take an environment back after what happened to it. Raises KeyError where the table has no such step."""
        environment.phase = NEXT_PHASE[environment.phase][happening]
        self._idle.setdefault(environment.function.name, []).append(environment)

    def _log_stream(self, now: Instant, function: Function) -> str:
        """`2026/01/02/[$LATEST]<32 hexadecimal digits>`; with a log group of the user's own, which several functions may
        share, the function's name stands before the version.
        """
        day = datetime.fromtimestamp(now // SECOND, UTC)
        name = function.name if function.logging.log_group is not None else ""
        drawn = self.draws.stream("log-streams").getrandbits(128)
        return f"{day:%Y/%m/%d}/{name}[$LATEST]{drawn:032x}"
