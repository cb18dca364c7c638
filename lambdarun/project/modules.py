"""Whether the handlers that a project declares can be there at all: a look at the files, nothing is imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec

from lambdarun.model.consistency import Finding, Severity
from lambdarun.model.function import Function
from lambdarun.model.near_names import did_you_mean


def missing_modules(functions: Iterable[Function]) -> Iterator[Finding]:
    """A warning for each function whose module is not in its code: AWS takes it and fails at the first invocation."""
    for function in functions:
        module = function.handler.rpartition(".")[0].replace("/", ".")
        first = module.partition(".")[0]
        if not first or not function.code_uri.is_dir():
            continue
        inside = {path.name.partition(".")[0] for path in function.code_uri.iterdir()}
        if first in inside or find_spec(first) is not None:
            continue
        mend = did_you_mean(first, inside, "Name a module of that folder.")
        said = f"there is no module {first!r} in {function.code_uri}."
        key = f"functions.{function.name}.handler"
        yield Finding(Severity.WARNING, function.place, key, said, mend)
