"""Keeps a projection of a table up to date from its stream of changes."""

from decimal import Decimal

projection = {}


def plain(value):
    """A typed attribute of DynamoDB as a Python value."""
    ((kind, held),) = value.items()
    if kind == "N":
        return Decimal(held)
    if kind == "L":
        return [plain(item) for item in held]
    if kind == "M":
        return {name: plain(item) for name, item in held.items()}
    if kind == "NULL":
        return None
    return held


def handler(event, context):
    """Apply each change: the newest image of a customer, or none."""
    for record in event["Records"]:
        change = record["dynamodb"]
        key = plain(change["Keys"]["id"])
        if record["eventName"] == "REMOVE":
            projection.pop(key, None)
        else:
            projection[key] = {name: plain(value) for name, value in change["NewImage"].items()}
    open_total = sum((item["total"] for item in projection.values() if item.get("open")), Decimal(0))
    return {"customers": len(projection), "open": open_total}
