"""Where the project file is. Apart from its readers, whose libraries take longer to load than all else."""

from __future__ import annotations

from pathlib import Path


def find(start: Path) -> Path | None:
    """The project file of `start` or of the nearest folder above it."""
    for folder in (start, *start.parents):
        own = folder / "lambdarun.toml"
        if own.is_file():
            return own
        shared = folder / "pyproject.toml"
        if shared.is_file() and _is_ours(shared):
            return shared
    return None


def _is_ours(shared: Path) -> bool:
    """Whether a pyproject.toml has a [tool.lambdarun]; one that nobody can read is not ours to judge."""
    try:
        text = shared.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    if "lambdarun" not in text:
        return False
    import tomllib  # a few milliseconds, for who needs it

    try:
        tools = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError:
        return "[tool.lambdarun" in text
    return isinstance(tools, dict) and "lambdarun" in tools
