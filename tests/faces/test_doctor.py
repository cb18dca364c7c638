"""`lambdarun doctor` as somebody types it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.faces.command import run


def test_doctor_tells_what_the_machine_allows(tmp_path: Path) -> None:
    told = run(tmp_path, "doctor")
    assert told.returncode == 0, told.stderr
    kinds = [line.partition(":")[0] for line in told.stdout.splitlines()]
    assert kinds[:4] == ["isolation", "memory_size", "processes and threads", "cpu"]


def test_doctor_tells_programs_the_same(tmp_path: Path) -> None:
    text, told = run(tmp_path, "doctor"), json.loads(run(tmp_path, "doctor", "-o", "json").stdout)
    assert told["schema"] == 1
    sandboxed = told["sandbox"]["why_not"] is None
    assert text.stdout.startswith("isolation: namespace" if sandboxed else "isolation: process (")
