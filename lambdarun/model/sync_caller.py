"""What a service that calls synchronously does after an outcome: nearly all do nothing."""

from __future__ import annotations

from typing import Final

from lambdarun.model.instant import SECOND, Duration
from lambdarun.model.outcome import Cause, FunctionFailed, Outcome, Throttled

COGNITO_ANSWER_WITHIN: Final = Duration(5 * SECOND)
"""https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-identity-pools-working-with-aws-lambda-triggers.html"""
COGNITO_ATTEMPTS: Final = 3
FIREHOSE_RETRIES: Final = 3
"""https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html"""


class SyncCaller:
    """The retry rules of the services that call synchronously."""

    @staticmethod
    def next_attempt(
        source: str, attempts: int, outcome: Outcome | Throttled, took: Duration
    ) -> Duration | None:
        """How long the service waits before it calls again; None: it does not.

        Neither service documents its waits: Cognito's next attempt starts when it stops waiting for the answer, which
        is before a slow function ends, so it follows at once here; Firehose's retries follow at once too.
        """
        timed_out = isinstance(outcome, FunctionFailed) and outcome.cause is Cause.TIMED_OUT
        if source.startswith("cognito"):
            unanswered = timed_out or took > COGNITO_ANSWER_WITHIN
            return Duration(0) if unanswered and attempts < COGNITO_ATTEMPTS else None
        if source == "firehose":
            again = timed_out or isinstance(outcome, Throttled)
            return Duration(0) if again and attempts <= FIREHOSE_RETRIES else None
        return None
