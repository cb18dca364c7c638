"""The JSON log format, as a caller's tail and as what CloudWatch keeps: platform events, levels, order, instants.

https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from lambdarun.model.function import Function
from lambdarun.model.instant import Duration
from lambdarun.model.invoke_request import InvokeReply
from lambdarun.model.logging_config import ApplicationLogLevel, LogFormat, LoggingConfig, SystemLogLevel
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.views.log_text import LogTexts
from tests.conftest import Declare, lasting, project_of

JSON = LoggingConfig(log_format=LogFormat.JSON)
ARN = "arn:aws:lambda:us-east-1:123456789012:function:fn"
SYSTEM, WHOLE = SystemLogLevel, ApplicationLogLevel.TRACE
STEPS = """
import os, sys, time
print("importing")
def handler(event, context):
    print("running")
    if event == "raise": raise ValueError("no")
    if event == "exit": os._exit(3)
    if event == "sleep": time.sleep(60)
    return event
"""


def in_json(function: Function, **levels: Any) -> Function:
    return evolve(function, logging_config=evolve(JSON, **levels))


def events(text: str | bytes) -> list[Any]:
    """Platform events as objects, other lines as they are."""
    lines = text.decode() if isinstance(text, bytes) else text
    return [json.loads(line) if line.startswith('{"time":') else line for line in lines.splitlines()]


def kinds(text: str | bytes) -> list[str]:
    return [
        event["type"].removeprefix("platform.") if isinstance(event, dict) else event
        for event in events(text)
    ]


def tail(reply: InvokeReply) -> bytes:
    assert reply.log_tail is not None
    return reply.log_tail


def kept(runtime: BlockingRuntime, function: Function) -> str:
    """What CloudWatch keeps of the whole run."""
    return "".join(told.text for told in LogTexts(project_of(function)).read(runtime.log))


def test_a_cold_and_a_warm_invocation_have_awss_records_and_the_runs_own_instants(declare: Declare) -> None:
    function = in_json(
        declare(STEPS, duration=lasting(0.0105), init_duration=Duration(250_250)),
        system_log_level=SYSTEM.DEBUG,
    )
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        cold = runtime.invoke("fn", "x", log_tail=True)
        warm = runtime.invoke("fn", "x", log_tail=True)
        stream = runtime.log.of("environment.started")[0].log_stream
        memory = [record.max_memory_mb for record in runtime.log.of("invocation.succeeded")]
        assert kept(runtime, function).encode() == tail(cold) + tail(warm)
    version = f"python:{function.runtime.removeprefix('python')}.lambdarun"
    done = {"initializationType": "on-demand", "phase": "init", "status": "success"}
    day, hexadecimal = "2026/01/01", stream.rpartition("]")[2]
    assert events(tail(cold)) == [
        {
            "time": "2026-01-01T00:00:00.000Z",
            "type": "platform.initStart",
            "record": {
                "initializationType": "on-demand", "phase": "init", "runtimeVersion": version,
                "runtimeVersionArn": "arn:aws:lambda:us-east-1::runtime:lambdarun", "functionName": "fn",
                "functionVersion": "$LATEST", "instanceId": f"{day}/fn[$LATEST]{hexadecimal}",
                "instanceMaxMemory": 134_217_728,
            },
        },
        "importing",
        {"time": "2026-01-01T00:00:00.250Z", "type": "platform.initRuntimeDone", "record": done},
        {
            "time": "2026-01-01T00:00:00.250Z",
            "type": "platform.initReport",
            "record": {**done, "metrics": {"durationMs": 250.25}},
        },
        {
            "time": "2026-01-01T00:00:00.250Z",
            "type": "platform.start",
            "record": {"requestId": cold.request_id, "functionArn": ARN, "version": "$LATEST"},
        },
        "running",
        {
            "time": "2026-01-01T00:00:00.260Z",
            "type": "platform.runtimeDone",
            "record": {
                "requestId": cold.request_id, "status": "success",
                "metrics": {"durationMs": 10.5, "producedBytes": 3},
            },
        },
        {
            "time": "2026-01-01T00:00:00.260Z",
            "type": "platform.report",
            "record": {
                "requestId": cold.request_id,
                "metrics": {
                    "durationMs": 10.5, "billedDurationMs": 261, "memorySizeMB": 128, "maxMemoryUsedMB": memory[0],
                    "initDurationMs": 250.25,
                },
                "status": "success",
            },
        },
    ]  # fmt: skip
    assert kinds(tail(warm)) == ["start", "running", "runtimeDone", "report"]
    assert "initDurationMs" not in events(tail(warm))[-1]["record"]["metrics"]
    # Compact, as the platform writes.
    assert tail(warm).startswith(
        b'{"time":"2026-01-01T00:00:00.260Z","type":"platform.start","record":{"requestId":"'
    )


@pytest.mark.parametrize("clock", [RealClock, VirtualClock])
def test_failures_have_their_status_and_are_warnings(
    clock: type[RealClock | VirtualClock], declare: Declare
) -> None:
    function = in_json(declare(STEPS, timeout=1), system_log_level=SYSTEM.WARN)
    with open_blocking_runtime(project_of(function), clock=clock()) as runtime:
        for event in ("fine", "exit", "sleep", "raise"):
            runtime.invoke("fn", event)
        told = [event for event in events(kept(runtime, function)) if isinstance(event, dict)]
    # A handler's exception is an ordinary end for the platform, as in the Text format.
    assert [
        (event["type"], event["record"]["status"], event["record"].get("errorType")) for event in told
    ] == [
        ("platform.runtimeDone", "error", "Runtime.ExitError"),
        ("platform.report", "error", "Runtime.ExitError"),
        ("platform.runtimeDone", "timeout", None),
        ("platform.report", "timeout", None),
    ]
    assert told[0]["record"]["metrics"]["producedBytes"] == 0
    assert told[-1]["record"]["metrics"]["durationMs"] == 1_000


@pytest.mark.parametrize(
    ("source", "error_type"),
    [
        ("import nothing_of_that_name", "Runtime.ImportModuleError"),
        ("raise KeyError('x')", "Runtime.Unknown"),
        ("raise SystemExit(3)", "Runtime.ExitError"),
    ],
    ids=["import", "raises", "exits"],
)
def test_a_failed_init_is_told_in_both_phases_before_start(
    declare: Declare, source: str, error_type: str
) -> None:
    function = in_json(declare(f"print('importing')\n{source}\n"))
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.invoke("fn")
        text = kept(runtime, function)
    platform = [event for event in events(text) if isinstance(event, dict)]
    assert [kind for kind in kinds(text) if not kind.startswith("{")] == [
        "initStart", "importing", "initRuntimeDone", "initReport",
        "initStart", "importing", "initRuntimeDone", "initReport",
        "start", "runtimeDone", "report",
    ]  # fmt: skip
    told = [
        (e["record"].get("phase"), e["record"].get("status"), e["record"].get("errorType")) for e in platform
    ]
    assert told == [
        ("init", None, None), ("init", "error", error_type), ("init", "error", error_type),
        ("invoke", None, None), ("invoke", "error", error_type), ("invoke", "error", error_type),
        (None, None, None), (None, "error", error_type), (None, "error", error_type),
    ]  # fmt: skip


def test_an_init_that_takes_too_long_times_out_in_its_phase(declare: Declare) -> None:
    source = "import time\ntime.sleep(12)\ndef handler(e, c): return 1\n"
    function = in_json(declare(source, timeout=20), system_log_level=SYSTEM.DEBUG)
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        assert runtime.invoke("fn").ok
        told = events(kept(runtime, function))
    seen = [
        (
            e["time"][14:23],
            e["type"].removeprefix("platform."),
            e["record"].get("phase"),
            e["record"].get("status"),
        )
        for e in told
    ]
    assert seen == [
        ("00:00.000", "initStart", "init", None),
        ("00:10.000", "initRuntimeDone", "init", "timeout"),
        ("00:10.000", "initReport", "init", "timeout"),
        ("00:10.000", "initStart", "invoke", None),
        ("00:22.000", "initRuntimeDone", "invoke", "success"),
        ("00:22.000", "initReport", "invoke", "success"),
        ("00:22.000", "start", None, None),
        ("00:22.000", "runtimeDone", None, "success"),
        ("00:22.000", "report", None, "success"),
    ]
    assert told[2]["record"]["metrics"] == {"durationMs": 10_000.0}
    assert "errorType" not in told[2]["record"]


def test_after_a_reset_init_is_told_within_the_invocation(declare: Declare) -> None:
    function = in_json(declare(STEPS))
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.invoke("fn", "exit")
        again = tail(runtime.invoke("fn", "x", log_tail=True))
        warm = tail(runtime.invoke("fn", "x", log_tail=True))
    assert kinds(again) == [
        "initStart", "initRuntimeDone", "initReport", "start", "importing", "running", "runtimeDone", "report",
    ]  # fmt: skip
    assert {event["record"]["phase"] for event in events(again)[:3]} == {"invoke"}
    assert kinds(warm) == ["start", "running", "runtimeDone", "report"]


LEVELS = """
import json, logging
def handler(event, context):
    for name in ("TRACE", "debug", "Info", "warn", "WARNING", "ERROR", "critical", "FATAL", "loud", 3, None):
        print(json.dumps({"level": name}))
    print("text"); print('{"no": "level"}'); print('{"level": "DEBUG"'); print('["level", "DEBUG"]')
"""
UNKNOWN = ['{"level": "loud"}', '{"level": 3}', '{"level": null}', "text", '{"no": "level"}']
NO_OBJECTS = ['{"level": "DEBUG"', '["level", "DEBUG"]']


@pytest.mark.parametrize(
    ("level", "wanted"),
    [
        ("TRACE", ["TRACE", "debug", "Info", "warn", "WARNING", "ERROR", "critical", "FATAL"]),
        ("DEBUG", ["debug", "Info", "warn", "WARNING", "ERROR", "critical", "FATAL"]),
        (None, ["Info", "warn", "WARNING", "ERROR", "critical", "FATAL"]),
        ("INFO", ["Info", "warn", "WARNING", "ERROR", "critical", "FATAL"]),
        ("WARN", ["warn", "WARNING", "ERROR", "critical", "FATAL"]),
        ("ERROR", ["ERROR", "critical", "FATAL"]),
        ("FATAL", ["critical", "FATAL"]),
    ],
)
def test_what_a_handler_prints_is_kept_by_its_level_and_text_counts_as_info(
    declare: Declare, level: str | None, wanted: list[str]
) -> None:
    chosen = None if level is None else ApplicationLogLevel(level)
    function = in_json(declare(LEVELS), application_log_level=chosen)
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        whole = tail(runtime.invoke("fn", log_tail=True))
        lines = [line for line in kept(runtime, function).splitlines() if '"time"' not in line]
    as_info = [*UNKNOWN, *NO_OBJECTS] if "Info" in wanted else []
    assert lines == [f'{{"level": "{name}"}}' for name in wanted] + as_info
    # The tail is taken before: everything is in it, the platform's debug events too.
    assert len([line for line in whole.splitlines() if b'"time"' not in line]) == 15
    assert b"platform.runtimeDone" in whole


@pytest.mark.parametrize(
    ("level", "wanted"),
    [
        (SYSTEM.DEBUG, ["initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report"]),
        (SYSTEM.INFO, ["initStart", "start", "report"]),
        (SYSTEM.WARN, []),
    ],
)
def test_platform_events_of_success_are_kept_by_the_system_level(
    declare: Declare, level: SystemLogLevel, wanted: list[str]
) -> None:
    function = in_json(declare("def handler(e, c): pass\n"), system_log_level=level)
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.invoke("fn")
        assert kinds(kept(runtime, function)) == wanted


def test_a_tail_in_json_has_whole_events_alone(declare: Declare) -> None:
    source = "def handler(event, context):\n    for n in event: print('x' * n)\n"
    function = in_json(declare(source))
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.invoke("fn", [])
        many = tail(runtime.invoke("fn", [99] * 100, log_tail=True))
        wide = tail(runtime.invoke("fn", [3, 5_000], log_tail=True))
        exact = tail(runtime.invoke("fn", [1], log_tail=True))
    assert len(many) <= 4_096 < len(many) + 100
    assert {len(line) for line in many.splitlines()[:-2]} == {99}
    assert kinds(wide) == ["runtimeDone", "report"]
    assert kinds(exact) == ["start", "x", "runtimeDone", "report"]


def test_a_carriage_return_stays_within_its_line_and_an_open_line_is_closed(declare: Declare) -> None:
    source = "import sys\ndef handler(e, c):\n    print('one\\rtwo\\r'); print(); sys.stdout.write('open')\n"
    function = in_json(declare(source))
    with open_blocking_runtime(project_of(function), clock=VirtualClock()) as runtime:
        runtime.invoke("fn")
        text = kept(runtime, function)
    assert text.split("\n")[2:5] == ["one\rtwo\r", "", "open"]
    assert text.endswith("\n")


def test_output_beyond_what_is_kept_is_told_as_dropped(declare: Declare) -> None:
    source = "def handler(e, c): print('x' * 1_500_000)\n"
    function = in_json(declare(source), system_log_level=SYSTEM.WARN)
    with open_blocking_runtime(project_of(function)) as runtime:
        runtime.invoke("fn")
        [dropped] = [event for event in events(kept(runtime, function)) if isinstance(event, dict)]
    assert dropped["type"] == "platform.logsDropped"
    assert dropped["record"]["droppedBytes"] == 1_500_001 - 1_048_576


def test_functions_of_one_run_log_each_in_its_own_format_and_group(declare: Declare) -> None:
    from lambdarun.model.declarations import Project

    source = "import logging\ndef handler(e, c):\n    logging.warning('w')\n    return [c.log_group_name, c.log_stream_name]\n"
    text = declare(source)
    grouped = evolve(in_json(text, log_group="shop"), name="grouped")
    project = Project(functions={"fn": text, "grouped": grouped})
    with open_blocking_runtime(project, clock=VirtualClock()) as runtime:
        places = [runtime.invoke(name).json() for name in ("fn", "grouped")]
        told = list(LogTexts(project).read(runtime.log))
    assert [[one.log_group, one.log_stream] for one in told] == places
    assert [place[0] for place in places] == ["/aws/lambda/fn", "shop"]
    assert places[0][1].startswith("2026/01/01/[$LATEST]")
    assert places[1][1].startswith("2026/01/01/grouped[$LATEST]")
    assert "[WARNING]\t" in told[0].text
    assert '"level": "WARNING"' in told[1].text
    assert f'"instanceId":"{places[1][1]}"' in told[1].text


def test_the_output_of_a_request_that_was_refused_is_in_nobodys_log(declare: Declare) -> None:
    from lambdarun.runtime.requests import InvocationRefused

    function = declare("print('importing')\ndef handler(e, c): pass\n")
    with open_blocking_runtime(project_of(function)) as runtime:
        with pytest.raises(InvocationRefused):
            runtime.invoke("fn", payload=b"{")
        runtime.invoke("fn")
        assert "importing" not in kept(runtime, function)
