"""What AWS refuses between a queue and its dead-letter queue.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lambdarun.aws import sqs_queue_messages
from lambdarun.model.declarations import Account
from lambdarun.model.key_text import key_text
from lambdarun.model.queue import Queue
from lambdarun.model.sqs_redrive_policies import redrive_policy_text


def redrive_fault(account: Account, queue: Queue, target: Queue) -> tuple[str, str] | None:
    """What AWS says to `queue` that names `target` as its dead-letter queue, and how to mend it; None: nothing."""
    policy = queue.redrive_policy
    assert policy is not None
    text = redrive_policy_text(policy, account)
    if (queue.fifo is None) is not (target.fifo is None):
        kind = "standard" if queue.fifo is None else "FIFO"
        mend = f"Name a {kind} queue, as {queue.name} is one."
        return sqs_queue_messages.REDRIVE_TYPE.of(value=text), mend
    if not target.redrive_allow_policy.allows(queue.name):
        mend = f"Add it to the source_queues of {key_text(('queues', target.name, 'redrive_allow_policy'))}."
        return sqs_queue_messages.REDRIVE_NOT_ALLOWED.of(value=text), mend
    return None


def redrive_faults(account: Account, queues: Mapping[str, Queue]) -> Iterator[tuple[Queue, str, str]]:
    """All of them: the queue at fault, what AWS says, and how to mend it."""
    for queue in queues.values():
        policy = queue.redrive_policy
        target = None if policy is None else queues.get(policy.dead_letter_target)
        fault = None if target is None else redrive_fault(account, queue, target)
        if fault is not None:
            yield (queue, *fault)
