"""The built-in engine as a process of its own: takes events from a Runtime API instead of from a socket of packets.

So handlers are run by the same code where a wrapper script must start them, or extensions stand beside them. Started as
`python api_client.py [FOLDER_OF_LAYERS...]` with Lambda's variables.
"""

from __future__ import annotations

import http.client
import importlib
import os
import sys
import types
from typing import Any

_NAME = "_lambdarun_worker"
_RUNTIME = "/2018-06-01/runtime"
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"


def load_sibling(name: str) -> Any:
    """Import a file beside this one, away from the handler's own modules."""
    if _NAME not in sys.modules:
        here = os.path.dirname(os.path.abspath(__file__))
        sys.modules[_NAME] = package = types.ModuleType(_NAME)
        package.__path__ = [here]
        sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    return importlib.import_module(f"{_NAME}.{name}")


class Client:
    """One connection to the Runtime API."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(address)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Any = None) -> Any:
        """The response to a request, read whole. Raises OSError where the service is gone."""
        self.connection.request(method, _RUNTIME + path, body, headers or {})
        response = self.connection.getresponse()
        return response, response.read()


def main() -> None:
    """Import the handler, then take events for ever."""
    bootstrap, error_payload = load_sibling("bootstrap"), load_sibling("error_payload")
    handler_log, wire = load_sibling("handler_log"), load_sibling("wire")
    layers = sys.argv[1:]
    bootstrap.prepare()
    sys.path[:0] = [os.environ.get("LAMBDA_TASK_ROOT", os.getcwd()), *layers]
    client = Client(os.environ["AWS_LAMBDA_RUNTIME_API"])
    environment = types.SimpleNamespace(statics=load_sibling("context").static_values())
    try:
        environment.handler = error_payload.find_handler(os.environ["_HANDLER"])
    # Not BaseException: SystemExit in a module ends the process with its status, and the platform tells of it.
    except Exception as fault:
        error = error_payload.error_object(fault, "")
        bootstrap._log_error(error, error_payload.INIT_WARNING)
        client.ask("POST", "/init/error", error_payload.error_json(error), {_ERROR_TYPE: error["errorType"]})
        os._exit(1)
    while True:
        told, payload = client.ask("GET", "/invocation/next")
        get = told.headers.get
        request_id = handler_log.request_id = get("Lambda-Runtime-Aws-Request-Id")
        os.environ["_X_AMZN_TRACE_ID"] = get("Lambda-Runtime-Trace-Id", "")
        kind, flags, _, body = bootstrap._answer(
            environment,
            payload,
            request_id,
            get("Lambda-Runtime-Invoked-Function-Arn", ""),
            int(get("Lambda-Runtime-Deadline-Ms")),
            get("Lambda-Runtime-Client-Context", "").encode(),
        )
        if kind == wire.RESULT:
            content = "application/unknown" if flags & wire.RAW else "application/json"
            client.ask("POST", f"/invocation/{request_id}/response", body, {"Content-Type": content})
        else:
            client.ask("POST", f"/invocation/{request_id}/error", body, {"Content-Type": "application/json"})


if __name__ == "__main__":
    main()
