"""Airflow on both sides: its callbacks as a cause of messages, and its notifiers as a channel."""

import logging
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from retain import alerts, loads
from retain.config.alerting import AirflowChannel
from retain.errors import Refused
from retain.gate import judge
from retain.landing import land_changes


@pytest.fixture
def notifier():
    """Airflow is imported when a test runs: by then whoever wants it at home in another folder has said so."""
    from retain.alerts.airflow_notifier import RetainNotifier

    return RetainNotifier


@pytest.fixture
def task(shop, monkeypatch):
    """The context of a task, as Airflow gives it to a callback."""
    monkeypatch.setattr("retain.alerts.airflow_notifier.settings", lambda: shop.settings)

    def context(error=None, index=-1, task_id="gate"):
        ti = SimpleNamespace(dag_id="load_shop", task_id=task_id, map_index=index)
        return {"ti": ti, **({"exception": error} if error else {})}

    return context


def heard(listener):
    return [(post.document["event"], post.document["problem"]["kind"]) for post in listener.posts]


def test_a_task_that_was_killed_is_told_once_and_its_next_success_ends_it(task, listener, notifier):
    notifier()(task())
    notifier()(task())
    assert heard(listener) == [("opened", "task_failed")]
    assert listener.posts[0].document["problem"]["subject"] == "load_shop.gate"
    assert "killed" in listener.posts[0].document["problem"]["reasons"][0]
    notifier(is_over=True)(task(task_id="land"))
    assert len(listener.posts) == 1
    notifier(is_over=True)(task())
    assert heard(listener)[1:] == [("over", "task_failed")]


def test_mapped_tasks_are_one_problem_that_ends_with_the_last_of_them(task, listener, notifier):
    for index in (0, 1, 2):
        notifier()(task(ValueError("ani@example.am"), index))
    assert heard(listener) == [("opened", "task_failed")]
    assert listener.posts[0].document["problem"]["reasons"] == ["ValueError; the log says more"]
    for index in (0, 1, 2):
        assert len(listener.posts) == 1
        notifier(is_over=True)(task(index=index))
    assert heard(listener)[1:] == [("over", "task_failed")]


def test_a_refused_load_is_told_as_such_and_not_once_more_as_a_task(shop, task, listener, notifier):
    shop.orders("1", bad=15)
    landed = land_changes(shop.settings, "shop", "orders")
    verdict = judge(shop.settings, landed.load_id)
    with pytest.raises(Refused) as refused:
        verdict.raise_if_refused()
    notifier(source="shop", entity="orders")(task(refused.value))
    notifier(source="shop", entity="orders")(task(refused.value))
    assert heard(listener) == [("opened", "load_refused")]
    shop.orders("1", good=15)
    loads.load_sources(shop.settings, ["shop"])
    notifier(source="shop", entity="orders", is_over=True)(task())
    assert heard(listener)[1:] == [("over", "load_refused")]


def test_what_the_task_told_itself_the_callback_does_not_tell_again(shop, task, listener, notifier):
    folder = shop.settings.source("shop").folder
    folder.rename(folder.with_name("away"))
    outcome = loads.load_entity(shop.settings, "shop", "orders")
    alerts.observe(shop.settings, [outcome])
    try:
        raise RuntimeError("the task ended") from outcome.error
    except RuntimeError as error:
        notifier()(task(error))
    assert heard(listener) == [("opened", "source_unreadable")]


def test_a_load_that_found_another_one_running_is_the_tasks_own_problem(shop, task, listener, notifier):
    shop.orders("1", good=1)
    shop.load()
    notifier(source="shop", entity="orders")(task(Refused("Another load of orders from shop is running.")))
    assert heard(listener) == [("opened", "task_failed")]


def test_an_error_that_airflow_was_given_instead_of_ours_is_told_as_ours(shop, task, listener, notifier):
    from retain.airflow.tasks import in_words

    shop.orders("1", bad=15)
    landed = land_changes(shop.settings, "shop", "orders")
    with pytest.raises(Exception, match="refused") as refused, in_words():
        judge(shop.settings, landed.load_id).raise_if_refused()
    notifier(source="shop", entity="orders")(task(refused.value))
    assert heard(listener) == [("opened", "load_refused")]


def test_the_tasks_of_a_build_are_one_problem_that_its_last_task_ends(task, listener, notifier):
    notifier(kind="build_failed")(task(RuntimeError("x"), task_id="fct_orders"))
    notifier(kind="build_failed")(task(RuntimeError("x"), task_id="dim_customers"))
    assert heard(listener) == [("opened", "build_failed")]
    assert listener.posts[0].document["problem"]["reasons"] == ["load_shop.fct_orders: RuntimeError; the log says more"]
    notifier(kind="build_failed", is_over=True)(task(task_id="show_marts"))
    assert heard(listener)[1:] == [("over", "build_failed")]


def test_source_and_entity_are_templates(task, notifier):
    one = notifier(source="{{ ti.dag_id }}", entity="{{ ti.task_id }}")
    one.render_template_fields(task())
    assert (one.source, one.entity) == ("load_shop", "gate")


def test_any_notifier_of_airflow_is_a_channel(serve_smtp, make_shop, monkeypatch):
    with serve_smtp() as server:
        host = f"smtp://127.0.0.1:{server.port}/?disable_ssl=true&disable_tls=true"
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", host)
        arguments = {
            "from_email": SecretStr("retain@shop.am"),
            "to": SecretStr("a@shop.am"),
            "subject": SecretStr("{{ alert.title }}"),
            "html_content": SecretStr("<pre>{{ alert.text }}</pre> {{ alert.problem.runbook }}"),
        }
        name = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"
        shop = make_shop(AirflowChannel(notifier=name, arguments=arguments))
        (attempt,) = alerts.send_test(shop.settings)
    assert attempt.error is None
    (mail,) = server.mails
    assert mail["Subject"] == "Test: this is what an alert looks like"
    assert "To do: nothing; this channel works" in mail.get_body().get_content()
    assert "docs/runbooks/alert_silence.md" in mail.get_body().get_content()


def test_a_notifier_that_fails_is_said_without_its_words(make_shop, caplog):
    failing = AirflowChannel(notifier=f"{__name__}.Failing", arguments={"token": SecretStr("sesame")})
    missing = AirflowChannel(notifier="airflow.providers.nothing.Notifier", name="missing")
    shop = make_shop(failing, missing)
    with caplog.at_level(logging.DEBUG):
        errors = [attempt.error for attempt in alerts.send_test(shop.settings)]
    assert errors[0] == f"{__name__}.Failing failed with ConnectionError"
    assert errors[1].startswith("there is no notifier airflow.providers.nothing.Notifier")
    assert "sesame" not in caplog.text + shop.everything_written()


class Failing:
    def __init__(self, token):
        self.token = token

    def render_template_fields(self, context):
        assert context["alert"]["event"] == "test"

    def notify(self, context):
        raise ConnectionError(f"no connection with {self.token}")
