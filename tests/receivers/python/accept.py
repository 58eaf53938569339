"""Asks the official library whether a delivery is genuine. In: {"secret", "headers", "body"}; out: one word."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

delivery = json.load(sys.stdin)
try:
    Webhook(delivery["secret"]).verify(delivery["body"], delivery["headers"])
    print("accepted")
except WebhookVerificationError:
    print("refused")
