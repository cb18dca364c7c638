"""What AWS answers about versions, aliases and provisioned concurrency, as recorded (TestLambdaAlias,
TestLambdaProvisionedConcurrency, test_reserved_provisioned_overlap).
"""

from __future__ import annotations

from typing import Final

from lambdarun.aws.limits import LAMBDA_API
from lambdarun.aws.messages import ErrorText

TOO_MANY_WEIGHTS: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Number of items in AdditionalVersionWeights cannot be greater than {most}",
    "message",
    f"{LAMBDA_API}/API_CreateAlias.html",
)
WEIGHT_OUT_OF_BOUNDS: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '{{{version}={weight}}}' at 'routingConfig.additionalVersionWeights' failed to"
    " satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member"
    " must have value greater than or equal to 0.0, Member must not be null]",
    "message",
    f"{LAMBDA_API}/API_CreateAlias.html",
)
WEIGHT_OF_NO_NUMBER: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '{{{version}={weight}}}' at 'routingConfig.additionalVersionWeights' failed to"
    " satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member"
    " must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]",
    "message",
    f"{LAMBDA_API}/API_CreateAlias.html",
)
VERSION_WEIGHED_TWICE: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Invalid function version {version}. Function version {version} is already included in routing configuration.",
    "message",
    f"{LAMBDA_API}/API_CreateAlias.html",
)
LATEST_IN_WEIGHTED_ALIAS: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "$LATEST is not supported for an alias pointing to more than 1 version",
    "message",
    f"{LAMBDA_API}/API_CreateAlias.html",
)
ALIAS_NOT_FOUND: Final = ErrorText(
    404,
    "ResourceNotFoundException",
    "Cannot find alias arn: {arn}",
    "Message",
    f"{LAMBDA_API}/API_GetAlias.html",
)
PROVISIONED_TOO_LOW: Final = ErrorText(
    400,
    "ValidationException",
    "1 validation error detected: Value '{value}' at 'provisionedConcurrentExecutions' failed to satisfy constraint:"
    " Member must have value greater than or equal to 1",
    "message",
    f"{LAMBDA_API}/API_PutProvisionedConcurrencyConfig.html",
)
PROVISIONED_UNPUBLISHED: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
    "message",
    f"{LAMBDA_API}/API_PutProvisionedConcurrencyConfig.html",
)
PROVISIONED_VERSION: Final = ErrorText(
    409,
    "ResourceConflictException",
    "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
    "message",
    f"{LAMBDA_API}/API_PutProvisionedConcurrencyConfig.html",
)
PROVISIONED_ALIAS: Final = ErrorText(
    409,
    "ResourceConflictException",
    "Version is pointed by a Provisioned Concurrency alias",
    "message",
    f"{LAMBDA_API}/API_PutProvisionedConcurrencyConfig.html",
)
PROVISIONED_OVER_RESERVED: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
    "message",
    f"{LAMBDA_API}/API_PutProvisionedConcurrencyConfig.html",
)
PROVISIONED_OVER_POOL: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{unreserved}].",
    "message",
    f"{LAMBDA_API}/API_PutProvisionedConcurrencyConfig.html",
)
PROVISIONED_LEAVES_TOO_LITTLE: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum"
    " value of [100].",
    "message",
    f"{LAMBDA_API}/API_PutProvisionedConcurrencyConfig.html",
)
PROVISIONED_NOT_FOUND: Final = ErrorText(
    404,
    "ProvisionedConcurrencyConfigNotFoundException",
    "No Provisioned Concurrency Config found for this function",
    "message",
    f"{LAMBDA_API}/API_GetProvisionedConcurrencyConfig.html",
)
RESERVED_BELOW_PROVISIONED: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    # The leading and the double space are AWS's.
    " ReservedConcurrentExecutions  {reserved} should not be lower than function's total provisioned concurrency"
    " [{provisioned}].",
    "message",
    f"{LAMBDA_API}/API_PutFunctionConcurrency.html",
)
NO_PUBLISHED_RESOURCE: Final = ErrorText(
    400,
    "InvalidParameterValueException",
    "The function resource provided must be an alias or a published version.",
    "message",
    f"{LAMBDA_API}/API_GetProvisionedConcurrencyConfig.html",
)
