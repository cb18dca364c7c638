"""The project file to declarations: `lambdarun.toml`, or `[tool.lambdarun]` in `pyproject.toml`.

Keys are AWS's API names in snake case. What is accepted acts; what AWS has and lambdarun has not is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, fields, frozen

from lambdarun.aws import mapping_messages
from lambdarun.errors import ProjectError, ProjectErrors
from lambdarun.model.declarations import Account, IdleTime, Project, Route
from lambdarun.model.function import running_runtime
from lambdarun.model.near_names import did_you_mean
from lambdarun.model.queue import Queue
from lambdarun.model.queue_rules import redrive_fault
from lambdarun.model.runtime_faults import runtime_fault
from lambdarun.model.sources import SOURCES
from lambdarun.project.alarms import AlarmReader
from lambdarun.project.functions import FunctionReader
from lambdarun.project.key_locator import KeyLocator
from lambdarun.project.layers import LayerReader
from lambdarun.project.mappings import MappingReader
from lambdarun.project.queues import QueueReader
from lambdarun.project.reading import Reading, Unusable
from lambdarun.project.run_settings import CHOICES, RunSettings
from lambdarun.project.tables import (
    TOP_KEYS,
)
from lambdarun.project.toml_file import read_document, shown
from lambdarun.project.toml_text import toml_text
from lambdarun.project.versions import is_declared, resources


@frozen
class LoadedProject:
    """A project file's declarations and settings."""

    project: Project
    settings: RunSettings
    path: Path


def load(path: str | Path) -> Project:
    """The declarations of a project file. Raises ProjectErrors with all findings, each with its place.

    >>> project = load("lambdarun.toml")
    >>> project.queues["orders"].visibility_timeout, project.functions["order-intake"].timeout
    (30, 5)
    """
    return load_all(Path(path)).project


def load_all(path: Path) -> LoadedProject:
    """The declarations and settings of a project file. Raises ProjectErrors."""
    name = shown(path)
    text, document = read_document(path, name)
    prefix: tuple[str, ...] = ()
    if path.name == "pyproject.toml":
        prefix = ("tool", "lambdarun")
        tools = document.get("tool", {})
        document = tools.get("lambdarun", {}) if isinstance(tools, dict) else {}
    return _declared(KeyLocator(name, text), path, prefix, document)


def _declared(locator: KeyLocator, path: Path, prefix: tuple[str, ...], document: object) -> LoadedProject:
    reader = _Reader(locator, path.parent, prefix)
    if not isinstance(document, dict):
        place = reader.locator.place(*prefix)
        fault = ProjectError(place, "tool.lambdarun", "is no table.", "Write [tool.lambdarun].")
        raise ProjectErrors([fault])
    project = reader.project(document, locator.file)
    settings = reader.settings(document)
    named = {runtime: str(path.parent / str(at)) for runtime, at in settings.interpreters.items()}
    project = evolve(project, interpreters=named)
    if reader.findings:
        raise ProjectErrors(reader.ordered())
    return LoadedProject(project, settings, path)


@define(eq=False)
class _Reader(Reading):
    def project(self, document: Mapping[str, Any], file: str) -> Project:
        """Everything declared, as far as it is right."""
        self.known(document, TOP_KEYS, ())
        account = self._account(document)
        layers = LayerReader(self, account, document)
        functions = self.declared(document, "functions", FunctionReader(self, layers).read)
        queues = self.declared(document, "queues", QueueReader(self).read)
        mappings = self.declared(
            document, "event_source_mappings", MappingReader(self, account.filters_per_mapping).read
        )
        alarms = self.declared(document, "alarms", AlarmReader(self, functions, mappings, document).read)
        routes = []
        for key, target in self.table(document, "routes", ()).items():
            if ":" not in key and key not in SOURCES:
                mend = did_you_mean(key, SOURCES, f"Sources: {', '.join(sorted(SOURCES))}.")
                self.find(("routes", key), "no service has this name.", mend)
            elif not is_declared(target, self.table(document, "functions", ())):
                declared = resources(self.table(document, "functions", ()))
                self.dangling(("routes", key), "function", target, declared)
            else:
                routes.append(Route(key=key, function=target))
        project = Project(
            account=account,
            functions=functions,
            queues=queues,
            mappings=mappings,
            alarms=alarms,
            routes=tuple(routes),
            file=file,
        )
        self._references(document, account, queues)
        return project

    def ordered(self) -> list[ProjectError]:
        """The findings as their places follow each other in the file, each once."""
        once = {str(finding): finding for finding in self.findings}
        return sorted(once.values(), key=lambda f: (f.place.line or 0, f.place.column or 0))

    def settings(self, document: Mapping[str, Any]) -> RunSettings:
        """The defaults for commands."""
        given = self.table(document, "settings", ())
        known = tuple(one.name for one in fields(RunSettings))
        self.known(given, known, ("settings",))
        for key, allowed in CHOICES.items():
            if key in given and given[key] not in allowed:
                self.find(
                    ("settings", key),
                    f"{toml_text(given[key])} is none of {', '.join(allowed)}.",
                    "Choose one of them.",
                )
        if "seed" in given and type(given["seed"]) is not int:
            self.find(
                ("settings", "seed"),
                f"{toml_text(given['seed'])} is no whole number.",
                "Write a whole number.",
            )
        interpreters = self.table(given, "interpreters", ("settings",))
        for runtime, path in interpreters.items():
            at = ("settings", "interpreters", runtime)
            if not runtime.startswith("python") or runtime_fault(runtime, running_runtime()) is not None:
                self.find(
                    at,
                    "is no runtime that an interpreter runs.",
                    'Write "python3.12" = "/path/to/python3.12".',
                )
            elif not isinstance(path, str) or not (self.root / path).is_file():
                self.find(at, f"there is no program {toml_text(path)}.", "Write the path of an interpreter.")
        return RunSettings(**{key: given[key] for key in known if key in given})

    def _account(self, document: Mapping[str, Any]) -> Account:
        given = self.table(document, "account", ())
        self.known(
            given,
            (
                "concurrent_executions",
                "account_id",
                "region",
                "idle_time",
                "filters_per_mapping",
                "mapping_delay",
            ),
            ("account",),
        )
        try:
            fields = dict(given)
            if "idle_time" in given:
                fields["idle_time"] = self._idle_time(given["idle_time"])
            if "mapping_delay" in given:
                fields["mapping_delay"] = self.span(("account", "mapping_delay"), given["mapping_delay"])
            return self.make(Account, ("account",), fields)
        except Unusable:
            return Account()

    def _idle_time(self, given: Any) -> IdleTime | None:
        path = ("account", "idle_time")
        if given == "never":
            return None
        bounds = given if isinstance(given, dict) else {"least": given, "most": given}
        self.known(bounds, ("least", "most"), path)
        if bounds.keys() != {"least", "most"}:
            self.find(
                path, "needs a least and a most.", 'Write { least = "5m", most = "1h" }, "10m" or "never".'
            )
            raise Unusable
        before = len(self.findings)
        least, most = (self.span(path, bounds[key]) for key in ("least", "most"))
        if len(self.findings) == before and not 0 < least <= most:
            self.find(path, "must be above 0, the least not above the most.", "Give the larger one as most.")
        if len(self.findings) > before:
            raise Unusable
        return IdleTime(least=least, most=most)

    def _references(self, document: Mapping[str, Any], account: Account, queues: Mapping[str, Queue]) -> None:
        declared_queues = self.table(document, "queues", ())
        declared_functions = self.table(document, "functions", ())
        for name, queue in queues.items():
            policy = queue.redrive_policy
            if policy is not None and policy.dead_letter_target not in declared_queues:
                target_path = ("queues", name, "redrive_policy", "dead_letter_target")
                self.dangling(target_path, "queue", policy.dead_letter_target, declared_queues)
            elif policy is not None and (target := queues.get(policy.dead_letter_target)) is not None:
                fault = redrive_fault(account, queue, target)
                if fault is not None:
                    self.find(("queues", name, "redrive_policy"), *fault)
        for name, mapping in self.table(document, "event_source_mappings", ()).items():
            if not isinstance(mapping, dict):
                continue
            kind, _, source = str(mapping.get("event_source", "")).partition(".")
            if kind == "queues" and source and source not in declared_queues:
                at = ("event_source_mappings", name, "event_source")
                said = f" {mapping_messages.MAPPING_QUEUE_MISSING.text}"
                self.dangling(at, "queue", source, declared_queues, said)
            function = mapping.get("function")
            if isinstance(function, str) and not is_declared(function, declared_functions):
                path = ("event_source_mappings", name, "function")
                said = f" {mapping_messages.MAPPING_FUNCTION_MISSING.text}."
                self.dangling(path, "function", function, resources(declared_functions), said)
