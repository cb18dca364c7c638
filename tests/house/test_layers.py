"""The house keeps its shape: imports point down, one clock, one chance, facts with their pages."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import fields

import lambdarun
from lambdarun.aws import (
    alarm_reasons,
    filter_messages,
    limits,
    mapping_messages,
    messages,
    metric_names,
    platform_errors,
    runtime_api,
    sqs_messages,
    sqs_queue_messages,
    version_messages,
)
from lambdarun.aws.alarm_reasons import ReasonText
from lambdarun.aws.limits import Figure, Setting
from lambdarun.aws.messages import ErrorText
from lambdarun.aws.metric_names import Metric
from lambdarun.aws.platform_errors import PlatformError
from lambdarun.aws.runtime_api import ApiError
from lambdarun.model import records

PACKAGE = Path(lambdarun.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = {"aws", "worker", "model", "views", "project", "recordings", "runtime", "report", "cli"}
# Layer -> layers below it; single modules of the package stand under their own names.
MAY_IMPORT = {
    "aws": set(),
    "worker": set(),
    "errors": set(),
    "model": {"aws"},
    "views": {"model", "aws"},
    "project": {"model", "aws"},
    "recordings": {"model", "aws"},
    "runtime": {"model", "aws", "worker"},
    "report": {"views", "model", "aws"},
    "cli": ROOMS - {"worker"},
    "__init__": ROOMS - {"cli", "worker"},
    "__main__": {"cli"},
}
OUTSIDE = {
    "asyncio", "builtins", "click", "fcntl", "glob", "http", "io", "logging", "mmap", "multiprocessing", "os",
    "pathlib", "select", "selectors", "shutil", "signal", "socket", "sqlite3", "structlog", "subprocess", "sys",
    "tempfile", "threading", "trio", "urllib",
}  # fmt: skip
"""Modules by which a core would touch the world: a process, a file, a socket, a log, a thread."""
CLOCK = {"time", "sched", "time_machine"}
CHANCE = {"random", "secrets", "uuid"}
# What cores take of them all the same, and why that touches nothing.
FACTS = (
    alarm_reasons,
    filter_messages,
    limits,
    mapping_messages,
    messages,
    metric_names,
    platform_errors,
    runtime_api,
    sqs_messages,
    sqs_queue_messages,
    version_messages,
)
HARMLESS = {
    "draws.py": {"random"},  # the one place of chance
    "function.py": {"pathlib", "sys"},  # a path as a value; the interpreter's version
    "news.py": {"pathlib"},  # a path as a value
    "layer.py": {"pathlib"},  # as above
    "platform_errors.py": {"signal"},  # the signals' names
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def roots(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def shown(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def of(*layers: str) -> list[Path]:
    return [path for path in MODULES if layer(path) in layers]


def test_every_room_is_on_the_plan() -> None:
    assert {layer(path) for path in MODULES} == MAY_IMPORT.keys()


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_imports_point_down(path: Path) -> None:
    reached = {name.split(".")[1] for name in imported(path) if name.startswith("lambdarun.")}
    assert reached - {layer(path), "errors"} <= MAY_IMPORT[layer(path)]


@pytest.mark.parametrize("path", of("aws", "model", "views", "report", "errors"), ids=shown)
def test_what_decides_and_what_sums_up_touches_nothing_outside(path: Path) -> None:
    assert roots(path) & (OUTSIDE | CLOCK | CHANCE) <= HARMLESS.get(path.name, set())
    called = {node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}
    names = {func.id for func in called if isinstance(func, ast.Name)}
    assert not names & {"open", "print", "input", "exec", "__import__"}
    assert not {func.attr for func in called if isinstance(func, ast.Attribute)} & {
        "read_text", "read_bytes", "write_text", "write_bytes", "is_dir", "is_file", "exists", "iterdir", "cwd",
    }  # fmt: skip


@pytest.mark.parametrize("path", [p for p in MODULES if layer(p) != "worker"], ids=shown)
def test_trio_stays_in_the_runtime(path: Path) -> None:
    # `find_spec("trio")` and the like would be caught by the import tests of the faces.
    assert "trio" not in roots(path) or layer(path) == "runtime"


@pytest.mark.parametrize("path", [p for p in MODULES if layer(p) != "worker"], ids=shown)
def test_one_clock_and_one_chance(path: Path) -> None:
    if shown(path) != "runtime/clock.py":
        assert not roots(path) & CLOCK
    if shown(path) != "model/draws.py":
        assert not roots(path) & CHANCE
    read = {ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    ends = {".".join(name.split(".")[-2:]) for name in read}
    assert not ends & {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.urandom"}
    assert "os.urandom" not in imported(path)
    # Under another name these calls would not be seen.
    aliases = [node for node in ast.walk(tree(path)) if isinstance(node, ast.alias) and node.asname]
    assert not {node.name for node in aliases} & {"datetime", "date", "os"}


@pytest.mark.parametrize("path", of("worker"), ids=shown)
def test_the_worker_is_the_standard_library_alone(path: Path) -> None:
    # Two exceptions: only virtual time loads what patches `datetime`, which is C code, underneath; and only who asks for
    # it an editor's debugger.
    others = {"virtual_time.py": {"time_machine"}, "debugging.py": {"debugpy"}}.get(path.name, set())
    assert roots(path) - others <= sys.stdlib_module_names
    levels = {node.level for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom)}
    assert levels <= {0, 1}  # its siblings, and nothing above them


@pytest.mark.parametrize("path", [p for p in MODULES if layer(p) != "worker"], ids=shown)
def test_of_the_worker_only_the_packets_are_imported(path: Path) -> None:
    reached = {name.split(".")[2] for name in imported(path) if name.startswith("lambdarun.worker.")}
    # Handlers that run inline need the worker's own pieces in this process; the zygote of supervisors is the worker's with
    # other children.
    more = {"supervisor_zygote.py": {"zygote", "resource_limits", "sandbox"}}
    inline = {"inline", "inline_world"} if path.name.startswith("inline") else set()
    assert reached <= {"wire", "memfd"} | inline | more.get(path.name, set())
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree(path)))


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_modules_and_functions_can_be_read_at_one_sitting(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 430
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 70, node.name
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert len([one for one in given if one.arg not in ("self", "cls")]) <= 6, node.name


def test_the_region_routes_and_holds_no_rule() -> None:
    region = PACKAGE / "model" / "region.py"
    assert region.read_text(encoding="utf-8").count("\n") < 300
    assert not any(name.startswith("lambdarun.aws") for name in imported(region))
    numbers = {node.value for node in ast.walk(tree(region)) if isinstance(node, ast.Constant)} - {
        True,
        False,
    }
    assert not {number for number in numbers if isinstance(number, int | float)} - {
        202
    }  # the 202 of its own answer


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
    facts = [value for module in FACTS for value in vars(module).values()]
    sourced = [
        fact
        for fact in facts
        if isinstance(fact, Setting | Figure | ErrorText | Metric | PlatformError | ApiError | ReasonText)
    ]
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
    code = "import lambdarun, sys; raise SystemExit('trio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_all_resolve() -> None:
    for name in lambdarun.__all__:
        assert getattr(lambdarun, name) is not None
