"""What all tests share: a place for handlers, and projects made of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from lambdarun.model.declarations import Project
from lambdarun.model.function import DeclaredDuration, Function, running_runtime
from lambdarun.model.instant import span_of

Declare = Callable[..., Function]

# Commands under test are new processes: each would compile all modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A shell's background job ignores Ctrl-C, and so would every command that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("lambdarun", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lambdarun")


@pytest.fixture
def declare(tmp_path: Path) -> Declare:
    """Declares a function whose module holds the given source; keywords are settings of the function."""
    made = iter(range(1_000))

    def make(source: str, *, name: str = "fn", handler: str = "handler", **settings: Any) -> Function:
        module = f"app_{name.replace('-', '_')}_{next(made)}"
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        return Function(
            name=name, handler=f"{module}.{handler}", code_uri=tmp_path, runtime=running_runtime(), **settings
        )

    return make


def project_of(*functions: Function, **others: Any) -> Project:
    """A project of these functions."""
    return Project(functions={function.name: function for function in functions}, **others)


def lasting(seconds: float) -> DeclaredDuration:
    """The duration of a function that always takes so long."""
    span = span_of(seconds=seconds)
    return DeclaredDuration(p50=span, p99=span)
