"""A small HTTP API behind API Gateway or a function URL: read an order, place an order."""

import base64
import json

ORDERS = {"1001": {"id": "1001", "total": "12.50"}, "1002": {"id": "1002", "total": "99.00"}}


def answer(status, body):
    """A response as API Gateway takes it."""
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def request_of(event):
    """Method, path and body, from either payload version."""
    http = event.get("requestContext", {}).get("http", {})
    method = http.get("method") or event.get("httpMethod", "GET")
    path = event.get("rawPath") or event.get("path", "/")
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode()
    return method, path.rstrip("/"), body


def handler(event, context):
    """Route a request."""
    method, path, body = request_of(event)
    parts = path.strip("/").split("/")
    if parts[0] != "orders":
        return answer(404, {"error": "no such path"})
    if method == "GET" and len(parts) == 2:
        order = ORDERS.get(parts[1])
        return answer(200, order) if order else answer(404, {"error": f"no order {parts[1]}"})
    if method == "POST" and len(parts) == 1:
        try:
            order = json.loads(body)
            ORDERS[order["id"]] = {"id": order["id"], "total": str(order["total"])}
        except (KeyError, TypeError, ValueError) as fault:
            return answer(400, {"error": f"bad order: {fault}"})
        return answer(201, ORDERS[order["id"]])
    return answer(405, {"error": f"{method} is not for {path}"})
