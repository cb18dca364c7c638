"""What AWS says of a function's environment variables.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lambdarun.aws import limits, messages
from lambdarun.project.toml_text import toml_text

# API model, EnvironmentVariableName.
_NAME: Final = r"[a-zA-Z][a-zA-Z0-9_]+"
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


def variable_faults(variables: Mapping[str, Any]) -> Iterator[tuple[str | None, str, str]]:
    """Name, fault and remedy of each variable that AWS refuses; None as name for all of them together."""
    for name, value in variables.items():
        if not isinstance(value, str):
            yield name, f"{toml_text(value)} is no text.", "Put it in quotes."
        elif "\0" in value:
            yield name, "has a NUL character in its value.", "Leave it out: no process takes one."
        elif name in _RESERVED:
            yield name, f"{messages.RESERVED_VARIABLE.of(name=name)}.", "Choose another name."
        elif not re.fullmatch(_NAME, name):
            yield name, "is no name for a variable.", "Use two or more letters, digits and _, a letter first."
    # AWS measures them as JSON.
    measured = json.dumps(dict(variables), separators=(",", ":"), ensure_ascii=False, default=str)
    size, most = len(measured.encode("utf-8", "surrogatepass")), limits.ENVIRONMENT_BYTES.value
    if size > most:
        said = messages.ENVIRONMENT_TOO_LARGE.of(measured=f"{measured[:60]}...{measured[-10:]}")
        yield None, f"{said} ({size} bytes, at most {most}).", "Make it shorter."
