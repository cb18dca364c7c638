"""Zip files on disk: what is in one, and how it is unpacked without leaving its folder."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile, ZipInfo

from lambdarun.aws import limits, messages
from lambdarun.model.package import (
    Entry,
    Kind,
    Member,
    Refused,
    link_fault,
    member_of,
    members,
    unpacked_bytes,
)

_READ: Final = 1_048_576
# Read-only: a handler that writes to its code or to a layer fails on AWS, and here it would spoil the next run.
_FILE_MODE: Final = 0o444
_PROGRAM_MODE: Final = 0o555
# What the standard library raises at a damaged or strange member; zlib.error among them.
_DAMAGED: Final = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def read_members(path: Path) -> dict[str, Member]:
    """The members of a zip file by path, from its directory. Raises Refused, OSError."""
    with _opened(path) as archive:
        return _members(archive)


def unpack(path: Path, into: Path) -> None:
    """Write all members below `into`, an empty folder. Raises Refused, OSError; what is written then is worthless."""
    with _opened(path) as archive:
        found = _members(archive)
        infos = {member_of(_entry(info)).path: info for info in archive.infolist()}
        left = limits.UNZIPPED_BYTES.value
        for member in found.values():
            target = into / member.path
            if member.kind is Kind.FOLDER:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                if member.kind is Kind.LINK:
                    _link(archive, infos[member.path], member, target)
                else:
                    left -= _write(archive, infos[member.path], member, target, left)
            except _DAMAGED as fault:
                raise Refused(member.path, f"cannot be unpacked: {fault}.", "Pack it anew.") from None


def _opened(path: Path) -> ZipFile:
    try:
        return ZipFile(path)
    except (*_DAMAGED, UnicodeDecodeError) as fault:
        said = "has a name that is not UTF-8" if isinstance(fault, UnicodeDecodeError) else "is no zip file"
        raise Refused(None, f"{said}: {messages.NOT_UNZIPPED.text}", "Pack it anew.") from None


def _members(archive: ZipFile) -> dict[str, Member]:
    found = members(map(_entry, archive.infolist()))
    # By what the directory says; what is really in it is counted while it is written.
    if unpacked_bytes(found) > limits.UNZIPPED_BYTES.value:
        raise _too_large()
    return found


def _entry(info: ZipInfo) -> Entry:
    return Entry(
        # Not `filename`: the standard library cuts that at a NUL.
        name=info.orig_filename,
        flags=info.flag_bits,
        made_by=info.create_system,
        attributes=info.external_attr,
        size=info.file_size,
    )


def _too_large() -> Refused:
    said = messages.UNZIPPED_TOO_LARGE.of(limit=limits.UNZIPPED_BYTES.value)
    return Refused(None, f"{said}.", "Take out what the function does not need.")


def _write(archive: ZipFile, info: ZipInfo, member: Member, target: Path, left: int) -> int:
    """Write a file; returns its bytes. Raises Refused where it has more than `left`."""
    written = 0
    mode = _PROGRAM_MODE if member.executable else _FILE_MODE
    # O_EXCL: nothing that is there already is written through, a link least of all.
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with archive.open(info) as source, os.fdopen(descriptor, "wb") as file:
        while part := source.read(_READ):
            written += len(part)
            if written > left:
                raise _too_large()
            file.write(part)
    return written


def _link(archive: ZipFile, info: ZipInfo, member: Member, target: Path) -> None:
    try:
        pointed = archive.read(info).decode()
    except UnicodeDecodeError:
        raise Refused(member.path, "is a link to a name that is not UTF-8.", "Rename it.") from None
    fault = link_fault(member.path, pointed)
    if fault is not None:
        raise Refused(member.path, fault, "Point it to something in the package, by a relative path.")
    target.symlink_to(pointed)
