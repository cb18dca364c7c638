"""https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""

from __future__ import annotations

from itertools import pairwise

import pytest

from lambdarun.model.async_queue import AsyncQueue, Delayed, Discarded, FreshEvent, Settled
from lambdarun.model.draws import RequestId
from lambdarun.model.function import AsyncInvokeConfiguration
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.outcome import Cause, FunctionFailed, Succeeded, SystemFailed

FAILED = FunctionFailed(Cause.RAISED, "ValueError", b"{}")


def at(seconds: float) -> Instant:
    return Instant(round(seconds * SECOND))


def event(number: int = 1, accepted: float = 0) -> FreshEvent:
    return at(accepted), RequestId(str(number)), b"{}", "s3", None


def queue(**settings: int) -> AsyncQueue:
    return AsyncQueue(AsyncInvokeConfiguration(**settings))


def attempt_instants(waiting: AsyncQueue, outcome: object, until: float = 1e9) -> tuple[list[float], object]:
    """When attempts start, if each ends at once as `outcome` (None: throttled); and how the event ends."""
    instants = []
    now = at(0)
    verdict: object = None
    while True:
        for _, verdict in waiting.take_expired(now):
            return instants, verdict
        taken = waiting.take(now)
        if taken is not None:
            instants.append(now / SECOND)
            verdict = (
                waiting.put_back_throttled(now, taken)
                if outcome is None
                else waiting.settle(now, taken, outcome)
            )
            if not isinstance(verdict, Delayed):
                return instants, verdict
        due = waiting.next_due()
        if due is None or due > at(until):
            return instants, verdict
        now = max(now, due)


def test_runtime_row_10_function_errors_are_retried_after_one_minute_and_then_two() -> None:
    waiting = queue()
    waiting.accept(at(0), event())
    instants, verdict = attempt_instants(waiting, FAILED)
    assert instants == [0, 60, 180]
    assert verdict == Discarded("RetriesExhausted", 3)


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (1, 2), (2, 3)])
def test_runtime_row_10_maximum_retry_attempts_caps_the_retries(retries: int, attempts: int) -> None:
    waiting = queue(maximum_retry_attempts=retries)
    waiting.accept(at(0), event())
    assert attempt_instants(waiting, FAILED)[1] == Discarded("RetriesExhausted", attempts)


@pytest.mark.parametrize(("age", "attempts"), [(60, 1), (90, 2), (180, 2), (181, 3)])
def test_runtime_row_11_a_retry_that_would_not_start_within_the_maximum_age_ends_the_event_at_once(
    age: int, attempts: int
) -> None:
    # Recorded by LocalStack's test_maxeventage: 60 s gives one attempt, 90 s two.
    waiting = queue(maximum_event_age_in_seconds=age)
    waiting.accept(at(0), event())
    instants, verdict = attempt_instants(waiting, FAILED)
    assert len(instants) == attempts
    condition = "EventAgeExceeded" if attempts < 3 else "RetriesExhausted"
    assert verdict == Discarded(condition, attempts)


def test_an_attempt_that_took_a_while_meets_the_look_ahead_sooner() -> None:
    waiting = queue(maximum_event_age_in_seconds=60)
    waiting.accept(at(0), event())
    taken = waiting.take(at(0))
    assert taken is not None
    assert waiting.settle(at(1), taken, FAILED) == Discarded("EventAgeExceeded", 1)


def test_runtime_row_10_throttles_back_off_from_one_second_to_five_minutes_and_cost_no_attempt() -> None:
    waiting = queue()
    waiting.accept(at(0), event())
    instants, verdict = attempt_instants(waiting, None)
    waits = [b - a for a, b in pairwise(instants)]
    assert waits[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert set(waits[9:]) == {300}
    assert instants[-1] < 21_600 <= instants[-1] + 300
    assert verdict == Discarded("EventAgeExceeded", 0)


def test_system_errors_back_off_like_throttles() -> None:
    waiting = queue()
    waiting.accept(at(0), event())
    instants, _ = attempt_instants(waiting, SystemFailed("gone"), until=10)
    assert instants == [0, 1, 3, 7]


def test_a_throttled_event_keeps_its_function_error_retries() -> None:
    waiting = queue()
    waiting.accept(at(0), event())
    taken = waiting.take(at(0))
    assert taken is not None
    assert waiting.put_back_throttled(at(0), taken) == Delayed("throttle", at(1))
    again = waiting.take(at(1))
    assert again is not None
    assert waiting.settle(at(1), again, FAILED) == Delayed("error", at(61))
    assert again.attempts == 1


def test_success_settles() -> None:
    waiting = queue()
    waiting.accept(at(0), event())
    taken = waiting.take(at(0))
    assert taken is not None
    assert waiting.settle(at(5), taken, Succeeded(b"null")) == Settled()
    assert len(waiting) == 0
    assert waiting.next_due() is None


def test_events_behind_a_throttled_one_keep_their_own_age() -> None:
    waiting = queue(maximum_event_age_in_seconds=60)
    waiting.accept(at(0), event(1, 0))
    waiting.accept(at(50), event(2, 50))
    for second in range(0, 200):
        now = at(second)
        ended = [e.request_id for e, _ in waiting.take_expired(now)]
        taken = waiting.take(now) if second >= 50 else None
        if taken is not None:
            verdict = waiting.put_back_throttled(now, taken)
            if isinstance(verdict, Discarded):
                ended.append(taken.request_id)
        if ended == ["1"]:
            assert 50 <= second <= 61
            return
    raise AssertionError("the older event did not end by its age")


def test_runtime_row_13_zero_reserved_concurrency_is_terminal_at_once() -> None:
    waiting = queue()
    waiting.accept(at(0), event())
    taken = waiting.take(at(0))
    assert taken is not None
    assert waiting.discard_zero_reserved(taken) == Discarded("ZeroReservedConcurrency", 0)
