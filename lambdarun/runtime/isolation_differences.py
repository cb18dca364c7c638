"""Where the kinds of isolation differ for a handler, and why: the one list of it. Whatever is not here is the same.

tests/isolation runs one suite under all kinds, and a probe for each row of this table.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from lambdarun.runtime.isolation import Isolation


@frozen
class Difference:
    """One thing that a handler can do or see."""

    what: str
    process: str
    inline: str
    why: str
    namespace: str | None = None
    """None: as in a process without one."""

    def of(self, isolation: Isolation) -> str:
        """What holds under `isolation`."""
        if isolation is Isolation.NAMESPACE and self.namespace is not None:
            return self.namespace
        return self.inline if isolation is Isolation.INLINE else self.process


_ONE_PROCESS: Final = "there is one process, and it is the caller's"
_NO_MOUNTS: Final = "only a mount namespace can put folders elsewhere"
_MACHINES_FOLDERS: Final = "the machine's, named by LAMBDA_TASK_ROOT and TMPDIR"
DIFFERENCES: Final = (
    Difference(
        "/var/task, /opt, /tmp",
        _MACHINES_FOLDERS,
        _MACHINES_FOLDERS,
        _NO_MOUNTS,
        namespace="Lambda's own",
    ),
    Difference(
        "HOME",
        "the private folder that stands for /tmp",
        "the private folder that stands for /tmp",
        "a handler's SDK must not find the user's ~/.aws; in a namespace it is not there",
        namespace="not set, as on AWS",
    ),
    Difference(
        "writing to the code's folder",
        "goes",
        "goes",
        _NO_MOUNTS,
        namespace="OSError, read-only file system",
    ),
    Difference(
        "more in /tmp than its size",
        "goes",
        "goes",
        "a folder has no size of its own",
        namespace="OSError, no space left on device",
    ),
    Difference(
        "processes of the machine in /proc",
        "seen",
        "seen",
        "only a process namespace hides them",
        namespace="not seen",
    ),
    Difference(
        "a signal that kills the process, a crash",
        "Runtime.ExitError, the next invocation has a new environment",
        "kills the caller",
        _ONE_PROCESS,
    ),
    Difference(
        "a timeout on the wall's clock",
        "the process is killed at that instant",
        "told when the handler returns; under trio at its instant, while its thread goes on and its result is dropped",
        "a thread cannot be killed",
    ),
    Difference(
        "a loop without end in virtual time",
        "killed after twice the timeout of the wall, at least 10 s",
        "never ends",
        "a thread cannot be killed",
    ),
    Difference(
        "`finally` and `except BaseException` around an `os._exit` or a sleep until the timeout",
        "do not run",
        "run; what they print after the timeout is dropped",
        "the end is raised through the handler",
    ),
    Difference(
        "KeyboardInterrupt raised by the handler",
        "Runtime.ExitError, exit status 1",
        "reaches the caller",
        "it cannot be told from Ctrl-C",
    ),
    Difference(
        "time slept before an exit, in virtual time",
        "does not count",
        "counts",
        "a process that has died cannot tell it",
    ),
    Difference(
        "background threads between invocations",
        "frozen",
        "run on",
        "only a process can be stopped",
    ),
    Difference(
        "background threads after an exit or a timeout",
        "gone",
        "run on",
        "a thread cannot be killed",
    ),
    Difference(
        "output of `os.write(1, ...)` and of C code",
        "in the log",
        "on the caller's output, until the handler starts its first child in this invocation; then in the log",
        "to redirect descriptors at each call would catch what others write",
    ),
    Difference(
        "`os.close` of 0, 1 and 2, `os.closerange`",
        "closes",
        "does nothing",
        "they are the caller's descriptors",
    ),
    Difference(
        "variables that the caller's process has set itself (monkeypatch, conftest)",
        "not seen",
        "seen, but for those that name the function",
        "tests set variables for the handler",
    ),
    Difference(
        "patched libraries (mocks, moto) and installed packages",
        "the handler's own, imported in its process",
        "shared with the caller; imported once",
        "that is what tests need",
    ),
    Difference(
        "modules with compiled parts in the code's folders",
        "new in each environment",
        "shared by the environments of these folders",
        "they can be initialised once a process",
    ),
    Difference(
        "levels and handlers set on a named logger during an invocation",
        "end with the environment",
        "stay",
        "loggers are shared; what modules set while they are imported is put back",
    ),
    Difference(
        "Max Memory Used",
        "the environment's",
        "the whole process's, the caller included; nothing is enforced",
        _ONE_PROCESS,
    ),
    Difference(
        "process id, command line, umask, resource limits",
        "the environment's own",
        "the caller's",
        _ONE_PROCESS,
    ),
    Difference(
        "depth of recursion",
        "the interpreter's limit",
        "less by the caller's own depth",
        "one stack",
    ),
)
