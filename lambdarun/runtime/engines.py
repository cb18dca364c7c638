"""What runs a function that is not run by the built-in engine: the programs that its supervisor starts.

A function is supervised where its runtime is a program of its own (Node.js, `provided`, AWS's Python client), where a
wrapper script starts it, or where external extensions run beside it.
"""

from __future__ import annotations

import json
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
# As worker/sandbox_root.py names them.
_TASK, _OPT, _LANG, _RUNTIME = "/var/task", "/opt", "/var/lang", "/var/runtime"
_SANDBOX_WORKER: Final = "/var/rapid/lambdarun/worker"
_PLACES: Final = (
    "import json, os, sys; sys.path.append(sys.argv[1]); import sandbox_root as root; "
    "print(json.dumps([root.executable(), os.path.realpath(sys.base_prefix), root.packages()]))"
)
"""Asks an interpreter where it and its packages stand."""


@frozen
class Program:
    """How a supervised environment is started. Paths are as its processes name them."""

    command: tuple[str, ...]
    wrapper: str | None
    """A script that gets the command as its arguments."""
    bootstraps: tuple[str, ...]
    """In place of a command: the first of these files that is there."""
    extensions: tuple[str, ...]
    """External extensions: executable files."""
    environ: tuple[tuple[str, str], ...] = ()
    """Variables that its runtime gets beside the environment's own."""
    folders: tuple[tuple[str, str], ...] = ()
    """The machine's folders that a sandbox needs for it, each with its place there."""

    def as_configuration(self) -> dict[str, Any]:
        """What the supervisor is told."""
        return {
            "command": self.command,
            "wrapper": self.wrapper,
            "bootstraps": self.bootstraps,
            "extensions": self.extensions,
            "environ": dict(self.environ),
        }


@frozen
class Language:
    """The program that runs a handler's source, as an environment names it."""

    path: str
    folders: tuple[tuple[str, str], ...] = ()


def says_program(function: Function) -> bool:
    """Whether `function` says by itself that a program of its own runs it: extensions may say so too."""
    return (
        family_of(function.runtime) is not Family.PYTHON
        or function.engine is Engine.RIC
        or bool(function.environment.get(WRAPPER_VARIABLE))
    )


def is_program(function: Function, code: Code) -> bool:
    """Whether a program of its own runs `function`, or programs run beside it: then it is supervised."""
    return says_program(function) or any(True for _ in external_extensions(code))


@define(eq=False)
class Engines:
    """Finds programs, each once a run."""

    _nodes: dict[str, str] = field(factory=dict, init=False)
    _clients: set[str] = field(factory=set, init=False)
    _pythons: dict[str, Language] = field(factory=dict, init=False)

    def program(
        self, function: Function, code: Code, interpreter: str = sys.executable, *, sandboxed: bool
    ) -> Program:
        """How `function` is started under a supervisor, which runs in a sandbox or not.

        Raises MachineError where this machine lacks what that takes.
        """
        family = family_of(function.runtime)
        task, opt = (_TASK, _OPT) if sandboxed else (str(code.task_root), str(code.opt or ""))
        extensions = tuple(f"{opt}/extensions/{name}" for name in external_extensions(code))
        wrapper = _wrapper(function, task, opt)
        if family is Family.PROVIDED:
            folders = [task, *([opt] if code.opt is not None else [])]
            # AWS starts no wrapper for these: they start what they like themselves.
            return Program((), None, tuple(f"{folder}/bootstrap" for folder in folders), extensions)
        worker = _SANDBOX_WORKER if sandboxed else str(_WORKER)
        environ: tuple[tuple[str, str], ...] = ()
        layers = code.layer_path(function.runtime, opt)
        if family is Family.NODEJS:
            language = self._node_of(function.runtime, sandboxed)
            bootstrap = _RUNTIME if sandboxed else f"{worker}/node"
            command: tuple[str, ...] = (language.path, f"{bootstrap}/bootstrap.mjs")
        elif function.engine is Engine.RIC:
            self._ensure_client(interpreter)
            language = self._python_of(interpreter, sandboxed)
            command = (language.path, "-m", "awslambdaric", function.handler)
            # AWS's own entry puts the layers on the path before it starts the client.
            path = os.pathsep.join([*layers, *([_RUNTIME] if sandboxed else [])])
            environ = (("PYTHONPATH", path),) if path else ()
        else:
            language = self._python_of(interpreter, sandboxed)
            command = (language.path, f"{worker}/api_client.py", *layers)
        return Program(command, wrapper, (), extensions, environ, language.folders)

    def _node_of(self, runtime: str, sandboxed: bool) -> Language:
        found = self._node(runtime)
        if not sandboxed:
            return Language(found)
        path = Path(found).resolve()
        prefix = path.parent.parent if path.parent.name == "bin" else path.parent
        folders = ((str(prefix), _LANG), (str(_WORKER / "node"), _RUNTIME))
        return Language(f"{_LANG}/{path.relative_to(prefix)}", folders)

    def _python_of(self, interpreter: str, sandboxed: bool) -> Language:
        """An interpreter with its packages, as they stand in a sandbox. Raises MachineError where they cannot."""
        if not sandboxed:
            return Language(interpreter)
        if interpreter not in self._pythons:
            told = _answer([interpreter, "-I", "-S", "-c", _PLACES, str(_WORKER)])
            if told is None:
                raise MachineError(
                    f"{interpreter}: does not stand below its own prefix, so no sandbox can have it. "
                    f"Run it with --isolation process."
                )
            path, prefix, packages = json.loads(told)
            folders = [(prefix, _LANG), *([(packages, _RUNTIME)] if packages else [])]
            self._pythons[interpreter] = Language(path, tuple(folders))
        return self._pythons[interpreter]

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
    """The names of the executable plain files of /opt/extensions."""
    folder = code.opt / "extensions" if code.opt is not None else None
    if folder is None or not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_file() and os.access(path, os.X_OK):
            yield path.name


def _wrapper(function: Function, task: str, opt: str) -> str | None:
    told = function.environment.get(WRAPPER_VARIABLE)
    if not told:
        return None
    # Where no namespace gives the environment AWS's folders, the script is looked for in what stands for them.
    for prefix, folder in ((_TASK, task), (_OPT, opt)):
        if folder and told.startswith(f"{prefix}/"):
            return folder + told.removeprefix(prefix)
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
