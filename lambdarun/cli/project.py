"""`lambdarun list`, `validate` and `config show`."""

from __future__ import annotations

import json
from difflib import get_close_matches

import click

from lambdarun.cli import output
from lambdarun.cli.settings import Settings
from lambdarun.errors import UsageError
from lambdarun.model.consistency import Finding, Severity, check
from lambdarun.model.declarations import Project
from lambdarun.recordings.detect import SOURCES

_FORM = click.option(
    "-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)


def _project(settings: Settings) -> Project:
    if settings.project is None:
        raise UsageError("there is no lambdarun.toml here or above. Write one, or name it with --config.")
    return settings.project


@click.command("list")
@_FORM
@click.pass_context
def list_(context: click.Context, /, form: str) -> None:
    """Show what the project declares: functions, queues, mappings, routes."""
    project = _project(output.settings_of(context))
    if form == "json":
        output.result(json.dumps({"schema": 1, **_as_json(project)}, indent=2))
        return
    functions = [("FUNCTION", "HANDLER", "TIMEOUT", "MEMORY", "RESERVED", "CODE")]
    for f in project.functions.values():
        reserved = "-" if f.reserved_concurrent_executions is None else str(f.reserved_concurrent_executions)
        functions.append(
            (f.name, f.handler, f"{f.timeout} s", f"{f.memory_size} MB", reserved, str(f.code_uri))
        )
    parts = [output.columns(functions)]
    if project.queues:
        rows = [("QUEUE", "VISIBILITY", "RETENTION", "DEAD LETTERS")]
        for q in project.queues.values():
            policy = q.redrive_policy
            dead = "-" if policy is None else f"{policy.dead_letter_target} after {policy.max_receive_count}"
            rows.append((q.name, f"{q.visibility_timeout} s", f"{q.message_retention_period} s", dead))
        parts.append(output.columns(rows))
    if project.mappings:
        rows_m = [("MAPPING", "QUEUE", "FUNCTION", "BATCH", "WINDOW")]
        for m in project.mappings.values():
            window = f"{m.maximum_batching_window_in_seconds} s"
            rows_m.append((m.name, m.queue, m.function, str(m.batch_size), window))
        parts.append(output.columns(rows_m))
    if project.routes:
        parts.append(output.columns([("ROUTE", "FUNCTION"), *((r.key, r.function) for r in project.routes)]))
    output.result("\n\n".join(parts))


def _as_json(project: Project) -> dict[str, object]:
    return {
        "functions": [
            {
                "name": f.name,
                "handler": f.handler,
                "code_uri": str(f.code_uri),
                "timeout": f.timeout,
                "memory_size": f.memory_size,
                "reserved_concurrent_executions": f.reserved_concurrent_executions,
            }
            for f in project.functions.values()
        ],
        "queues": [
            {
                "name": q.name,
                "visibility_timeout": q.visibility_timeout,
                "retention": q.message_retention_period,
            }
            for q in project.queues.values()
        ],
        "event_source_mappings": [
            {"name": m.name, "queue": m.queue, "function": m.function, "batch_size": m.batch_size}
            for m in project.mappings.values()
        ],
        "routes": {r.key: r.function for r in project.routes},
    }


@click.command()
@_FORM
@click.pass_context
def validate(context: click.Context, /, form: str) -> None:
    """Check the project file: exit 3 if AWS or lambdarun would refuse it."""
    settings = output.settings_of(context)
    project = _project(settings)
    findings = [*check(project), *_routes(project)]
    for finding in findings:
        output.notice(settings, str(finding), finding.severity.value)
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    counts = {
        "functions": len(project.functions),
        "queues": len(project.queues),
        "event_source_mappings": len(project.mappings),
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
        said = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
        output.result(f"ok: {said}")
    raise SystemExit(3 if errors else 0)


def _routes(project: Project) -> list[Finding]:
    """Routes of sources that no event has unless its recording says so itself."""
    findings = []
    for route in project.routes:
        if ":" not in route.key and route.key not in SOURCES:
            near = get_close_matches(route.key, SOURCES, 1)
            mend = f'Did you mean "{near[0]}"?' if near else f"Known are {', '.join(SOURCES)}."
            text = "no service is known by this name: only lines of a recording that give it as their source come here."
            findings.append(Finding(Severity.WARNING, None, f"routes.{route.key}", text, mend))
    return findings


@click.group()
def config() -> None:
    """Settings and where they come from."""


@config.command()
@_FORM
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
        *((name, str(one.value), one.origin) for name, one in chosen.items()),
    ]
    output.result(f"project file: {file}\n\n{output.columns(rows)}")
