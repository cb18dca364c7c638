"""Compares an answer with a recorded one, in which what differs from run to run stands as `<name:n>`."""

from __future__ import annotations

import json
import re
from typing import Any

_PLACEHOLDER = re.compile(r"<(?!module>)([a-zA-Z0-9_-]+)(?::\d+)?>")
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_FORMS = {
    "approximate-first-receive-timestamp": r"\d{13}",
    "date": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "duration": r"\d+(?:\.\d\d)?",
    "line": r"\d+",
    "log-stream-name": r"\d{4}/\d\d/\d\d/\[(?:\$LATEST|\d+)\][0-9a-f]{32}",
    "m-d5-of-body": "[0-9a-f]{32}",
    "md5-of-body": "[0-9a-f]{32}",
    "memory": r"\d+",
    "partition": "aws",
    "region": "us-east-1",
    "remaining-time-in-millis": r"\d+",
    "request-id": _UUID,
    "sequence-number": r"\d{20}",
    "sent-timestamp": r"\d{13}",
    "timeout_error_msg": _UUID,
    "timestamp": r"\d{10}|\d{13}",
    "uuid": _UUID,
}
"""What stands for a placeholder must look so; the others may be anything."""


def assert_matches(recorded: Any, told: Any) -> None:
    """Assert that `told` is `recorded`; a numbered placeholder stands for one value throughout, another for another."""
    bound: dict[str, str] = {}
    _match(recorded, told, bound, "answer")
    values = [(name.partition(":")[0], value) for name, value in bound.items()]
    assert len(set(values)) == len(values), bound


def _match(recorded: Any, told: Any, bound: dict[str, str], path: str) -> None:
    if isinstance(recorded, dict | list) and isinstance(told, str):
        told = json.loads(told)  # the recording decodes JSON texts
    if isinstance(recorded, dict):
        assert isinstance(told, dict), f"{path}: {told!r}"
        assert told.keys() == recorded.keys(), path
        for key, value in recorded.items():
            _match(value, told[key], bound, f"{path}.{key}")
    elif isinstance(recorded, list):
        assert isinstance(told, list), f"{path}: {told!r}"
        assert len(told) == len(recorded), f"{path}: {told!r}"
        for number, (one, other) in enumerate(zip(recorded, told, strict=True)):
            _match(one, other, bound, f"{path}[{number}]")
    elif isinstance(recorded, str) and _PLACEHOLDER.search(recorded):
        _match_text(recorded, str(told), bound, path)
    else:
        assert told == recorded, f"{path}: {told!r} is not {recorded!r}"


def _match_text(recorded: str, told: str, bound: dict[str, str], path: str) -> None:
    pattern, names = "", []
    at = 0
    for found in _PLACEHOLDER.finditer(recorded):
        pattern += re.escape(recorded[at : found.start()]) + f"({_FORMS.get(found[1], '.+?')})"
        names.append(found[0])
        at = found.end()
    match = re.fullmatch(pattern + re.escape(recorded[at:]), told, re.DOTALL)
    assert match is not None, f"{path}: {told!r} is not {recorded!r}"
    for name, value in zip(names, match.groups(), strict=True):
        if ":" in name:
            assert bound.setdefault(name, value) == value, f"{path}: {name} is {bound[name]!r} and {value!r}"
