"""Which environment variables a user may set.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from lambdarun.aws import limits, messages

# API model, EnvironmentVariableName.
_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
_RESERVED: Final = frozenset(
    {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN", "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL",
    }
)  # fmt: skip
_NOT_BUILT: Final = frozenset({"AWS_LAMBDA_EXEC_WRAPPER"})
"""With these AWS starts the process otherwise."""


def name_fault(name: str) -> tuple[str, str] | None:
    """Why a variable of this name is refused, and what to do; None: it is not."""
    if name in _RESERVED:
        return messages.RESERVED_VARIABLE.of(name=name) + ".", "Choose another name."
    if name in _NOT_BUILT:
        return "is AWS's, but not built yet.", "Leave it out: the process would start without it."
    if not _NAME.fullmatch(name):
        return "is no name for a variable.", "Use two or more letters, digits and _, a letter first."
    return None


def size_fault(variables: Mapping[str, str]) -> tuple[str, str] | None:
    """Why these variables together are refused: AWS measures them as JSON."""
    measured = json.dumps(dict(variables), separators=(",", ":"), ensure_ascii=False, default=str)
    size, most = len(measured.encode("utf-8", "surrogatepass")), limits.ENVIRONMENT_BYTES.value
    if size <= most:
        return None
    text = messages.ENVIRONMENT_TOO_LARGE.of(measured=f"{measured[:60]}...{measured[-10:]}")
    return f"{text} ({size} bytes, at most {most}).", "Make it shorter."
