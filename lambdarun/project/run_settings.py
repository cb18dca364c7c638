"""What a run may be set to, wherever it is said: by a flag, a variable or `[settings]` of the project file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

SPEEDS: Final = ("max", "1x", "10x")
DURATIONS: Final = ("declared", "measured", "recorded")
"""As model/handler_time.py's DurationMode has them: said again, so that `--help` need not load the model."""
CHOICES: Final = {"speed": SPEEDS, "durations": DURATIONS}


@frozen(kw_only=True)
class RunSettings:
    """Defaults for commands, from `[settings]`; None: not set there."""

    seed: int | None = None
    speed: str | None = None
    durations: str | None = None
    interpreters: Mapping[str, str] = field(factory=dict)
    """Paths by runtime: `{ "python3.12" = "/usr/local/bin/python3.12" }`."""
