"""The door at which a queue's kind is chosen."""

from __future__ import annotations

from lambdarun.model.draws import Draws
from lambdarun.model.fifo_queue import FifoQueue
from lambdarun.model.queue import Queue
from lambdarun.model.queue_core import QueueCore
from lambdarun.model.sqs_queue import SqsQueue


def open_queue(declaration: Queue, arn: str, draws: Draws) -> QueueCore:
    """The core of a declared queue, empty."""
    if declaration.fifo is not None:
        return FifoQueue(declaration, arn, draws)
    return SqsQueue(declaration, arn, draws)
