"""Keys and values as they stand in a project file. Apart from its readers, whose libraries take long to load."""

from __future__ import annotations

import re
from typing import Final

_BARE: Final = r"[A-Za-z0-9_-]+"


def key_text(path: tuple[str, ...]) -> str:
    """A key as it stands in the file: parts that are no bare keys in quotes."""
    return ".".join(part if re.fullmatch(_BARE, part) else f'"{part}"' for part in path)


def toml_text(value: object) -> str:
    """A value as it stands in the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)
