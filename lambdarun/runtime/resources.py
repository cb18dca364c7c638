"""Memory, processes and processor shares of all environments of a runtime, and what this machine allows of that."""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import Enum
from typing import Final

from attrs import define, field, frozen

from lambdarun.aws import limits
from lambdarun.errors import MachineError
from lambdarun.model.cpu import Cpu, cores
from lambdarun.model.environment import Environment
from lambdarun.model.function import Function
from lambdarun.runtime.account import Account, GroupAccount, InMemory, SampledAccount
from lambdarun.runtime.cgroups import CPU, MEMORY, PIDS, Group, Place, RunGroups, places
from lambdarun.runtime.clock import wall_seconds
from lambdarun.runtime.ticker import Ticker
from lambdarun.runtime.zygote_process import ZygoteProcess

_TICK_S: Final = 0.010
"""How often long invocations are looked at. A handler fills memory with some 2 GB/s: 20 MB between two looks."""
_SETTLED_S: Final = 0.004
"""An invocation shorter than that is never looked at."""
_REST: Final = 4
"""A look that took long is followed by so many times its length without one."""


class Accounting(Enum):
    """How memory is counted, and who kills."""

    CGROUP = "cgroup"
    """The kernel, by a control group an environment."""
    SAMPLER = "sampler"
    """This process, by looking into /proc."""


@frozen
class ResourceFacts:
    """What this machine allows, and what of it is missing and why."""

    memory: Accounting | None
    """None: memory_size is not enforced."""
    memory_how: str
    processes_how: str
    cpu_how: str
    cpu: bool

    @classmethod
    def of_this_machine(cls) -> ResourceFacts:
        """Look. It writes nothing."""
        found, missing = places()
        group = found.get(MEMORY)
        memory: Accounting | None = Accounting.CGROUP
        if group is not None:
            how = f"the kernel kills what holds more ({_shown(group)})"
        elif os.path.exists("/proc/self/statm"):
            memory = Accounting.SAMPLER
            how = (
                f"a sampler kills what holds more, within tens of milliseconds (no cgroup: {missing[MEMORY]})"
            )
        else:
            memory, how = None, f"not enforced (no cgroup: {missing[MEMORY]}; no /proc to look into)"
        return cls(
            memory,
            how,
            f"at most {limits.PROCESSES_AND_THREADS.value} an environment ({_shown(found[PIDS])})"
            if PIDS in found
            else f"not limited by a cgroup ({missing[PIDS]})",
            f"can follow memory_size ({_shown(found[CPU])})"
            if CPU in found
            else f"cannot follow memory_size on the wall's clock (no cgroup: {missing[CPU]})",
            CPU in found,
        )

    def lines(self) -> list[str]:
        """One line a fact."""
        return [
            f"memory_size: {self.memory_how}",
            f"processes and threads: {self.processes_how}",
            f"cpu: {self.cpu_how}",
        ]


def _shown(place: Place) -> str:
    return f"cgroup v{place.version} below {place.folder}"


@define(eq=False)
class Resources:
    """Opens an account for each process that is started, and looks after those that work."""

    virtual: bool
    accounting: Accounting | None = None
    """None: the kernel's where it may be had, else the sampler."""
    ticker: Ticker = field(init=False)
    """To be watched by whoever polls."""
    looks: bool = field(default=False, init=False)
    """Whether the ticker has to be on while an invocation works."""
    _groups: RunGroups = field(init=False)
    _missing: dict[str, str] = field(init=False)
    """Why a controller may not be had."""
    _environments: dict[int, Group] = field(factory=dict, init=False)
    _next_look: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        found, self._missing = places()
        if self.accounting is Accounting.SAMPLER:
            found.pop(MEMORY, None)
        self._groups = RunGroups(found)
        # Only now the kernel tells whether what looks like it can be written is: the run's groups are made.
        self._missing |= self._groups.prepare()
        if self.accounting is Accounting.CGROUP and MEMORY not in found:
            self._groups.close()
            raise MachineError(f"memory cannot be limited by a cgroup: {self._missing[MEMORY]}.")
        self.ticker = Ticker(_TICK_S)
        self.accounting = Accounting.CGROUP if MEMORY in found else Accounting.SAMPLER

    def refuse(self, functions: Iterable[Function]) -> None:
        """Raises MachineError where this machine cannot do what one of `functions` asks for."""
        if self.virtual or CPU in self._groups.places:
            return
        for function in functions:
            if function.cpu is Cpu.SCALED:
                self.close()
                raise MachineError(
                    f'functions.{function.name}.cpu: "scaled" needs a cgroup that may be written, and '
                    f"{self._missing[CPU]}. Leave it out, or replay in virtual time with --durations measured."
                )

    def open(self, environment: Environment, zygote: ZygoteProcess, temporary: InMemory | None) -> Account:
        """An account for a process about to be forked by `zygote`; `temporary` is its /tmp, where that is in memory.

        Raises OSError.
        """
        function = environment.function
        share = cores(function.memory_size) if function.cpu is Cpu.SCALED and not self.virtual else None
        group = self._environments.get(environment.id)
        again = group is not None
        if group is None:
            wanted = (MEMORY, PIDS) if share is None else (MEMORY, PIDS, CPU)
            group = self._groups.open(f"{function.name}-{environment.id}", wanted)
            self._environments[environment.id] = group
            if PIDS in group.folders:
                group.limit_processes(limits.PROCESSES_AND_THREADS.value)
        elif share is not None:
            group.limit_cpu(None)  # until it is initialised again
        if MEMORY not in group.folders:
            self.looks = True
            return SampledAccount(memory_mb=function.memory_size, group=group, cores=share)
        self.looks = self.looks or temporary is not None
        account = GroupAccount(memory_mb=function.memory_size, group=group, cores=share, temporary=temporary)
        account.open(zygote.resident_kb << 10, again=again)
        return account

    def look(self, busy: Iterable[tuple[float, Account]]) -> None:
        """The ticker has ticked: look at those that work, each with the wall's second at which it began."""
        self.ticker.take()
        now = wall_seconds()
        working = list(busy)
        if not working:
            self.ticker.stop()
        if now < self._next_look:
            return
        for began, account in working:
            if now - began > _SETTLED_S and not account.killed:
                account.look()
        done = wall_seconds()
        self._next_look = done + _REST * (done - now)

    def forget(self, environment: Environment) -> None:
        """Its processes are dead and none will follow."""
        group = self._environments.pop(environment.id, None)
        if group is not None:
            group.remove()

    def close(self) -> None:
        """Remove all groups; all processes are dead."""
        for group in self._environments.values():
            group.remove()
        self._environments.clear()
        self._groups.close()
        self.ticker.close()
