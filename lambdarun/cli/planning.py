"""What `lambdarun plan FILE...` does: try settings in virtual time, several at once, until the least that will do is known."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from os import cpu_count
from typing import Any, Final

from attrs import define, evolve, field, frozen

from lambdarun.aws import limits, mapping_messages
from lambdarun.cli import output, recorded, spans
from lambdarun.cli.settings import Settings
from lambdarun.errors import UsageError
from lambdarun.model.arrival import Arrival
from lambdarun.model.capacity_plan import Candidate, LeastConcurrency, Subject, subject_of
from lambdarun.model.consistency import Finding, Severity, check
from lambdarun.model.declarations import Project
from lambdarun.model.handler_time import DurationMode
from lambdarun.model.instant import SECOND, Duration
from lambdarun.model.records import Record, RunEnded
from lambdarun.report.plan_text import plan_text
from lambdarun.report.spans import span
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.spawned_pool import SpawnedPool
from lambdarun.runtime.trial import Terms, play
from lambdarun.views.backlog import Backlogs
from lambdarun.views.costs import Costs
from lambdarun.views.double_deliveries import DoubleDeliveries
from lambdarun.views.plan_result import PlanResult, Trial
from lambdarun.views.summary import Summary
from lambdarun.views.trial_figures import TrialFigures, trial_figures

_PATIENCE_TARGETS: Final = 10
_PATIENCE_LEAST: Final = 3_600 * SECOND
"""A trial in which messages are left so long after the last arrival is lost: what always fails comes back for days."""
Row = tuple[int, int]
"""A batch size and a visibility timeout: for each the least concurrency is looked for."""


@frozen(kw_only=True)
class Shared:
    """What all trials have in common: each process gets it once."""

    subject: Subject
    arrivals: list[Arrival]
    target: Duration
    terms: Terms


def try_out(shared: Shared, candidate: Candidate) -> TrialFigures:
    """Run one candidate. A process of the pool does this."""
    subject = shared.subject
    project, queue = subject.declared(candidate), subject.queue.name
    summary = Summary(doubles=DoubleDeliveries(project), backlogs=Backlogs({queue: shared.target}))
    costs = Costs()

    def read(records: list[Record]) -> None:
        summary.read(records)
        costs.read(records)

    ended = play(project, shared.arrivals, shared.terms, read)
    summary.read([RunEnded(ended, False)])
    return trial_figures(summary, costs, queue, subject.function.name)


@define(eq=False)
class Search:
    """The rows under way, and what was found out."""

    subject: Subject
    rows: dict[Row, LeastConcurrency]
    handlers_run: bool
    trials: dict[Candidate, TrialFigures] = field(factory=dict, init=False)

    def next_of(self, row: Row) -> Candidate | None:
        """What is to be tried next for a row; None: it is done."""
        concurrency = self.rows[row].next()
        return None if concurrency is None else Candidate(*row, concurrency)

    def take(self, candidate: Candidate, figures: TrialFigures) -> None:
        """Note how a trial went."""
        self.trials[candidate] = figures
        row = self.rows[candidate.batch_size, candidate.visibility_timeout]
        row.tell(candidate.reserved_concurrent_executions, self.holds(figures), used_up=figures.throttles > 0)

    def holds(self, figures: TrialFigures) -> bool:
        """Whether the target was kept, and no message delivered twice or, by the settings alone, lost."""
        # With handlers a message may be lost because it always fails: no setting that is tried here mends that.
        return not (figures.late or figures.doubles or (figures.lost and not self.handlers_run))

    def result(self, shared: Shared) -> PlanResult:
        """All trials in the order of their settings, and the best of those that hold with one environment less not holding:
        the cheapest, then the one with the least concurrency, then one with the visibility timeout that AWS advises, then
        the one that changes least.
        """
        ordered = sorted(
            self.trials,
            key=lambda one: (one.batch_size, one.visibility_timeout, one.reserved_concurrent_executions),
        )
        trials = [Trial(one, self.trials[one], self.holds(self.trials[one])) for one in ordered]
        subject = self.subject
        least = {Candidate(*row, found.holds) for row, found in self.rows.items() if found.holds is not None}
        holding = [trial for trial in trials if trial.candidate in least]
        best = min(
            holding,
            key=lambda trial: (
                round(trial.figures.dollars, 9),
                trial.candidate.reserved_concurrent_executions,
                not subject.advised(trial.candidate),
                len(subject.changes(trial.candidate)),
            ),
            default=None,
        )
        return PlanResult(subject=subject, target=shared.target, trials=trials, best=best)


def plan(settings: Settings, given: Mapping[str, Any]) -> int:
    """Search, print the table and the answer; returns the exit code: 1 where nothing keeps the target."""
    shared = _shared(settings, given)
    subject = shared.subject
    rows = {
        (batch, visibility): LeastConcurrency(subject.most, subject.guess(shared.arrivals, batch))
        for batch in _batch_sizes(subject, given["batch_size"])
        for visibility in _visibilities(subject, given["visibility_timeout"])
    }
    search = Search(subject, rows, shared.terms.isolation is not None)
    workers = given["workers"] or cpu_count() or 1
    progress = _Progress(settings)
    try:
        with SpawnedPool(try_out, shared, min(workers, len(rows))) as pool:
            for row in rows:
                pool.submit(_first(search, row))
            while (done := pool.next()) is not None:
                candidate, figures = done
                if not figures.sent:
                    raise UsageError(
                        f"queue {subject.queue.name} takes no message of the recording: {figures.why_undelivered}"
                    )
                search.take(candidate, figures)
                progress.tell(candidate, figures, len(search.trials))
                following = search.next_of((candidate.batch_size, candidate.visibility_timeout))
                if following is not None:
                    pool.submit(following)
            result = _capped(search, search.result(shared), pool)
    finally:
        progress.clear()
    tried = result.trials[0].figures
    if tried.undelivered:
        said = f"{tried.undelivered:,} of {len(shared.arrivals):,} events were not delivered, most often: {tried.why_undelivered}"
        output.notice(settings, said, "warning")
    _print(settings, given, shared, result)
    return 0 if result.best is not None else 1


def _capped(
    search: Search, result: PlanResult, pool: SpawnedPool[Shared, Candidate, TrialFigures]
) -> PlanResult:
    """With one trial more, where the answer leaves throttles: what becomes of it if the pollers take no more than runs."""
    if result.best is None or not result.best.figures.throttles:
        return result
    candidate = result.subject.capped(result.best.candidate)
    if candidate is None:
        return result
    pool.submit(candidate)
    done = pool.next()
    assert done is not None
    return evolve(result, capped=Trial(candidate, done[1], search.holds(done[1])))


def _first(search: Search, row: Row) -> Candidate:
    first = search.next_of(row)
    assert first is not None
    return first


def _shared(settings: Settings, given: Mapping[str, Any]) -> Shared:
    project, routed = recorded.target_of(settings, given["function"], given["project"])
    target = spans.span("--target", given["target"])
    isolation = None if given["isolation"] is None else Isolation(given["isolation"])
    per_message = None if given["per_message"] is None else spans.span("--per-message", given["per_message"])
    if per_message is not None and isolation is not None:
        raise UsageError(
            "--per-message: handlers that run take their own time. Leave it out, or --isolation."
        )
    queue = recorded.queue_of(given["through"], project, lone=routed is not None)
    arrivals, notices = recorded.read(given["files"], None, given["rate"], queue)
    for text in notices:
        output.notice(settings, text)
    chosen = settings.chosen({name: given[name] for name in ("seed", "durations")})
    durations = DurationMode(chosen["durations"].value)
    subject = subject_of(project, routed, arrivals, given["queue"])
    _refuse_timeless(subject, arrivals, durations, isolation, per_message)
    if durations is DurationMode.MEASURED and isolation is None:
        raise UsageError("--durations measured: no handler runs that could be. Give an --isolation for it.")
    _check(settings, subject.project)
    terms = Terms(
        seed=chosen["seed"].value,
        durations=durations,
        function=routed,
        isolation=isolation,
        per_message=per_message or Duration(0),
        patience=Duration(max(_PATIENCE_TARGETS * target, _PATIENCE_LEAST)),
    )
    return Shared(subject=subject, arrivals=arrivals, target=target, terms=terms)


def _refuse_timeless(
    subject: Subject,
    arrivals: list[Arrival],
    durations: DurationMode,
    isolation: Isolation | None,
    per_message: Duration | None,
) -> None:
    """Where invocations take no time, every concurrency keeps every target: that is no answer."""
    recorded_ones = durations is DurationMode.RECORDED and any(one.duration for one in arrivals)
    if isolation is None and subject.function.duration is None and not (per_message or recorded_ones):
        raise UsageError(
            f"{subject.function.name}: no duration is declared, so that nothing would take any time. Declare one"
            ' (duration = "40ms"), give --per-message, or let handlers run: --isolation.'
        )


def _check(settings: Settings, project: Project) -> None:
    # A visibility timeout below the function's is one of the settings that the plan replaces.
    findings: list[Finding] = [
        one for one in check(project, allow_short_visibility=True) if one.severity is Severity.ERROR
    ]
    for finding in findings:
        output.notice(settings, str(finding), finding.severity.value)
    if findings:
        raise SystemExit(3)


def _batch_sizes(subject: Subject, wanted: tuple[int, ...]) -> tuple[int, ...]:
    window = subject.mapping.maximum_batching_window_in_seconds
    most = limits.SQS_BATCH_WITHOUT_WINDOW.value
    for size in wanted:
        if size > most and not window:
            raise UsageError(
                f"--batch-size {size}: {mapping_messages.BATCH_NEEDS_WINDOW.text}. Declare a"
                " maximum_batching_window_in_seconds of the mapping."
            )
    return tuple(dict.fromkeys(wanted)) or subject.batch_sizes()


def _visibilities(subject: Subject, wanted: tuple[int, ...]) -> tuple[int, ...]:
    for timeout in wanted:
        if timeout < subject.function.timeout:
            said = mapping_messages.VISIBILITY_BELOW_TIMEOUT.of(
                visibility=timeout, timeout=subject.function.timeout
            )
            raise UsageError(f"--visibility-timeout {timeout}: {said}. AWS refuses it.")
    return tuple(dict.fromkeys(wanted)) or subject.visibility_timeouts()


def _print(settings: Settings, given: Mapping[str, Any], shared: Shared, result: PlanResult) -> None:
    assumed = _assumed(shared.terms)
    if given["form"] == "json":
        output.result(json.dumps({**result.as_json(), "assumed": assumed}, indent=2))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    colour = output.wants_colour(settings.color, sys.stdout)
    output.result(plan_text(result, assumed=assumed, colour=colour, width=width))


def _assumed(terms: Terms) -> str:
    """What the trials took of handlers."""
    if terms.isolation is not None:
        return "handlers ran; messages that always fail are not held against a trial"
    where = "recorded" if terms.durations is DurationMode.RECORDED else "declared"
    each = (
        f"and {span(terms.per_message / SECOND)} for each message"
        if terms.per_message
        else "however full its batch"
    )
    return f"no handler ran: each invocation succeeds after its {where} duration, {each}"


@define(eq=False)
class _Progress:
    """Trial by trial: one line on a terminal, or a notice each where `-v` asks for it."""

    settings: Settings

    def tell(self, candidate: Candidate, figures: TrialFigures, count: int) -> None:
        """Say what a trial came to."""
        if self.settings.quiet:
            return
        said = (
            f"trial {count}: concurrency {candidate.reserved_concurrent_executions}, batches of {candidate.batch_size},"
            f" visibility {candidate.visibility_timeout} s: oldest {figures.oldest_s:.1f} s"
        )
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{said}\r")
            sys.stderr.flush()
        elif self.settings.verbose:
            output.notice(self.settings, said)

    def clear(self) -> None:
        """Leave the line empty."""
        if sys.stderr.isatty() and not self.settings.quiet:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
