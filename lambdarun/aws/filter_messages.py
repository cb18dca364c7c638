"""What AWS says of a filter pattern that it refuses.

An event source mapping has one text for every defect; the reasons are those that EventBridge gives for the same defects
(`Event pattern is not valid. Reason: ...`). Recorded from AWS by LocalStack's test_events_patterns, or else as AWS's own
event-ruler, which both services use, words them.
"""

from __future__ import annotations

from typing import Final

from lambdarun.aws.limits import EVENTBRIDGE_API, LAMBDA_API
from lambdarun.aws.messages import ErrorText

INVALID_FILTER: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Invalid filter pattern definition.",
    "message",
    f"{LAMBDA_API}/API_CreateEventSourceMapping.html",
)
INVALID_EVENT_PATTERN: Final = ErrorText(
    400,
    "InvalidEventPatternException",
    "Event pattern is not valid. Reason: {reason}",
    "message",
    f"{EVENTBRIDGE_API}/API_TestEventPattern.html",
)

# --- structure
NO_OBJECT: Final = "Filter is not an object"
NO_ARRAY: Final = '"{name}" must be an object or an array'
EMPTY_OBJECT: Final = "Empty objects are not allowed"
EMPTY_ARRAY: Final = "Empty arrays are not allowed"
NO_VALUE: Final = "Match value must be String, number, true, false, or null"
OR_NO_ARRAY: Final = "It must be an Array followed with $or."
OR_NO_OBJECT: Final = "Only JSON object is allowed in array of $or relationship."
OR_TOO_FEW: Final = "There must have at least 2 Objects in $or relationship."
OR_RESERVED: Final = "{name} is Ruler reserved fieldName which cannot be used inside $or."

# --- operators
NO_OPERATOR: Final = "Match expression name not found"
UNKNOWN_OPERATOR: Final = "Unrecognized match type {name}"
ONE_KEY: Final = "Only one key allowed in match expression"
TOO_MANY_ELEMENTS: Final = "Too many elements in numeric expression"
NO_TEXT: Final = "{name} match pattern must be a string"
EXISTS_NO_BOOLEAN: Final = "exists match pattern must be either true or false."
NO_INNER_OPERATOR: Final = "{name} expression name not found"
UNSUPPORTED_INNER: Final = "Unsupported {name} pattern: {inner}"
BUT_NO_VALUE: Final = "Value of anything-but must be an array or single string/number value."
BUT_LIST: Final = "Inside anything but list, start|null|boolean is not supported."
BUT_MIXED: Final = (
    "Inside anything but list, either all values are number or string, mixed type is not supported"
)
BUT_IGNORE_CASE: Final = (
    "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
)
BUT_EMPTY: Final = "Null prefix/suffix not allowed"
CONSECUTIVE_WILDCARDS: Final = "Consecutive wildcard characters at pos {position}"
INVALID_ESCAPE: Final = "Invalid escape character at pos {position}"
TOO_COMPLEX: Final = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard"
    " character"
)

# --- numeric
NUMERIC_NO_ARRAY: Final = "Value of numeric must be an array."
NUMERIC_MEMBER: Final = "Invalid member in numeric match: {member}"
NUMERIC_OPERATOR: Final = "Unrecognized numeric range operator: {operator}"
NUMERIC_NO_NUMBER: Final = "Value of {operator} must be numeric"
NUMERIC_BAD_VALUE: Final = "Bad value in numeric range: {value}"
NUMERIC_BAD_OPERATOR: Final = "Bad numeric range operator: {operator}"
NUMERIC_TOO_MANY: Final = "Too many terms in numeric range expression"
NUMERIC_EMPTY_RANGE: Final = "Bottom must be less than top"

# --- cidr
CIDR_ONE_SLASH: Final = "Malformed CIDR, one '/' required"
CIDR_NO_INTEGER: Final = "Malformed CIDR, mask bits must be an integer"
CIDR_NEGATIVE: Final = "Malformed CIDR, mask bits must not be negative"
CIDR_V4_BITS: Final = "IPv4 mask bits must be < 32"
CIDR_V6_BITS: Final = "IPv6 mask bits must be < 128"
CIDR_INVALID: Final = "Invalid IP address: {address}"
CIDR_NONSTANDARD: Final = "Nonstandard IP address: {address}"
