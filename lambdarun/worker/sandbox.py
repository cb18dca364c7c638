"""Sandboxes for environments: each in mount, PID and IPC namespaces of its own, below the zygote's root.

The zygote is the first process of a PID namespace (sandbox_root.py). For each environment it has an *init* ready: the first
process of the environment's own namespace, which mounts what is the environment's and forks the handler's process.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
from collections.abc import Callable
from typing import Any, NoReturn

from . import resource_limits, sandbox_root, syscalls

_PACKET = 65_536
_DESCRIPTORS = 8
_ENDED = struct.Struct("<II")
"""What an init tells of the handler's process at its end: wait status, greatest resident size in KB."""
_DONE = b"+"
_CREDENTIALS = struct.Struct("iII")
_SO_PASSCRED, _SCM_CREDENTIALS = 16, 2
KILLED = int(signal.SIGKILL)
# AWS's address of the VPC's own resolver. Nobody answers it here, so that a look-up of a name hangs as a connection does.
_RESOLVER = "nameserver 169.254.169.253\noptions timeout:30 attempts:5\n"


# Why an init: the first process of a PID namespace ignores signals that it does not handle, so a handler that kills itself
# would live; and when the first process ends, the kernel kills all others. So the init waits for the handler's process,
# tells how it ended, and ends: whatever the handler had started is dead then.
#
# Why ahead: both processes wait there before anybody asks for them, so a lone cold start pays for no fork, only for the
# mounts of its code and its /tmp.
#
# /tmp outlives the process (a time-out, an exit): the environment's mount namespace is kept by a descriptor here, and the
# next process of that environment enters it. What is stale in it is one proc, of a PID namespace that is gone; it is replaced.
class Spare:
    """An init with the process that waits below it."""

    def __init__(self, init: int, channel: socket.socket) -> None:
        self.init, self.channel = init, channel
        self.pid = 0
        """The process that will be the handler's; 0 until the init has told."""
        self.mounts = -1
        """Its mount namespace."""

    def await_ready(self) -> str | None:
        """Wait until it has its namespaces; why it could not make them."""
        if self.pid:
            return None
        space = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(4)
        told, ancillary, _, _ = self.channel.recvmsg(_PACKET, space)
        if told != _DONE:
            return told.decode() or "the first process of a PID namespace died"
        for _, kind, data in ancillary:
            if kind == _SCM_CREDENTIALS:
                self.pid = _CREDENTIALS.unpack(data)[0]
            else:
                self.mounts = struct.unpack("i", data[:4])[0]
        return None


class Outside:
    """What sandboxes are made of: the machine's folders."""

    def __init__(self, mounts: int, writable: list[str]) -> None:
        self.mounts = mounts
        """The mount namespace with the machine's paths."""
        self.writable = writable
        """Folders that keep their names and can be written."""


class Sandbox:
    """The zygote's side: the init that is ready, those at work, and the namespaces that are kept."""

    def __init__(self, mounts: int) -> None:
        sandbox_root.close_root(syscalls)
        self.outside = Outside(mounts, sandbox_root.writable())
        self.pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
        self.kept: dict[str, int] = {}
        """Mount namespaces, by environment."""
        self.at_work: dict[int, Spare] = {}
        """By the id of the handler's process."""
        self.spare: Spare | None = None
        self.ending: list[int] = []
        """Inits that are about to end."""

    def prepare(
        self, leave: Callable[[], None], dress: Callable[[Any], None], become: Callable[..., None]
    ) -> Spare:
        """Have an init ready for the next environment. `leave` closes in it what is the zygote's alone."""
        if self.spare is not None:
            return self.spare
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
        syscalls.unshare(syscalls.CLONE_NEWPID)
        try:
            pid = os.fork()
        except OSError:
            syscalls.setns(self.pids, syscalls.CLONE_NEWPID)
            raise
        if pid == 0:
            ours.close()
            leave()
            self._leave()
            serve(theirs, self.outside, dress, become)
        # The next child is to be in a namespace of its own again: that is made within the zygote's, not within the last.
        syscalls.setns(self.pids, syscalls.CLONE_NEWPID)
        theirs.close()
        self.spare = Spare(pid, ours)
        return self.spare

    def _leave(self) -> None:
        """Close in a fork what belongs to other environments."""
        os.close(self.pids)
        for descriptor in self.kept.values():
            os.close(descriptor)
        for spare in self.at_work.values():
            spare.channel.close()

    def start(self, packet: bytes, environment: str, descriptors: list[int]) -> int:
        """Hand an environment to the process that waits for one; its id. Raises OSError where it cannot be prepared."""
        spare, self.spare = self.spare, None
        assert spare is not None
        kept = self.kept.get(environment)
        # The first byte, a kind that is known by now, says whether a namespace comes along.
        packet = bytes([kept is not None]) + packet[1:]
        # It need not be there yet: the socket keeps the packet.
        try:
            socket.send_fds(spare.channel, [packet], descriptors if kept is None else [*descriptors, kept])
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was killed while it waited: the runtime is told as of any other process
        fault = spare.await_ready()
        if fault is not None:
            raise OSError(fault)
        if kept is None:
            self.kept[environment] = spare.mounts
        else:
            os.close(spare.mounts)
        self.at_work[spare.pid] = spare
        return spare.pid

    def reap(self, pid: int) -> tuple[int, int] | None:
        """Wait status and greatest resident size (KB) of a process that is dead; nothing of its environment runs any more
        then. None: it is not known here.
        """
        spare = self.at_work.pop(pid, None)
        if spare is None:
            return None
        try:
            spare.channel.send(_DONE)
            told = spare.channel.recv(_ENDED.size)
        except (BrokenPipeError, ConnectionResetError):
            told = b""
        spare.channel.close()
        if told:
            self.ending.append(spare.init)
        else:
            os.waitpid(spare.init, 0)
        # Where the init was killed, the kernel killed the process with it.
        status, memory = _ENDED.unpack(told) if told else (KILLED, 0)
        return status, memory

    def bury(self) -> None:
        """Wait for the inits that have told how their process ended; they do nothing more."""
        while self.ending:
            os.waitpid(self.ending.pop(), 0)

    def forget(self, environment: str) -> None:
        """Let go of an environment's namespace, and with it of its /tmp."""
        for key in [key for key in self.kept if key.partition(":")[0] == environment]:
            os.close(self.kept.pop(key))


def serve(
    channel: socket.socket, outside: Outside, dress: Callable[[Any], None], become: Callable[..., None]
) -> NoReturn:
    """Be the first process of a PID namespace: have the handler's process wait, and tell how it ended."""
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, KILLED)
        syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC)
        replace_proc()
    except OSError as fault:
        channel.send(f"{fault.filename}: {fault.strerror}".encode())
        os._exit(1)
    pid = os.fork()
    if pid == 0:
        await_environment(channel, outside, dress, become)
    os.close(outside.mounts)
    os.setpgid(pid, pid)
    own = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    credentials = _CREDENTIALS.pack(pid, os.getuid(), os.getgid())
    channel.sendmsg(
        [_DONE],
        [
            (socket.SOL_SOCKET, _SCM_CREDENTIALS, credentials),
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", own)),
        ],
    )
    os.close(own)
    limit_processes()
    # Orphans of the handler's end here too; their status is nobody's business.
    while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)) is not None and ended.si_pid != pid:
        os.waitpid(ended.si_pid, 0)
    # Until the runtime has seen the death, the dead process keeps its id: no signal can hit another.
    channel.recv(1)
    _, status, usage = os.wait4(pid, 0)
    end_others()
    channel.send(_ENDED.pack(status, usage.ru_maxrss))
    os._exit(0)


def end_others() -> None:
    """Kill whatever else is in this PID namespace, and wait until it is dead."""
    # The kernel does so too when this process ends; but the namespace's own end takes a millisecond, for which nobody need
    # wait then.
    while True:
        try:
            os.kill(-1, KILLED)
        except ProcessLookupError:
            pass
        try:
            os.wait()
        except ChildProcessError:
            return


def await_environment(
    channel: socket.socket, outside: Outside, dress: Callable[[Any], None], become: Callable[..., None]
) -> NoReturn:
    """Wait to be told which environment this is, make its sandbox, and become it."""
    packet, descriptors, _, _ = socket.recv_fds(channel, _PACKET, _DESCRIPTORS)
    channel.close()
    if not packet:
        os._exit(0)
    configuration = json.loads(packet[1:])
    kept = descriptors.pop() if packet[0] else None
    told, fault = configuration["sandbox"], None
    dress(configuration)
    try:
        if kept is None:
            furnish(told, outside)
        else:
            syscalls.setns(kept, syscalls.CLONE_NEWNS)
            os.close(kept)
            replace_proc()
            if not os.path.ismount(sandbox_root.TEMPORARY):
                furnish(told, outside)  # the process before could not
        if told["network"] != "open":
            syscalls.unshare(syscalls.CLONE_NEWNET)
            syscalls.bring_loopback_up(routes_all=told["network"] == "vpc")
    except OSError as raised:
        fault = raised
    os.close(outside.mounts)
    become(configuration, descriptors, fault)
    os._exit(70)  # it never returns


def furnish(told: Any, outside: Outside) -> None:
    """Mount an environment's code, layers and /tmp. Raises OSError, the folder's name in it."""
    # What coverage writes to stands in the root already, but for what its own /tmp hides.
    below = [
        (folder, folder) for folder in outside.writable if folder.startswith(sandbox_root.TEMPORARY + "/")
    ]
    own = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    trees = []
    syscalls.setns(outside.mounts, syscalls.CLONE_NEWNS)
    try:
        code = ((told["task"], sandbox_root.TASK), (told["opt"], sandbox_root.LAYERS))
        for source, target in (*code, *told["folders"], *below):
            if source is not None:
                trees.append((syscalls.copy_of_tree(source, read_only=source != target), target))
    except OSError as fault:
        fault.filename = source
        raise
    finally:
        syscalls.setns(own, syscalls.CLONE_NEWNS)
        os.close(own)
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV
    syscalls.mount("tmp", sandbox_root.TEMPORARY, "tmpfs", flags, "size=%d,mode=1777" % told["tmp_bytes"])
    for tree, target in trees:
        if target in outside.writable:
            os.makedirs(target, exist_ok=True)
        syscalls.attach(tree, target)
    if told["network"] == "vpc":
        syscalls.mount("resolver", "/mnt", "tmpfs", flags, "size=4k,mode=755")
        with open("/mnt/resolv.conf", "w") as file:
            file.write(_RESOLVER)
        syscalls.mount("/mnt/resolv.conf", "/etc/resolv.conf", flags=syscalls.MS_BIND)
        syscalls.umount("/mnt")


def replace_proc() -> None:
    """Mount a proc of this PID namespace in the place of another's. Raises OSError."""
    # Beside the old one first: the kernel gives a new one only to who can see one already.
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    syscalls.mount("proc", "/mnt", "proc", flags)
    syscalls.umount("/proc")
    syscalls.mount("/mnt", "/proc", flags=syscalls.MS_MOVE)


def limit_processes() -> None:
    """Bound the processes and threads of this PID namespace, where the kernel counts them by namespace (Linux 6.14)."""
    # RLIMIT_NPROC cannot: it counts a user's processes in all environments together, and root's not at all.
    try:
        with open("/proc/sys/kernel/pid_max", "w") as file:
            file.write(str(resource_limits.PROCESSES_MAX + 2))  # ids count from 1, and 1 is the init
    except OSError:
        pass


def harden() -> None:
    """Give up, in the handler's process, whatever its user on AWS does not have."""
    resource_limits.set_limits(resource_limits.AWSS)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.set_capabilities(0, 0)
