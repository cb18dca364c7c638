"""One invocation's log in the JSON format: the platform's events as objects, the handler's lines between.

https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

from lambdarun.aws import platform_errors
from lambdarun.model.declarations import Account
from lambdarun.model.function import Function
from lambdarun.model.happened import NOT_TOLD
from lambdarun.model.instant import MILLISECOND, Instant, iso
from lambdarun.model.invocation_log import runtime_version
from lambdarun.model.logged_invocation import (
    ERROR,
    SUCCESS,
    TIMEOUT,
    LoggedInvocation,
    billed_ms,
    status,
    told_type,
)
from lambdarun.model.logging_config import ApplicationLogLevel, SystemLogLevel

_ON_DEMAND: Final = "on-demand"
# As the Python logger names them beside AWS's own.
_ALIASES: Final = {"WARNING": "WARN", "CRITICAL": "FATAL"}
_RANK: Final = {level.value: rank for rank, level in enumerate(ApplicationLogLevel)}


@frozen
class LogLine:
    """One event of a log, without its newline, and whose it is."""

    text: str
    level: ApplicationLogLevel | SystemLogLevel

    def is_kept(self, application: ApplicationLogLevel, system: SystemLogLevel) -> bool:
        """Whether CloudWatch keeps it at these levels."""
        least = application if isinstance(self.level, ApplicationLogLevel) else system
        return _RANK[self.level.value] >= _RANK[least.value]


def json_log(told: LoggedInvocation, function: Function, account: Account) -> Iterator[LogLine]:
    """All events of an invocation in order, whatever their level.

    AWS's `spans` are left out: nobody measures them here.
    """
    ended, output, failed_init = told.ended, told.output, told.failed_init
    if ended.init_us is not None:
        yield _init_start(told, function, ended.started, "init")
        yield from output_lines(output[: told.init_output])
        output = output[told.init_output :]
        yield from _init_end(told, told.begun, "init", (SUCCESS, None), ended.init_us)
    elif failed_init is not None:
        yield _init_start(told, function, Instant(failed_init.time - failed_init.init_us), "init")
        yield from output_lines(failed_init.output)
        timed_out = failed_init.error_type == platform_errors.TIMED_OUT.error_type
        said = (TIMEOUT, None) if timed_out else (ERROR, told_type(failed_init.error_type))
        yield from _init_end(told, failed_init.time, "init", said, failed_init.init_us)
    # Suppressed init: within the invocation, and before the event is handed to the runtime.
    if told.init_failed_within:
        yield _init_start(told, function, ended.started, "invoke")
        yield from output_lines(output)
        output = b""
        yield from _init_end(told, ended.time, "invoke", status(ended), ended.duration_us)
    elif told.within is not None:
        yield _init_start(told, function, ended.started, "invoke")
        yield from _init_end(
            told, Instant(ended.started + told.within), "invoke", (SUCCESS, None), told.within
        )
    yield from _invocation(told, output, function, account)


def _invocation(
    told: LoggedInvocation, output: bytes, function: Function, account: Account
) -> Iterator[LogLine]:
    ended = told.ended
    said, error_type = status(ended)
    failed: dict[str, Any] = {} if error_type is None else {"errorType": error_type}
    begun = ended.time if told.init_failed_within else Instant(told.begun + (told.within or 0))
    arn = account.function_arn(function.name)
    called = f"{arn}:{ended.qualifier}" if ended.qualifier else arn
    start = {"functionArn": called, "version": told.version}
    yield _event(begun, "start", {"requestId": ended.request_id, **start}, SystemLogLevel.INFO)
    yield from output_lines(output)
    if told.dropped_bytes:
        # `droppedRecords` is left out: lines that nobody read are not counted.
        reason = "the output of one invocation is kept up to a limit"
        dropped = {"reason": reason, "droppedBytes": told.dropped_bytes}
        yield _event(ended.time, "logsDropped", dropped, SystemLogLevel.WARN)
    metrics: dict[str, Any] = {
        "durationMs": _ms(ended.duration_us),
        "producedBytes": len(ended.response) if said == SUCCESS else 0,
    }
    done = {"requestId": ended.request_id, "status": said, **failed, "metrics": metrics}
    level = SystemLogLevel.DEBUG if said == SUCCESS else SystemLogLevel.WARN
    yield _event(ended.time, "runtimeDone", done, level)
    metrics = {
        "durationMs": _ms(ended.duration_us),
        "billedDurationMs": billed_ms(ended.duration_us, ended.init_us),
        "memorySizeMB": ended.memory_mb,
    }
    if ended.max_memory_mb != NOT_TOLD:
        metrics["maxMemoryUsedMB"] = min(ended.max_memory_mb, ended.memory_mb)
    if ended.init_us is not None:
        metrics["initDurationMs"] = _ms(ended.init_us)
    # The members in the order in which CloudWatch shows them today.
    report = {"requestId": ended.request_id, "metrics": metrics, "status": said, **failed}
    level = SystemLogLevel.INFO if said == SUCCESS else SystemLogLevel.WARN
    yield _event(ended.time, "report", report, level)


def _init_start(told: LoggedInvocation, function: Function, time: Instant, phase: str) -> LogLine:
    version, arn = runtime_version(function.runtime)
    record = {
        "initializationType": told.initialisation_type,
        "phase": phase,
        "runtimeVersion": version,
        "runtimeVersionArn": arn,
        "functionName": function.name,
        "functionVersion": told.version,
        "instanceId": _instance(told.log_stream, function),
        "instanceMaxMemory": function.memory_size << 20,
    }
    return _event(time, "initStart", record, SystemLogLevel.INFO)


def _instance(log_stream: str, function: Function) -> str:
    """`2026/01/02/orders[$LATEST]<32 digits>`: the stream's name with the function's in it."""
    day, _, rest = log_stream.rpartition("/")
    return f"{day}/{function.name}{rest.removeprefix(function.name)}" if day else log_stream


def _init_end(
    told: LoggedInvocation, time: Instant, phase: str, said: tuple[str, str | None], init_us: int
) -> Iterator[LogLine]:
    """The end of an initialisation with its status and error type."""
    name, error_type = said
    failed: dict[str, Any] = {} if error_type is None else {"errorType": error_type}
    record = {"initializationType": told.initialisation_type, "phase": phase, "status": name, **failed}
    done = SystemLogLevel.DEBUG if name == SUCCESS else SystemLogLevel.WARN
    yield _event(time, "initRuntimeDone", record, done)
    # What was initialised ahead of an event is news; on demand REPORT tells it too.
    ahead = name == SUCCESS and told.initialisation_type != _ON_DEMAND
    report = {**record, "metrics": {"durationMs": _ms(init_us)}}
    yield _event(time, "initReport", report, SystemLogLevel.INFO if ahead else done)


def _event(time: Instant, kind: str, record: dict[str, Any], level: SystemLogLevel) -> LogLine:
    event = {"time": f"{iso(time)[:23]}Z", "type": f"platform.{kind}", "record": record}
    return LogLine(json.dumps(event, separators=(",", ":"), ensure_ascii=False, default=str), level)


def _ms(duration_us: int) -> float:
    return duration_us / MILLISECOND


def output_lines(output: bytes) -> Iterator[LogLine]:
    """What a handler wrote, as events: one a line, a carriage return stays within it."""
    if not output:
        return
    text = output.decode("utf-8", "replace")
    for line in text.removesuffix("\n").split("\n"):
        yield LogLine(line, line_level(line))


def line_level(line: str) -> ApplicationLogLevel:
    """The level of a handler's line: that of a JSON object's `level`; text and whatever is not known counts as INFO."""
    # Most lines are either: text, which is cheaply told, or an object without the word.
    if line.lstrip()[:1] != "{" or '"level"' not in line:
        return ApplicationLogLevel.INFO
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return ApplicationLogLevel.INFO
    level = found.get("level")
    if not isinstance(level, str):
        return ApplicationLogLevel.INFO
    name = level.upper()
    name = _ALIASES.get(name, name)
    return ApplicationLogLevel(name) if name in _RANK else ApplicationLogLevel.INFO
