"""Node.js handlers under our own client: payloads, errors, log lines and context as AWS's client gives them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdarun.errors import MachineError
from lambdarun.model.function import Function
from lambdarun.model.invoke_request import InvokeReply
from lambdarun.runtime.blocking import open_blocking_runtime
from tests.conftest import project_of

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
Node = Callable[..., Function]
DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A function of Node.js whose file has this source."""

    def make(source: str, *, file: str = "index.js", **settings: Any) -> Function:
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(source, encoding="utf-8")
        given = {"name": "fn", "handler": "index.handler", "runtime": "nodejs20.x", "timeout": 10, **settings}
        return Function(code_uri=tmp_path, **given)

    return make


def once(function: Function, event: Any = None) -> InvokeReply:
    with open_blocking_runtime(project_of(function)) as runtime:
        return runtime.invoke("fn", event, log_tail=True)


def log(reply: InvokeReply) -> str:
    assert reply.log_tail is not None
    return reply.log_tail.decode()


def failure(reply: InvokeReply) -> tuple[str, str]:
    told = json.loads(reply.payload)
    assert isinstance(told["trace"], list)
    return told["errorType"], told["errorMessage"]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("index.js", "exports.handler = async (event) => ({ got: event })"),
        ("index.cjs", "module.exports = { handler: async (event) => ({ got: event }) }"),
        ("index.mjs", "export const handler = async (event) => ({ got: event })"),
        ("index.mjs", "export default { handler: async (event) => ({ got: event }) }"),
        ("index.js", "exports.handler = (event, context, callback) => callback(null, { got: event })"),
        ("index.js", "exports.handler = (event, context) => context.succeed({ got: event })"),
        ("index.js", "exports.handler = (event, context) => context.done(null, { got: event })"),
    ],
)
def test_each_style_of_handler_answers(node: Node, file: str, source: str) -> None:
    assert once(node(source, file=file), {"a": "ü"}).payload == '{"got":{"a":"ü"}}'.encode()


def test_a_module_by_its_package_is_an_es_module(node: Node, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    assert once(node("export const handler = async () => import.meta.url.slice(-8)")).json() == "index.js"


def test_a_handler_in_a_folder_and_in_an_object(node: Node) -> None:
    source = "exports.api = { get: async () => 1 }"
    assert once(node(source, file="lib/app.js", handler="lib/app.api.get")).json() == 1


def test_nothing_returned_is_null(node: Node) -> None:
    assert once(node("exports.handler = async () => {}")).payload == b"null"
    # An event loop that runs empty without an answer answers null.
    assert once(node("exports.handler = () => {}")).payload == b"null"
    assert once(node("exports.handler = () => new Promise(() => {})")).payload == b"null"


def test_globals_live_from_one_invocation_to_the_next_also_when_the_handler_throws(node: Node) -> None:
    source = (
        "let n = 0; exports.handler = async (event) => { n++; if (event) throw new Error('x'); return n }"
    )
    with open_blocking_runtime(project_of(node(source))) as runtime:
        assert runtime.invoke("fn", 0).json() == 1
        assert not runtime.invoke("fn", 1).ok
        assert runtime.invoke("fn", 0).json() == 3


def test_console_lines_have_time_request_id_and_level(node: Node) -> None:
    source = """
console.log("module");
exports.handler = async () => {
  console.log("hello %s", "you", { a: 1 }); console.info("i"); console.warn("w"); console.error("e"); console.debug("d");
  process.stdout.write("raw\\n");
}
"""
    reply = once(node(source))
    of = f"{DATE}\t{reply.request_id}"
    wanted = (
        f"{DATE}\tundefined\tINFO\tmodule\nSTART [^\n]*\n{of}\tINFO\thello you {{ a: 1 }}\n{of}\tINFO\ti\n"
        f"{of}\tWARN\tw\n{of}\tERROR\te\n{of}\tDEBUG\td\nraw\nEND "
    )
    assert re.search(wanted, log(reply)), log(reply)


def test_a_handlers_error_has_type_message_and_trace(node: Node) -> None:
    source = "class Mine extends Error { constructor(m) { super(m); this.name = 'Mine' } }\nexports.handler = async () => { throw new Mine('no') }"
    reply = once(node(source))
    assert list(json.loads(reply.payload)) == ["errorType", "errorMessage", "trace"]
    assert failure(reply) == ("Mine", "no")
    assert json.loads(reply.payload)["trace"][0] == "Mine: no"
    assert (
        f'{reply.request_id}\tERROR\tInvoke Error \t{{"errorType":"Mine","errorMessage":"no","stack":["Mine: no",'
        in log(reply)
    )
    assert "Status: error" not in log(reply)  # its process lives on


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "exports.handler = (event, context, callback) => callback(new Error('by callback'))",
            ("Error", "by callback"),
        ),
        ("exports.handler = (event, context, callback) => callback('a text')", ("string", "a text")),
        ("exports.handler = (event, context) => context.fail(new Error('by fail'))", ("Error", "by fail")),
        ("exports.handler = () => { throw new TypeError('at once') }", ("TypeError", "at once")),
        ("exports.handler = async () => { throw 'a text' }", ("string", "a text")),
        (
            "exports.handler = async () => { const a = {}; a.a = a; return a }",
            ("Error", "Unable to stringify response body"),
        ),
    ],
)
def test_errors_of_each_style(node: Node, source: str, told: tuple[str, str]) -> None:
    assert failure(once(node(source))) == told


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        ("", "gone.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'gone'\nRequire stack:\n- /var/runtime/index.mjs"),
        ("require('nowhere')", "index.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'nowhere'"),
        ("exports.other = 1", "index.handler", "Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
        ("exports.handler = 1", "index.handler", "Runtime.HandlerNotFound", "index.handler is not a function"),
        ("exports.handler = (", "index.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected end of input"),
        ("", "index", "Runtime.MalformedHandlerName", "Bad handler"),
        ("throw new RangeError('at import')", "index.handler", "RangeError", "at import"),
    ],
)  # fmt: skip
def test_errors_of_initialisation(
    node: Node, source: str, handler: str, error_type: str, message: str
) -> None:
    reply = once(node(source, handler=handler))
    told = failure(reply)
    assert told[0] == error_type
    assert told[1].startswith(message)
    assert log(reply).count("Uncaught Exception") == 2  # initialised twice, as on AWS
    cleaned = error_type if error_type.startswith("Runtime.") else "Runtime.Unknown"
    assert f"Phase: init\tStatus: error\tError Type: {cleaned}" in log(reply)


def test_a_rejection_that_nobody_handles_ends_the_process_and_is_the_answer(node: Node) -> None:
    source = """
const mine = Math.random();
exports.handler = async (event) => {
  if (event) { Promise.reject(new Error("lost")); await new Promise((resolve) => setTimeout(resolve, 1000)); }
  return mine;
}
"""
    with open_blocking_runtime(project_of(node(source))) as runtime:
        first = runtime.invoke("fn", 0).json()
        reply = runtime.invoke("fn", 1, log_tail=True)
        assert failure(reply) == ("Runtime.UnhandledPromiseRejection", "Error: lost")
        assert json.loads(reply.payload)["reason"]["errorMessage"] == "lost"
        assert "ERROR\tUnhandled Promise Rejection \t" in log(reply)
        assert runtime.invoke("fn", 0).json() != first


def test_an_exception_outside_the_handler_ends_the_process_and_is_the_answer(node: Node) -> None:
    source = (
        "exports.handler = (event, context, callback) => { setTimeout(() => { throw new Error('late') }, 5) }"
    )
    reply = once(node(source))
    assert failure(reply) == ("Error", "late")
    assert "ERROR\tUncaught Exception \t" in log(reply)


def test_an_exit_is_told_by_its_status(node: Node) -> None:
    reply = once(node("exports.handler = async () => process.exit(4)"))
    assert json.loads(reply.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {reply.request_id} Error: Runtime exited with error: exit status 4",
    }


def test_a_callback_waits_for_the_event_loop_unless_it_is_told_not_to(node: Node) -> None:
    source = """
exports.handler = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = event;
  setTimeout(() => console.log("late"), 300);
  callback(null, 1);
}
"""
    reply = once(node(source), True)
    assert reply.json() == 1
    assert "late" in log(reply)
    reply = once(node(source), False)
    assert reply.json() == 1
    assert "late" not in log(reply)


def test_the_context_has_awss_members(node: Node) -> None:
    source = """
exports.handler = (event, context, callback) => callback(null, {
  context, left: context.getRemainingTimeInMillis(), trace: process.env._X_AMZN_TRACE_ID, task: process.cwd(),
})
"""
    function = node(source)
    client = "eyJjdXN0b20iOiB7ImEiOiAxfX0="
    with open_blocking_runtime(project_of(function)) as runtime:
        reply = runtime.invoke("fn", 1, client_context=client)
    told = reply.json()
    assert isinstance(told, dict)
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", told["context"].pop("logStreamName"))
    assert told["context"] == {
        "callbackWaitsForEmptyEventLoop": True,
        "functionVersion": "$LATEST",
        "functionName": "fn",
        "memoryLimitInMB": "128",
        "logGroupName": "/aws/lambda/fn",
        "clientContext": {"custom": {"a": 1}},
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:fn",
        "awsRequestId": reply.request_id,
    }
    assert 9_000 < told["left"] <= 10_000
    assert told["trace"].startswith("Root=1-")
    assert told["task"] in ("/var/task", str(function.code_uri))


def test_a_streamed_response_is_answered_whole(node: Node) -> None:
    source = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("one "); await new Promise((resolve) => setTimeout(resolve, 5)); stream.write("two"); stream.end();
})
"""
    with open_blocking_runtime(project_of(node(source))) as runtime:
        assert [runtime.invoke("fn", 1).payload for _ in range(2)] == [b"one two"] * 2


def test_a_streamed_response_with_metadata_has_them_before_eight_zeros(node: Node) -> None:
    source = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
  stream.write("body"); stream.end();
})
"""
    assert once(node(source)).payload == b'{"statusCode":201}' + bytes(8) + b"body"


@pytest.mark.parametrize("begun", ["", 'stream.write("begun");'])
def test_an_error_while_streaming_is_the_answer(node: Node, begun: str) -> None:
    source = f"exports.handler = awslambda.streamifyResponse(async (event, stream) => {{ {begun} throw new Error('half way') }})"
    with open_blocking_runtime(project_of(node(source))) as runtime:
        for _ in range(2):
            assert failure(runtime.invoke("fn", 1)) == ("Error", "half way")


def test_a_wrapper_script_starts_it(node: Node, tmp_path: Path) -> None:
    wrapper = tmp_path / "wrapper"
    wrapper.write_text('#!/bin/sh\nexport WRAPPED=yes\nexec "$@" \n')
    wrapper.chmod(0o755)
    source = "exports.handler = async () => process.env.WRAPPED"
    function = node(source, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"})
    assert once(function).json() == "yes"


def test_modules_of_the_code_are_found(node: Node, tmp_path: Path) -> None:
    (tmp_path / "node_modules" / "mine").mkdir(parents=True)
    (tmp_path / "node_modules" / "mine" / "index.js").write_text("module.exports = 7")
    assert once(node("const mine = require('mine'); exports.handler = async () => mine")).json() == 7


def test_without_node_the_error_says_so(node: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    shim = tmp_path / "bin" / "node"
    shim.write_text("#!/bin/sh\necho 'node: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    function = node("exports.handler = async () => 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))  # a version manager's shim that fails is no interpreter
    with open_blocking_runtime(project_of(function)) as runtime, pytest.raises(MachineError) as told:
        runtime.invoke("fn", 1)
    assert str(told.value) == "nodejs20.x: there is no Node.js on the path. Install it, or put it on PATH."
