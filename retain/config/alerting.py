"""The `alerts:` part of retain.yml: whom to tell of a problem, how often, and from when on a source is late."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from retain.config.document import Document, KeyPath, inside
from retain.config.part import Part
from retain.config.wording import meant, one_of, shown

CHANNEL_TYPES = ("slack", "email", "webhook", "airflow")
DEFAULT_PORTS = {"starttls": 587, "tls": 465, "none": 25}
SECRETS = {"slack": ("webhook_url",), "email": ("password",), "webhook": ("url", "secret")}
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
CHANNEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
CLASS_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


class Channel(Part):
    """Where messages go. `name` tells two of one type apart, in `retain alerts list` and in ops.alert_deliveries."""

    type: str
    name: str | None = Field(default=None, description="What this channel is called; its type if absent.")

    @property
    def label(self) -> str:
        return self.name or self.type


class SlackChannel(Channel):
    type: Literal["slack"] = "slack"
    webhook_url: SecretStr = Field(description="Address of a Slack incoming webhook, from the environment.")


class EmailChannel(Channel):
    type: Literal["email"] = "email"
    host: str = Field(min_length=1, description="The mail server.")
    port: int | None = Field(default=None, ge=1, le=65535, description="587 with starttls, 465 with tls, 25 with none.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls and tls refuse a server without; none is for one on the same machine."
    )
    username: str | None = Field(default=None, min_length=1, description="Who logs in; absent: nobody does.")
    password: SecretStr | None = Field(default=None, description="Its password, from the environment.")
    sender: str = Field(description="The address that messages come from.")
    recipients: tuple[str, ...] = Field(min_length=1, description="The addresses that messages go to.")

    @property
    def server_port(self) -> int:
        return self.port or DEFAULT_PORTS[self.security]


class WebhookChannel(Channel):
    type: Literal["webhook"] = "webhook"
    url: SecretStr = Field(description="The address that a JSON document is posted to, from the environment.")
    secret: SecretStr | None = Field(default=None, description="Signs what is posted (HMAC-SHA256); absent: unsigned.")


class AirflowChannel(Channel):
    type: Literal["airflow"] = "airflow"
    notifier: str = Field(description="Any notifier class of Airflow, e.g. airflow.providers.smtp.….SmtpNotifier.")
    arguments: dict[str, SecretStr] = Field(
        default={}, description="Its arguments; {{ alert.title }} and {{ alert.text }} stand for the message."
    )


AnyChannel = Annotated[SlackChannel | EmailChannel | WebhookChannel | AirflowChannel, Field(discriminator="type")]
CHANNELS: dict[str, type[Channel]] = {
    "slack": SlackChannel,
    "email": EmailChannel,
    "webhook": WebhookChannel,
    "airflow": AirflowChannel,
}


class Alerts(Part):
    to: tuple[AnyChannel, ...] = Field(default=(), description="Whom to tell; nobody if absent.")
    runbooks: str | None = Field(
        default=None, description="Where docs/runbooks can be read, e.g. https://git.example/retain/docs/runbooks."
    )
    data_docs: str | None = Field(
        default=None, description="Where the folder data_docs of the state folder can be read; its path if absent."
    )
    repeat_hours: float = Field(default=24, ge=1, description="A problem that stays is told again after so many hours.")
    stale_after_hours: float = Field(
        default=36, gt=0, description="A source is late when nothing of it was published for so many hours."
    )
    stale_after_hours_by_source: dict[str, float] = Field(
        default={}, description="The same for single sources, e.g. {tills: 200}."
    )

    run_within_hours: float = Field(
        default=3,
        gt=0,
        description="A run of Airflow that loads or builds and has not ended after so many hours is told.",
    )

    def stale_hours(self, source: str) -> float:
        return self.stale_after_hours_by_source.get(source, self.stale_after_hours)


def note_alert_problems(document: Document) -> None:
    """What the shape alone does not tell: secrets that stand in the file, addresses, names that are given twice."""
    alerts = document.at(("alerts",))
    if not isinstance(alerts, dict):
        return
    _check_late_sources(document)
    for key in ("runbooks", "data_docs"):
        if isinstance(alerts.get(key), str) and not alerts[key].startswith(("https://", "http://")):
            document.refuse(("alerts", key), "wanted an address that begins with https://")
    channels = alerts.get("to")
    seen: set[str] = set()
    for index, channel in enumerate(channels if isinstance(channels, list) else []):
        if isinstance(channel, dict) and channel.get("type") in CHANNEL_TYPES:
            here: KeyPath = ("alerts", "to", index)
            _check_name(document, here, channel, seen)
            _check_secrets(document, here, channel)
            if channel["type"] == "email":
                _check_email(document, here, channel)
            if channel["type"] == "airflow":
                _check_text(
                    document, (*here, "notifier"), CLASS_PATH, "the path of a class, such as package.module.Class"
                )


def _check_text(document: Document, path: KeyPath, pattern: re.Pattern[str], wanted: str) -> None:
    value = document.at(path)
    if isinstance(value, str) and not pattern.fullmatch(value.strip()):
        document.refuse(path, f"found {shown(document, path)}; wanted {wanted}")


def _check_late_sources(document: Document) -> None:
    sources = document.at(("sources",))
    names = [str(inside(source, "name")) for source in sources] if isinstance(sources, list) else []
    hours = document.at(("alerts", "stale_after_hours_by_source"))
    for name in hours if isinstance(hours, dict) else {}:
        if name not in names:
            path = ("alerts", "stale_after_hours_by_source", name)
            document.refuse(path, f"no such source; {one_of(names)}{meant(name, names)}", of_key=True)


def _check_name(document: Document, here: KeyPath, channel: dict[str, Any], seen: set[str]) -> None:
    name = channel.get("name") or channel["type"]
    if not isinstance(name, str):
        return
    _check_text(document, (*here, "name"), CHANNEL_NAME, "at most 40 letters, digits, spaces, dots or dashes")
    if name in seen:
        document.refuse(here, f'another channel is called "{name}" already; give this one a `name` of its own')
    seen.add(name)


def _check_secrets(document: Document, here: KeyPath, channel: dict[str, Any]) -> None:
    for key in SECRETS.get(channel["type"], ()):
        path, value = (*here, key), channel.get(key)
        if not isinstance(value, str):
            continue
        if path not in document.templates:
            document.refuse(path, "this is a secret: put it in the environment and write ${NAME} here")
        elif not value.strip():
            document.refuse(path, f"{document.templates[path]} is empty")
        elif key in ("webhook_url", "url") and not re.fullmatch(r"https?://[^\s/]+.*", value.strip()):
            document.refuse(path, f"what {document.templates[path]} holds is not an address that begins with https://")


def _check_email(document: Document, here: KeyPath, channel: dict[str, Any]) -> None:
    wanted = "an address such as shop@example.org"
    _check_text(document, (*here, "sender"), ADDRESS, wanted)
    recipients = channel.get("recipients")
    for index in range(len(recipients) if isinstance(recipients, list) else 0):
        _check_text(document, (*here, "recipients", index), ADDRESS, wanted)
    given = [key for key in ("username", "password") if channel.get(key)]
    if len(given) == 1:
        document.refuse((*here, given[0]), "`username` and `password` go together; the other is missing", of_key=True)
    if channel.get("security") == "none" and "password" in given:
        document.refuse((*here, "password"), "with `security: none` it would travel readable; use starttls or tls")
