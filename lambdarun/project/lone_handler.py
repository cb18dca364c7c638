"""`path/to/app.py:handler`, `path/to/index.mjs:handler` or `package.module.handler` as a project of one function with AWS's defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from attrs import evolve

from lambdarun.aws import limits
from lambdarun.errors import UnknownFunctionError, UsageError
from lambdarun.model.declarations import Project
from lambdarun.model.function import Function, running_runtime
from lambdarun.model.near_names import near_names

_NODE_SUFFIXES: Final = (".js", ".mjs", ".cjs")
LONE_NODE_RUNTIME: Final = "nodejs20.x"
"""What a Node.js file without a project file is run as."""


def is_lone(name: str) -> bool:
    """Whether `name` means a handler rather than a declared function."""
    return ":" in name or "." in name


def lone_function(name: str, *, folder: Path | None = None) -> Project:
    """A project whose one function runs the handler `name`, found from `folder` (the working folder).

    Whether its module exists is for the function to find out: as on AWS, its init error is the result. Raises UsageError
    where AWS takes no such handler.

    >>> function = lone_function("functions/orders_api/app.py:handler").functions["app"]
    >>> function.handler, function.timeout, function.memory_size
    ('app.handler', 3, 128)
    """
    start = folder if folder is not None else Path.cwd()
    runtime = running_runtime()
    if ":" in name:
        path, _, attribute = name.rpartition(":")
        file = start / path
        code, module = file.parent, file.name.removesuffix(".py")
        if file.suffix in _NODE_SUFFIXES:
            module, runtime = file.stem, LONE_NODE_RUNTIME
        handler = f"{module}.{attribute}"
        if file.suffix == ".zip":
            code, handler, module = file, attribute, file.stem
    else:
        code, handler = start, name
        module = name.rpartition(".")[0].rpartition(".")[2] or name
    made = re.sub(r"[^a-zA-Z0-9-_]", "-", module)[: limits.FUNCTION_NAME_LENGTH.high] or "function"
    try:
        function = Function(name=made, handler=handler, code_uri=code.resolve(), runtime=runtime)
    except ValueError as fault:
        raise UsageError(str(fault)) from None
    return Project(functions={made: function})


def resolve(name: str | None, project: Project | None, folder: Path) -> tuple[Project, Function]:
    """The project and the function that `name` (`thumbnail`, `thumbnail:live`) means on the command line. Raises
    UnknownFunctionError.
    """
    declared = project.functions if project is not None else {}
    if name is None:
        if project is not None and len(declared) == 1:
            return project, next(iter(declared.values()))
        known = f"The project has: {', '.join(declared)}." if declared else "There is no project file here."
        raise UnknownFunctionError(f"name a function. {known}")
    if project is not None and (found := project.function(name)) is not None:
        return project, found
    path, colon, attribute = name.rpartition(":")
    if (colon and not (path and attribute)) or (not colon and name.endswith(".py")):
        raise UnknownFunctionError(
            f"{name!r} does not say which function of which file: write path/to/app.py:handler."
        )
    if is_lone(name):
        lone = lone_function(name, folder=folder)
        function = next(iter(lone.functions.values()))
        if project is None:
            return lone, function
        return evolve(project, functions={**declared, function.name: function}), function
    near = near_names(name, declared, 3)
    if near:
        hint = f"Did you mean {', '.join(near)}?"
    elif declared:
        hint = f"The project has: {', '.join(declared)}."
    else:
        hint = "There is no project file here: write path/to/app.py:handler or package.module.handler."
    raise UnknownFunctionError(f"there is no function {name!r}. {hint}")


def called_as(name: str | None, project: Project, function: Function) -> str:
    """By which name `function`, to which `name` was resolved, is called: a declared `thumbnail:live` by that; anything
    else with a colon is a file and its handler, which have a function's name.
    """
    return name if name is not None and project.function(name) is not None else function.name
