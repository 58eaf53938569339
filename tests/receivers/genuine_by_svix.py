"""Asks the library of Svix whether a delivery is genuine: {"secret", "headers", "body"} in, true or false out."""

import json
import sys

from svix.webhooks import Webhook, WebhookVerificationError

asked = json.load(sys.stdin)
try:
    Webhook(asked["secret"]).verify(asked["body"].encode(), asked["headers"])
    print("true")
except WebhookVerificationError:
    print("false")
