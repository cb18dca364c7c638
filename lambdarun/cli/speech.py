"""The event log spoken on standard error, by structlog: `-v` what went wrong, `-vv` all, `-vvv` with handlers' output."""

from __future__ import annotations

import json
import logging
from typing import Any, Final, TextIO

import structlog

from lambdarun.model.records import Record
from lambdarun.views.results_line import ResultLines

_SPOKEN_FROM: Final = (logging.CRITICAL, logging.WARNING, logging.INFO, logging.DEBUG)
_LEVELS: Final = logging.getLevelNamesMapping()


def logger(log_format: str, stream: TextIO, *, colours: bool) -> Any:
    """structlog's logger for `--log-format`; nothing is configured beyond it."""
    chain: list[Any] = [_first_things_first, structlog.processors.JSONRenderer()]
    if log_format == "console":
        chain = [structlog.dev.ConsoleRenderer(colors=colours, sort_keys=False)]
    return structlog.wrap_logger(structlog.PrintLogger(stream), processors=chain)


def _first_things_first(_: object, __: str, told: dict[str, Any]) -> dict[str, Any]:
    first = {key: told.pop(key) for key in ("timestamp", "level", "event") if key in told}
    return first | told


class Speaker:
    """Speaks the records that `verbose` times `-v` asks for: one line each, keys as in the results file, `kind` as structlog's event."""

    def __init__(self, log: Any, verbose: int, *, virtual: bool) -> None:
        self._log = log
        self._level = _SPOKEN_FROM[min(verbose, 3)]
        self._lines = ResultLines(virtual)

    def read(self, records: list[Record]) -> None:
        """Speak those of `records` that are loud enough."""
        for record in records:
            if _LEVELS[record.level.upper()] < self._level:
                continue
            told = json.loads(self._lines.lines([record]))
            del told["schema"], told["seq"]
            self._log.msg(told.pop("kind"), timestamp=told.pop("time"), level=record.level, **told)
