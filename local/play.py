"""Plays one recorded C2S lead through the running local stack and shows its timeline as it happens, from the webhook
that comes in to the signed webhook that goes out. `make run` ends with it; it can be called again at any time."""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "local"))

from stack import recorded  # noqa: E402
from stack.api import Refused, call, demanded  # noqa: E402

RECORDED = ROOT / "events" / "c2s" / "lead.created.json"
STACK_FILE, DEMO_FILE = ROOT / ".local" / "stack.json", ROOT / ".local" / "run" / "demo.json"
RECEIVER, DEFAULT_TENANT = "demo", "ten_default"
PATIENCE_S = 90.0
ENDED = {"completed", "failed", "superseded"}


class Demonstration:
    """One run, against the stack of the stack file."""

    def __init__(self, stack: dict[str, Any]) -> None:
        self.stack = stack
        self.api, self.admin, self.sandbox = stack["api_url"], stack["admin_token"], stack["sandbox_url"]
        self.began = time.monotonic()

    def tell(self, text: str) -> None:
        """A line with the milliseconds since the lead was sent."""
        print(f"  {(time.monotonic() - self.began) * 1000:7.0f} ms  {text}", flush=True)

    def tenant_key(self) -> str:
        """A key of the default tenant; the one of an earlier run if it still opens."""
        if DEMO_FILE.exists():
            key = str(json.loads(DEMO_FILE.read_text())["key"])
            if call("GET", f"{self.api}/api/v1/tenant/webhooks/subscriptions", token=key)[0] == 200:
                return key
        made = call("POST", f"{self.api}/api/v1/admin/tenants/{DEFAULT_TENANT}/keys", {"name": "demonstration"}, self.admin)
        key = str(demanded("making a key of the default tenant", made)["key"])
        DEMO_FILE.parent.mkdir(parents=True, exist_ok=True)
        DEMO_FILE.touch(mode=0o600)
        DEMO_FILE.write_text(json.dumps({"key": key}))
        return key

    def subscribe(self, key: str) -> None:
        """A subscription of the sandbox's receiver to lead.*, and its secret told to the receiver."""
        subscriptions, url = f"{self.api}/api/v1/tenant/webhooks/subscriptions", f"{self.sandbox}/receiver/{RECEIVER}"
        listed = demanded("listing subscriptions", call("GET", f"{subscriptions}?limit=100", token=key))
        for old in (row for row in listed["data"] if row["url"] == url):
            demanded("removing the last run's subscription", call("DELETE", f"{subscriptions}/{old['id']}", token=key))
        wanted = {"url": url, "event": "lead.*", "description": "demonstration"}
        made = demanded("subscribing to lead.*", call("POST", subscriptions, wanted, key))
        receiver = f"{self.sandbox}/control/receivers/{RECEIVER}"
        demanded("telling the receiver its secret", call("PUT", receiver, {"secret": made["secret"]}))

    def send_lead(self) -> str:
        """Posts the recorded lead under a new id, so that every run is a new lead; that id."""
        sent = recorded.request(recorded.load(RECORDED, recorded.Given(self.stack["c2s_token"])))
        body = json.loads(sent.body)
        lead_id = f"demo-{int(time.time())}"
        renew(body, lead_id)
        print(f"\nThe recorded lead {RECORDED.relative_to(ROOT)} comes in as {lead_id}:\n")
        self.began = time.monotonic()
        answer = call(sent.method, self.api + sent.path, body, headers=sent.headers)
        told = demanded("posting the lead", answer)
        self.tell(f"C2S is answered 200: {json.dumps(told)}")
        return lead_id

    def watch(self, lead_id: str, before: int) -> None:
        """Prints each step when it happens, until the event is done and its outcome has reached the receiver."""
        deadline, shown = time.monotonic() + PATIENCE_S, 0
        event_id: str | None = None
        while time.monotonic() < deadline:
            if event_id is None:
                found = demanded("finding the event", call("GET", f"{self.api}/api/v1/admin/events?lead_id={lead_id}", token=self.admin))
                event_id = found["data"][0]["id"] if found["data"] else None
                time.sleep(0.2)
                continue
            event = demanded("reading the event", call("GET", f"{self.api}/api/v1/admin/events/{event_id}", token=self.admin))
            for entry in event["timeline"][shown:]:
                detail = entry.get("detail")
                self.tell(f"{entry['step']}: {entry['outcome']}" + (f" ({_short(detail)})" if detail else "") + f"  [{entry['at']}]")
            # Once more after the outcome came in, for what was written meanwhile.
            told, shown = shown, max(shown, len(event["timeline"]))
            outcomes = [row for row in self.received()[before:] if json.loads(row["body"])["type"] != "lead.received"]
            if event["status"] in ENDED and outcomes and shown == told:
                self.tell(f"{event_id} is {event['status']}: {json.dumps(event.get('result', {}), ensure_ascii=False)}")
                return
            time.sleep(0.2)
        raise Refused(f"{event_id or lead_id} was not done within {PATIENCE_S:.0f} s; the logs are under .local/run/logs")

    def received(self) -> list[dict[str, Any]]:
        """What the receiver has got so far, of earlier runs too."""
        asked = demanded("asking the receiver", call("GET", f"{self.sandbox}/control/receivers/{RECEIVER}"))
        return list(asked["data"])

    def verdict(self, before: int) -> bool:
        """Says what the official library thinks of the signatures; whether it accepts them all."""
        rows = self.received()[before:]
        print("\nWhat the receiver says, with the official Standard Webhooks library:\n")
        for row in rows:
            event = json.loads(row["body"])
            print(f"  {event['type']}: signature {row['signature']}" + (f" ({row['error']})" if row.get("error") else ""))
        return bool(rows) and all(row["verified"] for row in rows)

    def look_further(self, key: str) -> None:
        """Where to go from here."""
        print(f"""
The stack stays up (`make down` stops it); its facts are in .local/stack.json.

  API          {self.api}
  sandbox      {self.sandbox}
  admin token  {self.admin}
  tenant key   {key}
  C2S token    {self.stack["c2s_token"]}   (header X-Webhook-Token)

  curl -s -H 'Authorization: Bearer {self.admin}' {self.api}/api/v1/admin/events
  curl -s -H 'Authorization: Bearer {key}' {self.api}/api/v1/tenant/webhooks/deliveries
  python3 local/play.py                          plays another lead
  make invoke FN=receive EVENT=events/c2s/lead.created.json  one function, one recorded event
""")


def renew(body: Any, lead_id: str) -> None:
    """Makes a recorded lead a new one: another id, changed now."""
    lead = body[0] if isinstance(body, list) else body
    for inner in ("lead", "data"):
        lead = lead[inner] if isinstance(lead.get(inner), dict) else lead
    lead["id"] = lead_id
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    for holder in (lead, lead.get("attributes", {})):
        if "updated_at" in holder:
            holder["updated_at"] = now


def _short(detail: Any) -> str:
    text = detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)
    return text if len(text) <= 160 else text[:157] + "…"


def main() -> int:
    """Plays; 0 if the lead came out signed."""
    if not STACK_FILE.exists():
        print("no local stack runs: make run", file=sys.stderr)
        return 1
    demonstration = Demonstration(json.loads(STACK_FILE.read_text()))
    try:
        key = demonstration.tenant_key()
        demonstration.subscribe(key)
        before = len(demonstration.received())
        demonstration.watch(demonstration.send_lead(), before)
        accepted = demonstration.verdict(before)
    except (Refused, OSError) as trouble:
        print(f"\nFAILED while playing the recorded lead: {trouble}\n  logs: .local/run/logs", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError) as trouble:
        print(f"\nFAILED while playing the recorded lead: an answer is not as expected ({trouble!r})", file=sys.stderr)
        return 1
    demonstration.look_further(key)
    return 0 if accepted else 1


if __name__ == "__main__":
    sys.exit(main())
