"""Several layers in one folder, as they stand under /opt."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from lambdarun.model.package import link_fault


def merge(folders: Iterable[tuple[Path, bool]], into: Path) -> None:
    """Fill `into` with the folders, one after the other: a later one's file replaces an earlier one's on the same path.

    With True beside it a folder is of the cache, and nobody writes to its files: they are linked, not copied. Raises
    OSError.
    """
    for folder, linked in folders:
        _lay(folder, into, "", linked=linked)


def _lay(folder: Path, into: Path, below: str, *, linked: bool) -> None:
    with os.scandir(folder / below) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = os.path.join(below, entry.name)
        target = into / path
        if entry.is_symlink() and link_fault(path, os.readlink(entry.path)) is None:
            _clear(target)
            target.symlink_to(os.readlink(entry.path))
        elif entry.is_dir(follow_symlinks=False):
            if target.is_symlink() or not target.is_dir():
                _clear(target)
                target.mkdir()
            _lay(folder, into, path, linked=linked)
        elif entry.is_dir():
            # A link out of the user's own folder: what it leads to is what `zip -r` would pack.
            _clear(target)
            shutil.copytree(entry.path, target, symlinks=True)
        elif entry.is_file():
            _clear(target)
            _place(entry.path, target, linked=linked)


def _clear(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def _place(source: str, target: Path, *, linked: bool) -> None:
    if linked:
        try:
            os.link(source, target)
        except OSError:
            pass  # another file system, or one without links
        else:
            return
    shutil.copy2(source, target)
