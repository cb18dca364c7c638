"""Code that cannot change any more: what a published version runs, kept by its content."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

_PART: Final = 1 << 20
_CACHES: Final = "__pycache__"
"""Written by Python while handlers run: no part of the code."""


# A copy, not hard links: an editor that writes in place would change what a link shows. The copy is made in the kernel
# (copy_file_range, which shares blocks where the file system can), once for each content, and only when a version is
# published: what nobody publishes is run from where it lies.
def pin(code: Path, folder: Path) -> tuple[Path, str]:
    """Copy `code` (a folder, or a file such as a zip) under its content's name into `folder`, unless it is there.
    Returns where it lies, and the SHA-256 of its names, modes and bytes.
    """
    digest = digest_of(code)
    target = folder / f"{digest}{code.suffix if code.is_file() else ''}"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / f"{target.name}.part"
        if code.is_file():
            shutil.copy2(code, made)
        else:
            shutil.copytree(code, made, symlinks=True, ignore=shutil.ignore_patterns(_CACHES))
        made.rename(target)
    return target, digest


def drop_doubtful_caches(code: Path) -> None:
    """Remove the bytecode that Python would take for that of a source changed since: it goes by size and whole
    seconds, and what was written within the second of its source's own time may be of the text before.
    """
    for cache in code.rglob(f"{_CACHES}/*.pyc") if code.is_dir() else ():
        source = cache.parent.parent / f"{cache.name.partition('.')[0]}.py"
        with suppress(OSError):
            if int(cache.stat().st_mtime) <= int(source.stat().st_mtime):
                cache.unlink()


def digest_of(code: Path) -> str:
    """The SHA-256 of a folder's names, modes and bytes, or of a file's bytes."""
    told = sha256()
    if code.is_file():
        _add(told, code)
        return told.hexdigest()
    for at, folders, files in os.walk(code):
        folders[:] = sorted(name for name in folders if name != _CACHES)
        for name in sorted(files):
            path = Path(at, name)
            mode = path.lstat().st_mode
            told.update(f"{path.relative_to(code)}\0{mode:o}\0".encode())
            if path.is_symlink():
                told.update(os.readlink(path).encode())
            elif path.is_file():
                _add(told, path)
    return told.hexdigest()


def _add(told: Any, path: Path) -> None:
    with path.open("rb") as file:
        while part := file.read(_PART):
            told.update(part)
        told.update(b"\0")
