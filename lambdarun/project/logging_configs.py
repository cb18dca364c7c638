"""`logging_config` of a function in a project file."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from lambdarun.aws import messages
from lambdarun.model.logging_config import ApplicationLogLevel, LogFormat, LoggingConfig, SystemLogLevel
from lambdarun.project.reading import Reading

_MEMBERS: Final[Mapping[str, tuple[type[Enum], str]]] = {
    "log_format": (LogFormat, "logFormat"),
    "application_log_level": (ApplicationLogLevel, "applicationLogLevel"),
    "system_log_level": (SystemLogLevel, "systemLogLevel"),
}
"""By key: what it may be, and AWS's own name for it."""
_LEVELS: Final = ("application_log_level", "system_log_level")


def read_logging_config(
    reading: Reading, path: tuple[str, ...], given: Mapping[str, Any]
) -> LoggingConfig | None:
    """How the function at `path` logs; None where its table does not say. Notes findings at their keys."""
    if "logging_config" not in given:
        return None
    at = (*path, "logging_config")
    own = reading.table(given, "logging_config", path)
    reading.known(own, (*_MEMBERS, "log_group"), at)
    before = len(reading.findings)
    values: dict[str, Any] = {}
    for key, (kind, member) in _MEMBERS.items():
        if key not in own:
            continue
        allowed = [one.value for one in kind]
        if own[key] in allowed:
            values[key] = kind(own[key])
        else:
            said = messages.NOT_IN_ENUM.of(
                value=own[key], member=f"loggingConfig.{member}", allowed=", ".join(allowed)
            )
            reading.find((*at, key), f"{said}.", f'Write "{allowed[0]}", for example.')
    if "log_group" in own:
        if isinstance(own["log_group"], str):
            values["log_group"] = own["log_group"]
        else:
            reading.find((*at, "log_group"), "is no text.", "Put it in quotes.")
    # A format that was refused above says nothing about the levels.
    if values.get("log_format", own.get("log_format", LogFormat.TEXT)) is LogFormat.TEXT:
        said, _, mend = messages.LOG_LEVEL_WITH_TEXT.text.partition(". ")
        for key in _LEVELS:
            if key in values:
                reading.find((*at, key), f"{said}.", mend)
    if len(reading.findings) > before:
        return None
    return reading.make(LoggingConfig, at, values)
