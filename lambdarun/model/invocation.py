"""One run of a function in an environment, and the request or event behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from attrs import define, field

from lambdarun.model.draws import RequestId
from lambdarun.model.function import Function
from lambdarun.model.instant import Duration, Instant
from lambdarun.model.outcome import Outcome, Usage

if TYPE_CHECKING:
    from lambdarun.model.environment import Environment
    from lambdarun.model.records import InitialisationFailed


class Origin(Protocol):
    """Who asked for an invocation, and is told what came of it."""

    def settle(self, now: Instant, invocation: Invocation, outcome: Outcome, usage: Usage) -> None:
        """Decide what follows."""


@define(eq=False)
class Invocation:
    """One attempt to run a function: asked for by its origin, completed by the admission that lets it start."""

    ahead: ClassVar[bool] = False
    """Whether it has no event: an `Initialisation`."""
    before_run: ClassVar[bool] = False
    function: Function
    request_id: RequestId
    payload: bytes
    origin: Origin
    item: Any
    """What `origin` wants back with the outcome: its own event, batch or request."""
    trigger: str
    """sync, async or the name of a mapping."""
    attempt: int = 1
    rated: bool = True
    """Whether it counts against the requests a second: asynchronous attempts do not."""
    age: Duration = Duration(0)
    """Asynchronous and streams: how long the event (the newest record) has waited."""
    recorded: Duration | None = None
    """How long the recorded invocation took."""
    client_context: bytes = b""
    invoked_arn: str | None = None
    """None: the function's own ARN without a qualifier."""
    qualifier: str = ""
    """The version or alias by which it was called; empty: none."""
    number: int = field(init=False)
    """Counts the invocations of a run from 1: ties in time are settled by it."""
    environment: Environment = field(init=False)
    started: Instant = field(init=False)
    cold: bool = field(init=False)
    given: Duration = field(init=False)
    """Virtual time: the declared or recorded duration, without what the handler sleeps."""
    init_within: bool = field(init=False)
    """Whether initialisation counts as the invocation's own time and against its timeout: that of an environment that
    was reset, and the second one where the first failed (AWS: suppressed init)."""
    answered: bool = field(default=False, init=False)
    """Whether its caller has been answered while its environment was still busy."""
    failed_init: InitialisationFailed | None = field(default=None, init=False)
    """The first initialisation, where it failed."""


@define(eq=False)
class Initialisation(Invocation):
    """An environment initialised before there is an event for it: the work of an invocation up to its event."""

    ahead: ClassVar[bool] = True


@define(eq=False)
class InitialisationBeforeRun(Initialisation):
    """One of what the project declares: it is in place when a run begins, so it takes none of the run's time."""

    before_run: ClassVar[bool] = True
