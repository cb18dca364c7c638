"""Whether the handlers that a project declares can be there at all: a look at the files, nothing is imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from lambdarun.model.consistency import Finding, Severity
from lambdarun.model.function import Function
from lambdarun.model.near_names import did_you_mean


def missing_modules(functions: Iterable[Function]) -> Iterator[Finding]:
    """A warning for each function whose module is not in its code: AWS takes it and fails at the first invocation."""
    for function in functions:
        module = function.handler.rpartition(".")[0].replace("/", ".")
        first = module.partition(".")[0]
        if not first:
            continue
        inside = {path.partition(".")[0] for path in _on_the_path(function)}
        if first in inside or find_spec(first) is not None:
            continue
        mend = did_you_mean(first, inside, "Name a module of it.")
        said = f"there is no module {first!r} in {function.code_uri}."
        key = f"functions.{function.name}.handler"
        yield Finding(Severity.WARNING, function.place, key, said, mend)


def _on_the_path(function: Function) -> Iterator[str]:
    """The names at the roots of the folders from which the handler is imported: the code, and Python's of the layers."""
    yield from _names(function.code_uri, "")
    for layer in function.layers:
        yield from _names(layer.content, "python/")
        yield from _names(layer.content, f"python/lib/{function.runtime}/site-packages/")


def _names(package: Path, below: str) -> Iterator[str]:
    """The names of what is right below a folder of a package, itself a folder or a zip file."""
    folder = package / below
    if folder.is_dir():
        yield from (path.name for path in folder.iterdir())
    elif package.is_file():
        try:
            with ZipFile(package) as archive:
                names = archive.namelist()
        except (BadZipFile, OSError, UnicodeDecodeError):
            return  # the run refuses it, and says why
        yield from (name[len(below) :].partition("/")[0] for name in names if name.startswith(below))
