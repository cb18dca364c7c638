"""Records as lines of a results file: one compiled formatter a kind of record.

A replay writes tens of thousands of lines, so the formatter of a class is built once, as one f-string (1.9 µs a record;
walking the fields each time costs ten times that).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final

from attrs import define, field, fields

from lambdarun.model.draws import uuid_text
from lambdarun.model.instant import SECOND, Instant, iso
from lambdarun.model.records import Record

SCHEMA: Final = 1
_KEPT: Final = 50_000


@define(eq=False)
class _Texts:
    """Texts of identifiers and instants: a message's id stands in several records, an instant in many."""

    _ids: dict[int, str] = field(factory=dict, init=False)
    _seconds: dict[int, str] = field(factory=dict, init=False)
    _last: int = field(default=-1, init=False)
    _last_text: str = field(default="", init=False)

    def uuid(self, value: int) -> str:
        """`"5a3f..."`, in quotes."""
        found = self._ids.get(value)
        if found is None:
            if len(self._ids) >= _KEPT:
                self._ids.clear()
            found = self._ids[value] = f'"{uuid_text(value)}"'
        return found

    def id(self, value: int | str) -> str:
        """A message id, in quotes."""
        return self.uuid(value) if isinstance(value, int) else quoted(value)

    def ids(self, values: tuple[int | str, ...]) -> str:
        """Message ids, as an array."""
        known = self._ids
        return "[" + ",".join([known.get(value) or self.id(value) for value in values]) + "]"  # type: ignore[arg-type]  # a text is never a key

    def iso(self, instant: Instant) -> str:
        """An instant, in quotes."""
        if instant == self._last:
            return self._last_text
        second, rest = divmod(instant, SECOND)
        found = self._seconds.get(second)
        if found is None:
            if len(self._seconds) >= _KEPT:
                self._seconds.clear()
            found = self._seconds[second] = f'"{iso(Instant(second * SECOND))[:20]}'
        self._last = instant
        self._last_text = f'{found}{rest:06d}Z"'
        return self._last_text


def _bytes(value: bytes) -> str:
    return quoted(value.decode("utf-8", "replace"))


def _attributes(value: Mapping[str, Any]) -> str:
    return json.dumps(value)


# Type of a record's field, as it is written in the class -> the f-string's expression for `r.<field>`.
_EXPRESSIONS: Final = {
    "str": "{quoted(r.NAME)}",
    "int": "{r.NAME}",
    "bool": "{'true' if r.NAME else 'false'}",
    "bytes": "{bytes_(r.NAME)}",
    "Instant": "{iso(r.NAME)}",
    "Duration": "{r.NAME}",
    "Duration | None": "{'null' if r.NAME is None else r.NAME}",
    "RequestId": "{uuid(r.NAME)}",
    "RequestId | None": "{'null' if r.NAME is None else uuid(r.NAME)}",
    "MessageId": "{id_(r.NAME)}",
    "tuple[MessageId, ...]": "{ids(r.NAME)}",
    "Mapping[str, Mapping[str, object]]": "{attributes(r.NAME)}",
}


def formatter(kind: type[Any], texts: _Texts, *, virtual: bool) -> Callable[[Any, int], str]:
    """The function that writes a record of class `kind`; measured fields are left out in virtual time."""
    parts = [f'{{{{"schema":{SCHEMA},"seq":{{seq}},"time":{{iso(r.time)}},"kind":"{kind.kind}"']
    for attribute in fields(kind):
        if attribute.name == "time" or (virtual and attribute.name in kind.measured):
            continue
        expression = _EXPRESSIONS[str(attribute.type)].replace("NAME", attribute.name)
        parts.append(f',"{attribute.name}":{expression}')
    source = "lambda r, seq: f'''" + "".join(parts) + "}}\\n'''"
    names = {
        "quoted": quoted,
        "bytes_": _bytes,
        "iso": texts.iso,
        "uuid": texts.uuid,
        "id_": texts.id,
        "ids": texts.ids,
        "attributes": _attributes,
    }
    made: Callable[[Any, int], str] = eval(source, names)  # noqa: S307 - built from the classes above, not from input
    return made


@define(eq=False)
class ResultLines:
    """Numbers records and writes them as lines."""

    virtual: bool
    _formatters: dict[type[Any], Callable[[Any, int], str]] = field(factory=dict, init=False)
    _texts: _Texts = field(factory=_Texts, init=False)
    _seq: int = field(default=0, init=False)

    def lines(self, records: list[Record]) -> str:
        """The lines of these records, each with its newline."""
        found = []
        seq = self._seq
        formatters = self._formatters
        for record in records:
            kind = type(record)
            write = formatters.get(kind)
            if write is None:
                write = formatters[kind] = formatter(kind, self._texts, virtual=self.virtual)
            seq += 1
            found.append(write(record, seq))
        self._seq = seq
        return "".join(found)
