"""Files and folders to arrivals, in order of time; the format is recognised by content."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from attrs import define, evolve, field

from lambdarun.errors import Place, RecordingError
from lambdarun.model.arrival import Arrival, BatchArrival
from lambdarun.model.instant import Instant, parse_instant
from lambdarun.recordings.cloudwatch_logs import is_log, log_lines
from lambdarun.recordings.json_lines import json_lines
from lambdarun.recordings.to_arrivals import UNTIMED_STEP, Timeline, arrivals_of, message_of

UNTIMED_START: Final = parse_instant("2026-01-01T00:00:00Z")
"""Where a recording without any time begins: fixed, so that equal replays are equal."""
_ENDINGS: Final = (".json", ".jsonl", ".ndjson", ".log")


@define(eq=False)
class Recording:
    """Recorded events of some files and folders.

    Iterating yields arrivals in order of time, ties as they stand in the files. With `start_at` the whole recording is
    shifted so that its first arrival is then. `notices` lists what was passed over or looks odd.
    """

    paths: Sequence[Path]
    start_at: Instant | None = None
    notices: list[str] = field(factory=list, init=False)

    def __iter__(self) -> Iterator[Arrival]:
        arrivals: list[Arrival] = []
        for path in self._files():
            try:
                arrivals += self._read(path)
            except RecursionError:
                raise RecordingError(
                    Place(str(path)), "is nested too deep to be read.", "Make it flatter."
                ) from None
        arrivals.sort(key=lambda arrival: arrival.time)
        if self.start_at is not None and arrivals:
            shift = self.start_at - arrivals[0].time
            arrivals = [_shifted(arrival, shift) for arrival in arrivals]
        return iter(arrivals)

    def _files(self) -> Iterator[Path]:
        for path in self.paths:
            if path.is_dir():
                inside = sorted(file for file in path.rglob("*") if file.is_file())
                taken = [file for file in inside if _is_recording(file)]
                skipped = len(inside) - len(taken)
                if not taken:
                    raise RecordingError(
                        Place(str(path)),
                        "holds no recording.",
                        f"Files must end in {', '.join(_ENDINGS)} (or .gz).",
                    )
                if skipped:
                    self.notices.append(f"{path}: {skipped} other files passed over")
                yield from taken
            elif path.is_file():
                yield path
            else:
                raise _missing(path)

    def _read(self, path: Path) -> Iterator[Arrival]:
        name = str(path)
        text = _text(path)
        if not text.strip():
            raise RecordingError(
                Place(name), "is empty.", "Expected an event, an array of events, or one event a line."
            )
        timeline = Timeline(Instant((self.start_at or UNTIMED_START) - UNTIMED_STEP))
        if text.lstrip()[0] not in '{["' and is_log(text):
            for line in log_lines(name, text):
                yield from arrivals_of(line, timeline, self.notices)
            return
        for line, message in json_lines(name, text):
            if message is not None:
                yield message_of(line, message, timeline)
            else:
                yield from arrivals_of(line, timeline, self.notices)


def _is_recording(path: Path) -> bool:
    name = path.name.removesuffix(".gz")
    return name.endswith(_ENDINGS)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise RecordingError(
            Place(str(path), line), f"is not UTF-8 (byte {fault.start}).", "Save it as UTF-8."
        ) from None
    except (OSError, EOFError, zlib.error) as fault:
        raise RecordingError(Place(str(path)), f"cannot be read: {fault}.", "") from None


def _missing(path: Path) -> RecordingError:
    near = []
    if path.parent.is_dir():
        near = get_close_matches(path.name, [file.name for file in path.parent.iterdir()])
    mend = f"Did you mean {', '.join(near)}?" if near else "Name a file or a folder."
    return RecordingError(Place(str(path)), "there is no such recording.", mend)


def _shifted(arrival: Arrival, shift: int) -> Arrival:
    moved = evolve(arrival, time=Instant(arrival.time + shift))
    if isinstance(moved, BatchArrival):
        return evolve(moved, oldest=Instant(moved.oldest + shift), newest=Instant(moved.newest + shift))
    return moved
