"""`runtime = "python3.12"`: an interpreter that was found by running it, or an error that says what was tried."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from attrs import evolve

from lambdarun.errors import MachineError
from lambdarun.model.declarations import Project
from lambdarun.model.function import running_runtime
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.clock import VirtualClock
from lambdarun.runtime.interpreters import Interpreters
from tests.conftest import Declare, project_of
from tests.faces.command import run
from tests.interpreters import installed

VERSIONS = [f"python3.{minor}" for minor in range(9, 15)]
TELLS = """
import os, sys
def handler(event, context):
    return ["python%d.%d" % sys.version_info[:2], os.environ["AWS_EXECUTION_ENV"], event]
"""


@pytest.fixture(params=VERSIONS)
def runtime(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if not installed(name):
        pytest.skip(f"no {name} on this machine")
    return name


def test_a_function_runs_under_the_python_that_it_names(declare: Declare, runtime: str) -> None:
    project = project_of(evolve(declare(TELLS, timeout=20), runtime=runtime))
    with open_blocking_runtime(project) as opened:
        replies = [opened.invoke("fn", n) for n in range(2)]
    assert [reply.json() for reply in replies] == [[runtime, f"AWS_Lambda_{runtime}", n] for n in range(2)]


def test_errors_have_their_form_under_every_python(declare: Declare, runtime: str) -> None:
    project = project_of(
        evolve(declare("def handler(event, context):\n    raise KeyError('x')\n"), runtime=runtime)
    )
    with open_blocking_runtime(project) as opened:
        reply = opened.invoke("fn")
    told = reply.json()
    assert (told["errorType"], told["errorMessage"]) == ("KeyError", "'x'")
    assert len(told["stackTrace"]) == 1


def test_virtual_time_moves_in_sleeps_under_every_python(declare: Declare, runtime: str) -> None:
    source = """
import time
def handler(event, context):
    begun = time.time()
    time.sleep(40)
    return round(time.time() - begun)
"""
    project = project_of(evolve(declare(source, timeout=60), runtime=runtime))
    with open_blocking_runtime(project, clock=VirtualClock()) as opened:
        begun = opened.now()
        assert opened.invoke("fn").json() == 40
        assert 40 <= (opened.now() - begun) / 1_000_000 < 41


def test_functions_of_several_pythons_run_side_by_side(declare: Declare) -> None:
    there = [name for name in VERSIONS if installed(name)][:3]
    functions = [evolve(declare(TELLS, name=f"f{n}"), runtime=name) for n, name in enumerate(there)]
    with open_blocking_runtime(project_of(*functions)) as opened:
        assert [opened.invoke(one.name).json()[0] for one in functions] == there


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty home and one folder on its PATH."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


# python3.99 is what no machine has, so that what is found is what the test puts there.
def test_a_shim_that_fails_is_no_interpreter(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = program(alone / "python3.99", "echo 'pyenv: python3.99: command not found' >&2; exit 127")
    good = program(tmp_path / "home/.pyenv/versions/3.99.1/bin/python3.99", "echo python3.99")
    assert Interpreters().of("python3.99") == str(good)
    good.unlink()
    with pytest.raises(MachineError) as told:
        Interpreters().of("python3.99")
    assert str(told.value) == (
        "there is no python3.99 on this machine. Tried:\n"
        f"  {shim}: pyenv: python3.99: command not found\n"
        "Name one: LAMBDARUN_PYTHON3_99=/path/to/python3.99, or in the project file [settings] interpreters ="
        ' { "python3.99" = "/path/to/python3.99" }.'
    )


def test_an_interpreter_of_another_version_is_not_taken(alone: Path) -> None:
    wrong = program(alone / "python3.99", "echo python3.98")
    with pytest.raises(MachineError, match=f"{wrong}: python3.98"):
        Interpreters().of("python3.99")


def test_one_that_is_named_is_taken_and_no_other(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(alone / "python3.99", "echo python3.99")
    named = program(tmp_path / "mine", "echo python3.99")
    assert Interpreters({"python3.99": str(named)}).of("python3.99") == str(named)
    monkeypatch.setenv("LAMBDARUN_PYTHON3_99", str(tmp_path / "nowhere"))
    with pytest.raises(MachineError, match=f"{tmp_path}/nowhere: No such file or directory\nName one"):
        Interpreters({"python3.99": str(named)}).of("python3.99")


def test_the_running_interpreter_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert Interpreters().of(running_runtime()) == sys.executable


def test_several_are_asked_at_once_and_each_once_a_run(alone: Path, tmp_path: Path) -> None:
    # Each waits until the other has been asked too: one after the other they would wait for ever.
    for one, other in (("python3.98", "python3.99"), ("python3.99", "python3.98")):
        program(
            alone / one,
            f": >> {tmp_path}/{one}.asked; echo x >> {tmp_path}/{one}.log\n"
            f"while [ ! -e {tmp_path}/{other}.asked ]; do /bin/sleep 0.01; done; echo {one}",
        )
    found = Interpreters(wanted=frozenset({"python3.98", "python3.99"}))
    for _ in range(2):
        assert {found.of(name) for name in found.wanted} == {str(alone / name) for name in found.wanted}
    assert [(tmp_path / f"{name}.log").read_text() for name in found.wanted] == ["x\n", "x\n"]


def test_the_command_exits_with_5_where_there_is_none_and_runs_the_named_one(tmp_path: Path) -> None:
    other = next((name for name in VERSIONS if name != running_runtime() and installed(name)), None)
    if other is None:
        pytest.skip("no other Python on this machine")
    (tmp_path / "app.py").write_text(TELLS)
    path = Interpreters().of(other)
    function = f'[functions.f]\nhandler = "app.handler"\nruntime = "{other}"\n'
    (tmp_path / "lambdarun.toml").write_text(function)
    variable = f"LAMBDARUN_{other.upper().replace('.', '_')}"
    missing = run(tmp_path, "invoke", "f", **{variable: "/bin/false"})
    assert missing.returncode == 5
    assert missing.stdout == ""
    assert (
        f"lambdarun: error: there is no {other} on this machine. Tried:\n  /bin/false: exit 1\n"
        in missing.stderr
    )
    (tmp_path / "lambdarun.toml").write_text(
        f'{function}[settings]\ninterpreters = {{ "{other}" = "{path}" }}\n'
    )
    named = run(tmp_path, "invoke", "f", HOME="/nowhere", PATH=os.defpath)
    assert (named.returncode, named.stdout) == (0, f'["{other}", "AWS_Lambda_{other}", {{}}]\n')


def test_datetime_under_a_python_without_time_machine_is_told_in_one_line(tmp_path: Path) -> None:
    other = next((name for name in ("python3.9", "python3.10") if installed(name)), None)
    if other is None:
        pytest.skip("no such Python on this machine")
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return 1\n")
    (tmp_path / "lambdarun.toml").write_text(f'[functions.f]\nhandler = "app.handler"\nruntime = "{other}"\n')
    done = run(tmp_path, "invoke", "f", "--invocation-type", "Event")
    told = [line for line in done.stderr.splitlines() if "datetime" in line]
    assert told == [
        f"lambdarun: datetime shows the wall's time in {other} handlers: No module named 'time_machine'"
    ]
    assert done.returncode == 0


def test_a_project_may_hold_runtimes_that_a_run_never_needs(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = next(name for name in VERSIONS if name != running_runtime())
    monkeypatch.setenv(f"LAMBDARUN_{other.upper().replace('.', '_')}", "/bin/false")
    functions = declare(TELLS), evolve(declare(TELLS, name="other"), runtime=other)
    with open_blocking_runtime(Project(functions={one.name: one for one in functions})) as opened:
        assert opened.invoke("fn").json()[0] == running_runtime()
        with pytest.raises(MachineError, match="/bin/false: exit 1"):
            opened.invoke("other")
