"""What the recorded tests of SQS's API did, done again here, in virtual time.

The older Query protocol answers the same members as XML, and its errors without the JSON protocol's code: `query` says that
a recording was made by it.
"""

from __future__ import annotations

import ast
import base64
import json
from typing import Any

from lambdarun.model.declarations import Account, Project
from lambdarun.model.draws import Draws
from lambdarun.model.effects import Answer, SqsReply
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.news import SqsCall
from lambdarun.model.region import Region
from lambdarun.model.sqs_error import SqsError
from tests.oracles.scenarios import ACCOUNT, Stage

START = Instant(1_714_483_976 * SECOND)
FIFO = {"FifoQueue": "true"}
BY_CONTENT = {**FIFO, "ContentBasedDeduplication": "true"}
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


class Caller:
    """A client of an account's queues."""

    def __init__(self, query: bool = False, account: Account = ACCOUNT) -> None:
        self.query = query
        self.account = account
        self.now = START
        self.region = Region(Project(account=account), Draws(0))
        self.tickets = 0
        self.made = 0

    def ask(self, action: str, **members: Any) -> Any:
        """The answer, or the error as botocore shows it; who waits for a message lets time go on."""
        self.tickets = ticket = self.tickets + 1
        self.region.take(self.now, SqsCall(ticket, action, members))
        while True:
            _, effects = self.region.advance(self.now)
            for effect in effects:
                if isinstance(effect, Answer) and effect.ticket == ticket:
                    assert isinstance(effect.reply, SqsReply)
                    told = effect.reply.answer
                    return self.error(told) if isinstance(told, SqsError) else told
            due = self.region.next_due()
            assert due is not None
            self.now = due

    def error(self, told: SqsError) -> dict[str, Any]:
        error = {
            "Code": told.code,
            "Message": told.message,
            "Type": "Sender" if told.sender_fault else "Receiver",
        }
        if self.query:
            error["Message"] = told.query_message
        else:
            error["QueryErrorCode"] = told.query_code
        return {"Error": error, "StatusCode": told.status}

    def sleep(self, seconds: float) -> None:
        until = Instant(self.now + round(seconds * SECOND))
        while (due := self.region.next_due()) is not None and due <= until:
            self.now = due
            self.region.advance(due)
        self.now = until
        self.region.advance(until)

    def create(self, name: str = "", **attributes: str) -> str:
        """A queue's URL."""
        self.made += 1
        end = ".fifo" if "FifoQueue" in attributes else ""
        made = self.ask("CreateQueue", QueueName=name or f"queue-{self.made}{end}", Attributes=attributes)
        url: str = made["QueueUrl"]
        return url

    def arn(self, url: str) -> str:
        return self.account.queue_arn(url.rpartition("/")[2])

    def send(self, url: str, body: str = "message", **members: Any) -> Any:
        return self.ask("SendMessage", QueueUrl=url, MessageBody=body, **members)

    def receive(self, url: str, **members: Any) -> Any:
        return self.ask("ReceiveMessage", QueueUrl=url, **members)

    def one(self, url: str, **members: Any) -> Any:
        return self.receive(url, **members)["Messages"][0]

    def handle(self, url: str, **members: Any) -> str:
        handle: str = self.one(url, **members)["ReceiptHandle"]
        return handle

    def attributes(self, url: str, *names: str) -> Any:
        return self.ask("GetQueueAttributes", QueueUrl=url, AttributeNames=list(names or ("All",)))

    def set(self, url: str, **attributes: str) -> Any:
        return self.ask("SetQueueAttributes", QueueUrl=url, Attributes=attributes)

    def count(self, url: str, name: str = "ApproximateNumberOfMessages") -> int:
        return int(self.attributes(url, name)["Attributes"][name])

    def dead_letter_pair(self, count: int = 1, **attributes: str) -> tuple[str, str]:
        """A queue and its dead-letter queue."""
        dead = self.create(**attributes)
        policy = json.dumps({"deadLetterTargetArn": self.arn(dead), "maxReceiveCount": count})
        return self.create(**attributes, RedrivePolicy=policy), dead


def max_number_of_messages(stage: Stage, query: bool = False) -> Any:
    sqs = Caller(query)
    url = sqs.create()
    sqs.send(url)
    return {"send_max_number_of_messages": sqs.receive(url, MaxNumberOfMessages=11)}


def oversized(stage: Stage, most: int, query: bool = False) -> Any:
    sqs = Caller(query)
    url = sqs.create()
    if most != 1_048_576:
        sqs.set(url, MaximumMessageSize=str(most))
    assert "MessageId" in sqs.send(url, "a" * most)
    told = sqs.send(url, "a" * (most - 7), MessageAttributes={"k": _text("x")})
    return {"send_oversized_message": told}


def oversized_batch(stage: Stage, size: int, most: int | None = None, query: bool = False) -> Any:
    sqs = Caller(query)
    url = sqs.create()
    if most is not None:
        sqs.set(url, MaximumMessageSize=str(most))
    entries = [
        {"Id": "1", "MessageBody": "a" * (size - 8), "MessageAttributes": {"k": _text("x")}},
        {"Id": "2", "MessageBody": "a"},
    ]
    return {"send_oversized_message_batch": sqs.ask("SendMessageBatch", QueueUrl=url, Entries=entries)}


def tags(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create()
    told = {}
    sqs.ask("TagQueue", QueueUrl=url, Tags={"tag1": "value1", "tag2": "value2", "tag3": ""})
    told["get-tag-1"] = sqs.ask("ListQueueTags", QueueUrl=url)
    sqs.ask("UntagQueue", QueueUrl=url, TagKeys=["tag1", "tag3"])
    told["get-tag-2"] = sqs.ask("ListQueueTags", QueueUrl=url)
    sqs.ask("UntagQueue", QueueUrl=url, TagKeys=["tag2"])
    told["get-tag-after-untag"] = sqs.ask("ListQueueTags", QueueUrl=url)
    return told


def created_fifo_anew(stage: Stage) -> Any:
    sqs = Caller()
    sqs.create("queue.fifo", **BY_CONTENT)
    other = {**FIFO, "ContentBasedDeduplication": "false"}
    return {"queue-already-exists": sqs.ask("CreateQueue", QueueName="queue.fifo", Attributes=other)}


def created_anew(stage: Stage) -> Any:
    sqs = Caller()
    first = {"ReceiveMessageWaitTimeSeconds": "1", "DelaySeconds": "1"}
    second = {**first, "DelaySeconds": "2"}
    url = sqs.create("queue", **first)
    assert sqs.create("queue") == url
    assert sqs.create("queue", DelaySeconds="1") == url
    told = {"create_queue_01": sqs.ask("CreateQueue", QueueName="queue", Attributes=second)}
    sqs.set(url, DelaySeconds="2")
    assert sqs.create("queue", **second) == url
    told["create_queue_02"] = sqs.ask("CreateQueue", QueueName="queue", Attributes=first)
    return told


def attributes_updated(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create(
        MessageRetentionPeriod="604800", ReceiveMessageWaitTimeSeconds="10", VisibilityTimeout="20"
    )
    told = {"get_queue_attributes": sqs.attributes(url)}
    sqs.set(url, MaximumMessageSize="2048", VisibilityTimeout="69", DelaySeconds="420")
    told["get_updated_queue_attributes"] = sqs.attributes(url)
    return told


def visibility_changed_after_its_end(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create(VisibilityTimeout="1")
    sqs.send(url)
    handle = sqs.handle(url)
    sqs.sleep(2)
    told = sqs.ask("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=2)
    return {"visibility_timeout_expired": told}


def emptied_group(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create(**BY_CONTENT)
    sqs.send(url, "Message 1", MessageGroupId="g")
    first = sqs.receive(url)
    sqs.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=first["Messages"][0]["ReceiptHandle"])
    told = {"inital-fifo-receive": first, "empty-fifo-receive": sqs.receive(url, WaitTimeSeconds=1)}
    sqs.send(url, "Message 2", MessageGroupId="g")
    return {**told, "final-fifo-receive": sqs.receive(url)}


def fifo_with_delay(stage: Stage, query: bool = False) -> Any:
    sqs = Caller(query)
    url = sqs.create(**BY_CONTENT)
    return {"send_message": sqs.send(url, MessageGroupId="1", DelaySeconds=2)}


def fifo_system_attributes(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create(
        **BY_CONTENT,
        VisibilityTimeout="0",
        DeduplicationScope="messageGroup",
        FifoThroughputLimit="perMessageGroupId",
    )
    told = {
        "send_message": sqs.send(
            url, "message-body-1", MessageGroupId="group-1", MessageDeduplicationId="dedup-1"
        )
    }
    for number in range(2):
        told[f"receive_message_{number}"] = sqs.receive(url, AttributeNames=["All"], WaitTimeSeconds=10)
    return told


def fifo_receipt_expired(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create(**BY_CONTENT, VisibilityTimeout="1")
    sqs.send(url, MessageGroupId="1")
    handle = sqs.handle(url)
    sqs.sleep(2)
    told = sqs.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=handle)
    # The text of another recording of the same (test_fifo_delete_after_visibility_timeout).
    text = f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    assert told["Error"]["Code"] == "InvalidParameterValue"
    assert told["Error"]["Message"] == text
    return {}


def fifo_receipt_extended(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create(**BY_CONTENT)
    sqs.send(url, "foobar", MessageGroupId="g")
    received = sqs.receive(url, VisibilityTimeout=2)
    handle = received["Messages"][0]["ReceiptHandle"]
    sqs.ask("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=5)
    sqs.sleep(3)
    deleted = sqs.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=handle)
    return {"received_sqs_message": received, "delete_after_timeout_fifo_extended": deleted}


def deduplication_by_content_ended(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create(**BY_CONTENT, SqsManagedSseEnabled="true")
    told = {"before-update": sqs.attributes(url)}
    sqs.set(url, ContentBasedDeduplication="false")
    return {**told, "after-update": sqs.attributes(url)}


def batch_of_twenty(stage: Stage, action: str, member: str, query: bool = False) -> Any:
    sqs = Caller(query)
    url = sqs.create()
    bodies = [{"Id": f"message-{n}", "MessageBody": f"messageBody-{n}"} for n in range(20)]
    if action == "SendMessageBatch":
        return {member: sqs.ask(action, QueueUrl=url, Entries=bodies)}
    for first in (0, 10):
        assert (
            len(sqs.ask("SendMessageBatch", QueueUrl=url, Entries=bodies[first : first + 10])["Successful"])
            == 10
        )
    received = [one for _ in range(2) for one in sqs.receive(url, MaxNumberOfMessages=10)["Messages"]]
    entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(received)]
    if action == "ChangeMessageVisibilityBatch":
        entries = [{**entry, "VisibilityTimeout": 123} for entry in entries]
    return {member: sqs.ask(action, QueueUrl=url, Entries=entries)}


def batch_id(stage: Stage, own: str, member: str, delete: bool = False, query: bool = False) -> Any:
    sqs = Caller(query)
    url = sqs.create()
    if delete:
        entry = {"Id": own, "ReceiptHandle": "testHandle1"}
        return {member: sqs.ask("DeleteMessageBatch", QueueUrl=url, Entries=[entry])}
    return {member: sqs.ask("SendMessageBatch", QueueUrl=url, Entries=[{"Id": own, "MessageBody": "b"}])}


def fifo_batch_without(stage: Stage, missing: str, member: str, query: bool = False) -> Any:
    sqs = Caller(query)
    url = sqs.create(**FIFO, ContentBasedDeduplication="false")
    whole = {
        "MessageBody": "messageBody",
        "MessageGroupId": "test-group",
        "MessageDeduplicationId": "dedup-1",
    }
    entries = [{"Id": "1", **whole}, {"Id": "2", **whole, "MessageDeduplicationId": "dedup-2"}]
    del entries[1][missing]
    told = sqs.ask("SendMessageBatch", QueueUrl=url, Entries=entries)
    assert sqs.count(url) == 0
    return {member: told}


def binary_attribute(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create()
    value = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"
    attributes = {"attr1": {"BinaryValue": value, "DataType": "Binary"}}
    sent = sqs.send(url, "test", MessageAttributes=attributes)
    told = sqs.receive(url, MessageAttributeNames=["All"])
    received = told["Messages"][0]
    assert received["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    held = received["MessageAttributes"]["attr1"]
    held["BinaryValue"] = repr(base64.b64decode(held["BinaryValue"]))
    assert ast.literal_eval(held["BinaryValue"]) == value
    return {"binary-attrs-msg": told}


def empty_attribute(stage: Stage, query: bool = False) -> Any:
    sqs = Caller(query)
    url = sqs.create()
    return {"empty-string-attr": sqs.send(url, "test", MessageAttributes={"ErrorDetails": _text("")})}


def dead_letters(stage: Stage) -> Any:
    sqs = Caller()
    url, dead = sqs.dead_letter_pair()
    attributes = {"MyAttribute": _text("foobar")}
    sqs.send(
        url,
        "message-1",
        MessageAttributes=attributes,
        MessageSystemAttributes={"AWSTraceHeader": _text(TRACE)},
    )
    sqs.send(url, "message-2")
    asked: dict[str, Any] = {
        "MaxNumberOfMessages": 10,
        "MessageAttributeNames": ["All"],
        "AttributeNames": [
            "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SentTimestamp", "AWSTraceHeader",
            "DeadLetterQueueSourceArn",
        ],
    }  # fmt: skip
    first = sqs.receive(url, VisibilityTimeout=0, **asked)["Messages"]
    assert sqs.receive(url, **asked) == {}
    told = {"dlq-arn": sqs.arn(dead), "sourcen-arn": sqs.arn(url), "rec-pre-dlq": first}
    return {**told, "dlq-messages": sqs.receive(dead, **asked)["Messages"]}


def queue_type_of_fifo(stage: Stage, query: bool = False) -> Any:
    sqs = Caller(query)
    told = {"invalid-attr-name-1": sqs.set(sqs.create(), FifoQueue="true")}
    url = sqs.create(**FIFO)
    assert sqs.set(url, FifoQueue="true") == {}
    return {**told, "invalid-attr-name-2": sqs.set(url, FifoQueue="false")}


def queue_type_of_standard(stage: Stage, query: bool = False) -> Any:
    sqs = Caller(query)
    url = sqs.create()
    values = ("true", "false")
    return {f"invalid-attr-name-{n}": sqs.set(url, FifoQueue=value) for n, value in enumerate(values, 1)}


def fifo_attributes_of_standard(stage: Stage) -> Any:
    sqs = Caller()

    def refused(**attributes: str) -> Any:
        return sqs.ask("CreateQueue", QueueName="queue", Attributes=attributes)

    return {
        "invalid-attribute-fifo-queue": refused(FifoQueue="false"),
        "invalid-attribute-content-based-deduplication": refused(ContentBasedDeduplication="false"),
        "invalid-attribute-deduplication-scope": refused(DeduplicationScope="queue"),
        "invalid-attribute-throughput-limit": refused(FifoThroughputLimit="perQueue"),
    }


def duplicate_after_delete(stage: Stage, by_content: bool) -> Any:
    sqs = Caller()
    url = sqs.create(**(BY_CONTENT if by_content else FIFO))
    own = {} if by_content else {"MessageDeduplicationId": "dedup1"}
    sqs.send(url, '{"foo": "bar"}', MessageGroupId="group-1", **own)
    first = sqs.receive(url, WaitTimeSeconds=3)
    sqs.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=first["Messages"][0]["ReceiptHandle"])
    sqs.send(url, '{"foo": "bar"}', MessageGroupId="group-1", **own)
    return {"get-messages": first, "get-messages-duplicate": sqs.receive(url, WaitTimeSeconds=1)}


def duplicate_in_another_group(stage: Stage, by_content: bool) -> Any:
    sqs = Caller()
    url = sqs.create(**(BY_CONTENT if by_content else FIFO))
    own = {} if by_content else {"MessageDeduplicationId": "dedup1"}
    for group in ("group-1", "group-2"):
        sqs.send(url, '{"foo": "bar"}', MessageGroupId=group, **own)
    told = {"get-messages": sqs.receive(url, WaitTimeSeconds=2)}
    return {**told, "get-dedup-messages": sqs.receive(url, WaitTimeSeconds=1)}


def fifo_without_ids(stage: Stage) -> Any:
    told = {}
    for end, query in (("", True), ("-query", False)):
        sqs = Caller(query)
        url = sqs.create(**FIFO)
        told[f"invalid-parameter-value{end}"] = sqs.send(url, MessageGroupId="group")
        told[f"missing-parameter{end}"] = sqs.send(url, MessageDeduplicationId="dedup")
    return told


def purged_twice(stage: Stage, query: bool = False) -> Any:
    sqs = Caller(query)
    url = sqs.create()
    assert sqs.ask("PurgeQueue", QueueUrl=url) == {}
    told = sqs.ask("PurgeQueue", QueueUrl=url)
    sqs.sleep(60)
    assert sqs.ask("PurgeQueue", QueueUrl=url) == {}
    return {"purge_queue_error": told}


def same_id_in_two_groups(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create(**FIFO, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for number in (1, 2):
        sqs.send(url, f"Test{number}", MessageGroupId=f"group-{number}", MessageDeduplicationId="dedup")
    return {f"same-dedup-different-grp-{number}": sqs.receive(url) for number in (1, 2)}


def high_throughput_later(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create(**FIFO)
    wait = {"WaitTimeSeconds": 1}

    def taken() -> Any:
        told = sqs.receive(url, **wait)
        for one in told.get("Messages", []):
            sqs.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return told

    def sent(body: str, group: str, own: str) -> None:
        sqs.send(url, body, MessageGroupId=group, MessageDeduplicationId=own)

    sent("Test1", "g1", "1")
    sent("Test2", "g2", "1")
    told = {"same-dedup-different-grp-1": taken(), "same-dedup-different-grp-2": taken()}
    sqs.set(url, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    told["set-to-high-throughput"] = sqs.attributes(url)
    # What was known to the whole queue before stays known to all of its groups.
    sent("Test3", "g2", "1")
    told["same-dedup-different-grp-high-throughput"] = taken()
    sent("Test3", "g1", "1")
    told["same-dedup-different-grp-high-throughput-2"] = taken()
    sent("Test4", "g1", "2")
    told["new-dedup2-high-throughput"] = taken()
    sent("Test4", "g1", "2")
    return {**told, "same-dedup2-high-throughput": taken()}


def encryption(stage: Stage) -> Any:
    sqs = Caller()
    names = ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
    url = sqs.create()
    sqs.set(
        url, KmsMasterKeyId="testKeyId", KmsDataKeyReusePeriodSeconds="6000", SqsManagedSseEnabled="false"
    )
    told = {"sse_kms_attributes": sqs.attributes(url, *names)}
    url = sqs.create()
    sqs.set(url, SqsManagedSseEnabled="true")
    return {**told, "sse_sqs_attributes": sqs.attributes(url, *names)}


def two_encryptions(stage: Stage) -> Any:
    sqs = Caller()
    error = sqs.set(sqs.create(), KmsMasterKeyId="testKeyId", SqsManagedSseEnabled="true")["Error"]
    said = f"An error occurred ({error['Code']}) when calling the SetQueueAttributes operation: {error['Message']}"
    return {"error": said}


def default_values(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create()
    told = {"get-queue-attributes-initial-values": sqs.attributes(url)}
    sqs.set(url, KmsMasterKeyId="testKeyId", KmsDataKeyReusePeriodSeconds="6000")
    told["get-queue-attributes-after-update"] = sqs.attributes(url)
    sqs.set(
        url, KmsMasterKeyId="", KmsDataKeyReusePeriodSeconds="300", DelaySeconds="0", VisibilityTimeout="30"
    )
    return {**told, "get-queue-attributes-after-set-to-defaults": sqs.attributes(url)}


def attribute_filters(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create(VisibilityTimeout="0")
    attributes = {"Help.Me": _text("Me"), "Hello": _text("There"), "General": _text("Kenobi")}
    told = {"send_message_response": sqs.send(url, "msg", MessageAttributes=attributes)}
    asked = {
        "empty_filter": [],
        "all_name": ["All"],
        "all_wildcard_asterisk": ["*"],
        "all_wildcard": [".*"],
        "only_non_existing_names": ["Foo", "Help"],
        "only_existing": ["Hello", "General"],
        "existing_and_non_existing": ["Foo", "Hello"],
        "prefix_filter": ["Hel.*"],
        "illegal_name_1": ["AWS."],
        "illegal_name_2": ["..foo"],
    }
    for member, names in asked.items():
        answer = sqs.receive(url, WaitTimeSeconds=5, MessageAttributeNames=names)
        whole = member in ("empty_filter", "all_name", "illegal_name_1", "illegal_name_2")
        told[member] = answer if whole else answer["Messages"][0]
    return told


def system_attribute_filters(stage: Stage, member: str) -> Any:
    sqs = Caller()
    url = sqs.create(VisibilityTimeout="0")
    sqs.send(url, "msg", MessageAttributes={"Foo": _text("Bar")})
    return {
        "all_attributes": sqs.receive(url, **{member: ["All"]}),
        "all_system_and_message_attributes": sqs.receive(
            url, **{member: ["All"]}, MessageAttributeNames=["All"]
        ),
        "single_attribute": sqs.receive(url, **{member: ["SenderId"]}),
        "multiple_attributes": sqs.receive(url, **{member: ["SenderId", "SequenceNumber"]}),
    }


def both_names_of_system_attributes(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create(VisibilityTimeout="0")
    sqs.send(url, "msg", MessageAttributes={"Foo": _text("Bar")})
    return {
        "same_values": sqs.receive(url, AttributeNames=["All"], MessageSystemAttributeNames=["All"]),
        "different_values": sqs.receive(
            url, AttributeNames=["SenderId"], MessageSystemAttributeNames=["All"]
        ),
    }


def permissions(stage: Stage) -> Any:
    own = "878966065785"
    sqs = Caller(query=True, account=Account(account_id=own))
    url = sqs.create()
    label, other = "crossaccountpermission", "crossaccountpermission2"

    def add(label: str, *accounts: str) -> Any:
        actions = ["ReceiveMessage"]
        return sqs.ask(
            "AddPermission", QueueUrl=url, AWSAccountIds=list(accounts), Actions=actions, Label=label
        )

    def remove(label: str) -> Any:
        return sqs.ask("RemovePermission", QueueUrl=url, Label=label)

    def policy() -> Any:
        return sqs.attributes(url, "Policy")

    told = {
        "add-permission-response": add(label, own, "668614515564"),
        "get-queue-policy-attribute": policy(),
    }
    told["remove-permission-response"] = remove(label)
    told["get-queue-policy-attribute-after-removal"] = policy()
    add(label, own)
    told["get-queue-policy-attribute-first-account-same-label"] = policy()
    told["get-queue-policy-attribute-second-account-same-label"] = add(label, "668614515564")
    add(other, own)
    told["get-queue-policy-attribute-second-account-different-label"] = policy()
    remove(label)
    told["get-queue-policy-attribute-delete-first-permission"] = policy()
    remove(other)
    told["get-queue-policy-attribute-delete-second-permission"] = policy()
    told["get-queue-policy-attribute-delete-non-existent-label"] = remove(other)
    return json.loads(json.dumps(told).replace(own, "111111111111"))


def missing_queue(stage: Stage) -> Any:
    sqs, old = Caller(), Caller(query=True)
    return {
        "queue-does-not-exist": sqs.ask("GetQueueUrl", QueueName="no-such-queue"),
        "queue-does-not-exist-url": sqs.attributes(f"{sqs.region.sqs.room.url('')}no-such-queue"),
        "queue-does-not-exist-query": old.ask("GetQueueUrl", QueueName="no-such-queue"),
    }


def fifo_dead_letter(stage: Stage) -> Any:
    sqs = Caller()
    url, dead = sqs.dead_letter_pair(2, **BY_CONTENT)
    own = sqs.send(url, "foobar", MessageGroupId="1")["MessageId"]
    for _ in range(3):
        sqs.receive(url, WaitTimeSeconds=1, VisibilityTimeout=0)
    moved = sqs.one(dead, WaitTimeSeconds=10)
    assert (moved["MessageId"], moved["Body"]) == (own, "foobar")
    return {}


def redrive_policy_taken_away(stage: Stage) -> Any:
    sqs = Caller()
    url, _ = sqs.dead_letter_pair()
    assert "RedrivePolicy" in sqs.attributes(url)["Attributes"]
    sqs.set(url, RedrivePolicy="")
    assert "RedrivePolicy" not in sqs.attributes(url)["Attributes"]
    return {}


def wait_times(stage: Stage, query: bool = False) -> Any:
    sqs = Caller(query)
    url = sqs.create()
    told = {
        "recieve_message_error_too_large": sqs.receive(url, WaitTimeSeconds=21),
        "recieve_message_error_too_small": sqs.receive(url, WaitTimeSeconds=-1),
    }
    sqs.send(url)
    told["empty_short_poll_by_default_resp"] = sqs.receive(url)
    sqs.send(url)
    return {**told, "empty_short_poll_explicit_resp": sqs.receive(url, WaitTimeSeconds=0)}


def empty_queue(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create()
    return {
        "empty_short_poll_resp_no_param": sqs.receive(url),
        "empty_short_poll_resp": sqs.receive(url, WaitTimeSeconds=0),
        "empty_long_poll_resp": sqs.receive(url, WaitTimeSeconds=1),
    }


def empty_message(stage: Stage, query: bool = False) -> Any:
    sqs = Caller(query)
    return {"send_empty_message": sqs.send(sqs.create(), "")}


def listed(stage: Stage) -> Any:
    sqs = Caller()
    for number in range(10):
        sqs.create(f"7f7df0f5-test-queue-{number}")
    prefix = {"QueueNamePrefix": "7f7df0f5-test-queue-"}
    two = sqs.ask("ListQueues", **prefix, MaxResults=2)
    rest = sqs.ask("ListQueues", **prefix, MaxResults=8, NextToken=two["NextToken"])
    return {"list_all": sqs.ask("ListQueues", **prefix), "list_two_max": two, "list_remaining": rest}


def trace_header(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create()
    trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    attributes = {"timestamp": {"StringValue": "1493147359900", "DataType": "Number"}}
    sqs.send(
        url, "test", MessageAttributes=attributes, MessageSystemAttributes={"AWSTraceHeader": _text(trace)}
    )
    names = ["SentTimestamp", "AWSTraceHeader"]
    told = sqs.one(url, AttributeNames=names, MessageAttributeNames=["All"])
    assert told["MessageAttributes"] == attributes
    return {"xray-msg": {**told, "MessageAttributes": {"timestamp": "timestamp"}}}


def fair_queue(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create()
    told = {"send_message": sqs.send(url, MessageGroupId="test")}
    return {**told, "get-message-with-deduplication-id": sqs.receive(url, AttributeNames=["All"])}


def odd_group_id(stage: Stage, group: str) -> Any:
    sqs = Caller()
    return {"error-response": sqs.send(sqs.create(), MessageGroupId=group)}


def odd_deduplication_id(stage: Stage, own: str) -> Any:
    sqs = Caller()
    return {"error-response": sqs.send(sqs.create(**FIFO), MessageGroupId="g", MessageDeduplicationId=own)}


def any_punctuation(stage: Stage) -> Any:
    sqs = Caller()
    own = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    assert "MessageId" in sqs.send(sqs.create(**FIFO), MessageGroupId=own, MessageDeduplicationId=own)
    return {}


def not_visible(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create()
    for number in range(6):
        sqs.send(url, str(number))
    sqs.receive(url, MaxNumberOfMessages=2)
    assert sqs.count(url) == 4
    assert sqs.count(url, "ApproximateNumberOfMessagesNotVisible") == 2
    return {}


def fifo_not_visible(stage: Stage) -> Any:
    sqs = Caller()
    url = sqs.create(**BY_CONTENT)
    for group in "12":
        for number in range(3):
            sqs.send(url, f"{group}-{number}", MessageGroupId=group)
    for _ in range(2):
        sqs.receive(url)
    assert sqs.count(url) == 4
    assert sqs.count(url, "ApproximateNumberOfMessagesNotVisible") == 2
    return {}


def group_partly_hidden(stage: Stage, hidden: list[int]) -> Any:
    """Three messages of a group are received, and those of `hidden` are kept from showing again with the others."""
    sqs = Caller()
    url = sqs.create(**BY_CONTENT)
    for body in ("foo", "bar", "baz"):
        sqs.send(url, body, MessageGroupId="g")
    received = sqs.receive(url, MaxNumberOfMessages=10, VisibilityTimeout=2)
    for number in hidden:
        handle = received["Messages"][number]["ReceiptHandle"]
        sqs.ask("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=30)
    sqs.sleep(2)
    # Two of them, since with none hidden two were recorded: the recordings do not tell what was asked.
    return {
        "receive_all_messages": received,
        "some-messages-invisible": sqs.receive(url, MaxNumberOfMessages=2),
    }


# --- redrive tasks


def _with_dead_letters(count: int) -> tuple[Caller, str, str, str]:
    """A caller, a queue, its dead-letter queue with `count` messages, and a queue beside them."""
    sqs = Caller()
    url, dead = sqs.dead_letter_pair()
    beside = sqs.create()
    for number in range(count):
        sqs.send(url, f"message-{number}")
    for _ in range(2 * count):
        sqs.receive(url, VisibilityTimeout=0)
    assert sqs.count(dead) == count
    return sqs, url, dead, beside


def _start(sqs: Caller, source: str, destination: str | None = None, rate: int | None = None) -> Any:
    members: dict[str, Any] = {"SourceArn": sqs.arn(source)}
    if destination is not None:
        members["DestinationArn"] = sqs.arn(destination)
    if rate is not None:
        members["MaxNumberOfMessagesPerSecond"] = rate
    return sqs.ask("StartMessageMoveTask", **members)


def _tasks(sqs: Caller, source: str) -> Any:
    return sqs.ask("ListMessageMoveTasks", SourceArn=sqs.arn(source))


def source_without_policy(stage: Stage) -> Any:
    sqs = Caller()
    return {"error": _start(sqs, sqs.create(), sqs.create())}


def cancel_elsewhere(stage: Stage, exists: bool) -> Any:
    sqs = Caller()
    url = sqs.create("source")
    told = {
        "taskId": "10f57157-fc38-4da9-a113-4de7e12d05aa",
        "sourceArn": sqs.arn(url if exists else "q/none"),
    }
    handle = base64.b64encode(json.dumps(told).encode()).decode()
    return {"error": sqs.ask("CancelMessageMoveTask", TaskHandle=handle)}


def moved_slowly(stage: Stage) -> Any:
    sqs, _, dead, beside = _with_dead_letters(4)
    told = _start(sqs, dead, beside, 1)
    started, bodies = sqs.now, []
    while len(bodies) < 4:
        bodies += [one["Body"] for one in sqs.receive(beside, WaitTimeSeconds=5).get("Messages", [])]
    assert sorted(bodies) == [f"message-{number}" for number in range(4)]
    assert sqs.now - started >= 3 * SECOND
    return {"start-message-move-task-response": told}


def move_cancelled(stage: Stage) -> Any:
    sqs, _, dead, beside = _with_dead_letters(10)
    handle = _start(sqs, dead, beside, 1)["TaskHandle"]
    for _ in range(2):
        sqs.one(beside, WaitTimeSeconds=5)
    told = {"list-while": _tasks(sqs, dead), "cancel": sqs.ask("CancelMessageMoveTask", TaskHandle=handle)}
    sqs.sleep(5)
    told["list-after"] = _tasks(sqs, dead)
    assert "Messages" in sqs.receive(dead)
    return told


def move_without_destination(stage: Stage) -> Any:
    sqs, _, dead, beside = _with_dead_letters(10)
    _start(sqs, dead, beside, 1)
    sqs.sleep(2.5)
    sqs.ask("DeleteQueue", QueueUrl=beside)
    sqs.sleep(5)
    assert "Messages" in sqs.receive(dead)
    return {"list": _tasks(sqs, dead)}


def two_moves(stage: Stage) -> Any:
    sqs, _, dead, beside = _with_dead_letters(10)
    _start(sqs, dead, beside, 1)
    return {"error": _start(sqs, dead, beside, 1)}


def moved_home(stage: Stage) -> Any:
    sqs, url, dead, _ = _with_dead_letters(2)
    told = {"source-arn": sqs.arn(dead), "original-source": sqs.arn(url)}
    told["start-message-move-task-response"] = _start(sqs, dead)
    sqs.sleep(1)
    assert sqs.count(url) == 2
    return {**told, "list-message-move-task-response": _tasks(sqs, dead)}


def moved_to_two_homes(stage: Stage) -> Any:
    sqs = Caller()
    first, dead = sqs.dead_letter_pair()
    policy = json.dumps({"deadLetterTargetArn": sqs.arn(dead), "maxReceiveCount": "1"})
    second = sqs.create(RedrivePolicy=policy)
    for url in (first, second):
        for number in range(2):
            sqs.send(url, f"message-{number}")
        for _ in range(4):
            sqs.receive(url, VisibilityTimeout=0)
    told = {
        "source-arn": sqs.arn(dead),
        "original-source-1": sqs.arn(first),
        "original-source-2": sqs.arn(second),
    }
    told["start-message-move-task-response"] = _start(sqs, dead)
    sqs.sleep(1)
    assert (sqs.count(first), sqs.count(second)) == (2, 2)
    return {**told, "list-message-move-task-response": _tasks(sqs, dead)}


def _text(value: str) -> dict[str, str]:
    return {"StringValue": value, "DataType": "String"}
