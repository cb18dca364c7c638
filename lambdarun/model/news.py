"""Everything that the region can be told: a closed union."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lambdarun.model.arrival import Arrival
from lambdarun.model.function import Alias, Function
from lambdarun.model.instant import Duration
from lambdarun.model.invocation import Invocation
from lambdarun.model.mapping_news import MappingRequest
from lambdarun.model.message import NewMessage
from lambdarun.model.outcome import Outcome, Usage
from lambdarun.model.record_class import record


@record
class Invoke:
    """A synchronous request (AWS: Invoke with RequestResponse or DryRun). It gets an Answer."""

    ticket: int
    function: str
    payload: bytes
    qualifier: str | None = None
    client_context: str | None = None
    """base64 of JSON, as in the header X-Amz-Client-Context."""
    dry_run: bool = False
    log_tail: bool = False


@record
class Accept:
    """An asynchronous request (AWS: Invoke with Event). It gets an Answer once it is in the queue."""

    ticket: int
    function: str
    payload: bytes
    qualifier: str | None = None
    source: str = "api"
    duration: Duration | None = None


@record
class Send:
    """A message for a queue; refused messages raise no record but the caller's refusal."""

    queue: str
    message: NewMessage


@record
class SqsCall:
    """A call of SQS's API, with the members of its request as the JSON protocol has them. It gets an Answer, at once or
    when what a receive waits for shows."""

    ticket: int
    action: str
    request: Mapping[str, object]


@record
class Arrive:
    """Recorded events, at their time: all of one instant together, in order."""

    arrivals: list[Arrival]


@record
class Ended:
    """An invocation is over, at the instant at which that takes effect."""

    invocation: Invocation
    outcome: Outcome
    usage: Usage


@record
class PublishVersion:
    """Publish a version of a function (AWS: PublishVersion). It gets an Answer.

    `code` is where its present code lies from now on, unchanged; `digest` is that code's.
    """

    ticket: int
    function: str
    code: Path
    digest: str


@record
class UpdateFunction:
    """A function has other code or another configuration (AWS: UpdateFunctionCode, UpdateFunctionConfiguration,
    PutFunctionConcurrency). It gets an Answer."""

    ticket: int
    function: Function


@record
class PutAlias:
    """Make or move an alias (AWS: CreateAlias, UpdateAlias). It gets an Answer."""

    ticket: int
    function: str
    alias: Alias


@record
class PutProvisionedConcurrency:
    """Have environments of a version or alias initialised ahead (AWS: PutProvisionedConcurrencyConfig). It gets an
    Answer."""

    ticket: int
    function: str
    qualifier: str
    requested: int


Deployment = PublishVersion | UpdateFunction | PutAlias | PutProvisionedConcurrency


@record
class Responded:
    """What an invocation came to is known, but its environment is still busy: `Ended` follows."""

    invocation: Invocation
    outcome: Outcome


News = Invoke | Accept | Send | SqsCall | Arrive | Ended | Responded | Deployment | MappingRequest
