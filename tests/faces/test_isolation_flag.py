"""`--isolation`, LAMBDARUN_ISOLATION and `[settings] isolation` choose where handlers run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faces.command import run

# A handler in the command's own process shares its interpreter with the command line's modules.
HANDLER = """
import os, sys
def handler(event, context):
    print("printed")
    secret = [os.environ.get(name) for name in ("AWS_SECRET_ACCESS_KEY", "SECRET")]
    return ["inline" if "lambdarun.cli.main" in sys.modules else "process", secret]
"""
PROJECT = '[functions.fn]\nhandler = "app.handler"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "lambdarun.toml").write_text(PROJECT)
    return tmp_path


def where(folder: Path, *flags: str, **environ: str) -> str:
    ran = run(folder, "invoke", "fn", *flags, SECRET="of the shell", AWS_SECRET_ACCESS_KEY="real", **environ)
    assert ran.returncode == 0, ran.stderr
    kind, secret = json.loads(ran.stdout)
    assert secret == ["lambdarun", None]
    assert "printed" in ran.stderr
    return str(kind)


def test_the_flag_wins_over_the_variable_and_that_over_the_file(folder: Path) -> None:
    assert where(folder) == "process"
    assert where(folder, "--isolation", "inline") == "inline"
    assert where(folder, LAMBDARUN_ISOLATION="inline") == "inline"
    assert where(folder, "--isolation", "process", LAMBDARUN_ISOLATION="inline") == "process"
    (folder / "lambdarun.toml").write_text(f'{PROJECT}[settings]\nisolation = "inline"\n')
    assert where(folder) == "inline"
    assert where(folder, LAMBDARUN_ISOLATION="process") == "process"
    shown = json.loads(run(folder, "config", "show", "-o", "json").stdout)["settings"]["isolation"]
    assert (shown["value"], Path(shown["origin"]).name) == ("inline", "lambdarun.toml")


def test_a_replay_gives_the_same_bytes_inline(folder: Path) -> None:
    lines = [json.dumps({"time": f"2026-03-02T08:00:{n:02}Z", "event": {"n": n}}) for n in range(20)]
    (folder / "events.jsonl").write_text("\n".join(lines))
    (folder / "app.py").write_text(
        "import random, time\ndef handler(e, c):\n    time.sleep(random.random())\n    print(time.time())\n"
        "    if e['n'] % 5 == 2: raise ValueError(e['n'])\n"
    )
    files = []
    for kind in ("process", "inline"):
        ran = run(
            folder,
            "replay",
            "events.jsonl",
            "--function",
            "fn",
            "--isolation",
            kind,
            "--out",
            f"{kind}.jsonl",
        )
        assert ran.returncode == 1, ran.stderr
        files.append((ran.stdout, (folder / f"{kind}.jsonl").read_bytes()))
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["invoke", "fn", "--isolation", "docker"], 2, "is not one of 'namespace', 'process', 'inline'"),
        (["replay", "e.jsonl", "--isolation", "inline", "--workers", "2"], 2, "--workers: inline handlers run one after"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(folder: Path, arguments: list[str], code: int, said: str) -> None:
    (folder / "e.jsonl").write_text('{"event": {}}\n')
    ran = run(folder, *arguments)
    assert ran.returncode == code
    assert said in ran.stderr
    (folder / "lambdarun.toml").write_text(f'{PROJECT}[settings]\nisolation = "docker"\n')
    ran = run(folder, "validate")
    assert ran.returncode == 3
    assert "settings.isolation" in ran.stderr
