"""A request to SQS: its members, read by their types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from lambdarun.aws import sqs_messages
from lambdarun.model.sqs_error import SqsError

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}")


@frozen
class SqsRequest:
    """The members as the JSON protocol has them; a number may also be its text, as in the older protocol."""

    members: Mapping[str, object]

    def text(self, name: str) -> str | None:
        """A text; None where it is not given. Raises SqsError."""
        value = self.members.get(name)
        if value is None or isinstance(value, str):
            return value
        raise _wrong(name, value, "a String")

    def required(self, name: str) -> str:
        """A text that must be there, and not be empty. Raises SqsError."""
        value = self.text(name)
        if not value:
            raise SqsError.of(sqs_messages.PARAMETER_MISSING, name=name)
        return value

    def number(self, name: str) -> int | None:
        """A whole number; None where it is not given. Raises SqsError."""
        value = self.members.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            return int(value)
        raise _wrong(name, value, "an Integer")

    def texts(self, name: str) -> list[str]:
        """A list of texts; empty where it is not given. Raises SqsError."""
        value = self.members.get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise _wrong(name, value, "a List")
        for one in value:
            if not isinstance(one, str):
                raise _wrong(name, one, "a String")
        return list(value)

    def table(self, name: str) -> dict[str, object]:
        """A map; empty where it is not given. Raises SqsError."""
        value = self.members.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise _wrong(name, value, "a Map")
        return {str(key): held for key, held in value.items()}

    def text_table(self, name: str) -> dict[str, str]:
        """A map of texts; empty where it is not given. Raises SqsError."""
        told = {}
        for key, value in self.table(name).items():
            if not isinstance(value, str):
                raise _wrong(f"{name}.{key}", value, "a String")
            told[key] = value
        return told

    def entries(self, name: str) -> list[SqsRequest]:
        """A list of structures. Raises SqsError."""
        value = self.members.get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise _wrong(name, value, "a List")
        for one in value:
            if not isinstance(one, Mapping):
                raise _wrong(name, one, "a Structure")
        return [SqsRequest(one) for one in value]


def _wrong(name: str, value: object, kind: str) -> SqsError:
    return SqsError.of(sqs_messages.NOT_OF_TYPE, name=name, value=repr(value)[:80], kind=kind)
