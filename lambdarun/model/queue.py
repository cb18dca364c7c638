"""A queue as it is declared. An object that exists is valid."""

from __future__ import annotations

import re
from typing import Final

from attrs import Attribute, field, frozen

from lambdarun.aws import limits
from lambdarun.errors import Place
from lambdarun.model.instant import Duration
from lambdarun.model.setting import setting

_NAME: Final = r"[a-zA-Z0-9_-]+"


def is_queue_name(text: str) -> bool:
    """Whether a standard queue may have this name."""
    return bool(re.fullmatch(_NAME, text)) and len(text) <= limits.QUEUE_NAME_LENGTH.high


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
    target_age: Duration | None = None
    """Ours, not AWS's: the age that its oldest message should not pass; summaries then tell its backlog. Microseconds."""
    place: Place | None = field(default=None, eq=False)

    @name.validator
    def _name_is_awss(self, _: Attribute[str], value: str) -> None:
        if not is_queue_name(value):
            raise ValueError(
                f"name: {value!r} is no queue name. Use letters, digits, - and _, "
                f"at most {limits.QUEUE_NAME_LENGTH.high}."
            )
