"""Keys as they stand in a project file: what messages tell a user to set can be written there as it is."""

from __future__ import annotations

import re
from typing import Final

_BARE: Final = r"[A-Za-z0-9_-]+"


def key_text(path: tuple[str, ...]) -> str:
    """A key as it stands in the file: parts that are no bare keys in quotes.

    >>> key_text(("queues", "jobs.fifo", "visibility_timeout"))
    'queues."jobs.fifo".visibility_timeout'
    """
    return ".".join(part if re.fullmatch(_BARE, part) else f'"{part}"' for part in path)
