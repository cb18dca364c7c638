"""What a handler sees of its folders: under AWS's names in a sandbox, under the machine's without one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from lambdarun.runtime.code import Code
from lambdarun.worker import wire

# In the order of worker/sandbox_root.py, which starts the interpreter with them (recorded: test_introspection_invoke).
_PATH: Final = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
_LIBRARY_PATH: Final = (
    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
)
_WORKER: Final = str(Path(wire.__file__).parent)


@frozen(kw_only=True)
class View:
    """Folders as a handler's process names them."""

    task_root: str
    opt: str | None
    """None: there are no layers."""
    layer_path: tuple[str, ...]
    """Where Python looks for modules behind the task root."""
    variables: Mapping[str, str]
    """Those that say where things are."""


def sandboxed_view(runtime: str) -> View:
    """Lambda's own folders."""
    return View(
        task_root="/var/task",
        opt="/opt",
        layer_path=(f"/opt/python/lib/{runtime}/site-packages", "/opt/python"),
        variables={
            "PATH": _PATH,
            "LD_LIBRARY_PATH": _LIBRARY_PATH,
            "PYTHONPATH": "/var/runtime",
            "LAMBDA_TASK_ROOT": "/var/task",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
        },
    )


def machine_view(code: Code, runtime: str, folder: str) -> View:
    """The machine's folders in the places of Lambda's; `folder` stands for /tmp, and for the user's home."""
    task, opt = str(code.task_root), str(code.opt) if code.opt is not None else None
    path = os.environ.get("PATH", os.defpath)
    # What the loader itself uses is read when a program starts, so of a layer's libraries only children hear here.
    libraries = [os.environ.get("LD_LIBRARY_PATH", ""), f"{opt}/lib" if opt is not None else ""]
    return View(
        task_root=task,
        opt=opt,
        layer_path=tuple(code.layer_path(runtime, str(opt))),
        variables={
            "PATH": f"{path}{os.pathsep}{opt}/bin" if opt is not None else path,
            **({"LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries))} if any(libraries) else {}),
            "LAMBDA_TASK_ROOT": task,
            "LAMBDA_RUNTIME_DIR": _WORKER,
            "TMPDIR": folder,
            # AWS sets none; here it keeps ~/.aws, with the user's profiles, from a handler's SDK.
            "HOME": folder,
        },
    )
