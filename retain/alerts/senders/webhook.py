"""Any other system: the message as a JSON document, signed when there is a secret to sign with.

The body is `Message.document`, version 1: event (opened, worse, still, over, test), shop, title, sent_at, and problem: id (the
same from the first message to the last), kind, source, entity, subject, where, severity (critical, warning), reasons, rules,
rows, rows_of, keys, since, over_at, holds_back, what_to_do, runbook, load_id, command, data_docs. What does not apply is null.

Headers: `Retain-Delivery` names the attempt; `Retain-Timestamp` is in Unix seconds; `Retain-Signature` is `sha256=` and the
HMAC-SHA256, in hex, of the timestamp, a full stop and the body. A receiver compares it in constant time and refuses old times.
"""

import hashlib
import hmac
import time

from retain.alerts.message import Message
from retain.alerts.senders.posting import encoded, post
from retain.config.alerting import WebhookChannel


def send(channel: WebhookChannel, message: Message, attempt: str) -> None:
    """Raises NotSent."""
    body = encoded(message.document)
    headers = {"Retain-Delivery": attempt}
    if channel.secret is not None:
        timestamp = str(int(time.time()))
        headers["Retain-Timestamp"] = timestamp
        headers["Retain-Signature"] = f"sha256={signature(channel.secret.get_secret_value(), timestamp, body)}"
    post(channel.url.get_secret_value(), body, headers)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode("utf-8"), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
