"""Builds a runtime's parts and joins them: the one place where the region meets processes, clock and store."""

from __future__ import annotations

from os import cpu_count
from typing import Final

from attrs import field, frozen

from lambdarun.errors import Place, ProjectError, ProjectErrors
from lambdarun.model.consistency import Severity, check
from lambdarun.model.declarations import Project
from lambdarun.model.draws import Draws
from lambdarun.model.handler_time import DurationMode
from lambdarun.model.region import Region
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.code import Packages
from lambdarun.runtime.driver import RealDriver, VirtualDriver
from lambdarun.runtime.engines import is_program
from lambdarun.runtime.interpreters import Interpreters
from lambdarun.runtime.journal import Journal, Reader, Store
from lambdarun.runtime.launch import Launcher
from lambdarun.runtime.processes import Processes
from lambdarun.runtime.resources import Accounting, Resources
from lambdarun.runtime.zygote_process import ZygoteProcess
from lambdarun.runtime.zygotes import Zygotes

# On the wall's clock a bound would change results: an invocation that waits for a worker is late for real.
_UNBOUNDED: Final = 1_000_000
_IN_CODE: Final = Place("project")
"""Where a declaration stands that was made in Python."""


@frozen(kw_only=True)
class Options:
    """How a runtime is built. `workers` bounds how many handlers really run at once in virtual time."""

    seed: int = 0
    durations: DurationMode = DurationMode.DECLARED
    function: str | None = None
    workers: int = field(factory=lambda: max(4, 2 * (cpu_count() or 1)))
    readers: tuple[Reader, ...] = ()
    allow_short_visibility: bool = False
    """Run a queue whose visibility timeout is below its function's timeout, which AWS refuses, to see what comes of it."""
    watch: bool = False
    """Start a new process where a function's code or layers have changed since its last invocation."""
    terminal: int | None = None
    """A descriptor of a terminal: `breakpoint()` in a handler stops there, with its time-out held."""
    debug_port: int | None = None
    """Handlers wait there for debugpy's client before they are imported, and do not time out."""
    accounting: Accounting | None = None
    """How memory is counted; None: the kernel's way where it may be had, else by a sampler."""
    zygote: ZygoteProcess | None = None
    """One that was started ahead, so that it gets ready while Python still imports; None starts one."""


def build(
    project: Project, clock: RealClock | VirtualClock, store: Store, options: Options
) -> RealDriver | VirtualDriver:
    """A driver with its region and its (not yet started) environments. Raises ProjectErrors where AWS would refuse what
    the project declares.
    """
    _refuse(project, options)
    packages = Packages(options.watch)
    try:
        faults = packages.prepare(project.functions.values())
        if faults:
            raise ProjectErrors(faults)
        resources = Resources(isinstance(clock, VirtualClock), options.accounting)
        resources.refuse(project.functions.values())
    except BaseException:
        packages.close()
        raise
    runtimes = frozenset(function.runtime for function in project.functions.values())
    interpreters = Interpreters(project.interpreters, runtimes)
    virtual = isinstance(clock, VirtualClock)
    region = Region(project, Draws(options.seed), options.durations, options.function)
    zygotes = Zygotes(virtual, interpreters=interpreters, terminal=options.terminal)
    zygotes.adopt(options.zygote or ZygoteProcess.start(virtual=virtual, terminal=options.terminal))
    if any(is_program(function) for function in project.functions.values()):
        zygotes.supervisors()  # it gets ready while the first event is on its way
    measured = options.durations is DurationMode.MEASURED
    launcher = Launcher(
        project.account,
        zygotes,
        resources,
        virtual,
        measured,
        options.seed,
        packages,
        options.debug_port,
    )
    processes = Processes(launcher, virtual, options.workers if virtual else _UNBOUNDED)
    journal = Journal(store, list(options.readers))
    if isinstance(clock, VirtualClock):
        return VirtualDriver(region, processes, journal, clock=clock)
    return RealDriver(region, processes, journal, clock=clock)


def _refuse(project: Project, options: Options) -> None:
    findings = check(project, allow_short_visibility=options.allow_short_visibility)
    errors = [
        ProjectError(found.place or _IN_CODE, found.key, found.text, found.mend)
        for found in findings
        if found.severity is Severity.ERROR
    ]
    if errors:
        raise ProjectErrors(errors)
