"""Coverage of handlers: its data is written before a process ends, however that comes about.

coverage.py starts itself with the interpreter (its `patch = subprocess`) and writes at the interpreter's end, which
these processes never reach.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

_FOLDER = os.getcwd()
"""Where the measured command was started: settings name their folders from there."""
_moved: list[tuple[str, str]] = []
"""Where code stands in the sandbox, and where the user has it."""


def _measured() -> Any:
    """What measures this process; None where nothing does."""
    coverage = sys.modules.get("coverage")
    return coverage.Coverage.current() if coverage is not None else None


def save() -> None:
    """Write what was measured so far."""
    measured = _measured()
    if measured is not None:
        measured.stop()
        measured.save()
        _name_as_the_user_does(measured.get_data().data_filename())


def measure_in_sandbox(root: str, source: str) -> None:
    """Measure the code that stands below `root` here as what the user has below `source`."""
    measured = _measured()
    if measured is None:
        return
    measured.stop()
    os.chdir(_FOLDER)
    given = os.environ.get("COVERAGE_PROCESS_CONFIG")
    # What the zygote measured from its start knows the user's folders only, and none can be added to it.
    # https://coverage.readthedocs.io/en/latest/subprocess.html
    settings = ":data:" + given if given is not None else os.environ["COVERAGE_PROCESS_START"]
    fresh = sys.modules["coverage"].Coverage(config_file=settings, data_suffix=True)
    for option in ("run:source", "run:source_dirs", "run:include"):
        try:
            named = fresh.get_option(option)
        except sys.modules["coverage"].CoverageException:
            continue  # this version has no such option
        if named:
            fresh.set_option(option, [_in_sandbox(name, root, source) for name in named])
    fresh.start()
    _moved.append((root, source))


def _in_sandbox(name: str, root: str, source: str) -> str:
    """What a folder of the user's is called in the sandbox, where the code is below it or it is within the code."""
    if not os.path.isdir(name) and "*" not in name:
        return name  # a package
    folder = os.path.realpath(name)
    if (source + "/").startswith(folder.rstrip("/") + "/"):
        # Not its own name beside this one: files that never ran would have both names, and be told twice.
        return root
    return root + folder[len(source) :] if folder.startswith(source + "/") else name


def _name_as_the_user_does(file: str) -> None:
    """Give the files in the data the user's names. https://coverage.readthedocs.io/en/latest/dbschema.html"""
    if not _moved or not os.path.exists(file):
        return
    import sqlite3  # coverage has it

    data = sqlite3.connect(file)
    with data:
        for root, source in _moved:
            data.execute(
                "update file set path = ? || substr(path, ?) where substr(path, 1, ?) = ?",
                (source, len(root) + 1, len(root) + 1, root + "/"),
            )
    data.close()


def leave(status: int) -> None:
    """End this process at once, its data written."""
    save()
    os._exit(status)


def save_when_killed() -> None:
    """Have SIGTERM, which the runtime sends before it kills where coverage is measured, write the data."""
    if _measured() is not None:
        signal.signal(signal.SIGTERM, lambda *_: leave(1))
