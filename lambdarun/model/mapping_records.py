"""What can happen to a queue's event source mapping itself."""

from __future__ import annotations

from typing import ClassVar

from lambdarun.model.event_records import MessageId
from lambdarun.model.happened import Happened
from lambdarun.model.instant import Instant
from lambdarun.model.record_class import record


@record
class MappingScaled(Happened):
    """A mapping may have another number of batches under way at once from now on."""

    kind: ClassVar[str] = "mapping.scaled"
    time: Instant
    mapping: str
    queue: str
    function: str
    concurrency: int


@record
class MessagesFiltered(Happened):
    """Messages that no filter of the mapping lets through: deleted, as AWS does, and never invoked with."""

    kind: ClassVar[str] = "messages.filtered"
    time: Instant
    mapping: str
    queue: str
    function: str
    message_ids: tuple[MessageId, ...]


@record
class MessagesNotDeleted(Happened):
    """A batch succeeded too late for these messages: their receipts had ended, as a FIFO queue's do with the visibility
    timeout. They come back, and are handled again."""

    kind: ClassVar[str] = "messages.not_deleted"
    level: ClassVar[str] = "warning"
    time: Instant
    mapping: str
    queue: str
    function: str
    message_ids: tuple[MessageId, ...]


@record
class MappingChanged(Happened):
    """A mapping was made, is in another state, or has other settings. `state` is AWS's; empty: it is gone."""

    kind: ClassVar[str] = "mapping.changed"
    time: Instant
    mapping: str
    queue: str
    function: str
    uuid: str
    state: str
    event_count: bool
    """Whether its EventCount metrics are published."""
    concurrency: int
    """How many batches it may have under way at once; 0 where it receives nothing."""
    provisioned: bool
    """Whether it has provisioned pollers."""
