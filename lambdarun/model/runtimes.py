"""Which runtimes run here, and why another does not."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from lambdarun.aws import messages
from lambdarun.aws.runtimes import ENDED, RUNTIMES
from lambdarun.model.near_names import did_you_mean


class Family(Enum):
    """Runtimes that are started in the same way."""

    PYTHON = "python"
    NODEJS = "nodejs"
    PROVIDED = "provided"
    JAVA = "java"
    DOTNET = "dotnet"
    RUBY = "ruby"


BUILT: Final = frozenset({Family.PYTHON})
"""Families that run here."""
PYTHON_OLDEST: Final = (3, 9)
"""What runs inside of an environment is written for this Python and later ones."""


def family_of(runtime: str) -> Family:
    """The family of one of AWS's runtimes. Raises ValueError for another text."""
    return Family(re.split(r"[0-9.]", runtime, maxsplit=1)[0])


def python_version(runtime: str) -> tuple[int, int]:
    """(3, 12) of `python3.12`. Raises ValueError for another runtime."""
    match = re.fullmatch(r"python([0-9]+)\.([0-9]+)", runtime)
    if match is None:
        raise ValueError(f"{runtime} is no Python")
    return int(match[1]), int(match[2])


def runtime_fault(runtime: object, running: str) -> tuple[str, str] | None:
    """What is wrong with a function's `runtime`, and how to mend it; None: it runs here. `running` is this
    interpreter's own, which runs whether AWS has it or not.
    """
    if runtime == running:
        return None
    if not isinstance(runtime, str):
        return "is no text.", f'Write it as AWS does: "{running}".'
    if runtime in ENDED:
        return messages.RUNTIME_ENDED.of(runtime=runtime), f'For Python write "{running}".'
    if runtime not in RUNTIMES:
        said = messages.RUNTIME_UNKNOWN.of(runtime=runtime, known=", ".join(RUNTIMES))
        return f"{said}.", did_you_mean(runtime, RUNTIMES, f'For Python write "{running}".')
    family = family_of(runtime)
    if family not in BUILT:
        built = ", ".join(sorted(f"{one.value}*" for one in BUILT))
        return f'"{runtime}" is AWS\'s, but not built yet.', f"Functions run here under: {built}."
    if family is Family.PYTHON and python_version(runtime) < PYTHON_OLDEST:
        oldest = ".".join(map(str, PYTHON_OLDEST))
        return f'"{runtime}" is too old to run here.', f'Write "python{oldest}" or a later one.'
    return None
