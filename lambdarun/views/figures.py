"""What a run came to, by function, queue and lane: the figures that text, page and document show."""

from __future__ import annotations

from collections import Counter
from typing import Any

from attrs import asdict, define, field

from lambdarun.model.alarm import AlarmState
from lambdarun.model.event_records import MessageId
from lambdarun.model.instant import Instant, iso
from lambdarun.views.histogram import Histogram


@define
class FunctionFigures:
    """What one function did."""

    invocations: int = 0
    succeeded: int = 0
    cold_starts: int = 0
    most_running: int = 0
    errors: Counter[str] = field(factory=Counter)
    """By AWS's errorType."""
    throttles: Counter[str] = field(factory=Counter)
    duration: Histogram = field(factory=Histogram)
    """Milliseconds."""
    sources: Counter[str] = field(factory=Counter)
    """Asynchronous events and synchronous requests by the service that made them."""
    accepted: int = 0
    retries: int = 0
    """Of asynchronous events, after errors."""
    resent: int = 0
    """Retries of synchronous callers (Cognito, Firehose)."""
    settled: int = 0
    discarded: Counter[str] = field(factory=Counter)
    answered: Counter[str] = field(factory=Counter)
    overran: int = 0
    refused: int = 0
    lost: int = 0
    versions: Counter[str] = field(factory=Counter)
    """Invocations by the version that ran."""
    allocated: dict[str, int] = field(factory=dict)
    """Provisioned concurrency, by version or alias; 0 where its initialisation failed."""
    provisioned: int = 0
    """Invocations in provisioned environments."""
    spilled: int = 0
    """Invocations on demand because all provisioned environments were busy."""

    def as_json(self) -> dict[str, Any]:
        """The figures under the names of the document."""
        return {
            "invocations": self.invocations,
            "succeeded": self.succeeded,
            "errors": dict(sorted(self.errors.items())),
            "throttles": dict(sorted(self.throttles.items())),
            "cold_starts": self.cold_starts,
            "max_concurrency": self.most_running,
            "duration_ms": {
                "p50": round(self.duration.quantile(0.5), 3),
                "p90": round(self.duration.quantile(0.9), 3),
                "p99": round(self.duration.quantile(0.99), 3),
                "max": self.duration.most,
            },
            "sources": dict(sorted(self.sources.items())),
            "accepted": self.accepted,
            "settled": self.settled,
            "retries": self.retries,
            "resent": self.resent,
            "discarded": dict(sorted(self.discarded.items())),
            "answered": dict(sorted(self.answered.items())),
            "refused": self.refused,
            "overran": self.overran,
            "lost": self.lost,
            "versions": dict(sorted(self.versions.items())),
            "provisioned_concurrency": {
                "allocated": dict(sorted(self.allocated.items())),
                "invocations": self.provisioned,
                "spillover_invocations": self.spilled,
            },
        }


@define
class QueueFigures:
    """What happened in one queue."""

    sent: int = 0
    received: int = 0
    batches: int = 0
    deleted: int = 0
    returned: int = 0
    dead_lettered: int = 0
    moved_in: int = 0
    expired: int = 0
    removed: int = 0
    """Deleted without being handled: filtered, purged, or taken out by a redrive task."""
    filtered: int = 0
    """Of these, what passed no filter of a mapping."""
    deduplicated: int = 0
    """Sends that a FIFO queue answered with a message that it had already."""
    backlog: int = 0
    """The most messages that stayed visible behind a receive."""
    oldest_s: float = 0.0
    """The greatest age of a message at its receive."""
    returned_while_handled: int = 0
    deleted_again: int = 0
    """Messages that two invocations had at once, deleted by the second too: AWS counts both deletions."""
    # Only for messages that came back while they were handled, so this stays empty in a healthy run of any length.
    doubles: dict[MessageId, bool] = field(factory=dict)
    """Messages that came back while they were being handled: whether they are deleted."""
    first_double: str | None = None

    @property
    def left(self) -> int:
        """Messages that are still in it."""
        return self.sent + self.moved_in - self.handled - self.dead_lettered - self.expired - self.removed

    @property
    def expired_first(self) -> int:
        """Messages that expired before they were dead-lettered: in a dead-letter queue the others end."""
        return max(0, self.expired - self.moved_in)

    @property
    def handled(self) -> int:
        """Messages that were deleted, each once."""
        return self.deleted - self.deleted_again

    def as_json(self) -> dict[str, Any]:
        """The figures under the names of the document."""
        return {
            "sent": self.sent,
            "received": self.received,
            "batches": self.batches,
            "deleted": self.deleted,
            "handled": self.handled,
            "returned": self.returned,
            "returned_while_handled": self.returned_while_handled,
            "dead_lettered": self.dead_lettered,
            "moved_in": self.moved_in,
            "expired": self.expired,
            "removed": self.removed,
            "filtered": self.filtered,
            "deduplicated": self.deduplicated,
            "left": self.left,
            "largest_backlog": self.backlog,
            "oldest_age_s": round(self.oldest_s, 6),
        }


@define
class LaneFigures:
    """Recorded batches of one shard, partition or broker's queue."""

    source: str
    function: str
    batches: int = 0
    records: int = 0
    retries: int = 0
    expired: int = 0

    def as_json(self) -> dict[str, Any]:
        """The figures under the names of the document."""
        return asdict(self)


@define
class Undelivered:
    """Events that reached no function, for one reason."""

    count: int = 0
    places: list[str] = field(factory=list)


@define
class AlarmEpisode:
    """From when an alarm was in ALARM, and why, and until when (None: to the end)."""

    raised: Instant
    cleared: Instant | None
    reason: str


@define
class AlarmFigures:
    """What became of one alarm."""

    watched: str
    """Its metric, or its pattern in a log."""
    state: AlarmState
    reason: str
    episodes: list[AlarmEpisode] = field(factory=list)

    def as_json(self) -> dict[str, Any]:
        """The figures under the names of the document."""
        return {
            "metric": self.watched,
            "state": self.state.value,
            "reason": self.reason,
            "raised": [
                {
                    "raised": iso(episode.raised),
                    "cleared": None if episode.cleared is None else iso(episode.cleared),
                    "reason": episode.reason,
                }
                for episode in self.episodes
            ],
        }
