"""Values as they stand in a project file. Apart from its readers, whose libraries take long to load."""

from __future__ import annotations


def toml_text(value: object) -> str:
    """A value as it stands in the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)
