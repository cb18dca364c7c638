"""An environment's own modules in a process that has others of the same name.

What lies in the function's folders is imported anew for each environment and taken out of `sys.modules` behind each
call; the caller's own modules from there are out of sight during it. Everything else (the standard library, installed
packages) is shared with the caller. Packages with compiled parts can be initialised only once a process, so those are
shared by all environments of the same folders.
"""

from __future__ import annotations

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from types import ModuleType
from typing import Any

_INSTALLED = ("/site-packages/", "/dist-packages/")
_OURS = "lambdarun"
_compiled: dict[tuple[str, ...], dict[str, Any]] = {}
"""Modules that can be initialised only once, by the folders that they are in."""


class OwnModules:
    """Those of one environment."""

    def __init__(self, folders: tuple[str, ...], handler: str) -> None:
        self.folders = folders
        # Wherever it was found: a handler that is installed like a library is imported anew too.
        top = handler.rpartition(".")[0].replace("/", ".").partition(".")[0]
        self._top = "" if top in sys.stdlib_module_names else top
        self._prefixes = tuple(folder.rstrip("/") + "/" for folder in folders)
        self.modules: dict[str, ModuleType] = dict(_compiled.get(folders, {}))
        self._foreign: tuple[str, ...] = ()
        """Names of the caller's modules that this environment must not see."""
        self._hidden: dict[str, ModuleType] = {}
        self._seen = 0
        self._before = 0
        self._names: set[str] | None = None

    def enter(self) -> None:
        """Put the environment's modules in the place of the caller's."""
        loaded = sys.modules
        if self._seen != len(loaded):
            # Half a millisecond with a thousand modules: so only where some were loaded since the last call.
            self._foreign = tuple(name for name, module in [*loaded.items()] if self._is_own(name, module))
        if self._foreign:
            self._hidden = {name: loaded.pop(name) for name in self._foreign if name in loaded}
        if self._names is None:
            self._names = set(loaded)
        loaded.update(self.modules)
        self._before = len(loaded)

    def leave(self) -> None:
        """The caller's modules as they were, but for shared ones that were loaded meanwhile."""
        loaded = sys.modules
        if len(loaded) != self._before or not self.modules:
            self._claim()
        for name in self.modules:
            loaded.pop(name, None)
        if self._hidden:
            loaded.update(self._hidden)
        self._seen = len(loaded)

    def _claim(self) -> None:
        loaded = sys.modules
        known = self._names or set()
        found = {name: loaded[name] for name in loaded.keys() - known if self._is_own(name, loaded[name])}
        self.modules = found
        compiled = {
            name.partition(".")[0]
            for name, module in found.items()
            if str(vars(module).get("__file__") or "").endswith(tuple(EXTENSION_SUFFIXES))
        }
        if compiled:
            kept = _compiled.setdefault(self.folders, {})
            kept.update(
                (name, module) for name, module in found.items() if name.partition(".")[0] in compiled
            )

    def _is_own(self, name: str, module: Any) -> bool:
        top = name.partition(".")[0]
        if top == _OURS:
            return False
        if top == self._top:
            return True
        try:
            values = vars(module)
        except TypeError:
            return False  # no module at all: libraries put such things there
        file = values.get("__file__")
        if file is None:
            # A folder without an __init__.py.
            try:
                file = next(iter(values.get("__path__") or ()), None)
            except (TypeError, KeyError, ImportError):
                return False
        if not isinstance(file, str) or not file.startswith(self._prefixes):
            return False
        for prefix in self._prefixes:
            if file.startswith(prefix) and not any(part in file[len(prefix) - 1 :] for part in _INSTALLED):
                return True
        return False
