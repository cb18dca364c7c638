"""What a user declares of a function. An object that exists is valid."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import Attribute, field, frozen

from lambdarun.aws import limits
from lambdarun.errors import Place
from lambdarun.model.cpu import Cpu
from lambdarun.model.instant import Duration
from lambdarun.model.layer import Layer
from lambdarun.model.logging_config import AS_TEXT, LoggingConfig
from lambdarun.model.runtimes import Engine
from lambdarun.model.setting import setting

_NAME: Final = r"[a-zA-Z0-9_-]+"
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
_HANDLER: Final = r"\S+"


def running_runtime() -> str:
    """`python3.11`: the runtime that this interpreter is."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


@frozen(kw_only=True)
class DeclaredDuration:
    """How long an invocation takes in virtual time: fixed where p50 and p99 are equal. Microseconds."""

    p50: Duration
    p99: Duration


@frozen(kw_only=True)
class AsyncInvokeConfiguration:
    """How failed asynchronous invocations are retried (AWS: EventInvokeConfig)."""

    maximum_retry_attempts: int = setting(limits.MAXIMUM_RETRY_ATTEMPTS)
    maximum_event_age_in_seconds: int = setting(limits.MAXIMUM_EVENT_AGE)


@frozen(kw_only=True)
class Function:
    """One function: its code, limits and, for virtual time, how long it takes."""

    name: str = field()
    handler: str = field()
    code_uri: Path
    """A folder, or a zip file."""
    runtime: str
    layers: tuple[Layer, ...] = ()
    """From the first to the last: where two have the same path, the later one's file stands under /opt."""
    code_place: Place | None = field(default=None, eq=False)
    timeout: int = setting(limits.FUNCTION_TIMEOUT)
    memory_size: int = setting(limits.MEMORY_SIZE)
    cpu: Cpu = Cpu.FULL
    reserved_concurrent_executions: int | None = setting(limits.RESERVED_CONCURRENCY, default=None)
    environment: Mapping[str, str] = field(factory=dict)
    duration: DeclaredDuration | None = None
    init_duration: Duration = Duration(0)
    asynchronous: AsyncInvokeConfiguration = AsyncInvokeConfiguration()
    engine: Engine = Engine.BUILTIN
    logging_config: LoggingConfig | None = None
    place: Place | None = field(default=None, eq=False)

    @name.validator
    def _name_is_awss(self, _: Attribute[str], value: str) -> None:
        if not re.fullmatch(_NAME, value) or len(value) > limits.FUNCTION_NAME_LENGTH.high:
            raise ValueError(
                f"name: {value!r} is no function name. Use letters, digits, - and _, "
                f"at most {limits.FUNCTION_NAME_LENGTH.high}."
            )

    @handler.validator
    def _handler_is_awss(self, _: Attribute[str], value: str) -> None:
        if not re.fullmatch(_HANDLER, value) or len(value) > limits.HANDLER_LENGTH.high:
            raise ValueError(
                f"handler: {value!r} is no handler. Write module.function, without spaces, at most "
                f"{limits.HANDLER_LENGTH.high} characters."
            )

    @property
    def logging(self) -> LoggingConfig:
        """How it logs, whether that was said or not."""
        return self.logging_config or AS_TEXT

    @property
    def log_group(self) -> str:
        """The log group that holds its streams."""
        return self.logging.log_group or f"/aws/lambda/{self.name}"
