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
from lambdarun.model.instant import Instant, iso
from lambdarun.model.records import Record

SCHEMA: Final = 1


def id_text(value: int | str) -> str:
    """A request or message id as it stands in the log."""
    return uuid_text(value) if isinstance(value, int) else value


def _ids(values: tuple[int | str, ...]) -> str:
    return "[" + ",".join([f'"{uuid_text(v)}"' if isinstance(v, int) else quoted(v) for v in values]) + "]"


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
    "Instant": '"{iso(r.NAME)}"',
    "Duration": "{r.NAME}",
    "Duration | None": "{'null' if r.NAME is None else r.NAME}",
    "RequestId": '"{uuid(r.NAME)}"',
    "RequestId | None": "{'null' if r.NAME is None else quoted(uuid(r.NAME))}",
    "MessageId": "{quoted(id_text(r.NAME))}",
    "tuple[MessageId, ...]": "{ids(r.NAME)}",
    "Mapping[str, Mapping[str, object]]": "{attributes(r.NAME)}",
}


def formatter(kind: type[Any], *, virtual: bool) -> Callable[[Any, int], str]:
    """The function that writes a record of class `kind`; measured fields are left out in virtual time."""
    parts = [f'{{{{"schema":{SCHEMA},"seq":{{seq}},"time":"{{iso(r.time)}}","kind":"{kind.kind}"']
    for attribute in fields(kind):
        if attribute.name == "time" or (virtual and attribute.name in kind.measured):
            continue
        expression = _EXPRESSIONS[str(attribute.type)].replace("NAME", attribute.name)
        parts.append(f',"{attribute.name}":{expression}')
    source = "lambda r, seq: f'''" + "".join(parts) + "}}\\n'''"
    names = {
        "quoted": quoted,
        "bytes_": _bytes,
        "iso": _CachedIso(),
        "uuid": uuid_text,
        "id_text": id_text,
        "ids": _ids,
        "attributes": _attributes,
    }
    made: Callable[[Any, int], str] = eval(source, names)  # noqa: S307 - built from the classes above, not from input
    return made


@define(eq=False)
class _CachedIso:
    """ISO texts of instants: many records share theirs."""

    _last: Instant = field(default=Instant(-1), init=False)
    _text: str = field(default="", init=False)

    def __call__(self, instant: Instant) -> str:
        if instant != self._last:
            self._last, self._text = instant, iso(instant)
        return self._text


@define(eq=False)
class ResultLines:
    """Numbers records and writes them as lines."""

    virtual: bool
    _formatters: dict[type[Any], Callable[[Any, int], str]] = field(factory=dict, init=False)
    _seq: int = field(default=0, init=False)

    def lines(self, records: list[Record]) -> str:
        """The lines of these records, each with its newline."""
        found = []
        for record in records:
            kind = type(record)
            write = self._formatters.get(kind)
            if write is None:
                write = self._formatters[kind] = formatter(kind, virtual=self.virtual)
            self._seq += 1
            found.append(write(record, self._seq))
        return "".join(found)
