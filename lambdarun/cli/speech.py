"""The event log spoken on standard error, by structlog: `-v` what went wrong, `-vv` all, `-vvv` with handlers' output."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, Final, TextIO

import structlog

from lambdarun.cli.output import wants_colour
from lambdarun.cli.settings import Settings
from lambdarun.model.records import Record
from lambdarun.views.results_line import ResultLines

_SPOKEN_FROM: Final = (logging.CRITICAL, logging.WARNING, logging.INFO, logging.DEBUG)
_LEVELS: Final = logging.getLevelNamesMapping()


def speaker(settings: Settings, verbose: int, *, virtual: bool) -> Speaker:
    """A reader of records that speaks those that `verbose` times `-v` asks for, in the form of `--log-format`."""
    level = _SPOKEN_FROM[min(verbose, 3)]
    return Speaker(logger(settings, sys.stderr), level, ResultLines(virtual))


def logger(settings: Settings, stream: TextIO) -> Any:
    """structlog's logger for `--log-format`; nothing is configured beyond it."""
    chain: list[Any] = [_first_things_first, structlog.processors.JSONRenderer()]
    if settings.log_format == "console":
        colours = wants_colour(settings.color, stream)
        chain = [structlog.dev.ConsoleRenderer(colors=colours, sort_keys=False)]
    return structlog.wrap_logger(structlog.PrintLogger(stream), processors=chain)


def _first_things_first(_: object, __: str, told: dict[str, Any]) -> dict[str, Any]:
    first = {key: told.pop(key) for key in ("timestamp", "level", "event") if key in told}
    return first | told


class Speaker:
    """Speaks records: one line each, keys as in the results file, `kind` as structlog's event."""

    def __init__(self, log: Any, level: int, lines: ResultLines) -> None:
        self._log, self._level, self._lines = log, level, lines

    def read(self, records: list[Record]) -> None:
        """Speak those of `records` that are loud enough."""
        for record in records:
            if _LEVELS[record.level.upper()] < self._level:
                continue
            told = json.loads(self._lines.lines([record]))
            del told["schema"], told["seq"]
            self._log.msg(told.pop("kind"), timestamp=told.pop("time"), level=record.level, **told)
