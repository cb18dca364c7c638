"""The handler's `context`, attribute by attribute as AWS's own Python client makes it (awslambdaric 4.2.2)."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any


class CognitoIdentity:
    """Always there; its members are None without a Cognito identity."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")
    cognito_identity_id: str | None
    cognito_identity_pool_id: str | None

    def __repr__(self) -> str:
        return (
            "CognitoIdentity(["
            f"cognito_identity_id={self.cognito_identity_id},"
            f"cognito_identity_pool_id={self.cognito_identity_pool_id}])"
        )


_CLIENT_FIELDS = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class Client:
    """The mobile client of a client context."""

    __slots__ = _CLIENT_FIELDS

    def __init__(self, fields: dict[str, Any]) -> None:
        for name in _CLIENT_FIELDS:
            setattr(self, name, fields.get(name))

    def __repr__(self) -> str:
        return "Client([" + ",".join(f"{name}={getattr(self, name)}" for name in _CLIENT_FIELDS) + "])"


class ClientContext:
    """What the caller sent as X-Amz-Client-Context; unknown members are dropped."""

    __slots__ = ("client", "custom", "env")

    def __init__(self, fields: dict[str, Any]) -> None:
        self.custom = fields.get("custom")
        self.env = fields.get("env")
        client = fields.get("client")
        self.client = None if client is None else Client(client)

    def __repr__(self) -> str:
        return f"ClientContext([custom={self.custom},env={self.env},client={self.client}])"


# Plain attributes and no __slots__, as in AWS's client: handlers and libraries hang their own things on the context.
class LambdaContext:
    """One invocation, as the handler sees it."""

    def __init__(
        self,
        request_id: str,
        statics: tuple[str | None, ...],
        invoked_arn: str,
        deadline_ms: int,
        client_context: dict[str, Any] | None,
    ) -> None:
        self.aws_request_id = request_id
        (
            self.log_group_name,
            self.log_stream_name,
            self.function_name,
            self.memory_limit_in_mb,
            self.function_version,
        ) = statics
        self.invoked_function_arn = invoked_arn
        self.tenant_id = None
        self._w3c_fields = _take_w3c(client_context) if client_context else {}
        self.client_context = None if client_context is None else ClientContext(client_context)
        identity = CognitoIdentity()
        identity.cognito_identity_id = None
        identity.cognito_identity_pool_id = None
        self.identity = identity
        self._epoch_deadline_time_in_ms = deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function times out, at least 0."""
        # By `time.time` as it is now: in virtual time that is the handler's own clock, which the deadline is on too.
        left = self._epoch_deadline_time_in_ms - int(time.time() * 1000)
        return left if left > 0 else 0

    def w3c(self) -> dict[str, str]:
        """The trace context of the invocation, as far as the caller sent one."""
        return dict(self._w3c_fields)

    def log(self, msg: object) -> None:
        """Write `msg` to the log, without a newline."""
        sys.stdout.write(str(msg))

    def __repr__(self) -> str:
        return (
            "LambdaContext(["
            f"aws_request_id={self.aws_request_id},"
            f"log_group_name={self.log_group_name},"
            f"log_stream_name={self.log_stream_name},"
            f"function_name={self.function_name},"
            f"memory_limit_in_mb={self.memory_limit_in_mb},"
            f"function_version={self.function_version},"
            f"invoked_function_arn={self.invoked_function_arn},"
            f"client_context={self.client_context},"
            f"identity={self.identity},"
            f"tenant_id={self.tenant_id}])"
        )


def static_values() -> tuple[str | None, ...]:
    """What is the same for all invocations of an environment, in the order that LambdaContext takes it."""
    get = os.environ.get
    return (
        get("AWS_LAMBDA_LOG_GROUP_NAME"),
        get("AWS_LAMBDA_LOG_STREAM_NAME"),
        get("AWS_LAMBDA_FUNCTION_NAME"),
        get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        get("AWS_LAMBDA_FUNCTION_VERSION"),
    )


def parse_client_context(text: bytes) -> Any:
    """The client context as a dict. Raises ValueError with AWS's text where it is no JSON."""
    try:
        return json.loads(text)
    except Exception as fault:  # as AWS's client: whatever the parser raises
        raise ValueError(f"Unable to parse Client Context JSON: {fault}") from None


def _take_w3c(client_context: Any) -> dict[str, str]:
    if not isinstance(client_context, dict):
        return {}
    raw = client_context.pop("w3c", None)
    if not isinstance(raw, dict):
        return {}
    names = ("traceparent", "tracestate", "baggage")
    return {name: raw[name] for name in names if isinstance(raw.get(name), str)}
