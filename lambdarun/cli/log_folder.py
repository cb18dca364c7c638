"""A folder with one file a log stream, in folders by log group: what CloudWatch Logs would hold of a run."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from attrs import define, field

from lambdarun.errors import MachineError, UsageError
from lambdarun.model.declarations import Project
from lambdarun.model.records import Record
from lambdarun.views.log_text import LogText, LogTexts

_OPEN_MAX: Final = 64
"""So many files are open at once; a run may have thousands of streams."""
# `.../2026/01/02/[$LATEST]<32 digits>`, with the function's name before the bracket in a group of the user's own.
_STREAM: Final = r"(?:.*/)?\d{4}/\d\d/\d\d/[a-zA-Z0-9_-]*\[[^/\]]+\][0-9a-f]{32}"


@define(eq=False)
class LogFolder:
    """Written as the run goes. The streams of a former run are removed first; a folder with anything else in it is
    refused, as is what is no folder. Raises UsageError.
    """

    path: Path
    project: Project
    _texts: LogTexts = field(init=False)
    _files: OrderedDict[Path, BinaryIO] = field(factory=OrderedDict, init=False)

    def __attrs_post_init__(self) -> None:
        self._texts = LogTexts(self.project)
        try:
            self._clear()
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise UsageError(f"{self.path}: cannot be written: {fault.strerror}.") from None

    def _clear(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path}: is no folder. Name one for the log streams.")
        found = []
        # All of them before the first is removed: a folder that is refused is left as it was.
        for file in (Path(folder) / name for folder, _, names in os.walk(self.path) for name in names):
            found.append(file)
            if not re.fullmatch(_STREAM, file.relative_to(self.path).as_posix()):
                raise UsageError(
                    f"{self.path}: holds {file.relative_to(self.path)}, which is no log stream. Name an empty folder"
                    " or a new one."
                )
        for file in found:
            file.unlink()
        for folder, _, _ in sorted(os.walk(self.path), reverse=True):
            with suppress(OSError):
                os.rmdir(folder)

    def read(self, records: Iterable[Record]) -> None:
        """Write the logs of the invocations that ended. Raises MachineError where the disk is full."""
        for told in self._texts.read(records):
            self._write(told)

    def _write(self, told: LogText) -> None:
        place = self.path.joinpath(*_folders(told.log_group), *told.log_stream.split("/"))
        try:
            file = self._files.get(place)
            if file is None:
                file = self._open(place)
            else:
                self._files.move_to_end(place)
            file.write(told.text.encode())
        except OSError as fault:
            raise MachineError(f"{place}: cannot be written: {fault.strerror}.") from None

    def _open(self, place: Path) -> BinaryIO:
        if len(self._files) >= _OPEN_MAX:
            _, oldest = self._files.popitem(last=False)
            oldest.close()
        place.parent.mkdir(parents=True, exist_ok=True)
        # Without a buffer: whoever follows a stream sees an invocation when it has ended.
        file = self._files[place] = place.open("ab", buffering=0)
        return file

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()


def _folders(log_group: str) -> list[str]:
    """A log group's name as folders; none of them leads out of the folder."""
    parts = [part for part in log_group.split("/") if part]
    return [part.replace(".", "%2E") if part in (".", "..") else part for part in parts]
