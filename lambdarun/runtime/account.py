"""What one process of an environment, with all that comes from it, may use of the machine, and what it did use.

Memory is that of all processes of the environment, as on AWS. Two ways to count it:

By a control group (`GroupAccount`). The kernel counts what is allocated from the fork on, and kills a process of the
group when there is no room. What the process had before (interpreter and bootstrap: the resident size of the process
that forks) is charged to nobody here, and on AWS it is the function's: so it is added to what is used, and taken off
the limit. A page of it that is written on is charged once more; that makes 2 to 4 MB that count double.

By a sampler (`SampledAccount`), where no group may be written: a ticker looks at invocations that last, and the largest
process of an environment that holds too much is killed.

Either way a killed child is the handler's to see (its wait tells -9), and the invocation goes on. It ends as out of
memory when the runtime's own process was killed. On AWS the kernel chooses among them alike: by size.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import Final

from attrs import define, field, frozen

from lambdarun.runtime.cgroups import CPU, Group
from lambdarun.runtime.memory_sampler import Tree, mapped_files, sample
from lambdarun.runtime.tmpfs import used_bytes

MB: Final = 1 << 20
PID: Final = "{pid}"
"""Stands for the process's id in the path of a folder that only the process sees."""
_NOTICED: Final = MB
"""Files in a group's charge are looked at again only when they were more."""


@frozen
class InMemory:
    """A folder whose files are memory: on a tmpfs."""

    folder: str
    """Its path; PID in it stands for the process's id."""
    most_bytes: int
    """What it may hold."""


@define(eq=False, kw_only=True)
class Account:
    """A process's limits and use; what is the same for both ways of counting."""

    memory_mb: int
    group: Group
    """With the limits that may be had: perhaps none."""
    cores: float | None = None
    """Its share of the processors; None: all."""
    tree: Tree | None = field(default=None, init=False)
    base_bytes: int = field(default=0, init=False)
    _known_kb: int = field(default=-1, init=False)
    most_bytes: int = field(default=0, init=False)
    files_bytes: int = field(default=0, init=False)
    """The most that a look found of mapped files."""
    killed: bool = field(default=False, init=False)
    """Whether we killed the runtime's process for want of memory."""

    def forked(self, tree: Tree, base_kb: int) -> None:
        """Its process is there, and had so much from the fork on."""
        self.tree = tree
        self.base_bytes = base_kb << 10

    def initialised(self) -> None:
        """Its handler is imported: from here on its share of the processors holds.

        AWS is said to give initialisation all of the processor; no page says so.
        """
        if self.cores is not None and CPU in self.group.folders:
            self.group.limit_cpu(self.cores)

    def max_memory_mb(self, resident_kb: int, *, had_children: bool) -> int:
        """`Max Memory Used` after a reply, which tells the greatest resident size of the process or a child of it."""
        # The common case, for each warm invocation: nothing has grown.
        if resident_kb == self._known_kb and not had_children:
            return self.most_bytes >> 20
        self._known_kb = resident_kb
        self.most_bytes = max(self.most_bytes, resident_kb << 10, self.counted(had_children=had_children))
        return self.most_bytes >> 20

    def exceeded(self, resident_kb: int) -> bool:
        """Whether a process that has replied, and tells its own greatest size, had more than it may have.

        A look may come too late for what was held for a moment only; the outcome must not depend on that.
        """
        over = (resident_kb << 10) - self.memory_mb * MB
        if over <= 0 or self.tree is None or not self.is_looked_at:
            return False
        # A process's greatest size has the files in it that it had mapped then: what was mapped and given back between two looks
        # is taken for memory.
        return over > max(self.files_bytes, mapped_files(self.tree))

    def at_death(self, wait_status: int, resident_kb: int) -> tuple[bool, int]:
        """Whether it died for want of memory, and `Max Memory Used`; `wait_status` as `os.waitpid` gives it."""
        # A handler may send itself a SIGKILL too, so the signal alone tells nothing.
        if wait_status & 0x7F == signal.SIGKILL and (self.killed or self.was_killed_by_kernel()):
            return True, self.memory_mb
        return False, self.max_memory_mb(resident_kb, had_children=True)

    @property
    def is_looked_at(self) -> bool:
        """Whether it is for us to see that it holds too much, not for the kernel alone."""
        raise NotImplementedError

    def counted(self, *, had_children: bool) -> int:
        """Bytes that were held at once, as far as the process's own greatest size does not tell."""
        raise NotImplementedError

    def was_killed_by_kernel(self) -> bool:
        """Whether the kernel has killed a process of it since the last reply."""
        raise NotImplementedError

    def look(self) -> None:
        """See whether it holds too much, and kill the largest process if so."""
        raise NotImplementedError

    def kill(self, tree: Tree, largest: int) -> None:
        """Do as the kernel does."""
        # Before the signal: the death may be seen at once.
        self.killed = largest == tree.pid
        if not tree.kill(largest):
            self.killed = False


@define(eq=False, kw_only=True)
class GroupAccount(Account):
    """Counted by a control group."""

    temporary: InMemory | None = None
    """Its `/tmp`, where that is a folder in memory: the kernel charges it, and AWS does not."""
    _peak: int = field(default=0, init=False)
    _files: int = field(default=0, init=False)
    _kills: int = field(default=0, init=False)

    def open(self, base_bytes: int, *, again: bool) -> None:
        """Begin a process's account, `again` in a group that had one before."""
        if again:
            self.group.forget_peak()
            self._kills = self.group.kills()
        self.base_bytes = base_bytes
        self._limit()

    def forked(self, tree: Tree, base_kb: int) -> None:
        """Its process is there; the first one of a zygote tells only now what it had from the fork on."""
        known = self.base_bytes
        Account.forked(self, tree, base_kb)
        if self.base_bytes != known:
            # Refused where it holds more than that already, by a few megabytes: then the first limit stays.
            with suppress(OSError):
                self._limit()

    def _limit(self) -> None:
        # Whoever writes to a folder in memory is charged for it. What that may hold lies above the kernel's limit, then, and
        # `look` holds the processes to theirs: a file must never cost a process its life.
        self.group.limit_memory(
            self.memory_mb * MB
            - self.base_bytes
            + (self.temporary.most_bytes if self.temporary is not None else 0)
        )

    @property
    def is_looked_at(self) -> bool:
        """Where the kernel's limit lies higher, for the sake of what `/tmp` may hold."""
        return self.temporary is not None

    def counted(self, *, had_children: bool) -> int:
        """What the group held, without copies of files on disk and without `/tmp`."""
        if not had_children:
            # Alone, the process's own greatest size says it all but for shared memory that it holds and has not mapped; to
            # read that would cost 50 µs.
            return 0
        peak = self.group.peak_bytes()
        if peak == self._peak and self._files < _NOTICED:
            return 0
        self._peak, self._files = peak, self._uncounted()
        # A child that the kernel killed and the handler survived is none of the next death's reasons.
        self._kills = self.group.kills()
        return self.base_bytes + peak - self._files

    def _uncounted(self) -> int:
        return self.group.file_bytes() + self._held_in_memory()

    def _held_in_memory(self) -> int:
        if self.temporary is None or self.tree is None:
            return 0
        return used_bytes(self.temporary.folder.replace(PID, str(self.tree.pid)))

    def was_killed_by_kernel(self) -> bool:
        """As the group's counter says."""
        return self.group.kills() > self._kills

    def look(self) -> None:
        """Only for one whose `/tmp` is memory: of the others the kernel takes care."""
        if self.temporary is None or self.tree is None:
            return
        self.files_bytes = max(self.files_bytes, mapped_files(self.tree))
        room = self.memory_mb * MB - self.base_bytes
        usage = self.group.usage_bytes()
        if usage > room and usage - self._uncounted() > room:
            self.kill(self.tree, sample(self.tree, usage).largest)


@define(eq=False, kw_only=True)
class SampledAccount(Account):
    """Counted by looking at the processes."""

    @property
    def is_looked_at(self) -> bool:
        """Always."""
        return True

    def counted(self, *, had_children: bool) -> int:
        """What a look found is in `most_bytes` already."""
        return 0

    def was_killed_by_kernel(self) -> bool:
        """Not for the size of the environment: it knows of none."""
        return False

    def look(self) -> None:
        """Take a sample."""
        if self.tree is None:
            return
        found = sample(self.tree, self.most_bytes)
        self.files_bytes = max(self.files_bytes, found.files)
        # What the runtime's process shares with the one that forks is in its size.
        self.most_bytes = max(self.most_bytes, min(found.used, self.memory_mb * MB))
        if found.used > self.memory_mb * MB:
            self.kill(self.tree, found.largest)
