"""What the Runtime API and the Extensions API say: error types, texts and headers, once, with their pages."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from lambdarun.aws.limits import LAMBDA_GUIDE

_RUNTIME: Final = f"{LAMBDA_GUIDE}/runtimes-api.html"
_EXTENSIONS: Final = f"{LAMBDA_GUIDE}/runtimes-extensions-api.html"
_TELEMETRY: Final = f"{LAMBDA_GUIDE}/telemetry-api.html"


@frozen
class ApiError:
    """An error answer: `errorMessage` and `errorType` under an HTTP status."""

    status: int
    error_type: str
    text: str
    source: str


# The texts are those of AWS's own emulator of both APIs, which the documentation does not give.
INVALID_REQUEST_ID: Final = ApiError(400, "InvalidRequestID", "Invalid request ID", _RUNTIME)
INVALID_STATE: Final = ApiError(
    403,
    "InvalidStateTransition",
    "State transition from {state} to {wanted} failed for runtime. Error: State transition is not allowed",
    _RUNTIME,
)
TOO_LARGE: Final = ApiError(
    413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size ({limit} bytes).", _RUNTIME
)
INVALID_RESPONSE_MODE: Final = ApiError(
    400, "InvalidFunctionResponseMode", "Invalid function response mode: {mode}", _RUNTIME
)
TRUNCATED: Final = ApiError(400, "TruncatedHTTPRequest", "HTTP request was truncated", _RUNTIME)

NAME_MISSING: Final = ApiError(403, "Extension.InvalidExtensionName", "Empty extension name", _EXTENSIONS)
INVALID_REQUEST: Final = ApiError(403, "InvalidRequestFormat", "{fault}", _EXTENSIONS)
INVALID_EVENT: Final = ApiError(403, "Extension.InvalidEventType", "{event}: InvalidEventType", _EXTENSIONS)
EVENT_FOR_EXTERNAL: Final = ApiError(
    403, "Extension.InvalidEventType", "{event}: Event not supported for internal agent", _EXTENSIONS
)
INVALID_EXTENSION_STATE: Final = ApiError(
    403,
    "Extension.InvalidExtensionState",
    "State transition from {state} to {wanted} failed for extension {extension}. "
    "Error: State transition is not allowed",
    _EXTENSIONS,
)
NAME_TAKEN: Final = ApiError(
    403, "Extension.InvalidExtensionState", "Extension with this name already registered", _EXTENSIONS
)
REGISTRATION_CLOSED: Final = ApiError(
    403, "Extension.RegistrationClosed", "Extension registration closed already", _EXTENSIONS
)
TOO_MANY_EXTENSIONS: Final = ApiError(
    403, "Extension.TooManyExtensions", "Extension limit ({limit}) reached", _EXTENSIONS
)
IDENTIFIER_MISSING: Final = ApiError(
    403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header", _EXTENSIONS
)
IDENTIFIER_INVALID: Final = ApiError(
    403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier", _EXTENSIONS
)
IDENTIFIER_UNKNOWN: Final = ApiError(
    403, "Extension.UnknownExtensionIdentifier", "Unknown extension {identifier}", _EXTENSIONS
)
HEADER_MISSING: Final = ApiError(403, "Extension.MissingHeader", "{header} not found", _EXTENSIONS)

# AWS's own emulator answers so where it has no telemetry: extensions go on without it.
NO_TELEMETRY: Final = ApiError(202, "Telemetry.NotSupported", "Telemetry API is not supported", _TELEMETRY)
NO_LOGS: Final = ApiError(202, "Logs.NotSupported", "Logs API is not supported", _TELEMETRY)

RUNTIME_VERSION: Final = "2018-06-01"
EXTENSION_VERSION: Final = "2020-01-01"
TELEMETRY_PATHS: Final = {"/2022-07-01/telemetry": NO_TELEMETRY, "/2020-08-15/logs": NO_LOGS}
ERROR_TYPE_HEADER: Final = "lambda-runtime-function-error-type"
EXTENSION_ERROR_TYPE_HEADER: Final = "Lambda-Extension-Function-Error-Type"
VALID_ERROR_TYPE: Final = r"(Runtime|Function)\.[A-Z][A-Za-z]+"
"""What an error type must look like to reach metrics and logs as it is."""
