"""`lambdarun invoke`: one function, one event, its result on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from lambdarun.cli import output
from lambdarun.errors import Place, RecordingError, UsageError


def read_event(text: str | None) -> bytes:
    """The event of `-e`: a file, `-` for standard input, or text that starts as JSON does. Nothing: an empty event."""
    if text is None:
        return b""
    if text == "-":
        name, data = "<stdin>", sys.stdin.buffer.read()
    elif text.lstrip()[:1] in ("{", "[", '"'):
        name, data = "<event>", text.encode()
    else:
        path = Path(text)
        if not path.is_file():
            raise RecordingError(
                Place(text),
                "there is no such event file.",
                "Name a file, - for standard input, or write JSON.",
            )
        name, data = text, path.read_bytes()
    try:
        json.loads(data)
    except UnicodeDecodeError as fault:
        raise RecordingError(
            Place(name), f"is not UTF-8 (byte {fault.start}).", "Save it as UTF-8."
        ) from None
    except json.JSONDecodeError as fault:
        place = Place(name, fault.lineno, fault.colno)
        raise RecordingError(place, f"is not JSON: {fault.msg}.", "Mend the event there.") from None
    except RecursionError:
        raise RecordingError(Place(name), "is nested too deep to be read.", "Make it flatter.") from None
    return data


def read_variables(pairs: Iterable[str], file: str | None) -> dict[str, str]:
    """The variables of `--env K=V` and of an `--env-file` with a `K=V` a line; `--env` wins."""
    lines: list[tuple[Place, str]] = []
    if file is not None:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except OSError as fault:
            raise UsageError(f"{file}: cannot be read: {fault.strerror}.") from None
        lines += [
            (Place(file, number), line.strip())
            for number, line in enumerate(text.splitlines(), 1)
            if line.strip() and not line.lstrip().startswith("#")
        ]
    lines += [(Place("--env"), pair) for pair in pairs]
    if not lines:
        return {}
    from lambdarun.project.tables import variable_fault  # not for those who set none

    found = {}
    for place, line in lines:
        name, equals, value = line.removeprefix("export ").partition("=")
        if not equals:
            raise UsageError(f"{place}: {line!r} sets nothing. Write NAME=VALUE.")
        name = name.strip()
        if (said := variable_fault(name)) is not None:
            raise UsageError(f"{place}: {name!r}: {said[0]} {said[1]}")
        found[name] = value.strip().strip("\"'") if place.line else value
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
@click.option("--no-fail", is_flag=True, help="Exit with 0 even if the function fails.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("-l", "--log-file", metavar="FILE", help="Write the log there, not to standard error.")
@click.pass_context
def invoke(context: click.Context, /, **given: Any) -> None:
    """Run FUNCTION once and print its result.

    FUNCTION is a function of the project, path/to/app.py:handler, or package.module.handler.
    """
    event = read_event(given["event"])
    variables = read_variables(given["env"], given["env_file"])
    # Loaded here, so that --help need not pay for it; and the process that forks environments gets ready meanwhile.
    from lambdarun.runtime.zygote_process import ZygoteProcess

    zygote = ZygoteProcess.start(virtual=given["invocation_type"] == "Event")
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
        )
        failed = run(output.settings_of(context), request, zygote)
    finally:
        zygote.close()
    raise SystemExit(1 if failed and not given["no_fail"] else 0)
