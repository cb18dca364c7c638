"""The project file on the disk: its text, its document."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from lambdarun.errors import Place, ProjectError, ProjectErrors
from lambdarun.project.key_locator import syntax_place


def read_document(path: Path, name: str) -> tuple[str, dict[str, Any]]:
    """A project file's text and what it says. Raises ProjectErrors."""
    try:
        data = path.read_bytes()
    except OSError as fault:
        said = f"cannot be read: {fault.strerror}."
        raise ProjectErrors([ProjectError(Place(name), "file", said, "Name a file that can be.")]) from None
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        return text, tomllib.loads(text)
    except UnicodeDecodeError as fault:
        place = Place(name, data.count(b"\n", 0, fault.start) + 1)
        said = f"is not UTF-8 (byte {fault.start})."
        raise ProjectErrors([ProjectError(place, "file", said, "Save it as UTF-8.")]) from None
    except tomllib.TOMLDecodeError as fault:
        said = re.sub(r" \(at .*\)$", "", str(fault))
        mend = "Delete one of the two." if said == "Cannot overwrite a value" else "Mend the syntax."
        finding = ProjectError(syntax_place(name, fault), "TOML", f"{said}.", mend)
        raise ProjectErrors([finding]) from None


def shown(path: Path) -> str:
    """A path as errors name it: from the working folder where it lies below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
