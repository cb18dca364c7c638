"""The command as a user types it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run(folder: Path, *arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Type `lambdarun` with these arguments in `folder`, in a clean environment with `environ` added."""
    base = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LAMBDARUN", "NO_COLOR", "FORCE_COLOR"))
    }
    return subprocess.run(
        [sys.executable, "-m", "lambdarun", *arguments],
        cwd=folder, input=stdin, capture_output=True, text=True, env={**base, **environ}, check=False,
    )  # fmt: skip
