"""The project file to declarations: `lambdarun.toml`, or `[tool.lambdarun]` in `pyproject.toml`.

Keys are AWS's API names in snake case. What is accepted acts; what AWS has and lambdarun has not is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, fields, frozen

from lambdarun.aws import messages
from lambdarun.errors import ProjectError, ProjectErrors
from lambdarun.model.declarations import Account, EventSourceMapping, Project, Queue, RedrivePolicy, Route
from lambdarun.model.function import running_runtime
from lambdarun.model.near_names import did_you_mean
from lambdarun.model.runtime_faults import runtime_fault
from lambdarun.model.sources import SOURCES
from lambdarun.project.functions import FunctionReader
from lambdarun.project.key_locator import KeyLocator
from lambdarun.project.layers import LayerReader
from lambdarun.project.reading import Reading, Unusable
from lambdarun.project.run_settings import CHOICES, RunSettings
from lambdarun.project.tables import (
    MAPPING_KEYS,
    NOT_FOR_QUEUES,
    QUEUE_KEYS,
    TOP_KEYS,
)
from lambdarun.project.toml_file import read_document, shown
from lambdarun.project.toml_text import toml_text


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
        queues = self.declared(document, "queues", self._queue)
        mappings = self.declared(document, "event_source_mappings", self._mapping)
        routes = []
        for key, target in self.table(document, "routes", ()).items():
            if ":" not in key and key not in SOURCES:
                mend = did_you_mean(key, SOURCES, f"Sources: {', '.join(sorted(SOURCES))}.")
                self.find(("routes", key), "no service has this name.", mend)
            elif not isinstance(target, str) or target not in document.get("functions", {}):
                self.dangling(("routes", key), "function", target, document.get("functions", {}))
            else:
                routes.append(Route(key=key, function=target))
        project = Project(
            account=account,
            functions=functions,
            queues=queues,
            mappings=mappings,
            routes=tuple(routes),
            file=file,
        )
        self._references(document, queues)
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
        self.known(given, ("concurrent_executions", "account_id", "region"), ("account",))
        try:
            return self.make(Account, ("account",), given)
        except Unusable:
            return Account()

    def _queue(self, name: str, given: Mapping[str, Any]) -> Queue:
        path = ("queues", name)
        self.known(given, QUEUE_KEYS, path)
        if name.endswith(".fifo"):
            self.find(path, "FIFO queues are not built yet.", "Declare a standard queue.")
            raise Unusable
        fields = {key: value for key, value in given.items() if key in QUEUE_KEYS and key != "redrive_policy"}
        policy = given.get("redrive_policy")
        if policy is not None:
            fields["redrive_policy"] = self._redrive(path, policy)
        return self.make(
            Queue, path, {**fields, "name": name, "place": self.locator.place(*self.prefix, *path)}
        )

    def _redrive(self, path: tuple[str, ...], given: Any) -> RedrivePolicy:
        own = (*path, "redrive_policy")
        if not isinstance(given, dict) or "dead_letter_target" not in given:
            self.find(own, "names no dead_letter_target.", 'Write { dead_letter_target = "queues.NAME" }.')
            raise Unusable
        self.known(given, ("dead_letter_target", "max_receive_count"), own)
        target = self._reference((*own, "dead_letter_target"), given["dead_letter_target"], "queues")
        rest = {key: value for key, value in given.items() if key == "max_receive_count"}
        return self.make(RedrivePolicy, own, {**rest, "dead_letter_target": target})

    def _mapping(self, name: str, given: Mapping[str, Any]) -> EventSourceMapping:
        path = ("event_source_mappings", name)
        for key in [key for key in given if key in NOT_FOR_QUEUES]:
            text = messages.MAPPING_PARAMETER_UNSUPPORTED.of(field=NOT_FOR_QUEUES[key])
            self.find((*path, key), text, "Leave it out: it is for streams.")
        self.known({key: given[key] for key in given if key not in NOT_FOR_QUEUES}, MAPPING_KEYS, path)
        for key in ("event_source", "function"):
            if key not in given:
                self.find(path, f"has no {key}.", 'Write event_source = "queues.NAME" and function = "NAME".')
                raise Unusable
        types = given.get("function_response_types", [])
        if types not in ([], ["ReportBatchItemFailures"]):
            self.find(
                (*path, "function_response_types"),
                f"{toml_text(types)} is not known.",
                'Write ["ReportBatchItemFailures"].',
            )
        keys = ("function", "batch_size", "maximum_batching_window_in_seconds", "enabled")
        return self.make(
            EventSourceMapping,
            path,
            {
                **{key: given[key] for key in keys if key in given},
                "name": name,
                "queue": self._reference((*path, "event_source"), given["event_source"], "queues"),
                "report_batch_item_failures": bool(types),
                "place": self.locator.place(*self.prefix, *path),
            },
        )

    def _reference(self, path: tuple[str, ...], value: Any, kind: str) -> str:
        found, _, name = str(value).partition(".")
        if not isinstance(value, str) or found != kind or not name:
            hint = "is not built yet as a source." if found == "streams" else f"is no reference to {kind}."
            self.find(path, f"{toml_text(value)} {hint}", f'Write "{kind}.NAME".')
            raise Unusable
        return name

    def _references(self, document: Mapping[str, Any], queues: Mapping[str, Queue]) -> None:
        declared_queues = self.table(document, "queues", ())
        declared_functions = self.table(document, "functions", ())
        for name, queue in queues.items():
            policy = queue.redrive_policy
            if policy is not None and policy.dead_letter_target not in declared_queues:
                target_path = ("queues", name, "redrive_policy", "dead_letter_target")
                self.dangling(target_path, "queue", policy.dead_letter_target, declared_queues)
        for name, mapping in self.table(document, "event_source_mappings", ()).items():
            if not isinstance(mapping, dict):
                continue
            kind, _, source = str(mapping.get("event_source", "")).partition(".")
            if kind == "queues" and source and source not in declared_queues:
                at = ("event_source_mappings", name, "event_source")
                said = f" {messages.MAPPING_QUEUE_MISSING.text}"
                self.dangling(at, "queue", source, declared_queues, said)
            function = mapping.get("function")
            if isinstance(function, str) and function not in declared_functions:
                path = ("event_source_mappings", name, "function")
                said = f" {messages.MAPPING_FUNCTION_MISSING.text}."
                self.dangling(path, "function", function, declared_functions, said)
