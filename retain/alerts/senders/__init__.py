"""Where a message can go: one module a channel; each sends one message or says in a sentence why it could not."""

from collections.abc import Callable

from retain.alerts.message import Message
from retain.alerts.senders.failure import NotSent
from retain.config.alerting import AirflowChannel, AnyChannel, EmailChannel, SlackChannel

# The message, and a name of this attempt that no other has; returns what is worth knowing of a message that did go out.
Send = Callable[[Message, str], str | None]

__all__ = ["NotSent", "Send", "sender_of"]


def sender_of(channel: AnyChannel) -> Send:
    """The function that sends to a channel. It raises NotSent, with a sentence that holds no secret."""
    if isinstance(channel, SlackChannel):
        from retain.alerts.senders import slack

        return lambda message, attempt: slack.send(channel, message)
    if isinstance(channel, EmailChannel):
        from retain.alerts.senders import mail

        return lambda message, attempt: mail.send(channel, message, attempt)
    if isinstance(channel, AirflowChannel):
        from retain.alerts.senders import airflow

        return lambda message, attempt: airflow.send(channel, message)
    from retain.alerts.senders import webhook

    return lambda message, attempt: webhook.send(channel, message, attempt)
