"""What this machine allows of a sandbox, what is missing, and how to allow it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from attrs import frozen

from lambdarun.errors import MachineError
from lambdarun.runtime.zygote_process import ZygoteProcess

_CGROUPS: Final = Path("/sys/fs/cgroup")
_TRY_S: Final = 5.0
# Tried in a process of its own, each in a fork of it: there is no way back out of a namespace.
_TRIAL: Final = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for name, flag in (("user", 0x10000000), ("mount", 0x00020000), ("pid", 0x20000000), ("network", 0x40000000)):
    child = os.fork()
    if child == 0:
        os._exit(0 if libc.unshare(0x10000000) == 0 and libc.unshare(flag if flag != 0x10000000 else 0) == 0 else 1)
    print(name, int(os.waitpid(child, 0)[1] == 0))
"""
_HINTS: Final = (
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
     "AppArmor restricts user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0."),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0",
     "User namespaces are off: sysctl kernel.unprivileged_userns_clone=1."),
    ("/proc/sys/user/max_user_namespaces", "0",
     "No user namespace may be made: sysctl user.max_user_namespaces=10000."),
)  # fmt: skip


@frozen(kw_only=True)
class SandboxFacts:
    """What was tried on this machine and went."""

    user_namespaces: bool
    mount_namespaces: bool
    pid_namespaces: bool
    network_namespaces: bool
    recursive_read_only: bool
    """mount_setattr, Linux 5.12."""
    processes_counted_by_namespace: bool
    """kernel.pid_max of a PID namespace, Linux 6.14: bounds what a handler may fork."""
    cgroup_version: int
    """2, 1, or 0 where there is none."""
    cgroup_writable: bool
    why_not: str | None
    """Why environments are not sandboxed; None: they are."""

    @property
    def sandboxed(self) -> bool:
        """Whether environments get namespaces of their own."""
        return self.why_not is None

    def hints(self) -> list[str]:
        """How to allow what is missing; empty where nothing is."""
        if self.sandboxed:
            return []
        found = [mend for file, value, mend in _HINTS if _holds(file, value)]
        if not found and Path("/.dockerenv").exists():
            found = [
                "In a container: --security-opt seccomp=unconfined --security-opt systempaths=unconfined."
            ]
        return found or ["Run it where user namespaces are allowed, or with --isolation process."]


def sandbox_facts() -> SandboxFacts:
    """Try it all on this machine, in processes of their own. Takes about as long as a cold start of the interpreter."""
    allowed = _tried()
    version, writable = _cgroups()
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2] if part.isdigit())
    return SandboxFacts(
        user_namespaces=allowed.get("user", False),
        mount_namespaces=allowed.get("mount", False),
        pid_namespaces=allowed.get("pid", False),
        network_namespaces=allowed.get("network", False),
        recursive_read_only=sys.platform == "linux" and release >= (5, 12),
        processes_counted_by_namespace=sys.platform == "linux" and release >= (6, 14),
        cgroup_version=version,
        cgroup_writable=writable,
        why_not=_why_not(),
    )


def _why_not() -> str | None:
    """What a zygote says that tries: the whole sandbox, not its parts."""
    try:
        zygote = ZygoteProcess.start(virtual=False)
    except MachineError as fault:
        return str(fault)
    try:
        return zygote.greeting.why_not
    except MachineError as fault:
        return str(fault)
    finally:
        zygote.close()


def _tried() -> dict[str, bool]:
    try:
        told = subprocess.run(  # noqa: S603 - our own script under the running interpreter
            [sys.executable, "-I", "-S", "-c", _TRIAL],
            capture_output=True,
            text=True,
            timeout=_TRY_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    pairs = [line.split() for line in told.stdout.splitlines()]
    return {name: value == "1" for name, value in pairs}


def _cgroups() -> tuple[int, bool]:
    if (_CGROUPS / "cgroup.controllers").exists():
        own = _own_group("0::")
        return 2, own is not None and os.access(_CGROUPS / own, os.W_OK)
    if (_CGROUPS / "memory").is_dir():
        return 1, os.access(_CGROUPS / "memory", os.W_OK)
    return 0, False


def _own_group(prefix: str) -> str | None:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line[len(prefix) :].lstrip("/") for line in lines if line.startswith(prefix)), None)


def _holds(file: str, value: str) -> bool:
    try:
        return Path(file).read_text(encoding="utf-8").strip() == value
    except OSError:
        return False
