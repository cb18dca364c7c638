"""The house keeps its shape: imports point down, one clock, one chance, facts with their pages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from attrs import fields

import lambdarun
from lambdarun.aws import limits, messages, metric_names
from lambdarun.aws.limits import Figure, Setting
from lambdarun.aws.messages import ErrorText
from lambdarun.aws.metric_names import Metric
from lambdarun.model import records

PACKAGE = Path(lambdarun.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
# Layer -> layers below it.
MAY_IMPORT = {
    "aws": set(),
    "worker": set(),
    "model": {"aws"},
    "views": {"model", "aws"},
    "project": {"model", "aws"},
    "recordings": {"model", "aws"},
    "runtime": {"model", "aws", "worker"},
    "report": {"views", "model", "aws"},
}
IO = {
    "trio",
    "structlog",
    "click",
    "sqlite3",
    "socket",
    "subprocess",
    "os",
    "time",
    "random",
    "threading",
    "logging",
    "pathlib",
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    reached = {name.split(".")[1] for name in imported(path) if name.startswith("lambdarun.") and "." in name}
    allowed = MAY_IMPORT.get(layer(path))
    if allowed is not None:
        assert reached - {layer(path), "errors"} <= allowed


@pytest.mark.parametrize(
    "path", [p for p in MODULES if layer(p) in {"aws", "model", "views"}], ids=lambda p: p.name
)
def test_cores_and_views_touch_neither_clock_nor_chance_nor_the_outside(path: Path) -> None:
    allowed = {"draws.py": {"random"}, "declarations.py": {"pathlib"}}.get(path.name, set())
    assert {name.split(".")[0] for name in imported(path)} & IO <= allowed


@pytest.mark.parametrize("path", [p for p in MODULES if layer(p) != "worker"], ids=lambda p: p.name)
def test_trio_stays_in_the_runtime(path: Path) -> None:
    names = {name.split(".")[0] for name in imported(path)}
    assert "trio" not in names or layer(path) in {"runtime", "cli"}


@pytest.mark.parametrize("path", [p for p in MODULES if layer(p) != "worker"], ids=lambda p: p.name)
def test_one_clock_and_one_chance(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name != "clock.py":
        assert not re.search(r"\btime\.(time|monotonic|perf_counter)|datetime\.now|utcnow\(", text)
    if path.name != "draws.py":
        assert not re.search(r"\brandom\.|uuid4|urandom", text)


def test_the_worker_imports_nothing_of_ours() -> None:
    for path in PACKAGE.joinpath("worker").glob("*.py"):
        names = {name.split(".")[0] for name in imported(path)}
        assert not names & {"lambdarun", "trio", "attrs", "attr", "structlog", "click", "cattrs"}, path


def test_no_circle_among_modules() -> None:
    graph = {}
    for path in MODULES:
        name = "lambdarun." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        graph[name.removesuffix(".__init__")] = {n for n in imported(path) if n.startswith("lambdarun.")}
    done: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join([*above, name])
        if name in done or name not in graph:
            return
        if name != "lambdarun":
            for below in graph[name]:
                walk(below, (*above, name))
        done.add(name)

    for name in graph:
        walk(name, ())


def test_every_fact_names_its_page() -> None:
    facts = [value for module in (limits, messages, metric_names) for value in vars(module).values()]
    sourced = [fact for fact in facts if isinstance(fact, Setting | Figure | ErrorText | Metric)]
    assert len(sourced) > 60
    assert all(fact.source.startswith("https://docs.aws.amazon.com/") for fact in sourced)


def test_every_record_has_its_kind_and_is_in_the_union() -> None:
    kinds = [
        kind
        for kind in vars(records).values()
        if isinstance(kind, type) and issubclass(kind, records.Happened)
    ]
    listed = {kind for kind in kinds if kind is not records.Happened}
    assert listed == set(records.Record.__args__)
    assert len({kind.kind for kind in listed}) == len(listed)
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", kind.kind) for kind in listed)
    assert all(fields(kind)[0].name == "time" for kind in listed)


def test_importing_lambdarun_brings_no_trio() -> None:
    import subprocess
    import sys

    code = "import lambdarun, sys; raise SystemExit('trio' in sys.modules or 'attrs' in sys.modules and 'trio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_all_resolve() -> None:
    for name in lambdarun.__all__:
        assert getattr(lambdarun, name) is not None
