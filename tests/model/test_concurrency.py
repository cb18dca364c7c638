"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"""

from __future__ import annotations

from pathlib import Path

from lambdarun.model.concurrency import ConcurrencyLedger
from lambdarun.model.declarations import Account
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.outcome import ThrottleReason

NOW = Instant(1_000 * SECOND)


def function(name: str, reserved: int | None = None) -> Function:
    return Function(
        name=name,
        handler="a.b",
        code_uri=Path(),
        runtime="python3.11",
        reserved_concurrent_executions=reserved,
    )


def ledger(*functions: Function, concurrency: int = 1_000) -> ConcurrencyLedger:
    return ConcurrencyLedger(Account(concurrent_executions=concurrency), {f.name: f for f in functions})


def take(book: ConcurrencyLedger, name: str, now: Instant = NOW) -> ThrottleReason | None:
    return book.take(now, name, False, False)


def test_the_account_runs_a_thousand_at_once() -> None:
    book = ledger(function("a"), function("b"))
    assert [take(book, "a") for _ in range(600)] == [None] * 600
    assert [take(book, "b") for _ in range(400)] == [None] * 400
    assert take(book, "b") is ThrottleReason.CONCURRENT
    book.give_back("a")
    assert take(book, "b") is None


def test_runtime_row_13_reserved_concurrency_caps_with_its_own_reason() -> None:
    book = ledger(function("a", reserved=2))
    assert [take(book, "a") for _ in range(3)] == [None, None, ThrottleReason.RESERVED]


def test_runtime_row_13_zero_reserved_concurrency_is_the_kill_switch() -> None:
    assert take(ledger(function("a", reserved=0)), "a") is ThrottleReason.RESERVED


def test_a_reservation_is_kept_from_the_others() -> None:
    book = ledger(function("a", reserved=900), function("b"))
    assert [take(book, "b") for _ in range(100)] == [None] * 100
    assert take(book, "b") is ThrottleReason.CONCURRENT
    assert take(book, "a") is None


def test_a_function_gets_a_thousand_new_environments_in_ten_seconds() -> None:
    book = ledger(function("a"), concurrency=5_000)
    new = [book.take(NOW, "a", True, False) for _ in range(1_001)]
    assert new == [None] * 1_000 + [ThrottleReason.CONCURRENT]
    soon = Instant(NOW + 10_000)  # refilled continuously: one environment each 10 ms
    assert [book.take(soon, "a", True, False) for _ in range(2)] == [None, ThrottleReason.CONCURRENT]


def test_warm_environments_do_not_count_as_scaling_up() -> None:
    book = ledger(function("a"), concurrency=5_000)
    for _ in range(1_000):
        book.take(NOW, "a", True, False)
    assert book.take(NOW, "a", False, False) is None


def test_requests_a_second_are_ten_times_the_concurrency() -> None:
    book = ledger(function("a"), concurrency=100)

    def request(now: Instant) -> ThrottleReason | None:
        reason = book.take(now, "a", False, True)
        if reason is None:
            book.give_back("a")
        return reason

    assert [request(NOW) for _ in range(1_001)] == [None] * 1_000 + [ThrottleReason.RATE]
    assert request(Instant(NOW + SECOND)) is None


def test_a_reserved_function_has_ten_times_its_own_requests() -> None:
    book = ledger(function("a", reserved=1))
    reasons = []
    for _ in range(11):
        reasons.append(book.take(NOW, "a", False, True))
        if reasons[-1] is None:
            book.give_back("a")
    assert reasons == [None] * 10 + [ThrottleReason.RESERVED_RATE]


def test_asynchronous_attempts_are_not_rated() -> None:
    book = ledger(function("a", reserved=1))
    for _ in range(100):
        assert take(book, "a") is None
        book.give_back("a")
