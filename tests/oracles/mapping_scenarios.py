"""What the recorded tests of queues' event source mappings did, done again here through the calls for mappings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import evolve

from lambdarun.model.declarations import Project
from lambdarun.model.queue import Queue
from lambdarun.model.records import OutputCaptured
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.requests import InvocationRefused
from tests.oracles.scenarios import ACCOUNT, PRINTS_ITS_EVENT, Stage, as_refused

ARN = ACCOUNT.queue_arn("q")
PRINTS_VERSION = """
import json, os
def handler(event, context):
    said = {"function_version": context.function_version, "CUSTOM_VAR": os.environ["CUSTOM_VAR"], "event": event}
    print(json.dumps(said))
"""


@contextmanager
def _opened(
    stage: Stage, source: str = PRINTS_ITS_EVENT, *queues: Queue, **settings: Any
) -> Iterator[BlockingRuntime]:
    function = stage.function(source, **{"timeout": 3, **settings})
    declared = {queue.name: queue for queue in queues or (Queue(name="q"), Queue(name="other"))}
    project = Project(account=ACCOUNT, functions={"fn": function}, queues=declared)
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        yield runtime


def _refused(call: Callable[..., object], **request: Any) -> Any:
    with pytest.raises(InvocationRefused) as told:
        call(**request)
    return as_refused(told.value.refusal)


def _printed(runtime: BlockingRuntime) -> list[Any]:
    return [
        json.loads(record.text.decode().partition("\n")[0])
        for record in runtime.log
        if isinstance(record, OutputCaptured)
    ]


def mapping_of_one_message(stage: Stage) -> Any:
    with _opened(stage) as runtime:
        made = runtime.create_event_source_mapping(
            EventSourceArn=ARN, FunctionName="fn", MaximumBatchingWindowInSeconds=1
        )
        runtime.advance(seconds=1)
        runtime.queue("q").send('{"foo": "bar"}')
        runtime.settle()
        assert runtime.queue("q").messages() == []
        return {"create-event-source-mapping-response": made, "events": _printed(runtime)}


def mapping_with_default_batch_size(stage: Stage) -> Any:
    with _opened(stage) as runtime:
        made = runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="fn")
        runtime.advance(seconds=1)
        update, create = runtime.update_event_source_mapping, runtime.create_event_source_mapping
        other = ACCOUNT.queue_arn("other")
        return {
            "create-event-source-mapping": made,
            "invalid-update-event-source-mapping": _refused(
                update, UUID=made["UUID"], FunctionName="fn", BatchSize=11
            ),
            "invalid-create-event-source-mapping": _refused(
                create, EventSourceArn=other, FunctionName="fn", BatchSize=11
            ),
        }


def mapping_made_twice(stage: Stage) -> Any:
    with _opened(stage) as runtime:
        create = runtime.create_event_source_mapping
        made = create(EventSourceArn=ARN, FunctionName="fn")
        return {"create": made, "error": _refused(create, EventSourceArn=ARN, FunctionName="fn")}


def mapping_of_no_queue(stage: Stage) -> Any:
    with _opened(stage) as runtime:
        arn = ACCOUNT.queue_arn("not-there")
        return {"error": _refused(runtime.create_event_source_mapping, EventSourceArn=arn, FunctionName="fn")}


def mapping_with_invalid_filter(stage: Stage, *, pattern: str) -> Any:
    with _opened(stage) as runtime:
        told = _refused(
            runtime.create_event_source_mapping,
            EventSourceArn=ARN,
            FunctionName="fn",
            MaximumBatchingWindowInSeconds=1,
            FilterCriteria={"Filters": [{"Pattern": pattern}]},
        )
        return {"create_event_source_mapping_exception": told}


def mapping_with_filter(stage: Stage, *, pattern: Any, matching: Any, other: Any) -> Any:
    """Both messages wait when the mapping is made; one of them reaches the function, and none is left."""
    with _opened(stage) as runtime:
        for body in (json.dumps(matching), other if isinstance(other, str) else json.dumps(other)):
            runtime.queue("q").send(body)
        made = runtime.create_event_source_mapping(
            EventSourceArn=ARN,
            FunctionName="fn",
            MaximumBatchingWindowInSeconds=1,
            FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]},
        )
        runtime.settle()
        assert runtime.queue("q").messages() == []
        return {"create_event_source_mapping_response": made, "invocation_events": _printed(runtime)}


def mapping_moved_to_a_version(stage: Stage) -> Any:
    with _opened(stage, PRINTS_VERSION, environment={"CUSTOM_VAR": "a"}) as runtime:
        function = runtime.driver.region.catalog.latest["fn"]
        told: dict[str, Any] = {}
        arn = ACCOUNT.function_arn("fn")
        one = runtime.publish_version("fn")
        made = runtime.create_event_source_mapping(
            EventSourceArn=ARN, FunctionName=f"{arn}:{one}", MaximumBatchingWindowInSeconds=1
        )
        told["create-event-source-mapping-response"] = made
        runtime.advance(seconds=1)
        runtime.queue("q").send('{"foo": "bar"}')
        runtime.settle()
        told["events"] = _printed(runtime)
        runtime.update_function(evolve(function, environment={"CUSTOM_VAR": "b"}))
        two = runtime.publish_version("fn")
        uuid = made["UUID"]
        told["updated_esm"] = runtime.update_event_source_mapping(UUID=uuid, FunctionName=f"{arn}:{two}")
        runtime.advance(seconds=1)
        told["updated_event_source_mapping"] = runtime.get_event_source_mapping(UUID=uuid)
        runtime.queue("q").send('{"foo": "bar2"}')
        runtime.settle()
        told["events_postupdate"] = _printed(runtime)
        return told


def mapping_of_one_group(stage: Stage) -> Any:
    queue = Queue(name="q.fifo", visibility_timeout=60)
    source = "import time\ndef handler(event, context):\n    time.sleep(5)\n"
    with _opened(stage, source, queue, timeout=10) as runtime:
        made = runtime.create_event_source_mapping(
            EventSourceArn=ACCOUNT.queue_arn("q.fifo"), FunctionName="fn", Enabled=False, BatchSize=1
        )
        for number in range(5):
            runtime.queue("q.fifo").send(
                f"message-{number}", message_group_id="fixed", message_deduplication_id=str(number)
            )
        enabling = runtime.update_event_source_mapping(UUID=made["UUID"], Enabled=True)
        runtime.advance(seconds=1)
        enabled = runtime.get_event_source_mapping(UUID=made["UUID"])
        runtime.settle()
        assert len(runtime.log.of("invocation.succeeded")) == 5
        assert len({record.environment for record in runtime.log.of("invocation.succeeded")}) == 1
        return {"create_esm_disabled": made, "update_esm_enabling": enabling, "get_esm_enabled": enabled}


def mapping_at_maximum_concurrency(stage: Stage) -> Any:
    """Thirty messages in batches of twenty, two at once at most: two invocations, and none throttled."""
    with _opened(stage, reserved_concurrent_executions=2) as runtime:
        made = runtime.create_event_source_mapping(
            EventSourceArn=ARN,
            FunctionName="fn",
            MaximumBatchingWindowInSeconds=1,
            BatchSize=20,
            ScalingConfig={"MaximumConcurrency": 2},
        )
        runtime.advance(seconds=1)
        for number in range(3):
            for index in range(10):
                runtime.queue("q").send(f"{index}-{number}-message")
        runtime.settle()
        assert runtime.log.of("invocation.throttled") == []
        events = _printed(runtime)
        records = [record for event in events for record in event["Records"]]
        return {
            "create-event-source-mapping-response": made,
            "batch_info": {"total_batches_received": len(events)},
            "Records": sorted(records, key=lambda record: record["body"]),
        }


def mapping_by_names(stage: Stage) -> Any:
    with _opened(stage) as runtime:
        runtime.publish_version("fn")
        runtime.put_alias("fn", "myalias", "1")
        arn, partial = ACCOUNT.function_arn("fn"), f"{ACCOUNT.account_id}:function:fn"
        told = {}
        for name, given in {
            "name_only": "fn",
            "partial_arn_latest": f"{partial}:$LATEST",
            "partial_arn_version": f"{partial}:1",
            "partial_arn_alias": f"{partial}:myalias",
            "full_arn_latest": f"{arn}:$LATEST",
            "full_arn_version": f"{arn}:1",
            "full_arn_alias": f"{arn}:myalias",
        }.items():
            made = runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName=given)
            told[f"{name}_create_esm"] = made
            runtime.advance(seconds=1)
            runtime.delete_event_source_mapping(UUID=made["UUID"])
            runtime.advance(seconds=1)
        return told


def mapping_tags(stage: Stage) -> Any:
    with _opened(stage) as runtime:
        arn = runtime.create_event_source_mapping(EventSourceArn=ARN, FunctionName="fn")[
            "EventSourceMappingArn"
        ]
        told = {}
        for name, tagged in {
            "tag_single": {"A": "tag-a"},
            "tag_multiple": {"B": "tag-b", "C": "tag-c"},
            "tag_overlap": {"C": "tag-c-newsuffix", "D": "tag-d"},
        }.items():
            runtime.tag_resource(Resource=arn, Tags=tagged)
            told[f"{name}_response_listtags"] = runtime.list_tags(Resource=arn)
        for name, keys in {
            "untag_single": ["A"],
            "untag_multiple": ["B", "C"],
            "untag_nonexisting": ["F"],
            "untag_existing_and_nonexisting": ["D", "F"],
        }.items():
            runtime.untag_resource(Resource=arn, TagKeys=keys)
            told[f"{name}_response_listtags"] = runtime.list_tags(Resource=arn)
        return told


def mapping_tagged_at_create(stage: Stage) -> Any:
    with _opened(stage) as runtime:
        made = runtime.create_event_source_mapping(
            EventSourceArn=ARN, FunctionName="fn", Tags={"testtag": "some tag"}
        )
        told = runtime.get_event_source_mapping(UUID=made["UUID"])
        return {
            "get_event_source_mapping_with_tag": "Tags" not in told,
            "list_tags_result": runtime.list_tags(Resource=made["EventSourceMappingArn"]),
        }


def mapping_tags_refused(stage: Stage) -> Any:
    def data(told: Any) -> Any:
        return {key: told[key] for key in ("Code", "Message", "StatusCode")}

    with _opened(stage) as runtime:
        uuid = "5a3f0c1e-0000-4000-8000-000000000000"
        arn = f"arn:aws:lambda:us-east-1:{ACCOUNT.account_id}:event-source-mapping:{uuid}"
        return {
            "not_found_exception_tag": data(_refused(runtime.tag_resource, Resource=arn, Tags={"A": "B"})),
            "not_found_exception_untag": data(_refused(runtime.untag_resource, Resource=arn, TagKeys=["A"])),
            "not_found_exception_list": data(_refused(runtime.list_tags, Resource=arn)),
            "aliased_arn_exception": data(
                _refused(runtime.tag_resource, Resource=f"{arn}:alias", Tags={"A": "B"})
            ),
            "invalid_arn_exception": data(
                _refused(
                    runtime.tag_resource,
                    Resource=arn.replace("event-source-mapping", "foobar"),
                    Tags={"A": "B"},
                )
            ),
        }
