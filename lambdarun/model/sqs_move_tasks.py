"""Redrive tasks: the messages of a dead-letter queue are sent anew, to their own queues or to another one.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
"""

from __future__ import annotations

import base64
import binascii
import json
from enum import Enum
from typing import Any, Final

from attrs import define, field

from lambdarun.aws import limits, sqs_messages, sqs_queue_messages
from lambdarun.model.instant import MILLISECOND, SECOND, Duration, Instant
from lambdarun.model.message import Message, NewMessage
from lambdarun.model.queue_records import MessagesMovedBack
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_request import SqsRequest
from lambdarun.model.sqs_room import LiveQueue, QueueRoom

_TICKS_PER_SECOND: Final = 10
"""A fast task moves a handful at once so often; a slow one a message at a time."""
# AWS's console shows it for messages that were sent to the dead-letter queue, not moved there.
_NO_SOURCE: Final = "CouldNotDetermineMessageSource"


class TaskStatus(Enum):
    """Where a task stands."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


_ACTIVE: Final = (TaskStatus.RUNNING, TaskStatus.CANCELLING)


@define(eq=False)
class MoveTask:
    """One task."""

    id: str
    source: LiveQueue
    destination: str | None
    """An ARN; None: each message's own queue."""
    rate: int | None
    started: Instant
    to_move: int
    """How many were there at the start."""
    next_move: Instant
    status: TaskStatus = TaskStatus.RUNNING
    moved: int = 0
    failure: str | None = None

    def handle(self) -> str:
        """Its TaskHandle: base64 of its id and its source's ARN, as AWS's are."""
        told = {"taskId": self.id, "sourceArn": self.source.core.arn}
        return base64.b64encode(json.dumps(told).encode()).decode()

    def step(self) -> tuple[int, Duration]:
        """So many messages at a time, and the time until the next."""
        rate = limits.MOVE_TASK_RATE.default if self.rate is None else self.rate
        count = max(1, rate // _TICKS_PER_SECOND)
        return count, Duration(-(-count * SECOND // rate))

    def told(self) -> dict[str, Any]:
        """As ListMessageMoveTasks answers it."""
        optional = {
            "TaskHandle": self.handle() if self.status is TaskStatus.RUNNING else None,
            "DestinationArn": self.destination,
            "MaxNumberOfMessagesPerSecond": self.rate,
            "FailureReason": self.failure,
        }
        return {
            "Status": self.status.value,
            "SourceArn": self.source.core.arn,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": self.started // MILLISECOND,
            **{name: value for name, value in optional.items() if value is not None},
        }


@define(eq=False)
class MoveTasks:
    """All tasks of an account: started and cancelled by callers, moved on by time."""

    room: QueueRoom
    _tasks: dict[str, list[MoveTask]] = field(factory=dict, init=False)
    """By the source's ARN, the latest first."""

    def start(self, now: Instant, request: SqsRequest) -> dict[str, Any]:
        """StartMessageMoveTask. Raises SqsError."""
        source = self.room.with_arn(now, request.required("SourceArn"), "SourceArn")
        if not self.room.sources(source.name):
            raise SqsError.of(sqs_queue_messages.NOT_A_DEAD_LETTER_QUEUE)
        destination = request.text("DestinationArn") or None
        if destination is not None:
            target = self.room.with_arn(now, destination, "DestinationArn")
            if target is source:
                raise SqsError.of(sqs_queue_messages.TASK_SAME_QUEUE)
            if target.core.fifo is not source.core.fifo:
                raise SqsError.of(sqs_queue_messages.TASK_TYPE)
        rate, bounds = request.number("MaxNumberOfMessagesPerSecond"), limits.MOVE_TASK_RATE
        if rate is not None and not bounds.low <= rate <= bounds.high:
            raise SqsError.of(sqs_queue_messages.TASK_RATE, value=rate, least=bounds.low, most=bounds.high)
        active = [task for tasks in self._tasks.values() for task in tasks if task.status in _ACTIVE]
        if any(task.source is source for task in active):
            raise SqsError.of(sqs_queue_messages.TASK_RUNNING)
        most = limits.MOVE_TASKS_ACTIVE.value
        if len(active) >= most:
            raise SqsError.of(sqs_queue_messages.TASKS_TOO_MANY, most=most)
        task_id = self.room.admission.draws.new_id()
        task = MoveTask(task_id, source, destination, rate, now, source.core.visible, now)
        listed = [task, *self._tasks.get(source.core.arn, [])]
        self._tasks[source.core.arn] = listed[: limits.MOVE_TASKS_LISTED.high]
        self.room.wakes.stir(self)
        return {"TaskHandle": task.handle()}

    def cancel(self, now: Instant, request: SqsRequest) -> dict[str, Any]:
        """CancelMessageMoveTask: what was moved stays moved. Raises SqsError."""
        task_id, arn = _read_handle(request.required("TaskHandle"))
        self.room.with_arn(now, arn, "SourceArn")
        found = next((task for task in self._tasks.get(arn, []) if task.id == task_id), None)
        if found is None:
            raise SqsError.of(sqs_queue_messages.TASK_MISSING)
        if found.status is not TaskStatus.RUNNING:
            raise SqsError.of(sqs_queue_messages.TASK_NOT_RUNNING)
        # The step under way ends first: AWS shows CANCELLING until then.
        found.status = TaskStatus.CANCELLING
        return {"ApproximateNumberOfMessagesMoved": found.moved}

    def listed(self, now: Instant, request: SqsRequest) -> dict[str, Any]:
        """ListMessageMoveTasks: the latest, or as many as are asked for. Raises SqsError."""
        source = self.room.with_arn(now, request.required("SourceArn"), "SourceArn")
        bounds = limits.MOVE_TASKS_LISTED
        count = request.number("MaxResults")
        if count is not None and not bounds.low <= count <= bounds.high:
            raise SqsError.of(sqs_messages.MAX_RESULTS, value=count, most=bounds.high)
        tasks = self._tasks.get(source.core.arn, [])[: bounds.default if count is None else count]
        return {"Results": [task.told() for task in tasks]}

    def wake(self, now: Instant) -> None:
        """Move on whatever is due."""
        for tasks in self._tasks.values():
            for task in tasks:
                if task.status in _ACTIVE and task.next_move <= now:
                    self._step(now, task)

    def next_due(self) -> Instant | None:
        """When the next task moves on."""
        return min(
            (task.next_move for tasks in self._tasks.values() for task in tasks if task.status in _ACTIVE),
            default=None,
        )

    def _step(self, now: Instant, task: MoveTask) -> None:
        if task.status is TaskStatus.CANCELLING:
            task.status = TaskStatus.CANCELLED
            return
        if now >= task.started + limits.MOVE_TASK_TIME.value * SECOND:
            # AWS documents the limit, not the status of a task that reaches it.
            task.status = TaskStatus.FAILED
            return
        core = task.source.core
        core.advance(now, self.room.records)
        count, wait = task.step()
        ids: dict[str, list[str]] = {}
        for _ in range(count):
            first = core.next_out()
            if first is None or task.moved >= task.to_move:
                break
            target = self._target(now, task, first)
            if target is None:
                break
            core.take_out(1)
            target.core.send(now, _anew(first, fifo=target.core.fifo), self.room.records)
            self.room.stir(target)
            ids.setdefault(target.name, []).append(first.id)
            task.moved += 1
        for name, moved in ids.items():
            self.room.records.append(MessagesMovedBack(now, task.source.name, name, tuple(moved)))
        self.room.stir(task.source)
        task.next_move = Instant(now + wait)
        if task.status is TaskStatus.RUNNING and (core.next_out() is None or task.moved >= task.to_move):
            task.status = TaskStatus.COMPLETED

    def _target(self, now: Instant, task: MoveTask, message: Message) -> LiveQueue | None:
        """Where `message` goes; None, and the task has failed, where that cannot be."""
        arn = task.destination if task.destination is not None else message.source_arn
        found = None
        if arn is None:
            task.failure = _NO_SOURCE
        else:
            found = self.room.named(now, arn.rpartition(":")[2])
            if found is None:
                task.failure = sqs_messages.NON_EXISTENT
        if found is None:
            task.status = TaskStatus.FAILED
        return found


def _anew(message: Message, *, fifo: bool) -> NewMessage:
    """The same content as a new message: with a new id, a new age and no receives."""
    return NewMessage(
        body=message.body,
        attributes=message.attributes,
        sender_id=message.sender_id,
        duration=message.duration,
        message_group_id=message.message_group_id,
        # Not the sender's: within five minutes the queue would take it for the message that it was once.
        message_deduplication_id=message.id if fifo else None,
        trace_header=message.envelope.trace_header,
    )


def _read_handle(text: str) -> tuple[str, str]:
    """The id and the source's ARN. Raises SqsError."""
    try:
        told = json.loads(base64.b64decode(text, validate=True))
        return str(told["taskId"]), str(told["sourceArn"])
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        raise SqsError.of(sqs_queue_messages.TASK_HANDLE) from None
