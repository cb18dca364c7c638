"""The share of the processor by memory size."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarun.model.cpu import Cpu, cores, stretched
from lambdarun.model.draws import Draws
from lambdarun.model.environment import Environment
from lambdarun.model.function import Function
from lambdarun.model.handler_time import DurationMode, HandlerTime
from lambdarun.model.instant import SECOND, Duration, Instant
from lambdarun.model.invocation import Invocation
from lambdarun.model.outcome import Succeeded, Usage


@pytest.mark.parametrize(("memory_mb", "share"), [(128, 0.0724), (1_769, 1), (3_538, 2), (10_240, 5.7886)])
def test_1769_mb_are_one_core(memory_mb: int, share: float) -> None:
    assert cores(memory_mb) == pytest.approx(share, abs=0.001)


@given(st.integers(0, 900 * SECOND), st.integers(128, 10_240))
def test_less_memory_makes_nothing_shorter_and_more_than_a_core_nothing_faster(
    duration: int, memory_mb: int
) -> None:
    longer = stretched(Duration(duration), memory_mb)
    assert longer >= duration
    assert longer == duration if memory_mb >= 1_769 else longer - 1 < duration * 1_769 / memory_mb <= longer


@pytest.mark.parametrize(
    ("cpu", "mode", "took_us"),
    [
        (Cpu.SCALED, DurationMode.MEASURED, 1_382_032),  # 100 ms x 1769 / 128
        (Cpu.FULL, DurationMode.MEASURED, 100_000),
        (Cpu.SCALED, DurationMode.DECLARED, 0),
    ],
)
def test_in_virtual_time_measured_durations_are_stretched_and_initialisation_is_not(
    cpu: Cpu, mode: DurationMode, took_us: int
) -> None:
    function = Function(
        name="fn",
        handler="a.b",
        code_uri=Path(),
        runtime="python3.11",
        cpu=cpu,
        init_duration=Duration(50_000),
    )
    time = HandlerTime(mode, Draws(0))
    invocation = Invocation(function, Draws(0).new_id(), b"{}", None, None, "sync")  # type: ignore[arg-type]
    invocation.environment = Environment(1, function, "stream")
    invocation.started, invocation.cold, invocation.init_within = Instant(0), True, False
    invocation.given = time.given(function, None)
    none = Duration(0)
    used = Usage(Duration(100_000), Duration(50_000), none, none, 20, b"", 0)
    instant, _, usage = time.end(invocation, Succeeded(b"null"), used)
    assert (usage.duration, usage.init) == (took_us, 50_000)
    assert instant == took_us + 50_000
