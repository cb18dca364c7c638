"""Enters namespaces, builds a root that looks like Lambda's, and starts the zygote in it.

`python -I -S start.py sandbox_root CONTROL_FD virtual|real PATCH_FOLDER|-`, with the interpreter that is to run handlers. Where the
machine does not allow it, the zygote starts without, and tells the reason.
"""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False  # typing's own would be imported, and that takes longer than all the rest here
if TYPE_CHECKING:
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(HERE)
USER, USER_ID, GROUP_ID = "sbx_user1051", 993, 990
"""Whom AWS runs handlers as (recorded: test_runtime_introspection_x86)."""
TASK, LAYERS, TEMPORARY = "/var/task", "/opt", "/tmp"
LANG, RUNTIME, RAPID = "/var/lang", "/var/runtime", "/var/rapid"
PATCH = RAPID + "/patch"
PATH = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
LIBRARY_PATH = (
    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
)
_LIBRARIES = (f"{TASK}/lib", f"{LAYERS}/lib")
"""There while the interpreter starts: the C library never looks again where it found no folder then."""
_MACHINE = "/old"
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_ETC_FILES = (
    "gai.conf", "host.conf", "hosts", "ld.so.cache", "mime.types", "nsswitch.conf", "os-release", "protocols",
    "resolv.conf", "services", "ssl/openssl.cnf",
)  # fmt: skip
_ETC_FOLDERS = ("alternatives", "ca-certificates", "crypto-policies", "pki", "ssl/certs")
_ETC_FILE_MAX = 4_000_000
_PASSWD = f"root:x:0:0:root:/root:/bin/bash\n{USER}:x:{USER_ID}:{GROUP_ID}::/home/{USER}:/sbin/nologin\n"
_GROUP = f"root:x:0:\n{USER}:x:{GROUP_ID}:\n"
# What the zygote and its inits need: to mount, to enter namespaces, to set up a network, to read what the user reads.
_CAPABILITIES = (1, 2, 5, 8, 12, 18, 19, 21, 24)
_READY = b"+"


class Impossible(Exception):
    """This machine does not allow the sandbox; the text is the reason."""


# Three processes stand between the runtime and the environments: this one, which has left nothing and can still start a
# zygote without a sandbox; its child, which enters the namespaces (there is no way back out of them); and the child's child,
# the first process of the new PID namespace, which becomes the zygote. When that dies the kernel kills everything in the
# namespace, so nothing that a handler started can survive it; and each of the three dies with the one before.
#
# The zygote is started by `exec`, from within the new root: its interpreter then finds itself and all its modules where
# AWS's does, /var/lang, and stack traces say so.
def main() -> None:
    """Start the zygote in a sandbox, or without."""
    control, clock, patch = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    listening, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(listening)
        try:
            enter(control, clock, patch, telling)
        except Impossible as fault:
            reason = str(fault)
        except OSError as fault:
            reason = f"{fault.filename or 'a system call'}: {fault.strerror}"
        os.write(telling, reason.encode())
        os._exit(1)
    os.close(telling)
    told = os.read(listening, 1)
    if told == _READY:
        os.close(control)
        compile_modules()
        os._exit(_status_of(child))
    reason = (told + b"".join(iter(lambda: os.read(listening, 4096), b""))).decode()
    os.waitpid(child, 0)
    arguments = [sys.executable, os.path.join(HERE, "start.py"), "zygote", str(control), clock, patch]
    os.execv(sys.executable, [*arguments, "!" + (reason or "the interpreter did not start in it")])


def enter(control: int, clock: str, patch: str, telling: int) -> None:
    """Become the zygote in a root of its own. Raises Impossible or OSError where the machine does not allow it."""
    # With -I the folder of the script is not on the path; at its end none of our names hides one of Python's.
    sys.path.append(HERE)
    syscalls = __import__("syscalls")
    if not syscalls.is_supported():
        raise Impossible("only Linux has namespaces")
    site, program, kept, folder = packages(), executable(), writable(), os.getcwd()
    user, group = os.geteuid(), os.getegid()
    _new_namespaces(syscalls)
    # Nobody may set groups: else the kernel lets no ordinary user write the map of groups.
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{USER_ID} {user} 1"),
        ("gid_map", f"{GROUP_ID} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as told:
            told.write(text)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, 9)
    child = os.fork()
    if child:
        os.close(telling)
        os.close(control)
        os._exit(_status_of(child))
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, 9)
    # What stays outside, with all the machine's paths: code is copied from there, an environment at a time.
    builder = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    syscalls.unshare(syscalls.CLONE_NEWNS)
    build(syscalls, site, None if patch == "-" else patch, kept)
    _keep_capabilities(syscalls)
    for descriptor in (control, builder, telling):
        os.set_inheritable(descriptor, True)
    environ = {**os.environ, "PATH": PATH, "LD_LIBRARY_PATH": LIBRARY_PATH, "PYTHONPATH": RUNTIME}
    script = f"{RAPID}/lambdarun/worker/start.py"
    inside = PATCH if patch != "-" else "-"
    # What start files (.pth) of the interpreter below a virtual environment do is not for that environment: there they are
    # not read either, and they may import half the standard library.
    alone = ["-S"] if is_virtual_environment() else []
    arguments = [program, *alone, script, "zygote", str(control), clock, inside, f"{builder}:{telling}"]
    if kept:
        os.chdir(folder)
    os.execve(program, arguments, environ)


def _new_namespaces(syscalls: Any) -> None:
    flags = syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWIPC
    try:
        syscalls.unshare(flags)
    except OSError as fault:
        # The kernel's word for "as many as user.max_user_namespaces allows are there", also where it allows none.
        said = "user.max_user_namespaces is reached" if fault.errno == errno.ENOSPC else fault.strerror
        raise Impossible(f"no user namespaces: {said}") from None


def _status_of(child: int) -> int:
    """How a child ends, as the status of our own end; where a signal ended it, the same one ends us."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), os.WTERMSIG(status))
    return os.WEXITSTATUS(status)


def compile_modules() -> None:
    """Have the compiled modules of this folder beside them: in the sandbox, which is read-only, nobody can leave them."""
    for name in sorted(os.listdir(HERE)) if os.access(HERE, os.W_OK) else ():
        source = os.path.join(HERE, name)
        compiled = os.path.join(HERE, "__pycache__", f"{name[:-3]}.{sys.implementation.cache_tag}.pyc")
        if not name.endswith(".py") or (
            os.path.exists(compiled) and os.path.getmtime(compiled) >= os.path.getmtime(source)
        ):
            continue
        import py_compile  # once an installation, mostly

        try:
            py_compile.compile(source, compiled, quiet=2)
        except OSError:
            return


def is_virtual_environment() -> bool:
    """Whether the interpreter is a virtual environment's."""
    return os.path.exists(os.path.join(_folder_of_interpreter(), "pyvenv.cfg"))


def _folder_of_interpreter() -> str:
    return os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))


def packages() -> str | None:
    """The folder of installed packages that are not the interpreter's own: a virtual environment's, else the user's."""
    folder = _folder_of_interpreter() if is_virtual_environment() else os.path.expanduser("~/.local")
    found = os.path.join(folder, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
    return found if os.path.isdir(found) else None


def writable() -> list[str]:
    """Folders that stay as they are, and writable, because coverage of handlers is measured."""
    settings = os.environ.get("COVERAGE_PROCESS_START")
    if settings is None and "COVERAGE_PROCESS_CONFIG" not in os.environ:
        return []
    folders = [os.getcwd(), *([os.path.dirname(os.path.abspath(settings))] if settings is not None else [])]
    return sorted({os.path.realpath(folder) for folder in folders} - {"/"})


def executable() -> str:
    """The interpreter's path below /var/lang. Raises Impossible where it does not stand below its own prefix."""
    prefix, path = os.path.realpath(sys.base_prefix), os.path.realpath(sys.executable)
    if not path.startswith(prefix.rstrip("/") + "/"):
        raise Impossible(f"the interpreter {path} is outside of its own prefix {prefix}")
    return os.path.join(LANG, os.path.relpath(path, prefix))


def build(syscalls: Any, site: str | None, patch: str | None, kept: list[str]) -> None:
    """Make a root with Lambda's folders and the machine's programs, read-only, and enter it. Raises OSError."""
    # Resolved while the machine's root is still ours: below another name its absolute links would lead elsewhere.
    given = {
        LANG: os.path.realpath(sys.base_prefix),
        RUNTIME: os.path.realpath(site) if site is not None else None,
        f"{RAPID}/lambdarun": os.path.realpath(PACKAGE),
        PATCH: os.path.realpath(patch) if patch is not None else None,
    }
    etc = _etc_files()
    syscalls.mount("", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("lambdarun", "/tmp", "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=755")
    os.chdir("/tmp")
    os.mkdir(_MACHINE[1:], 0o755)
    syscalls.pivot_root(".", _MACHINE[1:])
    os.chdir("/")
    for name in _SYSTEM:
        machines = f"{_MACHINE}/{name}"
        if os.path.islink(machines):
            os.symlink(os.readlink(machines), f"/{name}")
        elif os.path.isdir(machines):
            given[f"/{name}"] = f"/{name}"
    for name in _ETC_FOLDERS:
        if os.path.isdir(f"{_MACHINE}/etc/{name}"):
            given[f"/etc/{name}"] = f"/etc/{name}"
    for folder in (
        TASK,
        LAYERS,
        *_LIBRARIES,
        TEMPORARY,
        LANG,
        RUNTIME,
        RAPID,
        "/proc",
        "/dev",
        "/mnt",
        "/etc",
    ):
        os.makedirs(folder, 0o755, exist_ok=True)
    os.chmod(TEMPORARY, 0o1777)
    for target, source in given.items():
        os.makedirs(target, 0o755, exist_ok=True)
        if source is not None:
            syscalls.attach(syscalls.copy_of_tree(_MACHINE + source, read_only=True), target)
    for folder in kept:
        os.makedirs(folder, exist_ok=True)
        syscalls.attach(syscalls.copy_of_tree(_MACHINE + folder, read_only=False), folder)
    _fill_etc(etc)
    for name in _DEVICES:
        open(f"/dev/{name}", "w").close()
        syscalls.mount(f"{_MACHINE}/dev/{name}", f"/dev/{name}", flags=syscalls.MS_BIND)
    os.symlink("/proc/self/fd", "/dev/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"/dev/{name}")
    # While the machine's own is still in sight: the kernel asks for that.
    syscalls.mount("proc", "/proc", "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
    syscalls.umount(_MACHINE)
    os.rmdir(_MACHINE)


def close_root(syscalls: Any) -> None:
    """What the zygote does first: nothing writes to the root any more. Raises OSError."""
    for folder in _LIBRARIES:
        os.rmdir(folder)
    syscalls.set_read_only_alone("/")


def _etc_files() -> dict[str, bytes]:
    """Copies of the files of /etc that programs need; nothing of the user's accounts and settings."""
    found = {}
    for name in _ETC_FILES:
        try:
            with open(f"/etc/{name}", "rb") as file:
                found[name] = file.read(_ETC_FILE_MAX)
        except OSError:
            continue
    return {**found, "passwd": _PASSWD.encode(), "group": _GROUP.encode()}


def _fill_etc(files: dict[str, bytes]) -> None:
    for name, content in files.items():
        os.makedirs(os.path.dirname(f"/etc/{name}"), 0o755, exist_ok=True)
        with open(f"/etc/{name}", "wb") as file:
            file.write(content)


def _keep_capabilities(syscalls: Any) -> None:
    """Carry over `exec` what an ordinary user would lose there."""
    mask = sum(1 << number for number in _CAPABILITIES)
    syscalls.set_capabilities(mask, mask)
    for number in _CAPABILITIES:
        syscalls.prctl(syscalls.PR_CAP_AMBIENT, syscalls.PR_CAP_AMBIENT_RAISE, number)
