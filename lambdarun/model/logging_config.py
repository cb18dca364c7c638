"""How a function logs (AWS: LoggingConfig): format, the least levels that are kept, and the log group.

https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from attrs import Attribute, field, frozen

from lambdarun.aws import limits, messages

_GROUP: Final = r"[.\-_/#A-Za-z0-9]+"


class LogFormat(Enum):
    """How log lines are written."""

    JSON = "JSON"
    TEXT = "Text"


# In order: each is more severe than the one before.
class ApplicationLogLevel(Enum):
    """The least severe of the function's own lines that CloudWatch keeps (JSON only)."""

    TRACE = "TRACE"
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"
    FATAL = "FATAL"


class SystemLogLevel(Enum):
    """The least severe of the platform's lines that CloudWatch keeps (JSON only)."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"


@frozen(kw_only=True)
class LoggingConfig:
    """What a user says of a function's log. Levels go with JSON alone: None is INFO there.

    Raises ValueError in AWS's words where it would refuse.
    """

    log_format: LogFormat = LogFormat.TEXT
    application_log_level: ApplicationLogLevel | None = None
    system_log_level: SystemLogLevel | None = None
    log_group: str | None = field(default=None)

    @log_group.validator
    def _group_is_awss(self, _: Attribute[str | None], value: str | None) -> None:
        most = limits.LOG_GROUP_LENGTH.high
        if value is not None and (not re.fullmatch(_GROUP, value) or len(value) > most):
            raise ValueError(
                f"log_group: {value!r} is no log group. Use letters, digits and . - _ / #, at most {most}."
            )

    def __attrs_post_init__(self) -> None:
        for name in ("application_log_level", "system_log_level"):
            if self.log_format is LogFormat.TEXT and getattr(self, name) is not None:
                raise ValueError(f"{name}: {messages.LOG_LEVEL_WITH_TEXT.text}")

    @property
    def is_json(self) -> bool:
        """Whether lines are JSON."""
        return self.log_format is LogFormat.JSON

    @property
    def application_level(self) -> ApplicationLogLevel:
        """The level that holds for JSON."""
        return self.application_log_level or ApplicationLogLevel.INFO

    @property
    def system_level(self) -> SystemLogLevel:
        """The level that holds for JSON."""
        return self.system_log_level or SystemLogLevel.INFO


AS_TEXT: Final = LoggingConfig()
"""What holds where nothing is said."""
