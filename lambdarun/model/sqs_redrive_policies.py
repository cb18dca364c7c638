"""RedrivePolicy and RedriveAllowPolicy in calls: JSON with ARNs to declarations with names, and back.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from lambdarun.aws import limits, sqs_queue_messages
from lambdarun.model.declarations import Account
from lambdarun.model.queue import Queue, RedriveAllowPolicy, RedrivePermission, RedrivePolicy
from lambdarun.model.sqs_error import SqsError

_ARN_PARTS: Final = 6


def read_redrive_policy(
    text: str, queue: Queue, account: Account, find: Callable[[str], Queue | None]
) -> RedrivePolicy | None:
    """The policy; None where the text is empty, which takes it away. Raises SqsError."""
    if not text:
        return None
    given = _json_map(text)
    if given is None:
        raise SqsError.of(sqs_queue_messages.REDRIVE_NOT_A_MAP)
    for name in ("maxReceiveCount", "deadLetterTargetArn"):
        if name not in given:
            raise SqsError.of(sqs_queue_messages.REDRIVE_WITHOUT, value=text, name=name)
    if len(given) > 2:
        raise SqsError.of(sqs_queue_messages.REDRIVE_UNSUPPORTED, value=text)
    bounds = limits.MAX_RECEIVE_COUNT
    count = _count(given["maxReceiveCount"])
    if count is None or not bounds.low <= count <= bounds.high:
        raise SqsError.of(
            sqs_queue_messages.REDRIVE_COUNT,
            value=text, count=given["maxReceiveCount"], least=bounds.low, most=bounds.high,
        )  # fmt: skip
    name = _target(text, given["deadLetterTargetArn"], account)
    target = find(name)
    # The type first: AWS tells it of queues that do not exist either, by their names.
    if name.endswith(".fifo") != (queue.fifo is not None):
        raise SqsError.of(sqs_queue_messages.REDRIVE_TYPE, value=text)
    if target is None:
        raise SqsError.of(sqs_queue_messages.REDRIVE_TARGET, value=text)
    if not target.redrive_allow_policy.allows(queue.name):
        raise SqsError.of(sqs_queue_messages.REDRIVE_NOT_ALLOWED, value=text)
    return RedrivePolicy(dead_letter_target=name, max_receive_count=count)


def redrive_policy_text(policy: RedrivePolicy, account: Account) -> str:
    """As GetQueueAttributes answers it."""
    told = {
        "deadLetterTargetArn": account.queue_arn(policy.dead_letter_target),
        "maxReceiveCount": policy.max_receive_count,
    }
    return json.dumps(told, separators=(",", ":"))


def read_allow_policy(text: str, account: Account) -> RedriveAllowPolicy:
    """Which queues may name this one; an empty text allows all again. Raises SqsError."""
    if not text:
        return RedriveAllowPolicy()
    given = _json_map(text)
    if given is None or not given.keys() <= {"redrivePermission", "sourceQueueArns"}:
        raise SqsError.of(sqs_queue_messages.ALLOW_FORMAT)
    try:
        permission = RedrivePermission(given.get("redrivePermission"))
    except ValueError:
        raise SqsError.of(sqs_queue_messages.ALLOW_FORMAT) from None
    arns = given.get("sourceQueueArns")
    if arns is not None and not (isinstance(arns, list) and all(isinstance(arn, str) for arn in arns)):
        raise SqsError.of(sqs_queue_messages.ALLOW_FORMAT)
    if permission is not RedrivePermission.BY_QUEUE:
        if arns is not None:
            raise SqsError.of(sqs_queue_messages.ALLOW_ARNS_WITHOUT, value=text)
        return RedriveAllowPolicy(redrive_permission=permission)
    if not arns:
        raise SqsError.of(sqs_queue_messages.ALLOW_WITHOUT_ARNS, value=text)
    most = limits.REDRIVE_SOURCE_QUEUES.value
    if len(arns) > most:
        raise SqsError.of(sqs_queue_messages.ALLOW_TOO_MANY, value=text, most=most)
    return RedriveAllowPolicy(
        redrive_permission=permission, source_queues=tuple(_own_name(arn, account) for arn in arns)
    )


def _json_map(text: str) -> dict[str, Any] | None:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _count(value: object) -> int | None:
    """A whole number or its text: AWS takes both."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _target(text: str, arn: object, account: Account) -> str:
    """The name of the queue with that ARN."""
    parts = str(arn).split(":")
    if not isinstance(arn, str) or len(parts) != _ARN_PARTS or parts[0] != "arn":
        raise SqsError.of(sqs_queue_messages.REDRIVE_ARN, value=text)
    if parts[2] != "sqs":
        raise SqsError.of(sqs_queue_messages.REDRIVE_NOT_SQS, value=text)
    if parts[4] != account.account_id:
        raise SqsError.of(sqs_queue_messages.REDRIVE_OWNER, value=text)
    if arn != account.queue_arn(parts[5]):
        raise SqsError.of(sqs_queue_messages.REDRIVE_TARGET, value=text)
    return parts[5]


def _own_name(arn: str, account: Account) -> str:
    """A queue of this account and Region by its name; another one stays an ARN, which no queue here has as its name."""
    name = arn.rpartition(":")[2]
    return name if arn == account.queue_arn(name) else arn
