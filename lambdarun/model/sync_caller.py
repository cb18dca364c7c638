"""What a service that calls synchronously does after an outcome: nearly all do nothing."""

from __future__ import annotations

from lambdarun.aws import limits
from lambdarun.model.instant import SECOND, Duration
from lambdarun.model.outcome import Outcome, Throttled, is_time_out


def next_attempt(source: str, attempts: int, outcome: Outcome | Throttled, took: Duration) -> Duration | None:
    """How long the service waits before it calls again; None: it does not.

    Neither service documents its waits: Cognito's next attempt starts when it stops waiting for the answer, which
    is before a slow function ends, so it follows at once here; Firehose's retries follow at once too.
    """
    if source.startswith("cognito"):
        unanswered = is_time_out(outcome) or took > limits.COGNITO_ANSWER_WITHIN.value * SECOND
        return Duration(0) if unanswered and attempts < limits.COGNITO_ATTEMPTS.value else None
    if source == "firehose":
        again = is_time_out(outcome) or isinstance(outcome, Throttled)
        return Duration(0) if again and attempts <= limits.FIREHOSE_RETRIES.value else None
    return None
