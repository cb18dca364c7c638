"""One suite for all kinds of isolation: each test runs under every kind that this machine has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from lambdarun.errors import MachineError
from lambdarun.model.declarations import Project
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.isolation import Isolation
from tests.conftest import Declare, project_of

Open = Callable[..., BlockingRuntime]
Ask = Callable[..., list[Any]]


@pytest.fixture(params=list(Isolation), ids=lambda isolation: isolation.value)
def isolation(request: pytest.FixtureRequest) -> Isolation:
    """Each kind that can be had here."""
    kind: Isolation = request.param
    try:
        with open_blocking_runtime(Project(), clock=VirtualClock(), options=Options(isolation=kind)):
            return kind
    except MachineError as fault:
        pytest.skip(str(fault))


@pytest.fixture
def opened(isolation: Isolation) -> Iterator[Open]:
    """Opens a runtime under the present kind, in virtual time or on the wall's clock."""
    with ExitStack() as doors:

        def make(project: Project, *, wall: bool = False, seed: int = 0) -> BlockingRuntime:
            clock = RealClock() if wall else VirtualClock()
            options = Options(isolation=isolation, seed=seed)
            return doors.enter_context(open_blocking_runtime(project, clock=clock, options=options))

        yield make


@pytest.fixture
def ask(declare: Declare, opened: Open) -> Ask:
    """Results of a handler's source for some events, one after the other, in one runtime."""

    def answers(source: str, *events: Any, wall: bool = False, **settings: Any) -> list[Any]:
        runtime = opened(project_of(declare(source, **settings)), wall=wall)
        return [runtime.invoke("fn", event).json() for event in events]

    return answers
