"""What all readers of a project file share: values with their places, and findings that are gathered, not raised."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from attrs import AttrsInstance, define, field, fields, resolve_types

from lambdarun.errors import ProjectError
from lambdarun.model.instant import Duration, parse_duration
from lambdarun.model.key_text import key_text
from lambdarun.model.near_names import did_you_mean
from lambdarun.project.key_locator import KeyLocator
from lambdarun.project.strict_values import CONVERTER, WrongType
from lambdarun.project.tables import NOT_BUILT
from lambdarun.project.toml_text import toml_text

T = TypeVar("T", bound=AttrsInstance)


# A project file is read to its end whatever is wrong in it: findings are gathered, and what has one is left out, so
# that ten faults are told at once and not one a run.
class Unusable(Exception):
    """A declaration has a finding already: leave it out."""


@define(eq=False)
class Reading:
    """One project file being read."""

    locator: KeyLocator
    root: Path
    prefix: tuple[str, ...]
    findings: list[ProjectError] = field(factory=list)

    def declared(
        self, document: Mapping[str, Any], kind: str, make: Callable[[str, Mapping[str, Any]], Any]
    ) -> dict[str, Any]:
        """All usable declarations of `kind`, by name."""
        made = {}
        for name, given in self.table(document, kind, ()).items():
            if not isinstance(given, dict):
                self.find((kind, name), "is no table.", f"Write [{key_text((*self.prefix, kind, name))}].")
                continue
            try:
                made[name] = make(name, given)
            except Unusable:
                continue
        return made

    def make(self, kind: type[T], path: tuple[str, ...], values: Mapping[str, Any]) -> T:
        """An object of `kind`; each value of the wrong type or out of bounds is a finding at its key."""
        before = len(self.findings)
        self.check(kind, path, values)
        if len(self.findings) > before:
            raise Unusable
        return kind(**values)

    def check(self, kind: type[AttrsInstance], path: tuple[str, ...], values: Mapping[str, Any]) -> None:
        """Find each of `values`, of fields of `kind`, that has the wrong type or is out of bounds."""
        for attribute in fields(resolve_types(kind)):
            if attribute.name not in values:
                continue
            value = values[attribute.name]
            try:
                # Field by field, before the object is made: attrs would raise at the first fault, and without a place in the file.
                CONVERTER.structure(value, attribute.type)
                if attribute.validator is not None:
                    attribute.validator(None, attribute, value)
            except WrongType as fault:
                self.find((*path, attribute.name), str(fault), fault.mend)
            except ValueError as fault:
                self.bounds(path, str(fault))

    def bounds(self, path: tuple[str, ...], said: str) -> None:
        """A finding of a declaration's own validator: `key: text. mend`."""
        key, _, rest = said.partition(": ")
        text, dot, mend = rest.partition(". ")
        text = re.sub(r"\(AWS: [^)]*\)", "(AWS's limit)", text)
        at = path if key == "name" else (*path, key)  # a declaration's name is no key in it
        self.find(at, text + dot.strip(), mend)

    def table(self, document: Mapping[str, Any], key: str, path: tuple[str, ...]) -> Mapping[str, Any]:
        """The table at `key`; empty where there is none, or something else."""
        value = document.get(key, {})
        if not isinstance(value, dict):
            name = ".NAME" if isinstance(value, list) else ""
            self.find((*path, key), "is no table.", f"Write [{key_text((*self.prefix, *path, key))}{name}].")
            return {}
        return value

    def known(self, given: Mapping[str, Any], known: tuple[str, ...], path: tuple[str, ...]) -> None:
        """Find each key of `given` that is not `known`."""
        for key in given:
            if key in known:
                continue
            if key in NOT_BUILT:
                self.find((*path, key), "is AWS's, but not built yet.", "Leave it out: it would do nothing.")
            else:
                mend = did_you_mean(key, known, f"Known here: {', '.join(known)}.")
                self.find((*path, key), "no such setting.", mend)

    def dangling(
        self, path: tuple[str, ...], kind: str, name: Any, declared: Mapping[str, Any], said: str = ""
    ) -> None:
        """Find a reference to something that is not declared."""
        mend = did_you_mean(str(name), declared, f"Declared: {', '.join(declared) or 'none'}.")
        self.find(path, f"there is no {kind} {name!r}.{said}", mend)

    def reference(self, path: tuple[str, ...], value: Any, kind: str) -> str:
        """The name in a reference to `kind`: "queues.NAME". Raises Unusable."""
        found, _, name = str(value).partition(".")
        if not isinstance(value, str) or found != kind or not name:
            hint = "is not built yet as a source." if found == "streams" else f"is no reference to {kind}."
            self.find(path, f"{toml_text(value)} {hint}", f'Write "{kind}.NAME".')
            raise Unusable
        return name

    def find(self, path: tuple[str, ...], fault: str, mend: str) -> None:
        """Note what is wrong at `path`, and how to mend it."""
        self.findings.append(
            ProjectError(self.locator.place(*self.prefix, *path), key_text(path), fault, mend)
        )

    def span(self, path: tuple[str, ...], value: Any) -> Duration:
        """A duration; 0 and a finding where `value` is none."""
        try:
            return parse_duration(value)
        except (TypeError, ValueError):
            self.find(
                path, f"{toml_text(value)} is no duration.", 'Write a number with its unit: "40ms", "2s".'
            )
            return Duration(0)
