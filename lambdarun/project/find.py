"""Where the project file is. Apart from its reader, whose libraries take longer to load than all else."""

from __future__ import annotations

from pathlib import Path


def find(start: Path) -> Path | None:
    """The project file of `start` or of the nearest folder above it."""
    for folder in (start, *start.parents):
        own = folder / "lambdarun.toml"
        if own.is_file():
            return own
        shared = folder / "pyproject.toml"
        if shared.is_file() and "[tool.lambdarun" in shared.read_text(encoding="utf-8", errors="replace"):
            return shared
    return None
