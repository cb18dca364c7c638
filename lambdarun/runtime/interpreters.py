"""Which interpreter runs `python3.12`: found by running it, once a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from lambdarun.errors import MachineError
from lambdarun.model.function import running_runtime
from lambdarun.runtime.clock import wall_seconds

_WAIT_S: Final = 10.0
_ASKED: Final = (
    "import os, socket, sys; os.fork; socket.recv_fds; print('python%d.%d' % sys.version_info[:2])"
)
"""Has to print the runtime; a Python without what an environment's process needs fails at it."""
_USUAL: Final = (
    "~/.pyenv/versions/{version}*/bin/{runtime}",
    "~/.local/share/uv/python/*{version}*/bin/{runtime}",
    "/usr/local/bin/{runtime}",
    "/usr/bin/{runtime}",
    "/opt/python/*/bin/{runtime}",
    "/opt/homebrew/bin/{runtime}",
)


@frozen
class Tried:
    """A candidate and what it said."""

    path: str
    said: str


@define(eq=False)
class Interpreters:
    """The interpreters of this machine, as far as somebody has asked for them."""

    named: Mapping[str, str] = field(factory=dict)
    """By runtime, from `[settings] interpreters`."""
    wanted: frozenset[str] = frozenset()
    """Runtimes of the project's functions: looked for all at once, when the first is needed that is not running."""
    _found: dict[str, str] = field(init=False)
    _missing: dict[str, str] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._found = {} if running_runtime() in self.named else {running_runtime(): sys.executable}

    def of(self, runtime: str) -> str:
        """The interpreter of `runtime`. Raises MachineError with all that was tried where there is none."""
        if runtime not in self._found and runtime not in self._missing:
            self._find({*self.wanted, runtime} - self._found.keys())
        if runtime in self._missing:
            raise MachineError(self._missing[runtime])
        return self._found[runtime]

    def _find(self, runtimes: Iterable[str]) -> None:
        # All are started before one is waited for: a shim takes as long to fail as an interpreter to start.
        started = {runtime: [_ask(path) for path in self._candidates(runtime)] for runtime in runtimes}
        for runtime, asked in started.items():
            tried = []
            for path, process in asked:
                said = _answer(process) if isinstance(process, subprocess.Popen) else process
                if said == runtime and runtime not in self._found:
                    self._found[runtime] = path
                tried.append(Tried(path, said))
            if runtime not in self._found:
                self._missing[runtime] = _missing(runtime, tried)

    def _candidates(self, runtime: str) -> Iterator[str]:
        """Where it may be, the likeliest first. Somebody who names one means that one and no other."""
        given = os.environ.get(variable(runtime)) or self.named.get(runtime)
        if given:
            yield given
            return
        version = runtime.removeprefix("python")
        on_path = (os.path.join(folder, runtime) for folder in os.get_exec_path())
        usual = [pattern.format(version=version, runtime=runtime) for pattern in _USUAL]
        globbed = (str(path) for pattern in usual for path in _glob(os.path.expanduser(pattern)))
        seen = set()
        for path in (*on_path, *globbed):
            real = os.path.realpath(path)
            if os.access(path, os.X_OK) and real not in seen:
                seen.add(real)
                yield path


def variable(runtime: str) -> str:
    """The variable that names the interpreter of `python3.12`: `LAMBDARUN_PYTHON3_12`."""
    return f"LAMBDARUN_{runtime.upper().replace('.', '_')}"


def _glob(pattern: str) -> list[Path]:
    return sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)


def _ask(path: str) -> tuple[str, subprocess.Popen[bytes] | str]:
    try:
        process = subprocess.Popen(  # noqa: S603 - an interpreter of this machine, with our own line
            [path, "-I", "-c", _ASKED],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as fault:
        return path, fault.strerror or str(fault)
    return path, process


def _answer(process: subprocess.Popen[bytes]) -> str:
    """The runtime that it is, or what it said instead."""
    begun = wall_seconds()
    try:
        out, err = process.communicate(timeout=_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"gave no answer in {wall_seconds() - begun:.0f} s"
    if process.returncode == 0:
        return out.decode("utf-8", "replace").strip()
    lines = [line for line in (out + err).decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[0].strip() if lines else f"exit {process.returncode}"


def _missing(runtime: str, tried: list[Tried]) -> str:
    told = "".join(f"\n  {one.path}: {one.said}" for one in tried) or "\n  nothing: no such program was found"
    return (
        f"there is no {runtime} on this machine. Tried:{told}\n"
        f"Name one: {variable(runtime)}=/path/to/{runtime}, or in the project file [settings] interpreters ="
        f' {{ "{runtime}" = "/path/to/{runtime}" }}.'
    )
