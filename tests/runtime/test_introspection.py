"""What a handler finds out about its world, beside what AWS's handlers found out (recorded: test_runtime_introspection_x86,
test_runtime_ulimits; `sys.path` from dumps of Lambda's Python 3.11 and later).

`python tests/runtime/test_introspection.py` prints the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from lambdarun.model.declarations import Project
from lambdarun.model.function import Function, running_runtime
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import open_blocking_runtime
from lambdarun.runtime.isolation import Isolation
from lambdarun.runtime.sandbox_facts import sandbox_facts

SOURCE = """
import os, pwd, resource, stat, sys
def entry(path):
    told = os.stat(path)
    return [oct(stat.S_IMODE(told.st_mode)), pwd.getpwuid(told.st_uid).pw_name]
def writable(path):
    try:
        open(path + "/x", "w").close()
        return True
    except OSError:
        return False
def handler(event, context):
    limit = lambda name: resource.getrlimit(getattr(resource, "RLIMIT_" + name))[0]
    room = os.statvfs("/tmp")
    return {
        "working directory": os.getcwd(),
        "sys.path": sys.path[:5],
        "user": pwd.getpwuid(os.getuid()).pw_name,
        "/var/task": entry("/var/task"), "/opt": entry("/opt"), "/tmp": entry("/tmp"),
        "writable": [path for path in ("/var/task", "/opt", "/var/runtime", "/usr", "/tmp") if writable(path)],
        "bytes of /tmp": room.f_blocks * room.f_frsize,
        "NOFILE": limit("NOFILE"), "STACK": limit("STACK"), "CORE": limit("CORE"), "MEMLOCK": limit("MEMLOCK"),
        "NPROC": limit("NPROC"),
        "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
        "credentials": os.path.exists(os.path.expanduser("~/.aws")),
    }
"""
VERSION: Final = running_runtime()
AWS: Final[dict[str, Any]] = {
    "working directory": "/var/task",
    "sys.path": [
        "/var/task",
        f"/opt/python/lib/{VERSION}/site-packages",
        "/opt/python",
        f"/var/lang/lib/{VERSION}/site-packages",
        "/var/runtime",
    ],
    "user": "sbx_user1051",
    "/var/task": ["0o755", "root"],
    "/opt": ["0o755", "root"],
    "/tmp": ["0o1777", "root"],
    "writable": ["/tmp"],
    "bytes of /tmp": 538_333_184,
    "NOFILE": 1_024,
    "STACK": 8_388_608,
    "CORE": 10_737_418_240,
    "MEMLOCK": 65_536,
    "NPROC": 742,
    "processes": None,
    "credentials": False,
}
REASONS: Final = {
    "/var/task": "files are the user's own, who is sbx_user1051 within; the mode is the folder's",
    "/opt": "as above",
    "/tmp": "nobody but that user is in the namespace",
    "NPROC": "the kernel counts it over all of a user's processes; a control group or the namespace bounds them instead",
    "CORE": "no higher than the machine allows its user",
    "MEMLOCK": "no higher than the machine allows its user",
    "processes": "the handler's and the first of its namespace; AWS's number was not recorded",
}
"""Why something differs from AWS."""


def found() -> dict[str, Any]:
    """What the handler told."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text(SOURCE)
        function = Function(name="fn", handler="app.handler", code_uri=folder, runtime=VERSION)
        options = Options(isolation=Isolation.NAMESPACE)
        with open_blocking_runtime(Project(functions={"fn": function}), options=options) as runtime:
            told: Any = runtime.invoke("fn").json()
    return dict(told)


@pytest.mark.skipif(not sandbox_facts().sandboxed, reason="this machine allows no namespaces")
@pytest.mark.skipif(
    sys.prefix == sys.base_prefix, reason="packages of the interpreter itself stand elsewhere"
)
def test_every_difference_from_awss_world_has_its_reason() -> None:
    told = found()
    assert told.keys() == AWS.keys()
    assert {what for what in AWS if told[what] != AWS[what]} <= REASONS.keys()
    assert all(0 < told[limit] <= AWS[limit] for limit in ("CORE", "MEMLOCK"))
    assert told["/tmp"][0] == AWS["/tmp"][0]
    assert told["processes"] == 2


def main(write: Callable[[str], object] = print) -> None:
    """Print both side by side."""
    for what, told in found().items():
        same = told == AWS[what]
        write(
            f"{what}: {told}"
            + ("  (as on AWS)" if same else f"\n    AWS: {AWS[what]}\n    why: {REASONS[what]}")
        )


if __name__ == "__main__":
    main()
