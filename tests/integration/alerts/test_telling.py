"""Loads of a real shop in a real warehouse, and what a listener on loopback hears of them."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from retain import alerts, data_docs, loads
from retain.alerts import Key, Kind, Problem, Scope
from retain.alerts.state import silent_channels
from retain.config.alerting import Alerts, SlackChannel, WebhookChannel
from retain.errors import Refused
from retain.warehouse import connect

NOW = datetime.now(UTC)


def heard(listener):
    return [(post.document["event"], post.document["problem"]["kind"]) for post in listener.posts]


def last(listener):
    return listener.posts[-1].document


def test_a_good_load_tells_nobody_anything(shop, listener):
    shop.orders("1", good=3)
    shop.load()
    assert listener.posts == []
    assert shop.ask("select count(*) from ops.alerts") == [(0,)]


def test_a_refused_load_is_told_once_with_everything_a_person_needs(shop, listener):
    shop.orders("1", good=5)
    shop.load()
    shop.orders("2", good=20, bad=15)
    shop.load()
    shop.load()
    shop.load()
    assert heard(listener) == [("opened", "load_refused")]
    problem = last(listener)["problem"]
    load_id = shop.ask("select min(load_id) from ops.loads where status = 'refused'")[0][0]
    assert last(listener)["title"] == "shop: load of orders refused"
    assert (problem["source"], problem["entity"], problem["severity"]) == ("shop", "orders", "critical")
    assert (problem["rows"], problem["rows_of"]) == (15, 35)
    assert problem["load_id"] == load_id
    assert problem["command"] == f"retain loads show {load_id}"
    assert any("15 of 35 rows fail" in reason for reason in problem["reasons"])
    assert any(reason.startswith("gross_amount is not an amount of money") for reason in problem["reasons"])
    assert problem["holds_back"].startswith("orders of shop stay as of 2")
    assert "Asia/Yerevan" in problem["holds_back"]
    assert problem["runbook"] == "docs/runbooks/refused_load.md"
    assert "retain load --source shop --entity orders" in problem["what_to_do"]
    assert datetime.fromisoformat(problem["since"]) > NOW - timedelta(minutes=5)


def test_a_refused_load_shows_the_keys_that_the_gate_wrote_down(shop, listener):
    shop.orders("1", bad=15)
    loads.load_sources(shop.settings, ["shop"])
    keys = '{"keys": ["1001", "1002", "a@x.am", "1003", "1004", "1005", "1006"]}'
    shop.ask(
        f"update ops.validation_results set observed = '{keys}' where expectation = 'gross_amount_casts' returning 1"
    )
    alerts.observe(shop.settings)
    assert last(listener)["problem"]["keys"] == ["1001", "1002", "(an e-mail address)", "1003", "1004"]


def test_its_end_is_told_once_and_a_later_one_is_a_new_problem(shop, listener):
    shop.orders("1", bad=15)
    shop.load()
    shop.orders("1", good=15)
    shop.load()
    shop.load()
    assert heard(listener) == [("opened", "load_refused"), ("over", "load_refused")]
    assert last(listener)["problem"]["over_at"] is not None
    assert len({post.document["problem"]["id"] for post in listener.posts}) == 1
    shop.orders("2", bad=15)
    shop.load()
    assert heard(listener)[2:] == [("opened", "load_refused")]
    assert len({post.document["problem"]["id"] for post in listener.posts}) == 2


def test_quarantined_rows_are_told_with_five_keys_and_again_only_when_they_double(shop, listener):
    shop.orders("1", good=40, bad=4)
    shop.load()
    assert heard(listener) == [("opened", "quarantine_growing")]
    assert (last(listener)["problem"]["rows"], last(listener)["problem"]["rows_of"]) == (4, 44)
    assert sorted(last(listener)["problem"]["keys"]) == [f"1-b{number}" for number in range(4)]
    shop.orders("2", good=40, bad=3)
    shop.load()
    assert len(listener.posts) == 1
    shop.orders("3", good=40, bad=1)
    shop.load()
    assert heard(listener)[1:] == [("worse", "quarantine_growing")]
    assert last(listener)["problem"]["rows"] == 8
    assert len(last(listener)["problem"]["keys"]) == 5
    for name in ("1", "2", "3"):
        shop.orders(name, good=40)
    shop.ask("update ops.quarantine set status = 'discarded', closed_at = now() returning 1")
    shop.load()
    assert heard(listener)[2:] == [("over", "quarantine_growing")]


def test_rows_that_wait_for_their_customer_are_told_only_when_an_hour_has_not_brought_it(shop, listener):
    shop.orders("1", good=3, customer="c2")
    shop.load()
    assert shop.ask("select count(*) from ops.quarantine where waits_for_reference") == [(3,)]
    assert listener.posts == []
    shop.load(now=NOW + timedelta(hours=2))
    assert heard(listener) == [("opened", "quarantine_growing")]
    shop.write("customers-2.csv", "id,email,phone\nc2,b@x.am,\n")
    shop.load()
    assert heard(listener)[1:] == [("over", "quarantine_growing")]


def warn(shop, load_id, message="half of the orders of a usual Sunday"):
    """As the gate does when a rule on the whole load, of severity warning, fails."""
    shop.ask(
        "insert into ops.validation_results (load_id, expectation, judges, severity, success, message) "
        f"values ({load_id}, 'volume_usual', 'load', 'warning', false, '{message}') returning 1"
    )


def test_a_load_that_was_published_with_a_warning_is_told_and_is_over_with_the_next_one_that_brings_something(
    shop, listener
):
    shop.orders("1", good=3)
    loads.load_sources(shop.settings, ["shop"])
    load_id = shop.ask("select max(load_id) from ops.loads where entity = 'orders'")[0][0]
    warn(shop, load_id)
    alerts.observe(shop.settings)
    shop.load()  # of nothing: no file is new
    assert heard(listener) == [("opened", "load_unusual")]
    problem = last(listener)["problem"]
    assert (problem["entity"], problem["severity"], problem["load_id"]) == ("orders", "warning", load_id)
    assert problem["reasons"] == ["half of the orders of a usual Sunday"]
    assert problem["holds_back"].startswith("nothing")
    shop.orders("2", good=3)
    shop.load()
    assert heard(listener)[1:] == [("over", "load_unusual")]


def test_that_nothing_came_may_itself_be_the_warning(shop, listener):
    shop.orders("1", good=3)
    shop.load()
    shop.load()
    warn(shop, shop.ask("select max(load_id) from ops.loads where entity = 'orders' and rows_sent = 0")[0][0])
    alerts.observe(shop.settings)
    assert heard(listener) == [("opened", "load_unusual")]


def test_a_load_with_a_page_of_data_docs_is_told_with_its_link(shop, listener):
    shop.orders("1", bad=15)
    loads.load_sources(shop.settings, ["shop"])
    load_id = shop.ask("select max(load_id) from ops.loads where status = 'refused'")[0][0]
    alerts.observe(shop.settings)
    page = data_docs.folder_of(shop.settings) / f"load_{load_id}.html"
    assert last(listener)["problem"]["data_docs"] == str(page)
    assert "is not an amount of money" in page.read_text()
    served = shop.settings.alerts.model_copy(update={"data_docs": "https://docs.example/"})
    shop.settings = shop.settings.model_copy(update={"alerts": served})
    alerts.observe(shop.settings, now=NOW + timedelta(hours=25))
    assert last(listener)["problem"]["data_docs"] == f"https://docs.example/load_{load_id}.html"
    page.unlink()
    alerts.observe(shop.settings, now=NOW + timedelta(hours=50))
    assert last(listener)["problem"]["data_docs"] is None


def test_a_problem_that_stays_is_told_again_after_a_day_and_not_before(shop, listener):
    shop.orders("1", bad=15)
    shop.load(now=NOW)
    shop.load(now=NOW + timedelta(hours=23))
    assert heard(listener) == [("opened", "load_refused")]
    shop.load(now=NOW + timedelta(hours=24))
    shop.load(now=NOW + timedelta(hours=25))
    assert heard(listener)[1:] == [("still", "load_refused")]


def test_a_source_that_cannot_be_read_is_one_problem_however_many_entities_and_tasks_run_into_it(shop, listener):
    shop.orders("1", good=1)
    shop.load()
    folder = shop.settings.source("shop").folder
    away = folder.rename(folder.with_name("away"))
    for entity in ("customers", "orders"):  # as two tasks of Airflow would
        outcome = loads.load_entity(shop.settings, "shop", entity)
        assert outcome.status == "unreadable"
        alerts.observe(shop.settings, [outcome])
    assert heard(listener) == [("opened", "source_unreadable")]
    assert last(listener)["problem"]["holds_back"].startswith("what shop has had since")
    assert shop.ask("select parts from ops.alerts") == [(["customers", "orders"],)]
    away.rename(folder)
    outcome = loads.load_entity(shop.settings, "shop", "customers")
    alerts.observe(shop.settings, [outcome])
    assert len(listener.posts) == 1, "orders have not been read yet"
    outcome = loads.load_entity(shop.settings, "shop", "orders")
    alerts.observe(shop.settings, [outcome])
    assert heard(listener)[1:] == [("over", "source_unreadable")]


def test_a_source_that_nobody_loads_is_late_and_one_that_is_loaded_again_is_not(shop, listener):
    shop.orders("1", good=1)
    shop.load()
    alerts.observe(shop.settings, now=NOW + timedelta(hours=35))
    assert listener.posts == []
    alerts.observe(shop.settings, now=NOW + timedelta(hours=37))
    assert heard(listener) == [("opened", "stale_source")]
    assert last(listener)["problem"]["where"] == ["customers", "orders"]
    shop.load()
    assert heard(listener)[1:] == [("over", "stale_source")]


def test_a_channel_that_is_down_leaves_the_load_alone_is_visible_and_hears_it_later(
    make_shop, listener, caplog, serve_http
):
    with serve_http() as other:
        gone = other.url
    up, down = WebhookChannel(url=listener.url, name="up"), WebhookChannel(url=gone, name="down")
    shop = make_shop(up, down)
    shop.orders("1", bad=15)
    with caplog.at_level(logging.DEBUG):
        assert ("orders", "refused") in shop.load()
    assert heard(listener) == [("opened", "load_refused")]
    with connect(shop.settings) as connection:
        ((channel, _, error),) = silent_channels(connection)
    assert (channel, error) == ("down", "the connection was refused")
    assert "did not go out by down" in caplog.text
    with serve_http(other.port) as back:
        shop.load()
        assert back.posts == [], "it is left alone for a minute"
        shop.load(now=datetime.now(UTC) + timedelta(minutes=2))
        shop.load()
        assert heard(back) == [("opened", "load_refused")]
    assert len(listener.posts) == 1, "who was told is not told again because another was not"
    with connect(shop.settings) as connection:
        assert silent_channels(connection) == []


def test_a_problem_that_came_and_went_while_the_channel_was_down_is_told_when_it_is_back(shop, listener):
    listener.answers = [503, 503]
    shop.orders("1", bad=15)
    shop.load()
    shop.orders("1", good=15)
    for minutes in (2, 4, 6):
        shop.load(now=datetime.now(UTC) + timedelta(minutes=minutes))
    statuses = shop.ask("select event, status from ops.alert_deliveries order by delivery_id")
    assert statuses == [("opened", "failed"), ("over", "failed"), ("over", "ok")]
    assert last(listener)["problem"]["reasons"]


def test_processes_that_see_the_same_problem_at_once_send_one_message_and_none_of_them_fails(shop, listener):
    listener.wait = threading.Event()
    problem = Problem(Key(Kind.BUILD_FAILED), "the build failed", ("why",), "marts", "mend it")
    together = threading.Barrier(8)

    def see(_):
        together.wait()
        return alerts.tell(shop.settings, [problem], [])

    with ThreadPoolExecutor(8) as tellers:
        seen = tellers.map(see, range(8))
        threading.Timer(0.5, listener.wait.set).start()
        assert sum(len(attempts) for attempts in seen) == 1
    assert heard(listener) == [("opened", "build_failed")]
    assert shop.ask("select status, count(*) from ops.alert_deliveries group by 1") == [("ok", 1)]


def test_a_rule_that_was_told_once_is_no_news_when_it_comes_back(shop, listener):
    for rule in ("a", "b", "a", "b"):
        problem = Problem(Key(Kind.BUILD_FAILED), "the build failed", (rule,), "marts", "mend it", rules=(rule,))
        alerts.tell(shop.settings, [problem], [])
    assert [(post.document["event"], post.document["problem"]["rules"]) for post in listener.posts] == [
        ("opened", ["a"]),
        ("worse", ["b"]),
    ]


def test_what_gets_worse_while_the_first_message_is_on_its_way_is_told_by_its_sender(shop, listener):
    listener.wait = threading.Event()

    def told(rows):
        problem = Problem(Key(Kind.BUILD_FAILED), "the build failed", ("why",), "marts", "mend it", rows=rows)
        return threading.Thread(target=alerts.tell, args=(shop.settings, [problem], []))

    first, second = told(1), told(5)
    first.start()
    while shop.ask("select count(*) from ops.alert_deliveries") != [(1,)]:
        first.join(0.05)
    second.start()
    second.join()
    listener.wait.set()
    first.join()
    assert [(post.document["event"], post.document["problem"]["rows"]) for post in listener.posts] == [
        ("opened", 1),
        ("worse", 5),
    ]


def test_a_message_whose_sender_was_killed_goes_out_after_five_minutes(shop, listener):
    problem = Problem(Key(Kind.BUILD_FAILED), "the build failed", ("why",), "marts", "mend it")
    alerts.tell(shop.settings, [problem], [], now=NOW)
    shop.ask("update ops.alert_deliveries set status = 'sending', ended_at = null returning 1")
    alerts.tell(shop.settings, [problem], [], now=NOW + timedelta(minutes=4))
    assert len(listener.posts) == 1
    alerts.tell(shop.settings, [problem], [], now=NOW + timedelta(minutes=6))
    assert len(listener.posts) == 2
    errors = shop.ask("select error from ops.alert_deliveries where status = 'failed'")
    assert errors == [("the process that was sending it ended before it was done",)]


def test_a_channel_that_is_down_is_waited_for_once_however_many_problems_there_are(shop, listener):
    listener.answers = [503]
    problems = [Problem(Key(Kind.BUILD_FAILED, subject=name), name, ("why",), "marts", "mend it") for name in "abc"]
    alerts.tell(shop.settings, problems, [])
    assert len(listener.posts) == 1
    errors = [error for (error,) in shop.ask("select error from ops.alert_deliveries order by delivery_id")]
    down = "the server answered 503: Service Unavailable"
    assert errors == [down, *[f"not tried, because just before: {down}"] * 2]
    alerts.tell(shop.settings, [], [], now=datetime.now(UTC) + timedelta(minutes=2))
    assert heard(listener)[1:] == [("opened", "build_failed")] * 3


def test_a_message_that_is_not_understood_does_not_keep_back_the_others(shop, listener):
    listener.answers = [400]
    problems = [Problem(Key(Kind.BUILD_FAILED, subject=name), name, ("why",), "marts", "mend it") for name in "ab"]
    attempts = alerts.tell(shop.settings, problems, [])
    assert [attempt.error for attempt in attempts] == [
        "the server answered 400: it did not understand the message",
        None,
    ]


@pytest.mark.parametrize(
    "kind",
    [
        Kind.LOAD_REFUSED,
        Kind.SOURCE_UNREADABLE,
        Kind.STALE_SOURCE,
        Kind.QUARANTINE_GROWING,
        Kind.LOAD_UNUSUAL,
    ],
)
def test_an_entity_that_is_no_longer_configured_ends_its_problem(shop, listener, kind):
    problem = Problem(Key(kind, "tills", "orders"), "x", ("y",), "", "", parts=frozenset({"orders"}))
    alerts.tell(shop.settings, [problem], [])
    alerts.tell(shop.settings, [], [])
    assert heard(listener) == [("opened", kind), ("over", kind)]


def test_a_failed_build_is_told_and_fails_all_the_same_and_a_good_one_ends_it(shop, listener):
    failed = Refused("The build failed; the marts are still those of the last good build. 2 failed:\n  a: b\n  c: d")
    for _ in range(2):
        with pytest.raises(Refused), alerts.watching(shop.settings, Kind.BUILD_FAILED):
            raise failed
    assert heard(listener) == [("opened", "build_failed")]
    assert last(listener)["problem"]["rules"] == ["a", "c"]
    assert last(listener)["problem"]["reasons"][1:] == ["a: b", "c: d"]
    assert last(listener)["problem"]["holds_back"] == "there are no marts yet"
    with alerts.watching(shop.settings, Kind.BUILD_FAILED, "tag:forecast"):
        pass
    assert len(listener.posts) == 1, "a partial build says nothing of the whole"
    with alerts.watching(shop.settings, Kind.BUILD_FAILED):
        pass
    assert heard(listener)[1:] == [("over", "build_failed")]


def test_no_secret_is_in_the_tables_the_log_or_a_message(make_shop, listener, caplog, serve_http):
    with serve_http() as other:
        gone = other.url
    shop = make_shop(WebhookChannel(url=listener.url, secret="signing-secret"), SlackChannel(webhook_url=gone))
    password = shop.settings.warehouse.url.get_secret_value().split(":")[2].split("@")[0]
    error = Refused(f"No connection to {gone} with {password} and signing-secret")
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(Refused),
        alerts.watching(shop.settings, Kind.BUILD_FAILED),
    ):
        raise error
    sent = b"".join(post.body for post in listener.posts).decode()
    for text in (shop.everything_written(), caplog.text, sent, repr(shop.settings)):
        assert "a-secret-token" not in text
        assert "signing-secret" not in text
        assert password not in text
    assert last(listener)["problem"]["reasons"] == ["No connection to *** with *** and ***"]


def test_no_personal_data_is_in_the_tables_or_a_message(make_shop, listener):
    shop = make_shop(WebhookChannel(url=listener.url))
    shop.write("customers-2.csv", "id,email,phone\nani@example.am,ani@example.am,+37491234567\n+37491234567,x,y\n" * 2)
    shop.write("orders-1.csv", HEADER_AND_PERSONAL)
    shop.load()
    shop.write("orders-2.csv", "id,customer,at,amount,currency\no9,ani@example.am\0,2025-01-01,1,EUR\n")
    shop.load()
    sent = b"".join(post.body for post in listener.posts).decode()
    assert {"quarantine_growing", "source_unreadable"} <= {kind for _, kind in heard(listener)}
    for text in (shop.everything_written(), sent):
        assert "ani@" not in text
        assert "91234567" not in text.replace(" ", "")
    assert "(an e-mail address)" in sent
    assert "(a phone number)" in sent
    assert "1000234567" in sent, "an order number of ten digits is none"


HEADER_AND_PERSONAL = (
    "id,customer,at,amount,currency\n"
    "ani@example.am,c1,2025-01-01,ten,EUR\n"
    "+374 91 234567,c1,2025-01-01,ten,EUR\n"
    "091 23 45 67,c1,2025-01-01,ten,EUR\n"
    "1000234567,c1,2025-01-01,ten,EUR\n"
)


def test_a_test_message_goes_to_every_channel_and_says_how_it_went(make_shop, listener, serve_http):
    with serve_http() as other:
        gone = other.url
    shop = make_shop(WebhookChannel(url=listener.url), SlackChannel(webhook_url=gone))
    attempts = {one.channel: one.error for one in alerts.send_test(shop.settings)}
    assert attempts == {"webhook": None, "slack": "the connection was refused"}
    assert last(listener)["event"] == "test"
    rows = shop.ask("select channel, status, error from ops.alert_deliveries order by 1")
    assert rows == [("slack", "failed", "the connection was refused"), ("webhook", "ok", None)]


def test_a_channel_that_never_answers_holds_a_load_up_for_a_bounded_time(make_shop, listener, monkeypatch):
    monkeypatch.setattr("retain.alerts.telling.PATIENCE", 0.3)
    monkeypatch.setattr("retain.alerts.telling.PATIENCE_A_MESSAGE", 0.1)
    listener.wait = threading.Event()
    shop = make_shop(WebhookChannel(url=listener.url))
    shop.orders("1", bad=15)
    shop.load()
    assert shop.ask("select status, error from ops.alert_deliveries") == [("failed", "it did not end in time")]
    listener.wait.set()


def test_without_channels_problems_are_kept_and_told_to_the_first_one_that_is_added(shop, listener):
    shop.orders("1", bad=15)
    told = shop.settings
    shop.settings = told.model_copy(update={"alerts": Alerts()})
    shop.load()
    assert shop.ask("select kind, source, entity from ops.alerts where resolved_at is null") == [
        ("load_refused", "shop", "orders")
    ]
    shop.settings = told
    shop.load()
    assert heard(listener) == [("opened", "load_refused")]


def test_a_fault_of_the_alerts_themselves_does_not_fail_a_load(shop, caplog):
    shop.orders("1", bad=15)
    with connect(shop.settings) as connection:
        connection.execute("alter table ops.alerts rename to alerts_away")
    assert ("orders", "refused") in shop.load()
    assert "Alerts could not be told" in caplog.text


def test_a_warehouse_that_is_away_is_told_once_and_its_return_too(shop, listener, monkeypatch):
    from retain.errors import OutOfReach

    here = alerts.observing.connect

    def away(settings, *_, **__):
        raise OutOfReach("The warehouse at localhost:1/shop cannot be reached: connection refused.")

    monkeypatch.setattr(alerts.observing, "connect", away)
    for hours in (0, 1, 2, 24):
        alerts.observe(shop.settings, now=NOW + timedelta(hours=hours))
    assert heard(listener) == [("opened", "warehouse_unreachable"), ("still", "warehouse_unreachable")]
    monkeypatch.setattr(alerts.observing, "connect", here)
    alerts.observe(shop.settings)
    alerts.observe(shop.settings)
    assert heard(listener)[2:] == [("over", "warehouse_unreachable")]
    assert [path.name for path in shop.settings.state_folder.glob("warehouse_out*")] == []


def test_scopes_that_nobody_looked_at_keep_a_problem_open(shop, listener):
    problem = Problem(Key(Kind.TASK_FAILED, subject="d.t"), "x", ("y",), "", "", parts=frozenset({"0", "1"}))
    alerts.tell(shop.settings, [problem], [])
    alerts.tell(shop.settings, [], [Scope(problem.key, "0")])
    assert shop.ask("select parts, resolved_at from ops.alerts") == [(["1"], None)]
    alerts.tell(shop.settings, [], [Scope(problem.key, "1")])
    assert heard(listener)[1:] == [("over", "task_failed")]
