"""Streams, colour and exit codes: the result on standard output, everything else on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from lambdarun.errors import MachineError
from lambdarun.project.run_settings import ISOLATIONS

if TYPE_CHECKING:
    from lambdarun.cli.settings import Settings
    from lambdarun.runtime.isolation import Isolation
    from lambdarun.runtime.journal import Reader
    from lambdarun.runtime.zygote_process import ZygoteProcess

FORM: Final = click.option(
    "-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
"""`--output`, the same for all commands."""

ISOLATION: Final = click.option(
    "--isolation",
    type=click.Choice(ISOLATIONS),
    help="Where handlers run; inline is this very process.  [default: as the machine allows]",
)
"""`--isolation`, the same for all commands that run handlers."""


def settings_of(context: click.Context) -> Settings:
    """What the group's options, the environment and the project file say together."""
    from lambdarun.cli.settings import resolve  # reads the project file: --help must not pay for it

    return resolve(context.find_root().params)


def wants_colour(choice: str, stream: TextIO) -> bool:
    """`--color`, then NO_COLOR, FORCE_COLOR and TERM, then whether somebody looks."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def result(text: str) -> None:
    """Write the result. Whoever has stopped reading misses it; a full disk raises MachineError."""
    try:
        # A recording may bring characters that this terminal, or any encoding, cannot write.
        encoding = sys.stdout.encoding or "utf-8"
        told = text.encode(encoding, "backslashreplace").decode(encoding)
        sys.stdout.write(told if told.endswith("\n") else f"{told}\n")
        sys.stdout.flush()
    except OSError as fault:
        # What is still buffered must go nowhere at the interpreter's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(fault, BrokenPipeError):  # else the exit code stays the run's
            raise MachineError(f"standard output cannot be written: {fault.strerror}.") from None


def notice(settings: Settings, text: str, level: str = "info") -> None:
    """Say something beside the result."""
    if settings.log_format == "json":
        _logger(settings).msg(text, level=level)
    else:
        sys.stderr.write(f"lambdarun: {text}\n" if level == "info" else f"lambdarun: {level}: {text}\n")


def notice_isolation(settings: Settings, zygote: ZygoteProcess, asked: Isolation | None) -> None:
    """Say it where this machine allows no namespaces, and handlers see its folders instead."""
    from lambdarun.runtime.isolation import fallback_notice

    if asked is not None or settings.quiet:
        return
    text = fallback_notice(zygote.greeting.why_not)
    if text is not None:
        notice(settings, text)


def speakers(settings: Settings, *, virtual: bool, whole: bool = False) -> tuple[Reader, ...]:
    """Who speaks the log on standard error: as loud as `-v` says, or all of it where `whole`."""
    verbose = 3 if whole else settings.verbose
    if settings.quiet or not verbose:
        return ()
    from lambdarun.cli.speech import Speaker  # as below

    return (Speaker(_logger(settings), verbose, virtual=virtual).read,)


def _logger(settings: Settings) -> Any:
    from lambdarun.cli.speech import logger  # brings structlog: not for those who do not listen

    return logger(settings.log_format, sys.stderr, colours=wants_colour(settings.color, sys.stderr))


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows in aligned columns, two spaces apart."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
