"""Versions and aliases as `lambdarun list` shows them."""

from __future__ import annotations

from typing import Any

from lambdarun.model.declarations import Project
from lambdarun.model.function import Alias, Function
from lambdarun.project.toml_file import shown


def version_rows(project: Project) -> list[tuple[str, ...]]:
    """A table of what is published of all functions; empty where nothing is."""
    rows: list[tuple[str, ...]] = []
    for f in project.functions.values():
        for number, version in f.versions.items():
            what = f"{version.handler} in {shown(version.code_uri)}"
            rows.append((f"{f.name}:{number}", what, _executions(version)))
        rows += [
            (f"{f.name}:{name}", _points_to(alias), _executions(alias)) for name, alias in f.aliases.items()
        ]
    return [("VERSION OR ALIAS", "RUNS", "PROVISIONED"), *rows] if rows else []


def versions_as_json(function: Function) -> dict[str, Any]:
    """The same of one function, under the keys of the project file."""
    return {
        "versions": {
            number: {
                "handler": version.handler,
                "code_uri": str(version.code_uri),
                "timeout": version.timeout,
                "memory_size": version.memory_size,
                "environment": dict(version.environment),
                "provisioned_concurrent_executions": version.provisioned_concurrent_executions,
            }
            for number, version in function.versions.items()
        },
        "aliases": {
            name: {
                "function_version": alias.function_version,
                "routing_config": {"additional_version_weights": dict(alias.additional_version_weights)},
                "provisioned_concurrent_executions": alias.provisioned_concurrent_executions,
            }
            for name, alias in function.aliases.items()
        },
    }


def _points_to(alias: Alias) -> str:
    shares = [f"{weight:.0%} {version}" for version, weight in alias.additional_version_weights.items()]
    rest = 1 - sum(alias.additional_version_weights.values())
    return ", ".join([f"{rest:.0%} {alias.function_version}", *shares]) if shares else alias.function_version


def _executions(one: Function | Alias) -> str:
    declared = one.provisioned_concurrent_executions
    return "-" if declared is None else str(declared)
