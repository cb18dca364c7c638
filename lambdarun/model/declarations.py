"""What a user declares beside functions: account, queues, mappings, routes. An object that exists is valid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import Attribute, field, frozen

from lambdarun.aws import limits
from lambdarun.errors import Place
from lambdarun.model.function import Function
from lambdarun.model.setting import setting

_NAME: Final = r"[a-zA-Z0-9_-]+"
_ACCOUNT_ID: Final = r"[0-9]{12}"
_REGION_NAME: Final = r"[a-z]+(-[a-z]+)+-[0-9]+"


def is_queue_name(text: str) -> bool:
    """Whether a standard queue may have this name."""
    return bool(re.fullmatch(_NAME, text)) and len(text) <= limits.QUEUE_NAME_LENGTH.high


@frozen(kw_only=True)
class Account:
    """The account and Region in which all this is declared: the scope of AWS's quotas."""

    concurrent_executions: int = setting(limits.ACCOUNT_CONCURRENCY)
    account_id: str = field(default="123456789012")
    region: str = field(default="us-east-1")

    @account_id.validator
    def _account_id_is_awss(self, _: Attribute[str], value: str) -> None:
        if not re.fullmatch(_ACCOUNT_ID, value):
            raise ValueError(f"account_id: {value!r} is no account. Write its 12 digits in quotes.")

    @region.validator
    def _region_is_awss(self, _: Attribute[str], value: str) -> None:
        if not re.fullmatch(_REGION_NAME, value):
            raise ValueError(f"region: {value!r} is no Region. Write it as AWS does: us-east-1.")

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
class RedrivePolicy:
    """After how many receives a message moves, and to which queue (by name)."""

    dead_letter_target: str
    max_receive_count: int = setting(limits.MAX_RECEIVE_COUNT)


@frozen(kw_only=True)
class Queue:
    """A standard SQS queue."""

    name: str = field()
    visibility_timeout: int = setting(limits.VISIBILITY_TIMEOUT)
    delay_seconds: int = setting(limits.DELAY_SECONDS)
    message_retention_period: int = setting(limits.MESSAGE_RETENTION_PERIOD)
    maximum_message_size: int = setting(limits.MAXIMUM_MESSAGE_SIZE)
    redrive_policy: RedrivePolicy | None = None
    place: Place | None = field(default=None, eq=False)

    @name.validator
    def _name_is_awss(self, _: Attribute[str], value: str) -> None:
        if not is_queue_name(value):
            raise ValueError(
                f"name: {value!r} is no queue name. Use letters, digits, - and _, "
                f"at most {limits.QUEUE_NAME_LENGTH.high}."
            )


@frozen(kw_only=True)
class EventSourceMapping:
    """A poller that takes batches from a queue (by name) to a function (by name)."""

    name: str
    queue: str
    function: str
    batch_size: int = setting(limits.SQS_BATCH_SIZE)
    maximum_batching_window_in_seconds: int = setting(limits.BATCHING_WINDOW)
    report_batch_item_failures: bool = False
    enabled: bool = True
    place: Place | None = field(default=None, eq=False)


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
    routes: tuple[Route, ...] = ()
    interpreters: Mapping[str, str] = field(factory=dict)
    """Paths of interpreters by runtime, where they are not to be looked for."""
    file: str | None = None
