"""https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lambdarun.model.consistency import Severity, check
from lambdarun.model.declarations import Account, Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import DeclaredDuration, Function
from lambdarun.model.instant import Duration
from lambdarun.model.queue import Queue, RedrivePolicy


def project(
    function: dict[str, Any] | None = None,
    queue: dict[str, Any] | None = None,
    mapping: dict[str, Any] | None = None,
    **others: Any,
) -> Project:
    return Project(
        functions={
            "fn": Function(
                name="fn", handler="a.b", code_uri=Path(), runtime="python3.11", **(function or {})
            )
        },
        queues={"q": Queue(name="q", **(queue or {}))},
        mappings={"m": EventSourceMapping(name="m", queue="q", function="fn", **(mapping or {}))},
        **others,
    )


def errors(declared: Project) -> list[str]:
    return [finding.text for finding in check(declared) if finding.severity is Severity.ERROR]


def warnings(declared: Project) -> list[str]:
    return [finding.text for finding in check(declared) if finding.severity is Severity.WARNING]


def test_row_13_visibility_below_the_timeout_is_refused_with_awss_text() -> None:
    declared = project({"timeout": 60}, {"visibility_timeout": 30})
    assert errors(declared) == [
        "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds."
    ]


def test_equal_values_pass_with_a_warning() -> None:
    declared = project({"timeout": 30}, {"visibility_timeout": 30})
    assert errors(declared) == []
    assert warnings(declared) == [
        "queue visibility timeout 30 s is below six times the function timeout (30 s)."
    ]


def test_six_times_the_timeout_and_the_window_is_quiet() -> None:
    declared = project({"timeout": 10}, {"visibility_timeout": 65}, {"maximum_batching_window_in_seconds": 5})
    assert check(declared) == []


def test_the_explicit_option_makes_it_a_warning() -> None:
    declared = project({"timeout": 60}, {"visibility_timeout": 30})
    found = check(declared, allow_short_visibility=True)
    assert [finding.severity for finding in found] == [Severity.WARNING]


def test_a_declared_p99_that_passes_the_visibility_is_warned_of() -> None:
    slow = DeclaredDuration(p50=Duration(1_000_000), p99=Duration(31_000_000))
    declared = project({"timeout": 30, "duration": slow}, {"visibility_timeout": 30})
    assert any(
        "p99 duration 31 s passes the queue's visibility timeout 30 s" in text for text in warnings(declared)
    )


def test_row_13_a_batch_over_ten_needs_a_window() -> None:
    text = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10."
    assert text in errors(project(queue={"visibility_timeout": 100}, mapping={"batch_size": 11}))


def test_a_hundred_executions_stay_unreserved() -> None:
    declared = project({"reserved_concurrent_executions": 901}, account=Account())
    assert errors(declared) == [
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its"
        " minimum value of [100]."
    ]
    assert errors(project({"reserved_concurrent_executions": 900})) == []


def test_dead_letters_may_not_go_round() -> None:
    policy = RedrivePolicy(dead_letter_target="q", max_receive_count=5)
    assert errors(project(queue={"redrive_policy": policy, "visibility_timeout": 60})) == [
        "dead letters go round: q -> q."
    ]


def test_row_13_two_mappings_of_one_queue_and_function_are_refused() -> None:
    declared = project(queue={"visibility_timeout": 60})
    twice = {**declared.mappings, "n": EventSourceMapping(name="n", queue="q", function="fn")}
    found = errors(Project(functions=declared.functions, queues=declared.queues, mappings=twice))
    assert found == [
        'An event source mapping with SQS arn (" arn:aws:sqs:us-east-1:123456789012:q ") and function (" fn ") already'
        " exists. Please update or delete the existing mapping with UUID m."
    ]


def test_few_receives_are_warned_of() -> None:
    policy = RedrivePolicy(dead_letter_target="dead", max_receive_count=1)
    assert any(
        "max_receive_count 1" in text
        for text in warnings(project(queue={"redrive_policy": policy, "visibility_timeout": 60}))
    )


def test_a_window_that_uses_the_visibility_up_is_told_with_what_holds_instead() -> None:
    window = {"maximum_batching_window_in_seconds": 20}
    said = warnings(project({"timeout": 15}, {"visibility_timeout": 30}, window))
    assert (
        "the window (20 s) and the function timeout (15 s) pass the queue's visibility timeout 30 s: messages are hidden for"
        " 65 s (both and 30 s), and come back so late."
    ) in said
    enough = project({"timeout": 15}, {"visibility_timeout": 35}, window)
    assert not [text for text in warnings(enough) if "hidden for" in text]


def test_a_reservation_below_the_first_pollers_is_told() -> None:
    reserved = {"timeout": 1, "reserved_concurrent_executions": 3}
    [finding] = check(project(reserved))
    assert finding.text.startswith(
        "reserved_concurrent_executions = 3 of fn is below the 5 batches with which pollers begin:"
    )
    assert finding.mend == "Reserve 5 or more, or set scaling_config = { maximum_concurrency = 3 }."
    assert check(project(reserved, mapping={"maximum_concurrency": 3})) == []
    assert check(project({"timeout": 1, "reserved_concurrent_executions": 5})) == []
    assert check(project(reserved, mapping={"enabled": False})) == []


def test_a_reservation_below_maximum_concurrency_is_told() -> None:
    declared = project(
        {"timeout": 1, "reserved_concurrent_executions": 8}, mapping={"maximum_concurrency": 10}
    )
    [finding] = check(declared)
    assert finding.severity is Severity.WARNING
    assert finding.text == (
        "reserved_concurrent_executions = 8 is below the 10 of maximum_concurrency of its mappings:"
    )
    assert finding.key == "functions.fn"


def test_messages_that_expire_before_they_are_dead_letters_are_told() -> None:
    policy = RedrivePolicy(dead_letter_target="dead", max_receive_count=10)
    queue = {"visibility_timeout": 360, "message_retention_period": 3_600, "redrive_policy": policy}
    [text] = warnings(project({"timeout": 60}, queue))
    assert text == (
        "10 receives with a visibility timeout of 360 s take 3,600 s, and messages are kept for 3,600 s: what always fails"
        " expires before it reaches dead."
    )
    assert not warnings(project({"timeout": 60}, {**queue, "message_retention_period": 3_601}))
