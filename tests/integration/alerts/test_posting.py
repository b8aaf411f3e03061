"""Slack and webhooks, to a real HTTP listener on loopback."""

import hashlib
import hmac
import logging
import socket
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from retain.alerts.message import test_message as sample
from retain.alerts.senders import NotSent, posting, slack, webhook
from retain.config.alerting import SlackChannel, WebhookChannel

MESSAGE = sample("Arax", ZoneInfo("Asia/Yerevan"), None, datetime(2026, 11, 20, 10, tzinfo=UTC))


def test_a_webhook_gets_the_document_signed_so_that_it_can_be_checked(listener):
    webhook.send(WebhookChannel(url=listener.url, secret=SecretStr("sesame")), MESSAGE, "thread.7")
    (post,) = listener.posts
    assert post.document == MESSAGE.document
    assert post.headers["Content-Type"] == "application/json; charset=utf-8"
    assert post.headers["Retain-Delivery"] == "thread.7"
    signed = post.headers["Retain-Timestamp"].encode() + b"." + post.body
    expected = hmac.new(b"sesame", signed, hashlib.sha256).hexdigest()
    assert post.headers["Retain-Signature"] == f"sha256={expected}"
    assert abs(int(post.headers["Retain-Timestamp"]) - datetime.now(UTC).timestamp()) < 60


def test_a_webhook_without_a_secret_is_not_signed(listener):
    webhook.send(WebhookChannel(url=listener.url), MESSAGE, "1")
    assert "Retain-Signature" not in listener.posts[0].headers


def test_slack_gets_blocks_and_the_same_as_text(listener):
    slack.send(SlackChannel(webhook_url=listener.url), MESSAGE)
    document = listener.posts[0].document
    assert listener.posts[0].path == "/services/T000/B000/a-secret-token"
    assert [block["type"] for block in document["blocks"]] == ["header", "section", "context"]
    assert "*To do:* nothing; this channel works" in document["blocks"][1]["text"]["text"]
    assert "nothing; this channel works" in document["text"]


@pytest.mark.parametrize(
    ("code", "said", "is_unreachable"),
    [
        (400, "the server answered 400: it did not understand the message", False),
        (404, "the server answered 404: nobody is at this address", False),
        (302, "the server answered 302: redirects are not followed", False),
        (500, "the server answered 500: Internal Server Error", True),
    ],
)
def test_an_answer_that_is_no_success_is_said_in_words(listener, code, said, is_unreachable):
    listener.answers = [code]
    listener.headers = {"Location": listener.url}
    with pytest.raises(NotSent) as failed:
        webhook.send(WebhookChannel(url=listener.url), MESSAGE, "1")
    assert (failed.value.sentence, failed.value.is_unreachable) == (said, is_unreachable)
    assert len(listener.posts) == 1


def test_a_server_that_asks_for_patience_is_given_it_once(listener):
    listener.answers = [429]
    listener.headers = {"Retry-After": "0"}
    webhook.send(WebhookChannel(url=listener.url), MESSAGE, "1")
    assert len(listener.posts) == 2
    listener.answers = [429, 429]
    with pytest.raises(NotSent, match="too many messages"):
        webhook.send(WebhookChannel(url=listener.url), MESSAGE, "1")
    assert len(listener.posts) == 4
    listener.answers, listener.headers = [429], {"Retry-After": "3600"}
    with pytest.raises(NotSent, match="too many messages"):
        webhook.send(WebhookChannel(url=listener.url), MESSAGE, "1")
    assert len(listener.posts) == 5


def test_nobody_there_and_nobody_answering_are_said_without_the_address(serve_http, monkeypatch, caplog):
    with serve_http() as other:
        gone = WebhookChannel(url=other.url)
    with caplog.at_level(logging.DEBUG), pytest.raises(NotSent, match=r"^the connection was refused$"):
        webhook.send(gone, MESSAGE, "1")
    monkeypatch.setattr(posting, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = WebhookChannel(url=f"http://127.0.0.1:{silent.getsockname()[1]}/a-secret-token")
        with caplog.at_level(logging.DEBUG), pytest.raises(NotSent, match="no answer within"):
            webhook.send(mute, MESSAGE, "1")
    with pytest.raises(NotSent, match="its name is not known"):
        webhook.send(WebhookChannel(url="http://no-such-host.invalid/a-secret-token"), MESSAGE, "1")
    assert "a-secret-token" not in caplog.text


def test_an_address_that_is_none_is_said_without_it():
    with pytest.raises(NotSent) as failed:
        webhook.send(WebhookChannel(url="http://[broken/a-secret-token"), MESSAGE, "1")
    assert "a-secret-token" not in failed.value.sentence


def test_sending_writes_nothing_to_the_log(listener, caplog):
    with caplog.at_level(logging.DEBUG):
        slack.send(SlackChannel(webhook_url=listener.url), MESSAGE)
    assert caplog.text == ""
