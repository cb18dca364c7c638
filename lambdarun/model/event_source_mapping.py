"""An event source mapping as it is declared. An object that exists is valid."""

from __future__ import annotations

from attrs import field, frozen

from lambdarun.aws import limits
from lambdarun.errors import Place
from lambdarun.model.setting import setting


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
