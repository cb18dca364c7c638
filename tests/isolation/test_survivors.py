"""What of an environment survives what happens to it: globals, its private folder, a background thread.

`python tests/isolation/test_survivors.py` prints the table for each kind of isolation.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lambdarun.errors import MachineError
from lambdarun.model.declarations import Project
from lambdarun.model.function import Function, running_runtime
from lambdarun.runtime.assembly import Options
from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
from lambdarun.runtime.isolation import Isolation

HANDLER = """
import os, sys, tempfile, threading, time
VALUE = None
FILE = os.path.join(tempfile.gettempdir(), "kept")
STOP = threading.Event()
def handler(event, context):
    global VALUE
    if event == "plant":
        VALUE = 1
        open(FILE, "w").close()
        threading.Thread(target=STOP.wait, args=(60,), daemon=True, name=event).start()
    elif event == "raise":
        raise ValueError
    elif event == "time out":
        time.sleep(1.1)
    elif event == "exit":
        os._exit(1)
    elif event == "allocate":
        held = bytes(range(256)) * (1 << 20)  # 256 MB, each page written
    elif event == "look":
        living = any(t.name == "plant" for t in threading.enumerate())
        STOP.set()
        return [VALUE is not None, os.path.exists(FILE), living]
"""
KEPT = "kept kept kept"
AFTER: dict[str, tuple[str | None, str, str]] = {
    # What happens: the event that makes it, and what of globals, folder and thread is there afterwards: in processes and
    # namespaces, and inline, where no thread can be ended.
    "success": ("return", KEPT, KEPT),
    "exception": ("raise", KEPT, KEPT),
    "timeout": ("time out", "lost kept lost", "lost kept runs"),
    "exit": ("exit", "lost kept lost", "lost kept runs"),
    # Nothing can be enforced in the caller's own process.
    "out of memory": ("allocate", "lost kept lost", KEPT),
    # Another environment, with a /tmp of its own.
    "new code": ("update", "lost lost lost", "lost lost runs"),
}


def survived(runtime: BlockingRuntime, event: str | None) -> str:
    """What is there after `event` of what was planted before it: globals, folder, thread."""
    runtime.invoke("fn", "plant")
    if event == "update":
        # The same declaration again: the code in its folder is another.
        runtime.update_function(runtime.driver.region.catalog.latest["fn"])
    elif event is not None:
        runtime.invoke("fn", event)
    globals_, folder, thread = runtime.invoke("fn", "look").json()  # type: ignore[misc]  # a list, as the handler says
    words = ["kept" if globals_ else "lost", "kept" if folder else "lost", "kept" if thread else "lost"]
    if thread and not globals_:
        words[2] = "runs"  # outside of the environment that is there now
    return " ".join(words)


def run(isolation: Isolation, folder: Path, event: str | None) -> str:
    (folder / "survivors_app.py").write_text(HANDLER)
    function = Function(
        name="fn",
        handler="survivors_app.handler",
        code_uri=folder,
        runtime=running_runtime(),
        timeout=1 if event == "time out" else 30,  # to fill memory takes long on a busy machine
        memory_size=128,
    )
    options = Options(isolation=isolation)
    with open_blocking_runtime(Project(functions={"fn": function}), options=options) as runtime:
        return survived(runtime, event)


@pytest.mark.parametrize("happening", AFTER)
def test_what_survives(isolation: Isolation, tmp_path: Path, happening: str) -> None:
    event, elsewhere, inline = AFTER[happening]
    expected = inline if isolation is Isolation.INLINE else elsewhere
    assert run(isolation, tmp_path, event) == expected


def main(write: Callable[[str], object] = print) -> None:
    """Print what survived, kind by kind."""
    write(f"{'ISOLATION':<11}{'AFTER':<15}{'GLOBALS':<9}{'/TMP':<6}BACKGROUND THREAD")
    for isolation in Isolation:
        for happening, (event, _, _) in AFTER.items():
            with TemporaryDirectory() as name:
                try:
                    globals_, folder, thread = run(isolation, Path(name), event).split()
                except MachineError as fault:
                    write(f"{isolation.value:<11}{fault}")
                    break
            write(f"{isolation.value:<11}{happening:<15}{globals_:<9}{folder:<6}{thread}")


if __name__ == "__main__":
    main()
