"""Recorded events: an AWS envelope as a function gets it, or a request as it came over the wire, with its headers."""

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """A request that can be sent again."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


def is_envelope(event: Any) -> bool:
    """Whether a function would take this as it is."""
    return isinstance(event, dict) and ("Records" in event or "requestContext" in event)


def request(event: dict[str, Any]) -> Request:
    """The request in a recorded file, whichever form it has."""
    body = event.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    if not is_envelope(event):
        return Request(event.get("method", "POST"), event["path"], headers, text)
    query = f"?{event['rawQueryString']}" if event.get("rawQueryString") else ""
    return Request(event["requestContext"]["http"]["method"], event["rawPath"] + query, headers, text)


def envelope(event: dict[str, Any]) -> dict[str, Any]:
    """What API Gateway would hand to a function for it."""
    if is_envelope(event):
        return event
    sent = request(event)
    parts = urlsplit(sent.path)
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": sent.headers,
        "queryStringParameters": dict(parse_qsl(parts.query)),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "127.0.0.1",
            "domainPrefix": "local",
            "http": {
                "method": sent.method,
                "path": parts.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": sent.headers.get("user-agent", "make invoke"),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime()),
            "timeEpoch": int(time.time() * 1000),
        },
        "body": sent.body,
        "isBase64Encoded": False,
    }


def load(path: Path) -> Any:
    """A recorded file's content."""
    return json.loads(path.read_text(encoding="utf-8"))
