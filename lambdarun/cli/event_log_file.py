"""The event log, or any lines, in a file that is either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from attrs import define, field

from lambdarun.errors import MachineError, UsageError
from lambdarun.recordings.read import is_recording

_BUFFER_BYTES: Final = 262_144


@define(eq=False)
class WholeFile:
    """Written beside its place under another name, and put there when it is finished.

    What is no plain file (a pipe, /dev/null) is written as it is. Raises UsageError where nothing can be written.
    """

    path: Path
    _place: Path = field(init=False)
    _partial: Path | None = field(init=False)
    _stream: BinaryIO = field(init=False)

    def __attrs_post_init__(self) -> None:
        if self.path.is_dir():
            raise UsageError(f"{self.path}: is a folder. Name a file in it.")
        self._place = self.path.resolve()  # a link keeps pointing where it did
        plain = self._place.is_file() or not self.path.exists()
        # Beside its place, for a rename works within one file system only.
        self._partial = self._place.with_name(f".{self._place.name}.partial") if plain else None
        try:
            self._stream = (self._partial or self.path).open("wb", buffering=_BUFFER_BYTES)
        except OSError as fault:
            raise UsageError(f"{self.path}: cannot be written: {fault.strerror}.") from None

    def write(self, lines: str) -> None:
        """Append whole lines. Raises MachineError where the disk is full."""
        try:
            self._stream.write(lines.encode())
        except OSError as fault:
            raise self._failed(fault) from None

    def finish(self) -> None:
        """Put the file in its place. Raises MachineError where the disk is full."""
        try:
            self._stream.flush()
            if self._partial is None:
                self._stream.close()
                return
            # Before the rename: after a power cut the name could otherwise stand for an empty file.
            os.fsync(self._stream.fileno())
            self._stream.close()
            self._partial.replace(self._place)
        except OSError as fault:
            raise self._failed(fault) from None

    def drop(self) -> None:
        """Leave nothing of a file that was not finished."""
        if not self._stream.closed:
            with suppress(OSError):  # what it still held back goes nowhere either
                self._stream.close()
            if self._partial is not None:
                self._partial.unlink(missing_ok=True)

    def _failed(self, fault: OSError) -> MachineError:
        return MachineError(f"{self.path}: cannot be written: {fault.strerror}.")


def refuse_clashes(written: Iterable[tuple[str, str | None]], read: Iterable[str]) -> None:
    """Raises UsageError where a file would be written twice, or over a recording; `written` has flags and paths."""
    taken = {Path(file).resolve(): f"{file}: is a recording of this run" for file in read}
    folders = [place for place in taken if place.is_dir()]
    for flag, file in written:
        if file is None:
            continue
        place = Path(file).resolve()
        if place in taken and not (place.exists() and not place.is_file()):
            raise UsageError(f"{flag} {taken[place]}. Name another file.")
        if place.is_file() and is_recording(place) and any(place.is_relative_to(one) for one in folders):
            raise UsageError(f"{flag} {file}: is a recording of this run. Name another file.")
        taken[place] = f"{file}: is written by another option already"
