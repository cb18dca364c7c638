"""What a user declares: account, routes, and all of a project. An object that exists is valid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import Attribute, field, frozen

from lambdarun.aws import limits
from lambdarun.model.alarm import Alarm
from lambdarun.model.event_source_mapping import EventSourceMapping
from lambdarun.model.function import LATEST, Function, parted
from lambdarun.model.instant import Duration, span_of
from lambdarun.model.queue import Queue
from lambdarun.model.setting import setting

_ACCOUNT_ID: Final = r"[0-9]{12}"
_REGION_NAME: Final = r"[a-z]+(-[a-z]+)+-[0-9]+"


@frozen(kw_only=True)
class IdleTime:
    """Between which bounds an environment's idle time lies before it is ended. Microseconds."""

    least: Duration
    most: Duration


# AWS: "minutes to a few hours", and no more. Ours, from what people have measured: the shortest seen are 5 minutes.
DEFAULT_IDLE_TIME: Final = IdleTime(least=span_of(minutes=5), most=span_of(minutes=60))

# AWS: up to several minutes. Ours: long enough to be seen, too short to be waited for.
DEFAULT_MAPPING_DELAY: Final = span_of(seconds=1)


@frozen(kw_only=True)
class Account:
    """The account and Region in which all this is declared: the scope of AWS's quotas."""

    concurrent_executions: int = setting(limits.ACCOUNT_CONCURRENCY)
    account_id: str = field(default="123456789012")
    region: str = field(default="us-east-1")
    filters_per_mapping: int = setting(limits.FILTERS_PER_MAPPING)
    idle_time: IdleTime | None = DEFAULT_IDLE_TIME
    """Ours, not AWS's: after how long idle environments are ended; None: never."""
    mapping_delay: Duration = field(default=DEFAULT_MAPPING_DELAY)
    """Ours, not AWS's: how long an event source mapping is Creating, Enabling, Updating, Disabling or Deleting."""

    @account_id.validator
    def _account_id_is_awss(self, _: Attribute[str], value: str) -> None:
        if not re.fullmatch(_ACCOUNT_ID, value):
            raise ValueError(f"account_id: {value!r} is no account. Write its 12 digits in quotes.")

    @region.validator
    def _region_is_awss(self, _: Attribute[str], value: str) -> None:
        if not re.fullmatch(_REGION_NAME, value):
            raise ValueError(f"region: {value!r} is no Region. Write it as AWS does: us-east-1.")

    @mapping_delay.validator
    def _mapping_delay_is_seen(self, _: Attribute[Duration], value: Duration) -> None:
        if value <= 0:
            raise ValueError('mapping_delay: must be above 0. Write a short one: "1ms".')

    def function_arn(self, name: str) -> str:
        """`arn:aws:lambda:us-east-1:123456789012:function:thumbnail`."""
        return f"arn:aws:lambda:{self.region}:{self.account_id}:function:{name}"

    def layer_arn(self, name: str, version: int) -> str:
        """`arn:aws:lambda:us-east-1:123456789012:layer:imaging:2`."""
        return f"arn:aws:lambda:{self.region}:{self.account_id}:layer:{name}:{version}"

    def queue_arn(self, name: str) -> str:
        """`arn:aws:sqs:us-east-1:123456789012:orders`."""
        return f"arn:aws:sqs:{self.region}:{self.account_id}:{name}"


@frozen(kw_only=True)
class Route:
    """Which function gets the replayed events of a source (`s3`) or of an ARN (`*` matches any text)."""

    key: str
    function: str


@frozen(kw_only=True)
class Project:
    """Everything declared; names are unique within their kind."""

    account: Account = Account()
    functions: Mapping[str, Function] = field(factory=dict)
    queues: Mapping[str, Queue] = field(factory=dict)
    mappings: Mapping[str, EventSourceMapping] = field(factory=dict)
    alarms: Mapping[str, Alarm] = field(factory=dict)
    routes: tuple[Route, ...] = ()
    interpreters: Mapping[str, str] = field(factory=dict)
    """Paths of interpreters by runtime, where they are not to be looked for."""
    file: str | None = None

    def function(self, resource: str) -> Function | None:
        """What `thumbnail`, `thumbnail:1` or `thumbnail:live` runs as declared, of an alias of two its first version;
        None: there is no such thing.
        """
        name, qualifier = parted(resource)
        found = self.functions.get(name)
        if found is None or qualifier in ("", LATEST):
            return found
        alias = found.aliases.get(qualifier)
        if alias is None:
            return found.versions.get(qualifier)
        return found if alias.function_version == LATEST else found.versions.get(alias.function_version)
