"""What the recorded tests of versions, aliases and provisioned concurrency did, done again here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from lambdarun.model.function import Alias, Function
from lambdarun.model.provisioning import ProvisionedConcurrencyConfig
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.requests import InvocationRefused
from tests.oracles.scenarios import ACCOUNT, CONTEXT, Stage, as_recorded, as_refused, project

TELLS_ITS_VERSION = """
def handler(event, context):
    return {{"version_id": {code!r}, "invoked_arn": context.invoked_function_arn, "version_from_ctx": context.function_version}}
"""


def refused(ask: Callable[[], object]) -> Any:
    """What was answered instead."""
    with pytest.raises(InvocationRefused) as told:
        ask()
    return as_refused(told.value.refusal)


def _refused_as_data(ask: Callable[[], object]) -> Any:
    """The same in the form of the recordings of the management API: code, text and status."""
    told = refused(ask)
    return {key: told[key] for key in ("Code", "Message", "StatusCode")}


def _config(config: ProvisionedConcurrencyConfig) -> dict[str, Any]:
    return {
        "AllocatedProvisionedConcurrentExecutions": config.allocated,
        "AvailableProvisionedConcurrentExecutions": config.available,
        "RequestedProvisionedConcurrentExecutions": config.requested,
        "Status": config.status.value,
    }


def _update(stage: Stage, runtime: BlockingRuntime, source: str, **settings: Any) -> Function:
    function = stage.function(source, **settings)
    runtime.update_function(function)
    return function


def versions_with_code_changes(stage: Stage) -> Any:
    function = stage.function(TELLS_ITS_VERSION.format(code="version1"))
    told = {}
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        runtime.publish_version("fn")
        _update(stage, runtime, TELLS_ITS_VERSION.format(code="version2"))
        told["invocation_result_latest"] = runtime.invoke("fn", {})
        told["invocation_result_v1"] = runtime.invoke("fn", {}, qualifier="1")
        runtime.publish_version("fn")
        told["invocation_result_v2"] = runtime.invoke("fn", {}, qualifier="2")
        _update(stage, runtime, TELLS_ITS_VERSION.format(code="version3"))
        runtime.publish_version("fn")
        told["invocation_result_v3"] = runtime.invoke("fn", {}, qualifier="3")
        told["invocation_result_latest_end"] = runtime.invoke("fn", {})
        told["invocation_result_v2_end"] = runtime.invoke("fn", {}, qualifier="2")
        told["invocation_result_v1_end"] = runtime.invoke("fn", {}, qualifier="1")
    return {key: as_recorded(reply) for key, reply in told.items()}


def alias_moving(stage: Stage) -> Any:
    function = stage.function(TELLS_ITS_VERSION.format(code="version1"))
    told = {}
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        runtime.publish_version("fn")
        runtime.put_alias("fn", "alias1", "1")
        told["invocation_result_qualifier_v1"] = runtime.invoke("fn", {}, qualifier="alias1")
        arn = f"{ACCOUNT.function_arn('fn')}:alias1"
        told["invocation_result_qualifier_v1_arn"] = runtime.invoke(arn, {})
        _update(stage, runtime, TELLS_ITS_VERSION.format(code="version2"))
        told["invocation_result_qualifier_v1_after_update"] = runtime.invoke("fn", {}, qualifier="alias1")
        runtime.publish_version("fn")
        told["invocation_result_qualifier_v1_after_publish"] = runtime.invoke("fn", {}, qualifier="alias1")
        runtime.put_alias("fn", "alias1", "2")
        told["invocation_result_qualifier_v2"] = runtime.invoke("fn", {}, qualifier="alias1")
        exception = refused(lambda: runtime.invoke("fn", {}, qualifier="non-existent-alias"))
    return {
        **{key: as_recorded(reply) for key, reply in told.items()},
        "invocation_exc_not_existent": exception,
    }


def alias_with_weights(stage: Stage) -> Any:
    function = stage.function("def handler(event, context):\n    return context.function_version\n")
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        runtime.publish_version("fn")
        runtime.update_function(evolve(function, timeout=7))
        runtime.publish_version("fn")
        runtime.put_alias("fn", "alias1", "1", additional_version_weights={"2": 0.5})
        # As the recorded test: 1,000 invocations, each version between 400 and 600 of them.
        versions = [runtime.invoke("fn", qualifier="alias1").executed_version for _ in range(1_000)]
        alias = runtime.driver.region.catalog.aliases("fn")["alias1"]
    assert 400 < versions.count("1") < 600
    return {
        "FunctionVersion": alias.function_version,
        "Name": alias.name,
        "RoutingConfig": {"AdditionalVersionWeights": dict(alias.additional_version_weights)},
    }


def qualifier(stage: Stage) -> Any:
    source = f"""
import logging
logging.getLogger().setLevel(logging.INFO)
{CONTEXT}
def handler(event, context):
    print("Lambda log message - print function")
    logging.info("Lambda log message - logging module")
    return {{"event": event, "context": context_of(context)}}
"""
    function = stage.function(source, timeout=10)
    with open_blocking_runtime(project(function)) as runtime:
        runtime.publish_version("fn")
        reply = runtime.invoke("fn", {"foo": "bar with 'quotes\""}, qualifier="1", log_tail=True)
    lines = (reply.log_tail or b"").decode().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("START"))
    return {"log_result": {"log_result": lines[start:-1]}, "invocation-response": as_recorded(reply)}


def handler_update(stage: Stage) -> Any:
    source = "def handler(event, context):\n    return {'handler': 'handler'}\n"
    source += "def handler_two(event, context):\n    return {'handler': 'handler_two'}\n"
    told = {}
    function = stage.function(source)
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        told["invoke_result_handler_one"] = runtime.invoke("fn", {})
        runtime.update_function(evolve(function, handler="handler.handler_two"))
        told["invoke_result_handler_two"] = runtime.invoke("fn", {})
        runtime.publish_version("fn")
        told["invoke_result_handler_two_postpublish"] = runtime.invoke("fn", {})
    return {key: as_recorded(reply) for key, reply in told.items()}


def queued_events_across_an_update(stage: Stage) -> Any:
    source = (
        "import os, time\ndef handler(event, context):\n    time.sleep(event['wait'])\n"
        "    print(event['name'] + '--' + os.environ['VARIANT'])\n"
    )
    function = stage.function(
        source, timeout=30, reserved_concurrent_executions=1, environment={"VARIANT": "variant-1"}
    )
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        runtime.accept("fn", {"name": "01-sleep", "wait": 20})
        runtime.advance(seconds=5)
        for number in range(2, 11):
            runtime.accept("fn", {"name": f"{number:02}-before", "wait": 0})
        runtime.update_function(evolve(function, environment={"VARIANT": "variant-2"}))
        for number in range(11, 16):
            runtime.accept("fn", {"name": f"{number:02}-after", "wait": 0})
        runtime.settle()
        printed = [record.text.decode().strip() for record in runtime.log.of("output.captured")]
    return {"async_invoke_history_sorted": sorted(printed)}


def provisioned(stage: Stage, *, alias: bool) -> Any:
    source = (
        "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"
    )
    function = stage.function(source)
    on = "alias1" if alias else "1"
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        runtime.publish_version("fn")
        runtime.put_alias("fn", "alias1", "1")
        put = runtime.put_provisioned_concurrency("fn", on, 5)
        before = runtime.provisioned_concurrency("fn", on)
        runtime.settle()
        after = runtime.provisioned_concurrency("fn", on)
        # The recorded test invokes both: the qualifier is provisioned, $LATEST is not.
        assert runtime.invoke("fn", qualifier=on).json() == "provisioned-concurrency"
        assert runtime.invoke("fn", qualifier="$LATEST").json() == "on-demand"
    told = {"put_provisioned_5": put, "get_provisioned_prewait": before, "get_provisioned_postwait": after}
    return {key: _config(config) for key, config in told.items()}


def provisioned_one(stage: Stage) -> Any:
    function = stage.function("def handler(event, context):\n    pass\n")
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        runtime.publish_version("fn")
        runtime.put_provisioned_concurrency("fn", "1", 1)
        runtime.settle()
        return {"get_provisioned_postwait": _config(runtime.provisioned_concurrency("fn", "1"))}


def provisioned_fails(stage: Stage) -> Any:
    function = stage.function("raise Exception\n")
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        runtime.publish_version("fn")
        runtime.put_provisioned_concurrency("fn", "1", 1)
        runtime.settle()
        config = runtime.provisioned_concurrency("fn", "1")
    return {**_config(config), "StatusReason": config.status_reason}


def provisioned_moves(stage: Stage) -> Any:
    function = stage.function("def handler(event, context):\n    pass\n", timeout=2)
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        runtime.publish_version("fn")
        runtime.put_alias("fn", "alias1", "1")
        runtime.put_provisioned_concurrency("fn", "alias1", 1)
        runtime.settle()
        runtime.update_function(evolve(function, timeout=10))
        runtime.publish_version("fn")
        runtime.put_alias("fn", "alias1", "2")
        moved = _config(runtime.provisioned_concurrency("fn", "alias1"))
        missing = _refused_as_data(lambda: runtime.provisioned_concurrency("fn", "1"))
    return {"get_provisioned_config_after_alias_move": moved, "provisioned_concurrency_notfound": missing}


def reserved_and_provisioned(stage: Stage) -> Any:
    function = stage.function("def handler(event, context):\n    pass\n")
    told: dict[str, Any] = {}
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        runtime.publish_version("fn")
        told["put_provisioned_5"] = _config(runtime.put_provisioned_concurrency("fn", "1", 2))
        told["get_provisioned_prewait"] = _config(runtime.provisioned_concurrency("fn", "1"))
        runtime.settle()
        told["get_provisioned_postwait"] = _config(runtime.provisioned_concurrency("fn", "1"))

        def reserve(count: int, **settings: Any) -> None:
            runtime.update_function(evolve(function, reserved_concurrent_executions=count, **settings))

        told["reserved_lower_than_provisioned_exc"] = _refused_as_data(lambda: reserve(1))
        reserve(2)
        told["reserved_equals_provisioned_latest_invoke_exc"] = refused(lambda: runtime.invoke("fn", {}))
        assert runtime.invoke("fn", {}, qualifier="1").ok
        reserve(2, timeout=15)
        runtime.publish_version("fn")
        told["reserved_equals_provisioned_another_provisioned_exc"] = _refused_as_data(
            lambda: runtime.put_provisioned_concurrency("fn", "2", 1)
        )
        told["reserved_equals_provisioned_increase_provisioned_exc"] = _refused_as_data(
            lambda: runtime.put_provisioned_concurrency("fn", "1", 3)
        )
    return told


def alias_refusals(stage: Stage) -> Any:
    function = stage.function("def handler(event, context):\n    pass\n")
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        for timeout in (1, 2, 3):
            runtime.update_function(evolve(function, timeout=timeout))
            runtime.publish_version("fn")

        def refusal(version: str, weights: dict[str, float], name: str = "fn") -> Any:
            return _refused_as_data(
                lambda: runtime.put_alias(name, "custom", version, additional_version_weights=weights)
            )

        return {
            "routing_config_exc_toomany": refusal("1", {"2": 0.5, "3": 0.5}),
            "routing_config_exc_toohigh": refusal("1", {"2": 2.0}),
            "routing_config_exc_subzero": refusal("1", {"2": -1.0}),
            "routing_config_exc_sameversion": refusal("1", {"1": 0.5}),
            "target_version_doesnotexist": refusal("10", {}),
            "routing_config_exc_version_doesnotexist": refusal("1", {"10": 0.5}),
            "target_version_exc_version_latest": refusal("$LATEST", {"1": 0.5}),
            "routing_config_exc_version_latest": refusal("1", {"$LATEST": 0.5}),
        }


def provisioning_refusals(stage: Stage) -> Any:
    function = stage.function("def handler(event, context):\n    pass\n")
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        runtime.publish_version("fn")

        def put(name: str, qualifier: str, executions: int = 1) -> Any:
            return _refused_as_data(lambda: runtime.put_provisioned_concurrency(name, qualifier, executions))

        def get(name: str, qualifier: str) -> Any:
            return _refused_as_data(lambda: runtime.provisioned_concurrency(name, qualifier))

        return {
            "get_provisioned_config_doesnotexist": get("fn", "1"),
            "get_provisioned_functionname_doesnotexist": get("doesnotexist", "noalias"),
            "get_provisioned_qualifier_doesnotexist": get("fn", "noalias"),
            "get_provisioned_version_doesnotexist": get("fn", "10"),
            "get_provisioned_latest": get("fn", "$LATEST"),
            "put_provisioned_invalid_param_0": put("fn", "1", 0),
            "put_provisioned_functionname_doesnotexist_alias": put("doesnotexist", "noalias"),
            "put_provisioned_functionname_doesnotexist_version": put("doesnotexist", "1"),
            "put_provisioned_qualifier_doesnotexist": put("fn", "doesnotexist"),
            "put_provisioned_version_doesnotexist": put("fn", "10"),
            "put_provisioned_latest": put("fn", "$LATEST"),
        }


def provisioning_conflicts(stage: Stage) -> Any:
    told = {}
    for first, second, key in (
        ("1", "alias1", "put_provisioned_on_alias_versionconflict"),
        ("alias1", "1", "put_provisioned_on_version_conflict"),
    ):
        function = stage.function("def handler(event, context):\n    pass\n")
        version = evolve(function, version="1")
        alias = Alias(name="alias1", function_version="1")
        declared = evolve(function, versions={"1": version}, aliases={"alias1": alias})
        with open_blocking_runtime(project(declared), clock=VirtualClock()) as runtime:
            runtime.put_provisioned_concurrency("fn", first, 1)
            told[key] = _refused_as_data(
                lambda runtime=runtime, second=second: runtime.put_provisioned_concurrency("fn", second, 1)
            )
    return told


def version_numbers(stage: Stage) -> Any:
    """Publishing twice without a change gives one version; the recordings' version numbers in order."""
    function = stage.function("def handler(event, context):\n    pass\n")
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        first = runtime.publish_version("fn")
        runtime.update_function(evolve(function, timeout=9))
        second = runtime.publish_version("fn")
        third = runtime.publish_version("fn")
    return {
        "first_publish_response": {"Version": first},
        "second_publish_response": {"Version": second},
        "third_publish_response": {"Version": third},
    }
