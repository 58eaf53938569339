"""Who is calling: the card of the token that was presented."""

import hashlib
import hmac
import os
import time
from datetime import datetime, timezone
from typing import Any

import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE_DIRECTORY"])
# A change of a credential takes effect within this.
BELIEVED_FOR_S = 10.0
REMEMBERED = 10_000

_remembered: dict[str, tuple[float, dict[str, Any] | None]] = {}


def source_of(token: str | None) -> dict[str, Any] | None:
    """The C2S source this token opens; none if it opens none."""
    if not token:
        return None
    presented = hashlib.sha256(token.encode()).hexdigest()
    card = _card(presented)
    if card is None or not hmac.compare_digest(card["hash"], presented):
        return None
    until = card.get("valid_until")
    over = until is not None and datetime.fromisoformat(until) <= datetime.now(timezone.utc)
    return None if over or not card["enabled"] or card.get("provider") != "c2s" else card


def _card(presented: str) -> dict[str, Any] | None:
    since, card = _remembered.get(presented, (float("-inf"), None))
    if time.monotonic() - since < BELIEVED_FOR_S:
        return card
    card = TABLE.get_item(Key={"pk": f"CARD#{presented}", "sk": "CARD"}).get("Item")
    if len(_remembered) >= REMEMBERED:
        _remembered.clear()
    _remembered[presented] = (time.monotonic(), card)
    return card
