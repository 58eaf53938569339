"""From the body of a request to leads, whatever shape each has (docs/providers/c2s.md)."""

import hashlib
import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\s*(Z|z|UTC|[+-]\d\d:?\d\d)?")
LEAD_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Refused(Exception):
    """A request or a lead that is not taken. Nothing of the body is in it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


def read(body: str) -> list[Any]:
    """The leads of a request: one, or an array of them."""
    try:
        parsed = json.loads(body)
    except ValueError:
        raise Refused("invalid_json", "The body is not JSON.") from None
    if parsed == []:
        raise Refused("empty_batch", "The array holds no event.")
    return parsed if isinstance(parsed, list) else [parsed]


def identify(event: Any) -> dict[str, str]:
    """Which lead, as of when: what the event is known by."""
    if not isinstance(event, dict):
        raise Refused("not_an_object", "expected an object")
    lead = event
    if not ("id" in event and isinstance(event.get("attributes"), dict)):
        lead = next((event[name] for name in ("lead", "data") if isinstance(event.get(name), dict)), event)
    attributes = lead["attributes"] if isinstance(lead.get("attributes"), dict) else lead
    lead_id = _first((lead, "id"), (lead, "lead_id"), (attributes, "lead_id"), (event, "lead_id"))
    lead_id = str(lead_id).strip() if isinstance(lead_id, str | int) and not isinstance(lead_id, bool) else ""
    if not LEAD_ID.fullmatch(lead_id):
        raise Refused("missing_lead_id", "no id that can be one")
    changed = _first((attributes, "updated_at"), (lead, "updated_at"), (event, "updated_at"))
    return {"lead_id": lead_id, "updated_at": _utc(changed)}


def digest(event: dict[str, Any]) -> str:
    """Tells a copy of a body from another body of the same event."""
    canonical = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _first(*places: tuple[dict[str, Any], str]) -> Any:
    return next((found for place, name in places if (found := place.get(name)) is not None), None)


def _utc(text: Any) -> str:
    """One spelling for all spellings of an instant."""
    found = TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise Refused("invalid_updated_at", "expected RFC 3339 or YYYY-MM-DD HH:MM:SS[.f] ±zzzz")
    day, clock, fraction, zone = found.groups()
    try:
        instant = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=_offset(zone)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise Refused("invalid_updated_at", "not a date and time that there is") from None
    fraction = (fraction or "").rstrip("0")
    return instant.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + "Z"


def _offset(zone: str | None) -> timezone:
    if zone is None or zone in ("Z", "z", "UTC"):
        return timezone.utc
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes))
