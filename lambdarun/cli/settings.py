"""Flags, environment, project file and defaults, resolved once; each value knows its origin."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from attrs import frozen

from lambdarun.errors import UsageError
from lambdarun.project.find import find
from lambdarun.project.run_settings import CHOICES

if TYPE_CHECKING:
    from lambdarun.model.declarations import Project
    from lambdarun.project.project_file import LoadedProject

T = TypeVar("T")
_DEFAULTS: Final[Mapping[str, Any]] = {"seed": 0, "speed": "max", "durations": "declared", "isolation": None}


@frozen
class Chosen(Generic[T]):
    """A value and where it comes from."""

    value: T
    origin: str


def choose(name: str, sources: Iterable[tuple[str, Mapping[str, Any]]], default: Any) -> Chosen[Any]:
    """The first source that names it wins; sources come strongest first."""
    for origin, values in sources:
        if values.get(name) is not None:
            return Chosen(values[name], origin)
    return Chosen(default, "default")


@frozen(kw_only=True)
class Settings:
    """What commands go by."""

    loaded: LoadedProject | None
    color: str
    verbose: int
    quiet: bool
    log_format: str
    environment: Mapping[str, str]

    @property
    def project(self) -> Project | None:
        """The project file's declarations, if there is one."""
        return self.loaded.project if self.loaded is not None else None

    def chosen(self, flags: Mapping[str, Any]) -> dict[str, Chosen[Any]]:
        """Seed, speed, durations and isolation (None: as far as the machine allows): flag, then LAMBDARUN_*, then project file, then default."""
        from_file: Mapping[str, Any] = {}
        origin = "project file"
        if self.loaded is not None:
            declared = self.loaded.settings
            from_file = {name: getattr(declared, name) for name in _DEFAULTS}
            origin = str(self.loaded.project.file)
        found = {}
        for name, default in _DEFAULTS.items():
            variable = f"LAMBDARUN_{name.upper()}"
            sources = (
                (f"--{name}", flags),
                (variable, _from_environment(name, variable, self.environment)),
                (origin, from_file),
            )
            found[name] = choose(name, sources, default)
        return found


def _from_environment(name: str, variable: str, environment: Mapping[str, str]) -> Mapping[str, Any]:
    text = environment.get(variable)
    if text is None:
        return {}
    if name in CHOICES:
        if text not in CHOICES[name]:
            raise UsageError(f"{variable}={text}: choose {', '.join(CHOICES[name])}.")
        return {name: text}
    try:
        return {name: int(text)}
    except ValueError:
        raise UsageError(f"{variable}={text}: write a whole number.") from None


def resolve(flags: Mapping[str, Any]) -> Settings:
    """The settings of this process. Raises ProjectErrors, UsageError."""
    given = flags.get("config") or os.environ.get("LAMBDARUN_CONFIG")
    if given is not None:
        path: Path | None = Path(given)
        if not Path(given).is_file():
            raise UsageError(f"{given}: there is no such project file.")
    else:
        path = find(Path.cwd())
    loaded = None
    if path is not None:
        from lambdarun.project.project_file import load_all  # brings cattrs: for who has a project file

        loaded = load_all(path)
    return Settings(
        loaded=loaded,
        color=flags.get("color") or "auto",
        verbose=flags.get("verbose") or 0,
        quiet=bool(flags.get("quiet")),
        log_format=flags.get("log_format") or "console",
        environment=dict(os.environ),
    )
