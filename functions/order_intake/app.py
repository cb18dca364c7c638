"""Takes orders from a queue: good ones are booked, bad ones are reported one by one (partial batch failures)."""

import json
from decimal import Decimal, InvalidOperation

booked = {}


def price_of(order):
    """The total of an order's lines. Raises ValueError where a line makes no sense."""
    total = Decimal(0)
    for line in order["lines"]:
        try:
            amount = Decimal(str(line["price"])) * int(line["quantity"])
        except (InvalidOperation, TypeError) as fault:
            raise ValueError(f"line {line!r} has no price") from fault
        if amount <= 0:
            raise ValueError(f"line {line!r} costs nothing")
        total += amount
    return total


def handler(event, context):
    """Book each order of the batch; report those that cannot be booked."""
    failures = []
    for record in event["Records"]:
        try:
            order = json.loads(record["body"])
            booked[order["id"]] = price_of(order)
        except (KeyError, ValueError) as fault:
            print(f"order {record['messageId']}: {fault!r}")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
