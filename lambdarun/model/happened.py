"""What all records of the event log share."""

from __future__ import annotations

from typing import ClassVar

from lambdarun.model.instant import Instant


# A record's fields are flat and of the few types that views/results_line.py can write; `kind` is what readers of the
# file go by, so a kind, once released, keeps its name.
class Happened:
    """Something that happened, at `time`."""

    __slots__ = ()
    kind: ClassVar[str]
    level: ClassVar[str] = "info"
    measured: ClassVar[frozenset[str]] = frozenset()
    time: Instant
