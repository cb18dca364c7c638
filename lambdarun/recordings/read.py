"""Files and folders to arrivals, in order of time; the format is recognised by content."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

from attrs import define, evolve, field

from lambdarun.errors import Place, RecordingError
from lambdarun.model.arrival import Arrival, BatchArrival
from lambdarun.model.instant import FIXED_START, Instant
from lambdarun.model.near_names import near_names
from lambdarun.recordings.access_logs import access_lines, is_access_log
from lambdarun.recordings.cloudwatch_logs import is_log, log_lines
from lambdarun.recordings.json_lines import json_lines
from lambdarun.recordings.to_arrivals import UNTIMED_STEP, Timeline, arrivals_of, message_of

STANDARD_INPUT: Final = Path("-")
_ENDINGS: Final = (".json", ".jsonl", ".ndjson", ".log")
_NO_DATA: Final = (".md", ".py", ".pyc", ".rst")
"""Nobody takes these for recordings: they are passed over in silence."""
_NAMED_MOST: Final = 3


@define(eq=False)
class Recording:
    """Recorded events of some files and folders; the path `-` is standard input.

    Iterating yields arrivals in order of time, ties as they stand in the files. With `start_at` the whole recording is
    shifted so that its first arrival is then; with a `rate` of 10 all comes in a tenth of the time. `notices` lists what was passed over or looks odd. Iterating raises
    RecordingError where a file is missing or not what it should be.

    >>> first = next(iter(Recording(["events/uploads.jsonl"])))
    >>> first.source, first.delivery.value, first.arn
    ('s3', 'async', 'arn:aws:s3:::uploads')
    """

    paths: Sequence[str | Path]
    start_at: Instant | None = None
    rate: Fraction = Fraction(1)
    notices: list[str] = field(factory=list, init=False)

    def __iter__(self) -> Iterator[Arrival]:
        files: list[tuple[Timeline, list[Arrival]]] = []
        try:
            for path in self._files():
                timeline = Timeline(Instant((self.start_at or FIXED_START) - UNTIMED_STEP))
                files.append((timeline, list(self._read(path, timeline))))
        except OSError as fault:
            raise _unreadable(Place(str(fault.filename)), fault) from None
        arrivals = self._joined(files)
        # A stable sort: what happened at one instant stays in the order of the files.
        arrivals.sort(key=lambda arrival: arrival.time)
        if self.start_at is not None and arrivals:
            shift = self.start_at - arrivals[0].time
            arrivals = [_shifted(arrival, shift) for arrival in arrivals]
        if self.rate != 1 and arrivals:
            first = arrivals[0].time
            arrivals = [
                _shifted(arrival, round((arrival.time - first) / self.rate) - (arrival.time - first))
                for arrival in arrivals
            ]
        return iter(arrivals)

    def _joined(self, files: list[tuple[Timeline, list[Arrival]]]) -> list[Arrival]:
        """The arrivals of all files; those of a file without any time begin with the first that has one."""
        untimed = sum(timeline.untimed for timeline, _ in files)
        total = sum(len(found) for _, found in files)
        if 0 < untimed < total:
            self.notices.append(
                f"{untimed:,} of {total:,} events tell no time: each follows the one before it in its file by a second"
            )
        timed = [
            arrival.time for timeline, found in files if timeline.untimed < len(found) for arrival in found
        ]
        arrivals = []
        for timeline, found in files:
            if timed and timeline.untimed == len(found):
                shift = min(timed) - found[0].time
                found = [_shifted(arrival, shift) for arrival in found]
            arrivals += found
        return arrivals

    def _files(self) -> Iterator[Path]:
        for path in map(Path, self.paths):
            if path == STANDARD_INPUT:
                yield path
            elif path.is_dir():
                inside = sorted(file for file in path.rglob("*") if file.is_file())
                taken = [file for file in inside if is_recording(file)]
                skipped = [
                    file.relative_to(path).as_posix()
                    for file in inside
                    if not is_recording(file) and file.suffix not in _NO_DATA
                ]
                if not taken:
                    raise RecordingError(
                        Place(str(path)),
                        "holds no recording.",
                        f"Files must end in {', '.join(_ENDINGS)} (or .gz).",
                    )
                if skipped:
                    more = ", ..." if len(skipped) > _NAMED_MOST else ""
                    named = ", ".join(skipped[:_NAMED_MOST])
                    self.notices.append(f"{path}: passed over {named}{more} (no recording by its name)")
                yield from taken
            elif path.exists():  # a pipe too
                yield path
            else:
                raise _missing(path)

    def _read(self, path: Path, timeline: Timeline) -> Iterator[Arrival]:
        name = "<stdin>" if path == STANDARD_INPUT else str(path)
        text = _text(path, name)
        if not text.strip():
            raise RecordingError(
                Place(name), "is empty.", "Expected an event, an array of events, or one event a line."
            )
        found = False
        for arrival in self._arrivals(name, text, timeline):
            found = True
            yield arrival
        if not found:
            raise RecordingError(Place(name), "holds no event.", "Leave the file out.")

    def _arrivals(self, name: str, text: str, timeline: Timeline) -> Iterator[Arrival]:
        if text.lstrip()[0] not in '{["' and is_log(text):
            for line in log_lines(name, text):
                yield from arrivals_of(line, timeline, self.notices)
            return
        if is_access_log(text):
            for line in access_lines(name, text, self.notices):
                yield from arrivals_of(line, timeline, self.notices)
            return
        for line, message in json_lines(name, text):
            if message is not None:
                yield message_of(line, message, timeline)
            else:
                yield from arrivals_of(line, timeline, self.notices)


def is_recording(path: Path) -> bool:
    """Whether a file in a folder is taken for a recording, by its name."""
    name = path.name.removesuffix(".gz")
    return name.endswith(_ENDINGS)


def _text(path: Path, name: str) -> str:
    data = b""
    try:
        data = sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise RecordingError(
            Place(name, line), f"is not UTF-8 (byte {fault.start}).", "Save it as UTF-8."
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
        raise RecordingError(Place(name), f"cannot be unpacked: {fault}.", "Compress it again.") from None
    except OSError as fault:
        raise _unreadable(Place(name), fault) from None


def _unreadable(place: Place, fault: OSError) -> RecordingError:
    return RecordingError(place, f"cannot be read: {fault.strerror}.", "Name a file that can be.")


def _missing(path: Path) -> RecordingError:
    siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    stems = {name.partition(".")[0]: name for name in siblings}
    near = [stems[stem] for stem in near_names(path.name.partition(".")[0], stems, 3)]
    mend = f"Did you mean {', '.join(near)}?" if near else "Name a file, a folder, or - for standard input."
    return RecordingError(Place(str(path)), "there is no such recording.", mend)


def _shifted(arrival: Arrival, shift: int) -> Arrival:
    moved = evolve(arrival, time=Instant(arrival.time + shift))
    if isinstance(moved, BatchArrival):
        return evolve(moved, newest=Instant(moved.newest + shift))
    return moved
