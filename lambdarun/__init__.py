"""Run AWS Lambda functions as AWS would: on your machine, in virtual time.

`import lambdarun` brings no trio: what runs things is loaded when it is first asked for (PEP 562).

A project says what there is: `load_project` reads a project file, `lone_function` makes one of a handler with AWS's
defaults, and `Project(functions=..., queues=..., mappings=...)` is one in Python. A runtime runs it: `open_runtime` for
trio, `open_blocking_runtime` for everybody else, on a `RealClock` or a `VirtualClock`.

>>> import lambdarun
>>> project = lambdarun.lone_function("functions/orders_api/app.py:handler")
>>> with lambdarun.open_blocking_runtime(project) as runtime:
...     reply = runtime.invoke("app", {"requestContext": {"http": {"method": "GET"}}, "rawPath": "/nowhere"})
>>> reply.status, reply.function_error
(200, None)
>>> reply.json()["statusCode"]
404

In virtual time nobody waits. An event that always fails is tried at once, after one minute and after two more:

>>> project = lambdarun.lone_function("functions/thumbnail_namer/app.py:handler")
>>> notes = {"Records": [{"s3": {"bucket": {"name": "uploads"}, "object": {"key": "notes.txt"}}}]}
>>> with lambdarun.open_blocking_runtime(project, clock=lambdarun.VirtualClock(), seed=7) as runtime:
...     reply = runtime.accept("app", notes)
...     runtime.settle()
...     runtime.log.seconds("invocation.started"), runtime.log.last("event.discarded").condition
([0.0, 60.0, 180.0], 'RetriesExhausted')

What AWS would refuse raises `InvocationRefused` with its status, code and text, and a call on a queue `SqsError`; what the
user can mend in files raises a `LambdarunError` that names the place. A function that fails raises nothing: the reply
says so, as on AWS.

>>> with lambdarun.open_blocking_runtime(project) as runtime:
...     reply = runtime.invoke("app", notes)
>>> reply.function_error, reply.json()["errorType"]
('Unhandled', 'UnsupportedType')
>>> with lambdarun.open_blocking_runtime(project) as runtime:
...     runtime.invoke("ap")
Traceback (most recent call last):
    ...
lambdarun.runtime.requests.InvocationRefused: ResourceNotFoundException (404): Function not found: arn:aws:lambda:us-east-1:123456789012:function:ap:$LATEST

A recording is replayed as the services that made its events would deliver them:

>>> project = lambdarun.load_project("lambdarun.toml")
>>> with lambdarun.open_blocking_runtime(project, clock=lambdarun.VirtualClock()) as runtime:
...     runtime.replay(lambdarun.Recording(["events/uploads.jsonl"]))
...     len(runtime.log.of("event.accepted")), len(runtime.log.of("event.settled"))
(40, 35)

For trio the same methods are asynchronous:

>>> import trio
>>> async def count_orders() -> int:
...     async with lambdarun.open_runtime(project, clock=lambdarun.VirtualClock()) as runtime:
...         runtime.queue("orders").send('{"id": "A1", "lines": []}')
...         await runtime.settle()
...         return runtime.queue("orders").counts().visible
>>> trio.run(count_orders)
0
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from lambdarun.errors import LambdarunError, ProjectError, ProjectErrors, RecordingError

if TYPE_CHECKING:
    from lambdarun.model.declarations import Account, Project
    from lambdarun.model.event_source_mapping import EventSourceMapping
    from lambdarun.model.function import Function
    from lambdarun.model.layer import Layer
    from lambdarun.model.queue import Queue
    from lambdarun.model.sqs_error import SqsError
    from lambdarun.project.lone_handler import lone_function
    from lambdarun.project.project_file import load as load_project
    from lambdarun.recordings.read import Recording
    from lambdarun.runtime.assembly import Options
    from lambdarun.runtime.blocking import BlockingRuntime, open_blocking_runtime
    from lambdarun.runtime.clock import RealClock, VirtualClock
    from lambdarun.runtime.isolation import Isolation
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
    "Isolation",
    "LambdarunError",
    "Layer",
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
    "SqsError",
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
    "Function": "model.function",
    "InvocationRefused": "runtime.requests",
    "Isolation": "runtime.isolation",
    "Layer": "model.layer",
    "MemoryStore": "runtime.journal",
    "Options": "runtime.assembly",
    "Project": "model.declarations",
    "Queue": "model.declarations",
    "RealClock": "runtime.clock",
    "Recording": "recordings.read",
    "Runtime": "runtime.session",
    "SqsError": "model.sqs_error",
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
