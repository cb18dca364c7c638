"""Families of runtimes: what a function's `runtime` says of how it is run.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final


class Family(Enum):
    """What runs a handler."""

    PYTHON = "python"
    NODEJS = "nodejs"
    PROVIDED = "provided"
    """An executable `bootstrap` of the code package or a layer (AWS: OS-only runtime)."""


class Engine(Enum):
    """Which client runs a Python handler."""

    BUILTIN = "builtin"
    RIC = "ric"
    """AWS's own, the package awslambdaric, over the Runtime API."""


_FORMS: Final = {
    Family.PYTHON: r"python3\.\d+",
    Family.NODEJS: r"nodejs(16|18|20|22|24)\.x",
    Family.PROVIDED: r"provided(\.al2|\.al2023)?",
}


def family_of(runtime: str) -> Family | None:
    """The family of a runtime's name; None where nothing here runs it."""
    for family, form in _FORMS.items():
        if re.fullmatch(form, runtime):
            return family
    return None


def version_of(runtime: str) -> str:
    """A runtime as the platform's log names it: `python:3.11`, `nodejs:20`, `provided:al2023`."""
    for family in Family:
        if runtime.startswith(family.value):
            rest = runtime.removeprefix(family.value).removesuffix(".x").removeprefix(".")
            return f"{family.value}:{rest}" if rest else family.value
    return runtime
