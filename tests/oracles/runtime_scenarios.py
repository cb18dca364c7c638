"""What the recorded tests of other runtimes did, done again here with functions of our own."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from lambdarun.model.function import Function
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from tests.oracles.scenarios import ECHOED, Stage, as_recorded, project
from tests.runtime.conftest import PREAMBLE

NODE_INTROSPECTION = """
exports.handler = async (event, context) => ({
  ctx: {
    function_name: context.functionName, function_version: context.functionVersion,
    invoked_function_arn: context.invokedFunctionArn, aws_request_id: context.awsRequestId,
    log_group_name: context.logGroupName, log_stream_name: context.logStreamName,
    remaining_time_in_millis: context.getRemainingTimeInMillis(),
  },
  environment: { ...process.env }, packages: [],
})
"""
PROVIDED_INTROSPECTION = """
while True:
    answer, body = ask("GET", "/runtime/invocation/next")
    told = answer.headers
    # As they were given: Python adds one of its own to os.environ.
    given = dict(pair.split("=", 1) for pair in open("/proc/self/environ").read().split("\\0") if pair)
    respond(told["Lambda-Runtime-Aws-Request-Id"], {
        "ctx": {
            "aws_request_id": told["Lambda-Runtime-Aws-Request-Id"], "deadline": told["Lambda-Runtime-Deadline-Ms"],
            "function_name": given["AWS_LAMBDA_FUNCTION_NAME"], "function_version": given["AWS_LAMBDA_FUNCTION_VERSION"],
            "invoked_function_arn": told["Lambda-Runtime-Invoked-Function-Arn"],
            "log_group_name": given["AWS_LAMBDA_LOG_GROUP_NAME"], "log_stream_name": given["AWS_LAMBDA_LOG_STREAM_NAME"],
            "memory_limit_in_mb": int(given["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
        },
        # A runtime puts the trace id there itself.
        "environment": {**given, "_X_AMZN_TRACE_ID": told["Lambda-Runtime-Trace-Id"]}, "packages": [],
    })
"""
PROVIDED_ERROR = """
request_id, event = take()
respond(request_id, {error}, "error", {{"Lambda-Runtime-Function-Error-Type": "Function.Error"}})
take()
"""
PROVIDED_ECHO = "while True:\n    request_id, event = take()\n    respond(request_id, event)\n"


def function(stage: Stage, source: str, runtime: str, **settings: Any) -> Function:
    """A function named `fn` with this source, in the language of its runtime."""
    given = {"handler": "index.handler", "timeout": 30, **settings}
    if runtime.startswith("provided"):
        file = stage.folder / "bootstrap"
        file.write_text(PREAMBLE + source, encoding="utf-8")
        file.chmod(0o755)
    elif runtime.startswith("nodejs"):
        if shutil.which("node") is None:
            pytest.skip("there is no Node.js here")
        module = given["handler"].rpartition(".")[0]
        ending = "mjs" if "import " in source or "export " in source else "js"
        (stage.folder / f"{module}.{ending}").write_text(source, encoding="utf-8")
    else:
        (stage.folder / "index.py").write_text(source, encoding="utf-8")
    return Function(name="fn", code_uri=stage.folder, runtime=runtime, **given)


def opened(one: Function) -> Any:
    return open_blocking_runtime(project(one))


def node_counter(stage: Stage) -> Any:
    source = "let counter = 0;\nexports.handler = async () => ({ counter: counter++ });\n"
    with opened(function(stage, source, "nodejs20.x")) as runtime:
        first, second = as_recorded(runtime.invoke("fn", {})), as_recorded(runtime.invoke("fn", {}))
    return {"first_invoke_result": first, "second_invoke_result": second}


def node_request_response(stage: Stage) -> Any:
    with opened(function(stage, "exports.handler = async (event) => event;\n", "nodejs16.x")) as runtime:
        return {"invoke-result": as_recorded(runtime.invoke("fn", {}))}


def node_event(stage: Stage) -> Any:
    one = function(stage, "exports.handler = async (event) => event;\n", "nodejs16.x")
    with open_blocking_runtime(project(one), clock=VirtualClock()) as runtime:
        told = {"invoke-result": as_recorded(runtime.accept("fn", {}))}
        runtime.settle()
    return told


def node_context(stage: Stage) -> Any:
    source = "exports.handler = (event, context, callback) => callback(null, { context });\n"
    client = "eyJjdXN0b20iOiB7ImZvbyI6ICJiYXIifSwgImNsaWVudCI6IHsic25hcCI6IFsiY3JhY2tsZSIsICJwb3AiXX0sICJlbnYiOiB7ImZpenoiOiAiYnV6eiJ9fQ=="
    with opened(function(stage, source, "nodejs18.x")) as runtime:
        return {"invocation": as_recorded(runtime.invoke("fn", {}, client_context=client))}


def node_es_module(stage: Stage, *, runtime: str) -> Any:
    source = """
import { Buffer } from "node:buffer";
export const handler = async (event) => ({
  statusCode: 200,
  body: JSON.stringify(Buffer.from(`response from localstack lambda: ${JSON.stringify(event)}`).toString()),
});
"""
    with opened(function(stage, source, runtime, handler="lambda_handler_es6.handler")) as open_:
        reply = open_.invoke("fn", payload=b'{"event_type": "test_lambda"}')
    return {"invocation-result": {**as_recorded(reply), "Payload": reply.json()}}


def echo_elsewhere(stage: Stage, *, runtime: str) -> Any:
    with opened(function(stage, "exports.handler = async (event) => event;\n", runtime)) as open_:
        assert [_whole(open_, payload) for payload in ECHOED] == ECHOED
    return {}


def _whole(runtime: BlockingRuntime, payload: Any) -> Any:
    reply = runtime.invoke("fn", payload=json.dumps(payload).encode())
    assert (reply.status, reply.ok) == (200, True)
    return reply.json()


def introspection_elsewhere(stage: Stage, *, runtime: str, handler: str) -> Any:
    source = PROVIDED_INTROSPECTION if runtime.startswith("provided") else NODE_INTROSPECTION
    settings = {
        "memory_size": 1024,
        "timeout": 3,
        "environment": {"TEST_KEY": "TEST_VAL"},
        "handler": handler,
    }
    with opened(function(stage, source, runtime, **settings)) as open_:
        plain = open_.invoke("fn", {}).json()
        qualified = open_.invoke("fn", {}, qualifier="$LATEST").json()
    return {"invocation_result_payload": plain, "invocation_result_payload_qualified": qualified}


def uncaught_in_node(stage: Stage, *, runtime: str) -> Any:
    source = 'exports.handler = async (event) => { throw new Error(`Error: ${event["error_msg"]}`); };\n'
    with opened(function(stage, source, runtime, memory_size=1024, timeout=3)) as open_:
        return {"error_result": as_recorded(open_.invoke("fn", {"error_msg": "some_error_msg"}))}


def uncaught_in_bootstrap(stage: Stage, *, runtime: str, error: dict[str, str]) -> Any:
    source = PROVIDED_ERROR.format(error=error)
    with opened(function(stage, source, runtime, memory_size=1024, timeout=3)) as open_:
        return {"error_result": as_recorded(open_.invoke("fn", {"error_msg": "some_error_msg"}))}


def wrapped(stage: Stage, *, runtime: str) -> Any:
    wrapper = stage.folder / "environment_wrapper"
    wrapper.write_text('#!/bin/bash\nexport WRAPPER_VAR="test_value"\nexec "$@"\n')
    wrapper.chmod(0o755)
    source = "exports.handler = async () => process.env.WRAPPER_VAR;\n"
    if runtime.startswith("python"):
        source = "import os\ndef handler(event, context):\n    return os.environ['WRAPPER_VAR']\n"
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/environment_wrapper"}
    with opened(function(stage, source, runtime, environment=variables, timeout=3)) as open_:
        assert open_.invoke("fn", {}).json() == "test_value"
    return {}
