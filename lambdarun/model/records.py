"""Everything that can happen: a closed union, the log's vocabulary.

A record's `kind` is a dotted noun and past participle. In the log's JSON an `Instant` stands as ISO text, an
identifier as a UUID, and a field in `measured` only where time is real: it differs from run to run.
"""

from __future__ import annotations

from typing import ClassVar

from lambdarun.model.draws import RequestId
from lambdarun.model.event_records import (
    BatchDelayed,
    BatchDropped,
    BatchReceived,
    BatchSettled,
    EventAccepted,
    EventDelayed,
    EventDiscarded,
    EventSettled,
    MessageDeadLettered,
    MessageExpired,
    MessageReturned,
    MessageSent,
    RetriedBatchSettled,
)
from lambdarun.model.happened import Happened
from lambdarun.model.instant import Duration, Instant
from lambdarun.model.mapping_records import (
    MappingChanged,
    MappingScaled,
    MessagesFiltered,
    MessagesNotDeleted,
)
from lambdarun.model.queue_records import (
    MessageDeduplicated,
    MessageDuplicated,
    MessagesDeleted,
    MessagesMovedBack,
    MessagesReceived,
    QueuePurged,
    QueueUpdated,
    TenantBecameNoisy,
    TenantBecameQuiet,
    VisibilityChanged,
)
from lambdarun.model.record_class import record
from lambdarun.model.version_records import (
    AliasPut,
    EnvironmentProvisioned,
    EnvironmentStopped,
    FunctionUpdated,
    ProvisionedConcurrencyFailed,
    ProvisionedConcurrencyReady,
    ProvisionedConcurrencyRequested,
    ProvisionedConcurrencySpilledOver,
    ProvisionedConcurrencyUsed,
    VersionPublished,
)


# Long by design: the log's vocabulary, one class a thing that can happen (the rest of it is in event_records.py and version_records.py).
@record
class RunStarted(Happened):
    """The first record of a run."""

    kind: ClassVar[str] = "run.started"
    time: Instant
    version: str
    seed: int
    speed: str
    durations: str


@record
class RunEnded(Happened):
    """The last record of a run; `interrupted` where the user stopped it."""

    kind: ClassVar[str] = "run.ended"
    time: Instant
    interrupted: bool


@record
class InvocationStarted(Happened):
    """An environment was given an event. `trigger` is sync, async or the name of a mapping."""

    kind: ClassVar[str] = "invocation.started"
    time: Instant
    function: str
    request_id: RequestId
    invocation: int
    environment: int
    trigger: str
    attempt: int
    cold: bool
    running: int
    """Environments of this function now busy, this one included (ConcurrentExecutions)."""
    running_account: int
    """The same for the whole account."""
    age_us: Duration
    """Asynchronous and streams: how long the event (the newest record) had waited."""
    version: str = "$LATEST"
    """The version that runs."""
    qualifier: str = ""
    """The version or alias by which it was called; empty: none."""


@record
class InvocationSucceeded(Happened):
    """The handler returned."""

    kind: ClassVar[str] = "invocation.succeeded"
    measured: ClassVar[frozenset[str]] = frozenset({"max_memory_mb"})
    time: Instant
    function: str
    request_id: RequestId
    invocation: int
    environment: int
    started: Instant
    duration_us: Duration
    init_us: Duration | None
    memory_mb: int
    max_memory_mb: int
    response: bytes
    version: str = "$LATEST"
    qualifier: str = ""


@record
class InvocationFailed(Happened):
    """The function failed: an error, a time-out, an exit, a failed init, a response too large."""

    kind: ClassVar[str] = "invocation.failed"
    level: ClassVar[str] = "warning"
    measured: ClassVar[frozenset[str]] = frozenset({"max_memory_mb"})
    time: Instant
    function: str
    request_id: RequestId
    invocation: int
    environment: int
    started: Instant
    duration_us: Duration
    init_us: Duration | None
    memory_mb: int
    max_memory_mb: int
    cause: str
    error_type: str
    response: bytes
    version: str = "$LATEST"
    qualifier: str = ""


@record
class InvocationThrottled(Happened):
    """The ledger refused a slot. AWS: 429 TooManyRequestsException."""

    kind: ClassVar[str] = "invocation.throttled"
    level: ClassVar[str] = "warning"
    time: Instant
    function: str
    request_id: RequestId
    trigger: str
    reason: str
    version: str = "$LATEST"
    qualifier: str = ""


@record
class InvocationLost(Happened):
    """The service failed (AWS: 5xx); what became of the function is unknown. No attempt is counted."""

    kind: ClassVar[str] = "invocation.lost"
    level: ClassVar[str] = "error"
    time: Instant
    function: str
    request_id: RequestId
    invocation: int
    environment: int
    fault: str
    version: str = "$LATEST"


@record
class OutputCaptured(Happened):
    """What the handler wrote to descriptors 1 and 2 in one invocation; stands in the log once."""

    kind: ClassVar[str] = "output.captured"
    level: ClassVar[str] = "debug"
    time: Instant
    function: str
    request_id: RequestId
    environment: int
    text: bytes
    dropped_bytes: int
    init_bytes: int = 0
    """How many of the first bytes were written while the handler was imported: they stand before START."""


@record
class HandlerOverran(Happened):
    """In virtual time a handler ran on for longer than the wall clock's limit, was killed and counts as timed out."""

    kind: ClassVar[str] = "handler.overran"
    level: ClassVar[str] = "warning"
    time: Instant
    function: str
    request_id: RequestId
    limit_s: int


@record
class EnvironmentStarted(Happened):
    """An execution environment was made, with a log stream of its own; its processes come and go."""

    kind: ClassVar[str] = "environment.started"
    level: ClassVar[str] = "debug"
    time: Instant
    function: str
    environment: int
    log_stream: str


@record
class EnvironmentInitialised(Happened):
    """An environment's first, or again its next, process imported the handler."""

    kind: ClassVar[str] = "environment.initialised"
    time: Instant
    function: str
    environment: int
    init_us: Duration
    log_stream: str


@record
class InitialisationFailed(Happened):
    """An environment's first process failed to import the handler, or took too long; a second one tries again within
    the invocation. `error_type` is Sandbox.Timedout where it took too long."""

    kind: ClassVar[str] = "environment.init_failed"
    level: ClassVar[str] = "warning"
    time: Instant
    function: str
    request_id: RequestId
    environment: int
    init_us: Duration
    error_type: str
    output: bytes


@record
class ExtensionsFinished(Happened):
    """Extensions worked on behind the runtime's response, for so long (AWS: PostRuntimeExtensionsDuration)."""

    kind: ClassVar[str] = "extensions.finished"
    time: Instant
    function: str
    request_id: RequestId
    environment: int
    started: Instant
    duration_us: Duration
    version: str = "$LATEST"
    qualifier: str = ""


@record
class EnvironmentReset(Happened):
    """An environment lost its process; its private folder stays."""

    kind: ClassVar[str] = "environment.reset"
    level: ClassVar[str] = "warning"
    time: Instant
    function: str
    environment: int
    cause: str


@record
class RequestRefused(Happened):
    """A request was answered with an AWS error before any function ran."""

    kind: ClassVar[str] = "request.refused"
    level: ClassVar[str] = "warning"
    time: Instant
    function: str
    status: int
    code: str
    message: str


@record
class ArrivalAnswered(Happened):
    """A replayed synchronous request got its last answer. `result` is succeeded, failed, throttled or refused."""

    kind: ClassVar[str] = "arrival.answered"
    time: Instant
    place: str
    source: str
    function: str
    request_id: RequestId | None
    result: str
    attempts: int


@record
class ArrivalUndelivered(Happened):
    """A replayed event reached no function; `reason` says why and what would help."""

    kind: ClassVar[str] = "arrival.undelivered"
    level: ClassVar[str] = "error"
    time: Instant
    place: str
    source: str
    reason: str


Record = (
    RunStarted
    | RunEnded
    | InvocationStarted
    | InvocationSucceeded
    | InvocationFailed
    | InvocationThrottled
    | InvocationLost
    | OutputCaptured
    | HandlerOverran
    | EnvironmentStarted
    | EnvironmentInitialised
    | InitialisationFailed
    | ExtensionsFinished
    | EnvironmentReset
    | RequestRefused
    | EventAccepted
    | EventDelayed
    | EventSettled
    | EventDiscarded
    | MessageSent
    | BatchReceived
    | BatchDelayed
    | BatchDropped
    | BatchSettled
    | MessageReturned
    | MessageDeadLettered
    | MessageExpired
    | RetriedBatchSettled
    | ArrivalAnswered
    | ArrivalUndelivered
    | AliasPut
    | EnvironmentProvisioned
    | EnvironmentStopped
    | FunctionUpdated
    | ProvisionedConcurrencyFailed
    | ProvisionedConcurrencyReady
    | ProvisionedConcurrencyRequested
    | ProvisionedConcurrencySpilledOver
    | ProvisionedConcurrencyUsed
    | VersionPublished
    | MappingChanged
    | MappingScaled
    | MessagesFiltered
    | MessagesNotDeleted
    | MessageDeduplicated
    | MessageDuplicated
    | MessagesDeleted
    | MessagesMovedBack
    | MessagesReceived
    | QueuePurged
    | QueueUpdated
    | TenantBecameNoisy
    | TenantBecameQuiet
    | VisibilityChanged
)
