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
    " (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {line}, column: {column}]",
    "message",
    f"{LAMBDA_API}/API_Invoke.html",
)
MALFORMED_NAME: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '{value}' at 'functionName' failed to satisfy constraint: Member must satisfy"
    " regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{{2}}((-gov)|(-iso([a-z]?)))?-[a-z]+-"
    "\\d{{1}}:)?(\\d{{12}}:)?(function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?",
    "message",
    f"{LAMBDA_API}/API_Invoke.html",
)
MALFORMED_QUALIFIER: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '{value}' at 'qualifier' failed to satisfy constraint: Member must satisfy"
    " regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+",
    "message",
    f"{LAMBDA_API}/API_Invoke.html",
)
QUALIFIER_TOO_LONG: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '{value}' at 'qualifier' failed to satisfy constraint: Member must have length"
    " less than or equal to {most}",
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

# --- Lambda: concurrency and configuration
LOG_LEVEL_WITH_TEXT: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the LogFormat'
    ' to "JSON" and try again.',
    "message",
    f"{LAMBDA_API}/API_LoggingConfig.html",
)
NOT_IN_ENUM: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy enum value"
    " set: [{allowed}]",
    "message",
    f"{LAMBDA_API}/API_LoggingConfig.html",
)
RESERVED_VARIABLE: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Lambda was unable to configure your environment variables because the environment variables you have provided"
    " contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {name}",
    "message",
    f"{LAMBDA_API}/API_CreateFunction.html",
)
ENVIRONMENT_TOO_LARGE: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Lambda was unable to configure your environment variables because the environment variables you have provided"
    " exceeded the 4KB limit. String measured: {measured}",
    "message",
    f"{LAMBDA_API}/API_CreateFunction.html",
)
UNRESERVED_TOO_LOW: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its"
    " minimum value of [100].",
    "message",
    f"{LAMBDA_API}/API_PutFunctionConcurrency.html",
)

# --- Lambda: code packages, layers and runtimes
ZIPPED_TOO_LARGE: Final = ErrorText(
    413,
    "RequestEntityTooLargeException",
    "Zipped size must be smaller than {limit} bytes",
    "Message",
    f"{LAMBDA_API}/API_CreateFunction.html",
)
UNZIPPED_TOO_LARGE: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Unzipped size must be smaller than {limit} bytes",
    "message",
    f"{LAMBDA_API}/API_CreateFunction.html",
)
NOT_UNZIPPED: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Could not unzip uploaded file. Please check your file, then try to upload again.",
    "message",
    f"{LAMBDA_API}/API_CreateFunction.html",
)
TOO_MANY_LAYERS: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Cannot reference more than {most} layers.",
    "message",
    f"{LAMBDA_API}/API_CreateFunction.html",
)
SAME_LAYER_TWICE: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Two different versions of the same layer are not allowed to be referenced in the same function. {one} and {other}"
    " are versions of the same layer.",
    "message",
    f"{LAMBDA_API}/API_CreateFunction.html",
)
LAYER_MISSING: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Layer version {arn} does not exist.",
    "message",
    f"{LAMBDA_API}/API_CreateFunction.html",
)
LAYER_MALFORMED: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '[{arn}]' at 'layers' failed to satisfy constraint: Member must satisfy"
    " constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to"
    " 1, Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{{2}}((-gov)|(-iso"
    "([a-z]?)))?-[a-z]+-\\d{{1}}:\\d{{12}}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:"
    "[a-zA-Z0-9-_]+), Member must not be null]",
    "message",
    f"{LAMBDA_API}/API_CreateFunction.html",
)
LAYER_ELSEWHERE: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Layers are not in the same region as the function. Layers are expected to be in region {region}.",
    "message",
    f"{LAMBDA_API}/API_CreateFunction.html",
)
RUNTIME_ENDED: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. We"
    " recommend you use a supported runtime while creating or updating functions.",
    "message",
    f"{LAMBDA_API}/API_CreateFunction.html",
)
RUNTIME_UNKNOWN: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{known}] or be a"
    " valid ARN",
    "message",
    f"{LAMBDA_API}/API_CreateFunction.html",
)
