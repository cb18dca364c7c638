"""The time that an event itself tells: when it arrived, as far as its service writes that down."""

from __future__ import annotations

import base64
import re
import zlib
from typing import Any, Final

from lambdarun.model.instant import MILLISECOND, SECOND, Instant, parse_instant
from lambdarun.model.json_text import parse

_ROOT: Final = re.compile(r"Root=1-([0-9a-fA-F]{8})-")
# Before 2006 there was no AWS: such times are samples' placeholders (1970), not recordings.
EARLIEST: Final = parse_instant("2006-01-01T00:00:00Z")
# So far ahead that what follows (retries, retention) can still be written as a date.
LATEST: Final = parse_instant("9000-01-01T00:00:00Z")

# zlib's way to say: with a gzip header.
_GZIP: Final = 31
# A few kilobytes unpack to gigabytes if somebody means ill; a subscription's event is a megabyte at most.
_LOGGED_BYTES_MAX: Final = 64 << 20


def event_time(source: str, event: Any) -> Instant | None:
    """When `event` arrived; None where it does not say so, or says a placeholder."""
    try:
        found = _read(source, event)
    # Whatever is missing or of another type: an event without a time is still an event, and gets its place by order.
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError, zlib.error):
        return None
    return found if found is not None and EARLIEST <= found < LATEST else None


def number_time(value: Any, unit: int) -> Instant:
    """A number (or its text) of `unit` microseconds since 1970. Raises ValueError, TypeError."""
    found = float(value) * unit
    if not 0 <= found < LATEST:
        raise ValueError(f"{value} is before 1970, or too far ahead")
    return Instant(round(found))


def _read(source: str, event: Any) -> Instant | None:
    match source:
        case (
            "api-gateway-rest"
            | "api-gateway-http"
            | "api-gateway-authorizer"
            | "api-gateway-websocket"
            | "function-url"
        ):
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
        case "vpc-lattice":
            return number_time(event["requestContext"]["timeEpoch"], 1)  # microseconds, as text
        case "cloudwatch-logs":
            packed = base64.b64decode(event["awslogs"]["data"])
            logged = parse(zlib.decompressobj(_GZIP).decompress(packed, _LOGGED_BYTES_MAX))
            return number_time(logged["logEvents"][-1]["timestamp"], MILLISECOND)
        case "config":
            told = parse(event["invokingEvent"])
            return parse_instant(
                told.get("notificationCreationTime")
                or told["configurationItem"]["configurationItemCaptureTime"]
            )
        case "eventbridge" | "scheduler" | "cloudwatch-alarm":
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
        case "alexa":
            return parse_instant(event["request"]["timestamp"])
    return None


def _trace_time(event: Any) -> Instant | None:
    headers = event.get("headers") or {}
    value = headers.get("x-amzn-trace-id") or headers.get("X-Amzn-Trace-Id")
    if value is None:
        value = ((event.get("multiValueHeaders") or {}).get("x-amzn-trace-id") or [""])[0]
    found = _ROOT.search(value)
    return Instant(int(found[1], 16) * SECOND) if found else None
