"""A function's code and layers as an environment sees them."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from lambdarun.aws import limits, messages
from lambdarun.errors import MachineError, Place, ProjectError, ProjectErrors
from lambdarun.model.function import Function
from lambdarun.model.layer import Layer
from lambdarun.model.package import Refused

if TYPE_CHECKING:
    from lambdarun.runtime.package_cache import PackageCache

_WORKPLACE: Final = ("lambdarun.toml", "pyproject.toml", ".git")
"""Whoever has these at its root is where somebody works, not what is deployed: its size says nothing."""
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@frozen
class Code:
    """Folders of this machine that stand for `/var/task` and `/opt`."""

    task_root: Path
    opt: Path | None = None
    """None: the function has no layers."""

    def layer_path(self, runtime: str, opt: str) -> list[str]:
        """What of the layers stands on `sys.path` behind the code, where `opt` is the name that the handler knows."""
        if self.opt is None:
            return []
        return [f"{opt}/python/lib/{runtime}/site-packages", f"{opt}/python"]


@define(eq=False)
class Packages:
    """Makes folders of what functions declare: zip files are unpacked, layers put together."""

    watch: bool = False
    """Look again at each environment's start: what somebody edits is there in the next one."""
    _opened: PackageCache | None = field(default=None, init=False)
    _made: dict[tuple[Path, tuple[Layer, ...]], Code] = field(factory=dict, init=False)

    @property
    def cache(self) -> PackageCache:
        """Opened when it is first needed: most functions are plain folders."""
        if self._opened is None:
            from lambdarun.runtime.package_cache import PackageCache  # brings zipfile: for who has packages

            self._opened = PackageCache()
        return self._opened

    def code_of(self, function: Function) -> Code:
        """Where the code of `function` is. Raises ProjectErrors where AWS would refuse its packages."""
        if not function.layers and function.code_uri.is_dir():
            return Code(function.code_uri)
        key = (function.code_uri, function.layers)
        if self.watch or key not in self._made:
            self._made[key] = self._make(function)
        return self._made[key]

    def state_of(self, function: Function) -> str:
        """A text that changes when the code or a layer of `function` does."""
        from lambdarun.runtime.package_cache import state_of

        return " ".join(state_of(path) for path, _, _ in _parts(function))

    def prepare(self, functions: Iterable[Function]) -> list[ProjectError]:
        """Unpack all that `functions` need; returns what is wrong with it."""
        faults: dict[str, ProjectError] = {}
        for function in functions:
            try:
                self._weigh(function)
                self.code_of(function)
            except ProjectErrors as found:
                faults.update({str(fault): fault for fault in found.findings})
        return list(faults.values())

    def _weigh(self, function: Function) -> None:
        """Raises ProjectErrors where code and layers together are larger than AWS takes."""
        code, layers = function.code_uri, function.layers
        if not layers and (function.place is None or any((code / name).exists() for name in _WORKPLACE)):
            return
        from lambdarun.runtime.package_cache import folder_facts  # as above

        size, most = 0, limits.UNZIPPED_BYTES.value
        for path, place, key in _parts(function):
            try:
                if path.is_dir():
                    work = path == code and any((path / name).exists() for name in _WORKPLACE)
                    size += 0 if work else folder_facts(path)[1]
                else:
                    size += self.cache.facts(path).unpacked
            except (Refused, OSError) as fault:
                raise _refusal(function, path, place, key, fault) from None
            if size > most:
                text = f"{messages.UNZIPPED_TOO_LARGE.of(limit=most)}."
                mend = "Code and layers count together: take out what the function does not need."
                raise _refusal(function, path, place, key, Refused(None, text, mend))

    def _make(self, function: Function) -> Code:
        folders = []
        for path, place, key in _parts(function):
            try:
                if path == function.code_uri and path.is_file():
                    _refuse_zipped(path)
                folders.append(path if path.is_dir() else self.cache.unpacked(path))
            except (Refused, OSError) as fault:
                raise _refusal(function, path, place, key, fault) from None
        code, *layers = folders
        if len(layers) < 2:
            # A single folder is taken as it is: what somebody edits in it is there at once.
            return Code(code, layers[0] if layers else None)
        from lambdarun.runtime.layer_merge import merge
        from lambdarun.runtime.package_cache import folder_facts

        told = sha256()
        for layer, folder in zip(function.layers, layers, strict=True):
            told.update(f"{folder}:{folder_facts(folder)[0] if folder == layer.content else ''}\n".encode())
        pairs = [
            (folder, folder != layer.content) for layer, folder in zip(function.layers, layers, strict=True)
        ]
        try:
            group = sha256("\n".join(str(layer.content) for layer in function.layers).encode()).hexdigest()
            return Code(code, self.cache.newest(group, told.hexdigest(), lambda into: merge(pairs, into)))
        except OSError as fault:
            place, key = function.layers[0].place, "layers"
            raise _refusal(function, function.layers[0].content, place, key, fault) from None

    def close(self) -> None:
        """Remove what nobody can use after this run."""
        if self._opened is not None:
            self._opened.close()


def _parts(function: Function) -> list[tuple[Path, Place | None, str]]:
    """Path, place and key of the code and of each layer."""
    layers = [(layer.content, layer.place, "layers") for layer in function.layers]
    return [(function.code_uri, function.code_place, "code_uri"), *layers]


def _refuse_zipped(path: Path) -> None:
    most = limits.ZIPPED_BYTES.value
    if path.stat().st_size > most:
        text = f"{messages.ZIPPED_TOO_LARGE.of(limit=most)}."
        raise Refused(None, text, "Put libraries into a layer, or unpack it and name the folder.")


def _refusal(
    function: Function, path: Path, place: Place | None, key: str, fault: Refused | OSError
) -> ProjectErrors | MachineError:
    if isinstance(fault, OSError) and fault.errno in _NO_ROOM:
        return MachineError(
            f"{path}: cannot be unpacked: {fault.strerror}. Make room, or set XDG_CACHE_HOME."
        )
    said, mend = (
        (fault.fault, fault.mend)
        if isinstance(fault, Refused)
        else (
            f"cannot be used: {fault.strerror}.",
            "Name one that can be read.",
        )
    )
    at = place or Place("project")
    return ProjectErrors([ProjectError(at, f"functions.{function.name}.{key}", f"{path}: {said}", mend)])
