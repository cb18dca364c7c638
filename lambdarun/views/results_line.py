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

from lambdarun.model.instant import SECOND, Instant, iso
from lambdarun.model.records import Record

SCHEMA: Final = 1


@define(eq=False)
class _Instants:
    """Texts of instants: one stands in many records, and its day in most."""

    _day: int = field(default=-1, init=False)
    _day_text: str = field(default="", init=False)
    _last: int = field(default=-1, init=False)
    _last_text: str = field(default="", init=False)

    def iso(self, instant: Instant) -> str:
        """An instant, in quotes."""
        if instant == self._last:
            return self._last_text
        second, rest = divmod(instant, SECOND)
        minute, second = divmod(second, 60)
        hour, minute = divmod(minute, 60)
        day, hour = divmod(hour, 24)
        if day != self._day:
            self._day, self._day_text = day, iso(instant)[:10]
        self._last = instant
        self._last_text = f'"{self._day_text}T{hour:02d}:{minute:02d}:{second:02d}.{rest:06d}Z"'
        return self._last_text


def _ids(values: tuple[str, ...]) -> str:
    return "[" + ",".join(map(quoted, values)) + "]"


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
    "RequestId": '"{r.NAME}"',
    "RequestId | None": "{'null' if r.NAME is None else quoted(r.NAME)}",
    "MessageId": "{quoted(r.NAME)}",
    "tuple[MessageId, ...]": "{ids(r.NAME)}",
    "Mapping[str, Mapping[str, object]]": "{attributes(r.NAME)}",
}


def formatter(
    kind: type[Any], iso: Callable[[Instant], str], *, virtual: bool
) -> Callable[[Any, int, str], str]:
    """The function that writes a record of class `kind`, given its number and its time's text; measured fields are
    left out in virtual time.
    """
    parts = [f'{{{{"schema":{SCHEMA},"seq":{{seq}},"time":{{at}},"kind":"{kind.kind}"']
    for attribute in fields(kind):
        if attribute.name == "time" or (virtual and attribute.name in kind.measured):
            continue
        expression = _EXPRESSIONS[str(attribute.type)].replace("NAME", attribute.name)
        parts.append(f',"{attribute.name}":{expression}')
    source = "lambda r, seq, at: f'''" + "".join(parts) + "}}\\n'''"
    names = {
        "quoted": quoted,
        "bytes_": _bytes,
        "iso": iso,
        "ids": _ids,
        "attributes": _attributes,
    }
    # The names of fields and kinds are literals of our own classes; values enter through the lambda's argument, never
    # through its text.
    made: Callable[[Any, int, str], str] = eval(source, names)  # noqa: S307 - built from the classes above, not from input
    return made


@define(eq=False)
class ResultLines:
    """Numbers records and writes them as lines."""

    virtual: bool
    _formatters: dict[type[Any], Callable[[Any, int, str], str]] = field(factory=dict, init=False)
    _instants: _Instants = field(factory=_Instants, init=False)
    _seq: int = field(default=0, init=False)

    def lines(self, records: list[Record]) -> str:
        """The lines of these records, each with its newline."""
        found = []
        seq = self._seq
        formatters, iso = self._formatters, self._instants.iso
        now, at = None, ""
        for record in records:
            kind = type(record)
            write = formatters.get(kind)
            if write is None:
                write = formatters[kind] = formatter(kind, self._instants.iso, virtual=self.virtual)
            seq += 1
            if record.time != now:
                now = record.time
                at = iso(now)
            found.append(write(record, seq, at))
        self._seq = seq
        return "".join(found)
