"""Turns a web server's access log into a recording: `python events/from_access_log.py access.log > requests.jsonl`.

Each line (common or combined format, compressed or not) becomes an HTTP API event at its time; with `--queue NAME` an
SQS message whose body is the line. Lines that are none are counted on standard error.
"""

import argparse
import gzip
import json
import re
import sys
from datetime import datetime

LINE = re.compile(
    r'(?P<client>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<method>[A-Z]+) (?P<target>\S+)(?: (?P<protocol>[^"]*))?" '
    r'(?P<status>\d{3}) (?P<size>\d+|-)(?: "(?P<referer>[^"]*)" "(?P<agent>[^"]*)")?'
)


def read(path):
    """The lines of a log; a server writes whatever bytes a client sends."""
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8", errors="replace") as log:
        yield from (line.rstrip("\n") for line in log if line.strip())


def http_event(found, moment, number):
    """The request as API Gateway's HTTP API hands it on (payload 2.0)."""
    path, _, query = found["target"].partition("?")
    agent = found["agent"] or ""
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "log.example.test", "user-agent": agent, "x-forwarded-for": found["client"]},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "log",
            "domainName": "log.example.test",
            "http": {
                "method": found["method"],
                "path": path,
                "protocol": found["protocol"] or "HTTP/1.1",
                "sourceIp": found["client"],
                "userAgent": agent,
            },
            "requestId": f"line-{number}",
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(moment.timestamp() * 1000),
        },
        "isBase64Encoded": False,
    }
    return {"time": moment.isoformat(), "event": event}


def main():
    """Read the log, write the recording."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", help="the access log, .gz too")
    parser.add_argument("--queue", metavar="NAME", help="make SQS messages for this queue, a line each")
    given = parser.parse_args()
    skipped = 0
    for number, line in enumerate(read(given.log), 1):
        found = LINE.match(line)
        if found is None:
            skipped += 1
            continue
        moment = datetime.strptime(found["time"], "%d/%b/%Y:%H:%M:%S %z")
        if given.queue:
            item = {"time": moment.isoformat(), "queue": given.queue, "body": line}
        else:
            item = http_event(found, moment, number)
        sys.stdout.write(json.dumps(item, separators=(",", ":")) + "\n")
    if skipped:
        sys.stderr.write(f"{given.log}: {skipped} lines are no requests\n")


if __name__ == "__main__":
    main()
