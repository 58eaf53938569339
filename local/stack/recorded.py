"""Recorded events: a request as it came over the wire, or an AWS envelope as a function gets it (events/README.md)."""

import base64
import json
import time
import uuid
from collections.abc import Callable
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
    body: bytes


def load(path: Path, c2s_token: str, tenant_key: Callable[[], str] | None = None) -> Any:
    """A recorded file's content, with the stack's own credentials where the recording leaves room for them."""
    text = path.read_text(encoding="utf-8").replace("{{c2s_token}}", c2s_token)
    if "{{tenant_key}}" in text and tenant_key is not None:
        text = text.replace("{{tenant_key}}", tenant_key())
    return json.loads(text)


def request(event: dict[str, Any]) -> Request:
    """The request in a recorded file."""
    told = event["request"]
    headers = {name.lower(): value for name, value in told.get("headers", {}).items()}
    return Request(told["method"], told["path"], headers, _body(told))


def envelope(event: Any) -> Any:
    """What a function is handed for it: an envelope as it is, a request as API Gateway would wrap it."""
    if not (isinstance(event, dict) and "request" in event):
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
        "body": base64.b64encode(sent.body).decode(),
        "isBase64Encoded": True,
    }


def _body(told: dict[str, Any]) -> bytes:
    if "body_base64" in told:
        return base64.b64decode(told["body_base64"])
    if "body_text" in told:
        return str(told["body_text"]).encode()
    return json.dumps(told["body"], ensure_ascii=False).encode() if "body" in told else b""
