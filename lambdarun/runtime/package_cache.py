"""Where unpacked packages are kept from run to run: by the hash of their content, whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from hashlib import file_digest, sha256
from pathlib import Path
from sys import maxsize
from typing import Final

from attrs import asdict, define, field, frozen

from lambdarun.aws import limits
from lambdarun.model.package import unpacked_bytes
from lambdarun.runtime.clock import wall_epoch_us
from lambdarun.runtime.unpacking import read_members, unpack

# A file that was written to twice within one tick of the file system's clock looks the same after both: what is
# younger than this when it is hashed is hashed again in the next run.
_SETTLED_US: Final = 2_000_000
_ABANDONED_US: Final = 86_400_000_000
"""What is half made for so long was left by a run that somebody killed."""
_FOLDER_MODE: Final = 0o755


@frozen
class ZipFacts:
    """What was found out of a zip file once, for as long as it is the same file."""

    signature: str
    sha256: str
    unpacked: int
    """Bytes, as its directory says."""


def signature_of(path: Path) -> str:
    """What changes when a file is written anew. Raises OSError."""
    seen = path.stat()
    return f"{seen.st_size}:{seen.st_mtime_ns}:{seen.st_ctime_ns}:{seen.st_ino}:{seen.st_dev}"


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/lambdarun`, or `~/.cache/lambdarun`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lambdarun"


# Whoever unpacks locks nothing: two runs at once may both unpack the same file, each into a folder of its own, and the one that is
# second at the rename throws its own away. What a killed run left half made has a name that nobody asks for.
@define(eq=False)
class PackageCache:
    """Unpacked zip files and merged layers. Where the user's cache folder cannot be written, a folder for this run."""

    root: Path = field(factory=cache_folder)
    _temporary: bool = field(default=False, init=False)
    _facts: dict[Path, ZipFacts] = field(factory=dict, init=False)
    _held: list[int] = field(factory=list, init=False)
    """Locks on merged layers that this run may use."""

    def __attrs_post_init__(self) -> None:
        try:
            for kind in ("facts", "zips", "layers"):
                (self.root / kind).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root / "facts"):
                pass
        except (OSError, RuntimeError):  # RuntimeError: there is no home
            self.root, self._temporary = Path(tempfile.mkdtemp(prefix="lambdarun-packages-")), True
            for kind in ("facts", "zips", "layers"):
                (self.root / kind).mkdir()

    def facts(self, path: Path) -> ZipFacts:
        """Hash and size of a zip file. Raises Refused where it may not be used, OSError."""
        signature = signature_of(path)
        seen = self._facts.get(path)
        if seen is not None and seen.signature == signature:
            return seen
        self._facts[path] = facts = self._found_out(path, signature)
        return facts

    def _found_out(self, path: Path, signature: str) -> ZipFacts:
        known = self.root / "facts" / f"{sha256(os.fsencode(path)).hexdigest()}.json"
        with suppress(OSError, ValueError, TypeError):
            facts = ZipFacts(**json.loads(known.read_text(encoding="utf-8")))
            if facts.signature == signature:
                return facts
        unpacked = unpacked_bytes(read_members(path))
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        facts = ZipFacts(signature, digest, unpacked)
        if wall_epoch_us() - path.stat().st_ctime_ns // 1_000 > _SETTLED_US:
            with suppress(OSError):  # a full disk: the file is hashed again next time
                self._write(known, json.dumps(asdict(facts)))
        return facts

    def unpacked(self, path: Path) -> Path:
        """The folder with what the zip file holds. Raises Refused, OSError."""
        return self.made("zips", self.facts(path).sha256, lambda into: unpack(path, into))

    def made(self, kind: str, name: str, make: Callable[[Path], None]) -> Path:
        """The folder `name` of `kind`, filled by `make` where it is not there yet."""
        target = self.root / kind / name
        if target.is_dir():
            return target
        for left in target.parent.glob(".making-*"):
            with suppress(FileNotFoundError):  # another run has just finished with it
                if wall_epoch_us() - left.stat().st_mtime_ns // 1_000 > _ABANDONED_US:
                    shutil.rmtree(left, ignore_errors=True)
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
        try:
            make(making)
            making.chmod(_FOLDER_MODE)
            try:
                making.rename(target)
            except OSError:
                if not target.is_dir():  # else another run was faster
                    raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return target

    def newest(self, group: str, name: str, make: Callable[[Path], None]) -> Path:
        """Merged layers `name`, and no older ones of the same `group`: a folder that somebody edits makes a new one at
        each change.
        """
        (self.root / "layers" / group).mkdir(exist_ok=True)
        # Held shared as long as this run may use it, so that no other run removes it; taken before it is looked for.
        self._held.append(self._locked(f"{group}/{name}", fcntl.LOCK_SH))
        made = self.made("layers", f"{group}/{name}", make)
        for other in made.parent.iterdir():
            if other != made and other.is_dir() and not other.name.startswith("."):
                with suppress(BlockingIOError):  # a run uses it
                    os.close(
                        self._locked(f"{group}/{other.name}", fcntl.LOCK_EX | fcntl.LOCK_NB, remove=other)
                    )
        return made

    def _locked(self, name: str, how: int, *, remove: Path | None = None) -> int:
        # The lock's own file stays: a second one beside it would lock nothing.
        lock = os.open(self.root / "layers" / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, how)
        except BaseException:
            os.close(lock)
            raise
        if remove is not None:
            shutil.rmtree(remove, ignore_errors=True)
        return lock

    def _write(self, path: Path, text: str) -> None:
        descriptor, made = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(made).rename(path)

    def close(self) -> None:
        """Remove what nobody can use after this run."""
        while self._held:
            os.close(self._held.pop())
        if self._temporary:
            shutil.rmtree(self.root, ignore_errors=True)


def state_of(path: Path) -> str:
    """A text that changes when a file, or anything in a folder, does."""
    try:
        return folder_facts(path, maxsize)[0] if path.is_dir() else signature_of(path)
    except OSError as fault:  # between an editor's two steps it may not be there
        return str(fault)


def folder_facts(folder: Path, most: int = limits.UNZIPPED_BYTES.value) -> tuple[str, int]:
    """A text that changes when anything in `folder` does, and its bytes (counted until they pass `most`).

    Hidden folders and Python's own caches do not belong to what is packed.
    """
    told, size = sha256(), 0
    for above, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        for name in sorted((*files, *folders)):
            try:
                seen = os.lstat(os.path.join(above, name))
            except FileNotFoundError:
                continue
            told.update(os.fsencode(os.path.join(above, name)))
            if name in folders:
                continue
            told.update(f":{seen.st_mode}:{seen.st_size}:{seen.st_mtime_ns}:{seen.st_ino}\n".encode())
            size += seen.st_size
        if size > most:
            break
    return told.hexdigest(), size
