"""https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarun.model.instant import SECOND, Instant
from lambdarun.model.poller_fleet import PollerFleet, on_demand, provisioned


def at(seconds: float) -> Instant:
    return Instant(round(seconds * SECOND))


def saturated(fleet: PollerFleet, seconds: float) -> int:
    """The level after `seconds` in which messages always waited."""
    now = 0.0
    while now < seconds:
        while fleet.busy < fleet.allowed:
            fleet.take()
        fleet.look(at(now), waiting=True)
        due = fleet.next_due()
        now = seconds if due is None else min(due / SECOND, seconds)
        fleet.advance(at(now))
    return fleet.allowed


def test_a_fleet_starts_with_five() -> None:
    assert PollerFleet(on_demand(None)).allowed == 5


@pytest.mark.parametrize(
    ("seconds", "level"), [(1, 10), (60, 305), (248.8, 1_249), (249, 1_250), (600, 1_250)]
)
def test_it_grows_by_three_hundred_a_minute_up_to_1250(seconds: float, level: int) -> None:
    assert saturated(PollerFleet(on_demand(None)), seconds) == level


@pytest.mark.parametrize(("most", "start"), [(2, 2), (4, 4), (5, 5), (100, 5)])
def test_maximum_concurrency_caps_the_start_and_the_growth(most: int, start: int) -> None:
    fleet = PollerFleet(on_demand(most))
    assert fleet.allowed == start
    assert saturated(fleet, 60) == most


def test_it_does_not_grow_while_pollers_are_free() -> None:
    fleet = PollerFleet(on_demand(None))
    fleet.take()
    fleet.look(at(0), waiting=True)
    fleet.advance(at(50))
    assert fleet.allowed == 5


def test_it_shrinks_to_five_as_fast_as_it_grew_and_to_two_after_a_quiet_minute() -> None:
    fleet = PollerFleet(on_demand(None))
    assert saturated(fleet, 1) == 10
    while fleet.busy:
        fleet.free(at(1))
    fleet.look(at(1), waiting=False)
    levels = []
    for second in (1, 1.2, 1.6, 2, 60.9, 61):
        fleet.advance(at(second))
        levels.append(fleet.allowed)
    assert levels == [10, 9, 7, 5, 5, 2]
    assert fleet.next_due() is None


def test_a_great_fleet_shrinks_on_to_two_when_it_is_at_five() -> None:
    fleet = PollerFleet(on_demand(None))
    assert saturated(fleet, 249) == 1_250
    while fleet.busy:
        fleet.free(at(249))
    fleet.look(at(249), waiting=False)
    fleet.advance(at(497.8))
    assert fleet.allowed == 6
    fleet.advance(at(498))
    assert fleet.allowed == 2


def test_it_loses_no_poller_that_has_work() -> None:
    fleet = PollerFleet(on_demand(None))
    assert saturated(fleet, 1) == 10
    while fleet.busy < 10:
        fleet.take()
    fleet.free(at(1))
    fleet.look(at(1), waiting=False)
    fleet.advance(at(30))
    assert fleet.allowed == 9
    assert fleet.next_due() is None
    fleet.free(at(40))
    assert fleet.next_due() == at(40.2)


def test_two_batches_at_work_are_quiet_and_three_are_not() -> None:
    for busy, level in ((2, 2), (3, 5)):
        fleet = PollerFleet(on_demand(None))
        for _ in range(busy):
            fleet.take()
        fleet.look(at(0), waiting=False)
        fleet.advance(at(60))
        assert fleet.allowed == level


def test_with_maximum_concurrency_it_stays_at_five() -> None:
    fleet = PollerFleet(on_demand(50))
    fleet.look(at(0), waiting=False)
    assert fleet.next_due() is None
    fleet.advance(at(3_600))
    assert fleet.allowed == 5


def test_after_a_quiet_time_the_ramp_begins_at_two() -> None:
    fleet = PollerFleet(on_demand(None))
    fleet.look(at(0), waiting=False)
    fleet.advance(at(60))
    for _ in range(2):
        fleet.take()
    fleet.look(at(100), waiting=True)
    fleet.advance(at(100.6))
    assert fleet.allowed == 5


def test_failures_halve_it_down_to_two_and_each_success_gives_one_back() -> None:
    fleet = PollerFleet(on_demand(None))
    levels = []
    for _ in range(3):
        fleet.failed()
        levels.append(fleet.allowed)
    for _ in range(4):
        fleet.succeeded()
        levels.append(fleet.allowed)
    assert levels == [2, 2, 2, 3, 4, 5, 5]
    assert saturated(fleet, 3) == 20
    fleet.failed()
    assert fleet.allowed == 10
    fleet.succeeded()
    assert fleet.allowed == 11


def test_the_ramp_goes_on_behind_a_fleet_that_has_backed_off() -> None:
    fleet = PollerFleet(on_demand(None))
    saturated(fleet, 1)
    fleet.failed()
    assert fleet.allowed == 5
    fleet.look(at(1), waiting=True)
    fleet.advance(at(2))
    for _ in range(10):
        fleet.succeeded()
    assert fleet.allowed == 15


def test_provisioned_pollers_are_worth_ten_batches_each_and_the_minimum_is_there_at_once() -> None:
    fleet = PollerFleet(provisioned(3, 8))
    assert fleet.allowed == 30
    assert saturated(fleet, 2.4) == 70
    assert saturated(fleet, 60) == 80


def test_provisioned_pollers_grow_by_a_thousand_batches_a_minute() -> None:
    assert saturated(PollerFleet(provisioned(2, 10_000)), 60) == 1_020


def test_provisioned_pollers_never_go_below_their_minimum() -> None:
    fleet = PollerFleet(provisioned(2, 200))
    fleet.failed()
    fleet.look(at(0), waiting=False)
    fleet.advance(at(600))
    assert fleet.allowed == 20


def test_other_bounds_hold_at_once() -> None:
    fleet = PollerFleet(on_demand(None))
    saturated(fleet, 10)
    fleet.rescale(on_demand(8))
    assert fleet.allowed == 8
    fleet.rescale(provisioned(2, 4))
    assert fleet.allowed == 20


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["wait", "take", "free", "fail", "succeed", "look", "quiet"]), st.integers(0, 90_000)
    ),
    max_size=60,
)


@settings(deadline=None)
@given(
    steps=STEPS,
    scaling=st.one_of(
        st.just(on_demand(None)),
        st.integers(2, 1_000).map(on_demand),
        st.tuples(st.integers(2, 200), st.integers(200, 10_000)).map(lambda pair: provisioned(*pair)),
    ),
)
def test_whatever_happens_the_level_stays_within_its_bounds_and_only_time_with_a_backlog_raises_the_ramp(
    steps: list[tuple[str, int]], scaling: object
) -> None:
    fleet = PollerFleet(scaling)  # type: ignore[arg-type]  # drawn
    bounds = fleet.scaling
    now, highest, backlog_ms = 0, bounds.start, 0
    growing = False
    for step, ms in steps:
        before = fleet.allowed
        if step == "wait":
            now += ms
            fleet.advance(Instant(now * 1_000))
            backlog_ms += ms if growing else 0
        elif step == "take" and fleet.busy < fleet.allowed:
            fleet.take()
            assert fleet.allowed == before
        elif step == "free" and fleet.busy:
            fleet.free(Instant(now * 1_000))
            assert fleet.allowed == before
        elif step == "fail":
            fleet.failed()
            assert fleet.allowed == max(before // 2, bounds.least) or fleet.allowed == before == bounds.least
        elif step == "succeed":
            fleet.succeeded()
            assert before <= fleet.allowed <= before + 1
        elif step in ("look", "quiet"):
            fleet.look(Instant(now * 1_000), waiting=step == "look")
            growing = growing or (step == "look" and fleet.busy >= fleet.allowed)
            growing = growing and step != "quiet"
        highest = max(highest, fleet.allowed)
        assert min(bounds.least, bounds.low) <= fleet.allowed <= bounds.most
        assert highest <= bounds.start + backlog_ms * 1_000 // bounds.step
        due = fleet.next_due()
        assert due is None or due > now * 1_000


@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=50))
def test_while_messages_wait_the_ramp_is_monotone_and_five_a_second(waits_ms: list[int]) -> None:
    fleet = PollerFleet(on_demand(None))
    now, level = 0, fleet.allowed
    for _ in range(fleet.allowed):
        fleet.take()
    fleet.look(Instant(0), waiting=True)
    for wait in waits_ms:
        now += wait
        fleet.advance(Instant(now * 1_000))
        assert fleet.allowed >= level
        level = fleet.allowed
        assert level == min(1_250, 5 + now * 5 // 1_000)
