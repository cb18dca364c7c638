"""The life of an execution environment, and which one gets the next event.

A handler's exception does not reset it; a time-out, an exit or a failed initialisation does: the process is gone, its
private folder stays, and the next invocation pays for its own init.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from attrs import define, field

from lambdarun.model.draws import Draws
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Instant

if TYPE_CHECKING:
    from collections.abc import Iterator


class Phase(Enum):
    """Where an environment stands."""

    # An Enum's own hash is Python code, and the table is looked into several times an invocation.
    __hash__ = object.__hash__

    STARTING = "starting"
    PREPARING = "preparing"
    IDLE = "idle"
    BUSY = "busy"
    RESET = "reset"
    GONE = "gone"


class Happening(Enum):
    """What can happen to an environment."""

    __hash__ = object.__hash__

    CLAIMED = "claimed"
    PREPARED = "prepared"
    INITIALISED = "initialised"
    REPLIED = "replied"
    TIMED_OUT = "timed out"
    EXITED = "exited"
    OUT_OF_MEMORY = "out of memory"
    INIT_FAILED = "init failed"
    STOPPED = "stopped"


class InitialisationType(Enum):
    """Why an environment was initialised (AWS_LAMBDA_INITIALIZATION_TYPE)."""

    ON_DEMAND = "on-demand"
    PROVISIONED_CONCURRENCY = "provisioned-concurrency"


class StopReason(Enum):
    """Why an environment was ended. All but the first are the user's doing."""

    RECYCLED = "recycled"
    """It was idle for long."""
    UPDATED = "updated"
    """The function has other code or another configuration."""
    DEPROVISIONED = "deprovisioned"
    """Provisioned concurrency was taken back, or moved to another version."""
    INIT_FAILED = "init failed"
    """It was to be initialised ahead, and was not."""


# What is not in the table cannot happen: it raises, so that a wiring fault shows at once.
NEXT_PHASE: Final[dict[Phase, dict[Happening, Phase]]] = {
    Phase.STARTING: {Happening.CLAIMED: Phase.BUSY, Happening.PREPARED: Phase.PREPARING},
    # Initialised ahead of any event: provisioned concurrency.
    Phase.PREPARING: {Happening.INITIALISED: Phase.IDLE, Happening.INIT_FAILED: Phase.RESET},
    Phase.IDLE: {Happening.CLAIMED: Phase.BUSY, Happening.STOPPED: Phase.GONE},
    Phase.BUSY: {
        Happening.REPLIED: Phase.IDLE,  # also when the handler raised: no reset
        Happening.TIMED_OUT: Phase.RESET,
        Happening.EXITED: Phase.RESET,
        Happening.OUT_OF_MEMORY: Phase.RESET,
        Happening.INIT_FAILED: Phase.RESET,
    },
    # No process, but the private folder is kept. The next invocation pays for its own init; where concurrency is
    # provisioned, it is initialised again before there is one.
    Phase.RESET: {
        Happening.CLAIMED: Phase.BUSY,
        Happening.PREPARED: Phase.PREPARING,
        Happening.STOPPED: Phase.GONE,
    },
    Phase.GONE: {},
}


@define(eq=False)
class Environment:
    """One execution environment: one event at a time, of one version of a function."""

    id: int
    function: Function
    log_stream: str
    home: list[Environment] = field(factory=list)
    """Where it waits for its next event, last in, first out."""
    initialisation_type: InitialisationType = InitialisationType.ON_DEMAND
    phase: Phase = Phase.STARTING
    cold: bool = True
    """Whether the present (or next) invocation must initialise it first."""
    runs: int = 0
    idle_since: Instant = Instant(0)
    outdated: StopReason | None = None
    """Why it ends when its present work does."""


# A pool is a list that a name leads to; who is busy knows by its `home` which list it came from. So an update needs
# only to put another list under the name: the old environments never meet a new event, and the hot path is one look.
@define(eq=False)
class Environments:
    """All environments; idle ones of a version are taken last in, first out."""

    draws: Draws
    _idle: dict[str, list[Environment]] = field(factory=dict, init=False)
    _living: dict[int, Environment] = field(factory=dict, init=False)
    _made: int = field(default=0, init=False)

    def needs_new(self, pool: str) -> bool:
        """Whether the next event of a function's version needs an environment that does not exist yet."""
        return not self._idle.get(pool)

    def choose(self, now: Instant, function: Function) -> Environment:
        """The environment for the next event of `function`, now busy; a new one where none is idle."""
        idle = self._idle.get(function.pool)
        if idle:
            # The one that was used last. AWS documents no order among idle ones; so as few as possible are in use, as with any
            # pool.
            environment = idle.pop()
            # A reset one has a folder but no process: its next invocation pays for an initialisation (AWS: suppressed init).
            environment.cold = environment.phase is Phase.RESET
        else:
            home = self._idle.setdefault(function.pool, [])
            environment = self._make(now, function, home, InitialisationType.ON_DEMAND)
        environment.runs += 1
        # A new one is claimed for the event that it was made for, and initialised as its first part.
        environment.phase = NEXT_PHASE[environment.phase][Happening.CLAIMED]
        return environment

    def claim(self, home: list[Environment]) -> Environment:
        """The environment of a list of idle, initialised ones for the next event, now busy."""
        environment = home.pop()
        environment.cold = False
        environment.runs += 1
        environment.phase = NEXT_PHASE[environment.phase][Happening.CLAIMED]
        return environment

    def prepare(self, now: Instant, function: Function, home: list[Environment]) -> Environment:
        """A new environment, to be initialised ahead of its first event; it then waits in `home`."""
        environment = self._make(now, function, home, InitialisationType.PROVISIONED_CONCURRENCY)
        environment.phase = NEXT_PHASE[environment.phase][Happening.PREPARED]
        return environment

    def release(self, now: Instant, environment: Environment, happening: Happening) -> None:
        """Take an environment back after what happened to it; who is not IDLE then is for its keeper to look after.
        Raises KeyError where the table has no such step.
        """
        environment.phase = phase = NEXT_PHASE[environment.phase][happening]
        environment.idle_since = now
        if environment.outdated is not None:
            environment.phase = NEXT_PHASE[phase][Happening.STOPPED]
            del self._living[environment.id]
        elif (
            phase is Phase.IDLE or environment.initialisation_type is not _PROVISIONED
        ):  # a provisioned one without its process takes no event
            environment.home.append(environment)

    def stop(self, environment: Environment) -> None:
        """End an environment that has no work."""
        environment.phase = NEXT_PHASE[environment.phase][Happening.STOPPED]
        del self._living[environment.id]
        if environment in environment.home:
            environment.home.remove(environment)

    def outdate(self, pool: str) -> list[Environment]:
        """Let no environment of a version have another event; returns the idle ones, to be stopped. Busy ones finish."""
        idle = self._idle.pop(pool, [])
        for environment in self._living.values():
            if environment.home is idle and environment.phase is Phase.BUSY:
                environment.outdated = StopReason.UPDATED
        return list(idle)

    def living(self) -> Iterator[Environment]:
        """All environments that are not gone, oldest first."""
        return iter(self._living.values())

    def _make(
        self, now: Instant, function: Function, home: list[Environment], how: InitialisationType
    ) -> Environment:
        self._made += 1
        made = Environment(self._made, function, self._log_stream(now, function), home, how)
        self._living[made.id] = made
        return made

    def _log_stream(self, now: Instant, function: Function) -> str:
        """`2026/01/02/[$LATEST]<32 hexadecimal digits>`; with a log group of the user's own, which several functions may
        share, the function's name stands before the version.
        """
        day = datetime.fromtimestamp(now // SECOND, UTC)
        name = function.name if function.logging.log_group is not None else ""
        drawn = self.draws.stream("log-streams").getrandbits(128)
        return f"{day:%Y/%m/%d}/{name}[{function.version}]{drawn:032x}"


_PROVISIONED: Final = InitialisationType.PROVISIONED_CONCURRENCY
