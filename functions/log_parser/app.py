"""Counts what happened in a web server's log lines, from a CloudWatch Logs subscription."""

import base64
import gzip
import json
import re
from collections import Counter

LINE = re.compile(r'"(?P<method>[A-Z]+) (?P<path>\S+) [^"]*" (?P<status>\d{3}) (?P<bytes>\d+|-)')


def handler(event, context):
    """Unpack the log events and count requests by status and path."""
    payload = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    if payload["messageType"] == "CONTROL_MESSAGE":
        return {"skipped": "control message"}
    statuses, paths, unreadable = Counter(), Counter(), 0
    for entry in payload["logEvents"]:
        found = LINE.search(entry["message"])
        if found is None:
            unreadable += 1
            continue
        statuses[found["status"]] += 1
        paths[found["path"]] += 1
    if unreadable == len(payload["logEvents"]):
        raise ValueError(f"none of {unreadable} lines of {payload['logGroup']} is a request")
    return {"statuses": dict(statuses), "busiest": paths.most_common(3), "unreadable": unreadable}
