"""The system calls of namespaces and mounts that Python's standard library has no function for."""

from __future__ import annotations

import ctypes
import os
import struct
import sys

TYPE_CHECKING = False  # as in sandbox_root.py
if TYPE_CHECKING:
    from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 4096, 8192, 16384, 1 << 18
MNT_DETACH = 2
MOUNT_ATTR_RDONLY = 1
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2

# The same on every architecture: they came after the tables were made one.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_OPEN_TREE_CLONE, _MOVE_MOUNT_F_EMPTY_PATH = 1, 4
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_CAPABILITY_VERSION_3 = 0x20080522
_SIOCADDRT, _SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x890B, 0x8913, 0x8914
_IFF_UP_RUNNING = 0x1 | 0x40
_RTF_UP = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> int:
    result: int = getattr(_libc, name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        told = (
            name
            if name != "syscall"
            else {428: "open_tree", 429: "move_mount", 442: "mount_setattr"}[arguments[0]]
        )
        raise OSError(number, os.strerror(number), told)
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name for new ones. Raises OSError."""
    _call("unshare", flags)


def setns(descriptor: int, kind: int) -> None:
    """Enter the namespace of `descriptor`. Raises OSError."""
    _call("setns", descriptor, kind)


def prctl(option: int, *arguments: int) -> None:
    """Raises OSError."""
    _call("prctl", option, *[ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]])


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount `source` on `target`. Raises OSError."""
    _call(
        "mount",
        source.encode(),
        target.encode(),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )


def umount(target: str) -> None:
    """Take a mount away, as soon as nobody uses it. Raises OSError."""
    _call("umount2", target.encode(), MNT_DETACH)


def pivot_root(root: str, old: str) -> None:
    """Raises OSError."""
    _call("pivot_root", root.encode(), old.encode())


def copy_of_tree(path: str, *, read_only: bool) -> int:
    """A descriptor of a copy of the mounts at `path`, attached nowhere yet. Raises OSError."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | _AT_RECURSIVE
    tree = _call("syscall", _OPEN_TREE, _AT_FDCWD, path.encode(), flags)
    if read_only:
        try:
            set_read_only(tree)
        except OSError:
            os.close(tree)
            raise
    return tree


def attach(tree: int, target: str) -> None:
    """Mount what `copy_of_tree` gave on `target`, and close it. Raises OSError."""
    try:
        _call("syscall", _MOVE_MOUNT, tree, b"", _AT_FDCWD, target.encode(), _MOVE_MOUNT_F_EMPTY_PATH)
    finally:
        os.close(tree)


def set_read_only(tree: int) -> None:
    """Make the mounts of a descriptor read-only, all below it too. Raises OSError."""
    attributes = struct.pack("<QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)
    _call("syscall", _MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH | _AT_RECURSIVE, attributes, len(attributes))


def set_read_only_alone(path: str) -> None:
    """Make one mount read-only, and none below it. Raises OSError."""
    attributes = struct.pack("<QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)
    _call("syscall", _MOUNT_SETATTR, _AT_FDCWD, path.encode(), 0, attributes, len(attributes))


def set_capabilities(kept: int, inheritable: int) -> None:
    """Have the capabilities of the mask `kept`, and no others. Raises OSError."""
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    words = [
        struct.pack(
            "<III", kept >> shift & 0xFFFFFFFF, kept >> shift & 0xFFFFFFFF, inheritable >> shift & 0xFFFFFFFF
        )
        for shift in (0, 32)
    ]
    _call("capset", header, b"".join(words))


def bring_loopback_up(*, routes_all: bool) -> None:
    """Start `lo`, in a network namespace that has nothing else. Raises OSError.

    With `routes_all` whatever is sent anywhere goes there, where nobody answers: a connection hangs, instead of failing
    at once.
    """
    import fcntl  # both long since there in the zygote; who builds the root need not wait for them
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = struct.pack("16sH22x", b"lo", 0)
        flags = struct.unpack("16xH22x", fcntl.ioctl(control, _SIOCGIFFLAGS, asked))[0]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | _IFF_UP_RUNNING))
        if not routes_all:
            return
        anywhere = struct.pack("=HH4s8x", socket.AF_INET, 0, b"\0\0\0\0")
        device = ctypes.create_string_buffer(b"lo")
        # struct rtentry: three addresses behind a word, flags, and the device's name after the metric.
        route = struct.pack(
            "@L16s16s16sHhLPhP5L",
            0, anywhere, anywhere, anywhere, _RTF_UP, 0, 0, 0, 0, ctypes.addressof(device), 0, 0, 0, 0, 0,
        )  # fmt: skip
        fcntl.ioctl(control, _SIOCADDRT, route)


def is_supported() -> bool:
    """Whether this is a system that may have them: the numbers above are Linux's, small bytes first."""
    return sys.platform == "linux" and struct.pack("=H", 1) == b"\1\0"
