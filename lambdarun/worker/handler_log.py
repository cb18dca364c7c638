"""What the handler prints and logs, in Lambda's Text format."""

from __future__ import annotations

import io
import logging
import sys
import time
from typing import Any

written = False
"""Whether anything was printed since the process began."""
request_id = ""
"""The present invocation's, for log lines."""


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
    """The root logger as AWS's client sets it up; its level stays WARNING."""
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
