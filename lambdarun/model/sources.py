"""The services that make events: their short names, as routes and recordings use them, and how each calls.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html
"""

from __future__ import annotations

from typing import Final

from lambdarun.model.arrival import Delivery

_SYNC: Final = (
    "alb", "alexa", "alexa-smart-home", "api-gateway-authorizer", "api-gateway-http", "api-gateway-rest",
    "api-gateway-websocket", "appsync", "appsync-authorizer", "bedrock-agent", "cloudwatch-dashboard", "codedeploy",
    "cognito", "cognito-sync", "connect", "custom", "firehose", "function-url", "ground-truth", "kinesis-analytics",
    "lambda-edge", "lex", "pipes", "s3-batch", "s3-object-lambda", "secrets-manager", "step-functions", "transfer",
    "vpc-lattice", "workmail",
)  # fmt: skip
_ASYNC: Final = (
    "cloudformation", "cloudwatch-alarm", "cloudwatch-logs", "codecommit", "codepipeline", "cognito-sender", "config",
    "eventbridge", "iot", "s3", "scheduler", "ses", "sns",
)  # fmt: skip
_POLL: Final = ("documentdb", "dynamodb", "kafka", "kinesis", "mq", "sqs")

SOURCES: Final = {
    **dict.fromkeys(_SYNC, Delivery.SYNC),
    **dict.fromkeys(_ASYNC, Delivery.ASYNC),
    **dict.fromkeys(_POLL, Delivery.POLL),
}
"""Short name -> how the service calls unless an event says otherwise."""
