"""Which service made an event: the decision table, first match wins.

Shapes: the events pages of https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html. Never by `version` alone:
the values 1.0, 2.0, "0", "1" and 2 all occur.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from lambdarun.model.arrival import Delivery

_COGNITO_ASYNC: Final = ("CustomEmailSender", "CustomSMSSender")
_PIPES: Final = (
    "aws:kinesis",
    "aws:dynamodb",
    "aws:kafka",
    "SelfManagedKafka",
    "aws:SelfManagedKafka",
    "aws:mq",
    "aws:amq",
    "aws:rmq",
)


@frozen
class Recognised:
    """What an event is: the service's short name, how it calls, and the ARN that the event names as its origin."""

    source: str
    delivery: Delivery
    arn: str | None = None


@frozen
class NoEvent:
    """A record of something else, which cannot be replayed; `mend` says what could."""

    seen: str
    mend: str


Verdict = Recognised | NoEvent
SYNC, ASYNC, POLL = Delivery.SYNC, Delivery.ASYNC, Delivery.POLL


# The order is the meaning: services embed each other's events (a queue's record holds a topic's message, a pipe's
# list holds records of either), and several share keys. So containers that are no events come first, then what names
# its service, then shapes from the most to the least telling, and last the few keys of _NAMED, in which the more
# special row stands above the more general one.
def recognise(event: Any) -> Verdict:
    """Find the service that made `event` (parsed JSON). Anything unknown is a direct synchronous invocation."""
    if isinstance(event, list):
        return _recognise_list(event)
    if not isinstance(event, dict):
        return Recognised("custom", SYNC)
    for recogniser in (_container, *_RECOGNISERS):
        found = recogniser(event)
        if found is not None:
            return found
    # Nobody's: somebody called Invoke with it. It cannot be told from a service that is not known here, so it is
    # delivered once.
    return Recognised("custom", SYNC)


def also_looks_like(event: Any, found: Recognised) -> list[str]:
    """The short names of other services whose events look like this one too."""
    if not isinstance(event, dict):
        return []
    others = [recogniser(event) for recogniser in _RECOGNISERS]
    names = {other.source for other in others if isinstance(other, Recognised)}
    names |= {source for test, source, _ in _NAMED if test(event)}
    return sorted(names - {found.source, _KIND_OF.get(found.source, "")})


def _recognise_list(event: list[Any]) -> Verdict:
    first = event[0] if event and isinstance(event[0], dict) else {}
    if ("messageId" in first and "eventSourceARN" in first) or first.get("eventSource") in _PIPES:
        return Recognised("pipes", SYNC, _text(first.get("eventSourceARN")))
    if _path(first, "info", "fieldName") is not None and "arguments" in first:
        return Recognised("appsync", SYNC)
    return Recognised("custom", SYNC)


def _container(event: dict[str, Any]) -> Verdict | None:
    """Records of invocations, queues or streams that are no events themselves."""
    if "KinesisBatchInfo" in event or "DDBStreamBatchInfo" in event:
        return NoEvent(
            "a stream's on-failure record", "It points at records by sequence number and holds none."
        )
    if "Traces" in event:
        return NoEvent("X-Ray traces", "They have times and outcomes but no payload.")
    messages, logged = event.get("Messages"), event.get("events")
    if isinstance(messages, list) and messages and _path(messages[0], "Body") is not None:
        mend = "Make lines of it: jq -c '.Messages[] | {queue: \"NAME\", body: .Body}'."
        return NoEvent("an answer of `aws sqs receive-message`", mend)
    if "NextShardIterator" in event:
        mend = 'Give each record the shape that Lambda hands on: {"Records": [{"eventSource": "aws:kinesis", "kinesis": {...}}]}.'
        return NoEvent("an answer of `get-records`", mend)
    if isinstance(logged, list) and logged and _path(logged[0], "ingestionTime") is not None:
        mend = "Make lines of it: jq -c '.events[] | {time: .timestamp, event: (.message | fromjson?)}'."
        return NoEvent("an answer of `aws logs filter-log-events`", mend)
    if isinstance(event.get("log"), dict) and "entries" in event["log"]:
        return NoEvent("a HAR file", "It holds a browser's requests; make events of them.")
    if "recorded-content" in event:
        return NoEvent("a snapshot of a test", "Take the events out of it.")
    if "openapi" in event and "components" in event:
        return NoEvent("shareable test events", "Take the value of one example out of components.examples.")
    if (
        "results" in event
        and isinstance(event["results"], list)
        and event["results"]
        and isinstance(event["results"][0], list)
    ):
        return NoEvent("a Logs Insights result", "Export the log events with `aws logs filter-log-events`.")
    return None


def _first(event: dict[str, Any]) -> dict[str, Any]:
    records = event.get("Records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        return records[0]
    return {}


_BY_EVENT_SOURCE: Final = {
    "aws:sqs": ("sqs", POLL),
    "aws:kinesis": ("kinesis", POLL),
    "aws:dynamodb": ("dynamodb", POLL),
    "aws:s3": ("s3", ASYNC),
    "aws:codecommit": ("codecommit", ASYNC),
}


def _records(event: dict[str, Any]) -> Verdict | None:
    first = _first(event)
    if "cf" in first:
        return Recognised("lambda-edge", SYNC)
    if first.get("EventSource") == "aws:sns":
        return Recognised("sns", ASYNC, _path(first, "Sns", "TopicArn"))
    source = first.get("eventSource")
    if source == "aws:ses":
        kind = _path(first, "ses", "receipt", "action", "invocationType")
        return Recognised("ses", SYNC if kind == "RequestResponse" else ASYNC)
    if source == "lambda.amazonaws.com":
        return NoEvent("a CloudTrail record of an invocation", "It has no payload.")
    if isinstance(source, str) and source in _BY_EVENT_SOURCE:
        name, delivery = _BY_EVENT_SOURCE[source]
        arn = _path(first, "s3", "bucket", "arn") if name == "s3" else _text(first.get("eventSourceARN"))
        return Recognised(name, delivery, arn)
    if event.get("Event") == "s3:TestEvent":
        return Recognised("s3", ASYNC)
    return None


def _broker(event: dict[str, Any]) -> Verdict | None:
    names = {
        "aws:kafka": "kafka",
        "SelfManagedKafka": "kafka",
        "aws:SelfManagedKafka": "kafka",
        "aws:mq": "mq",
        "aws:amq": "mq",
        "aws:rmq": "mq",
        "aws:docdb": "documentdb",
    }
    source = event.get("eventSource")
    if isinstance(source, str) and source in names:
        return Recognised(names[source], POLL, _text(event.get("eventSourceArn")))
    return None


def _http(event: dict[str, Any]) -> Verdict | None:
    context = event.get("requestContext")
    context = context if isinstance(context, dict) else {}
    if "elb" in context:
        return Recognised("alb", SYNC, _path(context, "elb", "targetGroupArn"))
    if event.get("type") in ("TOKEN", "REQUEST") and ("methodArn" in event or "routeArn" in event):
        return Recognised(
            "api-gateway-authorizer", SYNC, _text(event.get("methodArn") or event.get("routeArn"))
        )
    if "connectionId" in context and context.get("eventType") in ("CONNECT", "MESSAGE", "DISCONNECT"):
        return Recognised("api-gateway-websocket", SYNC)
    if event.get("version") == "2.0" and "http" in context:
        domain = str(context.get("domainName", ""))
        return Recognised("function-url" if ".lambda-url." in domain else "api-gateway-http", SYNC)
    if "serviceNetworkArn" in context or ("raw_path" in event and "is_base64_encoded" in event):
        return Recognised("vpc-lattice", SYNC, _text(context.get("serviceNetworkArn")))
    if "httpMethod" in event and "resource" in event and context:
        return Recognised("api-gateway-http" if event.get("version") == "1.0" else "api-gateway-rest", SYNC)
    return None


Test = Callable[[dict[str, Any]], bool]


def _has(*names: str) -> Test:
    return lambda event: all(name in event for name in names)


# Rows that a few keys of the event tell: test, source, delivery.
_NAMED: Final[tuple[tuple[Test, str, Delivery], ...]] = (
    (
        lambda event: isinstance(event.get("awslogs"), dict) and "data" in event["awslogs"],
        "cloudwatch-logs",
        ASYNC,
    ),
    (_has("RequestType", "ResponseURL", "LogicalResourceId"), "cloudformation", ASYNC),
    (
        lambda event: (
            "userPoolId" in event and str(event.get("triggerSource", "")).startswith(_COGNITO_ASYNC)
        ),
        "cognito-sender",
        ASYNC,
    ),
    (_has("triggerSource", "userPoolId"), "cognito", SYNC),
    (
        lambda event: event.get("eventType") == "SyncTrigger" and "identityPoolId" in event,
        "cognito-sync",
        SYNC,
    ),
    (_has("deliveryStreamArn", "records"), "firehose", SYNC),
    (_has("deliverySteamArn", "records"), "firehose", SYNC),  # as a well-known generator of samples spells it
    (_has("applicationArn", "records"), "kinesis-analytics", SYNC),
    (_has("sessionState", "bot", "invocationSource"), "lex", SYNC),
    (_has("currentIntent", "bot"), "lex", SYNC),
    (
        lambda event: (
            (
                isinstance(event.get("request"), dict)
                and "type" in event["request"]
                and _path(event, "context", "System") is not None
            )
            or _path(event, "session", "application") is not None
        ),
        "alexa",
        SYNC,
    ),
    (
        lambda event: (
            _path(event, "directive", "header") is not None
            or str(_path(event, "header", "namespace") or "").startswith("Alexa")
        ),
        "alexa-smart-home",
        SYNC,
    ),
    (
        lambda event: _has("detail-type", "source", "detail")(event) and event["source"] == "aws.scheduler",
        "scheduler",
        ASYNC,
    ),
    (_has("detail-type", "source", "detail"), "eventbridge", ASYNC),
    (_has("invokingEvent", "resultToken"), "config", ASYNC),
    (_has("Step", "SecretId", "ClientRequestToken"), "secrets-manager", SYNC),
    (_has("CodePipeline.job"), "codepipeline", ASYNC),
    (_has("invocationSchemaVersion", "tasks"), "s3-batch", SYNC),
    (lambda event: "getObjectContext" in event or "xAmzRequestId" in event, "s3-object-lambda", SYNC),
    (lambda event: _path(event, "Details", "ContactData") is not None, "connect", SYNC),
    (lambda event: _path(event, "info", "fieldName") is not None and "arguments" in event, "appsync", SYNC),
    (
        lambda event: (
            "authorizationToken" in event and _path(event, "requestContext", "queryString") is not None
        ),
        "appsync-authorizer",
        SYNC,
    ),
    (_has("actionGroup", "agent"), "bedrock-agent", SYNC),
    (_has("alarmData"), "cloudwatch-alarm", ASYNC),
    (_has("DeploymentId", "LifecycleEventHookExecutionId"), "codedeploy", SYNC),
    (_has("widgetContext"), "cloudwatch-dashboard", SYNC),
    (_has("summaryVersion", "envelope"), "workmail", SYNC),
    (_has("labelingJobArn"), "ground-truth", SYNC),
    (_has("serverId", "protocol", "username"), "transfer", SYNC),
    (lambda event: set(event) == {"Error", "Cause"}, "step-functions", SYNC),
)

# Rows of which the first is a kind of the second.
_KIND_OF: Final = {"cognito-sender": "cognito", "scheduler": "eventbridge"}

_ARN_KEYS: Final = {
    "eventbridge": "resources",
    "scheduler": "resources",
    "firehose": "deliveryStreamArn",
    "config": "configRuleArn",
    "secrets-manager": "SecretId",
    "cloudwatch-alarm": "alarmArn",
}


def _named(event: dict[str, Any]) -> Verdict | None:
    for test, source, delivery in _NAMED:
        if test(event):
            arn = event.get(_ARN_KEYS.get(source, ""))
            if isinstance(arn, list):
                arn = arn[0] if arn else None
            return Recognised(source, delivery, _text(arn))
    return None


_RECOGNISERS: Final = (_records, _broker, _http, _named)


def _path(value: Any, *names: str) -> Any:
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
