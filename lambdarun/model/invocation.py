"""One run of a function in an environment, and the request or event behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define

from lambdarun.model.declarations import Function
from lambdarun.model.draws import RequestId
from lambdarun.model.instant import Duration, Instant

if TYPE_CHECKING:
    from lambdarun.model.environment import Environment
    from lambdarun.model.records import InitialisationFailed


@define(eq=False)
class Invocation:
    """One attempt to run a function."""

    number: int
    """Counts the invocations of a run from 1: ties in time are settled by it."""
    request_id: RequestId
    function: Function
    environment: Environment
    payload: bytes
    origin: Any
    """The core that settles it: it is told the outcome."""
    item: Any
    """What `origin` gave out: its own event, batch or request."""
    started: Instant
    cold: bool
    given: Duration
    """Virtual time: the declared or recorded duration, without what the handler sleeps."""
    client_context: bytes
    invoked_arn: str | None
    """None: the function's own ARN without a qualifier."""
    init_within: bool = False
    """Whether initialisation counts as the invocation's own time and against its timeout: that of an environment that
    was reset, and the second one where the first failed (AWS: suppressed init)."""
    failed_init: InitialisationFailed | None = None
    """The first initialisation, where it failed."""
