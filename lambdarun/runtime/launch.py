"""Starts an environment's process: which zygote forks it, and what it is told of its function."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import Any, Final

from attrs import define, field

from lambdarun.errors import MachineError
from lambdarun.model.declarations import Account
from lambdarun.model.environment import Environment
from lambdarun.model.function import Function
from lambdarun.model.runtimes import Family, family_of
from lambdarun.runtime.account import InMemory
from lambdarun.runtime.code import Code, Packages
from lambdarun.runtime.engines import Engines, Program, is_program
from lambdarun.runtime.environment_process import EnvironmentProcess, open_environment
from lambdarun.runtime.process_environment import process_environment
from lambdarun.runtime.resources import Resources
from lambdarun.runtime.sandbox import (
    refuse_without_sandbox,
    sandbox_key,
    sandbox_of,
    temporary_bytes,
    temporary_folder,
)
from lambdarun.runtime.tmpfs import is_tmpfs
from lambdarun.runtime.view import machine_view, sandboxed_view
from lambdarun.runtime.zygote_process import ZygoteProcess
from lambdarun.runtime.zygotes import Zygotes

# https://coverage.readthedocs.io/en/latest/config.html#run-patch
_COVERAGE: Final = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


@define(eq=False)
class Launcher:
    """Starts processes, and keeps the private folders of their environments."""

    account: Account
    zygotes: Zygotes
    resources: Resources
    virtual: bool
    measured_sleep: bool = False
    seed: int = 0
    packages: Packages = field(factory=Packages)
    debug_port: int | None = None
    """Where handlers wait for an editor's debugger; no invocation times out then."""
    measures: bool = field(factory=lambda: any(name in os.environ for name in _COVERAGE))
    """Whether coverage of handlers is measured: then processes write its data before they are killed."""
    folder: str = field(init=False)
    engines: Engines = field(factory=Engines, init=False)
    _seen: dict[int, str] = field(factory=dict, init=False)
    """What the code was when an environment started, by its id. Only where somebody watches it."""
    _in_memory: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        # One folder for all environments of a run, so that one removal at the end leaves nothing, whatever happened
        # to them.
        self.folder = tempfile.mkdtemp(prefix="lambdarun-")
        self._in_memory = is_tmpfs(self.folder)

    def launch(self, environment: Environment) -> EnvironmentProcess:
        """Ask for an environment's process; it need not be there yet. Raises MachineError."""
        os.makedirs(self._private_folder(environment), exist_ok=True)
        if self.packages.watch:
            self._seen[environment.id] = self.packages.state_of(environment.function)
        code = self.packages.code_of(environment.function)
        joins: list[int] = []
        is_supervised = is_program(environment.function, code)
        zygote = self.zygotes.supervisors() if is_supervised else self._zygote(environment.function, code)
        program = self._program(environment.function, code, zygote) if is_supervised else None
        configuration = self._configuration(environment, code, zygote, program)
        try:
            account = self.resources.open(environment, zygote, self._temporary(environment, zygote))
            joins = account.group.open_joins()
            process, descriptors = open_environment(environment, zygote, account)
            descriptors += joins
        except OSError as fault:
            for descriptor in joins:
                os.close(descriptor)
            raise MachineError(f"cannot start another environment: {fault.strerror}.") from fault
        process.supervised = program is not None
        try:
            zygote.fork(configuration, descriptors, process)
        except MachineError:
            process.close()
            raise
        finally:
            # The zygote has its own copies. Ours must go at once: with a write end open here, the pipe would never come to
            # its end.
            for descriptor in descriptors:
                os.close(descriptor)
        return process

    def _zygote(self, function: Function, code: Code) -> ZygoteProcess:
        zygote = self.zygotes.of(function)
        if zygote.greeting.sandboxed or code.opt is None or not (code.opt / "lib").is_dir():
            return zygote
        # Without a sandbox the folder of libraries is another one for each set of layers.
        return self.zygotes.of(function, str(code.opt / "lib"))

    def _configuration(
        self, environment: Environment, code: Code, zygote: ZygoteProcess, program: Program | None
    ) -> dict[str, Any]:
        function = environment.function
        folders = program.folders if program is not None else ()
        sandbox = sandbox_of(environment, code, folders) if zygote.greeting.sandboxed else None
        if sandbox is None:
            refuse_without_sandbox(function, zygote.greeting.why_not)
            view = machine_view(code, function.runtime, self._private_folder(environment))
        else:
            view = sandboxed_view(function.runtime)
        return {
            "environ": process_environment(self.account, environment, view),
            "sandbox": sandbox,
            "task_root": view.task_root,
            "layer_path": view.layer_path,
            "handler": function.handler,
            "arn": self.account.function_arn(function.name),
            # What a supervisor starts runs on the real clock.
            "virtual": self.virtual and program is None,
            **(self._supervised(function, program) if program is not None else {}),
            # `runs` counts the invocations, so the process that replaces a dead one does not draw again what that one drew.
            "seed": f"{self.seed}:{function.name}:{environment.id}:{environment.runs}",
            "measured_sleep": self.measured_sleep,
            "terminal": self.zygotes.terminal,
            "debug_port": self.debug_port,
        }

    def _program(self, function: Function, code: Code, zygote: ZygoteProcess) -> Program:
        is_python = family_of(function.runtime) is Family.PYTHON
        interpreter = self.zygotes.interpreters.of(function.runtime) if is_python else sys.executable
        return self.engines.program(function, code, interpreter, sandboxed=zygote.greeting.sandboxed)

    def _supervised(self, function: Function, program: Program) -> dict[str, Any]:
        return {
            "program": program.as_configuration(),
            "function": function.name,
            "version": function.version,
            "account_id": self.account.account_id,
        }

    def _private_folder(self, environment: Environment) -> str:
        return f"{self.folder}/{environment.function.name}-{environment.id}"

    def is_outdated(self, environment: Environment) -> bool:
        """Whether the code has changed since the environment's process was started; asked where somebody watches it."""
        return self._seen.get(environment.id) != self.packages.state_of(environment.function)

    def _temporary(self, environment: Environment, zygote: ZygoteProcess) -> InMemory | None:
        """What an environment writes to `/tmp`, where that is memory."""
        most = temporary_bytes(environment.function)
        if zygote.greeting.sandboxed:
            return InMemory(temporary_folder(), most)
        return InMemory(self._private_folder(environment), most) if self._in_memory else None

    def forget(self, environment: Environment) -> None:
        """Remove what an environment that ended has kept."""
        self.resources.forget(environment)
        shutil.rmtree(self._private_folder(environment), ignore_errors=True)
        for zygote in self.zygotes:
            zygote.forget(sandbox_key(environment))

    def close(self) -> None:
        """End the zygotes and remove all folders."""
        self.zygotes.close()
        self.packages.close()
        self.resources.close()
        shutil.rmtree(self.folder, ignore_errors=True)
