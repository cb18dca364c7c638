"""`[functions.NAME.versions.N]` and `[functions.NAME.aliases.NAME]` of a project file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, evolve

from lambdarun.model.function import Alias, AsyncInvokeConfiguration, Function, parted
from lambdarun.project.reading import Reading, Unusable
from lambdarun.project.tables import ALIAS_KEYS, FUNCTION_KEYS
from lambdarun.project.toml_text import toml_text

# What belongs to the function, not to one of its versions.
_OF_THE_FUNCTION: Final = ("aliases", "async", "reserved_concurrent_executions", "versions")
_VERSION_KEYS: Final = tuple(key for key in FUNCTION_KEYS if key not in _OF_THE_FUNCTION or key == "async")

Read = Callable[[str, tuple[str, ...], Mapping[str, Any]], Function]
"""Makes a function of its name, the place of its table, and the table."""
ReadAsync = Callable[[tuple[str, ...], Mapping[str, Any]], AsyncInvokeConfiguration]


@define(eq=False)
class VersionsReader:
    """Adds to a function what is published of it."""

    reading: Reading
    read: Read
    read_async: ReadAsync

    def complete(self, function: Function, path: tuple[str, ...], given: Mapping[str, Any]) -> Function:
        """`function` with its versions and aliases, as far as they are right."""
        versions, aliases = {}, {}
        inherited = {key: value for key, value in given.items() if key not in _OF_THE_FUNCTION}
        for number, own in self._tables(given, "versions", path):
            if not number.isascii() or not number.isdigit() or number.startswith("0"):
                mend = "Number versions as AWS does: 1, 2, 3."
                self.reading.find((*path, "versions", number), "is no version number.", mend)
                continue
            at = (*path, "versions", number)
            self.reading.known(own, _VERSION_KEYS, at)
            try:
                # What it does not say of itself, it has from the function's table.
                made = self.read(function.name, at, {**inherited, **own})
                versions[number] = evolve(made, version=number)
            except Unusable:
                continue
        for name, own in self._tables(given, "aliases", path):
            try:
                aliases[name] = self._alias(name, (*path, "aliases", name), own)
            except Unusable:
                continue
        return evolve(function, versions=versions, aliases=aliases)

    def _tables(
        self, given: Mapping[str, Any], key: str, path: tuple[str, ...]
    ) -> list[tuple[str, Mapping[str, Any]]]:
        found: list[tuple[str, Mapping[str, Any]]] = []
        for name, own in self.reading.table(given, key, path).items():
            if isinstance(own, dict):
                found.append((name, own))
            else:
                where = ".".join((*path, key, name))
                self.reading.find((*path, key, name), "is no table.", f"Write [{where}].")
        return found

    def _alias(self, name: str, path: tuple[str, ...], given: Mapping[str, Any]) -> Alias:
        reading = self.reading
        reading.known(given, ALIAS_KEYS, path)
        if "function_version" not in given:
            reading.find(path, "has no function_version.", 'Write function_version = "1".')
            raise Unusable
        routing = reading.table(given, "routing_config", path)
        reading.known(routing, ("additional_version_weights",), (*path, "routing_config"))
        weights = reading.table(routing, "additional_version_weights", (*path, "routing_config"))
        for version, weight in weights.items():
            if type(weight) not in (int, float):
                at = (*path, "routing_config", "additional_version_weights", version)
                reading.find(at, f"{toml_text(weight)} is no number.", "Write a number from 0.0 to 1.0.")
                raise Unusable
        keys = ("function_version", "provisioned_concurrent_executions")
        return reading.make(
            Alias,
            path,
            {
                **{key: given[key] for key in keys if key in given},
                "name": name,
                "additional_version_weights": dict(weights),
                "asynchronous": self.read_async(path, given),
                "place": reading.locator.place(*reading.prefix, *path),
            },
        )


def is_declared(resource: object, functions: Mapping[str, Any]) -> bool:
    """Whether `thumbnail`, `thumbnail:1` or `thumbnail:live` is among a project file's functions."""
    if not isinstance(resource, str):
        return False
    name, qualifier = parted(resource)
    own = functions.get(name)
    if own is None or not qualifier or qualifier == "$LATEST":
        return own is not None
    tables = [own.get(key) for key in ("versions", "aliases")] if isinstance(own, dict) else []
    return any(isinstance(table, dict) and qualifier in table for table in tables)


def resources(functions: Mapping[str, Any]) -> dict[str, None]:
    """Everything that can be called, for a hint."""
    named = dict.fromkeys(functions)
    for name, own in functions.items():
        for key in ("versions", "aliases") if isinstance(own, dict) else ():
            table = own.get(key)
            if isinstance(table, dict):
                named.update(dict.fromkeys(f"{name}:{qualifier}" for qualifier in table))
    return named
