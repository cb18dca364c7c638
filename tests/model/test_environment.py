"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lambdarun.model.draws import Draws
from lambdarun.model.environment import NEXT_PHASE, Environments, Happening, Phase
from lambdarun.model.function import Function
from lambdarun.model.instant import Instant, parse_instant

NOW = parse_instant("2026-11-08T10:00:00Z")
FN = Function(name="fn", handler="a.b", code_uri=Path(), runtime="python3.11")
OTHER = Function(name="other", handler="a.b", code_uri=Path(), runtime="python3.11")


def test_every_phase_is_reached_and_only_gone_is_a_dead_end() -> None:
    reached = {phase for row in NEXT_PHASE.values() for phase in row.values()} | {Phase.STARTING}
    assert reached == set(Phase) == set(NEXT_PHASE)
    assert {happening for row in NEXT_PHASE.values() for happening in row} == set(Happening)
    assert [phase for phase, row in NEXT_PHASE.items() if not row] == [Phase.GONE]


def test_runtime_row_08_one_event_at_a_time_so_concurrency_means_more_environments() -> None:
    environments = Environments(Draws(0))
    first, second = environments.choose(NOW, FN), environments.choose(NOW, FN)
    assert first.id != second.id
    assert first.cold and second.cold


def test_the_environment_that_was_idle_last_is_taken_first() -> None:
    environments = Environments(Draws(0))
    first, second = environments.choose(NOW, FN), environments.choose(NOW, FN)
    environments.release(first, Happening.REPLIED)
    environments.release(second, Happening.REPLIED)
    assert environments.choose(NOW, FN) is second


def test_runtime_row_06_a_reply_keeps_the_environment_warm() -> None:
    environments = Environments(Draws(0))
    environment = environments.choose(NOW, FN)
    environments.release(environment, Happening.REPLIED)
    again = environments.choose(NOW, FN)
    assert again is environment
    assert not again.cold


@pytest.mark.parametrize(
    "happening", [Happening.TIMED_OUT, Happening.EXITED, Happening.OUT_OF_MEMORY, Happening.INIT_FAILED]
)
def test_runtime_row_07_a_lost_process_keeps_the_environment_but_is_cold_again(happening: Happening) -> None:
    environments = Environments(Draws(0))
    environment = environments.choose(NOW, FN)
    environments.release(environment, happening)
    again = environments.choose(NOW, FN)
    assert again is environment
    assert again.cold


def test_functions_have_pools_of_their_own() -> None:
    environments = Environments(Draws(0))
    environments.release(environments.choose(NOW, FN), Happening.REPLIED)
    assert environments.needs_new("other")
    assert not environments.needs_new("fn")
    assert environments.choose(NOW, OTHER).function is OTHER


def test_what_is_not_in_the_table_raises() -> None:
    environments = Environments(Draws(0))
    environment = environments.choose(NOW, FN)
    environments.release(environment, Happening.REPLIED)
    with pytest.raises(KeyError):
        environments.release(environment, Happening.REPLIED)


def test_log_streams_are_named_by_day_version_and_32_digits() -> None:
    stream = Environments(Draws(0)).choose(NOW, FN).log_stream
    assert re.fullmatch(r"2026/11/08/\[\$LATEST\][0-9a-f]{32}", stream)
    assert Environments(Draws(0)).choose(Instant(NOW), FN).log_stream == stream
    assert Environments(Draws(1)).choose(NOW, FN).log_stream != stream
