"""What `list` and `validate` say of code packages and layers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path

from lambdarun.model.consistency import Finding, Severity
from lambdarun.model.declarations import Project
from lambdarun.model.function import Function
from lambdarun.model.layer import Layer
from lambdarun.model.package import Refused
from lambdarun.project.toml_file import shown
from lambdarun.runtime.code import Packages


def package_findings(functions: Iterable[Function]) -> Iterator[Finding]:
    """An error for each package that AWS would refuse. What is right is unpacked, as a run would."""
    packages = Packages()
    for fault in packages.prepare(functions):
        yield Finding(Severity.ERROR, fault.place, fault.key, fault.fault, fault.mend)
    packages.close()


def code_sha256(path: Path) -> str | None:
    """A zip file's CodeSha256 as AWS tells it; None for a folder, and for a file that is no good."""
    packages = Packages()
    try:
        return (
            b64encode(bytes.fromhex(packages.cache.facts(path).sha256)).decode() if path.is_file() else None
        )
    except (Refused, OSError):
        return None
    finally:
        packages.close()


def layers_as_json(project: Project, function: Function) -> list[dict[str, object]]:
    """The layers of a function, in their order."""
    return [
        {
            "arn": project.account.layer_arn(layer.name, layer.version) if layer.name is not None else None,
            "content": str(layer.content),
            "code_sha256": code_sha256(layer.content),
        }
        for layer in function.layers
    ]


def layer_rows(project: Project) -> list[tuple[str, ...]]:
    """A table of all layers that functions use; empty where none does."""
    users: dict[Layer, list[str]] = {}
    for function in project.functions.values():
        for layer in function.layers:
            users.setdefault(layer, []).append(function.name)
    if not users:
        return []
    rows: list[tuple[str, ...]] = [("LAYER", "VERSION", "CODE", "SHA256", "FUNCTIONS")]
    for layer, names in users.items():
        name, version = (layer.name, str(layer.version)) if layer.name is not None else ("-", "-")
        digest = code_sha256(layer.content)
        rows.append((name, version, shown(layer.content), digest or "-", ", ".join(names)))
    return rows
