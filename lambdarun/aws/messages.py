"""Every error that AWS answers: status, code and text, once, with its page. One section a service."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from lambdarun.aws.limits import LAMBDA_API


@frozen
class ErrorText:
    """One of AWS's errors. `key` is the member of the body that holds the text (AWS uses both spellings)."""

    status: int
    code: str
    text: str
    key: str
    source: str

    def of(self, **values: object) -> str:
        """The text with its values filled in."""
        return self.text.format(**values)


# --- Lambda: Invoke
FUNCTION_NOT_FOUND: Final = ErrorText(
    404, "ResourceNotFoundException", "Function not found: {arn}", "Message", f"{LAMBDA_API}/API_Invoke.html"
)
TOO_MANY_REQUESTS: Final = ErrorText(
    429, "TooManyRequestsException", "Rate Exceeded.", "message", f"{LAMBDA_API}/API_Invoke.html"
)
REQUEST_TOO_LARGE: Final = ErrorText(
    413,
    "RequestEntityTooLargeException",
    "{size} byte payload is too large for the {kind} invocation type (limit {limit} bytes)",
    "Message",
    f"{LAMBDA_API}/API_Invoke.html",
)
NOT_JSON: Final = ErrorText(
    400,
    "InvalidRequestContentException",
    "Could not parse request body into json: Could not parse payload into json: {fault}\n at [Source: REDACTED"
    " (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: {column}]",
    "message",
    f"{LAMBDA_API}/API_Invoke.html",
)
MALFORMED_NAME: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '{value}' at 'functionName' failed to satisfy constraint: Member must satisfy"
    " regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{{2}}((-gov)|(-iso([a-z]?)))?-[a-z]+-"
    "\\d{{1}}:)?(\\d{{12}}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?",
    "message",
    f"{LAMBDA_API}/API_Invoke.html",
)
QUALIFIERS_DIFFER: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "The derived qualifier from the function name does not match the specified qualifier.",
    "message",
    f"{LAMBDA_API}/API_Invoke.html",
)
OTHER_REGION: Final = ErrorText(
    404,
    "ResourceNotFoundException",
    "Functions from '{region}' are not reachable in this region ('{here}')",
    "Message",
    f"{LAMBDA_API}/API_Invoke.html",
)
CLIENT_CONTEXT_TOO_LONG: Final = ErrorText(
    400,
    "ValidationException",
    # The limit is documented; the text follows AWS's pattern for a member that is too long.
    "1 validation error detected: Value at 'clientContext' failed to satisfy constraint: Member must have length less"
    " than or equal to {limit} (it has {size})",
    "message",
    f"{LAMBDA_API}/API_Invoke.html",
)
CLIENT_CONTEXT_NOT_BASE64: Final = ErrorText(
    400,
    "InvalidRequestContentException",
    # AWS documents that the header is base64, not its text for one that is not.
    "Client context must be a valid Base64-encoded JSON object.",
    "message",
    f"{LAMBDA_API}/API_Invoke.html",
)
