"""What the handler prints and logs: AWS's Python client's Text and JSON formats."""

from __future__ import annotations

import io
import json
import logging
import sys
import time
import traceback
from typing import Any

written = False
"""Whether anything was printed since the process began."""
request_id = ""
"""The present invocation's, for log lines."""
json_lines = False
"""Whether the log is JSON."""
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# awslambdaric's own list, by which it tells a record's extra fields.
_RESERVED = frozenset(
    (
        "name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module", "exc_info", "exc_text",
        "stack_info", "lineno", "funcName", "created", "msecs", "relativeCreated", "thread", "threadName", "processName",
        "process", "aws_request_id", "tenant_id", "_frame_type",
    )
)  # fmt: skip
# Whatever has no JSON form is written as its text: a log line must not fail.
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


# As AWS's client wraps its streams. Each write is one write to the pipe: a handler that is killed has said what it
# said.
class Unbuffered:
    """A stream that is flushed at each write, so that nothing is lost when the process is killed."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __enter__(self) -> Unbuffered:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> Any:
        """Write and flush."""
        global written
        written = True
        count = self.stream.write(text)
        self.stream.flush()
        return count

    def writelines(self, lines: Any) -> None:
        """Write and flush."""
        global written
        written = True
        self.stream.writelines(lines)
        self.stream.flush()


class LambdaHandler(logging.Handler):
    """Log records to standard output."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        sys.stdout.write(self.format(record))


class RequestIdFilter(logging.Filter):
    """Gives each record the request id of the invocation that it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass."""
        record.aws_request_id = request_id
        record.tenant_id = None
        return True


class JsonFormatter(logging.Formatter):
    """Log records as one JSON object a line."""

    def __init__(self) -> None:
        super().__init__(datefmt=_TIME_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record."""
        # In tens and written back into the record, as AWS's client does: other handlers of the user's see it too.
        record.levelno = min(50, max(0, record.levelno)) // 10 * 10
        record.levelname = logging.getLevelName(record.levelno)
        plain = isinstance(record.msg, dict) and not record.args
        fault = record.exc_info if record.exc_info else None
        line = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "message": record.msg if plain else record.getMessage(),
            "logger": record.name,
            "stackTrace": traceback.format_tb(fault[2]) if fault else None,
            "errorType": fault[0].__name__ if fault else None,  # type: ignore[union-attr]  # None, None, None fails there too
            "errorMessage": str(fault[1]) if fault else None,
            "requestId": getattr(record, "aws_request_id", None),
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if fault else None,
        }
        tenant = getattr(record, "tenant_id", None)
        if tenant is not None:
            line["tenantId"] = tenant
        for name, value in record.__dict__.items():
            if name not in _RESERVED and name not in line:
                line[name] = value
        return _encode({name: value for name, value in line.items() if value is not None}) + "\n"


def open_streams() -> None:
    """Make `sys.stdout` and `sys.stderr` anew on descriptors 1 and 2."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        raw = io.FileIO(descriptor, "w", closefd=False)
        stream = io.TextIOWrapper(
            io.BufferedWriter(raw), encoding="utf-8", errors="surrogateescape", newline="\n"
        )
        # closefd=False above: a stream that is thrown away must not close the descriptor under its successor.
        setattr(sys, name, Unbuffered(stream))


def set_up_logging() -> None:
    """The root logger as AWS's client sets it up for Text; its level stays WARNING."""
    logging.Formatter.converter = time.gmtime
    handler = LambdaHandler()
    handler.setFormatter(
        logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
            "%Y-%m-%dT%H:%M:%S",
        )
    )
    handler.addFilter(RequestIdFilter())
    logging.getLogger().addHandler(handler)


def now_text() -> str:
    """The present time as JSON lines have it."""
    return time.strftime(_TIME_FORMAT, logging.Formatter.converter(time.time()))


def use_format(log_format: str | None, log_level: str | None) -> None:
    """Log as AWS_LAMBDA_LOG_FORMAT and AWS_LAMBDA_LOG_LEVEL say."""
    global json_lines
    root = logging.getLogger()
    json_lines = (log_format or "").upper() == "JSON"
    if json_lines:
        for handler in root.handlers:
            if isinstance(handler, LambdaHandler):
                handler.setFormatter(JsonFormatter())
    level = "DEBUG" if log_level == "TRACE" else (log_level or "").upper()
    if level in logging._nameToLevel:
        root.setLevel(level)
