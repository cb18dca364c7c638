"""Who reads which records, joined from several views."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Readers = Mapping[type, Callable[[Any], None]]


def joined(*views: Readers) -> dict[type, Callable[[Any], None]]:
    """One table of all: a record that several read is handed to each, in order."""
    by_kind: dict[type, list[Callable[[Any], None]]] = {}
    for view in views:
        for kind, reader in view.items():
            by_kind.setdefault(kind, []).append(reader)
    return {kind: found[0] if len(found) == 1 else _all(found) for kind, found in by_kind.items()}


def _all(readers: list[Callable[[Any], None]]) -> Callable[[Any], None]:
    def read(record: Any) -> None:
        for reader in readers:
            reader(record)

    return read
