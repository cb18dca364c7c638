"""The event log, or any lines, in a file that is either whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

from attrs import define, field

from lambdarun.errors import UsageError


@define(eq=False)
class WholeFile:
    """Written beside its place under another name, and put there when it is finished."""

    path: Path
    _stream: TextIO = field(init=False)

    def __attrs_post_init__(self) -> None:
        try:
            self._stream = self._partial().open("w", encoding="utf-8", newline="\n")
        except OSError as fault:
            raise UsageError(f"{self.path}: cannot be written: {fault.strerror}.") from None

    def _partial(self) -> Path:
        return self.path.with_name(f".{self.path.name}.partial")

    def write(self, lines: str) -> None:
        """Append whole lines."""
        self._stream.write(lines)

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._stream.close()
        self._partial().unlink(missing_ok=True)

    def finish(self) -> None:
        """Put the file in its place."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._partial().replace(self.path)
