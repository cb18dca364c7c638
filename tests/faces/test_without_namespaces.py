"""A machine that forbids user namespaces: commands say so in one line, and work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# A user namespace whose own limit is 0: nobody in it can make another.
FORBIDDEN = """
import ctypes, os, sys
user, group = os.getuid(), os.getgid()
if ctypes.CDLL(None).unshare(0x10000000):
    sys.exit(77)
for name, text in (
    ("self/setgroups", "deny"), ("self/uid_map", f"{user} {user} 1"), ("self/gid_map", f"{group} {group} 1"),
    ("sys/user/max_user_namespaces", "0"),
):
    with open("/proc/" + name, "w") as told:
        told.write(text)
os.execv(sys.executable, [sys.executable, "-m", "lambdarun", *sys.argv[1:]])
"""


def test_where_namespaces_are_forbidden_invoke_says_so_in_one_line_and_works(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os\ndef handler(event, context):\n    return os.getcwd()\n")
    done = subprocess.run(
        [sys.executable, "-c", FORBIDDEN, "invoke", "app.py:handler"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    assert done.stdout == f'"{tmp_path}"\n'
    told = [line for line in done.stderr.splitlines() if line.startswith("lambdarun:")]
    assert told == ["lambdarun: isolation: process (no user namespaces: user.max_user_namespaces is reached)"]
