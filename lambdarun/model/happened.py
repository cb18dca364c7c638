"""What all records of the event log share."""

from __future__ import annotations

from typing import ClassVar, Final

from lambdarun.model.instant import Instant

NOT_TOLD: Final = -1
"""A measured figure of a record that was read from a log without it."""


# A record's fields are flat and of the few types that views/results_line.py can write; `kind` is what readers of the
# file go by, so a kind, once released, keeps its name.
class Happened:
    """Something that happened, at `time`."""

    __slots__ = ()
    kind: ClassVar[str]
    level: ClassVar[str] = "info"
    measured: ClassVar[frozenset[str]] = frozenset()
    """Fields that the machine made, not the seed: a log of virtual time leaves them out."""
    time: Instant
