"""A clean process that forks environments: single-threaded, everything a handler's start needs imported, no user code.

Started by start.py: `python start.py zygote CONTROL_FD virtual|real FOLDER_OF_TIME_MACHINE|- [SANDBOX]`. It answers over the socket
CONTROL_FD (wire.py) and ends when that is closed; what it forked ends with it. SANDBOX is how sandbox_root.py started it: the
descriptors of the machine's mounts and of a pipe, `5:7`, or `!` and why there is no sandbox.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # CPython has it, typeshed not
import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import site
import socket
import struct
import sys
import types
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_PACKET = 65_536
_DESCRIPTORS = 8
_SCM_CREDENTIALS = 2  # Python has no name for it


def load_siblings(virtual: bool, *others: str) -> tuple[Any, ...]:
    """Import the files beside this one as a package of their own, so that no handler's module collides with them."""
    here = os.path.dirname(os.path.abspath(__file__))
    name = "_lambdarun_worker"
    sys.modules[name] = package = types.ModuleType(name)
    package.__path__ = [here]
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    return (
        importlib.import_module(f"{name}.wire"),
        importlib.import_module(f"{name}.bootstrap"),
        importlib.import_module(f"{name}.virtual_time") if virtual else None,
        *(importlib.import_module(f"{name}.{other}") for other in others),
    )


# What is done here once is done for all environments: imports, the streams, logging, the patch of time. The fork
# shares those pages as long as nobody writes on them, which is why `gc.freeze()` comes before the first fork: a
# collection would touch every object.
#
# It stays single-threaded and runs no user code: a fork copies only the thread that forks, so a lock that another
# holds would stay locked in every environment for ever.
class Zygote:
    """The process's state: its socket, and the environments it forked and has not reaped."""

    wire: Any
    bootstrap: Any
    virtual_time: Any
    limits: Any
    sandbox_module: Any

    def __init__(
        self, control: socket.socket, virtual: bool, patch_folder: str | None, sandboxed: str | None = None
    ) -> None:
        self.control = control
        self.load(virtual, sandboxed is not None)
        self.sandbox: Any = self.sandbox_module.Sandbox(int(sandboxed)) if sandboxed is not None else None
        self.starter: int | None = None
        """A pipe to the process that waits for this one to be ready."""
        self.patch = self.virtual_time.load_patch(patch_folder) if virtual else None
        self.prctl = ctypes.CDLL(None, use_errno=True).prctl
        self.known: set[int] = set()
        self.runtime = os.getppid()
        self.resident_kb = 0
        """What every fork has from its start on."""

    def load(self, virtual: bool, sandboxed: bool) -> None:
        """Import what its forks become."""
        self.wire, self.bootstrap, self.virtual_time, self.limits, *sandbox = load_siblings(
            virtual, "resource_limits", *(["sandbox"] if sandboxed else [])
        )
        self.sandbox_module = sandbox[0] if sandbox else None

    def serve(self) -> None:
        """Fork and reap on request until the runtime closes its end."""
        wire = self.wire
        while True:
            if self.sandbox is not None and self.sandbox.spare is None:
                self.prepare_when_idle()
            packet, descriptors, _, _ = socket.recv_fds(self.control, _PACKET, _DESCRIPTORS)
            if not packet:
                return
            if packet[0] == wire.FORK and self.sandbox is not None:
                self.fork_in_sandbox(packet, descriptors)
            elif packet[0] == wire.FORK:
                self.fork(json.loads(packet[1:]), descriptors)
            elif packet[0] == wire.FORGET:
                if self.sandbox is not None:
                    self.sandbox.forget(packet[1:].decode())
            else:
                self.reap(wire.PID.unpack(packet)[1])

    def greet(self, why_not: str | None) -> None:
        """Tell the runtime whether environments are in sandboxes, and if not, why."""
        told = {"sandboxed": self.sandbox is not None, "why_not": why_not}
        self.control.send(bytes([self.wire.GREETING]) + json.dumps(told).encode())

    def prepare_sandbox(self) -> Any:
        """Have the next environment's namespaces ready."""
        return self.sandbox.prepare(self.leave_to_zygote, self.bootstrap.dress, self.become)

    def prepare_when_idle(self) -> None:
        """The same, unless more is asked for already. At once: a processor that has nothing else to do is there while the
        environment that was asked for imports its handler, and the next cold start finds its namespaces made.
        """
        waiting = select.poll()
        waiting.register(self.control, select.POLLIN)
        if not waiting.poll(0):
            self.prepare_sandbox()

    def try_sandbox(self, starter: int) -> None:
        """Make the first environment's namespaces; where they cannot be made, say why, and end."""
        self.starter = starter
        fault = self.prepare_sandbox().await_ready()
        os.write(starter, b"+" if fault is None else fault.encode())
        os.close(starter)
        self.starter = None
        if fault is not None:
            os._exit(1)

    def leave_to_zygote(self) -> None:
        """In a fork: close what is this process's alone."""
        self.control.close()
        if self.starter is not None:
            os.close(self.starter)

    def fork_in_sandbox(self, packet: bytes, descriptors: list[int]) -> None:
        """Start an environment's process in namespaces of its own, and answer its id."""
        configuration = json.loads(packet[1:])
        self.prepare_sandbox()
        pid = self.sandbox.start(packet, configuration["sandbox"]["environment"], descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        # An id of this namespace: the kernel translates it for the runtime, as part of the packet's credentials.
        credentials = struct.pack("iII", pid, os.getuid(), os.getgid())
        answer = self.wire.PID.pack(self.wire.FORKED, pid, 0, self.resident_kb)
        self.control.sendmsg([answer], [(socket.SOL_SOCKET, _SCM_CREDENTIALS, credentials)])
        # The next one is most likely of the same function: the variables that it shares with this one cost it no memory.
        self.bootstrap.dress(configuration)

    def fork(self, configuration: dict[str, Any], descriptors: list[int]) -> None:
        """Start an environment's process and answer its id."""
        # Before the fork, though it is the child's business: what is set here is shared, what is set there is copied page by
        # page.
        self.bootstrap.dress(configuration)
        pid = os.fork()
        if pid == 0:
            self.become(configuration, descriptors)
        try:
            # In both, parent and child: whoever is first, the group is there before anybody signals it.
            os.setpgid(pid, pid)
        except (PermissionError, ProcessLookupError):
            pass  # it did so itself, or is gone already
        for descriptor in descriptors:
            os.close(descriptor)
        self.known.add(pid)
        self.control.send(self.wire.PID.pack(self.wire.FORKED, pid, 0, self.resident_kb))

    def become(
        self, configuration: dict[str, Any], descriptors: list[int], fault: Exception | None = None
    ) -> None:
        """In the child: leave the zygote behind and serve as an environment. `fault`: why it cannot."""
        status = 70
        try:
            if fault is not None:
                raise fault
            os.setpgid(0, 0)
            if self.sandbox_module is not None:
                self.sandbox_module.harden()
            else:
                self.limits.set_limits(self.limits.WITHOUT_SANDBOX)
            # First of all: a zygote that dies must take its environments with it, however it dies.
            self.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            # The C module's own: `signal.signal` looks up both handlers among its enums, and what it touches for that would
            # be 100 KB of this process's own.
            for number in (signal.SIGTERM, signal.SIGUSR1):
                _signal.signal(number, _signal.SIG_DFL)
            self.control.close()
            # Before anything is allocated that its memory size should count.
            self.bootstrap.join(descriptors[2:])
            self.run(configuration, descriptors)
        # By hand, as the interpreter would: `os._exit` below skips everything that a fork inherited and does not own.
        except SystemExit as leave:
            status = exit_status(leave)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            status = 1
        finally:
            flush()
            self.bootstrap.coverage_data.leave(status)

    def run(self, configuration: dict[str, Any], descriptors: list[int]) -> None:
        """In the child, when it is an environment's process: run the handler; never returns."""
        clock = None
        if configuration["virtual"]:
            clock = self.virtual_time.install(self.patch, configuration["measured_sleep"])
        self.bootstrap.start(descriptors[0], descriptors[1], configuration, clock)

    def reap(self, pid: int) -> None:
        """Kill what is left of a dead environment, and answer how its process ended."""
        if self.sandbox is not None:
            status, memory = self.sandbox.reap(pid) or (self.wire.LOST, 0)
            self.control.send(self.wire.PID.pack(self.wire.REAPED, pid, status, memory))
            self.sandbox.bury()
            return
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        try:
            # The runtime has seen its death by pidfd, so this does not block; how it died only a parent is told.
            _, status, usage = os.wait4(pid, 0)
            memory = usage.ru_maxrss
        except ChildProcessError:
            status, memory = self.wire.LOST, 0
        self.known.discard(pid)
        # Before the answer: when the runtime goes on, nothing of the environment runs any more, a daemon of two forks
        # included.
        self.end_strays()
        self.control.send(self.wire.PID.pack(self.wire.REAPED, pid, status, memory))

    def end_all(self) -> None:
        """Kill every environment with its group, and whatever they left: the runtime is gone."""
        if self.sandbox is not None:
            return  # this process is its namespace's first: when it ends, the kernel kills all others
        for pid in self.known:
            try:
                os.killpg(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        self.known = set()
        self.end_strays()

    def leave(self, *_: object) -> None:
        """A signal says that the runtime is gone, perhaps while its end of the socket says so too."""
        self.end_all()
        os._exit(0)

    def orphaned(self, *_: object) -> None:
        """The thread that started this process ended: alone, or with the runtime."""
        if os.getppid() != self.runtime:
            self.leave()

    def end_strays(self) -> None:
        """Kill and reap the orphans that ended environments left: being a subreaper, this process adopted them."""
        while True:
            # Again until there is none: what is killed may leave children of its own, which come here then.
            strays = [pid for pid in children() if pid not in self.known]
            if not strays:
                return
            for pid in strays:
                try:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                except (ProcessLookupError, ChildProcessError):
                    pass


def resident_kb() -> int:
    """This process's resident size; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 10
    except OSError:
        return 0


def children() -> list[int]:
    """This process's children, orphans that it adopted among them."""
    try:
        with open("/proc/self/task/%d/children" % os.getpid()) as listing:
            return [int(pid) for pid in listing.read().split()]
    except FileNotFoundError:
        return [
            pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if parent(pid) == os.getpid()
        ]


def parent(pid: int) -> int:
    """The parent of a process, 0 if it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return int(stat.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def exit_status(leave: SystemExit) -> int:
    """The status with which Python would end for a SystemExit."""
    if leave.code is None:
        return 0
    if isinstance(leave.code, int):
        return leave.code & 0xFF
    sys.stderr.write(f"{leave.code}\n")
    return 1


def flush() -> None:
    """Write out what the streams still hold."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass


def arrange_path(patch: str) -> None:
    """In the sandbox's root: put AWS's folders of packages where they stand there."""
    # https://docs.aws.amazon.com/lambda/latest/dg/python-package.html; recorded dumps of sys.path: from Python 3.11 on the
    # interpreter's own packages come before the standard library, up to 3.10 behind it.
    sys.path[:] = [entry for entry in sys.path if entry not in ("", patch)]
    if sys.flags.no_site:
        # What `site` does but for start files: sandbox_root.py says why.
        sys.path += [folder for folder in site.getsitepackages([sys.prefix]) if os.path.isdir(folder)]
        site.setquit()
        site.setcopyright()
        site.sethelper()
    if sys.version_info >= (3, 11):
        own = [entry for entry in sys.path if entry.startswith("/var/lang/") and entry.endswith("-packages")]
        sys.path[:] = [*own, *(entry for entry in sys.path if entry not in own)]


def main(make: Any = Zygote) -> None:
    """Serve as the zygote that `make` makes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(control.fileno(), False)
    virtual, patch = sys.argv[2] == "virtual", sys.argv[3]
    told = sys.argv[4] if len(sys.argv) > 4 else ""
    builder, _, ready = told.partition(":") if told and told[0] != "!" else (None, "", "")
    zygote = make(control, virtual, None if patch == "-" else patch, builder)
    if builder is not None:
        # The process that started this one has its end as its own end; nobody else may outlive either.
        zygote.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        raise_descriptors()
        arrange_path(patch)
        if zygote.sandbox.outside.writable:
            # What starts coverage stands among the packages, in a file that only `site` reads.
            site.addsitedir("/var/runtime")
    else:
        # When the runtime dies, however that happens: not SIGKILL, for what handlers started has to be ended first.
        signal.signal(signal.SIGTERM, zygote.leave)
        signal.signal(signal.SIGUSR1, zygote.orphaned)
        zygote.prctl(PR_SET_PDEATHSIG, signal.SIGUSR1)
        zygote.prctl(PR_SET_CHILD_SUBREAPER, 1)
    zygote.bootstrap.prepare()
    gc.collect()
    gc.freeze()
    zygote.resident_kb = resident_kb()
    try:
        if builder is not None:
            zygote.try_sandbox(int(ready))
        zygote.greet(told[1:] or None if told.startswith("!") else None)
        zygote.serve()
    except ConnectionError:
        pass  # the runtime died while it was being answered
    finally:
        zygote.end_all()
    os._exit(0)  # nothing of its own to tidy up, and taking an interpreter down takes milliseconds


def raise_descriptors() -> None:
    """Allow as many descriptors as may be: two are held for each environment."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
