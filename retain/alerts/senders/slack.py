"""A Slack incoming webhook: Block Kit, with the same as plain text for notifications."""

from typing import Any

from retain.alerts.message import Message
from retain.alerts.repeating import Event
from retain.alerts.senders.posting import encoded, post
from retain.config.alerting import SlackChannel

LONGEST_HEADER, LONGEST_SECTION = 150, 3000  # Slack's own limits
MARKS = {Event.OVER: "✅", Event.TEST: "ℹ️"}


def send(channel: SlackChannel, message: Message) -> None:
    """Raises NotSent."""
    post(channel.webhook_url.get_secret_value(), encoded(document_of(message)))


def document_of(message: Message) -> dict[str, Any]:
    mark = MARKS.get(message.event, "🔴" if message.is_critical else "🟠")
    body = "\n".join(f"*{escaped(label)}:* {escaped(value)}" for label, value in message.lines)
    return {
        "text": escaped(f"{mark} {message.title}\n{message.text}")[:LONGEST_SECTION],
        "blocks": [
            {
                "type": "header",
                "text": {"type": "plain_text", "text": _cut(f"{mark} {message.title}", LONGEST_HEADER)},
            },
            {"type": "section", "text": {"type": "mrkdwn", "text": _cut(body, LONGEST_SECTION), "verbatim": True}},
            {
                "type": "context",
                "elements": [{"type": "plain_text", "text": _cut(f"Retain · {message.shop}", LONGEST_HEADER)}],
            },
        ],
    }


def escaped(text: str) -> str:
    """Slack's three special characters: without this, data could mention a whole channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
