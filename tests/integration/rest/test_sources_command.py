"""`retain sources`: what is wrong with a source is said before a load stumbles over it; no secret is shown."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from vendors.any_system import SECRET
from vendors.server import HTML, Answer

from retain.cli.app import app


@pytest.fixture
def run(crm, capsys):
    """Run `retain sources …`; returns the exit code and what was printed."""

    def run(*arguments):
        code = 0
        try:
            app(["sources", *arguments, "--config", str(crm.settings.path)], standalone_mode=False)
        except SystemExit as ending:
            code = ending.code
        printed = capsys.readouterr().out
        assert SECRET not in printed
        return code, printed

    return run


def test_a_source_that_answers_as_configured_is_good(crm, run):
    crm.put(1)
    assert run("check") == (0, "✓ source crm  offers orders\n")
    crm.system.records["orders"] = {}
    assert run("check", "crm")[0] == 0


def test_what_is_wrong_with_a_source_is_said_with_what_to_do(crm, run):
    crm.fill(2)
    for answer, words in (
        (Answer(b'{"error": "expired"}', 401), "does not accept the credentials (401: expired)"),
        (Answer(b'{"error": "scope read_orders"}', 403), "Ask the system's owner for the right to read it"),
        (Answer(b"{}", 404), "with the name of the shop and the version in it"),
        (HTML, "a login page, a firewall, or another address"),
        (Answer(b'{"errors": [{"message": "plan"}]}'), "answered with an error: plan"),
    ):
        crm.system.always = lambda request, answer=answer: answer
        code, printed = run("check")
        assert (code, words in printed) == (2, True), printed


def test_a_clock_that_is_ten_minutes_off_is_told(crm, run):
    crm.put(1)
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    crm.system.always = lambda request: Answer(crm.system.answer(request).body, headers={"date": date})
    assert "clock and this machine's are 10 minutes apart" in run("check")[1]


def test_a_filter_that_is_not_known_and_a_field_that_is_not_there_are_told(crm, run):
    crm.fill(2)
    crm.configure("since: since", "since: updated_after")
    crm.configure("order_id: id", "order_id: id, phone: buyer.phone")
    code, printed = run("check")
    assert code == 0
    assert "no record of the first page has a value at buyer.phone" in printed
    assert "does not know `updated_after`" in printed


def test_a_preview_shows_records_as_they_are_sent_and_keeps_nothing(crm, run):
    assert "has no orders yet" in run("preview", "crm", "orders")[1]
    crm.put(1, total="10.10")
    assert '"total": 10.10' in run("preview", "crm", "orders")[1].replace("\n", "")
    assert crm.ask("select count(*) from ops.loads") == [(0,)]


def test_the_list_says_how_far_each_entity_was_read_and_a_reset_makes_the_next_load_read_everything(crm, run):
    crm.fill(4)
    assert "never" in run()[1]
    crm.load()
    assert "published" in run("list")[1]
    assert run("reset", "crm")[1] == "orders from crm: the next load reads everything.\n"
    assert run("reset", "crm", "--entity", "orders")[1].endswith("nothing was known of how far it was read.\n")
    crm.system.forget_requests()
    assert (crm.load().rows_sent, crm.load().rows_sent) == (4, 0)
    assert "since" not in crm.system.requests[0].params


def test_pages_that_wait_to_be_gone_on_with_are_listed_and_dropped_by_a_reset(crm, run):
    crm.system.paging = "cursor"
    crm.configure("paging: {style: page}", "paging: {style: cursor, param: after, next: next}")
    crm.fill(7)
    crm.system.instead[3] = Answer(b"{}", 429, {"retry-after": "3600"})
    crm.load()
    assert "6 records kept" in run("list")[1]
    run("reset", "crm")
    assert crm.ask("select count(*) from landing.crm__orders") == [(0,)]
