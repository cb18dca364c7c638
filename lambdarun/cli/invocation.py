"""What `lambdarun invoke` does: one function, its result, its log."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from attrs import evolve, frozen

from lambdarun.cli import output
from lambdarun.cli.log_folder import LogFolder
from lambdarun.cli.settings import Settings
from lambdarun.errors import UsageError
from lambdarun.model.declarations import Project
from lambdarun.model.event_records import EventDiscarded
from lambdarun.model.function import Function, Network
from lambdarun.model.instant import seconds
from lambdarun.model.invoke_request import InvokeReply
from lambdarun.model.records import (
    InvocationStarted,
    InvocationThrottled,
    Record,
)
from lambdarun.project.lone_handler import called_as, resolve
from lambdarun.project.variables import variable_faults
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.requests import InvocationRefused
from lambdarun.runtime.zygote_process import ZygoteProcess
from lambdarun.views.log_text import LogTexts
from lambdarun.views.vpc_timeouts import VpcTimeouts


@frozen(kw_only=True)
class Request:
    """What the command line asked for."""

    function: str | None
    event: bytes
    timeout: int | None
    memory: int | None
    variables: dict[str, str]
    invocation_type: str
    client_context: str | None
    qualifier: str | None
    repeat: int
    as_json: bool
    log_file: str | None
    terminal: int | None = None
    debug_port: int | None = None
    log_tail: bool
    logs: str | None
    chosen: Mapping[str, Any]
    """Flags that settings may give too."""


def run(settings: Settings, request: Request, zygote: ZygoteProcess | None) -> tuple[bool, list[Path]]:
    """Invoke, print, and say whether the function failed and where its code and layers are."""
    project, function = resolve(request.function, settings.project, Path.cwd())
    project = _with_flags(project, function, request)
    if request.debug_port is not None and function.network is not Network.OPEN and not function.nat_gateway:
        raise UsageError(
            f"--debug-port: no editor reaches {function.name}, whose network is {function.network.value!r}."
            ' Debug it with network = "open".'
        )
    called = called_as(request.function, project, function)
    chosen = {name: one.value for name, one in settings.chosen(request.chosen).items()}
    isolation = None if chosen["isolation"] is None else Isolation(chosen["isolation"])
    if zygote is not None and isolation is not Isolation.INLINE:
        output.notice_isolation(settings, zygote, isolation)
    with ExitStack() as stack:
        # With a tail, standard error has that alone; a file that was asked for has the whole log all the same.
        alone = request.log_tail and request.log_file is None
        log = None if alone else _log_stream(settings, request, stack)
        folder = LogFolder(Path(request.logs), project) if request.logs is not None else None
        if folder is not None:
            stack.callback(folder.close)
        texts = LogTexts(project)
        # An event's retries come after minutes, and nobody watches a command for hours of back-off.
        virtual = request.invocation_type == "Event"

        def read(records: list[Record]) -> None:
            for told in texts.read(records):
                if log is not None:
                    log.write(told.text)

        timeouts = VpcTimeouts(project)
        options = Options(
            seed=chosen["seed"],
            isolation=isolation,
            readers=(
                read,
                *((folder.read,) if folder is not None else ()),
                timeouts.read,
                *output.speakers(settings, virtual=virtual, whole=settings.log_format == "json"),
            ),
            zygote=zygote,
            terminal=request.terminal,
            debug_port=request.debug_port,
            allow_short_visibility=True,  # no queue is read here
        )
        clock = VirtualClock() if virtual else RealClock()
        runtime = stack.enter_context(open_blocking_runtime(project, clock=clock, options=options))
        if request.debug_port is not None and not settings.quiet:
            output.notice(
                settings, f"waiting for a debugger on 127.0.0.1:{request.debug_port}; time-outs are off"
            )
        failed = False
        for _ in range(request.repeat):
            failed |= _once(runtime, called, request, settings)
        for note in () if settings.quiet else timeouts.notes():
            output.notice(settings, note)
        return failed, [function.code_uri, *(layer.content for layer in function.layers)]


def _once(runtime: BlockingRuntime, function: str, request: Request, settings: Settings) -> bool:
    try:
        if request.invocation_type == "Event":
            return _event(runtime, function, request, settings)
        if request.invocation_type == "DryRun":
            reply = runtime.dry_run(function, qualifier=request.qualifier)
        else:
            reply = runtime.invoke(
                function,
                payload=request.event,
                qualifier=request.qualifier,
                client_context=_encoded(request.client_context),
                log_tail=request.log_tail,
            )
    except InvocationRefused as refused:
        if request.as_json:
            output.result(
                json.dumps(
                    {
                        "schema": 1,
                        "statusCode": refused.refusal.status,
                        "error": refused.refusal.code,
                        "message": refused.refusal.message,
                    }
                )
            )
        sys.stderr.write(f"lambdarun: error: {refused}\n")
        return True
    if reply.log_tail is not None and not request.as_json and _speaks(settings):
        sys.stderr.write(reply.log_tail.decode("utf-8", "replace"))
    _print(reply, request)
    runtime.settle()  # extensions may hold the environment, and its REPORT line, beyond the answer
    return not reply.ok


def _event(runtime: BlockingRuntime, function: str, request: Request, settings: Settings) -> bool:
    """Accept an event and play its retries, in virtual time, until it is settled."""
    reply = runtime.accept(function, payload=request.event, qualifier=request.qualifier)
    accepted = runtime.now()
    runtime.settle()
    log = [record for record in runtime.log if getattr(record, "request_id", None) == reply.request_id]
    attempts = [f"{seconds(r.time - accepted):g} s" for r in log if isinstance(r, InvocationStarted)]
    discarded = [record for record in log if isinstance(record, EventDiscarded)]
    if not settings.quiet:
        ended = f"ended as {discarded[-1].condition}" if discarded else "succeeded"
        throttled = sum(isinstance(record, InvocationThrottled) for record in log)
        extra = f", {throttled} throttles" if throttled else ""
        output.notice(
            settings,
            f"event {reply.request_id} {ended}; attempts at {', '.join(attempts) or 'none'}{extra} (virtual time)",
        )
    _print(reply, request)
    return bool(discarded)


def _with_flags(project: Project, function: Function, request: Request) -> Project:
    """The project with the flags' settings on the function and on all its versions, whichever is called."""
    changes: dict[str, Any] = {}
    if request.timeout is not None:
        changes["timeout"] = request.timeout
    if request.memory is not None:
        changes["memory_size"] = request.memory
    if not changes and not request.variables:
        return project

    def changed(one: Function) -> Function:
        return evolve(one, environment=_checked({**one.environment, **request.variables}), **changes)

    latest = project.functions[function.name]
    try:
        versions = {number: changed(version) for number, version in latest.versions.items()}
        latest = evolve(changed(latest), versions=versions)
    except ValueError as fault:
        name, _, rest = str(fault).partition(": ")
        raise UsageError(f"--{name.removesuffix('_size')}: {rest}") from None
    return evolve(project, functions={**project.functions, latest.name: latest})


def _encoded(client_context: str | None) -> str | None:
    if client_context is None or not client_context.lstrip().startswith("{"):
        return client_context
    return base64.b64encode(client_context.encode()).decode()


def _checked(variables: dict[str, str]) -> dict[str, str]:
    """These variables. Raises UsageError where AWS refuses them."""
    for name, said, mend in variable_faults(variables):
        raise UsageError(f"--env: {said} {mend}" if name is None else f"--env: {name!r}: {said} {mend}")
    return variables


def _log_stream(settings: Settings, request: Request, stack: ExitStack) -> TextIO | None:
    if request.log_file is not None:
        try:
            return stack.enter_context(Path(request.log_file).open("w", encoding="utf-8"))
        except OSError as fault:
            raise UsageError(f"{request.log_file}: cannot be written: {fault.strerror}.") from None
    return sys.stderr if _speaks(settings) else None


def _speaks(settings: Settings) -> bool:
    """Whether standard error has the function's log."""
    return not settings.quiet and settings.log_format != "json"


def _print(reply: InvokeReply, request: Request) -> None:
    text = reply.payload.decode("utf-8", "replace")
    if not request.as_json:
        if reply.payload:
            output.result(text)
        return
    try:
        payload: Any = json.loads(text) if text else None
    except ValueError:
        payload = text
    told = {
        "schema": 1,
        "statusCode": reply.status,
        "requestId": reply.request_id,
        "executedVersion": reply.executed_version,
        "functionError": reply.function_error,
        "payload": payload,
    }
    if reply.log_tail is not None:
        told["logResult"] = base64.b64encode(reply.log_tail).decode()
    output.result(json.dumps(told, ensure_ascii=False))
