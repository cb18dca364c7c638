"""A queue as the API's users hold it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from attrs import define, field, frozen

from lambdarun.model.effects import Reply
from lambdarun.model.message import Message
from lambdarun.model.message_attributes import normalised
from lambdarun.model.news import SqsCall
from lambdarun.model.queue_core import Counts
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_message_attributes import answered
from lambdarun.runtime.driver import RealDriver, VirtualDriver
from lambdarun.runtime.requests import queue_answer

GivenAttributes = Mapping[str, Mapping[str, object] | str | int | float]


@frozen
class SentMessage:
    """What SendMessage answers; a FIFO queue gives a sequence number, too."""

    message_id: str
    sequence_number: str | None = None


@frozen
class ReceivedMessage:
    """What ReceiveMessage answers, with all attributes."""

    message_id: str
    receipt_handle: str
    body: str
    attributes: Mapping[str, str]
    """Of the system, by AWS's names: `ApproximateReceiveCount`, `SentTimestamp`, ..."""
    message_attributes: Mapping[str, Mapping[str, str]]


# Plain methods, for trio too: each is decided in one step. Only a receive may wait, and each door waits in its own way.
@define(eq=False)
class QueueHandle:
    """Send to a queue, receive from it, change it, look into it. All calls raise SqsError where AWS answers with one:
    `code`, `message` and `status` are AWS's.

    >>> from lambdarun.model.declarations import Project
    >>> from lambdarun.model.queue import Queue
    >>> from lambdarun.runtime.blocking import open_blocking_runtime
    >>> from lambdarun.runtime.clock import VirtualClock
    >>> project = Project(queues={"jobs": Queue(name="jobs", delay_seconds=60)})
    >>> with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
    ...     jobs = runtime.queue("jobs")
    ...     one = jobs.send("one", attributes={"n": {"stringValue": "6", "dataType": "Number"}})
    ...     two = jobs.send("two", delay_seconds=0)
    ...     runtime.advance(seconds=59)
    ...     jobs.counts().visible, jobs.counts().delayed, [message.body for message in jobs.messages()]
    (1, 1, ['one', 'two'])
    """

    name: str
    _driver: RealDriver | VirtualDriver
    _wake: Callable[[], None] = field(repr=False)

    def __attrs_post_init__(self) -> None:
        if self.name not in self._driver.region.queues:
            declared = ", ".join(sorted(self._driver.region.queues)) or "none"
            raise KeyError(f"no queue {self.name!r}. Declared: {declared}.")

    def send(
        self,
        body: str,
        *,
        attributes: GivenAttributes | None = None,
        delay_seconds: int | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
        trace_header: str | None = None,
    ) -> SentMessage:
        """Send a message (AWS: SendMessage). An attribute is a text, a number, or as an event has it."""
        told = {
            "attributes": attributes,
            "delay_seconds": delay_seconds,
            "message_group_id": message_group_id,
            "message_deduplication_id": message_deduplication_id,
            "trace_header": trace_header,
        }
        return _sent(self._ask("SendMessage", **_entry({"body": body, **told})))

    def send_batch(self, messages: Iterable[str | Mapping[str, Any]]) -> list[SentMessage | SqsError]:
        """Send up to ten messages at once (AWS: SendMessageBatch): texts, or what `send` takes by name. Each has its own
        success or error, in their order.
        """
        entries = [
            {"Id": str(number), **_entry(given if isinstance(given, Mapping) else {"body": given})}
            for number, given in enumerate(messages)
        ]
        told = self._ask("SendMessageBatch", Entries=entries)
        came: dict[str, SentMessage | SqsError] = {
            one["Id"]: _sent(one) for one in told.get("Successful", [])
        }
        came |= {one["Id"]: SqsError(one["Code"], one["Message"]) for one in told.get("Failed", [])}
        return [came[entry["Id"]] for entry in entries]

    def delete(self, received: ReceivedMessage | str) -> None:
        """Delete a message by its receipt, or receipt handle (AWS: DeleteMessage)."""
        self._ask("DeleteMessage", ReceiptHandle=_handle(received))

    def change_visibility(self, received: ReceivedMessage | str, visibility_timeout: int) -> None:
        """Hide a received message for so many seconds from now on; 0 shows it (AWS: ChangeMessageVisibility)."""
        self._ask(
            "ChangeMessageVisibility", ReceiptHandle=_handle(received), VisibilityTimeout=visibility_timeout
        )

    def purge(self) -> None:
        """Delete all messages (AWS: PurgeQueue, once in 60 seconds)."""
        self._ask("PurgeQueue")

    def attributes(self, *names: str) -> dict[str, str]:
        """All attributes, or the named ones, by AWS's names (AWS: GetQueueAttributes)."""
        told: dict[str, str] = self._ask("GetQueueAttributes", AttributeNames=list(names or ("All",))).get(
            "Attributes", {}
        )
        return told

    def set_attributes(self, attributes: Mapping[str, str | int | bool]) -> None:
        """Change attributes by AWS's names, `{"VisibilityTimeout": 60}` (AWS: SetQueueAttributes)."""
        given = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in attributes.items()
        }
        self._ask("SetQueueAttributes", Attributes=given)

    def redrive(self, destination: str | None = None, *, max_messages_per_second: int | None = None) -> str:
        """Have this dead-letter queue's messages sent anew, to their own queues or to the named one, while time goes on
        (AWS: StartMessageMoveTask). Returns the task's handle.
        """
        arn = self._driver.region.sqs.room.arn
        members: dict[str, object] = {"SourceArn": arn(self.name)}
        if destination is not None:
            members["DestinationArn"] = arn(destination)
        if max_messages_per_second is not None:
            members["MaxNumberOfMessagesPerSecond"] = max_messages_per_second
        handle: str = self._ask("StartMessageMoveTask", **members)["TaskHandle"]
        return handle

    def redrives(self) -> list[dict[str, Any]]:
        """The latest redrive tasks of this queue, newest first (AWS: ListMessageMoveTasks)."""
        told: list[dict[str, Any]] = self._ask(
            "ListMessageMoveTasks", SourceArn=self._driver.region.sqs.room.arn(self.name), MaxResults=10
        )["Results"]
        return told

    def cancel_redrive(self, task_handle: str) -> int:
        """End a running task; returns how many messages it has moved (AWS: CancelMessageMoveTask)."""
        told: int = self._ask("CancelMessageMoveTask", TaskHandle=task_handle)[
            "ApproximateNumberOfMessagesMoved"
        ]
        return told

    def counts(self) -> Counts:
        """How many messages are visible, hidden and delayed."""
        return self._driver.region.queues[self.name].queue.counts()

    def messages(self) -> list[Message]:
        """All messages that are in the queue, oldest first; looking does not receive them."""
        return self._driver.region.queues[self.name].queue.peek()

    def _ask(self, action: str, **members: object) -> dict[str, Any]:
        _, got = self._submit(action, members)
        return queue_answer(got[0])

    def _submit(self, action: str, members: Mapping[str, object]) -> tuple[int, list[Reply]]:
        got: list[Reply] = []
        ticket = self._driver.ticket(got.append)
        self._driver.submit(SqsCall(ticket, action, {"QueueUrl": self.name, **members}))
        self._wake()
        return ticket, got


@define(eq=False)
class BlockingQueueHandle(QueueHandle):
    """A queue whose receives wait."""

    _answer: Callable[[list[Reply]], Reply] = field(repr=False)

    def receive(
        self,
        max_number_of_messages: int = 1,
        *,
        wait_time_seconds: int | None = None,
        visibility_timeout: int | None = None,
        receive_request_attempt_id: str | None = None,
    ) -> list[ReceivedMessage]:
        """Up to ten messages (AWS: ReceiveMessage). With a wait, which is the queue's where none is given, time goes on
        until a message shows or the wait is over.
        """
        members = _receive(
            max_number_of_messages, wait_time_seconds, visibility_timeout, receive_request_attempt_id
        )
        _, got = self._submit("ReceiveMessage", members)
        return _received(queue_answer(self._answer(got)))


@define(eq=False)
class AsyncQueueHandle(QueueHandle):
    """A queue whose receives are awaited."""

    _answer: Callable[[int, list[Reply]], Awaitable[Reply]] = field(repr=False)

    async def receive(
        self,
        max_number_of_messages: int = 1,
        *,
        wait_time_seconds: int | None = None,
        visibility_timeout: int | None = None,
        receive_request_attempt_id: str | None = None,
    ) -> list[ReceivedMessage]:
        """Up to ten messages (AWS: ReceiveMessage). With a wait, which is the queue's where none is given, time goes on
        until a message shows or the wait is over. Messages for a receive that was cancelled show again when their
        visibility timeout ends, as on AWS.
        """
        members = _receive(
            max_number_of_messages, wait_time_seconds, visibility_timeout, receive_request_attempt_id
        )
        ticket, got = self._submit("ReceiveMessage", members)
        return _received(queue_answer(await self._answer(ticket, got)))


_ENTRY = {
    "body": "MessageBody",
    "attributes": "MessageAttributes",
    "delay_seconds": "DelaySeconds",
    "message_group_id": "MessageGroupId",
    "message_deduplication_id": "MessageDeduplicationId",
    "trace_header": "MessageSystemAttributes",
}


def _entry(given: Mapping[str, Any]) -> dict[str, Any]:
    """A message as the request has it. Raises TypeError for a name that `send` does not have."""
    unknown = given.keys() - _ENTRY.keys()
    if unknown:
        raise TypeError(f"a message has no {', '.join(sorted(unknown))}. It has: {', '.join(_ENTRY)}.")
    told = {_ENTRY[name]: value for name, value in given.items() if value is not None}
    if "MessageAttributes" in told:
        told["MessageAttributes"] = answered(normalised(told["MessageAttributes"]))
    if "MessageSystemAttributes" in told:
        header = {"StringValue": told["MessageSystemAttributes"], "DataType": "String"}
        told["MessageSystemAttributes"] = {"AWSTraceHeader": header}
    return told


def _sent(told: Mapping[str, Any]) -> SentMessage:
    return SentMessage(told["MessageId"], told.get("SequenceNumber"))


def _handle(received: ReceivedMessage | str) -> str:
    return received.receipt_handle if isinstance(received, ReceivedMessage) else received


def _receive(count: int, wait: int | None, visibility: int | None, attempt: str | None) -> dict[str, object]:
    optional = {
        "WaitTimeSeconds": wait,
        "VisibilityTimeout": visibility,
        "ReceiveRequestAttemptId": attempt,
    }
    return {
        "MaxNumberOfMessages": count,
        "MessageSystemAttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
        **{name: value for name, value in optional.items() if value is not None},
    }


def _received(told: Mapping[str, Any]) -> list[ReceivedMessage]:
    return [
        ReceivedMessage(
            one["MessageId"],
            one["ReceiptHandle"],
            one["Body"],
            one.get("Attributes", {}),
            one.get("MessageAttributes", {}),
        )
        for one in told.get("Messages", [])
    ]
