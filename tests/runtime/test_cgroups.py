"""Where groups may be made, and what is written to and read from them, in both versions."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from lambdarun.runtime.cgroups import CPU, MEMORY, PIDS, Group, Place, RunGroups, place_of

GB = 1 << 30


def proc(tmp_path: Path, cgroup: str, mountinfo: str) -> Path:
    folder = tmp_path / "proc"
    folder.mkdir()
    (folder / "cgroup").write_text(cgroup)
    (folder / "mountinfo").write_text(mountinfo)
    return folder


def second_version(tmp_path: Path, path: str, enabled: dict[str, str]) -> Path:
    """A tree that looks like version 2, in which this process is in the group `path`."""
    tree = tmp_path / "cgroup"
    (tree / path.strip("/")).mkdir(parents=True)
    for folder in [tree, *(one for one in tree.rglob("*") if one.is_dir())]:
        name = "/" + str(folder.relative_to(tree)).strip(".")
        (folder / "cgroup.subtree_control").write_text(enabled.get(name, ""))
        (folder / "cgroup.procs").write_text("")
    return proc(
        tmp_path, f"0::{path}\n", f"30 23 0:26 / {tree} rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    )


def test_in_version_1_groups_are_made_below_the_own_one(tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    (memory / "user" / "me").mkdir(parents=True)
    told = proc(
        tmp_path,
        "4:memory:/user/me\n1:cpu,cpuacct:/\n0::/\n",
        f"35 31 0:32 / {memory} rw,relatime - cgroup cgroup rw,memory\n"
        f"36 31 0:33 / {tmp_path} rw,relatime shared:1 - cgroup cgroup rw,cpu,cpuacct\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
    )
    assert place_of(MEMORY, told) == Place(1, str(memory / "user" / "me"))
    assert place_of(CPU, told) == Place(1, str(tmp_path))
    assert isinstance(place_of(PIDS, told), str)


def test_inside_a_container_the_mount_shows_a_part_of_the_hierarchy(tmp_path: Path) -> None:
    told = proc(
        tmp_path,
        "4:memory:/docker/abc\n",
        f"35 31 0:32 /docker/abc {tmp_path} rw,relatime - cgroup cgroup rw,memory\n",
    )
    assert place_of(MEMORY, told) == Place(1, str(tmp_path))


def test_in_version_2_groups_are_made_beside_the_own_one_where_that_is_handed_over(tmp_path: Path) -> None:
    told = second_version(tmp_path, "/app.slice/run.scope", {"/app.slice": "memory pids"})
    assert place_of(MEMORY, told) == Place(2, str(tmp_path / "cgroup" / "app.slice"))
    assert place_of(CPU, told) == (
        f"neither {tmp_path}/cgroup/app.slice/run.scope nor the group above it may be written with the controller cpu on "
        "(systemd-run --user --scope -p Delegate=yes gives such a group)"
    )


def test_in_version_2_nothing_above_the_mount_is_asked(tmp_path: Path) -> None:
    (tmp_path / "cgroup.subtree_control").write_text("memory")
    assert isinstance(place_of(MEMORY, second_version(tmp_path, "/", {})), str)


def test_without_control_groups_it_is_said(tmp_path: Path) -> None:
    assert place_of(MEMORY, tmp_path) == "this system has no control groups"
    told = proc(tmp_path, "", "20 1 0:19 / /proc rw - proc proc rw\n")
    assert place_of(MEMORY, told) == "no hierarchy has the controller memory"


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Group:
    """An environment's group in a tree that looks like version 2."""
    make = tempfile.mkdtemp

    def mkdtemp(**where: str) -> str:
        folder = make(**where)
        Path(folder, "cgroup.subtree_control").touch()  # the kernel makes it with the folder
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    places = {name: Place(2, str(tmp_path)) for name in (MEMORY, PIDS, CPU)}
    return RunGroups(places).open("fn-1", (MEMORY, PIDS, CPU))


def test_in_version_2_one_group_has_all_limits(group: Group) -> None:
    folder = Path(group.folders[MEMORY])
    assert {str(folder)} == set(group.folders.values())
    assert group.joins == [f"{folder}/cgroup.procs"]
    assert folder.name == "fn-1"
    for name in ("memory.max", "memory.swap.max", "pids.max", "cpu.max"):
        (folder / name).touch()
    group.limit_memory(GB)
    group.limit_processes(1_024)
    group.limit_cpu(0.5)
    assert (folder / "memory.max").read_text() == str(GB)
    assert (folder / "memory.swap.max").read_text() == "0"
    assert (folder / "pids.max").read_text() == "1024"
    assert (folder / "cpu.max").read_text() == "10000 20000"
    (folder / "cpu.max").write_text("")
    group.limit_cpu(None)
    assert (folder / "cpu.max").read_text() == "max 20000"


def test_in_version_2_a_run_hands_the_controllers_on(tmp_path: Path, group: Group) -> None:
    run = Path(group.folders[MEMORY]).parent
    assert run.parent == tmp_path
    assert (run / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"


def test_a_place_that_the_kernel_refuses_is_left_out_with_its_reason(tmp_path: Path) -> None:
    # A plain folder has no file to hand controllers on by, as a group has none that was removed just now.
    groups = RunGroups({MEMORY: Place(2, str(tmp_path)), PIDS: Place(1, str(tmp_path / "gone"))})
    refused = groups.prepare()
    assert refused[MEMORY].endswith(": No such file or directory")
    assert refused.keys() == {MEMORY, PIDS}
    assert not groups.places
    groups.close()


def test_in_version_2_use_peak_and_kills_are_read(group: Group) -> None:
    folder = Path(group.folders[MEMORY])
    (folder / "memory.current").write_text("5000\n")
    assert group.peak_bytes() == 5000  # before 5.19 the kernel tells no peak
    (folder / "memory.peak").write_text("7000\n")
    assert (group.usage_bytes(), group.peak_bytes()) == (5000, 7000)
    (folder / "memory.stat").write_text("anon 1000\nfile 3000\nkernel 5\nshmem 800\n")
    assert group.file_bytes() == 2200
    (folder / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n")
    assert group.kills() == 2
