"""Layers under /opt: their order, their places on the paths, and what AWS refuses."""

from __future__ import annotations

import sys
from base64 import b64encode
from hashlib import sha256 as sha256_of
from pathlib import Path
from typing import Any

import pytest

from lambdarun.errors import ProjectErrors
from lambdarun.model.declarations import Project
from lambdarun.model.layer import Layer
from lambdarun.project.modules import missing_modules
from lambdarun.project.project_file import load
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.code import Packages
from tests.conftest import Declare, project_of
from tests.faces.command import run
from tests.packages import link, pack, program

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lambdarun"


def folder(path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


def layers_of(*contents: Path) -> tuple[Layer, ...]:
    return tuple(Layer(content=content) for content in contents)


def answer(project: Project, event: Any = None) -> Any:
    [name] = project.functions
    with open_blocking_runtime(project) as runtime:
        reply = runtime.invoke(name, event)
        assert reply.function_error is None, reply.json()
        return reply.json()


def test_the_later_layer_wins_and_the_code_package_comes_before_both(
    declare: Declare, tmp_path: Path
) -> None:
    first = folder(tmp_path / "first", {"python/shared.py": "V = 'first'", "python/only_first.py": "V = 1"})
    second = pack(
        tmp_path / "second.zip", ("python/shared.py", "V = 'second'"), ("python/json5.py", "V = 'layer'")
    )
    (tmp_path / "json5.py").write_text("V = 'code'")
    source = """
import shared, only_first, json5
def handler(event, context):
    return [shared.V, only_first.V, json5.V]
"""
    function = declare(source, layers=layers_of(first, second))
    assert answer(project_of(function)) == ["second", 1, "code"]


def test_the_paths_of_layers_stand_behind_the_code_in_awss_order(declare: Declare, tmp_path: Path) -> None:
    layer = folder(
        tmp_path / "layer", {f"python/lib/{VERSION}/site-packages/deep.py": "", "python/flat.py": ""}
    )
    source = "import sys\ndef handler(event, context):\n    return sys.path[:3]\n"
    function = declare(source, layers=layers_of(layer))
    opt = str(layer)
    assert answer(project_of(function)) == [
        str(tmp_path), f"{opt}/python/lib/{VERSION}/site-packages", f"{opt}/python",
    ]  # fmt: skip


def test_a_shell_tool_and_a_library_of_a_layer_are_found(declare: Declare, tmp_path: Path) -> None:
    layer = pack(
        tmp_path / "tools.zip",
        (program("bin/greet"), "#!/bin/sh\necho hello $1\n"),
        ("lib/libdata.so.1", "x"),
        (link("lib/libdata.so"), "libdata.so.1"),
    )
    source = """
import os, subprocess
def handler(event, context):
    libraries = os.environ["LD_LIBRARY_PATH"].split(":")
    return [subprocess.check_output(["greet", "world"], text=True), os.readlink(libraries[-1] + "/libdata.so")]
"""
    function = declare(source, layers=layers_of(layer))
    assert answer(project_of(function)) == ["hello world\n", "libdata.so.1"]


def test_the_c_library_finds_what_a_layer_has_under_lib(declare: Declare, tmp_path: Path) -> None:
    import shutil

    found = next(Path("/").glob("lib/*-linux-gnu/libz.so.1"), None) or next(
        Path("/usr").glob("lib*/**/libz.so.1")
    )
    (tmp_path / "layer" / "lib").mkdir(parents=True)
    shutil.copy(found, tmp_path / "layer" / "lib" / "libmadeup.so.1")
    source = """
import ctypes
def handler(event, context):
    return ctypes.CDLL("libmadeup.so.1") is not None
"""
    assert answer(project_of(declare(source, layers=layers_of(tmp_path / "layer")))) is True


def test_layers_are_merged_with_links_files_and_folders_replacing_each_other(
    declare: Declare, tmp_path: Path
) -> None:
    one = pack(
        tmp_path / "1.zip", (link("data"), "elsewhere"), ("elsewhere/x", "1"), ("b", "file"), ("c/d", "1")
    )
    two = folder(tmp_path / "two", {"data/x": "2", "b/inside": "2"})
    three = pack(tmp_path / "3.zip", ("c", "now a file"))
    code = Packages().code_of(declare("", layers=layers_of(one, two, three)))
    assert code.opt is not None
    files = {str(p.relative_to(code.opt)): p.read_text() for p in code.opt.rglob("*") if p.is_file()}
    assert files == {"data/x": "2", "elsewhere/x": "1", "b/inside": "2", "c": "now a file"}
    assert not (code.opt / "data").is_symlink()


def test_a_merged_folder_is_kept_until_a_layer_changes(declare: Declare, tmp_path: Path) -> None:
    one = pack(tmp_path / "1.zip", ("python/a.py", "V = 1"))
    two = folder(tmp_path / "two", {"python/b.py": "V = 1"})
    function = declare("", layers=layers_of(one, two))
    first, again = Packages().code_of(function), Packages().code_of(function)
    assert first == again
    (two / "python" / "b.py").write_text("V = 2")
    changed = Packages().code_of(function)
    assert changed != first
    assert changed.opt is not None
    assert (changed.opt / "python" / "b.py").read_text() == "V = 2"
    assert first.opt is not None
    assert (first.opt / "python" / "b.py").read_text() == "V = 1"


def test_a_folder_layer_that_changes_between_runs_is_seen_at_once(declare: Declare, tmp_path: Path) -> None:
    layer = folder(tmp_path / "layer", {"python/shared.py": "V = 1"})
    other = folder(tmp_path / "other", {"python/unused.py": ""})
    for layers in ((layer,), (layer, other)):
        source = "import shared\ndef handler(event, context):\n    return shared.V\n"
        function = declare(source, layers=layers_of(*layers))
        for value in (1, 22):  # Python itself takes a file of the same size and second for the same
            (layer / "python" / "shared.py").write_text(f"V = {value}")
            assert answer(project_of(function)) == value


def test_code_and_layers_together_may_take_250_mb_unzipped(declare: Declare, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with (tmp_path / name / "zeros").open("wb") as file:
            file.truncate(131_072_000)
    function = declare("def handler(event, context):\n    return 1\n", layers=layers_of(tmp_path / "one"))
    zipped = pack(
        tmp_path / "code.zip",
        (f"{function.handler.partition('.')[0]}.py", "def handler(e, c):\n    return 1\n"),
    )
    from attrs import evolve

    just = evolve(function, code_uri=zipped, layers=layers_of(tmp_path / "one"))
    assert Packages().prepare([just]) == []
    over = evolve(just, layers=layers_of(tmp_path / "one", tmp_path / "two"))
    [fault] = Packages().prepare([over])
    assert "Unzipped size must be smaller than 262144000 bytes." in fault.fault
    assert "Code and layers count together" in fault.mend


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return 1\n")
    for name in "abcdef":
        folder(tmp_path / "layers" / name, {f"python/lib_{name}.py": "V = 1"})

    def make(text: str) -> Path:
        (tmp_path / "lambdarun.toml").write_text(text)
        return tmp_path / "lambdarun.toml"

    return make


FUNCTION = '[functions.f]\nhandler = "app.handler"\n'
NAMED = '[layers]\ntools = "layers/a"\nimaging = { 1 = "layers/b", 3 = "layers/c" }\n'


def test_layers_are_named_by_path_by_name_by_version_and_by_arn(write: Any, tmp_path: Path) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:layer"
    text = f'{FUNCTION}layers = ["layers/d", "layers.tools", "layers.imaging:1"]\n{NAMED}'
    layers = load(write(text)).functions["f"].layers
    assert [layer.label for layer in layers] == [
        str(tmp_path / "layers/d"),
        "layers.tools:1",
        "layers.imaging:1",
    ]
    text = f'{FUNCTION}layers = ["layers.imaging", "{arn}:tools:1"]\n{NAMED}'
    layers = load(write(text)).functions["f"].layers
    assert [layer.content.name for layer in layers] == ["c", "a"]


ARN = "arn:aws:lambda:us-east-1:123456789012:layer"


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ('["layers.nowhere"]', f'Layer version {ARN}:nowhere:1 does not exist. Declare it: [layers] nowhere = "PATH". Declared: tools, imaging.'),
        ('["layers.imaging:2"]', f"Layer version {ARN}:imaging:2 does not exist. It has: 1, 3."),
        ('["layers.imaging:x"]', "does not exist. It has: 1, 3."),
        ('["arn:aws:lambda:eu-west-1:123456789012:layer:tools:1"]', "Layers are not in the same region as the function. Layers are expected to be in region us-east-1."),
        ('["arn:aws:lambda:us-east-1:999999999999:layer:tools:1"]', "Layer version arn:aws:lambda:us-east-1:999999999999:layer:tools:1 does not exist."),
        ('["layers/nowhere"]', "there is no folder and no zip file "),
        ('"layers/a"', '"layers/a" is no list.'),
        ("[3]", "3 is no text."),
    ],
)  # fmt: skip
def test_a_layer_that_is_not_there_is_refused_at_its_key(write: Any, layers: str, said: str) -> None:
    with pytest.raises(ProjectErrors) as told:
        load(write(f"{FUNCTION}layers = {layers}\n{NAMED}"))
    [finding] = told.value.findings
    assert str(finding).startswith("lambdarun.toml:3:1: functions.f.layers: ")
    assert said in str(finding)


def test_a_sixth_layer_is_refused_in_awss_words(write: Any) -> None:
    listed = ", ".join(f'"layers/{name}"' for name in "abcdef")
    with (
        pytest.raises(ProjectErrors) as told,
        open_blocking_runtime(load(write(f"{FUNCTION}layers = [{listed}]\n"))),
    ):
        pass
    assert [str(finding) for finding in told.value.findings] == [
        "lambdarun.toml:3:1: functions.f.layers: Cannot reference more than 5 layers. It has 6: put some of them together."
    ]


@pytest.mark.parametrize(
    ("layers", "one", "other"),
    [
        ('["layers.imaging:1", "layers.imaging:3"]', f"{ARN}:imaging:1", f"{ARN}:imaging:3"),
        ('["layers.imaging:3", "layers.imaging"]', f"{ARN}:imaging:3", f"{ARN}:imaging:3"),
    ],
)
def test_the_same_layer_twice_is_refused_in_awss_words_whatever_its_versions(
    write: Any, layers: str, one: str, other: str
) -> None:
    project = load(write(f"{FUNCTION}layers = {layers}\n{NAMED}"))
    with pytest.raises(ProjectErrors) as told, open_blocking_runtime(project):
        pass
    assert [str(finding) for finding in told.value.findings] == [
        "lambdarun.toml:3:1: functions.f.layers: Two different versions of the same layer are not allowed to be referenced"
        f" in the same function. {one} and {other} are versions of the same layer. Leave one of them out."
    ]


def test_a_bad_layer_is_told_at_its_key(write: Any, tmp_path: Path) -> None:
    bad = pack(tmp_path / "layers" / "bad.zip", ("../x", ""))
    project = load(write(f'{FUNCTION}layers = ["layers/bad.zip"]\n'))
    with pytest.raises(ProjectErrors) as told, open_blocking_runtime(project):
        pass
    assert [str(finding) for finding in told.value.findings] == [
        f"lambdarun.toml:3:1: functions.f.layers: {bad}: '../x' leads out of the package ('..')."
        " Pack it with a path inside of it."
    ]


def test_validate_finds_a_module_in_layers_and_zip_files(write: Any, tmp_path: Path) -> None:
    pack(tmp_path / "code.zip", ("inzip.py", ""))
    pack(tmp_path / "layers" / "z.zip", (f"python/lib/{VERSION}/site-packages/deep/__init__.py", ""))
    for handler, found in (("inzip.h", True), ("lib_a.h", True), ("deep.h", True), ("absent.h", False)):
        text = f'[functions.f]\nhandler = "{handler}"\ncode_uri = "code.zip"\nlayers = ["layers/a", "layers/z.zip"]\n'
        findings = [str(one) for one in missing_modules(load(write(text)).functions.values())]
        assert bool(findings) != found, findings


def test_list_and_validate_show_layers_and_packages(write: Any, tmp_path: Path) -> None:
    import json

    zipped = pack(tmp_path / "layers" / "z.zip", ("python/z.py", ""))
    write(f'{FUNCTION}layers = ["layers.imaging", "layers/z.zip"]\n{NAMED}')
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    listed = run(tmp_path, "list", **environ).stdout
    sha256 = b64encode(sha256_of(zipped.read_bytes()).digest()).decode()
    table = [line.split() for line in listed.partition("\n\n")[2].splitlines()]
    assert table == [
        ["LAYER", "VERSION", "CODE", "SHA256", "FUNCTIONS"],
        ["imaging", "3", "layers/c", "-", "f"],
        ["-", "-", "layers/z.zip", sha256, "f"],
    ]
    told = json.loads(run(tmp_path, "list", "-o", "json", **environ).stdout)["functions"][0]["layers"]
    assert told == [
        {"arn": f"{ARN}:imaging:3", "content": str(tmp_path / "layers/c"), "code_sha256": None},
        {"arn": None, "content": str(zipped), "code_sha256": sha256},
    ]
    assert run(tmp_path, "validate", **environ).returncode == 0
    zipped.write_text("no zip")
    refused = run(tmp_path, "validate", **environ)
    assert refused.returncode == 3
    assert "lambdarun.toml:3:1: functions.f.layers: " in refused.stderr
    assert "is no zip file: Could not unzip uploaded file." in refused.stderr


def test_an_edited_layer_leaves_no_old_copies_but_those_that_a_run_uses(
    declare: Declare, tmp_path: Path, cache: Path
) -> None:
    edited, other = folder(tmp_path / "edited", {"a": "1"}), folder(tmp_path / "other", {"b": "1"})
    function = declare("", layers=layers_of(edited, other))

    def opt(packages: Packages) -> Path:
        found = packages.code_of(function).opt
        assert found is not None
        return found

    running, second, third = Packages(), Packages(), Packages()
    first = opt(running)
    (edited / "a").write_text("22")
    newer = opt(second)
    assert first.is_dir()  # a run uses it
    running.close()
    second.close()
    (edited / "a").write_text("333")
    newest = opt(third)
    assert not first.exists()
    assert not newer.exists()
    assert (newest / "a").read_text() == "333"
    assert [path for path in newest.parent.iterdir() if path.is_dir()] == [newest]
    third.close()
