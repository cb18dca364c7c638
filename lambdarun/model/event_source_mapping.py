"""An event source mapping as it is declared. An object that exists is valid."""

from __future__ import annotations

from hashlib import md5

from attrs import field, frozen

from lambdarun.aws import limits
from lambdarun.aws.filter_messages import INVALID_FILTER
from lambdarun.errors import Place
from lambdarun.model.event_filter import FilterSource, PatternFault, source_pattern
from lambdarun.model.filter_conditions import EVENT_BUS, EVENT_SOURCE_MAPPING
from lambdarun.model.setting import setting


def uuid_of(name: str) -> str:
    """The UUID of a declared mapping: the same in every run, so that a metric's dimension can be relied on."""
    told = md5(f"event-source-mapping:{name}".encode(), usedforsecurity=False).hexdigest()
    return f"{told[:8]}-{told[8:12]}-4{told[13:16]}-8{told[17:20]}-{told[20:]}"


@frozen(kw_only=True)
class ProvisionedPollers:
    """Pollers that are there at any time, and how many there may be (AWS: ProvisionedPollerConfig)."""

    minimum_pollers: int = setting(limits.MINIMUM_POLLERS)
    maximum_pollers: int = setting(limits.MAXIMUM_POLLERS)

    def __attrs_post_init__(self) -> None:
        if self.minimum_pollers > self.maximum_pollers:
            raise ValueError("minimum_pollers: is above maximum_pollers. Lower it.")


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
    maximum_concurrency: int | None = setting(limits.MAXIMUM_CONCURRENCY, default=None)
    provisioned_pollers: ProvisionedPollers | None = None
    filter_patterns: tuple[str, ...] = ()
    """JSON texts, of which one must match; none: no filter."""
    all_filter_operators: bool = False
    """Whether the patterns may have operators that AWS documents for event buses alone."""
    event_count: bool = False
    """Whether its EventCount metrics are published (AWS: MetricsConfig)."""
    uuid: str = field()
    place: Place | None = field(default=None, eq=False)

    @uuid.default
    def _uuid_by_name(self) -> str:
        return uuid_of(self.name)

    def __attrs_post_init__(self) -> None:
        if self.maximum_concurrency is not None and self.provisioned_pollers is not None:
            raise ValueError("maximum_concurrency: excludes provisioned_pollers. Leave one of them out.")
        dialect = EVENT_BUS if self.all_filter_operators else EVENT_SOURCE_MAPPING
        for pattern in self.filter_patterns:
            try:
                source_pattern(pattern, FilterSource.SQS, dialect)
            except PatternFault as fault:
                raise ValueError(f"filter_patterns: {INVALID_FILTER.text} {fault}") from None
