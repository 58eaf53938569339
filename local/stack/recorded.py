"""Recorded events: a request as it came over the wire, or an AWS envelope as a function gets it (events/README.md)."""

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

DAY_S = 86_400
# Evolution API's tokens live so long.
JWT_S = 600
FILLER = re.compile(r"\{\{filler:(\d+)\}\}")
# What somebody signs with who is not the sender.
ANOTHERS = "fake-shared-secret-0002"


@dataclass(frozen=True)
class Request:
    """A request that can be sent again."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Doorbell:
    """A WhatsApp source of the stack's that a recording is sent to."""

    source_id: str
    token: str
    secret: str


@dataclass(frozen=True)
class Given:
    """What of the stack's own a recording may leave room for; what takes a call is made when it is asked for."""

    c2s_token: str
    tenant_key: Callable[[], str] | None = None
    doorbell: Callable[[Path, bool], Doorbell] | None = None
    now: int = field(default_factory=lambda: int(time.time()))


def load(path: Path, given: Given) -> Any:
    """A recorded file's content, with the stack's own where the recording leaves room for it."""
    text = _timed(path.read_text(encoding="utf-8"), given.now).replace("{{c2s_token}}", given.c2s_token)
    if "{{tenant_key}}" in text and given.tenant_key is not None:
        text = text.replace("{{tenant_key}}", given.tenant_key())
    text = FILLER.sub(lambda found: "x" * int(found[1]), text)
    doorbell = None
    if ("{{source_id}}" in text or "{{token}}" in text) and given.doorbell is not None:
        doorbell = given.doorbell(path, "{{signature" in text or "{{jwt" in text)
        text = text.replace("{{source_id}}", doorbell.source_id).replace("{{token}}", doorbell.token)
    event = json.loads(text)
    if doorbell is not None:
        told = event["request"]
        proofs = _proofs(doorbell.secret, _body(told), given.now)
        told["headers"] = {name: _filled(value, proofs) for name, value in told.get("headers", {}).items()}
    return event


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


def _timed(text: str, now: int) -> str:
    for quoted in ('"{{now_number}}"', '\\"{{now_number}}\\"'):
        text = text.replace(quoted, str(now))
    times = {
        "now": str(now),
        "now_rfc3339": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "stale": str(now - 31 * DAY_S),
        "future": str(now + 7 * DAY_S),
    }
    return _filled(text, times)


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def _proofs(secret: str, body: bytes, now: int) -> dict[str, str]:
    """What can only be made of the body and a secret."""
    return {
        "signature": f"sha256={_mac(secret, body).hex()}",
        "signature_bare": _mac(secret, body).hex(),
        "signature_of_another": f"sha256={_mac(ANOTHERS, body).hex()}",
        "jwt": _jwt(secret, now),
        "jwt_over": _jwt(secret, now - DAY_S),
        "jwt_of_another": _jwt(ANOTHERS, now),
    }


def _mac(secret: str, message: bytes) -> bytes:
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def _jwt(secret: str, issued: int) -> str:
    """Evolution API's token."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    claims = {"iat": issued, "exp": issued + JWT_S, "app": "evolution", "action": "webhook"}
    signed = f"{part(json.dumps({'alg': 'HS256', 'typ': 'JWT'}).encode())}.{part(json.dumps(claims).encode())}"
    return f"{signed}.{part(_mac(secret, signed.encode()))}"


def _body(told: dict[str, Any]) -> bytes:
    if "body_base64" in told:
        return base64.b64decode(told["body_base64"])
    if "body_text" in told:
        return str(told["body_text"]).encode()
    return json.dumps(told["body"], ensure_ascii=False).encode() if "body" in told else b""
