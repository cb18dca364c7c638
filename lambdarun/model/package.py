"""What a zip package may hold: rules on the list of its members, before and while anything is written.

Lambda unpacks what it is given on a machine of its own; here a package lands on the user's disk. So what could reach
out of its folder is refused, and what AWS would refuse too. Exec bits and links that stay inside are kept.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from attrs import frozen

_UNIX: Final = 3
"""Who made a member: only Unix says what kind of file it is."""
_ENCRYPTED: Final = 0x1
_UTF_8: Final = 0x800
_COMPONENT_BYTES_MAX: Final = 255
_PATH_BYTES_MAX: Final = 3_000
"""Of Linux's 4,096, less what the folder's own path may take."""
LINK_BYTES_MAX: Final = 4_096


class Kind(Enum):
    """What a member is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@frozen
class Member:
    """One entry of a zip file, with a name that is safe."""

    path: str
    kind: Kind
    size: int
    """Bytes when unpacked, as the directory of the zip file says."""
    executable: bool = False


class Refused(Exception):
    """A package that cannot be used: `member` (None: all of it), what is wrong with it and how to mend it."""

    def __init__(self, member: str | None, fault: str, mend: str) -> None:
        where = f"{member!r} " if member is not None else ""
        super().__init__(f"{where}{fault} {mend}")
        self.member, self.fault, self.mend = member, where + fault, mend


@frozen(kw_only=True)
class Entry:
    """What the directory of a zip file says of one entry."""

    name: str
    flags: int
    made_by: int
    attributes: int
    size: int


def member_of(entry: Entry) -> Member:
    """The entry as a member. Raises Refused."""
    name = _text(entry)
    if entry.flags & _ENCRYPTED:
        raise Refused(name, "is encrypted.", "Pack it without a password.")
    mode = entry.attributes >> 16 if entry.made_by == _UNIX else 0
    form = stat.S_IFMT(mode)
    if form == stat.S_IFLNK:
        kind = Kind.LINK
    elif form == stat.S_IFDIR or (not form and name.endswith("/")):
        kind = Kind.FOLDER
    elif form in (0, stat.S_IFREG):
        kind = Kind.FOLDER if name.endswith("/") else Kind.FILE
    else:
        raise Refused(name, "is a device, a socket or a pipe.", "Pack files, folders and links alone.")
    if kind is Kind.LINK and entry.size > LINK_BYTES_MAX:
        raise Refused(name, "is a link with no path in it.", "Pack it anew with zip --symlinks.")
    return Member(_safe_path(name), kind, entry.size, bool(mode & 0o111) and kind is Kind.FILE)


def _text(entry: Entry) -> str:
    """The name: UTF-8, whether or not the entry says so."""
    if "\0" in entry.name:
        raise Refused(entry.name, "has a NUL character in its name.", "Rename it.")
    if entry.flags & _UTF_8 or entry.name.isascii():
        return entry.name
    # Without the flag the standard library takes the bytes for code page 437, the old PCs'; zip on Linux often leaves
    # it out for names that are UTF-8.
    try:
        return entry.name.encode("cp437").decode("utf-8")
    except UnicodeError:
        raise Refused(
            entry.name, "has a name that is not UTF-8.", "Rename it, or pack it with UTF-8 names."
        ) from None


def _safe_path(name: str) -> str:
    """A relative path without empty parts."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/"):
        raise Refused(name, "has an absolute path.", "Pack it with a path relative to the package.")
    if ".." in parts:
        raise Refused(name, "leads out of the package ('..').", "Pack it with a path inside of it.")
    path = "/".join(parts)
    longest = max((len(part.encode("utf-8", "surrogatepass")) for part in parts), default=0)
    if longest > _COMPONENT_BYTES_MAX or len(path.encode("utf-8", "surrogatepass")) > _PATH_BYTES_MAX:
        raise Refused(f"{name[:60]}...", "has too long a name for a file.", "Give it a shorter one.")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise Refused(name, "has a name that is not UTF-8.", "Rename it.") from None
    return path


def members(entries: Iterable[Entry]) -> dict[str, Member]:
    """All members by path, in order. Raises Refused; also where two cannot both be."""
    found: dict[str, Member] = {}
    for entry in entries:
        member = member_of(entry)
        before = found.get(member.path)
        if before is not None and not (member.kind is before.kind is Kind.FOLDER):
            raise Refused(member.path, "is in it twice.", "Pack it anew: which one counts, nobody can say.")
        if member.path:
            found[member.path] = member
        elif member.kind is not Kind.FOLDER:
            raise Refused(entry.name, "has no name.", "Rename it.")
    for path in found:
        above = path.rpartition("/")[0]
        while above:
            if above in found and found[above].kind is not Kind.FOLDER:
                raise Refused(path, f"is below {above!r}, which is no folder.", "Pack it anew.")
            above = above.rpartition("/")[0]
    return found


def unpacked_bytes(found: Mapping[str, Member]) -> int:
    """What all members take when unpacked, as the directory of the zip file says."""
    return sum(member.size for member in found.values())


def link_fault(path: str, target: str) -> str | None:
    """Why a link at `path` may not point to `target`; None: it stays inside.

    Its own folders are no links (`members`), so as many `..` as there are of them, at the beginning, end in the root at
    most; behind a name, which may be a link, a `..` could lead anywhere.
    """
    if target.startswith("/"):
        return "is a link to an absolute path."
    parts = [part for part in target.split("/") if part not in ("", ".")]
    up = 0
    while up < len(parts) and parts[up] == "..":
        up += 1
    if up > path.count("/") or ".." in parts[up:] or not target or "\0" in target:
        return f"is a link that may leave the package ({target!r})."
    return None
