"""Errors as AWS's own Python client tells them: the payload to the caller and the block in the log."""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Any

from . import handler_log
from .marshal import to_json

NO_BREAK_SPACE = "\u00a0"
_OWN_FILES = ("/bootstrap.py", "/error_payload.py", "/api_client.py")
INIT_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare"
    " cases, a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes,"
    " runtime updates can be triggered by a function change, or can be applied automatically. To determine if the"
    " runtime has been updated, check the runtime version in the INIT_START log entry. If this error correlates with a"
    " change in the runtime version, you may be able to mitigate this error by temporarily rolling back to the previous"
    " runtime version. For more information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)


class Fault(Exception):
    """A fault that the client itself finds, with AWS's error type."""

    def __init__(self, error_type: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.error_type, self.message, self.trace = error_type, message, trace


def find_handler(handler: str) -> Any:
    """The handler's function. Raises Fault, or whatever its module raises."""
    try:
        module_name, name = handler.rsplit(".", 1)
    except ValueError as fault:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{handler}': {fault}") from None
    try:
        # Modules compiled into the interpreter: no file in the task root could ever be found before them.
        if module_name.split(".")[0] in sys.builtin_module_names:
            raise Fault(
                "Runtime.BuiltInModuleConflict",
                f"Cannot use built-in module {module_name} as a handler module",
            )
        # `folder/app.handler` means a module in a folder, as on AWS.
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as fault:
        raise Fault(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {fault}"
        ) from None
    except SyntaxError as fault:
        trace = [f'  File "{fault.filename}" Line {fault.lineno}\n    {fault.text}']
        raise Fault(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {fault}", trace
        ) from None
    try:
        return getattr(module, name)
    except AttributeError:
        raise Fault(
            "Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_name}'"
        ) from None


def error_object(fault: BaseException, request_id: str) -> dict[str, Any]:
    """AWS's error object of an exception (not yet as JSON text)."""
    if isinstance(fault, Fault):
        message, error_type, trace = fault.message, fault.error_type, fault.trace
    else:
        # Frames as 4-tuples, so that Python 3.11's carets are not drawn, and ours cut off the front.
        frames = [
            (frame.filename, frame.lineno or 0, frame.name, frame.line)
            for frame in traceback.extract_tb(fault.__traceback__)
        ]
        for number, frame in enumerate(frames):
            # As AWS's client, which cuts its own frames by their file's name: so a user's bootstrap.py loses its frames there
            # too.
            if not any(own in frame[0] for own in _OWN_FILES):
                frames = frames[number:]
                break
        message, error_type = str(fault), type(fault).__name__
        trace = traceback.format_list(frames)
    return {
        "errorMessage": message or "",
        "errorType": error_type or "",
        "requestId": request_id,
        "stackTrace": trace or [],
    }


def error_json(error: dict[str, Any]) -> bytes:
    """The error object as JSON text."""
    return to_json(error).encode("utf-8", "surrogatepass")


def log_error(error: dict[str, Any]) -> None:
    """Write the error to the log: a record of its own in JSON; else one event, its indentation by no-break spaces."""
    if handler_log.json_lines:
        sys.stdout.write(to_json({"timestamp": handler_log.now_text(), "level": "ERROR", **error}) + "\n")
        return
    description = "[ERROR]"
    if error["errorType"]:
        description += " " + error["errorType"]
    if error["errorMessage"]:
        description += (":" if error["errorType"] else "") + " " + error["errorMessage"]
    lines = [description, "Traceback (most recent call last):"]
    for element in error["stackTrace"]:
        for line in element.splitlines() or [""]:
            text = line.lstrip(" ")
            lines.append(NO_BREAK_SPACE * (len(line) - len(text)) + text)
    sys.stdout.write("\n".join(lines) + "\n")
