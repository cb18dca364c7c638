"""A queue's attributes in calls: texts to a declaration and back, with AWS's refusals.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve, field, frozen

from lambdarun.aws import limits, sqs_queue_messages
from lambdarun.aws.limits import Setting
from lambdarun.model.declarations import Account
from lambdarun.model.queue import DeduplicationScope, Fifo, FifoThroughputLimit, Queue
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_redrive_policies import read_allow_policy, read_redrive_policy, redrive_policy_text

_NUMBERS: Final[Mapping[str, tuple[str, Setting]]] = {
    "DelaySeconds": ("delay_seconds", limits.DELAY_SECONDS),
    "MaximumMessageSize": ("maximum_message_size", limits.MAXIMUM_MESSAGE_SIZE),
    "MessageRetentionPeriod": ("message_retention_period", limits.MESSAGE_RETENTION_PERIOD),
    "ReceiveMessageWaitTimeSeconds": ("receive_message_wait_time_seconds", limits.RECEIVE_WAIT_TIME),
    "VisibilityTimeout": ("visibility_timeout", limits.VISIBILITY_TIMEOUT),
}
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_FIFO_ONLY: Final = ("DeduplicationScope", "FifoThroughputLimit")
COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
TIMES: Final = ("CreatedTimestamp", "LastModifiedTimestamp")
_SETTABLE: Final = frozenset(
    {
        *_NUMBERS, "ContentBasedDeduplication", "DeduplicationScope", "FifoQueue", "FifoThroughputLimit",
        "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "RedrivePolicy",
        "SqsManagedSseEnabled",
    }
)  # fmt: skip
READABLE: Final = _SETTABLE | {*COUNTS, *TIMES, "QueueArn"}


@frozen(kw_only=True)
class Beside:
    """Attributes that change nothing of what a queue does here: encryption at rest, who else may call, and the text in
    which the redrive allow policy was given."""

    sqs_managed_sse_enabled: bool = True
    kms_master_key_id: str | None = None
    kms_data_key_reuse_period_seconds: int = limits.KMS_KEY_REUSE.default
    policy: str | None = None
    redrive_allow_policy: str | None = None


@frozen
class Attributes:
    """All that can be set of a queue."""

    queue: Queue
    beside: Beside = field(factory=Beside)

    def changed(
        self, given: Mapping[str, str], account: Account, find: Callable[[str], Queue | None]
    ) -> Attributes:
        """As `given` says; `find` looks a queue up by its name. Raises SqsError."""
        for name in given:
            self._check_name(name)
        numbers: dict[str, Any] = {
            field: _number(name, given[name], bounds)
            for name, (field, bounds) in _NUMBERS.items()
            if name in given
        }
        queue = evolve(self.queue, **numbers, fifo=_fifo(self.queue.fifo, given))
        beside = _beside(self.beside, given)
        allow = given.get("RedriveAllowPolicy")
        if allow is not None:
            queue = evolve(queue, redrive_allow_policy=read_allow_policy(allow, account))
            beside = evolve(beside, redrive_allow_policy=allow or None)
        policy = given.get("RedrivePolicy")
        if policy is not None:
            queue = evolve(queue, redrive_policy=read_redrive_policy(policy, queue, account, find))
        return Attributes(queue, beside)

    def texts(self, account: Account) -> dict[str, str]:
        """What GetQueueAttributes answers of them: those that are set, all as texts."""
        queue, beside = self.queue, self.beside
        told = {name: str(getattr(queue, field)) for name, (field, _) in _NUMBERS.items()}
        told["QueueArn"] = account.queue_arn(queue.name)
        told["SqsManagedSseEnabled"] = _flag_text(beside.sqs_managed_sse_enabled)
        if queue.fifo is not None:
            told["FifoQueue"] = "true"
            told["ContentBasedDeduplication"] = _flag_text(queue.fifo.content_based_deduplication)
            told["DeduplicationScope"] = queue.fifo.deduplication_scope.value
            told["FifoThroughputLimit"] = queue.fifo.fifo_throughput_limit.value
        if beside.kms_master_key_id is not None:
            told["KmsMasterKeyId"] = beside.kms_master_key_id
            told["KmsDataKeyReusePeriodSeconds"] = str(beside.kms_data_key_reuse_period_seconds)
        if beside.policy is not None:
            told["Policy"] = beside.policy
        if beside.redrive_allow_policy is not None:
            told["RedriveAllowPolicy"] = beside.redrive_allow_policy
        if queue.redrive_policy is not None:
            told["RedrivePolicy"] = redrive_policy_text(queue.redrive_policy, account)
        return told

    def difference(self, given: Mapping[str, str], wanted: Attributes, account: Account) -> str | None:
        """The first of the `given` attributes whose value, as in `wanted`, is another one; None: there is none."""
        own, other = self.texts(account), wanted.texts(account)
        return next((name for name in given if own.get(name) != other.get(name)), None)

    def _check_name(self, name: str) -> None:
        if name not in _SETTABLE:
            raise SqsError.of(sqs_queue_messages.ATTRIBUTE_UNKNOWN, name=name)
        if self.queue.fifo is None:
            if name in ("FifoQueue", "ContentBasedDeduplication"):
                raise SqsError.of(sqs_queue_messages.ATTRIBUTE_UNKNOWN, name=name)
            if name in _FIFO_ONLY:
                raise SqsError.of(sqs_queue_messages.ATTRIBUTE_OF_FIFO, name=name)


def _number(name: str, text: str, bounds: Setting) -> int:
    if not _NUMBER.fullmatch(text) or not bounds.low <= int(text) <= bounds.high:
        raise SqsError.of(sqs_queue_messages.ATTRIBUTE_VALUE, name=name)
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise SqsError.of(sqs_queue_messages.ATTRIBUTE_VALUE, name=name)
    return text.lower() == "true"


def _flag_text(value: bool) -> str:
    return "true" if value else "false"


def _fifo(fifo: Fifo | None, given: Mapping[str, str]) -> Fifo | None:
    if fifo is None:
        return None
    if "FifoQueue" in given and not _flag("FifoQueue", given["FifoQueue"]):
        raise SqsError.of(sqs_queue_messages.QUEUE_TYPE)
    by_content = fifo.content_based_deduplication
    if "ContentBasedDeduplication" in given:
        by_content = _flag("ContentBasedDeduplication", given["ContentBasedDeduplication"])
    try:
        scope = DeduplicationScope(given.get("DeduplicationScope", fifo.deduplication_scope.value))
    except ValueError:
        raise SqsError.of(sqs_queue_messages.ATTRIBUTE_VALUE, name="DeduplicationScope") from None
    try:
        limit = FifoThroughputLimit(given.get("FifoThroughputLimit", fifo.fifo_throughput_limit.value))
    except ValueError:
        raise SqsError.of(sqs_queue_messages.ATTRIBUTE_VALUE, name="FifoThroughputLimit") from None
    if limit is FifoThroughputLimit.PER_MESSAGE_GROUP_ID and scope is DeduplicationScope.QUEUE:
        raise SqsError.of(sqs_queue_messages.PER_GROUP_NEEDS_SCOPE)
    return Fifo(
        content_based_deduplication=by_content, deduplication_scope=scope, fifo_throughput_limit=limit
    )


def _beside(beside: Beside, given: Mapping[str, str]) -> Beside:
    key = given.get("KmsMasterKeyId")
    managed = given.get("SqsManagedSseEnabled")
    enabled = None if managed is None else _flag("SqsManagedSseEnabled", managed)
    # Also where the queue has a key already: AWS documents that one of the two holds, not that the later one wins.
    held = beside.kms_master_key_id if key is None else key or None
    if enabled and held is not None:
        raise SqsError.of(sqs_queue_messages.ONE_ENCRYPTION)
    if key is not None:
        # Recorded: a key ends SQS's own encryption, and taking the key away does not bring it back.
        beside = evolve(beside, kms_master_key_id=held)
        if held is not None:
            beside = evolve(beside, sqs_managed_sse_enabled=False)
    if enabled is not None:
        beside = evolve(beside, sqs_managed_sse_enabled=enabled)
    reuse = given.get("KmsDataKeyReusePeriodSeconds")
    if reuse is not None:
        seconds = _number("KmsDataKeyReusePeriodSeconds", reuse, limits.KMS_KEY_REUSE)
        beside = evolve(beside, kms_data_key_reuse_period_seconds=seconds)
    policy = given.get("Policy")
    if policy is not None:
        if policy and not _is_policy(policy):
            raise SqsError.of(sqs_queue_messages.POLICY_INVALID)
        beside = evolve(beside, policy=policy or None)
    return beside


def _is_policy(text: str) -> bool:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return False
    statements = read.get("Statement") if isinstance(read, dict) else None
    told = [statements] if isinstance(statements, dict) else statements
    return isinstance(told, list) and all(isinstance(statement, dict) for statement in told)
