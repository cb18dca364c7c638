"""Starts an environment's process: which zygote forks it, and what it is told of its function."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

from attrs import define, field

from lambdarun.errors import MachineError
from lambdarun.model.declarations import Account
from lambdarun.model.environment import Environment
from lambdarun.model.function import Function
from lambdarun.runtime.code import Code, code_of
from lambdarun.runtime.engines import Engines, Program
from lambdarun.runtime.environment_process import EnvironmentProcess, open_environment
from lambdarun.runtime.process_environment import process_environment
from lambdarun.runtime.zygotes import Zygotes


@define(eq=False)
class Launcher:
    """Starts processes, and keeps the private folders of their environments."""

    account: Account
    zygotes: Zygotes
    virtual: bool
    measured_sleep: bool = False
    seed: int = 0
    folder: str = field(init=False)
    engines: Engines = field(factory=Engines, init=False)

    def __attrs_post_init__(self) -> None:
        # One folder for all environments of a run, so that one removal at the end leaves nothing, whatever happened
        # to them.
        self.folder = tempfile.mkdtemp(prefix="lambdarun-")

    def launch(self, environment: Environment) -> EnvironmentProcess:
        """Ask for an environment's process; it need not be there yet. Raises MachineError."""
        os.makedirs(self._private_folder(environment), exist_ok=True)
        code = code_of(environment.function)
        program = self.engines.program(environment.function, code)
        zygote = self.zygotes.of(environment.function) if program is None else self.zygotes.supervisors()
        configuration = self._configuration(environment, code, program)
        try:
            process, descriptors = open_environment(environment, zygote)
        except OSError as fault:
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

    def _configuration(self, environment: Environment, code: Code, program: Program | None) -> dict[str, Any]:
        function, folder = environment.function, self._private_folder(environment)
        return {
            "environ": process_environment(self.account, function, environment.log_stream, code, folder),
            "task_root": str(code.task_root),
            "handler": function.handler,
            "arn": self.account.function_arn(function.name),
            # What a supervisor starts runs on the real clock.
            "virtual": self.virtual and program is None,
            **(self._supervised(function, program) if program is not None else {}),
            # `runs` counts the invocations, so the process that replaces a dead one does not draw again what that one drew.
            "seed": f"{self.seed}:{function.name}:{environment.id}:{environment.runs}",
            "measured_sleep": self.measured_sleep,
        }

    def _supervised(self, function: Function, program: Program) -> dict[str, Any]:
        return {
            "program": program.as_configuration(),
            "function": function.name,
            "version": "$LATEST",
            "account_id": self.account.account_id,
        }

    def _private_folder(self, environment: Environment) -> str:
        return f"{self.folder}/{environment.function.name}-{environment.id}"

    def forget(self, environment: Environment) -> None:
        """Remove what an environment that ended has kept."""
        shutil.rmtree(self._private_folder(environment), ignore_errors=True)

    def close(self) -> None:
        """End the zygotes and remove all folders."""
        self.zygotes.close()
        shutil.rmtree(self.folder, ignore_errors=True)
