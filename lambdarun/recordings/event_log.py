"""The event log of a run, as `replay --out` wrote it, back to records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from attrs import NOTHING, fields

from lambdarun.errors import Place, RecordingError
from lambdarun.model.happened import NOT_TOLD
from lambdarun.model.instant import parse_instant
from lambdarun.model.near_names import near_names
from lambdarun.model.records import Record, RunEnded

SCHEMA: Final = 1
_EXPECTED: Final = "Expected the event log of a run, as replay --out writes it."
_KINDS: Final = {kind.kind: kind for kind in Record.__args__}


def event_log(path: Path) -> Iterator[Record]:
    """The records of a log, in order. Raises RecordingError where it is none, or was cut."""
    name, record, number = str(path), None, 0
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                record = _record(Place(name, number), line)
                yield record
    except UnicodeDecodeError:
        raise RecordingError(Place(name, number + 1), "is not UTF-8.", _EXPECTED) from None
    except OSError as fault:
        raise RecordingError(Place(name), f"cannot be read: {fault.strerror}.", _EXPECTED) from None
    if record is None:
        raise RecordingError(Place(name), "is empty.", _EXPECTED)
    if not isinstance(record, RunEnded):
        raise RecordingError(
            Place(name, number), "is not the end of a run: the log was cut.", "Write it anew."
        )


def _record(place: Place, line: str) -> Record:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        raise RecordingError(place, "is not JSON.", _EXPECTED) from None
    if not isinstance(told, dict) or "kind" not in told:
        raise RecordingError(place, "is no record of an event log.", _EXPECTED)
    if told.get("schema") != SCHEMA:
        raise RecordingError(
            place, f"has the schema {told.get('schema')!r}, not {SCHEMA}.", "Use the lambdarun that wrote it."
        )
    kind = _KINDS.get(told["kind"]) if isinstance(told["kind"], str) else None
    if kind is None:
        near = near_names(str(told["kind"]), _KINDS, 1)
        mend = f"Did you mean {near[0]}?" if near else "Use the lambdarun that wrote it."
        raise RecordingError(place, f"kind: there is no {told['kind']!r}.", mend)
    return _made(place, kind, told)


def _made(place: Place, kind: type[Any], told: dict[str, Any]) -> Record:
    values = {}
    for attribute in fields(kind):
        name = attribute.name
        if name in told:
            try:
                values[name] = _READERS[str(attribute.type)](told[name])
            except (TypeError, ValueError):
                raise RecordingError(
                    place, f"{name}: {json.dumps(told[name])[:60]} is no {attribute.type}.", _EXPECTED
                ) from None
        elif name in kind.measured:
            values[name] = NOT_TOLD
        elif attribute.default is NOTHING:
            raise RecordingError(place, f"{kind.kind} has no {name}.", "Use the lambdarun that wrote it.")
    made: Record = kind(**values)
    return made


def _of(wanted: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not wanted:
            raise TypeError(value)
        return value

    return read


def _or_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _ids(value: Any) -> tuple[str, ...]:
    return tuple(map(_of(str), _of(list)(value)))


def _bytes(value: Any) -> bytes:
    return str(_of(str)(value)).encode("utf-8", "surrogatepass")


# Type of a record's field, as it is written in the class -> how it is read.
_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "str": _of(str),
    "int": _of(int),
    "bool": _of(bool),
    "bytes": _bytes,
    "Instant": parse_instant,
    "Duration": _of(int),
    "Duration | None": _or_none(_of(int)),
    "RequestId": _of(str),
    "RequestId | None": _or_none(_of(str)),
    "MessageId": _of(str),
    "tuple[MessageId, ...]": _ids,
    "Mapping[str, Mapping[str, object]]": _of(dict),
}
