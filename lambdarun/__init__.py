"""Run AWS Lambda functions as AWS would: on your machine, in virtual time.

`import lambdarun` brings no trio: what runs things is loaded when it is first asked for (PEP 562).

>>> import lambdarun
>>> project = lambdarun.lone_function("functions/orders_api/app.py:handler")
>>> with lambdarun.open_blocking_runtime(project) as runtime:
...     reply = runtime.invoke("app", {"requestContext": {"http": {"method": "GET"}}, "rawPath": "/nowhere"})
>>> reply.status, reply.function_error
(200, None)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from lambdarun.errors import LambdarunError, ProjectError, ProjectErrors, RecordingError

if TYPE_CHECKING:
    from lambdarun.model.declarations import Account, EventSourceMapping, Function, Project, Queue
    from lambdarun.project.lone_handler import lone_function
    from lambdarun.project.project_file import load as load_project
    from lambdarun.recordings.read import Recording
    from lambdarun.runtime.assembly import Options
    from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
    from lambdarun.runtime.clock import RealClock, VirtualClock
    from lambdarun.runtime.journal import ForgetfulStore, MemoryStore
    from lambdarun.runtime.requests import InvocationRefused
    from lambdarun.runtime.session import Runtime, open_runtime

__all__ = [
    "Account",
    "BlockingRuntime",
    "EventSourceMapping",
    "ForgetfulStore",
    "Function",
    "InvocationRefused",
    "LambdarunError",
    "MemoryStore",
    "Options",
    "Project",
    "ProjectError",
    "ProjectErrors",
    "Queue",
    "RealClock",
    "Recording",
    "RecordingError",
    "Runtime",
    "VirtualClock",
    "__version__",
    "load_project",
    "lone_function",
    "open_blocking_runtime",
    "open_runtime",
]

_HOME: Final = {
    "Account": "model.declarations",
    "BlockingRuntime": "runtime.blocking",
    "EventSourceMapping": "model.declarations",
    "ForgetfulStore": "runtime.journal",
    "Function": "model.declarations",
    "InvocationRefused": "runtime.requests",
    "MemoryStore": "runtime.journal",
    "Options": "runtime.assembly",
    "Project": "model.declarations",
    "Queue": "model.declarations",
    "RealClock": "runtime.clock",
    "Recording": "recordings.read",
    "Runtime": "runtime.session",
    "VirtualClock": "runtime.clock",
    "load_project": "project.project_file:load",
    "lone_function": "project.lone_handler",
    "open_blocking_runtime": "runtime.blocking",
    "open_runtime": "runtime.session",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # 20 ms, for whoever asks

        return version("lambdarun")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'lambdarun' has no attribute {name!r}")
    module, _, attribute = home.partition(":")
    return getattr(import_module(f"lambdarun.{module}"), attribute or name)


def __dir__() -> list[str]:
    return __all__
