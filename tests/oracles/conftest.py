"""The recordings are of all of AWS's Pythons; here the running one stands for each."""

from __future__ import annotations

import sys

import pytest

from lambdarun.runtime.interpreters import Interpreters


@pytest.fixture(autouse=True)
def _one_python_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    # What differs by runtime (variables, the form of a result) follows the declared name, not the interpreter.
    monkeypatch.setattr(Interpreters, "of", lambda *_: sys.executable)
