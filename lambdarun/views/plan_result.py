"""What a plan found: its trials, and the one to go by."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from lambdarun.aws import prices
from lambdarun.model.capacity_plan import Candidate, Subject
from lambdarun.model.instant import SECOND, Duration
from lambdarun.views.trial_figures import TrialFigures


@frozen
class Trial:
    """Settings that were tried, and what came of them."""

    candidate: Candidate
    figures: TrialFigures
    holds: bool


@frozen(kw_only=True)
class PlanResult:
    """All trials, by batch size, visibility timeout and concurrency; `best` is None where none keeps the target."""

    subject: Subject
    target: Duration
    trials: list[Trial]
    best: Trial | None
    capped: Trial | None = None
    """The best one again, with the mapping's maximum_concurrency as high as the function's reservation."""

    @property
    def one_less(self) -> Trial | None:
        """The same with one environment less, which does not hold; None where there can be none less."""
        if self.best is None:
            return None
        best = self.best.candidate
        wanted = Candidate(best.batch_size, best.visibility_timeout, best.reserved_concurrent_executions - 1)
        return next((trial for trial in self.trials if trial.candidate == wanted), None)

    @property
    def youngest(self) -> Trial:
        """The trial that came nearest to the target."""
        return min(self.trials, key=lambda trial: (trial.figures.oldest_s, trial.figures.dollars))

    def as_json(self) -> dict[str, Any]:
        """The figures under the names of the document."""
        subject, best = self.subject, self.best
        return {
            "schema": 1,
            "queue": subject.queue.name,
            "mapping": subject.mapping.name,
            "function": subject.function.name,
            "target_age_s": self.target / SECOND,
            "prices": [
                {"dollars": one.dollars, "unit": one.unit, "source": one.source, "as_of": one.as_of}
                for one in (prices.GB_SECOND, prices.REQUEST)
            ],
            "trials": [_as_json(trial) for trial in self.trials],
            "answer": None if best is None else {**_as_json(best), "set": subject.changes(best.candidate)},
            "with_maximum_concurrency": None if self.capped is None else _as_json(self.capped),
        }


def _as_json(trial: Trial) -> dict[str, Any]:
    candidate = trial.candidate
    return {
        "reserved_concurrent_executions": candidate.reserved_concurrent_executions,
        "batch_size": candidate.batch_size,
        "visibility_timeout": candidate.visibility_timeout,
        "maximum_concurrency": candidate.maximum_concurrency,
        "holds": trial.holds,
        **trial.figures.as_json(),
    }
