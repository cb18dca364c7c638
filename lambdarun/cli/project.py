"""`lambdarun list`, `validate` and `config show`."""

from __future__ import annotations

import json

import click

from lambdarun.cli import output
from lambdarun.cli.alarms import alarm_rows, alarms_as_json
from lambdarun.cli.mappings import mapping_rows, mappings_as_json
from lambdarun.cli.packages import code_sha256, layer_rows, layers_as_json, package_findings
from lambdarun.cli.queues import queue_rows, queues_as_json
from lambdarun.cli.settings import Settings
from lambdarun.cli.versions import version_rows, versions_as_json
from lambdarun.errors import UsageError
from lambdarun.model.consistency import Severity, check
from lambdarun.model.declarations import Project
from lambdarun.project.modules import missing_modules
from lambdarun.project.toml_file import shown


def _project(settings: Settings) -> Project:
    if settings.project is None:
        raise UsageError("there is no lambdarun.toml here or above. Write one, or name it with --config.")
    return settings.project


@click.command("list")
@output.FORM
@click.pass_context
def list_(context: click.Context, /, form: str) -> None:
    """Show what the project declares: functions, layers, queues, mappings, alarms, routes."""
    project = _project(output.settings_of(context))
    if form == "json":
        output.result(json.dumps({"schema": 1, **_as_json(project)}, indent=2))
        return
    functions = [("FUNCTION", "HANDLER", "TIMEOUT", "MEMORY", "RESERVED", "CODE")]
    for f in project.functions.values():
        reserved = "-" if f.reserved_concurrent_executions is None else str(f.reserved_concurrent_executions)
        functions.append(
            (f.name, f.handler, f"{f.timeout} s", f"{f.memory_size} MB", reserved, shown(f.code_uri))
        )
    parts = [output.columns(functions) if project.functions else "the project declares no function"]
    versions = version_rows(project)
    if versions:
        parts.append(output.columns(versions))
    layers = layer_rows(project)
    if layers:
        parts.append(output.columns(layers))
    queues = queue_rows(project)
    if queues:
        parts.append(output.columns(queues))
    mappings = mapping_rows(project)
    if mappings:
        parts.append(output.columns(mappings))
    if project.alarms:
        parts.append(output.columns(alarm_rows(project)))
    if project.routes:
        parts.append(output.columns([("ROUTE", "FUNCTION"), *((r.key, r.function) for r in project.routes)]))
    output.result("\n\n".join(parts))


def _as_json(project: Project) -> dict[str, object]:
    """All declarations, under the keys of the project file."""
    return {
        "functions": [
            {
                "name": f.name,
                "handler": f.handler,
                "code_uri": str(f.code_uri),
                "code_sha256": code_sha256(f.code_uri),
                "layers": layers_as_json(project, f),
                "runtime": f.runtime,
                "timeout": f.timeout,
                "memory_size": f.memory_size,
                "cpu": f.cpu.value,
                "reserved_concurrent_executions": f.reserved_concurrent_executions,
                **versions_as_json(f),
                "environment": dict(f.environment),
                "logging_config": {
                    "log_format": f.logging.log_format.value,
                    **(
                        {
                            "application_log_level": f.logging.application_level.value,
                            "system_log_level": f.logging.system_level.value,
                        }
                        if f.logging.is_json
                        else {}
                    ),
                    "log_group": f.log_group,
                },
                "async": {
                    "maximum_retry_attempts": f.asynchronous.maximum_retry_attempts,
                    "maximum_event_age_in_seconds": f.asynchronous.maximum_event_age_in_seconds,
                },
            }
            for f in project.functions.values()
        ],
        "queues": queues_as_json(project),
        "event_source_mappings": mappings_as_json(project),
        "alarms": alarms_as_json(project),
        "routes": {r.key: r.function for r in project.routes},
    }


@click.command()
@output.FORM
@click.pass_context
def validate(context: click.Context, /, form: str) -> None:
    """Check the project file: exit 3 if AWS or lambdarun would refuse it."""
    settings = output.settings_of(context)
    project = _project(settings)
    declared = [one for f in project.functions.values() for one in (f, *f.versions.values())]
    findings = [*check(project), *missing_modules(declared), *package_findings(declared)]
    for finding in findings:
        output.notice(settings, str(finding), finding.severity.value)
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    counts = {
        "functions": len(project.functions),
        "queues": len(project.queues),
        "event_source_mappings": len(project.mappings),
        "alarms": len(project.alarms),
    }
    if form == "json":
        found = [
            {
                "severity": f.severity.value,
                "key": f.key,
                "place": str(f.place or ""),
                "text": f.text,
                "mend": f.mend,
            }
            for f in findings
        ]
        output.result(json.dumps({"schema": 1, **counts, "findings": found}, indent=2))
    elif not errors:
        told = {name: count for name, count in counts.items() if count or name != "alarms"}
        said = ", ".join(_counted(count, name) for name, count in told.items())
        output.result(f"ok: {said}")
    raise SystemExit(3 if errors else 0)


def _counted(count: int, name: str) -> str:
    return f"{count} {name.removesuffix('s') if count == 1 else name}".replace("_", " ")


@click.group()
def config() -> None:
    """Settings and where they come from."""


@config.command()
@output.FORM
@click.pass_context
def show(context: click.Context, /, form: str) -> None:
    """Print each setting with its origin."""
    settings = output.settings_of(context)
    chosen = settings.chosen({})
    file = str(settings.loaded.path) if settings.loaded is not None else "none"
    if form == "json":
        values = {name: {"value": one.value, "origin": one.origin} for name, one in chosen.items()}
        output.result(json.dumps({"schema": 1, "project_file": file, "settings": values}, indent=2))
        return
    rows = [
        ("SETTING", "VALUE", "ORIGIN"),
        *((name, _said(one.value), one.origin) for name, one in chosen.items()),
    ]
    output.result(f"project file: {file}\n\n{output.columns(rows)}")


def _said(value: object) -> str:
    # None only of the isolation: namespaces where the machine has them, else processes.
    return "as the machine allows" if value is None else str(value)
