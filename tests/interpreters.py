"""Interpreters for tests that need a runtime's name, on machines that lack its Python."""

from __future__ import annotations

import sys
from pathlib import Path

from lambdarun.errors import MachineError
from lambdarun.runtime.interpreters import Interpreters


def installed(runtime: str) -> bool:
    """Whether this machine has the interpreter of `runtime`."""
    try:
        Interpreters().of(runtime)
    except MachineError:
        return False
    return True


def stand_in(folder: Path, runtime: str) -> dict[str, str]:
    """What to name as the interpreter of `runtime`: nothing where it is installed, else one that says that it is and runs
    everything under the running one.
    """
    if installed(runtime):
        return {}
    program = folder / f"stands-in-for-{runtime}"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in "-I -c "*) echo {runtime};; *) exec {sys.executable} "$@";; esac\n'
    )
    program.chmod(0o755)
    return {runtime: str(program)}
