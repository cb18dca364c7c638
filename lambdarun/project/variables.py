"""What AWS says of a function's environment variables.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lambdarun.aws import limits
from lambdarun.project.strict_values import toml_text
from lambdarun.project.tables import RESERVED_VARIABLES

_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")


def variable_faults(variables: Mapping[str, Any]) -> Iterator[tuple[str | None, str, str]]:
    """Name, fault and remedy of each variable that AWS refuses; None as name for all of them together."""
    total = 0
    for name, value in variables.items():
        if not isinstance(value, str):
            yield name, f"{toml_text(value)} is no text.", "Put it in quotes."
        elif "\0" in value:
            yield name, "has a NUL character in its value.", "Leave it out: no process takes one."
        elif name in RESERVED_VARIABLES:
            said = (
                "Lambda was unable to configure your environment variables because the environment variables you have"
                " provided contains reserved keys that are currently not supported for modification. Reserved keys"
                f" used in this request: {name}."
            )
            yield name, said, "Choose another name."
        elif not _NAME.fullmatch(name):
            yield name, "is no name for a variable.", "Use two or more letters, digits and _, a letter first."
        total += len(name.encode()) + len(str(value).encode())
    if total > limits.ENVIRONMENT_BYTES.value:
        yield None, f"has {total} bytes, above AWS's limit of 4 KB.", "Make it shorter."
