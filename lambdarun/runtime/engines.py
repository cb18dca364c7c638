"""What runs a function that is not run by the built-in engine: the programs that its supervisor starts.

A function is supervised where its runtime is a program of its own (Node.js, `provided`, AWS's Python client), where a
wrapper script starts it, or where external extensions run beside it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from lambdarun.errors import MachineError
from lambdarun.model.function import Function
from lambdarun.model.runtimes import Engine, Family, family_of
from lambdarun.runtime.code import Code
from lambdarun.worker import wire

WRAPPER_VARIABLE: Final = "AWS_LAMBDA_EXEC_WRAPPER"
_WORKER: Final = Path(wire.__file__).parent
_ASK_WAIT_S: Final = 10


@frozen
class Program:
    """How a supervised environment is started. Paths are the machine's."""

    command: tuple[str, ...]
    wrapper: str | None
    """A script that gets the command as its arguments."""
    bootstraps: tuple[str, ...]
    """In place of a command: the first of these files that is there."""
    extensions: tuple[str, ...]
    """External extensions: executable files."""
    environ: tuple[tuple[str, str], ...] = ()
    """Variables that its runtime gets beside the environment's own."""

    def as_configuration(self) -> dict[str, Any]:
        """What the supervisor is told."""
        return {
            "command": self.command,
            "wrapper": self.wrapper,
            "bootstraps": self.bootstraps,
            "extensions": self.extensions,
            "environ": dict(self.environ),
        }


def is_program(function: Function) -> bool:
    """Whether `function` says by itself that a program of its own runs it: extensions may say so too."""
    return (
        family_of(function.runtime) is not Family.PYTHON
        or function.engine is Engine.RIC
        or bool(function.environment.get(WRAPPER_VARIABLE))
    )


@define(eq=False)
class Engines:
    """Finds programs, each once a run."""

    _nodes: dict[str, str] = field(factory=dict, init=False)
    _clients: set[str] = field(factory=set, init=False)

    def program(self, function: Function, code: Code, interpreter: str = sys.executable) -> Program | None:
        """How `function` is started under a supervisor; None: the built-in engine runs it.

        Raises MachineError where this machine lacks what that takes.
        """
        family = family_of(function.runtime)
        extensions = tuple(external_extensions(code))
        wrapper = _wrapper(function, code)
        if family is Family.PROVIDED:
            folders = [code.task_root, *([code.opt] if code.opt is not None else [])]
            # AWS starts no wrapper for these: they start what they like themselves.
            return Program((), None, tuple(str(folder / "bootstrap") for folder in folders), extensions)
        if family is Family.NODEJS:
            command: tuple[str, ...] = (self._node(function.runtime), str(_WORKER / "node" / "bootstrap.mjs"))
        elif function.engine is Engine.RIC:
            self._ensure_client(interpreter)
            command = (interpreter, "-m", "awslambdaric", function.handler)
            # AWS's own entry puts the layers on the path before it starts the client.
            layers = os.pathsep.join(_layer_paths(code, function.runtime))
            environ = (("PYTHONPATH", layers),) if layers else ()
            return Program(command, wrapper, (), extensions, environ)
        elif wrapper is not None or extensions:
            command = (interpreter, str(_WORKER / "api_client.py"), *_layer_paths(code, function.runtime))
        else:
            return None
        return Program(command, wrapper, (), extensions)

    def _node(self, runtime: str) -> str:
        """A Node.js for `runtime`: of its own version if the machine has one, else the one on the path."""
        found = self._nodes.get(runtime)
        if found is None:
            version = runtime.removeprefix("nodejs").removesuffix(".x")
            programs = [path for name in (f"node{version}", "node") if (path := shutil.which(name))]
            answers = {path: _answer([path, "--version"]) for path in programs}
            works = [path for path, told in answers.items() if re.match(r"v\d+\.", told or "")]
            if not works:
                raise MachineError(
                    f"{runtime}: there is no Node.js on the path. Install it, or put it on PATH."
                )
            exact = [path for path in works if (answers[path] or "").startswith(f"v{version}.")]
            found = self._nodes[runtime] = (exact or works)[0]
        return found

    def _ensure_client(self, interpreter: str) -> None:
        if interpreter in self._clients:
            return
        if _answer([interpreter, "-c", "import awslambdaric; print(awslambdaric.__version__)"]) is None:
            raise MachineError(
                f'engine = "ric": {interpreter} has no package awslambdaric. '
                f"Install it there: pip install awslambdaric"
            )
        self._clients.add(interpreter)


def external_extensions(code: Code) -> Iterator[str]:
    """The executable plain files of /opt/extensions."""
    folder = code.opt / "extensions" if code.opt is not None else None
    if folder is None or not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_file() and os.access(path, os.X_OK):
            yield str(path)


def _layer_paths(code: Code, runtime: str) -> tuple[str, ...]:
    """The folders of layers on Python's path, behind the code package."""
    if code.opt is None:
        return ()
    return (str(code.opt / "python" / "lib" / runtime / "site-packages"), str(code.opt / "python"))


def _wrapper(function: Function, code: Code) -> str | None:
    told = function.environment.get(WRAPPER_VARIABLE)
    if not told:
        return None
    # Where no namespace gives the environment AWS's folders, the script is looked for in what stands for them.
    for prefix, folder in (("/var/task/", code.task_root), ("/opt/", code.opt)):
        if folder is not None and told.startswith(prefix):
            return str(folder / told.removeprefix(prefix))
    return told


def _answer(command: list[str]) -> str | None:
    """What a program prints when it is run; None where that fails: a version manager's shim is no interpreter."""
    try:
        ran = subprocess.run(  # noqa: S603 - interpreters that the path or the project names
            command,
            capture_output=True,
            timeout=_ASK_WAIT_S,
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None
