"""Zip packages: what is unpacked, what is refused, and what a run keeps of them."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarun.errors import ProjectErrors
from lambdarun.model.function import Function, running_runtime
from lambdarun.model.package import Refused
from lambdarun.project.lone_handler import lone_function
from lambdarun.runtime import package_cache
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.code import Packages
from lambdarun.runtime.package_cache import PackageCache
from lambdarun.runtime.unpacking import unpack
from tests.conftest import project_of
from tests.faces.command import run
from tests.packages import entry, link, pack, program

ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lambdarun"


def tree(folder: Path) -> dict[str, tuple[str, object]]:
    """What is below a folder: kind and content of each path."""
    found: dict[str, tuple[str, object]] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder", None)
        else:
            found[name] = ("program" if path.stat().st_mode & 0o100 else "file", path.read_bytes())
    return found


def test_a_function_runs_from_a_zip_file(tmp_path: Path) -> None:
    zipped = pack(tmp_path / "fn.zip", ("app.py", "import deep.inner\n" + ECHO), ("deep/inner.py", ""))
    project = lone_function(f"{zipped}:app.handler")
    with open_blocking_runtime(project) as runtime:
        assert runtime.invoke("fn", {"a": 1}).json() == {"a": 1}


def test_exec_bits_and_links_that_stay_inside_are_kept(tmp_path: Path) -> None:
    zipped = pack(
        tmp_path / "tools.zip",
        (program("bin/tool"), "#!/bin/sh\necho hello\n"),
        ("lib/libx.so.1", "x"),
        (link("lib/libx.so"), "libx.so.1"),
        (link("bin/lib"), "../lib"),
    )
    (tmp_path / "out").mkdir()
    unpack(zipped, tmp_path / "out")
    assert tree(tmp_path / "out") == {
        "bin": ("folder", None),
        "bin/lib": ("link", "../lib"),
        "bin/tool": ("program", b"#!/bin/sh\necho hello\n"),
        "lib": ("folder", None),
        "lib/libx.so": ("link", "libx.so.1"),
        "lib/libx.so.1": ("file", b"x"),
    }


def raw(path: Path, old: bytes, new: bytes) -> Path:
    """The zip file with bytes of it replaced, lengths kept."""
    data = path.read_bytes()
    assert old in data
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new))
    return path


def bomb(path: Path) -> Path:
    """A directory that tells of 10 GB in a thousand files."""
    pack(path, *((f"zeros/{n}", b"0") for n in range(1_000)))
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\1\2")
    while at >= 0:
        struct.pack_into("<I", data, at + 24, 10_737_418)
        at = data.find(b"PK\1\2", at + 4)
    path.write_bytes(data)
    return path


def liar(path: Path) -> Path:
    """300 MB of zeros, of which the directory says that they are ten bytes."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive, archive.open("zeros", "w") as file:
        for _ in range(300):
            file.write(bytes(1 << 20))
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.find(b"PK\1\2") + 24, 10)
    path.write_bytes(data)
    return path


BAD = {
    "up": (lambda p: pack(p, ("../evil", "x")), "'../evil' leads out of the package ('..')."),
    "up within": (lambda p: pack(p, ("a/../../evil", "x")), "leads out of the package"),
    "absolute": (lambda p: pack(p, ("/etc/evil", "x")), "'/etc/evil' has an absolute path."),
    "link out": (lambda p: pack(p, (link("a/b"), "../../x")), "'a/b' is a link that may leave the package ('../../x')."),
    "link absolute": (lambda p: pack(p, (link("a"), "/etc/passwd")), "'a' is a link to an absolute path."),
    "link through link": (
        lambda p: pack(p, (link("a/b/l"), "../.."), (link("a/b/m"), "l/..")),
        "'a/b/m' is a link that may leave the package ('l/..').",
    ),
    "below a link": (
        lambda p: pack(p, (link("a"), "b"), ("a/file", "x")),
        "'a/file' is below 'a', which is no folder.",
    ),
    "twice": (lambda p: raw(pack(p, ("one.py", "1"), ("two.py", "2")), b"two.py", b"one.py"), "'one.py' is in it twice."),
    "file and folder": (lambda p: pack(p, ("a", "1"), ("a/b", "2")), "'a/b' is below 'a', which is no folder."),
    "wrong CRC": (
        lambda p: raw(pack(p, ("app.py", ECHO)), _crc(ECHO), b"abcd"),
        "'app.py' cannot be unpacked: Bad CRC-32 for file 'app.py'.",
    ),
    "bomb by the directory": (bomb, "Unzipped size must be smaller than 262144000 bytes."),
    "bomb that lies": (liar, "'zeros' cannot be unpacked: "),
    "encrypted": (lambda p: raw(pack(p, ("app.py", "x")), b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"), "'app.py' is encrypted."),
    "no zip": (lambda p: _text(p), "is no zip file: Could not unzip uploaded file. Please check your file, then try to upload again."),
    "device": (lambda p: pack(p, (entry("dev", stat.S_IFCHR | 0o666), "")), "'dev' is a device, a socket or a pipe."),
    "pipe": (lambda p: pack(p, (entry("p", stat.S_IFIFO | 0o666), "")), "'p' is a device, a socket or a pipe."),
    "not UTF-8": (lambda p: raw(pack(p, ("caf#.py", "x")), b"caf#", b"caf\xe9"), "has a name that is not UTF-8."),
    "flag of UTF-8 and no UTF-8": (lambda p: raw(pack(p, ("caf\xe9.py", "x")), b"caf\xc3\xa9", b"caf\xff\xff"), "has a name that is not UTF-8"),
    "NUL": (lambda p: raw(pack(p, ("a#b.py", "x")), b"a#b", b"a\0b"), "has a NUL character in its name."),
    "long": (lambda p: pack(p, ("n" * 256, "x")), "has too long a name for a file."),
}  # fmt: skip


def _crc(text: str) -> bytes:
    import zlib

    return struct.pack("<I", zlib.crc32(text.encode()))


def _text(path: Path) -> Path:
    path.write_text("not a zip file\n")
    return path


@pytest.mark.parametrize("case", BAD)
def test_a_bad_zip_file_is_refused_with_its_member_and_leaves_nothing(
    case: str, tmp_path: Path, cache: Path
) -> None:
    make, said = BAD[case]
    zipped = make(tmp_path / "bad.zip")
    function = Function(name="fn", handler="app.handler", code_uri=zipped, runtime=running_runtime())
    with pytest.raises(ProjectErrors) as told, open_blocking_runtime(project_of(function)):
        pass
    [finding] = told.value.findings
    assert said in finding.fault
    assert str(finding).startswith(f"project: functions.fn.code_uri: {zipped}: ")
    assert finding.mend.endswith(".")
    assert list((cache / "zips").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.zip", "cache"]


def test_a_member_with_more_in_it_than_its_directory_says_is_never_written_whole(tmp_path: Path) -> None:
    zipped = liar(tmp_path / "liar.zip")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(Refused):
        unpack(zipped, out)
    assert sum(path.stat().st_size for path in out.rglob("*")) <= 10


def test_a_zip_file_above_50_mb_is_refused_in_awss_words(tmp_path: Path) -> None:
    zipped = pack(tmp_path / "fn.zip", ("app.py", ECHO))
    with zipped.open("r+b") as file:
        data = file.read()
        file.seek(0)
        file.write(bytes(52_428_801 - len(data)))  # a zip file may have anything before it
        file.write(data)
    function = Function(name="fn", handler="app.handler", code_uri=zipped, runtime=running_runtime())
    [fault] = Packages().prepare([function])
    assert "Zipped size must be smaller than 52428800 bytes." in fault.fault


names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8
).filter(lambda name: name not in (".", ".."))
trees = st.recursive(
    st.one_of(st.binary(max_size=200), st.tuples(st.just("program"), st.binary(max_size=20))),
    lambda inside: st.dictionaries(names, inside, max_size=4),
    max_leaves=12,
)


def _members(tree: object, path: str) -> list[tuple[str, str, bytes]]:
    if isinstance(tree, dict):
        inside = [
            one for name, below in tree.items() for one in _members(below, f"{path}/{name}" if path else name)
        ]
        return [(path, "folder", b""), *inside] if path else inside
    if isinstance(tree, tuple):
        return [(path, "program", tree[1])]
    assert isinstance(tree, bytes)
    return [(path, "file", tree)]


@settings(max_examples=60, deadline=None)
@given(tree_in=st.dictionaries(names, trees, max_size=4))
def test_any_tree_comes_out_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, tree_in: dict[str, object]
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    made = _members(tree_in, "")
    heads = {"folder": stat.S_IFDIR | 0o755, "file": stat.S_IFREG | 0o644, "program": stat.S_IFREG | 0o755}
    pack(
        folder / "t.zip",
        *((entry(path + ("/" if kind == "folder" else ""), heads[kind]), data) for path, kind, data in made),
    )
    (folder / "out").mkdir()
    unpack(folder / "t.zip", folder / "out")
    expected = {path: (kind, None if kind == "folder" else data) for path, kind, data in made}
    assert tree(folder / "out") == expected


parts = st.sampled_from(["..", ".", "", "a", "b", "l", "etc"])
nasty = st.lists(parts, min_size=1, max_size=5).map("/".join).filter(bool)
nasty_members = st.lists(
    st.tuples(nasty, st.one_of(st.just(None), nasty)), min_size=1, max_size=6, unique_by=lambda one: one[0]
)


@settings(max_examples=200, deadline=None)
@given(members=nasty_members)
def test_nasty_names_never_leave_the_root(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, str | None]]
) -> None:
    folder = tmp_path_factory.mktemp("nasty")
    root = folder / "a" / "b" / "root"
    root.mkdir(parents=True)
    heads = [(link(name), target) if target is not None else (entry(name), "x") for name, target in members]
    pack(folder / "n.zip", *heads)
    before = {path for path in folder.rglob("*") if root not in path.parents}
    with suppress(Refused):
        unpack(folder / "n.zip", root)
    assert {path for path in folder.rglob("*") if root not in path.parents} == before
    inside = os.path.realpath(root)
    for above, folders, files in os.walk(root):
        for name in (*folders, *files):
            try:
                real = os.path.realpath(os.path.join(above, name), strict=True)
            except OSError:
                continue  # a link that leads nowhere, or round in a circle
            assert real == inside or real.startswith(f"{inside}/")


def test_the_second_run_unpacks_nothing_and_reads_nothing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zipped = pack(tmp_path / "fn.zip", ("app.py", ECHO))
    monkeypatch.setattr(package_cache, "_SETTLED_US", -1)
    project = lone_function(f"{zipped}:app.handler")
    with open_blocking_runtime(project) as runtime:
        assert runtime.invoke("fn", 1).json() == 1
    before = {path: path.stat().st_ino for path in cache.rglob("*")}
    signature = PackageCache().facts(zipped).signature
    zipped.write_bytes(
        b"-" * zipped.stat().st_size
    )  # its content is not looked at: only what tells it from others
    facts = next((cache / "facts").iterdir())
    facts.write_text(facts.read_text().replace(signature, package_cache.signature_of(zipped)))
    with open_blocking_runtime(project) as runtime:
        assert runtime.invoke("fn", 2).json() == 2
    after = {path: path.stat().st_ino for path in cache.rglob("*") if "__pycache__" not in str(path)}
    assert after == {path: number for path, number in before.items() if "__pycache__" not in str(path)}


def test_a_zip_file_written_anew_is_unpacked_anew(tmp_path: Path) -> None:
    zipped = pack(tmp_path / "fn.zip", ("app.py", "def handler(event, context):\n    return 1\n"))
    project = lone_function(f"{zipped}:app.handler")
    with open_blocking_runtime(project) as runtime:
        assert runtime.invoke("fn").json() == 1
    # The same size, within the same tick of the file system's clock perhaps.
    pack(tmp_path / "fn.zip", ("app.py", "def handler(event, context):\n    return 2\n"))
    with open_blocking_runtime(project) as runtime:
        assert runtime.invoke("fn").json() == 2


def test_a_half_unpacked_folder_is_never_used(tmp_path: Path, cache: Path) -> None:
    zipped = pack(tmp_path / "fn.zip", ("app.py", ECHO), ("b.py", ""))
    half = PackageCache()
    kept = half.facts(zipped).sha256
    for name, age_s in (("old", 90_000), ("new", 60)):  # what killed runs left
        (cache / "zips" / f".making-{name}").mkdir()
        (cache / "zips" / f".making-{name}" / "app.py").write_text("def han")
        then = time.time() - age_s
        os.utime(cache / "zips" / f".making-{name}", (then, then))
    assert tree(half.unpacked(zipped)).keys() >= {"app.py", "b.py"}
    assert half.unpacked(zipped).name == kept
    assert sorted(path.name for path in (cache / "zips").iterdir()) == [".making-new", kept]


def test_two_runs_may_unpack_the_same_file_at_once(tmp_path: Path, cache: Path) -> None:
    zipped = pack(tmp_path / "fn.zip", *((f"m{n}.py", "x" * 100) for n in range(200)))
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(PackageCache().unpacked(zipped))) for _ in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(set(found)) == 1
    assert len(found) == 8
    assert len(tree(found[0])) == 200
    assert [path.name for path in (cache / "zips").iterdir()] == [found[0].name]


def test_without_a_folder_to_keep_things_in_a_run_has_one_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(
        "XDG_CACHE_HOME", str(tmp_path / "file")
    )  # nobody can make a folder there, not even root
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    zipped = pack(tmp_path / "fn.zip", ("app.py", ECHO))
    with open_blocking_runtime(lone_function(f"{zipped}:app.handler")) as runtime:
        assert runtime.invoke("fn", 1).json() == 1
        assert list(tmp_path.glob("lambdarun-packages-*"))
    assert not list(tmp_path.glob("lambdarun-packages-*"))


def test_a_zip_file_on_the_command_line_is_a_function_of_its_own(tmp_path: Path) -> None:
    pack(tmp_path / "fn.zip", ("pkg/app.py", ECHO))
    done = run(tmp_path, "invoke", "fn.zip:pkg/app.handler", "-e", "[1]")
    assert (done.returncode, done.stdout) == (0, "[1]\n")
    pack(tmp_path / "fn.zip", ("../app.py", ECHO))
    refused = run(tmp_path, "invoke", "fn.zip:app.handler")
    assert refused.returncode == 3
    assert "functions.fn.code_uri: " in refused.stderr
    assert "'../app.py' leads out of the package ('..'). Pack it with a path inside of it." in refused.stderr


def test_a_disk_without_room_is_the_machines_fault(tmp_path: Path) -> None:
    zipped = pack(tmp_path / "fn.zip", ("app.py", ECHO), ("large", os.urandom(200_000)))
    full = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    limited = f"mount -t tmpfs -o size=100k,nr_inodes=50 none {tmp_path}/cache && exec {sys.executable} -m lambdarun invoke"
    (tmp_path / "cache").mkdir()
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"{limited} {zipped}:app.handler"],
        cwd=tmp_path, env={**os.environ, **full}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert (
        f"{zipped}: cannot be unpacked: No space left on device. Make room, or set XDG_CACHE_HOME."
        in done.stderr
    )
