"""Zip files for tests, good and bad."""

from __future__ import annotations

import stat
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo


def entry(name: str, mode: int = stat.S_IFREG | 0o644, *, flags: int = 0) -> ZipInfo:
    """The head of a member, as a Unix tool writes it."""
    info = ZipInfo(name, (2026, 1, 2, 3, 4, 6))
    info.create_system = 3
    info.external_attr = mode << 16
    info.compress_type = ZIP_DEFLATED
    info.flag_bits |= flags
    return info


def pack(path: Path, *members: tuple[ZipInfo | str, str | bytes]) -> Path:
    """A zip file of these members, in their order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w") as archive:
        for member, content in members:
            archive.writestr(entry(member) if isinstance(member, str) else member, content)
    return path


def link(name: str) -> ZipInfo:
    """The head of a symbolic link; its content is where it points to."""
    return entry(name, stat.S_IFLNK | 0o777)


def program(name: str) -> ZipInfo:
    """The head of an executable file."""
    return entry(name, stat.S_IFREG | 0o755)
