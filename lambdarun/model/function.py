"""What a user declares of a function. An object that exists is valid."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from enum import Enum
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
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
_ALIAS: Final = r"(?![0-9]+$)[a-zA-Z0-9_-]+"
LATEST: Final = "$LATEST"
"""The version that is not published: the function's code and configuration as they now are."""


def parted(name: str) -> tuple[str, str]:
    """A function's name and its qualifier; an empty text where it has none.

    >>> parted("thumbnail:live"), parted("thumbnail")
    (('thumbnail', 'live'), ('thumbnail', ''))
    """
    bare, _, qualifier = name.partition(":")
    return bare, qualifier


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


class Network(Enum):
    """What a handler can reach."""

    OPEN = "open"
    """Whatever this machine can."""
    NONE = "none"
    """Itself alone."""
    VPC = "vpc"
    """What a function in a VPC can: without a NAT gateway, nothing answers."""


@frozen(kw_only=True)
class Alias:
    """A name for one version of a function, or for two of which the second has a share of the invocations."""

    name: str = field()
    function_version: str
    additional_version_weights: Mapping[str, float] = field(factory=dict)
    """AWS allows one: the version, and its share of the invocations from 0.0 to 1.0."""
    provisioned_concurrent_executions: int | None = setting(limits.PROVISIONED_CONCURRENCY, default=None)
    asynchronous: AsyncInvokeConfiguration = AsyncInvokeConfiguration()
    place: Place | None = field(default=None, eq=False)

    @name.validator
    def _name_is_awss(self, _: Attribute[str], value: str) -> None:
        if not re.fullmatch(_ALIAS, value) or len(value) > limits.ALIAS_NAME_LENGTH.high:
            raise ValueError(
                f"name: {value!r} is no alias. Use letters, digits, - and _ (not digits alone), "
                f"at most {limits.ALIAS_NAME_LENGTH.high}."
            )


@frozen(kw_only=True)
class Function:
    """One version of a function: its code, limits and, for virtual time, how long it takes.

    What a project declares is `$LATEST`, which has the published versions and the aliases with it.
    """

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
    ephemeral_storage: int = setting(limits.EPHEMERAL_STORAGE)
    """Size of /tmp in MB."""
    network: Network = Network.OPEN
    nat_gateway: bool = False
    """Whether the function's VPC has a way to the internet."""
    duration: DeclaredDuration | None = None
    init_duration: Duration = Duration(0)
    asynchronous: AsyncInvokeConfiguration = AsyncInvokeConfiguration()
    version: str = LATEST
    versions: Mapping[str, Function] = field(factory=dict)
    """Published versions by number; they have no versions of their own."""
    aliases: Mapping[str, Alias] = field(factory=dict)
    provisioned_concurrent_executions: int | None = setting(limits.PROVISIONED_CONCURRENCY, default=None)
    """Of a published version alone: AWS refuses it for $LATEST."""
    engine: Engine = Engine.BUILTIN
    logging_config: LoggingConfig | None = None
    place: Place | None = field(default=None, eq=False)
    pool: str = field(init=False, eq=False, repr=False)
    """Which environments can run it: those of the same function and version."""

    @pool.default
    def _pool_of_its_version(self) -> str:
        return self.name if self.version == LATEST else f"{self.name}:{self.version}"

    def __attrs_post_init__(self) -> None:
        if self.nat_gateway and self.network is not Network.VPC:
            raise ValueError('nat_gateway: only a VPC has one. Leave it out, or write network = "vpc".')

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
