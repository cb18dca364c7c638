"""Queues of a project file: what is read, and what is refused at its key in AWS's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdarun.errors import ProjectErrors
from lambdarun.model.consistency import Severity, check
from lambdarun.model.declarations import Project
from lambdarun.model.queue import (
    DeduplicationScope,
    Fifo,
    FifoThroughputLimit,
    Queue,
    RedriveAllowPolicy,
    RedrivePermission,
    RedrivePolicy,
)
from lambdarun.project.project_file import load

ARN = "arn:aws:sqs:us-east-1:123456789012"


def loaded(tmp_path: Path, text: str) -> Project:
    path = tmp_path / "lambdarun.toml"
    path.write_text(text)
    return load(path)


def findings(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ProjectErrors) as told:
        loaded(tmp_path, text)
    return [str(finding).removeprefix(f"{tmp_path}/lambdarun.toml:") for finding in told.value.findings]


def test_every_attribute_of_a_queue_is_read(tmp_path: Path) -> None:
    project = loaded(
        tmp_path,
        """
[queues."jobs.fifo"]
fifo_queue = true
content_based_deduplication = true
deduplication_scope = "messageGroup"
fifo_throughput_limit = "perMessageGroupId"
visibility_timeout = 60
delay_seconds = 5
message_retention_period = 3600
maximum_message_size = 2048
receive_message_wait_time_seconds = 20
redrive_policy = { dead_letter_target = "queues.dead.fifo", max_receive_count = 3 }

[queues."dead.fifo"]
redrive_allow_policy = { redrive_permission = "byQueue", source_queues = ["queues.jobs.fifo"] }
""",
    )
    jobs = Queue(
        name="jobs.fifo",
        visibility_timeout=60,
        delay_seconds=5,
        message_retention_period=3600,
        maximum_message_size=2048,
        receive_message_wait_time_seconds=20,
        redrive_policy=RedrivePolicy(dead_letter_target="dead.fifo", max_receive_count=3),
        fifo=Fifo(
            content_based_deduplication=True,
            deduplication_scope=DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
        ),
    )
    allow = RedriveAllowPolicy(redrive_permission=RedrivePermission.BY_QUEUE, source_queues=("jobs.fifo",))
    assert project.queues == {
        "jobs.fifo": jobs,
        "dead.fifo": Queue(name="dead.fifo", redrive_allow_policy=allow),
    }


def test_a_queue_is_a_fifo_queue_by_its_name(tmp_path: Path) -> None:
    queues = loaded(tmp_path, '[queues."jobs.fifo"]\n[queues.jobs]\nfifo_queue = false\n').queues
    assert queues["jobs.fifo"].fifo == Fifo()
    assert queues["jobs"].fifo is None


REFUSED = {
    "suffix missing": (
        "[queues.jobs]\nfifo_queue = true\n",
        "2:1: queues.jobs.fifo_queue: The name of a FIFO queue can only include alphanumeric characters, hyphens, or"
        " underscores, must end with .fifo suffix and be 1 to 80 in length. Call it \"jobs.fifo\", or leave fifo_queue out.",
    ),
    "suffix of a standard queue": (
        '[queues."jobs.fifo"]\nfifo_queue = false\n',
        '2:1: queues."jobs.fifo".fifo_queue: Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in'
        ' length. Call it "jobs", or say true.',
    ),
    "type": (
        '[queues."jobs.fifo"]\nfifo_queue = "yes"\n',
        '2:1: queues."jobs.fifo".fifo_queue: "yes" is neither true nor false. Write true or false.',
    ),
    "name": (
        "[queues.'a b']\n",
        "1:1: queues.\"a b\": 'a b' is no queue name. Use letters, digits, - and _, at most 80; a FIFO queue's ends with .fifo.",
    ),
    "by content": (
        "[queues.jobs]\ncontent_based_deduplication = true\n",
        "2:1: queues.jobs.content_based_deduplication: Unknown Attribute ContentBasedDeduplication. A FIFO queue has it:"
        ' call the queue "jobs.fifo".',
    ),
    "scope": (
        '[queues.jobs]\ndeduplication_scope = "queue"\n',
        "2:1: queues.jobs.deduplication_scope: You can specify the DeduplicationScope only when FifoQueue is set to true. A"
        ' FIFO queue has it: call the queue "jobs.fifo".',
    ),
    "limit": (
        '[queues.jobs]\nfifo_throughput_limit = "perQueue"\n',
        "2:1: queues.jobs.fifo_throughput_limit: You can specify the FifoThroughputLimit only when FifoQueue is set to true."
        ' A FIFO queue has it: call the queue "jobs.fifo".',
    ),
    "by content, no truth": (
        '[queues."jobs.fifo"]\ncontent_based_deduplication = 1\n',
        '2:1: queues."jobs.fifo".content_based_deduplication: 1 is neither true nor false. Write true or false.',
    ),
    "other scope": (
        '[queues."jobs.fifo"]\ndeduplication_scope = "group"\n',
        '2:1: queues."jobs.fifo".deduplication_scope: "group": Invalid value for the parameter DeduplicationScope. Write'
        ' "queue" or "messageGroup".',
    ),
    "limit without scope": (
        '[queues."jobs.fifo"]\nfifo_throughput_limit = "perMessageGroupId"\n',
        '2:1: queues."jobs.fifo".fifo_throughput_limit: The perMessageGroupId value is allowed only when the value for'
        ' DeduplicationScope is messageGroup. Set deduplication_scope = "messageGroup" as well.',
    ),
    "wait": (
        "[queues.jobs]\nreceive_message_wait_time_seconds = 21\n",
        "2:1: queues.jobs.receive_message_wait_time_seconds: 21 is above 20 s (AWS's limit). Choose 0 to 20.",
    ),
    "size": (
        "[queues.jobs]\nmaximum_message_size = 1023\n",
        "2:1: queues.jobs.maximum_message_size: 1023 is below 1024 bytes (AWS's limit). Choose 1024 to 1048576.",
    ),
    "allow: format": (
        '[queues.jobs]\nredrive_allow_policy = { redrive_permission = "some" }\n',
        "2:1: queues.jobs.redrive_allow_policy: Invalid value for the parameter RedriveAllowPolicy. Reason: Amazon SQS can't"
        " create the redrive allow policy, as it\N{RIGHT SINGLE QUOTATION MARK}s in an unsupported format. Write"
        ' { redrive_permission = "allowAll" } or "denyAll", or "byQueue" with source_queues.',
    ),
    "allow: without queues": (
        '[queues.jobs]\nredrive_allow_policy = { redrive_permission = "byQueue" }\n',
        '2:1: queues.jobs.redrive_allow_policy: Value {"redrive_permission":"byQueue"} for parameter RedriveAllowPolicy is'
        " invalid. Reason: Amazon SQS can't create the redrive allow policy. When you specify the byQueue permission type, you"
        ' must also specify one or more sourceQueueArns values. Write source_queues = ["queues.NAME"].',
    ),
    "allow: queues without": (
        '[queues.a]\nredrive_allow_policy = { redrive_permission = "denyAll", source_queues = ["queues.a"] }\n',
        '2:1: queues.a.redrive_allow_policy: Value {"redrive_permission":"denyAll","source_queues":["queues.a"]} for parameter'
        " RedriveAllowPolicy is invalid. Reason: Amazon SQS can't create the redrive allow policy. To specify one or more"
        ' source queue ARNs, you must set redrivePermission to byQueue. Write { redrive_permission = "allowAll" } or "denyAll",'
        ' or "byQueue" with source_queues.',
    ),
    "dead letters of another type": (
        '[queues."a.fifo"]\nredrive_policy = { dead_letter_target = "queues.b", max_receive_count = 3 }\n[queues.b]\n',
        f'2:1: queues."a.fifo".redrive_policy: Value {{"deadLetterTargetArn":"{ARN}:b","maxReceiveCount":3}} for parameter'
        " RedrivePolicy is invalid. Reason: Dead-letter queue must be same type of queue as the source.. Name a FIFO queue, as"
        " a.fifo is one.",
    ),
    "dead letters not allowed": (
        '[queues.a]\nredrive_policy = { dead_letter_target = "queues.b" }\n'
        '[queues.b]\nredrive_allow_policy = { redrive_permission = "denyAll" }\n',
        f'2:1: queues.a.redrive_policy: Value {{"deadLetterTargetArn":"{ARN}:b","maxReceiveCount":10}} for parameter'
        " RedrivePolicy is invalid. Reason: The dead-letter queue's redrive allow policy does not permit this source queue."
        " Add it to the source_queues of queues.b.redrive_allow_policy.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_a_queue_that_aws_refuses_is_refused_at_its_key(tmp_path: Path, text: str, said: str) -> None:
    assert findings(tmp_path, text) == [said]


def test_all_faults_of_a_queue_are_told_at_once(tmp_path: Path) -> None:
    told = findings(
        tmp_path, "[queues.jobs]\nfifo_queue = true\ncontent_based_deduplication = true\ndelay = 3\n"
    )
    assert [finding.split(": ")[0] for finding in told] == ["2:1", "3:1", "4:1"]


def test_queues_declared_in_python_are_held_to_the_same_rules() -> None:
    policy = RedrivePolicy(dead_letter_target="b")
    queues = {"a.fifo": Queue(name="a.fifo", redrive_policy=policy), "b": Queue(name="b")}
    (finding,) = check(Project(queues=queues))
    assert finding.severity is Severity.ERROR
    assert "must be same type of queue" in finding.text
