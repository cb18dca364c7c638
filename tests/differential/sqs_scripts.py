"""Random scripts of calls on queues, by seed: what two queue services are asked alike.

A script names queues and receipts by number, since each service has its own URLs and handles for them: `{"$queue": 0}` is the
first name that the script made up, `{"$receipt": 3}` the fourth message that was received.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field

ACCOUNT = "123456789012"
ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}"
Step = tuple[str, dict[str, Any]]
NAMES = ("plain", "dead", "ordered.fifo", "dead.fifo", "other")
# Nothing that a clock decides: what is hidden or delayed stays so, or not at all.
HIDDEN = (0, 0, 30, 600)


@define
class Script:
    """Makes up one script."""

    chance: random.Random
    odd: bool
    """Whether it asks for what is refused, too. What one service takes and the other refuses ends a script early."""
    steps: list[Step] = field(factory=list)

    def write(self, length: int) -> list[Step]:
        """A script of that length, after its queues are made."""
        dice = self.chance
        for name in dice.sample(NAMES, dice.randint(1, 4)):
            self._create(name)
        makers: list[Callable[[], None]] = [
            *[self._send] * 6, *[self._send_batch] * 2, *[self._receive] * 7, *[self._delete] * 3, self._delete_batch,
            *[self._change] * 3, self._change_batch, *[self._attributes] * 2, *[self._set] * 2, self._purge, self._list,
            self._url, self._sources, self._tags, self._permission, self._anew, self._close, self._redrive,
        ]  # fmt: skip
        while len(self.steps) < length:
            dice.choice(makers)()
        return self.steps

    def _add(self, action: str, **members: Any) -> None:
        self.steps.append((action, {name: value for name, value in members.items() if value is not None}))

    def _queue(self) -> dict[str, str]:
        return {"$queue": self.chance.choice(NAMES)}

    def _pick(self, good: Sequence[Any], odd: Sequence[Any]) -> Any:
        return self.chance.choice([*good, *odd] if self.odd else good)

    def _sometimes(self, value: Any, share: float = 0.3) -> Any:
        return value if self.chance.random() < share else None

    def _create(self, name: str) -> None:
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        if name.endswith(".fifo") and self.chance.random() < 0.6:
            attributes["ContentBasedDeduplication"] = "true"
        if self.chance.random() < 0.3:
            attributes["VisibilityTimeout"] = self.chance.choice(("0", "30"))
        self._add("CreateQueue", QueueName=name, Attributes=attributes)

    def _anew(self) -> None:
        name = self._pick(NAMES, ("no name", "x" * 81, "plain.fifo", "unmade"))
        fifo = {"FifoQueue": "true"} if name.endswith(".fifo") and not self.odd else {}
        attributes = self._pick(
            (fifo, {**fifo, "DelaySeconds": "0"}, {**fifo, "DelaySeconds": "900"}),
            ({"FifoQueue": "true"}, {"VisibilityTimeout": "43201"}),
        )
        self._add("CreateQueue", QueueName=name, Attributes=attributes)

    def _close(self) -> None:
        if self.chance.random() < 0.4:
            self._add("DeleteQueue", QueueUrl=self._queue())

    def _message(self, fifo: bool = False) -> dict[str, Any]:
        body = self._pick(("one", "two", "three", "vier ü"), ("", "\x01", "x" * 2_000))
        attributes = self._pick(
            (
                None, None, None, {"a": {"DataType": "String", "StringValue": "v"}},
                {"n": {"DataType": "Number", "StringValue": "6"}, "b.c": {"DataType": "Binary", "BinaryValue": "eA=="}},
                {"a": {"DataType": "String.own", "StringValue": "v"}},
            ),
            (
                {"n": {"DataType": "Number", "StringValue": "six"}}, {"a": {"DataType": "String", "StringValue": ""}},
                {"a": {"DataType": "Other", "StringValue": "v"}}, {"a!": {"DataType": "String", "StringValue": "v"}},
                {"aws.a": {"DataType": "String", "StringValue": "v"}},
                {f"a{number}": {"DataType": "String", "StringValue": "v"} for number in range(11)},
            ),
        )  # fmt: skip
        group = self._pick(("g1", "g2"), ("g 3", ""))
        own = self._pick(("d1", "d2", "d3", "d4"), ("d 3",))
        return {
            "MessageBody": body,
            "MessageAttributes": attributes,
            "DelaySeconds": None
            if fifo and not self.odd
            else self._sometimes(self._pick((0, 900), (901, -1)), 0.15),
            "MessageGroupId": self._sometimes(group, 0.7 if self.odd else fifo),
            "MessageDeduplicationId": self._sometimes(own, 0.3 if self.odd else fifo),
        }

    def _send(self) -> None:
        queue = self._queue()
        self._add("SendMessage", QueueUrl=queue, **self._message(queue["$queue"].endswith(".fifo")))

    def _send_batch(self) -> None:
        ids = self._pick((["a", "b"], ["a", "b", "c"]), (["a", "a"], ["!"], [], [str(n) for n in range(11)]))
        queue, entries = self._queue(), []
        for own in ids:
            entry = {"Id": own, **self._message(queue["$queue"].endswith(".fifo"))}
            entries.append({name: value for name, value in entry.items() if value is not None})
        self._add("SendMessageBatch", QueueUrl=queue, Entries=entries)

    def _receive(self) -> None:
        dice = self.chance
        self._add(
            "ReceiveMessage",
            QueueUrl=self._queue(),
            MaxNumberOfMessages=self._sometimes(self._pick((1, 2, 10, 10), (0, 11)), 0.7),
            VisibilityTimeout=self._sometimes(self._pick(HIDDEN, (-1, 43_201)), 0.6),
            WaitTimeSeconds=self._sometimes(self._pick((0,), (21, -1)), 0.2),
            AttributeNames=self._sometimes(
                dice.choice((["All"], ["SenderId", "ApproximateReceiveCount"], [])), 0.5
            ),
            MessageAttributeNames=self._sometimes(
                dice.choice((["All"], [".*"], ["a"], ["b.*"], ["none"])), 0.5
            ),
        )

    def _receipt(self) -> Any:
        return self._pick([{"$receipt": self.chance.randrange(6)}] * 9, ["garbage"])

    def _delete(self) -> None:
        self._add("DeleteMessage", QueueUrl={"$of": 1}, ReceiptHandle=self._receipt())

    def _delete_batch(self) -> None:
        entries = [{"Id": own, "ReceiptHandle": self._receipt()} for own in self._pick(("ab", "a"), ("aa",))]
        self._add("DeleteMessageBatch", QueueUrl={"$of": 1}, Entries=entries)

    def _change(self) -> None:
        seconds = self._pick(HIDDEN, (43_200, 43_201, -1))
        self._add(
            "ChangeMessageVisibility",
            QueueUrl={"$of": 1},
            ReceiptHandle=self._receipt(),
            VisibilityTimeout=seconds,
        )

    def _change_batch(self) -> None:
        entries = [
            {"Id": own, "ReceiptHandle": self._receipt(), "VisibilityTimeout": self._pick(HIDDEN, (43_201,))}
            for own in self.chance.choice(("ab", "a"))
        ]
        self._add("ChangeMessageVisibilityBatch", QueueUrl={"$of": 1}, Entries=entries)

    def _attributes(self) -> None:
        names = self._pick((["All"], ["VisibilityTimeout", "QueueArn"]), (["Other"], []))
        self._add("GetQueueAttributes", QueueUrl=self._queue(), AttributeNames=names)

    def _set(self) -> None:
        attributes = self._pick(
            ({"VisibilityTimeout": "0"}, {"VisibilityTimeout": "30"}, {"DelaySeconds": "0"}, {"MaximumMessageSize": "1024"}),
            (
                {"VisibilityTimeout": "43201"}, {"MaximumMessageSize": "1"}, {"DelaySeconds": "x"}, {"FifoQueue": "true"},
                {"FifoQueue": "false"}, {"ContentBasedDeduplication": "true"}, {"Other": "1"}, {"Policy": "x"},
                {"DeduplicationScope": "messageGroup"}, {"Policy": ""}, {"KmsMasterKeyId": "key"},
            ),
        )  # fmt: skip
        self._add("SetQueueAttributes", QueueUrl=self._queue(), Attributes=attributes)

    def _redrive(self) -> None:
        queue = self._queue()
        own = "dead.fifo" if queue["$queue"].endswith(".fifo") else "dead"
        target, count = self._pick((own,), (*NAMES, "unmade")), self._pick((1, 2, "3"), (0,))
        text = json.dumps({"deadLetterTargetArn": f"{ARN}:{target}", "maxReceiveCount": count})
        text = self._pick([text] * 6, ["", "{}", "x"])
        self._add("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": text})

    def _purge(self) -> None:
        self._add("PurgeQueue", QueueUrl=self._queue())

    def _list(self) -> None:
        self._add("ListQueues", QueueNamePrefix=self._sometimes(self.chance.choice(("dead", "x")), 0.5))

    def _url(self) -> None:
        self._add("GetQueueUrl", QueueName=self.chance.choice(NAMES))

    def _sources(self) -> None:
        self._add("ListDeadLetterSourceQueues", QueueUrl=self._queue())

    def _tags(self) -> None:
        queue = self._queue()
        self._add("TagQueue", QueueUrl=queue, Tags=self._pick(({"a": "1"}, {"b": "2", "c": ""}), ({},)))
        self._add("UntagQueue", QueueUrl=queue, TagKeys=self._pick((["a"], ["none"]), ([],)))
        self._add("ListQueueTags", QueueUrl=queue)

    def _permission(self) -> None:
        queue, label = self._queue(), self.chance.choice("lm")
        actions = self._pick((["SendMessage"], ["*"], ["SendMessage", "ReceiveMessage"]), (["Other"], []))
        accounts = self._pick((["111111111111"],), ([],))
        self._add("AddPermission", QueueUrl=queue, Label=label, Actions=actions, AWSAccountIds=accounts)
        self._add("GetQueueAttributes", QueueUrl=queue, AttributeNames=["Policy"])
        self._add("RemovePermission", QueueUrl=queue, Label=self.chance.choice("lm"))


def script(seed: int, length: int = 30) -> list[Step]:
    """The script of that seed: every second one has refusals in it."""
    return Script(random.Random(f"sqs:{seed}"), odd=seed % 2 == 1).write(length)
