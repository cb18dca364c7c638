"""`[functions.NAME]` of a project file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define

from lambdarun.model.cpu import Cpu
from lambdarun.model.function import AsyncInvokeConfiguration, DeclaredDuration, Function, running_runtime
from lambdarun.model.runtime_faults import runtime_fault
from lambdarun.model.runtimes import Engine, Family, family_of
from lambdarun.project.layers import LayerReader, is_package
from lambdarun.project.logging_configs import read_logging_config
from lambdarun.project.reading import Reading, Unusable
from lambdarun.project.sandbox_settings import sandbox_settings
from lambdarun.project.tables import FUNCTION_KEYS
from lambdarun.project.toml_text import toml_text
from lambdarun.project.variables import variable_faults
from lambdarun.project.versions import VersionsReader


@define(eq=False)
class FunctionReader:
    """Makes functions of their tables."""

    reading: Reading
    layers: LayerReader

    def read(self, name: str, given: Mapping[str, Any]) -> Function:
        """The function `name`, with its versions and aliases. Raises Unusable where its table has findings."""
        path = ("functions", name)
        versions = VersionsReader(self.reading, self._read, self._asynchronous)
        return versions.complete(self._read(name, path, given), path, given)

    def _read(self, name: str, path: tuple[str, ...], given: Mapping[str, Any]) -> Function:
        self.reading.known(given, FUNCTION_KEYS, path)
        runtime = given.get("runtime", running_runtime())
        fault = runtime_fault(runtime, running_runtime())
        if fault is not None:
            self.reading.find((*path, "runtime"), *fault)
        family = family_of(runtime) if isinstance(runtime, str) else None
        if "handler" not in given:
            self.reading.find(path, "has no handler.", 'Write handler = "module.function".')
            raise Unusable
        uri = given.get("code_uri", ".")
        code = self.reading.root / str(uri)
        if not isinstance(uri, str):
            self.reading.find((*path, "code_uri"), f"{toml_text(uri)} is no text.", "Put it in quotes.")
        elif not is_package(code):
            self.reading.find(
                (*path, "code_uri"),
                f"there is no folder {code}.",
                "Name the folder or the zip file that holds the code.",
            )
        own = {
            key: given[key]
            for key in (
                "handler",
                "timeout",
                "memory_size",
                "reserved_concurrent_executions",
                "provisioned_concurrent_executions",
            )
            if key in given
        }
        return self.reading.make(
            Function,
            path,
            {
                **own,
                "name": name,
                "code_uri": code.resolve(),
                "code_place": self.reading.locator.place(*self.reading.prefix, *path, "code_uri"),
                "runtime": runtime,
                "engine": self._engine(path, given, family),
                "layers": self.layers.of(path, given),
                "cpu": self._cpu(path, given),
                "environment": self._variables(path, given),
                "duration": self._duration(path, given),
                "init_duration": self.reading.span(
                    (*path, "init_duration"), given.get("init_duration", "0s")
                ),
                "asynchronous": self._asynchronous(path, given),
                "logging_config": read_logging_config(self.reading, path, given),
                **sandbox_settings(self.reading, path, given),
                "place": self.reading.locator.place(*self.reading.prefix, *path),
            },
        )

    def _engine(self, path: tuple[str, ...], given: Mapping[str, Any], family: Family | None) -> Engine:
        told = given.get("engine", Engine.BUILTIN.value)
        names = [engine.value for engine in Engine]
        if told not in names:
            shown = " or ".join(toml_text(name) for name in names)
            self.reading.find((*path, "engine"), f"{toml_text(told)} is no engine.", f"Write {shown}.")
            return Engine.BUILTIN
        if "engine" in given and family is not Family.PYTHON:
            self.reading.find((*path, "engine"), "is for Python's runtimes alone.", "Leave it out.")
        return Engine(told)

    def _cpu(self, path: tuple[str, ...], given: Mapping[str, Any]) -> Cpu:
        value = given.get("cpu", Cpu.FULL.value)
        if value not in [one.value for one in Cpu]:
            self.reading.find(
                (*path, "cpu"),
                f"{toml_text(value)} is no share.",
                'Write "full" or "scaled" (by memory_size).',
            )
            return Cpu.FULL
        return Cpu(value)

    def _asynchronous(self, path: tuple[str, ...], given: Mapping[str, Any]) -> AsyncInvokeConfiguration:
        own = self.reading.table(given, "async", path)
        keys = ("maximum_retry_attempts", "maximum_event_age_in_seconds")
        self.reading.known(own, keys, (*path, "async"))
        return self.reading.make(
            AsyncInvokeConfiguration, (*path, "async"), {key: own[key] for key in keys if key in own}
        )

    def _variables(self, path: tuple[str, ...], given: Mapping[str, Any]) -> dict[str, str]:
        variables = self.reading.table(given, "environment", path)
        for name, fault, mend in variable_faults(variables):
            at = (*path, "environment") if name is None else (*path, "environment", name)
            self.reading.find(at, fault, mend)
        return {name: str(value) for name, value in variables.items()}

    def _duration(self, path: tuple[str, ...], given: Mapping[str, Any]) -> DeclaredDuration | None:
        value = given.get("duration")
        if value is None:
            return None
        if isinstance(value, dict):
            self.reading.known(value, ("p50", "p99"), (*path, "duration"))
            if "p50" not in value:
                self.reading.find(
                    (*path, "duration"), "has no p50.", 'Write { p50 = "40ms", p99 = "400ms" }.'
                )
                return None
            p50 = self.reading.span((*path, "duration", "p50"), value["p50"])
            p99 = self.reading.span((*path, "duration", "p99"), value.get("p99", value.get("p50")))
            if p99 < p50:
                self.reading.find((*path, "duration", "p99"), "is below p50.", "Give the larger one as p99.")
            return DeclaredDuration(p50=p50, p99=p99)
        span = self.reading.span((*path, "duration"), value)
        return DeclaredDuration(p50=span, p99=span)
