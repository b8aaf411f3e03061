"""E-mail, to a real SMTP server on loopback."""

import socket
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from retain import alerts
from retain.alerts import Key, Kind, Problem, Scope
from retain.alerts.message import test_message as sample
from retain.alerts.senders import NotSent
from retain.alerts.senders.mail import send
from retain.config.alerting import EmailChannel


@pytest.fixture
def message():
    return sample("Արաքս", ZoneInfo("Asia/Yerevan"), None, datetime(2026, 11, 20, 10, tzinfo=UTC))


def channel(server, **more):
    values = {"host": "127.0.0.1", "port": server.port, "sender": "retain@shop.am", "recipients": ("a@shop.am",)}
    return EmailChannel(**{**values, "security": "none", **more})


LOGIN = {"username": "retain", "password": SecretStr("open sesame")}


def test_a_message_arrives_with_its_subject_text_and_thread(serve_smtp, message):
    with serve_smtp() as server:
        send(channel(server, recipients=("a@shop.am", "b@shop.am")), message, "thread.7")
    (mail,) = server.mails
    assert server.recipients == ["a@shop.am", "b@shop.am"]
    assert mail["Subject"] == "[Retain · Արաքս] Test: this is what an alert looks like"
    assert mail["From"] == "retain@shop.am"
    assert mail["Message-ID"] == f"<{message.thread}.thread.7@shop.am>"
    assert mail["References"] == f"<{message.thread}@shop.am>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content().replace("\r\n", "\n")
    assert text.startswith("Test: this is what an alert looks like\n\nWhat failed: nothing")
    assert text.endswith("\n-- \nRetain · Արաքս\n")


def test_with_starttls_nothing_but_the_request_for_it_goes_in_the_clear(serve_smtp, certificate, message, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    offers = ("STARTTLS", "AUTH PLAIN")
    with serve_smtp(certificate, offers=offers, login=("retain", "open sesame")) as server:
        send(channel(server, security="starttls", **LOGIN), message, "1")
    assert len(server.mails) == 1
    assert [line.split(" ")[0].lower() for line in server.in_the_clear] == ["ehlo", "starttls"]


def test_tls_from_the_first_byte(serve_smtp, certificate, message, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serve_smtp(certificate, tls=True, offers=("AUTH PLAIN",), login=("retain", "open sesame")) as server:
        send(channel(server, security="tls", **LOGIN), message, "1")
    assert len(server.mails) == 1
    assert server.in_the_clear == []


def test_a_server_without_starttls_gets_neither_password_nor_message(serve_smtp, message):
    with (
        serve_smtp(offers=("AUTH PLAIN",), login=("retain", "open sesame")) as server,
        pytest.raises(NotSent, match="no STARTTLS"),
    ):
        send(channel(server, security="starttls", **LOGIN), message, "1")
    assert server.mails == []
    assert not any(line.upper().startswith(("AUTH", "MAIL")) for line in server.in_the_clear)


def test_a_server_whose_certificate_nobody_trusts_gets_neither(serve_smtp, certificate, message):
    with (
        serve_smtp(certificate, offers=("STARTTLS", "AUTH PLAIN"), login=("retain", "open sesame")) as server,
        pytest.raises(NotSent, match="certificate is not trusted") as failed,
    ):
        send(channel(server, security="starttls", **LOGIN), message, "1")
    assert failed.value.is_unreachable
    assert server.mails == []


def test_a_wrong_password_is_said_without_it_even_when_the_server_repeats_it(
    serve_smtp, certificate, message, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with (
        serve_smtp(certificate, tls=True, offers=("AUTH PLAIN",), login=("retain", "other")) as server,
        pytest.raises(NotSent) as failed,
    ):
        send(channel(server, security="tls", **LOGIN), message, "1")
    assert failed.value.sentence == "the mail server does not accept the user name or the password (535 5.7.8)"
    assert server.mails == []


def test_one_recipient_who_is_refused_does_not_keep_it_from_the_others_and_is_counted(serve_smtp, message):
    with serve_smtp() as server:
        note = send(channel(server, recipients=("nobody@shop.am", "b@shop.am")), message, "1")
    assert note == "1 of 2 recipients were refused (550 5.1.1)"
    assert server.recipients == ["b@shop.am"]
    assert len(server.mails) == 1


def test_a_message_that_every_recipient_refuses_was_not_sent(serve_smtp, message):
    with serve_smtp() as server, pytest.raises(NotSent, match=r"refused every recipient \(550 5.1.1\)"):
        send(channel(server, recipients=("nobody@shop.am",)), message, "1")


@pytest.mark.parametrize(
    ("command", "answer", "said"),
    [
        ("MAIL", "451 4.3.0 full of a@shop.am", "the mail server answered 451 4.3.0"),
        ("DATA", "554 no", "the mail server answered 554"),
    ],
)
def test_what_a_server_answers_is_said_as_its_code_alone(serve_smtp, message, command, answer, said):
    with serve_smtp(refuse={command: answer}) as server, pytest.raises(NotSent) as failed:
        send(channel(server), message, "1")
    assert failed.value.sentence == said


def test_nobody_there_and_nobody_answering_are_said_in_words(serve_smtp, message, monkeypatch):
    with serve_smtp() as server:
        gone = channel(server)
    with pytest.raises(NotSent, match="the connection was refused") as failed:
        send(gone, message, "1")
    assert failed.value.is_unreachable
    monkeypatch.setattr("retain.alerts.senders.mail.SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = gone.model_copy(update={"port": silent.getsockname()[1]})
        with pytest.raises(NotSent, match="no answer within"):
            send(mute, message, "1")


def test_the_end_and_the_beginning_of_a_problem_are_one_thread(serve_smtp, make_shop):
    problem = Problem(Key(Kind.BUILD_FAILED), "the build failed", ("why",), "marts", "mend it")
    with serve_smtp() as server:
        shop = make_shop(channel(server))
        alerts.tell(shop.settings, [problem], [])
        alerts.tell(shop.settings, [], [Scope(problem.key)])
    opened, over = server.mails
    assert opened["References"] == over["References"]
    assert opened["Message-ID"] != over["Message-ID"]
    assert over["Subject"].endswith("Over: the build failed")
