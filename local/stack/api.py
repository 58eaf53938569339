"""The local stack's API over HTTP, past any proxy."""

import json
import urllib.error
import urllib.request
from typing import Any

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(Exception):
    """An answer that the demonstration cannot go on with."""


def call(
    method: str, url: str, body: Any = None, token: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """One request; its status and what it answers."""
    sent = {"accept": "application/json", **(headers or {})}
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        sent.setdefault("content-type", "application/json")
    try:
        with OPENER.open(urllib.request.Request(url, data, sent, method=method), timeout=35) as answer:
            return answer.status, _parsed(answer.read())
    except urllib.error.HTTPError as refusal:
        return refusal.code, _parsed(refusal.read())


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")


def demanded(doing: str, answer: tuple[int, Any]) -> Any:
    """The answer's body, or a failure that says what was being done."""
    status, body = answer
    if status >= 300:
        raise Refused(f"{doing}: {status} {json.dumps(body, ensure_ascii=False)[:600]}")
    return body
