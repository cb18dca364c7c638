"""What `lambdarun report` does: read the log, write the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import Final

from lambdarun.cli.event_log_file import refuse_clashes
from lambdarun.cli.run_readers import RunReaders
from lambdarun.cli.settings import Settings
from lambdarun.model.declarations import Project
from lambdarun.model.records import Record
from lambdarun.recordings.event_log import event_log

_AT_ONCE: Final = 1_000


def write_page(settings: Settings, log: str, page: str) -> None:
    """Write the page of the run in `log`. Raises UsageError and RecordingError."""
    refuse_clashes((("--output", page),), (log,))
    records = event_log(Path(log))
    first = next(records)  # raises before anything is written
    with ExitStack() as files:
        readers = RunReaders(True, settings.project or Project(), None, None, first.time, files)
        readers.report_into(Path(page))
        for some in _chunks(chain((first,), records)):
            readers.read(some)
        readers.finish()


def _chunks(records: Iterator[Record]) -> Iterator[list[Record]]:
    while some := list(islice(records, _AT_ONCE)):
        yield some
