"""`lambdarun doctor`: what this machine allows, what is missing, and how to allow it."""

from __future__ import annotations

import json
import sys

import click
from attrs import asdict

from lambdarun.cli import output
from lambdarun.runtime.resources import ResourceFacts
from lambdarun.runtime.sandbox_facts import SandboxFacts, sandbox_facts


@click.command()
@output.FORM
def doctor(form: str) -> None:
    """Try what this machine allows: sandboxes, networks, memory, processors."""
    sandbox, resources = sandbox_facts(), ResourceFacts.of_this_machine()
    if form == "json":
        told = {
            "schema": 1,
            "python": sys.executable,
            "sandbox": asdict(sandbox),
            "hints": sandbox.hints(),
            "resources": resources.lines(),
        }
        output.result(json.dumps(told, indent=2))
        return
    lines = [f"isolation: {_isolation(sandbox)}", *resources.lines(), *sandbox.hints()]
    output.result("\n".join(lines))


def _isolation(facts: SandboxFacts) -> str:
    if not facts.sandboxed:
        return f"process ({facts.why_not})"
    network = "networks of their own" if facts.network_namespaces else "no networks of their own"
    return f"namespace: Lambda's folders, processes of their own, {network}"
