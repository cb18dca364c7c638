"""Coverage of handlers: `coverage run` with its subprocess patch sees the lines that ran in environments.

    [run]
    patch = subprocess
    parallel = true
    source = .

and then `coverage run -m lambdarun ...` (or `-m pytest`), `coverage combine`, `coverage report`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("coverage")

CONFIGURATION = """
[run]
patch = subprocess
parallel = true
source = .
disable_warnings = no-data-collected
"""
HANDLER = """
import os, sys, time

def handler(event, context):
    how = event["how"]
    if how == "ends":
        return "ended"
    if how == "sleeps":
        time.sleep(60)
    if how == "spins":
        while True:
            pass
    if how == "leaves":
        sys.exit(3)
    if how == "raises":
        raise KeyError
    return None

def unused():
    return None
"""
LINES = {text.strip(): number for number, text in enumerate(HANDLER.splitlines(), 1)}


def coverage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "LAMBDARUN"))}
    return subprocess.run(
        [sys.executable, "-m", "coverage", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, env=environ,
    )  # fmt: skip


def covered(folder: Path, *command: str) -> set[int]:
    """The handler's lines that ran."""
    coverage(folder, "run", *command)
    combined = coverage(folder, "combine")
    assert combined.returncode == 0, combined
    told = coverage(folder, "json", "-o", "-", "-q")
    return set(json.loads(told.stdout)["files"]["app.py"]["executed_lines"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".coveragerc").write_text(CONFIGURATION)
    (tmp_path / "app.py").write_text(HANDLER)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "how", "line"),
    [
        ("RequestResponse", "ends", 'return "ended"'),
        ("RequestResponse", "sleeps", "time.sleep(60)"),  # killed at its time-out
        ("RequestResponse", "spins", "pass"),
        ("RequestResponse", "leaves", "sys.exit(3)"),
        ("RequestResponse", "raises", "raise KeyError"),
        ("Event", "ends", 'return "ended"'),
        ("Event", "sleeps", "time.sleep(60)"),
        ("Event", "leaves", "sys.exit(3)"),
    ],
)
def test_the_lines_of_an_environment_are_covered_however_it_ends(
    folder: Path, how: str, line: str, kind: str
) -> None:
    event = json.dumps({"how": how})
    lines = covered(
        folder,
        "-m",
        "lambdarun",
        "invoke",
        "app.py:handler",
        "-e",
        event,
        "--timeout",
        "1",
        "--invocation-type",
        kind,
    )
    assert {LINES[line], LINES['how = event["how"]']} <= lines
    assert max(lines) == LINES["def unused():"]


def test_runtimes_of_the_python_api_are_covered_too(folder: Path) -> None:
    (folder / "test_app.py").write_text(
        "import lambdarun\n"
        "def test_it():\n"
        "    project = lambdarun.lone_function('app.py:handler')\n"
        "    with lambdarun.open_blocking_runtime(project, clock=lambdarun.VirtualClock()) as runtime:\n"
        "        assert runtime.invoke('app', {'how': 'ends'}).json() == 'ended'\n"
    )
    lines = covered(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py")
    assert LINES['return "ended"'] in lines
    assert LINES["pass"] not in lines


def test_a_handler_in_a_folder_of_its_own_has_the_users_file_name(folder: Path) -> None:
    (folder / "functions").mkdir()
    (folder / "app.py").rename(folder / "functions" / "app.py")
    coverage(folder, "run", "-m", "lambdarun", "invoke", "functions/app.py:handler", "-e", '{"how": "ends"}')
    assert coverage(folder, "combine").returncode == 0
    told = json.loads(coverage(folder, "json", "-o", "-", "-q").stdout)["files"]
    assert list(told) == [os.path.join("functions", "app.py")]
    assert LINES['return "ended"'] in told["functions/app.py"]["executed_lines"]
