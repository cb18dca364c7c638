"""Calls on queues by the names of their actions: what they answer, and what they refuse, field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdarun.model.declarations import Project
from lambdarun.model.draws import Draws
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.queue import Queue
from lambdarun.model.region import Region
from lambdarun.model.sqs_error import SqsError
from lambdarun.model.sqs_message_attributes import checksum, is_number
from lambdarun.model.sqs_receiving import LongPoll
from tests.oracles.sqs_scenarios import BY_CONTENT, FIFO, Caller

ARN = "arn:aws:sqs:us-east-1:111111111111"


@pytest.fixture
def sqs() -> Caller:
    return Caller()


def said(told: Any) -> tuple[str, str]:
    """Code and text of an error."""
    return told["Error"]["Code"], told["Error"]["Message"]


def text(value: str) -> dict[str, str]:
    return {"StringValue": value, "DataType": "String"}


def redrive(name: str, count: object = 3, **more: object) -> str:
    return json.dumps({"deadLetterTargetArn": f"{ARN}:{name}", "maxReceiveCount": count, **more})


# --- the request


def test_an_action_that_sqs_does_not_have_is_refused(sqs: Caller) -> None:
    assert said(sqs.ask("FooBar")) == ("InvalidAction", "The action FooBar is not valid for this endpoint.")


def test_a_call_on_a_queue_needs_its_url(sqs: Caller) -> None:
    assert said(sqs.ask("PurgeQueue")) == (
        "MissingParameter",
        "The request must contain the parameter QueueUrl.",
    )


@pytest.mark.parametrize(
    "url", ["q", "https://sqs.us-east-1.amazonaws.com/111111111111/q", "http://127.0.0.1:9/111111111111/q/"]
)
def test_a_queue_is_found_by_any_form_of_its_url(sqs: Caller, url: str) -> None:
    sqs.create("q")
    assert "MessageId" in sqs.send(url)


@pytest.mark.parametrize("url", ["none", "https://sqs.us-east-1.amazonaws.com/222222222222/q", "/"])
def test_a_queue_that_is_not_there_is_refused(sqs: Caller, url: str) -> None:
    sqs.create("q")
    told = sqs.send(url)
    assert told == {
        "Error": {
            "Code": "AWS.SimpleQueueService.NonExistentQueue",
            "QueryErrorCode": "QueueDoesNotExist",
            "Message": "The specified queue does not exist.",
            "Type": "Sender",
        },
        "StatusCode": 400,
    }


@pytest.mark.parametrize(
    "members",
    [
        {"MessageBody": 3},
        {"MessageBody": "b", "DelaySeconds": "soon"},
        {"MessageBody": "b", "DelaySeconds": True},
        {"MessageBody": "b", "MessageAttributes": []},
        {"MessageBody": "b", "MessageAttributes": {"a": "text"}},
        {"MessageBody": "b", "MessageAttributes": {"a": {"DataType": "Binary", "BinaryValue": "no base64"}}},
    ],
)
def test_a_member_of_another_type_is_no_request(sqs: Caller, members: dict[str, object]) -> None:
    told = sqs.ask("SendMessage", QueueUrl=sqs.create(), **members)
    assert told["Error"]["Code"] == "SerializationException"
    assert told["StatusCode"] == 400


# --- queues and their attributes


@pytest.mark.parametrize("name", ["a b", "a/b", "a.b", "x" * 81, "queue.fifo", "ä"])
def test_a_queue_name_that_aws_refuses(sqs: Caller, name: str) -> None:
    told = said(sqs.ask("CreateQueue", QueueName=name))
    assert told == (
        "InvalidParameterValue",
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    )


@pytest.mark.parametrize("name", ["queue", "x" * 76 + ".fifo", ".fifo"])
def test_a_fifo_queue_needs_its_suffix_within_80_characters(sqs: Caller, name: str) -> None:
    code, message = said(sqs.ask("CreateQueue", QueueName=name, Attributes=FIFO))
    assert code == "InvalidParameterValue"
    assert message.startswith("The name of a FIFO queue can only include")


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "DelaySeconds": ("-1", "901", "", "1.5", "x"),
        "MaximumMessageSize": ("1023", "1048577"),
        "MessageRetentionPeriod": ("59", "1209601"),
        "ReceiveMessageWaitTimeSeconds": ("-1", "21"),
        "VisibilityTimeout": ("-1", "43201"),
        "KmsDataKeyReusePeriodSeconds": ("59", "86401"),
        "SqsManagedSseEnabled": ("yes",),
        "Policy": ("no json", "[]", "{}", '{"Statement": ["x"]}'),
    }.items(),
)
def test_a_value_out_of_its_bounds_is_refused(sqs: Caller, name: str, values: tuple[str, ...]) -> None:
    url = sqs.create()
    for value in values:
        refused = ("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
        assert said(sqs.set(url, **{name: value})) == refused
        assert said(sqs.ask("CreateQueue", QueueName="other", Attributes={name: value})) == refused


@pytest.mark.parametrize("name", ["DeduplicationScope", "FifoThroughputLimit", "ContentBasedDeduplication"])
def test_a_word_that_a_fifo_attribute_does_not_know(sqs: Caller, name: str) -> None:
    told = said(sqs.set(sqs.create(**FIFO), **{name: "other"}))
    assert told == ("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def test_high_throughput_takes_both_attributes(sqs: Caller) -> None:
    url = sqs.create(**FIFO)
    code, message = said(sqs.set(url, FifoThroughputLimit="perMessageGroupId"))
    assert code == "InvalidAttributeValue"
    assert message.startswith("The perMessageGroupId value is allowed only when")
    assert sqs.set(url, FifoThroughputLimit="perMessageGroupId", DeduplicationScope="messageGroup") == {}


@pytest.mark.parametrize("name", ["QueueArn", "CreatedTimestamp", "ApproximateNumberOfMessages", "Colour"])
def test_what_cannot_be_set_is_no_attribute(sqs: Caller, name: str) -> None:
    assert said(sqs.set(sqs.create(), **{name: "1"})) == (
        "InvalidAttributeName",
        f"Unknown Attribute {name}.",
    )


def test_attributes_are_answered_only_by_name(sqs: Caller) -> None:
    url = sqs.create()
    assert sqs.ask("GetQueueAttributes", QueueUrl=url) == {}
    assert sqs.attributes(url, "DelaySeconds", "RedrivePolicy") == {"Attributes": {"DelaySeconds": "0"}}
    assert said(sqs.attributes(url, "Foobar")) == ("InvalidAttributeName", "Unknown Attribute Foobar.")


def test_a_refused_change_changes_nothing(sqs: Caller) -> None:
    url = sqs.create()
    before = sqs.attributes(url)
    sqs.set(url, DelaySeconds="5", VisibilityTimeout="50000")
    assert sqs.attributes(url) == before


def test_a_change_moves_the_time_of_the_last_change(sqs: Caller) -> None:
    url = sqs.create()
    sqs.sleep(10)
    sqs.set(url, DelaySeconds="5")
    told = sqs.attributes(url)["Attributes"]
    assert int(told["LastModifiedTimestamp"]) - int(told["CreatedTimestamp"]) == 10


def test_the_name_of_a_deleted_queue_is_taken_for_a_minute_where_that_is_switched_on(sqs: Caller) -> None:
    url = sqs.create("q")
    sqs.ask("DeleteQueue", QueueUrl=url)
    assert sqs.create("q") == url  # off
    sqs.region.sqs.refuses_to_recreate = True
    sqs.ask("DeleteQueue", QueueUrl=url)
    sqs.sleep(59)
    assert said(sqs.ask("CreateQueue", QueueName="q")) == (
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    )
    sqs.sleep(1)
    assert sqs.create("q") == url


def test_a_deleted_queue_is_gone_with_its_messages(sqs: Caller) -> None:
    url = sqs.create("q")
    sqs.send(url)
    sqs.ask("DeleteQueue", QueueUrl=url)
    assert said(sqs.receive(url))[0] == "AWS.SimpleQueueService.NonExistentQueue"
    sqs.create("q")
    assert sqs.receive(url) == {}


def test_queues_are_listed_by_prefix_and_a_thousand_at_most(sqs: Caller) -> None:
    for number in range(1_001):
        sqs.create(f"a-{number:04}")
    sqs.create("b")
    assert sqs.ask("ListQueues", QueueNamePrefix="b") == {"QueueUrls": [sqs.region.sqs.room.url("b")]}
    assert sqs.ask("ListQueues", QueueNamePrefix="c") == {}
    told = sqs.ask("ListQueues")
    # AWS: only who sets MaxResults gets a token.
    assert (len(told["QueueUrls"]), "NextToken" in told) == (1_000, False)


@pytest.mark.parametrize(
    "members", [{"MaxResults": 0}, {"MaxResults": 1_001}, {"NextToken": "x"}, {"NextToken": "eA=="}]
)
def test_a_page_that_cannot_be(sqs: Caller, members: dict[str, object]) -> None:
    assert said(sqs.ask("ListQueues", **members))[0] == "InvalidParameterValue"


# --- sending


def test_a_name_of_an_attribute_may_have_letters_of_any_alphabet(sqs: Caller) -> None:
    assert "MessageId" in sqs.send(sqs.create(), MessageAttributes={"attr.1øßä": text("Valid")})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, text("v")) for name in ("", "L" * 257, ".a", "a.", "a..b", "a!b", 'a"b', "a§b", "a(b", "a?b", "aWs.x", "AMAZON.x")),
        ("a", {"StringValue": "v"}),
        ("a", {"StringValue": "v", "DataType": "Invalid"}),
        ("a", {"StringValue": "v", "DataType": f"Number.{'L' * 256}"}),
        ("a", {"StringValue": "Invalid-\x08,\x0b", "DataType": "String"}),
        ("a", {"StringValue": "world", "DataType": "Number"}),
        ("a", {"BinaryValue": b"", "DataType": "Binary"}),
        ("a", {"BinaryValue": b"x", "DataType": "String"}),
    ],
)  # fmt: skip
def test_a_message_attribute_that_aws_refuses(sqs: Caller, name: str, value: dict[str, object]) -> None:
    told = sqs.send(sqs.create(), MessageAttributes={name: value})
    assert told["Error"]["Code"] == "InvalidParameterValue"


def test_ten_message_attributes_are_the_most(sqs: Caller) -> None:
    url = sqs.create()
    attributes = {f"a{number}": text("v") for number in range(11)}
    told = said(sqs.send(url, MessageAttributes=attributes))
    assert told == (
        "InvalidParameterValue",
        "Number of message attributes [11] exceeds the allowed maximum [10].",
    )
    del attributes["a0"]
    assert "MessageId" in sqs.send(url, MessageAttributes=attributes)


@pytest.mark.parametrize(
    ("number", "taken"),
    [
        ("6", True), ("-0.5", True), ("1e10", True), ("9" * 38, True), ("9" * 39, False), ("1e127", False), ("NaN", False),
        ("Infinity", False), ("1_000", False), (" 1", False), ("0x10", False), ("", False), ("-1e128", True), ("-1.1e128", False),
    ],
)  # fmt: skip
def test_a_number_has_38_digits_at_most(number: str, taken: bool) -> None:
    assert is_number(number) is taken


def test_lists_in_attributes_are_not_supported_by_aws(sqs: Caller) -> None:
    value = {"StringListValues": ["a"], "DataType": "String"}
    assert said(sqs.send(sqs.create(), MessageAttributes={"a": value})) == (
        "AWS.SimpleQueueService.UnsupportedOperation",
        "Message attribute list values in SendMessage operation are not supported.",
    )


def test_the_trace_header_is_the_only_system_attribute_and_costs_nothing(sqs: Caller) -> None:
    url = sqs.create(MaximumMessageSize="1024")
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    told = sqs.send(url, "x" * 1_024, MessageSystemAttributes={"AWSTraceHeader": text(header)})
    # The checksum that a recorded test asserts (test_system_attributes_have_no_effect_on_attr_md5).
    assert told["MD5OfMessageSystemAttributes"] == "5ae4d5d7636402d80f4eb6d213245a88"
    assert "MD5OfMessageAttributes" not in told
    for name, value in (("Other", text("v")), ("AWSTraceHeader", text("")), ("AWSTraceHeader", "v")):
        refused = sqs.send(url, MessageSystemAttributes={name: value})
        assert refused["Error"]["Code"] == "InvalidParameterValue"


def test_a_checksum_covers_names_types_and_values_in_order_of_names() -> None:
    one = {"stringValue": "x", "dataType": "String"}
    other = {"binaryValue": "eA==", "dataType": "Binary"}
    assert checksum({"b": one, "a": other}) == checksum({"a": other, "b": one})
    assert checksum({"a": one}) != checksum({"a": {**one, "dataType": "String.custom"}})
    assert checksum({"a": one}) != checksum({"a": other})
    assert checksum({}) is None


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"MessageBody": "\x01"}, "InvalidMessageContents"),
        ({"MessageBody": "\ud800"}, "InvalidMessageContents"),
        ({"MessageBody": "b", "DelaySeconds": 901}, "InvalidParameterValue"),
        ({"MessageBody": "b", "DelaySeconds": -1}, "InvalidParameterValue"),
        ({"MessageBody": "b", "MessageDeduplicationId": "x"}, "InvalidParameterValue"),
    ],
)
def test_a_message_that_a_standard_queue_refuses(sqs: Caller, members: dict[str, object], code: str) -> None:
    assert said(sqs.ask("SendMessage", QueueUrl=sqs.create(), **members))[0] == code


def test_a_duplicate_is_answered_with_the_first_message(sqs: Caller) -> None:
    url = sqs.create(**BY_CONTENT)
    first = sqs.send(url, MessageGroupId="g")
    assert sqs.send(url, MessageGroupId="g") == first
    assert len(first["SequenceNumber"]) == 20


# --- batches


def test_a_batch_answers_for_each_entry(sqs: Caller) -> None:
    url = sqs.create(MaximumMessageSize="1024")
    entries = [
        {"Id": "good", "MessageBody": "b"},
        {"Id": "long", "MessageBody": "b" * 1_025},
        {"Id": "odd", "MessageBody": "\x01"},
        {"Id": "empty", "MessageBody": ""},
        {"Id": "late", "MessageBody": "b", "DelaySeconds": 1_800},
        {"Id": "named", "MessageBody": "b", "MessageAttributes": {"aws.a": text("v")}},
    ]
    told = sqs.ask("SendMessageBatch", QueueUrl=url, Entries=entries)
    assert [one["Id"] for one in told["Successful"]] == ["good"]
    assert {one["Id"]: (one["Code"], one["SenderFault"]) for one in told["Failed"]} == {
        "long": ("InvalidParameterValue", True),
        "odd": ("InvalidMessageContents", True),
        "empty": ("MissingParameter", True),
        "late": ("InvalidParameterValue", True),
        "named": ("InvalidParameterValue", True),
    }
    assert told["Failed"][0]["Message"] == (
        "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."
    )
    assert sqs.count(url) == 1


@pytest.mark.parametrize("action", ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"])
@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ([], "EmptyBatchRequest"),
        (["a", "b", "a"], "BatchEntryIdsNotDistinct"),
        (["x" * 81], "InvalidBatchEntryId"),
        ([str(number) for number in range(11)], "TooManyEntriesInBatchRequest"),
    ],
)
def test_a_batch_that_fails_as_a_whole(sqs: Caller, action: str, ids: list[str], code: str) -> None:
    entries = [{"Id": own, "MessageBody": "b", "ReceiptHandle": "h", "VisibilityTimeout": 1} for own in ids]
    told = sqs.ask(action, QueueUrl=sqs.create(), Entries=entries)
    assert said(told)[0] == f"AWS.SimpleQueueService.{code}"
    assert told["Error"]["QueryErrorCode"] == code
    if not ids:
        assert said(told)[1] == f"There should be at least one {action}RequestEntry in the request.".replace(
            "ChangeMessageVisibilityBatchRequestEntry", "ChangeMessageVisibilityBatchRequestEntry"
        )


def test_a_batch_of_deletions_and_of_changes_answers_for_each_receipt(sqs: Caller) -> None:
    url = sqs.create()
    for number in range(2):
        sqs.send(url, str(number))
    handles = [one["ReceiptHandle"] for one in sqs.receive(url, MaxNumberOfMessages=10)["Messages"]]
    entries = [{"Id": str(n), "ReceiptHandle": h} for n, h in enumerate([*handles, "garbage"])]
    changed = sqs.ask(
        "ChangeMessageVisibilityBatch",
        QueueUrl=url,
        Entries=[{**entry, "VisibilityTimeout": 60} for entry in entries],
    )
    deleted = sqs.ask("DeleteMessageBatch", QueueUrl=url, Entries=entries)
    for told in (changed, deleted):
        assert told["Successful"] == [{"Id": "0"}, {"Id": "1"}]
        assert told["Failed"] == [
            {
                "Id": "2",
                "SenderFault": True,
                "Code": "ReceiptHandleIsInvalid",
                "Message": 'The input receipt handle "garbage" is not a valid receipt handle.',
            }
        ]


# --- receiving


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        ("MaxNumberOfMessages", 0, "Must be between 1 and 10, if provided."),
        ("MaxNumberOfMessages", 11, "Must be between 1 and 10, if provided."),
        ("WaitTimeSeconds", -1, "Must be >= 0 and <= 20, if provided."),
        ("VisibilityTimeout", -1, "Must be between 0 and 43200, if provided."),
        ("VisibilityTimeout", 43_201, "Must be between 0 and 43200, if provided."),
    ],
)
def test_a_receive_out_of_bounds(sqs: Caller, member: str, value: int, reason: str) -> None:
    told = said(sqs.receive(sqs.create(), **{member: value}))
    assert told == (
        "InvalidParameterValue",
        f"Value {value} for parameter {member} is invalid. Reason: {reason}",
    )


def test_an_attempt_id_is_for_fifo_queues(sqs: Caller) -> None:
    assert said(sqs.receive(sqs.create(), ReceiveRequestAttemptId="a"))[0] == "InvalidParameterValue"
    url = sqs.create(**BY_CONTENT)
    assert said(sqs.receive(url, ReceiveRequestAttemptId="a b"))[0] == "InvalidParameterValue"
    sqs.send(url, MessageGroupId="g")
    first = sqs.receive(url, ReceiveRequestAttemptId="a")
    assert "Messages" in first
    assert sqs.receive(url, ReceiveRequestAttemptId="a") == first
    assert sqs.receive(url, ReceiveRequestAttemptId="b") == {}


def test_a_long_poll_is_answered_when_a_delayed_message_shows(sqs: Caller) -> None:
    url = sqs.create()
    sqs.send(url, DelaySeconds=7)
    before = sqs.now
    assert sqs.receive(url) == {}
    assert sqs.one(url, WaitTimeSeconds=20)["Body"] == "message"
    assert sqs.now - before == 7 * SECOND


def test_a_long_poll_ends_empty_at_its_time(sqs: Caller) -> None:
    url = sqs.create(ReceiveMessageWaitTimeSeconds="5")
    before = sqs.now
    assert sqs.receive(url, WaitTimeSeconds=0) == {}
    assert sqs.now == before
    assert sqs.receive(url) == {}  # the queue's own wait
    assert sqs.now - before == 5 * SECOND


def test_a_long_poll_takes_what_is_there_and_does_not_wait_for_more(sqs: Caller) -> None:
    url = sqs.create()
    sqs.send(url)
    before = sqs.now
    assert len(sqs.receive(url, WaitTimeSeconds=20, MaxNumberOfMessages=10)["Messages"]) == 1
    assert sqs.now == before


def test_those_that_wait_are_answered_in_the_order_of_their_coming() -> None:
    region, now = Region(Project(), Draws(0)), Instant(0)
    region.sqs.call(now, "CreateQueue", {"QueueName": "q"})
    polls = [
        region.sqs.call(now, "ReceiveMessage", {"QueueUrl": "q", "WaitTimeSeconds": wait})
        for wait in (20, 20, 1)
    ]
    assert all(isinstance(poll, LongPoll) for poll in polls)
    region.advance(now)
    assert region.next_due() == 1 * SECOND
    later = Instant(1 * SECOND)
    region.advance(later)
    region.sqs.call(later, "SendMessage", {"QueueUrl": "q", "MessageBody": "one"})
    region.advance(later)
    first, second, third = (poll.answer for poll in polls if isinstance(poll, LongPoll))
    assert first is not None
    assert [one["Body"] for one in first["Messages"]] == ["one"]
    assert (second, third) == (None, {})


def test_where_sampling_is_switched_on_a_short_poll_finds_less_and_a_long_one_all() -> None:
    region, now = Region(Project(queues={"q": Queue(name="q", sampling=True)}), Draws(0)), Instant(0)
    entries = [{"Id": str(number), "MessageBody": "b"} for number in range(10)]
    found = []
    for wait in (0, 20):
        for _ in range(20):
            region.sqs.call(now, "SendMessageBatch", {"QueueUrl": "q", "Entries": entries})
            asked = {"QueueUrl": "q", "MaxNumberOfMessages": 10, "WaitTimeSeconds": wait}
            told = region.sqs.call(now, "ReceiveMessage", asked)
            assert isinstance(told, dict)
            found.append(len(told.get("Messages", [])))
    assert min(found[:20]) < 10
    # As many as not: each number of messages up to the ten is as likely.
    assert 4 < sum(found[:20]) / 20 < 7
    assert found[20:] == [10] * 20


def test_over_120_000_messages_in_flight_a_short_poll_is_refused_and_a_long_one_empty(sqs: Caller) -> None:
    url = sqs.create("q")
    core = sqs.region.queues["q"].queue
    for _ in range(12_001):
        sqs.ask(
            "SendMessageBatch", QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "b"} for n in range(10)]
        )
    assert len(core.receive(sqs.now, 120_000, [])) == 120_000
    assert said(sqs.receive(url))[0] == "OverLimit"
    assert sqs.receive(url, WaitTimeSeconds=1) == {}


# --- receipts


def test_a_handle_of_another_queue_is_none(sqs: Caller) -> None:
    one, other = sqs.create(), sqs.create()
    sqs.send(one)
    sqs.send(other)
    handle = sqs.handle(one)
    told = said(sqs.ask("DeleteMessage", QueueUrl=other, ReceiptHandle=handle))
    assert told == (
        "ReceiptHandleIsInvalid",
        f'The input receipt handle "{handle}" is not a valid receipt handle.',
    )
    assert sqs.count(other) == 1


@pytest.mark.parametrize(
    "handle", ["garbage", "AQEB1/2", "AQEB" + "9" * 5_000 + "/1/1", "/", "AQEBx/1/1/00000000"]
)
@pytest.mark.parametrize("action", ["DeleteMessage", "ChangeMessageVisibility"])
def test_a_handle_that_no_queue_gave(sqs: Caller, action: str, handle: str) -> None:
    told = sqs.ask(action, QueueUrl=sqs.create(), ReceiptHandle=handle, VisibilityTimeout=0)
    assert said(told)[0] == "ReceiptHandleIsInvalid"


@pytest.mark.parametrize("action", ["DeleteMessage", "ChangeMessageVisibility"])
def test_a_receipt_must_be_given(sqs: Caller, action: str) -> None:
    told = sqs.ask(action, QueueUrl=sqs.create(), VisibilityTimeout=0)
    assert said(told) == ("MissingParameter", "The request must contain the parameter ReceiptHandle.")


def test_a_change_needs_its_time(sqs: Caller) -> None:
    told = sqs.ask("ChangeMessageVisibility", QueueUrl=sqs.create(), ReceiptHandle="h")
    assert said(told) == ("MissingParameter", "The request must contain the parameter VisibilityTimeout.")


def test_deleting_again_is_no_fault_and_changing_what_is_deleted_is(sqs: Caller) -> None:
    url = sqs.create()
    sqs.send(url)
    handle = sqs.handle(url)
    for _ in range(3):
        assert sqs.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=handle) == {}
    told = sqs.ask("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=42)
    assert said(told) == (
        "InvalidParameterValue",
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for"
        " visibility timeout change.",
    )


def test_twelve_hours_from_the_receive_are_the_most(sqs: Caller) -> None:
    url = sqs.create()
    sqs.send(url)
    handle = sqs.handle(url)
    told = sqs.ask("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43_200)
    assert said(told) == (
        "InvalidParameterValue",
        "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the"
        " limit [43200 seconds]",
    )
    change = {"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 43_195}
    assert sqs.ask("ChangeMessageVisibility", **change) == {}


def test_an_old_receipt_still_shows_a_message_that_was_received_again(sqs: Caller) -> None:
    url = sqs.create()
    sqs.send(url)
    old = sqs.handle(url, VisibilityTimeout=0)
    sqs.handle(url, VisibilityTimeout=30)
    assert sqs.receive(url) == {}
    sqs.ask("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=old, VisibilityTimeout=0)
    assert sqs.one(url)["Body"] == "message"


def test_an_events_receipt_handle_works_in_calls_too(sqs: Caller) -> None:
    url = sqs.create("q")
    sqs.send(url)
    (received,) = sqs.region.queues["q"].queue.receive(sqs.now, 1, [])
    assert sqs.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=received.handle()) == {}
    assert sqs.region.queues["q"].queue.peek() == []


# --- dead letters


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("no json", "Redrive policy is not a valid JSON map."),
        ("[]", "Redrive policy is not a valid JSON map."),
        ("{}", "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        ('{"maxReceiveCount":1}', "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
        (redrive("dead", 0), "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive."),
        (redrive("dead", 1_001), "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive."),
        (redrive("dead", "x"), "Invalid value for maxReceiveCount: x, valid values are from 1 to 1000 both inclusive."),
        (redrive("dead", colour="red"), "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn]."),
        (redrive("none"), "Dead letter target does not exist."),
        (redrive("dead.fifo"), "Dead-letter queue must be same type of queue as the source.."),
        ('{"deadLetterTargetArn":"dummy","maxReceiveCount":1}', "Dead-letter target ARN should be fully qualified ARN."),
        ('{"deadLetterTargetArn":"arn:aws:sns:us-east-1:111111111111:t","maxReceiveCount":1}', "Only SQS queues are valid resources for deadLetterTargetArn."),
        ('{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:222222222222:dead","maxReceiveCount":1}', "Dead-letter target owner should be same as the source."),
        ('{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:111111111111:dead","maxReceiveCount":1}', "Dead letter target does not exist."),
        (redrive("closed"), "The dead-letter queue's redrive allow policy does not permit this source queue."),
        (redrive("picky"), "The dead-letter queue's redrive allow policy does not permit this source queue."),
    ],
)  # fmt: skip
def test_a_redrive_policy_that_aws_refuses(sqs: Caller, policy: str, reason: str) -> None:
    sqs.create("dead")
    sqs.create("dead.fifo", **FIFO)
    sqs.create("closed", RedriveAllowPolicy='{"redrivePermission":"denyAll"}')
    picky = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [f"{ARN}:other"]})
    sqs.create("picky", RedriveAllowPolicy=picky)
    for told in (
        sqs.set(sqs.create("q"), RedrivePolicy=policy),
        sqs.ask("CreateQueue", QueueName="new", Attributes={"RedrivePolicy": policy}),
    ):
        code, message = said(told)
        assert code == "InvalidParameterValue"
        assert message.endswith(f"Reason: {reason}")


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        *((policy, "unsupported format.") for policy in (
            "bad", "[]", "{}", '{"redrivePermission":"x"}', '{"redrivePermission":"allowAll","a":1}',
            '{"redrivePermission":"byQueue","sourceQueueArns":"a"}', '{"redrivePermission":"byQueue","sourceQueueArns":[1]}',
        )),
        ('{"redrivePermission":"byQueue"}', "one or more sourceQueueArns values."),
        ('{"redrivePermission":"byQueue","sourceQueueArns":[]}', "one or more sourceQueueArns values."),
        ('{"redrivePermission":"denyAll","sourceQueueArns":["a"]}', "you must set redrivePermission to byQueue."),
        (json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": ["a"] * 11}), "you can specify is 10."),
    ],
)  # fmt: skip
def test_an_allow_policy_that_aws_refuses(sqs: Caller, policy: str, reason: str) -> None:
    code, message = said(sqs.set(sqs.create(), RedriveAllowPolicy=policy))
    assert code == "InvalidParameterValue"
    assert message.endswith(reason)


def test_an_allow_policy_is_shown_as_it_was_given_and_taken_away_by_an_empty_text(sqs: Caller) -> None:
    policy = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [f"{ARN}:q"]})
    dead = sqs.create("dead", RedriveAllowPolicy=policy)
    assert sqs.attributes(dead, "RedriveAllowPolicy") == {"Attributes": {"RedriveAllowPolicy": policy}}
    sqs.create("q", RedrivePolicy=redrive("dead"))
    sqs.set(dead, RedriveAllowPolicy="")
    assert sqs.attributes(dead, "RedriveAllowPolicy") == {}
    sqs.create("other", RedrivePolicy=redrive("dead"))


def test_a_receive_count_may_be_a_text_and_is_shown_as_a_number(sqs: Caller) -> None:
    sqs.create("dead")
    url = sqs.create(RedrivePolicy=redrive("dead", "42"))
    told = sqs.attributes(url, "RedrivePolicy")["Attributes"]["RedrivePolicy"]
    assert told == f'{{"deadLetterTargetArn":"{ARN}:dead","maxReceiveCount":42}}'


def test_the_sources_of_a_dead_letter_queue_are_listed(sqs: Caller) -> None:
    dead = sqs.create("dead")
    assert sqs.ask("ListDeadLetterSourceQueues", QueueUrl=dead) == {"queueUrls": []}
    urls = [sqs.create(name, RedrivePolicy=redrive("dead")) for name in ("a", "b")]
    assert sqs.ask("ListDeadLetterSourceQueues", QueueUrl=dead) == {"queueUrls": urls}
    first = sqs.ask("ListDeadLetterSourceQueues", QueueUrl=dead, MaxResults=1)
    assert first["queueUrls"] == urls[:1]
    rest = sqs.ask("ListDeadLetterSourceQueues", QueueUrl=dead, MaxResults=1, NextToken=first["NextToken"])
    assert rest == {"queueUrls": urls[1:]}


def test_a_policy_that_is_set_later_holds_for_messages_that_are_there(sqs: Caller) -> None:
    url, dead = sqs.create("q"), sqs.create("dead")
    sqs.send(url)
    sqs.receive(url, VisibilityTimeout=0)
    sqs.set(url, RedrivePolicy=redrive("dead", 1))
    assert sqs.receive(url) == {}
    assert sqs.count(dead) == 1


def test_without_its_dead_letter_queue_a_message_stays(sqs: Caller) -> None:
    url, dead = sqs.dead_letter_pair(1)
    sqs.send(url)
    sqs.ask("DeleteQueue", QueueUrl=dead)
    for _ in range(3):
        assert "Messages" in sqs.receive(url, VisibilityTimeout=0)
    # A queue of that name again: the ARN in the policy is its ARN.
    sqs.create(dead.rpartition("/")[2])
    assert sqs.receive(url) == {}
    assert sqs.count(dead) == 1


# --- policies and tags


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"Label": ""}, "MissingParameter", "The request must contain the parameter Label."),
        ({"Actions": []}, "MissingParameter", "The request must contain the parameter Actions."),
        ({"Actions": ["SendMessage"] * 8}, "OverLimit", "8 Actions were found, maximum allowed is 7."),
        ({"Actions": ["CreateQueue"]}, "InvalidParameterValue", "Value SQS:CreateQueue for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action."),
        ({"AWSAccountIds": []}, "InvalidParameterValue", "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify."),
        ({"AWSAccountIds": ["me"]}, "InvalidParameterValue", "Value [me] for parameter PrincipalId is invalid. Reason: Unable to verify."),
    ],
)  # fmt: skip
def test_a_permission_that_aws_refuses(sqs: Caller, members: dict[str, Any], code: str, message: str) -> None:
    whole = {"Label": "l", "Actions": ["SendMessage"], "AWSAccountIds": ["222222222222"]}
    assert said(sqs.ask("AddPermission", QueueUrl=sqs.create(), **{**whole, **members})) == (code, message)


def test_a_policy_that_was_set_takes_permissions_too(sqs: Caller) -> None:
    statement = {"Sid": "own", "Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Principal": "*"}
    url = sqs.create(Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    sqs.ask("AddPermission", QueueUrl=url, Label="l", Actions=["*"], AWSAccountIds=["222222222222"])
    told = json.loads(sqs.attributes(url, "Policy")["Attributes"]["Policy"])
    assert [one["Sid"] for one in told["Statement"]] == ["own", "l"]
    assert said(sqs.ask("RemovePermission", QueueUrl=url, Label="x"))[1].endswith(
        "can't find label on existing policy."
    )


def test_tags_have_their_limits(sqs: Caller) -> None:
    url = sqs.create()
    assert said(sqs.ask("TagQueue", QueueUrl=url, Tags={}))[0] == "MissingParameter"
    assert said(sqs.ask("TagQueue", QueueUrl=url, Tags={"": "v"}))[0] == "InvalidParameterValue"
    assert (
        said(sqs.ask("TagQueue", QueueUrl=url, Tags={str(n): "v" for n in range(51)}))[0]
        == "InvalidParameterValue"
    )
    assert said(sqs.ask("UntagQueue", QueueUrl=url, TagKeys=[]))[0] == "InvalidParameterValue"
    made = sqs.ask("CreateQueue", QueueName="tagged", tags={"a": "b"})["QueueUrl"]
    assert sqs.ask("ListQueueTags", QueueUrl=made) == {"Tags": {"a": "b"}}


def test_an_error_is_an_exception_with_awss_code_and_text() -> None:
    region = Region(Project(), Draws(0))
    with pytest.raises(
        SqsError, match=r"AWS.SimpleQueueService.NonExistentQueue \(400\): The specified queue"
    ) as told:
        region.sqs.call(Instant(0), "PurgeQueue", {"QueueUrl": "q"})
    error = told.value
    assert (error.code, error.query_code) == ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
    assert (error.status, error.sender_fault) == (400, True)
    assert error.query_message == "The specified queue does not exist for this wsdl version."
