"""What the recorded tests did, done again here: each scenario answers in the form of its recording."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from lambdarun.model.declarations import Account, Project
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import AsyncInvokeConfiguration, Function, running_runtime
from lambdarun.model.invocation_log import invocation_log
from lambdarun.model.invoke_request import InvokeReply, Refusal
from lambdarun.model.logged_invocation import LoggedInvocation
from lambdarun.model.queue import Queue, RedrivePolicy
from lambdarun.model.records import InvocationFailed, InvocationSucceeded, OutputCaptured
from lambdarun.project.project_file import load_all
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.requests import InvocationRefused
from lambdarun.runtime.sandbox_facts import sandbox_facts
from tests.interpreters import installed, stand_in

ACCOUNT = Account(account_id="111111111111")
FACTS = sandbox_facts()
# The Runtime API's address is that of AWS's own server, which Python's engine here does without.
# /var/runtime has none of AWS's modules for Node.js, and not its certificates: Node.js has its own.
SANDBOX_VARIABLES = {"AWS_LAMBDA_RUNTIME_API", "NODE_PATH", "NODE_EXTRA_CA_CERTS"}
# It keeps an SDK from asking the machine's metadata for credentials.
OUR_VARIABLES = {"AWS_EC2_METADATA_DISABLED"}
if not FACTS.sandboxed:
    # Paths are this machine's, and home and /tmp private folders.
    SANDBOX_VARIABLES |= {
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "LD_LIBRARY_PATH",
        "PATH",
        "PWD",
        "PYTHONPATH",
    }
    OUR_VARIABLES |= {"TMPDIR", "HOME"}
CONTEXT = """
def context_of(context):
    return {name: getattr(context, name) for name in (
        "invoked_function_arn", "function_version", "function_name", "memory_limit_in_mb", "aws_request_id",
        "log_group_name", "log_stream_name", "client_context")}
"""
ECHOED: list[Any] = [
    {"hello": "world"},
    {"hello": "'\" some other ''\"\" quotes, a emoji \N{FACE WITH PARTY HORN AND PARTY HAT} and {[}}[([]))"},
    {"hello": "obi wan!" * 128 * 1024 * 5},
    True,
    None,
    [1, 2],
    "text",
    3.14,
]
PRINTS_ITS_EVENT = """
import json
def handler(event, context):
    print(json.dumps(event))
"""


@define
class Stage:
    """Where a scenario plays."""

    folder: Path

    def function(self, source: str, *, handler: str = "handler.handler", **settings: Any) -> Function:
        """A function named `fn` with this source."""
        module = handler.rpartition(".")[0].replace(".", "/")
        file = self.folder / f"{module}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
        given = {"runtime": running_runtime(), "timeout": 30, **settings}
        return Function(name="fn", handler=handler, code_uri=self.folder, **given)

    def invoke(self, source: str, *payloads: bytes, **settings: Any) -> list[InvokeReply]:
        """The replies of one function to synchronous requests, one after the other, in virtual time."""
        function = self.function(source, **settings)
        with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
            return [runtime.invoke("fn", payload=payload) for payload in payloads]

    def polled(
        self,
        source: str,
        send: Callable[[BlockingRuntime], None],
        *,
        queue: Any = None,
        mapping: Any = None,
        **settings: Any,
    ) -> tuple[list[Any], list[Any]]:
        """What a function printed for the messages of a queue, decoded, and its dead letters."""
        function = self.function(source, timeout=5, **settings)
        policy = (
            RedrivePolicy(dead_letter_target="dead", max_receive_count=queue["dead_letter_after"])
            if queue
            else None
        )
        declared = Project(
            account=ACCOUNT,
            functions={"fn": function},
            queues={"q": Queue(name="q", redrive_policy=policy), "dead": Queue(name="dead")},
            mappings={"m": EventSourceMapping(name="m", queue="q", function="fn", **(mapping or {}))},
        )
        with open_blocking_runtime(declared, clock=VirtualClock()) as runtime:
            send(runtime)
            runtime.settle()
            printed = [
                json.loads(record.text.decode().partition("\n")[0])
                for record in runtime.log
                if isinstance(record, OutputCaptured)
            ]
            return printed, [
                {
                    "MessageId": message.id,
                    "MD5OfBody": md5(message.body.encode()).hexdigest(),
                    "Body": message.body,
                }
                for message in runtime.queue("dead").messages()
            ]


def project(function: Function) -> Project:
    """A project of one function."""
    interpreters = stand_in(function.code_uri, function.runtime)
    return Project(account=ACCOUNT, functions={function.name: function}, interpreters=interpreters)


def as_recorded(reply: InvokeReply) -> dict[str, Any]:
    """A reply in the form in which botocore and the recordings have it."""
    text = reply.payload.decode()
    told: dict[str, Any] = {
        "StatusCode": reply.status,
        "Payload": json.loads(text) if text[:1] == "{" else text,
    }
    if reply.executed_version is not None:
        told["ExecutedVersion"] = reply.executed_version
    if reply.function_error is not None:
        told["FunctionError"] = reply.function_error
    if reply.log_tail is not None:
        told["LogResult"] = base64.b64encode(reply.log_tail).decode()
    return told


def as_refused(refusal: Refusal) -> dict[str, Any]:
    """A refusal in the form in which botocore and the recordings have it."""
    return {
        "Code": refusal.code,
        "Message": refusal.message,
        "StatusCode": refusal.status,
        **json.loads(refusal.body()),
    }


def sleeps(stage: Stage, *, seconds: int, timeout: int) -> Any:
    source = "import time\ndef handler(event, context):\n    time.sleep(event['wait'])\n"
    replies = stage.invoke(source, json.dumps({"wait": seconds}).encode(), timeout=timeout)
    return {"invoke-result": as_recorded(replies[0])}


def logs(stage: Stage) -> Any:
    function = stage.function("def handler(event, context):\n    print(event)\n    return event\n")
    with open_blocking_runtime(project(function)) as runtime:
        reply = runtime.invoke("fn", {}, log_tail=True)
    assert reply.log_tail is not None
    lines = reply.log_tail.decode().splitlines(keepends=True)
    assert lines[0].startswith("INIT_START ")  # the recording reads the log group from START on
    return {"invoke": as_recorded(reply), "logs": {"logs": lines[1:]}}


def request_response(stage: Stage) -> Any:
    return {
        "invoke-result": as_recorded(
            stage.invoke("def handler(event, context):\n    return event\n", b"{}")[0]
        )
    }


def event(stage: Stage) -> Any:
    function = stage.function("def handler(event, context):\n    return event\n")
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        return {"invoke-result": as_recorded(runtime.accept("fn", {}))}


def dry_run(stage: Stage) -> Any:
    function = stage.function("def handler(event, context):\n    raise SystemExit\n")
    with open_blocking_runtime(project(function)) as runtime:
        return {"invoke-result": as_recorded(runtime.dry_run("fn"))}


def event_and_context(stage: Stage) -> Any:
    source = (
        CONTEXT
        + "def handler(event, context):\n    return {'event': event, 'context': context_of(context)}\n"
    )
    replies = stage.invoke(source, json.dumps({"foo": "bar with 'quotes\""}).encode())
    return {"invocation-response": as_recorded(replies[0])}


def environment_reuse(stage: Stage) -> Any:
    source = """
import os, time
NUMBER = 0
FILE = os.path.join(os.environ.get("TMPDIR", "/tmp"), "file")
def handler(event, context):
    global NUMBER
    if "write" in event:
        open(FILE, "w").write(event["write"])
    if "read" in event:
        return {"content": open(FILE).read()}
    if "set" in event:
        NUMBER = event["set"]
    if "get" in event:
        return {"number": NUMBER}
    time.sleep(event.get("sleep", 0))
"""
    steps = {
        "invoke-result-file-write": {"write": "some-content"},
        "invoke-result-file-read": {"read": True},
        "invoke-result-set-number": {"set": 42},
        "invoke-result-read-number": {"get": True},
        "invoke-result-timed-out": {"sleep": 2},
        "invoke-result-file-read-after-timeout": {"read": True},
        "invoke-result-read-number-after-timeout": {"get": True},
    }
    replies = stage.invoke(source, *(json.dumps(step).encode() for step in steps.values()), timeout=1)
    return dict(zip(steps, map(as_recorded, replies), strict=True))


def request_id_format(stage: Stage) -> Any:
    source = "def handler(event, context):\n    return context.aws_request_id\n"
    reply = stage.invoke(source, b"{}")[0]
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", reply.request_id
    )
    assert reply.json() == reply.request_id
    return {}


def asynchronous_retry(stage: Stage) -> Any:
    function = stage.function(
        "def handler(event, context):\n    raise ValueError\n",
        asynchronous=AsyncInvokeConfiguration(maximum_retry_attempts=1),
    )
    with open_blocking_runtime(project(function), clock=VirtualClock()) as runtime:
        reply = runtime.accept("fn", {})
        runtime.settle()
        ended = [
            record for record in runtime.log if isinstance(record, InvocationSucceeded | InvocationFailed)
        ]
        lines = "".join(
            invocation_log(LoggedInvocation(ended=record), function.runtime) for record in ended
        ).splitlines()
    wanted = f"END RequestId: {reply.request_id}"
    assert all(line == wanted for line in lines if line.startswith("END"))
    return {
        "invoke_result": as_recorded(reply),
        "end_messages": [line for line in lines if line.startswith("END")],
    }


def raises_at_import(stage: Stage) -> Any:
    told = as_recorded(stage.invoke('raise Exception("Runtime startup fails")\n', b"{}")[0])
    return {"invocation_error": told}


def exits_at_import(stage: Stage) -> Any:
    return {"invocation_error": as_recorded(stage.invoke("import sys\nsys.exit(0)\n", b"{}")[0])}


def exits_in_handler(stage: Stage) -> Any:
    source = "import sys\ndef handler(event, context):\n    sys.exit(0)\n"
    return {"invocation_error": as_recorded(stage.invoke(source, b"{}")[0])}


def segfaults_at_import(stage: Stage) -> Any:
    source = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
    return {"invocation_error": as_recorded(stage.invoke(source, b"{}")[0])}


def payload_not_json(stage: Stage) -> Any:
    with pytest.raises(InvocationRefused) as refused:
        stage.invoke("def handler(event, context):\n    return event\n", b"\x99\xeb,j\x07\xa1zYh")
    return as_refused(refused.value.refusal)


def prints_and_logs(stage: Stage) -> Any:
    source = """
import logging
logging.getLogger().setLevel(logging.INFO)
def handler(event, context):
    print("Lambda log message - print function")
    logging.info("Lambda log message - logging module")
"""
    function = stage.function(source)
    with open_blocking_runtime(project(function)) as runtime:
        reply = runtime.invoke("fn", {}, log_tail=True)
    assert reply.log_tail is not None
    lines = reply.log_tail.decode().splitlines()
    start = lines.index(f"START RequestId: {reply.request_id} Version: $LATEST")
    return {"log_result": lines[start + 1 : -1]}


def nothing_left_of_the_reservation(stage: Stage) -> Any:
    with pytest.raises(InvocationRefused) as refused:
        stage.invoke("def handler(event, context):\n    pass\n", b"{}", reserved_concurrent_executions=0)
    return as_refused(refused.value.refusal)


def large_payload(stage: Stage) -> Any:
    payload = {"test": "test123456" * 100 * 1000 * 5}
    reply = stage.invoke("def handler(event, context):\n    return event\n", json.dumps(payload).encode())[0]
    assert reply.ok
    assert reply.json() == payload
    return {}


RESPONSE_OF_A_SIZE = "def handler(event, context):\n    return 'a' * event['bytenum']\n"


def large_response(stage: Stage) -> Any:
    size = 6 * 1024 * 1024
    reply = stage.invoke(RESPONSE_OF_A_SIZE, json.dumps({"bytenum": size}).encode())[0]
    assert reply.ok
    assert reply.json() == "a" * size
    return {}


def too_large_response(stage: Stage) -> Any:
    size = json.dumps({"bytenum": 6 * 1024 * 1024 + 100}).encode()
    first, second = map(as_recorded, stage.invoke(RESPONSE_OF_A_SIZE, size, size))
    return {"invoke_result": first, "invoke_result_2": second}


def environment_variables(stage: Stage, *, runtime: str, memory_size: int) -> Any:
    source = "import os\ndef handler(event, context):\n    return {'environment': dict(os.environ)}\n"
    told = stage.invoke(source, b"{}", runtime=runtime, memory_size=memory_size)[0].json()
    assert isinstance(told, dict)
    return told


def echo(stage: Stage, *, runtime: str) -> Any:
    payloads = ECHOED
    source = "def handler(event, context):\n    return event\n"
    replies = stage.invoke(source, *(json.dumps(payload).encode() for payload in payloads), runtime=runtime)
    assert [(reply.status, reply.ok, reply.json()) for reply in replies] == [
        (200, True, one) for one in payloads
    ]
    return {}


def uncaught(stage: Stage, *, runtime: str) -> Any:
    source = "def handler(event, context):\n    raise Exception('Failed: ' + event['error_msg'])\n"
    reply = stage.invoke(source, b'{"error_msg": "some_error_msg"}', runtime=runtime, memory_size=1024)[0]
    return {"error_result": as_recorded(reply)}


def introspection(stage: Stage, *, runtime: str) -> Any:
    source = CONTEXT + (
        "import os\n"
        "def handler(event, context):\n"
        "    told = context_of(context)\n"
        "    del told['client_context']\n"
        "    told['remaining_time_in_millis'] = context.get_remaining_time_in_millis()\n"
        "    return {'ctx': told, 'environment': dict(os.environ)}\n"
    )
    function = stage.function(
        source, runtime=runtime, memory_size=1024, timeout=3, environment={"TEST_KEY": "TEST_VAL"}
    )
    with open_blocking_runtime(project(function)) as runtime_:
        plain = runtime_.invoke("fn", {}).json()
        qualified = runtime_.invoke("fn", {}, qualifier="$LATEST").json()
    return {"invocation_result_payload": plain, "invocation_result_payload_qualified": qualified}


def handler_in_submodule(stage: Stage, *, runtime: str) -> Any:
    source = "def handler(event, context):\n    return {'ok': True}\n"
    reply = stage.invoke(source, b"{}", handler="localstack_package.def.main.handler", runtime=runtime)[0]
    assert reply.json() == {"ok": True}
    return {}


def correct_version(stage: Stage, *, runtime: str) -> Any:
    source = "import sys\ndef handler(event, context):\n    return f'python{sys.version_info[0]}.{sys.version_info[1]}'\n"
    if not installed(runtime):
        pytest.skip(f"there is no {runtime} here")
    assert stage.invoke(source, b"{}", runtime=runtime)[0].json() == runtime
    return {}


def fails_so_often(stage: Stage, *, fail_attempts: int, dead_letter_after: int | None) -> Any:
    source = """
import json
def handler(event, context):
    record = event["Records"][0]
    fails = int(record["attributes"]["ApproximateReceiveCount"]) <= json.loads(record["body"])["fail_attempts"]
    print(json.dumps({"error": "failed attempt" if fails else None, "event": event}))
    if fails:
        raise Exception("failed attempt")
"""
    body = json.dumps({"destination": "somewhere", "fail_attempts": fail_attempts})
    attempts, dead = stage.polled(
        source,
        lambda runtime: runtime.queue("q").send(body),
        queue={"dead_letter_after": dead_letter_after} if dead_letter_after else None,
        mapping={"batch_size": 1},
    )
    told = dict(zip(("first_attempt", "second_attempt"), attempts, strict=True))
    return told | {"dead_letter": dead[0]} if dead else told


def batch_raises(stage: Stage) -> Any:
    source = """
import json
def handler(event, context):
    print(json.dumps(event))
    for record in event["Records"]:
        json.loads(record["body"])
    return {"batchItemFailures": []}
"""

    def send(runtime: BlockingRuntime) -> None:
        runtime.queue("q").send("{not a json body")
        runtime.queue("q").send('{"message": 2, "fail_attempts": 0}')

    mapping = {"report_batch_item_failures": True, "batch_size": 10, "maximum_batching_window_in_seconds": 1}
    _, dead = stage.polled(source, send, queue={"dead_letter_after": 1}, mapping=mapping)
    return {"dead_letters": dead}


def empty_report(stage: Stage) -> Any:
    source = """
import json
def handler(event, context):
    print(json.dumps({"event": event, "result": {}}))
    return {}
"""
    printed, dead = stage.polled(
        source,
        lambda runtime: runtime.queue("q").send('{"message": 1, "fail_attempts": 0}'),
        queue={"dead_letter_after": 1},
        mapping={"report_batch_item_failures": True},
    )
    assert dead == []
    assert len(printed) == 1
    return printed[0]


def message_attributes(stage: Stage) -> Any:
    def send(runtime: BlockingRuntime) -> None:
        runtime.queue("q").send(
            json.dumps({"destination": "somewhere", "fail_attempts": 0}),
            attributes={
                "Title": {"stringValue": "The Whistler", "dataType": "String"},
                "Author": {"stringValue": "John Grisham", "dataType": "String"},
                "WeeksOn": {"stringValue": "6", "dataType": "Number"},
            },
        )

    printed, _ = stage.polled(PRINTS_ITS_EVENT, send)
    return printed[0]


def batches(stage: Stage, *, batch_size: int) -> Any:
    def send(runtime: BlockingRuntime) -> None:
        for number, size in enumerate((10, 5)):
            for index in range(size):
                runtime.queue("q").send(f"{index}-{number}-message-{index}")

    mapping = {"batch_size": batch_size, "maximum_batching_window_in_seconds": 10}
    printed, _ = stage.polled(PRINTS_ITS_EVENT, send, mapping=mapping)
    return {"Records": _records(printed)}


def _records(events: list[Any]) -> list[Any]:
    """All records of these events, by their bodies, as the recordings have them."""
    return sorted(
        (record for event in events for record in event["Records"]), key=lambda record: record["body"]
    )


def logging_configuration(
    stage: Stage, *, given: dict[str, str], before: dict[str, str] | None = None
) -> Any:
    told = {}
    for name, config in (("create_response", before), ("updated_config", given)):
        said = "" if config is None else "\n".join(f'{key} = "{value}"' for key, value in config.items())
        table = "" if config is None else f"[functions.fn.logging_config]\n{said}\n"
        (stage.folder / "lambdarun.toml").write_text(f'[functions.fn]\nhandler = "app.handler"\n{table}')
        function = load_all(stage.folder / "lambdarun.toml").project.functions["fn"]
        log = function.logging
        levels = {
            "ApplicationLogLevel": log.application_level.value,
            "SystemLogLevel": log.system_level.value,
        }
        told[name] = {
            "LogFormat": log.log_format.value,
            "LogGroup": function.log_group,
            **(levels if log.is_json else {}),
        }
    return told


def refused_name(stage: Stage, *, name: str, qualifier: str | None = None) -> Any:
    """What is answered to a name or qualifier that means no function."""
    function = stage.function(PRINTS_ITS_EVENT)
    with (
        open_blocking_runtime(project(function)) as runtime,
        pytest.raises(InvocationRefused) as refused,
    ):
        runtime.invoke(name, {}, qualifier=qualifier)
    refusal = refused.value.refusal
    before, one, error = refusal.message.partition("1 validation error detected: ")
    if one:
        return {"invoke_exception": {"Code": refusal.code, "Count": 1, "Errors": [before + error]}}
    return {"invoke_exception": {"Code": refusal.code, "Message": refusal.message}}
