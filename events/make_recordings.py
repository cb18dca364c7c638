"""Makes the recordings in this folder: `python events/make_recordings.py`. Seeded: equal bytes at each run."""

import base64
import json
import math
import random
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
DAY = datetime(2026, 3, 2, tzinfo=UTC)
ACCOUNT = "123456789012"
GZIP = 31  # for zlib, whose header is the same in every Python


def iso(moment):
    """Milliseconds and Z, as AWS writes times."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def lines(name, items):
    """Write one JSON value a line."""
    text = "".join(json.dumps(item, separators=(",", ":")) + "\n" for item in items)
    (HERE / name).write_text(text, encoding="utf-8", newline="\n")


def order(chance, number):
    """An order; two in a hundred are poison."""
    body = {
        "id": f"A{number:05d}",
        "lines": [
            {
                "sku": f"S{chance.randint(1, 400)}",
                "price": f"{chance.uniform(1, 90):.2f}",
                "quantity": chance.randint(1, 4),
            }
            for _ in range(chance.randint(1, 3))
        ],
    }
    poison = chance.random()
    if poison < 0.01:
        body["lines"][0]["price"] = "n/a"
    elif poison < 0.02:
        del body["lines"]
    return json.dumps(body, separators=(",", ":"))


def orders():
    """Five thousand orders over a day, with a rush at eight in the evening."""
    chance = random.Random("orders")
    moments = [chance.uniform(0, 86_400) for _ in range(1_400)]
    moments += [min(max(chance.gauss(20 * 3_600, 40), 0), 86_399) for _ in range(3_600)]
    for number, seconds in enumerate(sorted(moments), 1):
        item = {
            "time": iso(DAY + timedelta(seconds=seconds)),
            "queue": "orders",
            "body": order(chance, number),
        }
        if chance.random() < 0.1:
            item["message_attributes"] = {"channel": "app"}
        yield item


def partner_events():
    """Events of the shop, one envelope a line."""
    chance = random.Random("partner")
    moment = DAY + timedelta(hours=6)
    for number in range(120):
        moment += timedelta(seconds=chance.expovariate(1 / 300))
        yield {
            "time": iso(moment),
            "event": {
                "version": "0",
                "id": f"{chance.getrandbits(128):032x}",
                "detail-type": "order placed",
                "source": "demo.shop",
                "account": ACCOUNT,
                "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
                "region": "us-east-1",
                "resources": [],
                "detail": {"order": f"A{number:05d}", "total": round(chance.uniform(5, 200), 2)},
            },
        }


def access_log():
    """CloudWatch Logs subscriptions: a web server's lines, gzipped, bare events one a line."""
    chance = random.Random("log")
    for hour in range(24):
        entries = []
        for number in range(chance.randint(3, 12)):
            stamp = int((DAY + timedelta(hours=hour, seconds=number * 7)).timestamp() * 1000)
            path = chance.choice(["/", "/orders", "/orders/1001", "/about", "/missing"])
            status = 404 if path == "/missing" else chance.choice([200, 200, 200, 304, 500])
            entries.append(
                {
                    "id": f"{stamp}{number:02d}",
                    "timestamp": stamp,
                    "message": f'192.0.2.{number} "GET {path} HTTP/1.1" {status} 512',
                }
            )
        payload = {
            "messageType": "DATA_MESSAGE",
            "owner": ACCOUNT,
            "logGroup": "/web/access",
            "logStream": "web-1",
            "subscriptionFilters": ["all"],
            "logEvents": entries,
        }
        data = base64.b64encode(zlib.compress(json.dumps(payload).encode(), wbits=GZIP)).decode()
        yield {"time": iso(DAY + timedelta(hours=hour, minutes=1)), "event": {"awslogs": {"data": data}}}


def api_requests():
    """Requests to the HTTP API, one bare event a line, each with its own time."""
    chance = random.Random("api")
    for number in range(300):
        seconds = 43_200 + 21_600 * math.sin(number)
        moment = DAY + timedelta(seconds=seconds + number)
        post = chance.random() < 0.3
        path = "/orders" if post else f"/orders/{chance.choice(['1001', '1002', '7777'])}"
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"host": "api.example.test", "user-agent": "probe/1"},
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": "api0",
                "domainName": "api.example.test",
                "http": {
                    "method": "POST" if post else "GET",
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.7",
                    "userAgent": "probe/1",
                },
                "requestId": f"r{number}",
                "routeKey": "$default",
                "stage": "$default",
                "timeEpoch": int(moment.timestamp() * 1000),
            },
            "isBase64Encoded": False,
        }
        if post:
            event["body"] = json.dumps({"id": str(2_000 + number), "total": "10.00"})
        yield event


def schedule():
    """Seven nights of a schedule's rule, as one JSON array."""
    found = []
    for night in range(7):
        moment = DAY + timedelta(days=night, hours=2)
        found.append(
            {
                "version": "0",
                "id": f"00000000-0000-4000-8000-{night:012d}",
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": ACCOUNT,
                "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
                "region": "us-east-1",
                "resources": [f"arn:aws:events:us-east-1:{ACCOUNT}:rule/nightly-report"],
                "detail": {},
            }
        )
    return found


def uploads():
    """Uploads to a bucket: pictures, and now and then something else."""
    chance = random.Random("uploads")
    for number in range(40):
        moment = DAY + timedelta(hours=9, minutes=11 * number)
        name = chance.choice(["holiday+1.jpg", "cat%40home.png", "plan.webp", "logo.PNG", "notes.txt"])
        yield {
            "Records": [
                {
                    "eventVersion": "2.1",
                    "eventSource": "aws:s3",
                    "awsRegion": "us-east-1",
                    "eventTime": iso(moment),
                    "eventName": "ObjectCreated:Put",
                    "userIdentity": {"principalId": "AWS:DEMO"},
                    "requestParameters": {"sourceIPAddress": "192.0.2.7"},
                    "responseElements": {"x-amz-request-id": f"REQ{number}", "x-amz-id-2": "HOST0"},
                    "s3": {
                        "s3SchemaVersion": "1.0",
                        "configurationId": "pictures",
                        "bucket": {
                            "name": "uploads",
                            "ownerIdentity": {"principalId": "OWNER0"},
                            "arn": "arn:aws:s3:::uploads",
                        },
                        "object": {
                            "key": f"in/{number}/{name}",
                            "size": 1_000 + number,
                            "eTag": "0" * 32,
                            "sequencer": f"{number:016X}",
                        },
                    },
                }
            ]
        }


def table_changes():
    """One batch of a table's stream, as a single JSON event."""
    chance = random.Random("table")
    records = []
    start = int((DAY + timedelta(hours=12)).timestamp())
    for number in range(25):
        key = {"id": {"S": f"c{chance.randint(1, 6)}"}}
        kind = chance.choice(["INSERT", "MODIFY", "MODIFY", "REMOVE"])
        change = {
            "ApproximateCreationDateTime": start + number,
            "Keys": key,
            "SequenceNumber": f"{100 + number:021d}",
            "SizeBytes": 40,
            "StreamViewType": "NEW_IMAGE",
        }
        if kind != "REMOVE":
            change["NewImage"] = {
                **key,
                "total": {"N": f"{chance.uniform(1, 99):.2f}"},
                "open": {"BOOL": chance.random() < 0.5},
            }
        records.append(
            {
                "eventID": f"{chance.getrandbits(128):032x}",
                "eventName": kind,
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": "us-east-1",
                "dynamodb": change,
                "eventSourceARN": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/customers/stream/2026-01-01T00:00:00.000",
            }
        )
    return {"Records": records}


def main():
    """Write every recording."""
    lines("orders.jsonl", orders())
    lines("partner.jsonl", partner_events())
    lines("access_log.jsonl", access_log())
    lines("api.jsonl", api_requests())
    lines("uploads.jsonl", uploads())
    (HERE / "schedule.json").write_text(json.dumps(schedule(), indent=2) + "\n", encoding="utf-8")
    (HERE / "table_changes.json").write_text(json.dumps(table_changes(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
