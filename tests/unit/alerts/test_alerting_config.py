import pytest
from pydantic import TypeAdapter

from retain.config import load_settings
from retain.config.alerting import Alerts, AnyChannel, EmailChannel, note_alert_problems
from retain.config.document import read_document
from retain.errors import UserError

ENVIRONMENT = {"HOOK": "https://hooks.example/T0/B0", "PASSWORD": "open sesame", "EMPTY": "", "WRONG": "hooks.example"}
SHOP = "sources:\n  - {name: web}\n  - {name: tills}\n"


@pytest.fixture
def problems(tmp_path):
    def problems(text):
        path = tmp_path / "retain.yml"
        path.write_text(text + SHOP)
        document = read_document(path, ENVIRONMENT)
        note_alert_problems(document)
        return [f"{problem.key}: {problem.sentence}" for problem in document.problems]

    return problems


def test_channels_whose_secrets_come_from_the_environment_are_fine(problems):
    assert not problems(
        "alerts:\n  runbooks: https://wiki.example/runbooks\n  stale_after_hours_by_source: {tills: 200}\n  to:\n"
        "  - {type: slack, webhook_url: '${HOOK}'}\n"
        "  - {type: slack, name: managers, webhook_url: 'https://hooks.example/${PASSWORD}'}\n"
        "  - {type: email, host: mail, username: u, password: '${PASSWORD}', sender: a@b.org, recipients: [c@d.org]}\n"
        "  - {type: webhook, url: '${HOOK}', secret: '${PASSWORD}'}\n"
        "  - {type: airflow, notifier: a.b.C, arguments: {to: x}}\n"
    )


@pytest.mark.parametrize(
    "channel",
    [
        "{type: slack, webhook_url: 'https://hooks.example/T0/B0'}",
        "{type: webhook, url: 'https://hooks.example/T0/B0'}",
        "{type: webhook, url: '${HOOK}', secret: open sesame}",
        "{type: email, host: m, username: u, password: open sesame, sender: a@b.org, recipients: [c@d.org]}",
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(problems, channel):
    (problem,) = problems(f"alerts:\n  to:\n  - {channel}\n")
    assert "put it in the environment" in problem
    assert "sesame" not in problem
    assert "T0" not in problem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  to: [{type: slack, webhook_url: '${EMPTY}'}]\n", "${EMPTY} is empty"),
        ("  to: [{type: slack, webhook_url: '${WRONG}'}]\n", "what ${WRONG} holds is not an address"),
        (
            "  to: [{type: slack, webhook_url: '${HOOK}'}, {type: slack, webhook_url: '${HOOK}'}]\n",
            "a `name` of its own",
        ),
        ("  runbooks: wiki\n", "begins with https://"),
        ("  stale_after_hours_by_source: {tils: 3}\n", "did you mean tills?"),
        ("  to: [{type: email, host: m, sender: shop, recipients: [c@d.org]}]\n", "alerts.to[1].sender"),
        ("  to: [{type: email, host: m, sender: a@b.org, recipients: [c]}]\n", "alerts.to[1].recipients[1]"),
        ("  to: [{type: email, host: m, username: u, sender: a@b.org, recipients: [c@d.org]}]\n", "go together"),
        (
            "  to: [{type: email, host: m, security: none, username: u, password: '${PASSWORD}', sender: a@b.org, "
            "recipients: [c@d.org]}]\n",
            "would travel readable",
        ),
        ("  to: [{type: airflow, notifier: Notifier}]\n", "the path of a class"),
    ],
)
def test_what_cannot_work_is_refused_where_it_stands(problems, text, said):
    (problem,) = problems(f"alerts:\n{text}")
    assert said in problem


def test_a_channel_shows_no_secret_of_its_own():
    channel = TypeAdapter(AnyChannel).validate_python(
        {"type": "webhook", "url": "https://h/secret", "secret": "sesame"}
    )
    assert "secret" not in repr(channel.url)
    assert "sesame" not in repr(channel)


def test_every_security_has_its_usual_port():
    def port(**more):
        return EmailChannel(host="m", sender="a@b.org", recipients=("c@d.org",), **more).server_port

    assert [port(security=one) for one in ("starttls", "tls", "none")] == [587, 465, 25]
    assert port(port=2525) == 2525


def test_a_source_may_be_late_later_than_others():
    alerts = Alerts(stale_after_hours_by_source={"tills": 200})
    assert (alerts.stale_hours("tills"), alerts.stale_hours("web")) == (200, 36)


@pytest.fixture
def load(tmp_path):
    """Load a whole retain.yml with this `alerts:` part; its first line is line 3."""

    def load(text):
        path = tmp_path / "retain.yml"
        shop = "{name: shop, type: files, folder: ., entities: {orders: {files: '*.csv', fields: {order_id: i, ordered_at: a, "
        fields = "gross_amount: g, status: s, currency: c}}}}"
        head = "business: {timezone: UTC, reporting_currency: EUR}\n"
        path.write_text(f"{head}sources: [{shop}{fields}]\n{text}")
        return load_settings(path, ENVIRONMENT)

    return load


def test_the_settings_have_the_channels_in_their_order_and_show_no_secret(load):
    settings = load(
        "alerts:\n  repeat_hours: 12\n  to:\n  - {type: slack, webhook_url: '${HOOK}'}\n"
        "  - {type: webhook, name: pager, url: '${HOOK}', secret: '${PASSWORD}'}\n"
    )
    assert [channel.label for channel in settings.alerts.to] == ["slack", "pager"]
    assert settings.alerts.repeat_hours == 12
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert "sesame" not in text
        assert "hooks.example" not in text


def test_without_alerts_nobody_is_told(load):
    assert load("").alerts.to == ()
    assert load("alerts:\n").alerts.to == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alerts:\n  to:\n  - {type: slak, webhook_url: '${HOOK}'}\n", "retain.yml:5  alerts.to[1]: found type"),
        ("alerts:\n  to:\n  - {webhook_url: '${HOOK}'}\n", "allowed: slack, email, webhook, airflow"),
        ("alerts:\n  to:\n  - {type: slack}\n", "this key is needed. Address of a Slack incoming webhook"),
        (
            "alerts:\n  to:\n  - {type: slack, url: '${HOOK}', webhook_url: '${HOOK}'}\n",
            "no such key; allowed: type, name, web",
        ),
        ("alerts:\n  repeat_ours: 3\n", "retain.yml:4  alerts.repeat_ours: no such key"),
        ("alerts:\n  repeat_hours: soon\n", 'retain.yml:4  alerts.repeat_hours: found "soon"; wanted a number'),
        ("alerts:\n  to:\n  - {type: slack, webhook_url: '${NOPE}'}\n", "the environment has no variable NOPE"),
    ],
)
def test_a_wrong_alerts_part_is_refused_with_its_line_and_what_is_allowed(load, text, said):
    with pytest.raises(UserError) as refused:
        load(text)
    assert said in str(refused.value)
    assert "hooks.example" not in str(refused.value)
