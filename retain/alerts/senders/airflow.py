"""Any notifier that Airflow has (PagerDuty, Teams, Opsgenie ...), used as a channel: it gets the message as `alert`."""

from importlib import import_module
from typing import Any

from retain.alerts.message import Message
from retain.alerts.senders.failure import NotSent
from retain.config.alerting import AirflowChannel


def send(channel: AirflowChannel, message: Message) -> None:
    """Make the notifier and let it notify; its own arguments may say {{ alert.title }}, {{ alert.text }}, {{ alert.event }}.

    Raises NotSent. The notifier is not called as Airflow would: that writes the text of its error, perhaps a secret, to a log.
    """
    arguments = {name: value.get_secret_value() for name, value in channel.arguments.items()}
    context: dict[str, Any] = {
        "alert": {**message.document, "text": message.text, "title": message.title, "event": message.event.value}
    }
    try:
        notifier = _class(channel.notifier)(**arguments)
        notifier.render_template_fields(context)
        notifier.notify(context)
    except NotSent:
        raise
    except Exception as error:  # whatever a class of somebody else's raises; its text is not repeated
        raise NotSent(f"{channel.notifier} failed with {type(error).__name__}") from None


def _class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError):
        raise NotSent(
            f"there is no notifier {path}: install its package beside Retain, or check how it is written"
        ) from None
