"""Which runtimes run here, and why another does not."""

from __future__ import annotations

import re
from typing import Final

from lambdarun.aws import messages
from lambdarun.aws.runtimes import ENDED, RUNTIMES
from lambdarun.model.near_names import did_you_mean

BUILT: Final = ("python", "nodejs", "provided")
"""Families that run here, by the beginning of their names."""
PYTHON_OLDEST: Final = (3, 9)
"""What runs inside of an environment is written for this Python and later ones."""


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
    if not runtime.startswith(BUILT):
        built = ", ".join(f"{family}*" for family in BUILT)
        return f'"{runtime}" is AWS\'s, but not built yet.', f"Functions run here under: {built}."
    version = re.fullmatch(r"python([0-9]+)\.([0-9]+)", runtime)
    if version is not None and (int(version[1]), int(version[2])) < PYTHON_OLDEST:
        oldest = ".".join(map(str, PYTHON_OLDEST))
        return f'"{runtime}" is too old to run here.', f'Write "python{oldest}" or a later one.'
    return None
