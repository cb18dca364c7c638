"""Both APIs of one environment joined: when it is initialised, when an invocation is over, who is asked to end."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from attrs import define, field, frozen

from lambdarun.model.extensions_api import (
    ExtensionFailed,
    ExtensionReady,
    ExtensionsApi,
    FunctionFacts,
    ShutdownReason,
)
from lambdarun.model.runtime_api import (
    Event,
    Failed,
    InitFailed,
    Ready,
    Request,
    Response,
    Returned,
    RuntimeApi,
    State,
    TooLarge,
)


class Phase(Enum):
    """Where the environment stands."""

    EXTENSIONS = "external extensions register"
    RUNTIME = "the runtime initialises"
    IDLE = "all wait for an event"
    INVOCATION = "an event is worked on"
    SHUTDOWN = "all are asked to end"


@frozen
class StartRuntime:
    """All external extensions have registered."""


@frozen
class Initialised:
    """Runtime and extensions have asked for their first event."""


@frozen
class Released:
    """Runtime and extensions have asked for the next event: the invocation is over."""


Happening = (
    StartRuntime | Initialised | Released | Returned | Failed | TooLarge | InitFailed | ExtensionFailed
)


@define(eq=False)
class EnvironmentApi:
    """What runtime and extensions say over their APIs, and what follows for their environment."""

    facts: FunctionFacts
    seed: str
    phase: Phase = field(default=Phase.EXTENSIONS, init=False)
    runtime: RuntimeApi = field(factory=RuntimeApi, init=False)
    extensions: ExtensionsApi = field(init=False)
    _happenings: list[Happening] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self.extensions = ExtensionsApi(self.facts, self.seed)

    def begin(self, external: Iterable[str]) -> None:
        """External extensions of these names are about to be started."""
        self.extensions.launch(external)
        self._follow()

    def invoke(self, event: Event) -> None:
        """Have an event worked on. Raises AssertionError where not all wait for one."""
        assert self.phase is Phase.IDLE, self.phase
        self.phase = Phase.INVOCATION
        # Before the runtime: an extension that looks at invocations sees each from its beginning.
        self.extensions.invoke(event)
        self.runtime.invoke(event)

    def shut_down(self, reason: ShutdownReason, deadline_ms: int) -> None:
        """Tell the extensions that the environment ends."""
        self.phase = Phase.SHUTDOWN
        self.extensions.shut_down(reason, deadline_ms)

    def ask(self, request: Request) -> None:
        """Take in a request, whoever sent it."""
        if "/extension/" in request.path or request.method == "PUT":
            self.extensions.ask(request)
        else:
            self.runtime.ask(request)
        self._follow()

    def closed(self, key: int) -> None:
        """A connection ended."""
        self.runtime.closed(key)
        self.extensions.closed(key)

    def take(self) -> tuple[list[Response], list[Happening]]:
        """Responses to send and what happened, since the last call."""
        responses = self.runtime.responses + self.extensions.responses
        happenings = self._happenings
        self.runtime.responses, self.extensions.responses, self._happenings = [], [], []
        return responses, happenings

    def _follow(self) -> None:
        runtime, extensions = self.runtime, self.extensions
        for happening in (*runtime.happenings, *extensions.happenings):
            if isinstance(happening, Ready):
                extensions.close_registration()
            elif not isinstance(happening, ExtensionReady):
                self._happenings.append(happening)
        runtime.happenings.clear()
        extensions.happenings.clear()
        if self.phase is Phase.EXTENSIONS and extensions.all_registered():
            self.phase = Phase.RUNTIME
            self._happenings.append(StartRuntime())
            return
        waits = runtime.state is State.READY and not runtime.has_event() and extensions.all_ready()
        if waits and self.phase in (Phase.RUNTIME, Phase.INVOCATION):
            self._happenings.append(Initialised() if self.phase is Phase.RUNTIME else Released())
            self.phase = Phase.IDLE
