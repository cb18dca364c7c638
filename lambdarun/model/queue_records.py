"""What can happen to a queue beside sends, batches and moves: what callers of its API do, and its own doings.

A mapping's receives and deletions are in its batches' records; these are for everybody else's.
"""

from __future__ import annotations

from typing import ClassVar, Final

from lambdarun.model.event_records import MessageId
from lambdarun.model.happened import Happened
from lambdarun.model.instant import Instant
from lambdarun.model.record_class import record

GONE: Final = "gone"
"""Stands for a message whose id nobody knows any more: its receipt was used after it was gone."""


@record
class MessagesReceived(Happened):
    """A caller received messages (AWS: ReceiveMessage). None of them: an empty receive."""

    kind: ClassVar[str] = "messages.received"
    time: Instant
    queue: str
    message_ids: tuple[MessageId, ...]
    visible: int
    """Messages that stay visible in the queue."""
    hidden: int
    """Messages of the queue in flight, these included."""


@record
class MessagesDeleted(Happened):
    """A caller deleted messages, or messages that were gone already: AWS counts both."""

    kind: ClassVar[str] = "messages.deleted"
    time: Instant
    queue: str
    message_ids: tuple[MessageId, ...]


@record
class VisibilityChanged(Happened):
    """A caller hid a message for another `visibility_timeout` seconds from now on."""

    kind: ClassVar[str] = "visibility.changed"
    time: Instant
    queue: str
    message_id: MessageId
    visibility_timeout: int


@record
class MessageDeduplicated(Happened):
    """A FIFO queue had the message already: it answered with the first one's id and took nothing."""

    kind: ClassVar[str] = "message.deduplicated"
    time: Instant
    queue: str
    message_id: MessageId
    message_group_id: str


@record
class MessageDuplicated(Happened):
    """A delete missed a copy of the message (a queue's `duplicates`): it shows again when its visibility timeout ends."""

    kind: ClassVar[str] = "message.duplicated"
    time: Instant
    queue: str
    message_id: MessageId
    kept_since: Instant
    """When the message was sent or moved to the queue."""
    message_group_id: str
    """Empty: none."""


@record
class MessagesMovedBack(Happened):
    """A redrive task took messages out of a dead-letter queue; each is sent anew to `target`."""

    kind: ClassVar[str] = "messages.redriven"
    time: Instant
    queue: str
    target: str
    message_ids: tuple[MessageId, ...]
    """Those that they had in `queue`."""


@record
class QueuePurged(Happened):
    """All messages of a queue were deleted at once."""

    kind: ClassVar[str] = "queue.purged"
    time: Instant
    queue: str
    removed: int


@record
class QueueUpdated(Happened):
    """A queue's attributes were changed; these hold from now on."""

    kind: ClassVar[str] = "queue.updated"
    time: Instant
    queue: str
    visibility_timeout: int
    delay_seconds: int
    message_retention_period: int


@record
class TenantBecameNoisy(Happened):
    """A fair queue delays a message group from now on, since it holds too many of the messages in flight."""

    kind: ClassVar[str] = "tenant.became_noisy"
    time: Instant
    queue: str
    message_group_id: str
    in_flight: int


@record
class TenantBecameQuiet(Happened):
    """A fair queue delays a message group no longer."""

    kind: ClassVar[str] = "tenant.became_quiet"
    time: Instant
    queue: str
    message_group_id: str
