"""The account's slots and rates: never exceeded, whatever is asked for, given back or waited for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdarun.model.concurrency import ConcurrencyLedger, TokenBucket
from lambdarun.model.declarations import Account
from lambdarun.model.function import Function
from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.outcome import ThrottleReason

RESERVED = {"none": None, "zero": 0, "two": 2}
CONCURRENCY = 102


class NoSlotIsGivenTwice(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        functions = {
            name: Function(
                name=name, handler="a.b", code_uri=Path(), runtime="python3.11", reserved_concurrent_executions=count
            )
            for name, count in RESERVED.items()
        }  # fmt: skip
        self.ledger = ConcurrencyLedger(Account(concurrent_executions=CONCURRENCY), functions)
        self.now = Instant(0)
        self.running: Counter[str] = Counter()

    @rule(
        name=st.sampled_from(sorted(RESERVED)),
        count=st.integers(1, 60),
        new=st.booleans(),
        rated=st.booleans(),
    )
    def requests_come(self, name: str, count: int, new: bool, rated: bool) -> None:
        for _ in range(count):
            reason = self.ledger.take(self.now, name, new, rated)
            reserved = RESERVED[name]
            full = self.running[name] >= (CONCURRENCY - 2 if reserved is None else reserved)
            if full:
                wanted = ThrottleReason.CONCURRENT if reserved is None else ThrottleReason.RESERVED
                assert reason is wanted
            elif reason is not None:
                # Neither of these rates can be reached in this machine but the small reserved one.
                assert reason is ThrottleReason.RESERVED_RATE
                assert rated
                assert reserved == 2
            if reason is None:
                self.running[name] += 1

    @precondition(lambda self: self.running.total())
    @rule(data=st.data())
    def one_ends(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(+self.running)))
        self.running[name] -= 1
        self.ledger.give_back(name)

    @rule(microseconds=st.integers(0, 3 * SECOND))
    def time_passes(self, microseconds: int) -> None:
        self.now = Instant(self.now + microseconds)

    @invariant()
    def the_books_are_right(self) -> None:
        assert self.ledger.running_account == self.running.total() <= CONCURRENCY
        for name, reserved in RESERVED.items():
            assert self.ledger.running(name) == self.running[name] >= 0
            assert reserved is None or self.running[name] <= reserved


NoSlotIsGivenTwice.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestNoSlotIsGivenTwice = NoSlotIsGivenTwice.TestCase


@given(
    st.integers(1, 20), st.integers(1, 2_000), st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=60)
)
def test_a_bucket_gives_no_more_than_its_capacity_and_what_flowed_in(
    capacity: int, per_second: int, steps: list[int]
) -> None:
    """In any stretch of time, not only from the start; and what it has it gives."""
    bucket = TokenBucket(capacity, per_second)
    now = 0
    taken: list[int] = []
    for step in steps:
        now += step
        for _ in range(3):
            if bucket.has(Instant(now)):
                bucket.take()
                taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= capacity + (taken[last] - taken[first]) * per_second / SECOND
    assert taken[0] == steps[0]


@given(st.integers(1, 50), st.integers(1, 50))
def test_a_bucket_that_was_emptied_refills_exactly(capacity: int, per_second: int) -> None:
    bucket = TokenBucket(capacity, per_second)
    start = Instant(5 * SECOND)
    for _ in range(capacity):
        assert bucket.has(start)
        bucket.take()
    assert not bucket.has(start)
    full = -(-SECOND // per_second)
    assert not bucket.has(Instant(start + full - 1))
    assert bucket.has(Instant(start + full))
