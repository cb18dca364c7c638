"""Builds a runtime's parts and joins them: the one place where the region meets processes, clock and store."""

from __future__ import annotations

from functools import partial
from os import cpu_count
from typing import Final

from attrs import field, frozen

from lambdarun.errors import MachineError, Place, ProjectError, ProjectErrors, UsageError
from lambdarun.model.consistency import Severity, check
from lambdarun.model.cpu import Cpu
from lambdarun.model.declarations import Project
from lambdarun.model.draws import Draws
from lambdarun.model.handler_time import DurationMode
from lambdarun.model.region import Region
from lambdarun.runtime.clock import RealClock, VirtualClock
from lambdarun.runtime.code import Packages
from lambdarun.runtime.driver import RealDriver, VirtualDriver
from lambdarun.runtime.engines import says_program
from lambdarun.runtime.interpreters import Interpreters
from lambdarun.runtime.isolation import Isolation, choose
from lambdarun.runtime.journal import Journal, Reader, Store
from lambdarun.runtime.launch import Launcher
from lambdarun.runtime.processes import Processes
from lambdarun.runtime.resources import Accounting, Resources
from lambdarun.runtime.workplace import Workplace
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
    isolation: Isolation | None = None
    """None: namespaces where the machine allows them, else processes with the machine's folders."""
    zygote: ZygoteProcess | None = None
    """One that was started ahead, so that it gets ready while Python still imports; None starts one."""


def build(
    project: Project,
    clock: RealClock | VirtualClock,
    store: Store,
    options: Options,
    *,
    in_loop: bool = False,
) -> RealDriver | VirtualDriver:
    """A driver with its region and its (not yet started) environments. `in_loop`: it is stepped by an event loop, which
    no handler may hold up on the wall's clock. Raises ProjectErrors where AWS would refuse what the project declares,
    MachineError where this machine cannot do what it asks for.
    """
    _refuse(project, options)
    packages = Packages(options.watch)
    try:
        faults = packages.prepare(project.functions.values())
        if faults:
            raise ProjectErrors(faults)
        virtual = isinstance(clock, VirtualClock)
        processes = _workplace(project, virtual, options, packages, in_loop)
    except BaseException:
        packages.close()
        raise
    region = Region(project, Draws(options.seed), options.durations, options.function)
    journal = Journal(store, list(options.readers))
    if isinstance(clock, VirtualClock):
        return VirtualDriver(region, processes, journal, clock=clock)
    return RealDriver(region, processes, journal, clock=clock)


def _workplace(
    project: Project, virtual: bool, options: Options, packages: Packages, in_loop: bool
) -> Workplace:
    if options.isolation is Isolation.INLINE:
        return _inline(project, virtual, options, packages, in_loop)
    runtimes = frozenset(function.runtime for function in project.functions.values())
    zygotes = _zygotes(options, Interpreters(project.interpreters, runtimes), virtual=virtual)
    try:
        resources = Resources(virtual, options.accounting)
        resources.refuse(project.functions.values())
    except MachineError:
        zygotes.close()
        raise
    if any(says_program(function) for function in project.functions.values()):
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
    return Processes(launcher, virtual, options.workers if virtual else _UNBOUNDED)


def _inline(
    project: Project, virtual: bool, options: Options, packages: Packages, in_loop: bool
) -> Workplace:
    if options.debug_port is not None:
        raise UsageError("--debug-port: an inline handler is debugged in its caller's process. Leave it out.")
    scaled = [one.name for one in project.functions.values() if one.cpu is Cpu.SCALED]
    if scaled and not virtual:
        raise MachineError(f"{scaled[0]}: an inline handler has its caller's processor: leave cpu out.")
    measured = options.durations is DurationMode.MEASURED
    # Loaded for those who ask for it: it brings the worker's own modules into this process.
    if in_loop and not virtual:
        from lambdarun.runtime.inline_beside import InlineBeside

        return InlineBeside(project.account, virtual, measured, options.seed, packages)
    from lambdarun.runtime.inline import InlineHere

    return InlineHere(project.account, virtual, measured, options.seed, packages)


def _zygotes(options: Options, interpreters: Interpreters, *, virtual: bool) -> Zygotes:
    """The processes that fork environments, the first one started."""
    zygotes = Zygotes(virtual, options.isolation, interpreters=interpreters, terminal=options.terminal)
    start = partial(
        ZygoteProcess.start, virtual=virtual, isolation=options.isolation, terminal=options.terminal
    )
    zygote = options.zygote or start()
    try:
        greeting = zygote.greeting
        choose(options.isolation, sandboxed=greeting.sandboxed, why_not=greeting.why_not)
        if options.isolation is Isolation.PROCESS and greeting.sandboxed:
            # It was started ahead, before anybody knew what would be asked for.
            zygote.close()
            zygote = start()
    except MachineError:
        zygote.close()
        raise
    zygotes.adopt(zygote)
    return zygotes


def _refuse(project: Project, options: Options) -> None:
    findings = check(project, allow_short_visibility=options.allow_short_visibility)
    errors = [
        ProjectError(found.place or _IN_CODE, found.key, found.text, found.mend)
        for found in findings
        if found.severity is Severity.ERROR
    ]
    if errors:
        raise ProjectErrors(errors)
