"""`lambdarun invoke`: one function, one event, its result on standard output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from lambdarun.cli import output, working
from lambdarun.errors import Place, RecordingError, UsageError
from lambdarun.model.json_text import parse


def read_event(text: str | None) -> bytes:
    """The event of `-e`: a file, `-` for standard input, or text that starts as JSON does. Nothing: an empty event."""
    if text is None:
        return b""
    name, data = read_given(text)
    if data[:2] == b"\x1f\x8b":
        raise RecordingError(Place(name), "is compressed (gzip), not JSON.", "Unpack it first.")
    try:
        event = data.decode("utf-8-sig")
        if not event.strip():
            raise RecordingError(Place(name), "is empty.", "Write an event: {} is the smallest.")
        parse(event)
    except UnicodeDecodeError as fault:
        raise RecordingError(
            Place(name), f"is not UTF-8 (byte {fault.start}).", "Save it as UTF-8."
        ) from None
    except json.JSONDecodeError as fault:
        place = Place(name, fault.lineno, fault.colno)
        raise RecordingError(place, f"is not JSON: {fault.msg}.", "Mend the event there.") from None
    return event.encode()


def read_given(text: str) -> tuple[str, bytes]:
    """The name and the bytes of a file, of standard input (`-`), or of text that starts as JSON does."""
    if text == "-":
        return "<stdin>", sys.stdin.buffer.read()
    if text.lstrip()[:1] in ("{", "[", '"'):
        return "<event>", text.encode()
    return text, _read_file(text)


def _read_file(text: str) -> bytes:
    """The bytes of the file (or pipe) that `-e` names."""
    path = Path(text)
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    try:
        if text and path.is_dir():
            raise RecordingError(Place(shown), "is a folder.", "Name a file in it.")
        if text and path.exists():
            return path.read_bytes()
    except OSError as fault:
        raise RecordingError(
            Place(shown), f"cannot be read: {fault.strerror}.", "Name a file that can be."
        ) from None
    mend = "Name a file, - for standard input, or write JSON that begins with {, [ or a quotation mark."
    raise RecordingError(Place(shown or "-e"), "there is no such event file.", mend)


def read_variables(pairs: Iterable[str], file: str | None) -> dict[str, str]:
    """The variables of `--env K=V` and of an `--env-file` with a `K=V` a line; `--env` wins."""
    lines: list[tuple[Place, str]] = []
    if file is not None:
        try:
            text = Path(file).read_text(encoding="utf-8-sig")
        except OSError as fault:
            raise UsageError(f"{file}: cannot be read: {fault.strerror}. Name a file that can be.") from None
        except UnicodeDecodeError as fault:
            raise UsageError(f"{file}: is not UTF-8 (byte {fault.start}). Save it as UTF-8.") from None
        lines += [
            (Place(file, number), line.strip())
            for number, line in enumerate(text.splitlines(), 1)
            if line.strip() and not line.lstrip().startswith("#")
        ]
    lines += [(Place("--env"), pair) for pair in pairs]
    found = {}
    for place, line in lines:
        name, equals, value = line.removeprefix("export ").partition("=")
        if not equals:
            raise UsageError(f"{place}: {line!r} sets nothing. Write NAME=VALUE.")
        found[name.strip()] = value.strip().strip("\"'") if place.line else value
    return found


@click.command()
@click.argument("function", required=False)
@click.option("-e", "--event", metavar="FILE|-|JSON", help="The event; {} without it.")
@click.option("--payload", "--data", "-D", "event", hidden=True)
@click.option("--timeout", type=int, metavar="S", help="Seconds until the function times out.")
@click.option("--memory", type=int, metavar="MB", help="Memory size.")
@click.option("--env", multiple=True, metavar="K=V", help="A variable for the handler; may be repeated.")
@click.option("--env-file", metavar="FILE", help="Variables, one K=V a line.")
@click.option(
    "--invocation-type",
    type=click.Choice(["RequestResponse", "Event", "DryRun"]),
    default="RequestResponse",
    show_default=True,
    help="Event plays the retries in virtual time.",
)
@click.option("--client-context", metavar="JSON", help="JSON, or base64 of it, for context.client_context.")
@click.option("--qualifier", metavar="Q", help="Version or alias.")
@click.option("--repeat", type=click.IntRange(1), default=1, help="Invoke so often, in a warm environment.")
@click.option("--watch", is_flag=True, help="Invoke again whenever the code, its layers or the event change.")
@click.option(
    "--debug-port", type=click.IntRange(1, 65_535), metavar="PORT", help="Wait there for an editor (debugpy)."
)
@click.option("--no-fail", is_flag=True, help="Exit with 0 even if the function fails.")
@output.ISOLATION
@output.FORM
@click.option(
    "--log-type",
    type=click.Choice(["None", "Tail"]),
    help="Tail: the log's last 4,096 bytes alone, as AWS answers them (base64 in -o json).",
)
@click.option("--logs", metavar="FOLDER", help="Write a file a log stream there, in place of a former run's.")
@click.option("-l", "--log-file", metavar="FILE", help="Write the log there, not to standard error.")
@click.pass_context
def invoke(context: click.Context, /, **given: Any) -> None:
    """Run FUNCTION once and print its result.

    FUNCTION is a function of the project, path/to/app.py:handler, or package.module.handler.
    """
    if given["client_context"] is not None and given["invocation_type"] != "RequestResponse":
        # AWS hands it on for synchronous invocations alone, and drops it otherwise without a word.
        raise UsageError(
            f"--client-context reaches no handler with --invocation-type {given['invocation_type']}. Leave it out."
        )
    if given["log_type"] == "Tail" and given["invocation_type"] != "RequestResponse":
        raise UsageError(
            f"--log-type Tail: AWS answers no log with --invocation-type {given['invocation_type']}. Leave it out."
        )
    if given["debug_port"] is not None:
        if given["invocation_type"] != "RequestResponse":
            raise UsageError("--debug-port debugs one invocation: leave --invocation-type out.")
        working.checked_port(given["debug_port"])
    terminal = working.terminal() if given["invocation_type"] == "RequestResponse" else None
    if given["watch"]:
        _watch(context, given, terminal)
    failed = _invoke(context, given, read_event(given["event"]), terminal)[0]
    raise SystemExit(1 if failed and not given["no_fail"] else 0)


def _watch(context: click.Context, given: dict[str, Any], terminal: int | None) -> None:
    """Invoke at each change, until Ctrl-C."""
    kept = read_event(given["event"]) if given["event"] == "-" else None
    settings = output.settings_of(context)
    named = [given["event"], given["env_file"], settings.loaded.path if settings.loaded is not None else None]
    files = [Path(one) for one in named if one is not None and Path(one).is_file()]

    def invoke() -> list[Path]:
        event = kept if kept is not None else read_event(given["event"])
        return _invoke(context, given, event, terminal)[1]

    working.watch(invoke, files, settings.quiet)


def _invoke(
    context: click.Context, given: dict[str, Any], event: bytes, terminal: int | None
) -> tuple[bool, list[Path]]:
    """Whether the function failed, and where its code is."""
    variables = read_variables(given["env"], given["env_file"])
    # Loaded here, so that --help need not pay for it; and the process that forks environments gets ready meanwhile.
    from lambdarun.runtime.isolation import Isolation
    from lambdarun.runtime.zygote_process import ZygoteProcess

    zygote = None
    # Where the project file alone says inline, one is started for nothing: to read that first would cost all others more.
    isolation = given["isolation"] or os.environ.get("LAMBDARUN_ISOLATION")
    if isolation != "inline":
        # Before the imports below: the two starts then overlap, which makes a whole command a sixth shorter.
        zygote = ZygoteProcess.start(
            virtual=given["invocation_type"] == "Event",
            terminal=terminal,
            isolation=Isolation.PROCESS if isolation == "process" else None,
        )
    try:
        from lambdarun.cli.invocation import Request, run

        request = Request(
            function=given["function"],
            event=event,
            timeout=given["timeout"],
            memory=given["memory"],
            variables=variables,
            invocation_type=given["invocation_type"],
            client_context=given["client_context"],
            qualifier=given["qualifier"],
            repeat=given["repeat"],
            as_json=given["form"] == "json",
            log_file=given["log_file"],
            terminal=terminal,
            debug_port=given["debug_port"],
            log_tail=given["log_type"] == "Tail",
            logs=given["logs"],
            chosen={"isolation": given["isolation"]},
        )
        return run(output.settings_of(context), request, zygote)
    finally:
        if zygote is not None:
            zygote.close()
