"""The signature over the body alone, for a receiver that cannot verify the standard headers yet."""

import base64
import hashlib
import hmac


def genuine(secret: str, body: bytes, x_webhook_signature: str) -> bool:
    """Whether these bytes were signed with this secret: not for whom, nor when, nor how often they were sent."""
    encoded = secret.removeprefix("whsec_")
    key = secret.encode() if encoded == secret else base64.b64decode(encoded + "==")
    expected = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), x_webhook_signature.encode())
