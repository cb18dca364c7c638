"""Random calls on queues: nothing but AWS's errors is raised, no message is lost, each entry of a batch is answered once."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lambdarun.model.declarations import Project
from lambdarun.model.draws import Draws
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.queue_records import MessageDeduplicated, MessagesDeleted
from lambdarun.model.records import MessageExpired
from lambdarun.model.region import Region
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_receipts import GONE
from lambdarun.model.sqs_receiving import LongPoll

ARN = "arn:aws:sqs:us-east-1:123456789012"
NAMES = ("plain", "dead", "ordered.fifo", "dead.fifo")
JUNK: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 50_000), st.text(max_size=5), st.binary(max_size=3),
    st.lists(st.text(max_size=2), max_size=2), st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=2),
)  # fmt: skip
ACTIONS = {
    "CreateQueue": ("QueueName", "Attributes", "tags"),
    "DeleteQueue": (),
    "GetQueueUrl": ("QueueName", "QueueOwnerAWSAccountId"),
    "ListQueues": ("QueueNamePrefix", "MaxResults", "NextToken"),
    "GetQueueAttributes": ("AttributeNames",),
    "SetQueueAttributes": ("Attributes",),
    "PurgeQueue": (),
    "ListDeadLetterSourceQueues": ("MaxResults", "NextToken"),
    "SendMessage": ("MessageBody", "DelaySeconds", "MessageAttributes", "MessageSystemAttributes", "MessageGroupId", "MessageDeduplicationId"),
    "SendMessageBatch": ("Entries",),
    "ReceiveMessage": ("MaxNumberOfMessages", "VisibilityTimeout", "WaitTimeSeconds", "AttributeNames", "MessageAttributeNames", "ReceiveRequestAttemptId"),
    "DeleteMessage": ("ReceiptHandle",),
    "DeleteMessageBatch": ("Entries",),
    "ChangeMessageVisibility": ("ReceiptHandle", "VisibilityTimeout"),
    "ChangeMessageVisibilityBatch": ("Entries",),
    "StartMessageMoveTask": ("SourceArn", "DestinationArn", "MaxNumberOfMessagesPerSecond"),
    "CancelMessageMoveTask": ("TaskHandle",),
    "ListMessageMoveTasks": ("SourceArn", "MaxResults"),
    "TagQueue": ("Tags",),
    "UntagQueue": ("TagKeys",),
    "ListQueueTags": (),
    "AddPermission": ("Label", "Actions", "AWSAccountIds"),
    "RemovePermission": ("Label",),
    "Other": (),
}  # fmt: skip


class CallsLoseNoMessage(RuleBasedStateMachine):
    """Whatever is asked, each message that was taken is in a queue, or it is known what ended it."""

    def __init__(self) -> None:
        super().__init__()
        self.region = Region(Project(), Draws(0))
        self.now = Instant(1_700_000_000 * SECOND)
        self.bodies: dict[str, str] = {}
        """Of all messages that were ever seen, by id."""
        self.expected: list[str] = []
        """Bodies, each its own, of the messages that must be in a queue."""
        self.handles: list[tuple[str, str]] = []
        self.tasks: list[str] = []
        self.sent = 0

    @initialize()
    def there_are_queues(self) -> None:
        for name in NAMES:
            fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if name.endswith("fifo") else {}
            self.call("CreateQueue", QueueName=name, Attributes=fifo)
        for name, dead in (("plain", "dead"), ("ordered.fifo", "dead.fifo")):
            policy = json.dumps({"deadLetterTargetArn": f"{ARN}:{dead}", "maxReceiveCount": 2})
            self.call("SetQueueAttributes", QueueUrl=name, Attributes={"RedrivePolicy": policy})

    def call(self, action: str, **members: Any) -> Any:
        """The answer; None where AWS refuses."""
        gone = self._emptied_by(action, members)
        try:
            told = self.region.sqs.call(self.now, action, members)
        except SqsError as refused:
            self._refused(refused)
            return None
        for body in gone:
            self.expected.remove(body)
        if not isinstance(told, LongPoll):
            json.dumps(told)
        self._took(action, members, told)
        self._step()
        if isinstance(told, LongPoll):
            return None
        return told

    def _refused(self, error: SqsError) -> None:
        assert error.code
        assert error.message
        assert 400 <= error.status < 500
        self._step()

    def _emptied_by(self, action: str, members: dict[str, Any]) -> list[str]:
        if action not in ("PurgeQueue", "DeleteQueue"):
            return []
        polled = self.region.queues.get(str(members.get("QueueUrl")))
        if polled is None:
            return []
        # What has expired by now is told as expired.
        polled.queue.advance(self.now, self.region.admission.records)
        self._read_records()
        return [message.body for message in polled.queue.peek()]

    def _took(self, action: str, members: dict[str, Any], told: Any) -> None:
        duplicates = {
            one.message_id for one in self.region.admission.records if isinstance(one, MessageDeduplicated)
        }
        if action == "SendMessage":
            sent = [(members["MessageBody"], told["MessageId"])]
        elif action == "SendMessageBatch":
            bodies = {entry["Id"]: entry.get("MessageBody") for entry in members["Entries"]}
            sent = [(bodies[one["Id"]], one["MessageId"]) for one in told.get("Successful", [])]
        else:
            return
        for body, own in sent:
            if own not in duplicates:
                self.bodies[own] = body
                self.expected.append(body)

    def _step(self) -> None:
        self._read_records()
        records, _ = self.region.advance(self.now)
        self._read(records)
        for polled in self.region.queues.values():
            for message in polled.queue.peek():
                self.bodies.setdefault(message.id, message.body)

    def _read_records(self) -> None:
        self._read(self.region.admission.records)
        self.region.admission.records.clear()

    def _read(self, records: list[Any]) -> None:
        for one in records:
            if isinstance(one, MessagesDeleted):
                for own in one.message_ids:
                    if own != GONE:
                        self.expected.remove(self.bodies[own])
            elif isinstance(one, MessageExpired):
                self.expected.remove(self.bodies[one.message_id])

    @rule(name=st.sampled_from(NAMES), group=st.sampled_from("gh"), delay=st.sampled_from([None, 0, 5]))
    def somebody_sends(self, name: str, group: str, delay: int | None) -> None:
        self.sent += 1
        members: dict[str, Any] = {"MessageBody": f"message {self.sent}"}
        if name.endswith("fifo"):
            members["MessageGroupId"] = group
        elif delay is not None:
            members["DelaySeconds"] = delay
        self.call("SendMessage", QueueUrl=name, **members)

    @rule(
        name=st.sampled_from(NAMES),
        count=st.integers(1, 10),
        hidden=st.sampled_from([None, 0, 1, 60]),
        wait=st.sampled_from([0, 3]),
    )
    def somebody_receives(self, name: str, count: int, hidden: int | None, wait: int) -> None:
        members: dict[str, Any] = {"MaxNumberOfMessages": count, "WaitTimeSeconds": wait}
        if hidden is not None:
            members["VisibilityTimeout"] = hidden
        told = self.call("ReceiveMessage", QueueUrl=name, **members)
        if told is not None:
            assert len(told.get("Messages", [])) <= count
            self.handles += [(name, one["ReceiptHandle"]) for one in told.get("Messages", [])]

    @rule(
        data=st.data(),
        action=st.sampled_from(["DeleteMessage", "ChangeMessageVisibility"]),
        hidden=st.integers(0, 43_200),
    )
    def somebody_uses_a_receipt(self, data: st.DataObject, action: str, hidden: int) -> None:
        if self.handles:
            name, handle = data.draw(st.sampled_from(self.handles))
            self.call(action, QueueUrl=name, ReceiptHandle=handle, VisibilityTimeout=hidden)

    @rule(
        data=st.data(),
        action=st.sampled_from(["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"]),
    )
    def somebody_sends_a_batch(self, data: st.DataObject, action: str) -> None:
        name = data.draw(st.sampled_from(NAMES))
        entries = []
        for number in range(data.draw(st.integers(1, 4))):
            self.sent += 1
            entry: dict[str, Any] = {"Id": str(number)}
            if action == "SendMessageBatch":
                entry["MessageBody"] = data.draw(st.sampled_from([f"message {self.sent}", "", "\x01"]))
                entry["MessageGroupId"] = data.draw(st.sampled_from(["g", "h"]))
            else:
                own = [handle for queue, handle in self.handles if queue == name]
                entry["ReceiptHandle"] = data.draw(st.sampled_from([*own, "garbage"]))
                entry["VisibilityTimeout"] = data.draw(st.integers(-1, 43_201))
            entries.append(entry)
        told = self.call(action, QueueUrl=name, Entries=entries)
        if told is not None:
            named = [one["Id"] for one in [*told.get("Successful", []), *told.get("Failed", [])]]
            assert sorted(named) == [entry["Id"] for entry in entries]

    @rule(name=st.sampled_from(["dead", "dead.fifo"]), rate=st.sampled_from([None, 1]), own=st.booleans())
    def somebody_redrives(self, name: str, rate: int | None, own: bool) -> None:
        members: dict[str, Any] = {"SourceArn": f"{ARN}:{name}"}
        if rate is not None:
            members["MaxNumberOfMessagesPerSecond"] = rate
        if not own:
            members["DestinationArn"] = f"{ARN}:{'ordered.fifo' if name.endswith('fifo') else 'plain'}"
        told = self.call("StartMessageMoveTask", **members)
        if told is not None:
            self.tasks.append(told["TaskHandle"])

    @rule(seconds=st.sampled_from([1, 5, 61, 400_000]))
    def time_passes(self, seconds: int) -> None:
        until = Instant(self.now + seconds * SECOND)
        while (due := self.region.next_due()) is not None and due <= until:
            assert due > self.now
            self.now = due
            self._step()
        self.now = until
        self._step()

    @rule(data=st.data(), action=st.sampled_from(sorted(ACTIONS)))
    def somebody_asks_for_anything(self, data: st.DataObject, action: str) -> None:
        known: dict[str, Any] = {
            "QueueName": st.sampled_from(NAMES),
            "ReceiptHandle": st.sampled_from([handle for _, handle in self.handles] or [""]),
            "TaskHandle": st.sampled_from(self.tasks or [""]),
            "SourceArn": st.sampled_from([f"{ARN}:{name}" for name in NAMES]),
            "Entries": st.lists(st.dictionaries(st.sampled_from(["Id", "MessageBody", "ReceiptHandle"]), JUNK, max_size=3), max_size=3),
            "Attributes": st.dictionaries(
                st.sampled_from(["DelaySeconds", "Policy", "RedrivePolicy", "RedriveAllowPolicy", "FifoQueue", "KmsMasterKeyId", "X"]),
                st.sampled_from(["1", "", "true", "{}", '{"a": [1]}', '{"redrivePermission": "denyAll"}', "["]),
                max_size=2,
            ),
        }  # fmt: skip
        members: dict[str, Any] = {"QueueUrl": data.draw(st.sampled_from([*NAMES, "", 3]))}
        for name in ACTIONS[action]:
            members[name] = data.draw(st.one_of(JUNK, known[name]) if name in known else JUNK)
        # A body twice would be two of the same.
        if isinstance(members.get("MessageBody"), str):
            self.sent += 1
            members["MessageBody"] += f" {self.sent}"
        if action == "SendMessageBatch" and isinstance(members.get("Entries"), list):
            for number, entry in enumerate(members["Entries"]):
                if isinstance(entry, dict) and isinstance(entry.get("MessageBody"), str):
                    entry["MessageBody"] += f" {self.sent}/{number}"
        self.call(action, **members)

    @invariant()
    def every_message_is_somewhere(self) -> None:
        found = [message.body for polled in self.region.queues.values() for message in polled.queue.peek()]
        assert sorted(found) == sorted(self.expected)


TestCallsLoseNoMessage = CallsLoseNoMessage.TestCase
TestCallsLoseNoMessage.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
