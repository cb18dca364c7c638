"""The worked examples of AWS's pages on scaling by a queue, by hand."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarun.model import capacity
from lambdarun.model.backlog_figures import Figures, answers, needed


def told(figures: Figures) -> dict[str, float]:
    return {answer.name: answer.value for answer in answers(figures)}


def test_1500_messages_over_10_environments_want_five_more() -> None:
    figures = Figures(backlog=1_500, environments=10, duration_s=0.1, latency_s=10)
    found = told(figures)
    assert found["backlog per environment"] == 150
    assert found["acceptable backlog"] == 100
    assert found["environments to add"] == 5
    assert needed(figures) == 15


def test_500_a_second_in_tens_of_two_seconds_need_100_at_once() -> None:
    assert told(Figures(rate=500, duration_s=2, batch=10))["needed concurrency"] == 100


def test_a_fifo_queue_uses_no_more_than_its_groups() -> None:
    found = told(Figures(rate=500, duration_s=1, batch=10, groups=1))
    assert found["needed concurrency"] == 1
    assert found["a message group's most"] == 10


def test_12500_a_second_at_the_pollers_most() -> None:
    assert capacity.throughput(1_250, 1, 10) == 12_500


@pytest.mark.parametrize(("concurrency", "ramp"), [(100, 19), (1_250, 249), (5, 0), (2, 0)])
def test_the_ramp_is_five_more_a_second(concurrency: int, ramp: float) -> None:
    assert capacity.ramp_seconds(concurrency) == ramp


def test_a_backlog_of_100000_at_twice_the_rate_drains_in_200_seconds() -> None:
    assert capacity.drain_seconds(100_000, 100, 1, batch=10, rate=500) == 200


def test_what_comes_as_fast_as_it_is_done_never_drains() -> None:
    assert capacity.drain_seconds(1, 50, 1, batch=10, rate=500) == inf
    assert capacity.drain_seconds_from_idle(1, 50, 1, batch=10, rate=500) == inf


def test_1250_batches_of_100_are_too_many_in_flight() -> None:
    assert capacity.in_flight(1_250, 100) == 125_000
    found = [a.said for a in answers(Figures(duration_s=1, batch=100, environments=1_250, backlog=1))]
    assert "by 1,250 environments; too many: AWS allows 120,000" in found


def test_visibility_is_six_timeouts_and_the_window_and_dead_letters_take_all_receives() -> None:
    found = told(Figures(duration_s=1, rate=1, timeout_s=30, window_s=5, max_receive_count=5))
    assert found["visibility timeout"] == 185
    assert found["time until the dead-letter queue"] == 925
    assert capacity.seconds_until_dead_letter(5, 180) == 15 * 60


def test_a_window_that_would_use_the_visibility_up_stretches_it() -> None:
    assert capacity.effective_visibility(30, timeout_s=15, window_s=20) == 65
    assert capacity.effective_visibility(35, timeout_s=15, window_s=20) == 35


def test_five_idle_pollers_ask_21600_times_a_day() -> None:
    assert capacity.idle_polls_a_day() == 21_600


@given(
    st.integers(1, 100_000), st.integers(1, 1_250), st.floats(0.01, 60), st.integers(1, 10), st.floats(0, 100)
)
def test_growing_pollers_are_never_faster_than_grown_ones(
    backlog: int, concurrency: int, duration_s: float, batch: int, rate: float
) -> None:
    at_once = capacity.drain_seconds(backlog, concurrency, duration_s, batch, rate)
    idle = capacity.drain_seconds_from_idle(backlog, concurrency, duration_s, batch, rate)
    assert idle >= at_once * (1 - 1e-9)


@given(st.integers(1, 100_000), st.floats(0.1, 1_000), st.floats(0.001, 60), st.floats(0, 100))
def test_the_needed_environments_drain_in_time_and_one_less_does_not(
    backlog: int, latency_s: float, message_s: float, rate: float
) -> None:
    wanted = capacity.environments_within(latency_s, backlog, message_s, rate)
    assert capacity.drain_seconds(backlog, wanted, message_s, rate=rate) <= latency_s * (1 + 1e-6)
    if wanted > 1:
        assert capacity.drain_seconds(backlog, wanted - 1, message_s, rate=rate) > latency_s * (1 - 1e-6)
