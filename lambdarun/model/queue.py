"""A queue as it is declared. An object that exists is valid."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from attrs import Attribute, field, frozen

from lambdarun.aws import limits
from lambdarun.errors import Place
from lambdarun.model.instant import Duration
from lambdarun.model.setting import setting

FIFO_SUFFIX: Final = ".fifo"
DUPLICATES_MOST: Final = 0.5
"""A share of one would deliver for ever."""
_NAME: Final = r"[a-zA-Z0-9_-]+"


def is_queue_name(text: str) -> bool:
    """Whether a queue may have this name; that of a FIFO queue ends with `.fifo`, which counts."""
    return (
        bool(re.fullmatch(_NAME, text.removesuffix(FIFO_SUFFIX)))
        and len(text) <= limits.QUEUE_NAME_LENGTH.high
    )


@frozen(kw_only=True)
class RedrivePolicy:
    """After how many receives a message moves, and to which queue (by name)."""

    dead_letter_target: str
    max_receive_count: int = setting(limits.MAX_RECEIVE_COUNT)


class RedrivePermission(Enum):
    """Which queues may name this one as their dead-letter queue."""

    ALLOW_ALL = "allowAll"
    DENY_ALL = "denyAll"
    BY_QUEUE = "byQueue"


@frozen(kw_only=True)
class RedriveAllowPolicy:
    """Which queues may move messages here: all, none, or those named (AWS: sourceQueueArns; here by name)."""

    redrive_permission: RedrivePermission = RedrivePermission.ALLOW_ALL
    source_queues: tuple[str, ...] = field(default=())

    @source_queues.validator
    def _named_by_queue_only(self, _: Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
        most = limits.REDRIVE_SOURCE_QUEUES.value
        if self.redrive_permission is RedrivePermission.BY_QUEUE:
            if not 1 <= len(value) <= most:
                raise ValueError(f"source_queues: byQueue names 1 to {most} queues, not {len(value)}.")
        elif value:
            raise ValueError(
                f"source_queues: only byQueue names queues, not {self.redrive_permission.value}."
            )

    def allows(self, queue: str) -> bool:
        """Whether the queue of that name may move its messages here."""
        if self.redrive_permission is RedrivePermission.BY_QUEUE:
            return queue in self.source_queues
        return self.redrive_permission is RedrivePermission.ALLOW_ALL


class DeduplicationScope(Enum):
    """Within what a deduplication id is known."""

    QUEUE = "queue"
    MESSAGE_GROUP = "messageGroup"


class FifoThroughputLimit(Enum):
    """What AWS's quota on calls a second holds for. No such quota is kept here, where many calls share one instant."""

    PER_QUEUE = "perQueue"
    PER_MESSAGE_GROUP_ID = "perMessageGroupId"


@frozen(kw_only=True)
class Fifo:
    """What only a FIFO queue has.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html
    """

    content_based_deduplication: bool = False
    deduplication_scope: DeduplicationScope = DeduplicationScope.QUEUE
    fifo_throughput_limit: FifoThroughputLimit = field(default=FifoThroughputLimit.PER_QUEUE)

    @fifo_throughput_limit.validator
    def _high_throughput_takes_both(
        self, _: Attribute[FifoThroughputLimit], value: FifoThroughputLimit
    ) -> None:
        # AWS: "perMessageGroupId is allowed only when DeduplicationScope is messageGroup" (API_SetQueueAttributes.html).
        if (
            value is FifoThroughputLimit.PER_MESSAGE_GROUP_ID
            and self.deduplication_scope is DeduplicationScope.QUEUE
        ):
            raise ValueError(
                "fifo_throughput_limit: perMessageGroupId takes deduplication_scope = 'messageGroup' as well."
            )

    @property
    def high_throughput(self) -> bool:
        """Whether the quota holds for each message group."""
        return self.fifo_throughput_limit is FifoThroughputLimit.PER_MESSAGE_GROUP_ID


@frozen(kw_only=True)
class Queue:
    """An SQS queue: a FIFO queue where its name ends with `.fifo`, else a standard queue."""

    name: str = field()
    visibility_timeout: int = setting(limits.VISIBILITY_TIMEOUT)
    delay_seconds: int = setting(limits.DELAY_SECONDS)
    message_retention_period: int = setting(limits.MESSAGE_RETENTION_PERIOD)
    maximum_message_size: int = setting(limits.MAXIMUM_MESSAGE_SIZE)
    receive_message_wait_time_seconds: int = setting(limits.RECEIVE_WAIT_TIME)
    redrive_policy: RedrivePolicy | None = None
    redrive_allow_policy: RedriveAllowPolicy = RedriveAllowPolicy()
    fifo: Fifo | None = field()
    """None on a standard queue; by default as the name says."""
    target_age: Duration | None = None
    """Ours, not AWS's: the age that its oldest message should not pass; summaries then tell its backlog. Microseconds."""
    duplicates: float = field(default=0.0)
    """Ours, for tests of faults: in this share of the deletes a copy of the message stays behind and is received again.
    AWS says that it happens on standard queues, and rarely."""
    sampling: bool = False
    """Ours, for tests of faults: short polls ask a part of AWS's servers only, and find fewer messages than there are."""
    place: Place | None = field(default=None, eq=False)

    @fifo.default
    def _fifo_by_name(self) -> Fifo | None:
        return Fifo() if self.name.endswith(FIFO_SUFFIX) else None

    @name.validator
    def _name_is_awss(self, _: Attribute[str], value: str) -> None:
        if not is_queue_name(value):
            raise ValueError(
                f"name: {value!r} is no queue name. Use letters, digits, - and _, "
                f"at most {limits.QUEUE_NAME_LENGTH.high}; a FIFO queue's ends with {FIFO_SUFFIX}."
            )

    @duplicates.validator
    def _duplicates_end(self, _: Attribute[float], value: float) -> None:
        if not 0 <= value <= DUPLICATES_MOST:
            raise ValueError(f"duplicates: {value} is no share of deletes. Choose 0 to {DUPLICATES_MOST}.")

    def __attrs_post_init__(self) -> None:
        if self.name.endswith(FIFO_SUFFIX) and self.duplicates:
            raise ValueError("duplicates: a FIFO queue delivers none. Leave it out.")
        if self.name.endswith(FIFO_SUFFIX) and self.sampling:
            raise ValueError("sampling: AWS asks all servers of a FIFO queue. Leave it out.")

    @fifo.validator
    def _fifo_is_by_name(self, _: Attribute[Fifo | None], value: Fifo | None) -> None:
        if (value is not None) != self.name.endswith(FIFO_SUFFIX):
            raise ValueError(
                f"fifo_queue: a FIFO queue's name ends with {FIFO_SUFFIX}, and no other's does: {self.name!r}."
            )
