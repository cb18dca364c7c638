"""The time that an event itself tells: when it arrived, as far as its service writes that down."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from typing import Any, Final

from lambdarun.model.instant import MILLISECOND, SECOND, Instant, parse_instant

_ROOT: Final = re.compile(r"Root=1-([0-9a-fA-F]{8})-")
# Before 2006 there was no AWS: such times are samples' placeholders (1970), not recordings.
EARLIEST: Final = parse_instant("2006-01-01T00:00:00Z")


def event_time(source: str, event: Any) -> Instant | None:
    """When `event` arrived; None where it does not say so, or says a placeholder."""
    try:
        found = _read(source, event)
    except (AttributeError, EOFError, IndexError, KeyError, OSError, TypeError, ValueError, zlib.error):
        return None
    return found if found is not None and found >= EARLIEST else None


def number_time(value: Any, unit: int) -> Instant:
    """A number (or its text) of `unit` microseconds since 1970. Raises ValueError, TypeError."""
    return Instant(round(float(value) * unit))


def _read(source: str, event: Any) -> Instant | None:
    match source:
        case "api-gateway-rest" | "api-gateway-http" | "function-url" | "api-gateway-websocket":
            context = event["requestContext"]
            epoch = context.get("timeEpoch", context.get("requestTimeEpoch"))
            return number_time(epoch, MILLISECOND) if epoch is not None else _trace_time(event)
        case "alb":
            return _trace_time(event)
        case "s3" | "codecommit":
            return parse_instant(event["Records"][0]["eventTime"])
        case "sns":
            return parse_instant(event["Records"][0]["Sns"]["Timestamp"])
        case "ses":
            return parse_instant(event["Records"][0]["ses"]["receipt"]["timestamp"])
        case "eventbridge" | "scheduler":
            return parse_instant(event["time"])
        case "sqs":
            return number_time(event["Records"][-1]["attributes"]["SentTimestamp"], MILLISECOND)
        case "kinesis":
            return number_time(event["Records"][-1]["kinesis"]["approximateArrivalTimestamp"], SECOND)
        case "dynamodb":
            return number_time(event["Records"][-1]["dynamodb"]["ApproximateCreationDateTime"], SECOND)
        case "firehose":
            return number_time(event["records"][-1]["approximateArrivalTimestamp"], MILLISECOND)
        case "kafka":
            stamps = [record["timestamp"] for records in event["records"].values() for record in records]
            return number_time(max(stamps), MILLISECOND)
        case "mq":
            return number_time(event["messages"][-1]["brokerOutTime"], MILLISECOND)
        case "documentdb":
            return number_time(event["events"][-1]["event"]["clusterTime"]["$timestamp"]["t"], SECOND)
        case "cloudwatch-logs":
            told = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
            return number_time(told["logEvents"][-1]["timestamp"], MILLISECOND)
        case "config":
            told = json.loads(event["invokingEvent"])
            item = told.get("configurationItem") or {}
            return parse_instant(told.get("notificationCreationTime") or item["configurationItemCaptureTime"])
        case "alexa":
            return parse_instant(event["request"]["timestamp"])
        case "cloudwatch-alarm":
            return parse_instant(event["time"])
    return None


def _trace_time(event: Any) -> Instant | None:
    headers = event.get("headers") or {}
    value = headers.get("x-amzn-trace-id") or headers.get("X-Amzn-Trace-Id")
    if value is None:
        value = ((event.get("multiValueHeaders") or {}).get("x-amzn-trace-id") or [""])[0]
    found = _ROOT.search(value)
    return Instant(int(found[1], 16) * SECOND) if found else None
