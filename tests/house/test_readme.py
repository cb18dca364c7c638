"""What the README says is so: its blocks are run, and what they print is what stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
LOG = (
    '192.0.2.7 - - [17/May/2015:10:05:03 +0200] "GET /orders?x=1 HTTP/1.1" 200 512 "-" "probe/1"\n'
    '192.0.2.8 - bob [17/May/2015:10:05:01 +0200] "POST /orders HTTP/1.0" 201 -\n'
    "no request\n"
)


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS if found == language]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a newcomer has in front of them, without what tests leave behind."""
    for folder in ("functions", "events"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "lambdarun.toml", tmp_path)
    (tmp_path / "access.log").write_text(LOG)
    return tmp_path


def shell(checkout: Path, command: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAMBDARUN", "FORCE_"))}
    return subprocess.run(
        ["bash", "-c", command], cwd=checkout, env={**kept, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_first_command_prints_what_stands_below_it(checkout: Path) -> None:
    (command,) = re.findall(r"^# run: .*&& \.venv/bin/(lambdarun .*)$", blocks("sh")[0], re.MULTILINE)
    ran = shell(checkout, command)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == blocks("text")[0]


def test_the_test_command_is_one_that_the_gate_finds() -> None:
    (command,) = re.findall(r"^# tests: (.*)$", blocks("sh")[0], re.MULTILINE)
    assert command.strip().startswith("python3 -m venv .venv && ")
    assert "sed -n 's/^# *tests: *//p' README.md" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("session", blocks("console"))
def test_each_command_prints_what_stands_below_it(checkout: Path, session: str) -> None:
    for part in session.split("$ ")[1:]:
        command, _, expected = part.partition("\n")
        ran = shell(checkout, command)
        assert (ran.returncode, ran.stdout) == (0, expected)


def test_lines_with_a_time_play(checkout: Path) -> None:
    (checkout / "lines.jsonl").write_text(blocks("json")[0])
    ran = shell(checkout, "lambdarun replay lines.jsonl")
    assert ran.returncode == 0, ran.stdout
    assert "not delivered" not in ran.stdout


def test_the_example_in_python_runs(checkout: Path) -> None:
    (checkout / "example.py").write_text(blocks("python")[0])
    ran = shell(checkout, "python example.py")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_example_of_a_project_file_is_right(tmp_path: Path) -> None:
    # By the running Python: this machine may have no other.
    text = re.sub(r"^runtime = .*\n", "", blocks("toml")[0], flags=re.MULTILINE)
    (tmp_path / "lambdarun.toml").write_text(text)
    (tmp_path / "layers" / "fonts").mkdir(parents=True)
    for path in re.findall(r'"([a-z/0-9-]+\.zip)"', blocks("toml")[0]):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with ZipFile(file, "w") as archive:
            archive.writestr("app.py", "def handler(event, context): return context.function_version")
    ran = shell(tmp_path, "lambdarun validate")
    assert (ran.returncode, ran.stdout) == (0, "ok: 1 function, 0 queues, 0 event source mappings\n"), (
        ran.stderr
    )
    drawn = set(shell(tmp_path, "lambdarun -q invoke thumbnail:live --repeat 40").stdout.split())
    assert drawn == {'"1"', '"2"'}


def test_the_example_of_a_queue_is_right(tmp_path: Path) -> None:
    function = '[functions.worker]\nhandler = "app.handler"\ncode_uri = "."\n'
    (tmp_path / "lambdarun.toml").write_text(blocks("toml")[1] + function)
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return {}\n")
    ran = shell(tmp_path, "lambdarun validate")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "ok: 1 function, 2 queues, 1 event source mapping, 2 alarms\n"


def test_an_access_log_becomes_messages_or_requests_at_their_times(checkout: Path) -> None:
    ran = shell(checkout, "python events/from_access_log.py access.log --queue orders")
    first, second = ran.stdout.splitlines()
    assert first.startswith('{"time":"2015-05-17T10:05:03+02:00","queue":"orders","body":"192.0.2.7 ')
    assert second.startswith('{"time":"2015-05-17T10:05:01+02:00"')
    assert ran.stderr == "access.log: 1 lines are no requests\n"
    ran = shell(checkout, "python events/from_access_log.py access.log | lambdarun replay -")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"orders-api +api-gateway-http +sync +2 +2 ", ran.stdout)


def test_every_option_that_the_readme_names_is_there(checkout: Path) -> None:
    told = "".join(
        shell(checkout, f"lambdarun {name} --help").stdout
        for name in ("", "invoke", "replay", "plan", "filter test")
    )
    for option in set(re.findall(r"`(--[a-z-]+)", README)):
        assert option in told
