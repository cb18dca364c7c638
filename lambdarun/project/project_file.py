"""The project file to declarations: `lambdarun.toml`, or `[tool.lambdarun]` in `pyproject.toml`.

Keys are AWS's API names in snake case. What is accepted acts; what AWS has and lambdarun has not is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from attrs import AttrsInstance, define, field, fields, frozen, resolve_types

from lambdarun.aws import messages
from lambdarun.errors import ProjectError, ProjectErrors
from lambdarun.model.declarations import (
    Account,
    AsyncInvokeConfiguration,
    DeclaredDuration,
    EventSourceMapping,
    Function,
    Project,
    Queue,
    RedrivePolicy,
    Route,
    running_runtime,
)
from lambdarun.model.instant import Duration, parse_duration
from lambdarun.model.near_names import did_you_mean
from lambdarun.model.sources import SOURCES
from lambdarun.project.key_locator import KeyLocator
from lambdarun.project.run_settings import CHOICES, RunSettings
from lambdarun.project.strict_values import CONVERTER, WrongType
from lambdarun.project.tables import (
    FUNCTION_KEYS,
    MAPPING_KEYS,
    NOT_BUILT,
    NOT_FOR_QUEUES,
    QUEUE_KEYS,
    TOP_KEYS,
)
from lambdarun.project.toml_file import read_document, shown
from lambdarun.project.toml_text import key_text, toml_text
from lambdarun.project.variables import variable_faults

T = TypeVar("T", bound=AttrsInstance)


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
    if reader.findings:
        raise ProjectErrors(reader.ordered())
    return LoadedProject(project, settings, path)


# A project file is read to its end whatever is wrong in it: findings are gathered, and what has one is left out, so
# that ten faults are told at once and not one a run.
class _Unusable(Exception):
    """A declaration has a finding already: leave it out."""


@define(eq=False)
class _Reader:
    locator: KeyLocator
    root: Path
    prefix: tuple[str, ...]
    findings: list[ProjectError] = field(factory=list)

    def project(self, document: Mapping[str, Any], file: str) -> Project:
        """Everything declared, as far as it is right."""
        self._known(document, TOP_KEYS, ())
        functions = self._all(document, "functions", self._function)
        queues = self._all(document, "queues", self._queue)
        mappings = self._all(document, "event_source_mappings", self._mapping)
        routes = []
        for key, target in self._table(document, "routes", ()).items():
            if ":" not in key and key not in SOURCES:
                mend = did_you_mean(key, SOURCES, f"Sources: {', '.join(sorted(SOURCES))}.")
                self._find(("routes", key), "no service has this name.", mend)
            elif not isinstance(target, str) or target not in document.get("functions", {}):
                self._dangling(("routes", key), "function", target, document.get("functions", {}))
            else:
                routes.append(Route(key=key, function=target))
        project = Project(
            account=self._account(document),
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
        given = self._table(document, "settings", ())
        known = tuple(one.name for one in fields(RunSettings))
        self._known(given, known, ("settings",))
        for key, allowed in CHOICES.items():
            if key in given and given[key] not in allowed:
                self._find(
                    ("settings", key),
                    f"{toml_text(given[key])} is none of {', '.join(allowed)}.",
                    "Choose one of them.",
                )
        if "seed" in given and type(given["seed"]) is not int:
            self._find(
                ("settings", "seed"),
                f"{toml_text(given['seed'])} is no whole number.",
                "Write a whole number.",
            )
        return RunSettings(**{key: given[key] for key in known if key in given})

    def _account(self, document: Mapping[str, Any]) -> Account:
        given = self._table(document, "account", ())
        self._known(given, ("concurrent_executions", "account_id", "region"), ("account",))
        try:
            return self._make(Account, ("account",), given)
        except _Unusable:
            return Account()

    def _function(self, name: str, given: Mapping[str, Any]) -> Function:
        path = ("functions", name)
        self._known(given, FUNCTION_KEYS, path)
        runtime = given.get("runtime", running_runtime())
        if runtime != running_runtime():
            self._find(
                (*path, "runtime"),
                f"{toml_text(runtime)} is not built yet: functions run under this interpreter.",
                f"Leave it out, or write {toml_text(running_runtime())}.",
            )
        if "handler" not in given:
            self._find(path, "has no handler.", 'Write handler = "module.function".')
            raise _Unusable
        uri = given.get("code_uri", ".")
        code = self.root / str(uri)
        if not isinstance(uri, str):
            self._find((*path, "code_uri"), f"{toml_text(uri)} is no text.", "Put it in quotes.")
        elif not code.is_dir():
            self._find(
                (*path, "code_uri"), f"there is no folder {code}.", "Name the folder that holds the code."
            )
        own = {
            key: given[key]
            for key in ("handler", "timeout", "memory_size", "reserved_concurrent_executions")
            if key in given
        }
        return self._make(
            Function,
            path,
            {
                **own,
                "name": name,
                "code_uri": code.resolve(),
                "runtime": runtime,
                "environment": self._variables(path, given),
                "duration": self._duration(path, given),
                "init_duration": self._span((*path, "init_duration"), given.get("init_duration", "0s")),
                "asynchronous": self._asynchronous(path, given),
                "place": self.locator.place(*self.prefix, *path),
            },
        )

    def _asynchronous(self, path: tuple[str, ...], given: Mapping[str, Any]) -> AsyncInvokeConfiguration:
        own = self._table(given, "async", path)
        keys = ("maximum_retry_attempts", "maximum_event_age_in_seconds")
        self._known(own, keys, (*path, "async"))
        return self._make(
            AsyncInvokeConfiguration, (*path, "async"), {key: own[key] for key in keys if key in own}
        )

    def _variables(self, path: tuple[str, ...], given: Mapping[str, Any]) -> dict[str, str]:
        variables = self._table(given, "environment", path)
        for name, fault, mend in variable_faults(variables):
            at = (*path, "environment") if name is None else (*path, "environment", name)
            self._find(at, fault, mend)
        return {name: str(value) for name, value in variables.items()}

    def _duration(self, path: tuple[str, ...], given: Mapping[str, Any]) -> DeclaredDuration | None:
        value = given.get("duration")
        if value is None:
            return None
        if isinstance(value, dict):
            self._known(value, ("p50", "p99"), (*path, "duration"))
            if "p50" not in value:
                self._find((*path, "duration"), "has no p50.", 'Write { p50 = "40ms", p99 = "400ms" }.')
                return None
            p50 = self._span((*path, "duration", "p50"), value["p50"])
            p99 = self._span((*path, "duration", "p99"), value.get("p99", value.get("p50")))
            if p99 < p50:
                self._find((*path, "duration", "p99"), "is below p50.", "Give the larger one as p99.")
            return DeclaredDuration(p50=p50, p99=p99)
        span = self._span((*path, "duration"), value)
        return DeclaredDuration(p50=span, p99=span)

    def _span(self, path: tuple[str, ...], value: Any) -> Duration:
        try:
            return parse_duration(value)
        except (TypeError, ValueError):
            self._find(
                path, f"{toml_text(value)} is no duration.", 'Write a number with its unit: "40ms", "2s".'
            )
            return Duration(0)

    def _queue(self, name: str, given: Mapping[str, Any]) -> Queue:
        path = ("queues", name)
        self._known(given, QUEUE_KEYS, path)
        if name.endswith(".fifo"):
            self._find(path, "FIFO queues are not built yet.", "Declare a standard queue.")
            raise _Unusable
        fields = {key: value for key, value in given.items() if key in QUEUE_KEYS and key != "redrive_policy"}
        policy = given.get("redrive_policy")
        if policy is not None:
            fields["redrive_policy"] = self._redrive(path, policy)
        return self._make(
            Queue, path, {**fields, "name": name, "place": self.locator.place(*self.prefix, *path)}
        )

    def _redrive(self, path: tuple[str, ...], given: Any) -> RedrivePolicy:
        own = (*path, "redrive_policy")
        if not isinstance(given, dict) or "dead_letter_target" not in given:
            self._find(own, "names no dead_letter_target.", 'Write { dead_letter_target = "queues.NAME" }.')
            raise _Unusable
        self._known(given, ("dead_letter_target", "max_receive_count"), own)
        target = self._reference((*own, "dead_letter_target"), given["dead_letter_target"], "queues")
        rest = {key: value for key, value in given.items() if key == "max_receive_count"}
        return self._make(RedrivePolicy, own, {**rest, "dead_letter_target": target})

    def _mapping(self, name: str, given: Mapping[str, Any]) -> EventSourceMapping:
        path = ("event_source_mappings", name)
        for key in [key for key in given if key in NOT_FOR_QUEUES]:
            text = messages.MAPPING_PARAMETER_UNSUPPORTED.of(field=NOT_FOR_QUEUES[key])
            self._find((*path, key), text, "Leave it out: it is for streams.")
        self._known({key: given[key] for key in given if key not in NOT_FOR_QUEUES}, MAPPING_KEYS, path)
        for key in ("event_source", "function"):
            if key not in given:
                self._find(
                    path, f"has no {key}.", 'Write event_source = "queues.NAME" and function = "NAME".'
                )
                raise _Unusable
        types = given.get("function_response_types", [])
        if types not in ([], ["ReportBatchItemFailures"]):
            self._find(
                (*path, "function_response_types"),
                f"{toml_text(types)} is not known.",
                'Write ["ReportBatchItemFailures"].',
            )
        keys = ("function", "batch_size", "maximum_batching_window_in_seconds", "enabled")
        return self._make(
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
            self._find(path, f"{toml_text(value)} {hint}", f'Write "{kind}.NAME".')
            raise _Unusable
        return name

    def _references(self, document: Mapping[str, Any], queues: Mapping[str, Queue]) -> None:
        declared_queues = self._table(document, "queues", ())
        declared_functions = self._table(document, "functions", ())
        for name, queue in queues.items():
            policy = queue.redrive_policy
            if policy is not None and policy.dead_letter_target not in declared_queues:
                target_path = ("queues", name, "redrive_policy", "dead_letter_target")
                self._dangling(target_path, "queue", policy.dead_letter_target, declared_queues)
        for name, mapping in self._table(document, "event_source_mappings", ()).items():
            if not isinstance(mapping, dict):
                continue
            kind, _, source = str(mapping.get("event_source", "")).partition(".")
            if kind == "queues" and source and source not in declared_queues:
                at = ("event_source_mappings", name, "event_source")
                said = f" {messages.MAPPING_QUEUE_MISSING.text}"
                self._dangling(at, "queue", source, declared_queues, said)
            function = mapping.get("function")
            if isinstance(function, str) and function not in declared_functions:
                path = ("event_source_mappings", name, "function")
                said = f" {messages.MAPPING_FUNCTION_MISSING.text}."
                self._dangling(path, "function", function, declared_functions, said)

    def _all(
        self, document: Mapping[str, Any], kind: str, make: Callable[[str, Mapping[str, Any]], Any]
    ) -> dict[str, Any]:
        made = {}
        for name, given in self._table(document, kind, ()).items():
            if not isinstance(given, dict):
                self._find((kind, name), "is no table.", f"Write [{key_text((*self.prefix, kind, name))}].")
                continue
            try:
                made[name] = make(name, given)
            except _Unusable:
                continue
        return made

    def _make(self, kind: type[T], path: tuple[str, ...], values: Mapping[str, Any]) -> T:
        """An object of `kind`; each value of the wrong type or out of bounds is a finding at its key."""
        before = len(self.findings)
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
                self._find((*path, attribute.name), str(fault), fault.mend)
            except ValueError as fault:
                self._bounds(path, str(fault))
        if len(self.findings) > before:
            raise _Unusable
        return kind(**values)

    def _bounds(self, path: tuple[str, ...], said: str) -> None:
        """A finding of a declaration's own validator: `key: text. mend`."""
        key, _, rest = said.partition(": ")
        text, dot, mend = rest.partition(". ")
        text = re.sub(r"\(AWS: [^)]*\)", "(AWS's limit)", text)
        at = path if key == "name" else (*path, key)  # a declaration's name is no key in it
        self._find(at, text + dot.strip(), mend)

    def _table(self, document: Mapping[str, Any], key: str, path: tuple[str, ...]) -> Mapping[str, Any]:
        value = document.get(key, {})
        if not isinstance(value, dict):
            name = ".NAME" if isinstance(value, list) else ""
            self._find((*path, key), "is no table.", f"Write [{key_text((*self.prefix, *path, key))}{name}].")
            return {}
        return value

    def _known(self, given: Mapping[str, Any], known: tuple[str, ...], path: tuple[str, ...]) -> None:
        for key in given:
            if key in known:
                continue
            if key in NOT_BUILT:
                self._find((*path, key), "is AWS's, but not built yet.", "Leave it out: it would do nothing.")
            else:
                mend = did_you_mean(key, known, f"Known here: {', '.join(known)}.")
                self._find((*path, key), "no such setting.", mend)

    def _dangling(
        self, path: tuple[str, ...], kind: str, name: Any, declared: Mapping[str, Any], said: str = ""
    ) -> None:
        mend = did_you_mean(str(name), declared, f"Declared: {', '.join(declared) or 'none'}.")
        self._find(path, f"there is no {kind} {name!r}.{said}", mend)

    def _find(self, path: tuple[str, ...], fault: str, mend: str) -> None:
        self.findings.append(
            ProjectError(self.locator.place(*self.prefix, *path), key_text(path), fault, mend)
        )
