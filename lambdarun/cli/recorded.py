"""What commands read of recordings: the files, their rate, and the queue that they go through."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from lambdarun.cli import spans
from lambdarun.cli.settings import Settings
from lambdarun.errors import UsageError
from lambdarun.model.arrival import Arrival
from lambdarun.model.declarations import Project
from lambdarun.model.instant import Instant
from lambdarun.model.near_names import did_you_mean
from lambdarun.model.queue import FIFO_SUFFIX, is_queue_name
from lambdarun.project.lone_handler import called_as, resolve
from lambdarun.recordings.event_clock import LATEST
from lambdarun.recordings.read import Recording
from lambdarun.recordings.through_queue import through_queue


def read(
    files: Sequence[str], start_at: Instant | None, rate: str | None, queue: str | None
) -> tuple[list[Arrival], list[str]]:
    """The arrivals in order of time, and what to say of them. Raises UsageError, RecordingError."""
    if "" in files:
        raise UsageError("a FILE is an empty text. Name a file, a folder, or - for standard input.")
    times = Fraction(1) if rate is None else spans.times(rate)
    recording = Recording([Path(file) for file in files], start_at, times)
    arrivals: list[Arrival] = list(recording)
    if arrivals and arrivals[-1].time >= LATEST:
        raise UsageError(
            f"--rate {rate}: the recording would not end before the year 9000. Slow it down less."
        )
    if queue is not None:
        arrivals = list(through_queue(arrivals, queue))
    return arrivals, recording.notices


def queue_of(through: str | None, project: Project, *, lone: bool) -> str | None:
    """The name in `--through queues.NAME`; where one function gets everything (`lone`) it need not be declared. Raises
    UsageError.
    """
    if through is None:
        return None
    kind, _, name = through.partition(".")
    if kind != "queues" or not name:
        raise UsageError(f"--through {through}: is no queue. Write queues.NAME.")
    if name not in project.queues and not (lone and is_queue_name(name)):
        mend = did_you_mean(name, project.queues, f"Declared: {', '.join(project.queues) or 'none'}.")
        raise UsageError(f"--through {through}: the project has no such queue. {mend}")
    if name.endswith(FIFO_SUFFIX):
        raise UsageError(
            f"--through {through}: recorded events name no message group, which a FIFO queue asks for. Name a standard queue."
        )
    return name


def target_of(settings: Settings, function: str | None, by_project: bool) -> tuple[Project, str | None]:
    """The project, and the function that gets everything where one was named. Raises UsageError, UnknownFunctionError."""
    if function is not None and by_project:
        raise UsageError(
            "--function and --project exclude each other: one function for all, or the file's routes."
        )
    if function is not None:
        project, found = resolve(function, settings.project, Path.cwd())
        return project, called_as(function, project, found)
    if settings.project is None:
        raise UsageError(
            "there is no lambdarun.toml here or above. Name a function: --function path/to/app.py:handler."
        )
    return settings.project, None
