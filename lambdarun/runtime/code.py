"""A function's code and layers as an environment sees them."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from lambdarun.model.function import Function


@frozen
class Code:
    """Folders of this machine that stand for `/var/task` and `/opt`."""

    task_root: Path
    opt: Path | None = None
    """None: the function has no layers."""


def code_of(function: Function) -> Code:
    """Where the code of `function` is."""
    return Code(function.code_uri)
