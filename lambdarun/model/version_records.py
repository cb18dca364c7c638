"""What can happen to versions, aliases, provisioned concurrency, and to environments without an invocation."""

from __future__ import annotations

from typing import ClassVar

from lambdarun.model.draws import RequestId
from lambdarun.model.happened import Happened
from lambdarun.model.instant import Duration, Instant
from lambdarun.model.record_class import record


@record
class FunctionUpdated(Happened):
    """A function has new code or a new configuration; `new_environments` where its environments are replaced."""

    kind: ClassVar[str] = "function.updated"
    time: Instant
    function: str
    new_environments: bool


@record
class VersionPublished(Happened):
    """A version was published."""

    kind: ClassVar[str] = "version.published"
    time: Instant
    function: str
    version: str
    code_sha256: str


@record
class AliasPut(Happened):
    """An alias was made or moved. `additional_version` is empty where it points to one version."""

    kind: ClassVar[str] = "alias.put"
    time: Instant
    function: str
    alias: str
    version: str
    additional_version: str
    additional_weight: str


@record
class EnvironmentStopped(Happened):
    """An environment ended: it was recycled after idle time, or the function was updated, or it was deprovisioned."""

    kind: ClassVar[str] = "environment.stopped"
    time: Instant
    function: str
    environment: int
    version: str
    reason: str


@record
class EnvironmentProvisioned(Happened):
    """An environment was initialised ahead of its first invocation, or again after a reset. `output` is what its
    initialisation wrote."""

    kind: ClassVar[str] = "environment.provisioned"
    time: Instant
    function: str
    environment: int
    version: str
    init_us: Duration
    log_stream: str
    output: bytes


@record
class ProvisionedConcurrencyRequested(Happened):
    """Provisioned concurrency was asked for (AWS: PutProvisionedConcurrencyConfig, IN_PROGRESS)."""

    kind: ClassVar[str] = "provisioned_concurrency.requested"
    time: Instant
    function: str
    qualifier: str
    version: str
    requested: int


@record
class ProvisionedConcurrencyReady(Happened):
    """All that was asked for is allocated (AWS: READY)."""

    kind: ClassVar[str] = "provisioned_concurrency.ready"
    time: Instant
    function: str
    qualifier: str
    version: str
    allocated: int


@record
class ProvisionedConcurrencyFailed(Happened):
    """Nothing could be allocated (AWS: FAILED), or what was is lost. `error_type` and `output` are the
    initialisation's."""

    kind: ClassVar[str] = "provisioned_concurrency.failed"
    level: ClassVar[str] = "error"
    time: Instant
    function: str
    qualifier: str
    version: str
    reason: str
    error_type: str
    output: bytes


@record
class ProvisionedConcurrencyUsed(Happened):
    """An invocation runs in a provisioned environment; `running` of the `allocated` ones are busy now."""

    kind: ClassVar[str] = "provisioned_concurrency.used"
    level: ClassVar[str] = "debug"
    time: Instant
    function: str
    qualifier: str
    version: str
    request_id: RequestId
    running: int
    allocated: int


@record
class ProvisionedConcurrencySpilledOver(Happened):
    """An invocation runs on demand because all that is allocated is busy, or its requests a second are used up."""

    kind: ClassVar[str] = "provisioned_concurrency.spilled_over"
    time: Instant
    function: str
    qualifier: str
    version: str
    request_id: RequestId
    running: int
    allocated: int
