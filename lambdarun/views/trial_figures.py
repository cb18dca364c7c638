"""What one trial of a plan came to, for one queue: age, backlog, throttles, losses and cost."""

from __future__ import annotations

from typing import Any

from attrs import define

from lambdarun.model.cost import Cost
from lambdarun.model.instant import SECOND
from lambdarun.views.costs import Costs
from lambdarun.views.figures import FunctionFigures, QueueFigures
from lambdarun.views.summary import Summary


@define(kw_only=True)
class TrialFigures:
    """Plain numbers, so that they go from process to process."""

    sent: int
    """Messages that the queue took."""
    undelivered: int
    """Events of the recording that reached no queue and no function."""
    why_undelivered: str
    """Why most of them did not; empty where all did."""
    oldest_s: float
    """The greatest age of the queue's oldest message, as CloudWatch counts it."""
    late: int
    """Messages that passed the target."""
    backlog: int
    environments: int
    """Of the function at once, the most."""
    throttles: int
    doubles: int
    """Messages that showed again while an invocation worked on them."""
    dead_letters: int
    expired: int
    left: int
    """Messages that were still there when the trial was broken off."""
    errors: int
    requests: int
    gb_seconds: float
    dollars: float

    @property
    def lost(self) -> int:
        """Messages that nobody handled: dead letters, expired ones, and what was left."""
        return self.dead_letters + self.expired + self.left

    def as_json(self) -> dict[str, Any]:
        """The figures under the names of the document."""
        return {
            "sent": self.sent,
            "undelivered": self.undelivered,
            "oldest_age_s": round(self.oldest_s, 6),
            "messages_older": self.late,
            "largest_backlog": self.backlog,
            "max_concurrency": self.environments,
            "throttles": self.throttles,
            "double_deliveries": self.doubles,
            "dead_lettered": self.dead_letters,
            "expired": self.expired,
            "left": self.left,
            "errors": self.errors,
            "requests": self.requests,
            "gb_seconds": round(self.gb_seconds, 6),
            "dollars": round(self.dollars, 9),
        }


def trial_figures(summary: Summary, costs: Costs, queue: str, function: str) -> TrialFigures:
    """Of a run that is over, and whose summary told backlogs."""
    backlog = summary.backlogs.told().get(queue)
    queued = summary.queues.get(queue) or QueueFigures()
    called = summary.functions.get(function) or FunctionFigures()
    cost: Cost = costs.function(function)
    lost = summary.undelivered
    return TrialFigures(
        sent=queued.sent,
        undelivered=sum(found.count for found in lost.values()),
        why_undelivered=max(lost, key=lambda reason: lost[reason].count, default=""),
        oldest_s=backlog.ages.most / SECOND if backlog is not None else 0.0,
        late=backlog.ages.late if backlog is not None else 0,
        backlog=backlog.largest if backlog is not None else 0,
        environments=called.most_running,
        throttles=sum(called.throttles.values()),
        doubles=summary.doubles.count,
        dead_letters=queued.dead_lettered,
        expired=queued.expired,
        left=queued.left,
        errors=sum(called.errors.values()),
        requests=cost.requests,
        gb_seconds=cost.gb_seconds,
        dollars=cost.dollars,
    )
