"""The project file to declarations: `lambdarun.toml`, or `[tool.lambdarun]` in `pyproject.toml`.

Keys are AWS's API names in snake case. What is accepted acts; what AWS has and lambdarun has not is refused by name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

import cattrs
from attrs import AttrsInstance, define, field, fields, frozen, resolve_types

from lambdarun.aws import limits, messages
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
from lambdarun.project.key_locator import KeyLocator, syntax_place
from lambdarun.project.tables import (
    FUNCTION_KEYS,
    MAPPING_KEYS,
    NOT_BUILT,
    QUEUE_KEYS,
    TOP_KEYS,
    variable_fault,
)

T = TypeVar("T", bound=AttrsInstance)
_WHAT: Final = {int: "no whole number", str: "no text", bool: "neither true nor false"}
_WRITE: Final = {int: "Write a whole number.", str: "Put it in quotes.", bool: "Write true or false."}


class _WrongType(Exception):
    """A value of another type than its setting has."""

    def __init__(self, value: object, wanted: type) -> None:
        super().__init__(f"{value!r} is {_WHAT[wanted]}.")
        self.mend = _WRITE[wanted]


def _strict_converter() -> cattrs.Converter:
    """Structures declarations without bending values: a text is no number, a number is no truth value."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    # What the reader has made already (paths, references, nested declarations) passes as it is.
    converter.register_structure_hook_func(lambda wanted: wanted not in _WHAT, lambda value, _: value)

    def strictly(value: object, wanted: type) -> object:
        if type(value) is not wanted:
            raise _WrongType(value, wanted)
        return value

    for wanted in _WHAT:
        converter.register_structure_hook(wanted, strictly)
    converter.register_structure_hook(
        int | None, lambda value, _: None if value is None else strictly(value, int)
    )
    return converter


_CONVERTER: Final = _strict_converter()


@frozen(kw_only=True)
class RunSettings:
    """Defaults for commands, from `[settings]`; None: not set there."""

    seed: int | None = None
    speed: str | None = None
    durations: str | None = None


@frozen
class LoadedProject:
    """A project file's declarations and settings."""

    project: Project
    settings: RunSettings
    path: Path


def find(start: Path) -> Path | None:
    """The project file of `start` or of the nearest folder above it."""
    for folder in (start, *start.parents):
        own = folder / "lambdarun.toml"
        if own.is_file():
            return own
        shared = folder / "pyproject.toml"
        if shared.is_file() and "[tool.lambdarun" in shared.read_text(encoding="utf-8", errors="replace"):
            return shared
    return None


def load(path: Path) -> Project:
    """The declarations of a project file. Raises ProjectErrors with all findings, each with its place."""
    return load_all(path).project


def load_all(path: Path) -> LoadedProject:
    """The declarations and settings of a project file. Raises ProjectErrors."""
    name = _shown(path)
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ProjectErrors(
            [ProjectError(syntax_place(name, fault), "TOML", f"{fault}.", "Mend the syntax.")]
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise ProjectErrors(
            [ProjectError(syntax_place(name, tomllib.TOMLDecodeError("")), "file", f"{fault}.", "")]
        ) from None
    prefix: tuple[str, ...] = ()
    if path.name == "pyproject.toml":
        prefix = ("tool", "lambdarun")
        document = document.get("tool", {}).get("lambdarun", {})
    reader = _Reader(KeyLocator(name, text), path.parent, prefix)
    project = reader.project(document, name)
    settings = reader.settings(document.get("settings", {}))
    if reader.findings:
        raise ProjectErrors(reader.findings)
    return LoadedProject(project, settings, path)


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


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
            if target not in document.get("functions", {}):
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

    def settings(self, given: Mapping[str, Any]) -> RunSettings:
        """The defaults for commands."""
        self._known(given, ("seed", "speed", "durations"), ("settings",))
        choices = {"speed": ("max", "1x", "10x"), "durations": ("declared", "measured", "recorded")}
        for key, allowed in choices.items():
            if key in given and given[key] not in allowed:
                self._find(
                    ("settings", key),
                    f"{given[key]!r} is none of {', '.join(allowed)}.",
                    "Choose one of them.",
                )
        if "seed" in given and type(given["seed"]) is not int:
            self._find(
                ("settings", "seed"), f"{given['seed']!r} is no whole number.", "Write a whole number."
            )
        return RunSettings(**{key: given[key] for key in ("seed", "speed", "durations") if key in given})

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
                f"{runtime!r} is not built yet: functions run under this interpreter.",
                f"Leave it out, or write {running_runtime()!r}.",
            )
        if "handler" not in given:
            self._find(path, "has no handler.", 'Write handler = "module.function".')
            raise _Unusable
        code = self.root / str(given.get("code_uri", "."))
        if not code.is_dir():
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
        total = 0
        for name, value in variables.items():
            place = (*path, "environment", name)
            if not isinstance(value, str):
                self._find(place, f"{value!r} is no text.", "Put it in quotes.")
            elif (found := variable_fault(name)) is not None:
                self._find(place, *found)
            total += len(name) + len(str(value))
        if total > limits.ENVIRONMENT_BYTES.value:
            self._find(
                (*path, "environment"), f"has {total} bytes, above AWS's limit of 4 KB.", "Make it shorter."
            )
        return {name: str(value) for name, value in variables.items()}

    def _duration(self, path: tuple[str, ...], given: Mapping[str, Any]) -> DeclaredDuration | None:
        value = given.get("duration")
        if value is None:
            return None
        if isinstance(value, dict):
            self._known(value, ("p50", "p99"), (*path, "duration"))
            p50 = self._span((*path, "duration", "p50"), value.get("p50"))
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
            self._find(path, f"{value!r} is no duration.", 'Write a number with its unit: "40ms", "2s".')
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
        self._known(given, MAPPING_KEYS, path)
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
                f"{types!r} is not known.",
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
        if found != kind or not name:
            hint = "is not built yet as a source." if found == "streams" else f"is no reference to {kind}."
            self._find(path, f"{value!r} {hint}", f'Write "{kind}.NAME".')
            raise _Unusable
        return name

    def _references(self, document: Mapping[str, Any], queues: Mapping[str, Queue]) -> None:
        declared_queues, declared_functions = document.get("queues", {}), document.get("functions", {})
        for name, queue in queues.items():
            policy = queue.redrive_policy
            if policy is not None and policy.dead_letter_target not in declared_queues:
                target_path = ("queues", name, "redrive_policy", "dead_letter_target")
                self._dangling(target_path, "queue", policy.dead_letter_target, declared_queues)
        for name, mapping in self._table(document, "event_source_mappings", ()).items():
            source = str(mapping.get("event_source", "")).partition(".")[2]
            if source and source not in declared_queues:
                at = ("event_source_mappings", name, "event_source")
                said = f" {messages.MAPPING_QUEUE_MISSING.text}"
                self._dangling(at, "queue", source, declared_queues, said)
            if mapping.get("function", "") not in declared_functions:
                path = ("event_source_mappings", name, "function")
                self._dangling(path, "function", mapping.get("function", ""), declared_functions)

    def _all(
        self, document: Mapping[str, Any], kind: str, make: Callable[[str, Mapping[str, Any]], Any]
    ) -> dict[str, Any]:
        made = {}
        for name, given in self._table(document, kind, ()).items():
            if not isinstance(given, dict):
                self._find((kind, name), "is no table.", f"Write [{kind}.{name}].")
                continue
            try:
                made[name] = make(name, given)
            except _Unusable:
                continue
        return made

    def _make(self, kind: type[T], path: tuple[str, ...], values: Mapping[str, Any]) -> T:
        """An object of `kind`; a value of the wrong type or out of bounds is a finding at its key."""
        types = {attribute.name: attribute.type for attribute in fields(resolve_types(kind))}
        for key, value in values.items():
            try:
                _CONVERTER.structure(value, types[key])
            except _WrongType as fault:
                self._find((*path, key), str(fault), fault.mend)
                raise _Unusable from None
        try:
            return kind(**values)
        except ValueError as fault:
            self._bounds(path, str(fault))
            raise _Unusable from None

    def _bounds(self, path: tuple[str, ...], said: str) -> None:
        """A finding of a declaration's own validator: `key: text. mend`."""
        key, _, rest = said.partition(": ")
        text, dot, mend = rest.partition(". ")
        text = re.sub(r"\(AWS: [^)]*\)", "(AWS's limit)", text)
        self._find((*path, key), text + dot.strip(), mend)

    def _table(self, document: Mapping[str, Any], key: str, path: tuple[str, ...]) -> Mapping[str, Any]:
        value = document.get(key, {})
        if not isinstance(value, dict):
            self._find((*path, key), "is no table.", f"Write [{key}].")
            return {}
        return value

    def _known(self, given: Mapping[str, Any], known: tuple[str, ...], path: tuple[str, ...]) -> None:
        for key in given:
            if key in known:
                continue
            if key in NOT_BUILT:
                self._find((*path, key), "is AWS's, but not built yet.", "Leave it out: it would do nothing.")
            else:
                near = get_close_matches(key, known, 1)
                mend = f'Did you mean "{near[0]}"?' if near else f"Known here: {', '.join(known)}."
                self._find((*path, key), "no such setting.", mend)

    def _dangling(
        self, path: tuple[str, ...], kind: str, name: Any, declared: Mapping[str, Any], said: str = ""
    ) -> None:
        near = get_close_matches(str(name), declared, 1)
        mend = f'Did you mean "{near[0]}"?' if near else f"Declared: {', '.join(declared) or 'none'}."
        self._find(path, f"there is no {kind} {name!r}.{said}", mend)

    def _find(self, path: tuple[str, ...], fault: str, mend: str) -> None:
        self.findings.append(
            ProjectError(self.locator.place(*self.prefix, *path), ".".join(path), fault, mend)
        )
