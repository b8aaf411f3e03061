"""The commands as a person or a schedule runs them, with an HTTP listener and a mail server on loopback to be told."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

REPOSITORY = Path(__file__).parents[3]
CHANNELS = """\
alerts:
  data_docs: https://docs.example/data_docs
  to:
    - {type: slack, webhook_url: "${SLACK}"}
    - {type: webhook, name: pager, url: "${PAGER}", secret: "${PAGER_SECRET}"}
    - {type: email, host: 127.0.0.1, port: MAIL_PORT, security: none, sender: retain@shop.am, recipients: [oncall@shop.am]}
"""
ORDERS = "id,customer,at,amount,currency\n"


class Shop:
    """A shop in CSV files, whom it tells, and its command line."""

    def __init__(self, config, folder, slack, pager, mail):
        self.config, self.folder, self.slack, self.pager, self.mail = config, folder, slack, pager, mail
        self.environment = {"SLACK": slack.url, "PAGER": pager.url, "PAGER_SECRET": "sesame-sesame"}

    def retain(self, *arguments):
        environment = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(REPOSITORY), **self.environment}
        command = [sys.executable, "-m", "retain", *arguments, "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)

    def load(self, *, good=0, bad=0):
        """Write all orders anew, so many of them wrong, and load."""
        rows = [f"g{number},c1,2025-01-01 10:00,10,EUR\n" for number in range(good)]
        rows += [f"b{number},c1,2025-01-01 10:00,ten,EUR\n" for number in range(bad)]
        (self.folder / "orders-1.csv").write_text(ORDERS + "".join(rows))
        return self.retain("load")

    def ask(self, statement):
        with psycopg.connect(self.config.read_text().split("url: ")[1].split()[0]) as connection:
            connection.execute(statement)

    def take_the_warehouse_away(self):
        """Returns the retain.yml as it was."""
        text = self.config.read_text()
        server = text[text.index("url: postgresql://") :].split("\n")[0]
        self.config.write_text(text.replace(server, "url: postgresql://someone:topsecret@127.0.0.1:9/db"))
        return text

    def told(self):
        """How many messages each channel has."""
        return len(self.slack.posts), len(self.pager.posts), len(self.mail.mails)

    @property
    def last(self):
        return self.pager.posts[-1].document


@pytest.fixture
def shop(write_shop, tmp_path, listener, serve_http, serve_smtp):
    with serve_http() as pager, serve_smtp() as mail:
        folder = tmp_path / "files"
        folder.mkdir()
        (folder / "customers-1.csv").write_text("id,email,phone\nc1,a@x.am,\n")
        alerts = CHANNELS.replace("MAIL_PORT", str(mail.port))
        yield Shop(write_shop(alerts), folder, listener, pager, mail)


def test_a_refused_load_is_one_message_a_channel_the_same_again_none_worse_one_and_its_end_one(shop):
    assert shop.load(good=3).returncode == 0
    assert shop.told() == (0, 0, 0)

    refused = shop.load(good=3, bad=15)
    assert refused.returncode == 1
    assert shop.told() == (1, 1, 1)
    assert shop.last["event"] == "opened"
    problem = shop.last["problem"]
    assert (problem["source"], problem["entity"]) == ("shop", "orders")
    assert (problem["rows"], problem["rows_of"]) == (15, 18)
    assert problem["keys"] == ["b0", "b1", "b2", "b3", "b4"]
    assert problem["runbook"] == "docs/runbooks/refused_load.md"
    (mail,) = shop.mail.mails
    assert mail["To"] == "oncall@shop.am"
    for words in (
        "15 of 18 rows fail",
        "Since: 2",
        "Held back: orders of shop stay as of 2",
        "Runbook: docs/runbooks/",
    ):
        assert words in mail.get_content()
    assert "15 of 18 rows fail" in shop.slack.posts[0].document["text"]

    assert shop.load(good=3, bad=15).returncode == 1
    assert shop.load(good=3, bad=16).returncode == 1
    assert shop.told() == (1, 1, 1)

    assert shop.load(good=3, bad=40).returncode == 1
    assert shop.told() == (2, 2, 2)
    assert (shop.last["event"], shop.last["problem"]["rows"]) == ("worse", 40)

    over = shop.load(good=4)
    assert over.returncode == 0, over.stdout + over.stderr
    assert shop.load(good=4).returncode == 0
    assert shop.told() == (3, 3, 3)
    assert shop.last["event"] == "over"
    assert [subject.split("] ")[1] for subject in shop.mail.subjects()] == [
        "shop: load of orders refused",
        "Worse: shop: load of orders refused",
        "Over: shop: load of orders refused",
    ]


def test_a_dead_channel_changes_nothing_about_a_load_and_is_seen_in_the_list_and_in_the_status(shop, serve_http):
    with serve_http() as away:
        shop.environment["PAGER"] = away.url
    refused = shop.load(good=3, bad=15)
    assert refused.returncode == 1
    assert "orders: 15 of 18 rows fail" in refused.stdout
    assert "An alert did not go out by pager" in refused.stderr
    assert shop.told() == (1, 0, 1)
    listed = shop.retain("alerts", "list")
    assert listed.returncode == 0
    for words in ("shop: load of orders refused", "slack ✓", "pager failed", "Last messages", "did not take its last"):
        assert words in listed.stdout
    status = shop.retain("status")
    assert "1 problem is open: shop: load of orders refused" in status.stdout
    assert "pager did not take its last message" in status.stdout
    assert "the connection was refused" in status.stdout
    everything = refused.stdout + refused.stderr + listed.stdout + listed.stderr + status.stdout + status.stderr
    assert "a-secret-token" not in everything
    assert "sesame-sesame" not in everything
    assert shop.load(good=3).returncode == 0, "a good load ends well, whatever becomes of its messages"


def test_a_release_by_hand_ends_the_message_about_quarantine(shop):
    assert shop.load(good=60, bad=1).returncode == 0
    assert (shop.last["event"], shop.last["problem"]["kind"]) == ("opened", "quarantine_growing")
    assert shop.last["problem"]["keys"] == ["b0"]
    assert shop.retain("quarantine", "discard", "1", "--reason", "typed by hand").returncode == 0
    assert (shop.last["event"], shop.told()) == ("over", (2, 2, 2))


def test_the_test_says_of_each_channel_whether_it_arrived(shop, serve_http):
    fine = shop.retain("alerts", "test")
    assert fine.returncode == 0, fine.stderr
    assert [line for line in fine.stdout.splitlines() if line] == [
        "✓ slack took it.",
        "✓ pager took it.",
        "✓ email took it.",
    ]
    assert shop.told() == (1, 1, 1)
    assert shop.last["event"] == "test"

    with serve_http() as away:
        shop.environment["SLACK"] = away.url
    some = shop.retain("alerts", "test")
    assert some.returncode == 1
    assert "✗ slack did not take it: the connection was refused." in some.stdout
    assert "No message went out by slack." in some.stderr

    shop.environment["PAGER"] = away.url
    shop.mail.refuse["MAIL"] = "550 5.7.1 not you"
    none = shop.retain("alerts", "test")
    assert none.returncode == 3
    assert "✗ email did not take it: the mail server answered 550 5.7.1." in none.stdout


def test_a_test_without_channels_and_a_secret_in_the_file_are_the_users_to_correct(shop):
    text = shop.config.read_text()
    shop.config.write_text(text.replace("${SLACK}", "https://hooks.slack.example/T0/B0/hidden"))
    wrong = shop.retain("alerts", "test")
    assert wrong.returncode == 2
    line = text[: text.index("type: slack")].count("\n") + 1
    assert f"retain.yml:{line}  alerts.to[1].webhook_url: this is a secret" in wrong.stderr
    assert "hidden" not in wrong.stderr
    head, _, rest = text.partition("alerts:\n")
    shop.config.write_text(head + rest[rest.index("sources:") :])
    nobody = shop.retain("alerts", "test")
    assert nobody.returncode == 2
    assert "Nobody is told" in nobody.stderr


def test_a_test_goes_out_also_when_the_warehouse_is_away(shop):
    shop.take_the_warehouse_away()
    away = shop.retain("alerts", "test")
    assert away.returncode == 0, away.stdout + away.stderr
    assert "was not written down" in away.stderr
    assert shop.told() == (1, 1, 1)


def test_a_warehouse_that_is_away_is_told_once_by_the_load_that_found_it_so(shop):
    text = shop.take_the_warehouse_away()
    for _ in range(2):
        away = shop.retain("load")
        assert away.returncode == 3
        assert "Traceback" not in away.stderr
    assert shop.told() == (1, 1, 1)
    assert shop.last["problem"]["kind"] == "warehouse_unreachable"
    assert "topsecret" not in str(shop.last) + away.stderr
    shop.config.write_text(text)
    assert shop.load(good=1).returncode == 0
    assert shop.told() == (2, 2, 2)
    assert shop.last["event"] == "over"


def test_a_command_that_ends_before_its_time_is_told_and_the_next_good_one_ends_it(shop):
    assert shop.load(good=3).returncode == 0
    shop.ask("alter table raw.orders rename column currency to coin")
    broken = shop.load(good=4)
    assert broken.returncode == 3
    assert (shop.last["event"], shop.last["problem"]["kind"]) == ("opened", "run_failed")
    assert shop.last["title"] == "Retain could not do its work (retain load)"
    shop.ask("alter table raw.orders rename column coin to currency")
    assert shop.load(good=4).returncode == 0
    assert (shop.last["event"], shop.told()) == ("over", (2, 2, 2))


def test_a_build_that_fails_is_told_with_what_the_marts_stay_at(shop):
    assert shop.load(good=3).returncode == 0
    shop.ask("alter table raw.orders rename column currency to coin")
    assert shop.retain("build").returncode == 1
    assert (shop.last["title"], shop.last["problem"]["kind"]) == ("the build of the marts failed", "build_failed")
    assert shop.last["problem"]["rules"] == ["stg_mapped__orders"]
    assert shop.last["problem"]["holds_back"] == "there are no marts yet"
    assert shop.told() == (1, 1, 1)
