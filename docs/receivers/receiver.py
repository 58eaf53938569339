"""Receives webhooks: verifies each, keeps its events once, answers. Needs `pip install standardwebhooks`."""

import json
import os
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError

SECRET = os.environ["WEBHOOK_SECRET"]
INBOX = Path(os.environ.get("INBOX", "inbox"))
PORT = int(os.environ.get("PORT", "4650"))
MAX_BYTES = 4 * 1024 * 1024

# After `whsec_` comes base64; any other secret stands for its own bytes.
webhook = Webhook(SECRET if SECRET.startswith("whsec_") else SECRET.encode())


def keep(event):
    """Keeps an event where its work finds it. A copy finds it there and changes nothing."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", event["id"]):
        raise ValueError("not an event's id")
    draft = INBOX / f".{event['id']}.{threading.get_ident()}"
    draft.write_text(json.dumps(event), encoding="utf-8")
    try:
        os.link(draft, INBOX / f"{event['id']}.json")  # whole or not at all, and never over another
    except FileExistsError:
        pass
    finally:
        draft.unlink()


class Receiver(BaseHTTPRequestHandler):
    timeout = 20

    def do_POST(self):
        self.send_response(self.receive())
        self.end_headers()

    def receive(self):
        try:
            length = int(self.headers["content-length"])
            if not 0 <= length <= MAX_BYTES:
                return 413
            # The bytes as they came: parsed and printed again they are other bytes.
            told = webhook.verify(self.rfile.read(length), dict(self.headers))
        except (WebhookVerificationError, TypeError, ValueError):
            return 401
        try:
            for event in told["events"] if told["type"] == "batch" else [told]:
                keep(event)
        except Exception as error:
            self.log_error("not kept: %s", type(error).__name__)
            return 503  # it will come again
        return 204


if __name__ == "__main__":
    INBOX.mkdir(exist_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Receiver)
    print(f"listening on 127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
    server.serve_forever()
