"""Mappings made, changed and deleted while messages are in flight, with real handlers in virtual time."""

from __future__ import annotations

import re
from typing import Any

import pytest
from attrs import evolve

from lambdarun.model.declarations import Account, Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import Function
from lambdarun.model.instant import FIXED_START, SECOND, span_of
from lambdarun.model.queue import Queue
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.requests import InvocationRefused
from tests.conftest import Declare, lasting, project_of

TAKES = "def handler(e, c): print(len(e['Records']))\n"
ARN = "arn:aws:sqs:us-east-1:123456789012:jobs"


def world(*functions: Function, mapping: dict[str, Any] | None = None, **queue: Any) -> Project:
    """Functions and the queues jobs and jobs.fifo, mapped to the first one where `mapping` is given."""
    declared = {name: Queue(name=name, **queue) for name in ("jobs", "jobs.fifo")}
    mappings = {}
    if mapping is not None:
        mappings["m"] = EventSourceMapping(name="m", queue="jobs", function=functions[0].name, **mapping)
    return project_of(*functions, queues=declared, mappings=mappings)


def opened(project: Project) -> Any:
    return open_blocking_runtime(project, clock=VirtualClock())


def refused(runtime: BlockingRuntime, call: str, **request: Any) -> tuple[int, str, str]:
    with pytest.raises(InvocationRefused) as told:
        getattr(runtime, f"{call}_event_source_mapping")(**request)
    refusal = told.value.refusal
    return refusal.status, refusal.code, refusal.message


def state(runtime: BlockingRuntime, uuid: str) -> str:
    return str(runtime.get_event_source_mapping(UUID=uuid)["State"])


def starts(runtime: BlockingRuntime) -> list[float]:
    return [(record.time - FIXED_START) / SECOND for record in runtime.log.of("invocation.started")]


def test_a_mapping_that_is_made_receives_when_it_is_enabled(declare: Declare) -> None:
    with opened(world(declare(TAKES))) as runtime:
        runtime.queue("jobs").send("early")
        made = runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="fn")
        assert (made["State"], state(runtime, made["UUID"])) == ("Creating", "Creating")
        runtime.settle()
        assert starts(runtime) == [1]
        assert state(runtime, made["UUID"]) == "Enabled"
        assert runtime.queue("jobs").messages() == []


def test_row_12_the_answers_have_no_field_of_streams(declare: Declare) -> None:
    """Also after messages were processed: no LastProcessingResult, no DestinationConfig; reason USER_INITIATED."""
    with opened(world(declare(TAKES))) as runtime:
        made = runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="fn")
        runtime.queue("jobs").send("1")
        runtime.settle()
        told = runtime.get_event_source_mapping(UUID=made["UUID"])
    assert sorted(told) == [
        "BatchSize", "EventSourceArn", "EventSourceMappingArn", "FunctionArn", "FunctionResponseTypes", "LastModified",
        "MaximumBatchingWindowInSeconds", "ResponseMetadata", "State", "StateTransitionReason", "UUID",
    ]  # fmt: skip
    assert told["StateTransitionReason"] == "USER_INITIATED"
    assert told["BatchSize"] == 10
    assert told["LastModified"] == FIXED_START / SECOND + 1


def test_row_13_create_is_refused_in_awss_words(declare: Declare) -> None:
    slow = declare(TAKES, name="slow", timeout=60)
    quick = declare(TAKES, name="quick", timeout=30)
    fifo = f"{ARN}.fifo"
    invalid = "InvalidParameterValueException"
    with opened(world(slow, quick, visibility_timeout=30)) as runtime:
        for request, said in (
            (
                {"EventSourceArn": ARN, "FunctionName": "slow"},
                "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
            ),
            (
                {"EventSourceArn": fifo, "FunctionName": "quick", "MaximumBatchingWindowInSeconds": 5},
                "Batching window is not supported for FIFO queues",
            ),
            (
                {
                    "EventSourceArn": fifo,
                    "FunctionName": "quick",
                    "BatchSize": 100,
                    "MaximumBatchingWindowInSeconds": 5,
                },
                "Batching window is not supported for FIFO queues",
            ),
            (
                {"EventSourceArn": fifo, "FunctionName": "quick", "BatchSize": 11},
                "Maximum batch size must be between 1 and 10 inclusive",
            ),
            (
                {"EventSourceArn": ARN, "FunctionName": "quick", "BatchSize": 11},
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            ),
        ):
            assert refused(runtime, "create", **request) == (400, invalid, said)
        made = runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="quick")
        assert refused(runtime, "create", EventSourceArn=ARN, FunctionName="quick") == (
            409,
            "ResourceConflictException",
            f'An event source mapping with SQS arn (" {ARN} ") and function (" quick ") already exists. Please update or'
            f" delete the existing mapping with UUID {made['UUID']}",
        )


def test_row_13_update_is_refused_in_the_same_words_and_equal_times_pass(declare: Declare) -> None:
    quick, even, slow = (
        declare(TAKES, name=name, timeout=timeout) for name, timeout in (("q", 5), ("e", 30), ("s", 31))
    )
    with opened(world(quick, even, slow, visibility_timeout=30)) as runtime:
        uuid = runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="q")["UUID"]
        runtime.settle()
        assert refused(runtime, "update", UUID=uuid, FunctionName="s")[2] == (
            "Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds"
        )
        assert refused(runtime, "update", UUID=uuid, BatchSize=11)[2].startswith(
            "Maximum batch window in seconds"
        )
        after = runtime.update_event_source_mapping(UUID=uuid, FunctionName="e")
        assert after["FunctionArn"].endswith(":function:e")


@pytest.mark.parametrize(
    ("request_", "status", "code", "said"),
    [
        ({"FunctionName": "fn"}, 400, "InvalidParameterValueException", "Unrecognized event source."),
        (
            {"EventSourceArn": f"{ARN}-not", "FunctionName": "not"},
            404,
            "ResourceNotFoundException",
            "Function does not exist",
        ),
        (
            {"EventSourceArn": f"{ARN}-not", "FunctionName": "fn"},
            400,
            "InvalidParameterValueException",
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error"
            " Message: The specified queue does not exist.",
        ),
        (
            {"EventSourceArn": ARN, "FunctionName": "fn", "BisectBatchOnFunctionError": True},
            400,
            "InvalidParameterValueException",
            "Unsupported BisectBatchOnFunctionError parameter for given event source mapping type.",
        ),
        (
            {"EventSourceArn": ARN, "FunctionName": "fn", "ScalingConfig": {"MaximumConcurrency": 1}},
            400,
            "ValidationException",
            "1 validation error detected: Value '1' at 'scalingConfig.maximumConcurrency' failed to satisfy constraint:"
            " Member must have value greater than or equal to 2",
        ),
        (
            {"EventSourceArn": ARN, "FunctionName": "fn", "BatchSize": 10_001},
            400,
            "ValidationException",
            "1 validation error detected: Value '10001' at 'batchSize' failed to satisfy constraint: Member must have"
            " value less than or equal to 10000",
        ),
        (
            {
                "EventSourceArn": ARN,
                "FunctionName": "fn",
                "ScalingConfig": {"MaximumConcurrency": 2},
                "ProvisionedPollerConfig": {"MinimumPollers": 2},
            },
            400,
            "InvalidParameterValueException",
            "MaximumConcurrency and ProvisionedPollerConfig cannot be specified together.",
        ),
        (
            {
                "EventSourceArn": ARN,
                "FunctionName": "fn",
                "FilterCriteria": {"Filters": [{"Pattern": "{}"}] * 6},
            },
            400,
            "InvalidParameterValueException",
            "Number of filters 6 exceeds the limit of 5 per event source mapping.",
        ),
    ],
)
def test_what_aws_refuses_of_a_request(
    declare: Declare, request_: dict[str, Any], status: int, code: str, said: str
) -> None:
    with opened(world(declare(TAKES))) as runtime:
        assert refused(runtime, "create", **request_) == (status, code, said)
        assert runtime.list_event_source_mappings()["EventSourceMappings"] == []


@pytest.mark.parametrize(
    "pattern", ["null", "simple string", '{"eventSource": "aws:sqs"}', '{"eventSource": []}']
)
def test_row_18_a_pattern_that_is_none_is_refused_at_create(declare: Declare, pattern: str) -> None:
    with opened(world(declare(TAKES))) as runtime:
        criteria = {"Filters": [{"Pattern": pattern}]}
        told = refused(runtime, "create", EventSourceArn=ARN, FunctionName="fn", FilterCriteria=criteria)
        assert told == (400, "InvalidParameterValueException", "Invalid filter pattern definition.")


def test_nothing_is_found_under_an_unknown_uuid(declare: Declare) -> None:
    gone = (404, "ResourceNotFoundException", "The resource you requested does not exist.")
    with opened(world(declare(TAKES))) as runtime:
        for call in ("get", "update", "delete"):
            assert refused(runtime, call, UUID="no-such") == gone


def test_each_state_is_seen_once_and_in_between_a_mapping_is_in_use(declare: Declare) -> None:
    update_in_use = (
        400,
        "ResourceInUseException",
        "Cannot update the event source mapping because it is in use.",
    )
    delete_in_use = (
        400,
        "ResourceInUseException",
        "Cannot delete the event source mapping because it is in use.",
    )
    with opened(world(declare(TAKES))) as runtime:
        uuid = runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="fn")["UUID"]
        seen = [state(runtime, uuid)]
        for change in ({"BatchSize": 3}, {"Enabled": False}, {"BatchSize": 4}, {"Enabled": True}):
            assert refused(runtime, "update", UUID=uuid, BatchSize=5) == update_in_use
            assert refused(runtime, "delete", UUID=uuid) == delete_in_use
            runtime.advance(seconds=1)
            seen.append(state(runtime, uuid))
            seen.append(runtime.update_event_source_mapping(UUID=uuid, **change)["State"])
        runtime.advance(seconds=1)
        seen.append(state(runtime, uuid))
        seen.append(runtime.delete_event_source_mapping(UUID=uuid)["State"])
        seen.append(state(runtime, uuid))
        runtime.advance(seconds=1)
        assert refused(runtime, "get", UUID=uuid)[0] == 404
        told = [record.state for record in runtime.log.of("mapping.changed")]
    assert seen == [
        "Creating", "Enabled", "Updating", "Enabled", "Disabling", "Disabled", "Updating", "Disabled", "Enabling",
        "Enabled", "Deleting", "Deleting",
    ]  # fmt: skip
    assert told == [*dict.fromkeys(["Creating"]), *seen[1:-1], ""]


def test_row_also_what_goes_on_behind_its_answer_is_answered_with_202(declare: Declare) -> None:
    with opened(world(declare(TAKES))) as runtime:
        answers = [runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="fn", Enabled=False)]
        uuid = answers[0]["UUID"]
        assert answers[0]["State"] == "Disabled"
        answers.append(runtime.update_event_source_mapping(UUID=uuid, BatchSize=1))
        answers.append(runtime.get_event_source_mapping(UUID=uuid))
        runtime.advance(seconds=1)
        answers.append(runtime.delete_event_source_mapping(UUID=uuid))
        assert [one["ResponseMetadata"]["HTTPStatusCode"] for one in answers] == [202, 202, 200, 202]


def test_created_disabled_it_is_disabled_at_once(declare: Declare) -> None:
    with opened(world(declare(TAKES))) as runtime:
        made = runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="fn", Enabled=False)
        assert made["State"] == "Disabled"
        runtime.queue("jobs").send("1")
        runtime.advance(seconds=60)
        assert starts(runtime) == []
        runtime.update_event_source_mapping(UUID=made["UUID"], Enabled=True)
        runtime.settle()
        assert starts(runtime) == [61]


def test_get_shows_the_old_settings_until_an_update_is_through(declare: Declare) -> None:
    with opened(world(declare(TAKES), mapping={})) as runtime:
        uuid = runtime.list_event_source_mappings()["EventSourceMappings"][0]["UUID"]
        assert runtime.update_event_source_mapping(UUID=uuid, BatchSize=3)["BatchSize"] == 3
        told = runtime.get_event_source_mapping(UUID=uuid)
        assert (told["BatchSize"], told["State"]) == (10, "Updating")
        runtime.advance(seconds=1)
        told = runtime.get_event_source_mapping(UUID=uuid)
        assert (told["BatchSize"], told["State"]) == (3, "Enabled")


def test_new_settings_hold_for_the_batches_behind_them(declare: Declare) -> None:
    with opened(world(declare(TAKES), mapping={"enabled": False})) as runtime:
        uuid = runtime.list_event_source_mappings()["EventSourceMappings"][0]["UUID"]
        for body in map(str, range(7)):
            runtime.queue("jobs").send(body)
        runtime.update_event_source_mapping(UUID=uuid, BatchSize=3, Enabled=True)
        runtime.settle()
        assert [len(record.message_ids) for record in runtime.log.of("batch.received")] == [3, 3, 1]


def test_an_empty_configuration_clears_what_was_set(declare: Declare) -> None:
    with opened(world(declare(TAKES))) as runtime:
        made = runtime.create_event_source_mapping(
            EventSourceArn=ARN,
            FunctionName="fn",
            ScalingConfig={"MaximumConcurrency": 7},
            MetricsConfig={"Metrics": ["EventCount"]},
            FunctionResponseTypes=["ReportBatchItemFailures"],
            FilterCriteria={"Filters": [{"Pattern": '{"body": ["a"]}'}]},
        )
        assert made["ScalingConfig"] == {"MaximumConcurrency": 7}
        assert made["MetricsConfig"] == {"Metrics": ["EventCount"]}
        assert made["FilterCriteria"] == {"Filters": [{"Pattern": '{"body": ["a"]}'}]}
        assert made["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        runtime.advance(seconds=1)
        after = runtime.update_event_source_mapping(
            UUID=made["UUID"],
            ScalingConfig={},
            MetricsConfig={},
            FunctionResponseTypes=[],
            FilterCriteria={},
            ProvisionedPollerConfig={"MaximumPollers": 9},
        )
        assert not {"ScalingConfig", "MetricsConfig", "FilterCriteria"} & after.keys()
        assert after["FunctionResponseTypes"] == []
        assert after["ProvisionedPollerConfig"] == {"MinimumPollers": 2, "MaximumPollers": 9}


def test_disabled_during_an_invocation_it_ends_and_its_success_deletes(declare: Declare) -> None:
    project = world(declare(TAKES, duration=lasting(10), timeout=20), mapping={"batch_size": 1})
    with opened(project) as runtime:
        for body in map(str, range(5)):
            runtime.queue("jobs").send(body)
        for body in map(str, range(5)):
            runtime.queue("jobs").send(body)
        runtime.advance(seconds=0.1)
        uuid = runtime.list_event_source_mappings()["EventSourceMappings"][0]["UUID"]
        runtime.update_event_source_mapping(UUID=uuid, Enabled=False)
        runtime.advance(seconds=60)
        assert state(runtime, uuid) == "Disabled"
        assert starts(runtime) == [0] * 5
        assert [record.verdict for record in runtime.log.of("batch.settled")] == ["succeeded"] * 5
        assert runtime.queue("jobs").counts().visible == 5


def test_disabled_while_it_gathers_what_was_gathered_comes_back_at_its_visibility(declare: Declare) -> None:
    window = {"batch_size": 10, "maximum_batching_window_in_seconds": 5}
    with opened(world(declare(TAKES), mapping=window, visibility_timeout=30)) as runtime:
        runtime.queue("jobs").send("1")
        runtime.advance(seconds=1)
        uuid = runtime.list_event_source_mappings()["EventSourceMappings"][0]["UUID"]
        runtime.update_event_source_mapping(UUID=uuid, Enabled=False)
        runtime.advance(seconds=28)
        assert runtime.queue("jobs").counts().hidden == 1
        runtime.advance(seconds=1)
        assert runtime.queue("jobs").counts().visible == 1
        assert starts(runtime) == []
        runtime.update_event_source_mapping(UUID=uuid, Enabled=True)
        runtime.settle()
        assert starts(runtime) == [36]


def test_deleted_while_a_batch_is_throttled_the_batch_is_dropped(declare: Declare) -> None:
    function = declare(TAKES, duration=lasting(20), timeout=30, reserved_concurrent_executions=1)
    with opened(world(function, mapping={"batch_size": 1}, visibility_timeout=60)) as runtime:
        runtime.queue("jobs").send("runs")
        runtime.queue("jobs").send("throttled")
        runtime.advance(seconds=1)
        uuid = runtime.list_event_source_mappings()["EventSourceMappings"][0]["UUID"]
        runtime.delete_event_source_mapping(UUID=uuid)
        assert len(runtime.log.of("batch.dropped")) == 1
        runtime.advance(seconds=58)
        assert runtime.queue("jobs").counts().hidden == 1
        runtime.advance(seconds=1)
        assert [message.body for message in runtime.queue("jobs").messages()] == ["throttled"]
        assert starts(runtime) == [0]
        assert refused(runtime, "get", UUID=uuid)[0] == 404


def test_an_update_of_the_function_sends_later_batches_there(declare: Declare) -> None:
    one, two = declare(TAKES, name="one"), declare(TAKES, name="two")
    with opened(world(one, two, mapping={})) as runtime:
        uuid = runtime.list_event_source_mappings()["EventSourceMappings"][0]["UUID"]
        runtime.queue("jobs").send("1")
        runtime.advance(seconds=0.5)
        runtime.update_event_source_mapping(UUID=uuid, FunctionName="two")
        runtime.queue("jobs").send("2")
        runtime.advance(seconds=1)
        runtime.queue("jobs").send("3")
        runtime.settle()
        assert [r.function for r in runtime.log.of("invocation.started")] == ["one", "one", "two"]


def test_an_alias_that_means_another_version_stretches_the_visibility_by_its_timeout(
    declare: Declare,
) -> None:
    quick = declare("def handler(e, c): raise ValueError\n", timeout=5)
    with opened(world(quick, visibility_timeout=30)) as runtime:
        runtime.publish_version("fn")
        runtime.update_function(evolve(quick, timeout=30))
        runtime.publish_version("fn")
        runtime.put_alias("fn", "live", "1")
        runtime.create_event_source_mapping(
            EventSourceArn=ARN, FunctionName="fn:live", MaximumBatchingWindowInSeconds=10
        )
        runtime.put_alias("fn", "live", "2")
        runtime.advance(seconds=1)
        runtime.queue("jobs").send("1")
        runtime.advance(seconds=100)
        # The window, the timeout of version 2 and 30 s: hidden for 70 s, and then gathered for 10 s again.
        assert starts(runtime) == [11, 81]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("fn", ""),
        ("fn:$LATEST", ":$LATEST"),
        ("123456789012:function:fn:$LATEST", ":$LATEST"),
        ("fn:1", ":1"),
        ("fn:live", ":live"),
        ("arn:aws:lambda:us-east-1:123456789012:function:fn", ""),
        ("arn:aws:lambda:us-east-1:123456789012:function:fn:$LATEST", ""),
        ("arn:aws:lambda:us-east-1:123456789012:function:fn:1", ":1"),
        ("arn:aws:lambda:us-east-1:123456789012:function:fn:live", ":live"),
    ],
)
def test_the_function_arn_keeps_the_qualifier_as_given(declare: Declare, name: str, shown: str) -> None:
    with opened(world(declare(TAKES))) as runtime:
        runtime.publish_version("fn")
        runtime.put_alias("fn", "live", "1")
        made = runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName=name)
        assert made["FunctionArn"] == f"arn:aws:lambda:us-east-1:123456789012:function:fn{shown}"
        runtime.queue("jobs").send("1")
        runtime.settle()
        (started,) = runtime.log.of("invocation.started")
        assert started.version == ("1" if shown in (":1", ":live") else "$LATEST")


def test_another_qualifier_is_no_duplicate(declare: Declare) -> None:
    with opened(world(declare(TAKES))) as runtime:
        runtime.publish_version("fn")
        for name in ("fn", "fn:1"):
            runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName=name)
        assert refused(runtime, "create", EventSourceArn=ARN, FunctionName="fn:$LATEST")[0] == 409


def test_the_list_tells_by_source_and_function_and_a_hundred_at_most(declare: Declare) -> None:
    functions = [declare(TAKES, name=f"f{number}") for number in range(120)]
    with opened(world(*functions)) as runtime:
        for function in functions:
            runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName=function.name)
        first = runtime.list_event_source_mappings(EventSourceArn=ARN, MaxItems=1_000)
        rest = runtime.list_event_source_mappings(Marker=first["NextMarker"])
        assert [len(part["EventSourceMappings"]) for part in (first, rest)] == [100, 20]
        assert "NextMarker" not in rest
        (one,) = runtime.list_event_source_mappings(FunctionName="f7")["EventSourceMappings"]
        assert one["FunctionArn"].endswith(":f7")
        assert runtime.list_event_source_mappings(EventSourceArn=f"{ARN}.fifo")["EventSourceMappings"] == []


def test_how_long_the_states_last_is_the_accounts_to_say(declare: Declare) -> None:
    project = evolve(world(declare(TAKES)), account=Account(mapping_delay=span_of(seconds=90)))
    with opened(project) as runtime:
        uuid = runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="fn")["UUID"]
        runtime.advance(seconds=89)
        assert state(runtime, uuid) == "Creating"
        runtime.advance(seconds=1)
        assert state(runtime, uuid) == "Enabled"


def test_a_parameter_that_a_call_does_not_have_is_named(declare: Declare) -> None:
    with opened(world(declare(TAKES))) as runtime:
        with pytest.raises(TypeError, match=r'no parameter BatchSise. Did you mean "BatchSize"\?'):
            runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="fn", BatchSise=3)
        with pytest.raises(TypeError, match="needs the mapping's UUID"):
            runtime.get_event_source_mapping()
        with pytest.raises(TypeError, match="BatchSize: '3' is no whole number"):
            runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="fn", BatchSize="3")


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"Enabled": "yes"}, "Enabled: 'yes' is no truth value"),
        ({"BatchSize": True}, "BatchSize: True is no whole number"),
        ({"BatchSize": None}, "BatchSize: None is no whole number"),
        ({"EventSourceArn": 5}, "EventSourceArn: 5 is no text"),
        (
            {"ScalingConfig": {"MaximumConcurency": 5}},
            'ScalingConfig has no parameter MaximumConcurency. Did you mean "MaximumConcurrency"?',
        ),
        (
            {"FilterCriteria": [{"Pattern": "{}"}]},
            "FilterCriteria: [{'Pattern': '{}'}] is no dictionary of Filters",
        ),
        (
            {"FilterCriteria": {"Filters": [None]}},
            "FilterCriteria.Filters[0]: None is no dictionary of Pattern",
        ),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": {}}]}},
            "FilterCriteria.Filters[0].Pattern: {} is no text",
        ),
        ({"FunctionResponseTypes": "ReportBatchItemFailures"}, "'ReportBatchItemFailures' is no list"),
        ({"Tags": {"a": 1}}, "Tags['a']: 1 is no text"),
        ({"KMSKeyArn": "arn:..."}, "create_event_source_mapping: KMSKeyArn is not built yet"),
    ],
)
def test_a_parameter_of_another_kind_is_named_and_nothing_is_made(
    declare: Declare, request_: dict[str, Any], said: str
) -> None:
    with opened(world(declare(TAKES))) as runtime:
        with pytest.raises(TypeError, match=re.escape(said)):
            runtime.create_event_source_mapping(**{"EventSourceArn": ARN, "FunctionName": "fn", **request_})
        assert runtime.list_event_source_mappings()["EventSourceMappings"] == []


def test_a_parameter_that_a_call_needs_is_named(declare: Declare) -> None:
    with opened(world(declare(TAKES))) as runtime:
        with pytest.raises(TypeError, match="create_event_source_mapping needs FunctionName"):
            runtime.create_event_source_mapping(EventSourceArn=ARN)
        with pytest.raises(TypeError, match="tag_resource needs Tags"):
            runtime.tag_resource(Resource=ARN)


@pytest.mark.parametrize(
    ("most", "side"), [(0, "greater than or equal to 1"), (10_001, "less than or equal to 10000")]
)
def test_a_list_of_no_or_too_many_items_is_refused(declare: Declare, most: int, side: str) -> None:
    with opened(world(declare(TAKES), mapping={})) as runtime, pytest.raises(InvocationRefused) as told:
        runtime.list_event_source_mappings(MaxItems=most)
    assert told.value.refusal.message == (
        f"1 validation error detected: Value '{most}' at 'maxItems' failed to satisfy constraint: Member must have value"
        f" {side}"
    )


def test_the_apis_model_is_looked_at_before_the_world(declare: Declare) -> None:
    """A value outside the model is refused although the mapping, the function or the source is not there either."""
    with opened(world(declare(TAKES))) as runtime:
        for call, request in (
            ("create", {"EventSourceArn": ARN, "FunctionName": "not", "FunctionResponseTypes": ["other"]}),
            ("create", {"FunctionName": "not", "MetricsConfig": {"Metrics": ["other"]}}),
            ("update", {"UUID": "not", "BatchSize": 0}),
            ("update", {"UUID": "not", "FilterCriteria": {"Filters": [{"Pattern": "x" * 4_097}]}}),
        ):
            assert refused(runtime, call, **request)[:2] == (400, "ValidationException")


def test_a_mapping_that_an_update_brings_is_a_duplicate_before_the_update_is_through(
    declare: Declare,
) -> None:
    one, two = declare(TAKES, name="one"), declare(TAKES, name="two")
    with opened(world(one, two)) as runtime:
        made = runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="one")
        runtime.advance(seconds=1)
        runtime.update_event_source_mapping(UUID=made["UUID"], FunctionName="two")
        told = refused(runtime, "create", EventSourceArn=ARN, FunctionName="two")
        assert told[:2] == (409, "ResourceConflictException")
        assert made["UUID"] in told[2]
