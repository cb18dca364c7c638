"""AddPermission and RemovePermission, and the tags of a queue.

A policy is kept and shown, and forbids nothing: there is one account here, which owns all of its queues.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from attrs import define, evolve

from lambdarun.aws import limits, sqs_messages, sqs_queue_messages
from lambdarun.model.instant import Instant
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_request import SqsRequest
from lambdarun.model.sqs_room import LiveQueue, QueueRoom

_ACCOUNT: Final = re.compile("[0-9]{12}")
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
_ACTIONS: Final = frozenset(
    {
        "*", "ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl",
        "ListDeadLetterSourceQueues", "PurgeQueue", "ReceiveMessage", "SendMessage",
    }
)  # fmt: skip
_VERSION: Final = "2008-10-17"


@define(eq=False)
class Permissions:
    """Changes what stands beside a queue."""

    room: QueueRoom

    def add(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        """AddPermission. Raises SqsError."""
        label = request.required("Label")
        actions, accounts = request.texts("Actions"), request.texts("AWSAccountIds")
        if not actions:
            raise SqsError.of(sqs_messages.PARAMETER_MISSING, name="Actions")
        if not accounts or not all(_ACCOUNT.fullmatch(account) for account in accounts):
            raise SqsError.of(sqs_queue_messages.PRINCIPAL_INVALID, value=f"[{', '.join(accounts)}]")
        most = limits.PERMISSION_ACTIONS.value
        if len(actions) > most:
            raise SqsError.of(sqs_queue_messages.ACTIONS_TOO_MANY, count=len(actions), most=most)
        for action in actions:
            if action not in _ACTIONS:
                raise SqsError.of(sqs_queue_messages.ACTION_NAME, value=action)
        policy = _policy(live)
        if any(statement.get("Sid") == label for statement in policy["Statement"]):
            raise SqsError.of(sqs_queue_messages.LABEL_EXISTS, value=label)
        # In this order, whatever the request's is: recorded.
        principals = [f"arn:aws:iam::{account}:root" for account in sorted(set(accounts))]
        names = [f"SQS:{action}" for action in actions]
        policy["Statement"].append(
            {
                "Sid": label,
                "Effect": "Allow",
                "Principal": {"AWS": principals if len(principals) > 1 else principals[0]},
                "Action": names if len(names) > 1 else names[0],
                "Resource": live.core.arn,
            }
        )
        _keep(live, policy)
        return {}

    def remove(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        """RemovePermission; without a statement left there is no policy. Raises SqsError."""
        label = request.required("Label")
        policy = _policy(live)
        left = [statement for statement in policy["Statement"] if statement.get("Sid") != label]
        if len(left) == len(policy["Statement"]):
            text = sqs_queue_messages.LABEL_MISSING if not left else sqs_queue_messages.LABEL_NOT_IN_POLICY
            raise SqsError.of(text, value=label)
        _keep(live, {**policy, "Statement": left})
        return {}

    def tag(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        """TagQueue. Raises SqsError."""
        tags = request.text_table("Tags")
        if not tags:
            raise SqsError.of(sqs_messages.PARAMETER_MISSING, name="Tags")
        check_tags(live.name, tags, len(live.tags.keys() | tags.keys()))
        live.tags.update(tags)
        return {}

    def untag(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        """UntagQueue: tags that are not there are no fault. Raises SqsError."""
        keys = request.texts("TagKeys")
        if not keys:
            raise SqsError.of(sqs_queue_messages.TAG_KEYS)
        for key in keys:
            live.tags.pop(key, None)
        return {}

    def tags(self, now: Instant, live: LiveQueue, request: SqsRequest) -> dict[str, Any]:
        """ListQueueTags."""
        return {"Tags": dict(live.tags)} if live.tags else {}


def check_tags(name: str, tags: dict[str, str], count: int) -> None:
    """Raises SqsError where a queue may not have `tags`, `count` with those that it has."""
    bounds = limits.TAG_KEY_LENGTH
    if not all(bounds.low <= len(key) <= bounds.high for key in tags):
        raise SqsError.of(sqs_queue_messages.TAG_KEYS)
    if count > limits.QUEUE_TAGS.value:
        raise SqsError.of(sqs_queue_messages.TAGS_TOO_MANY, name=name)


def _policy(live: LiveQueue) -> dict[str, Any]:
    if live.beside.policy is None:
        return {"Version": _VERSION, "Id": f"{live.core.arn}/SQSDefaultPolicy", "Statement": []}
    policy: dict[str, Any] = json.loads(live.beside.policy)
    statements = policy["Statement"]
    return {**policy, "Statement": [statements] if isinstance(statements, dict) else list(statements)}


def _keep(live: LiveQueue, policy: dict[str, Any]) -> None:
    text = json.dumps(policy, separators=(",", ":")) if policy["Statement"] else None
    live.beside = evolve(live.beside, policy=text)
