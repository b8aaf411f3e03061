"""examples/hubspot/retain.yml as it stands, over a fake HubSpot with every way of misbehaving that a real one is known for."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from described import Described
from vendors.hubspot import ROOT, TOKEN, HubSpot
from vendors.server import HTML, Answer

from retain.config import load_settings
from retain.deletions import mark_deleted
from retain.replay import replay
from retain.source_checks import check_source
from retain.sources import Window

EXAMPLE = Path(__file__).parents[3] / "examples" / "hubspot" / "retain.yml"
DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)
KILLED = Answer(b"{}", cut_after=0)


class Account(Described):
    def load(self, entity="customers", **options):
        return super().load(entity, **options)

    def search_in_pages_of(self, size):
        """As the file says, but with few records a page: a test has few."""
        body = self.settings.source("hubspot").entities["customers"].changes.body
        small = json.dumps(body.replace('"limit": 200', f'"limit": {size}'))
        self.configure("{params: {limit: 3}}", f"{{params: {{limit: 3}}, changes: {{body: {small}}}}}")

    def customers(self):
        return dict(self.ask("select customer_id, full_name from raw.customers where not is_deleted"))

    def is_complete(self):
        there = {
            key: f"{one['properties']['firstname']} {one['properties']['lastname']}"
            for key, one in ((str(key), one) for key, one in self.vendor.things["contacts"].items())
            if not one["archived"]
        }
        assert self.customers() == there
        assert self.does_not_add_up() == []


@pytest.fixture
def account(from_example):
    vendor = HubSpot()
    own = f"""    url: {{url}}{ROOT.rstrip("/")}
    settle_minutes: 1
    entities:
      customers: {{params: {{limit: 3}}}}
"""
    return Account(from_example(vendor, "hubspot", own, HUBSPOT_TOKEN=TOKEN), vendor, "hubspot")


def fill(vendor, count):
    for number in range(1, count + 1):  # an import: one time for all
        vendor.put("contacts", number, DAY, firstname="Ann", lastname=str(number))


def now(minutes=2.0):
    return datetime.now(UTC) - timedelta(minutes=minutes)


def searches(vendor):
    return [json.loads(request.body) for request in vendor.requests if request.method == "POST"]


def test_the_example_needs_no_more_than_a_key(monkeypatch):
    monkeypatch.setenv("HUBSPOT_TOKEN", "open-sesame")
    source = load_settings(EXAMPLE).source("hubspot")
    assert source.url == "https://api.hubapi.com/crm/objects/2026-09"
    assert list(source.entities) == ["customers"]
    assert " " not in source.entities["customers"].params["properties"]  # it would be part of a name
    assert "open-sesame" not in repr(source.auth)


def test_the_first_load_reads_the_list_and_the_next_ones_search_for_what_changed(account):
    fill(account.vendor, 7)
    known = {"email": "a@x.am", "phone": "+37410000001", "mobilephone": "+37491000001", "hs_email_optout": "true"}
    account.vendor.put("contacts", 12345678901234567890, DAY, firstname="Ann", lastname="Long", city="Gyumri", **known)
    outcome = account.load()
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    account.is_complete()
    assert account.ask(
        "select email, phone, city, accepts_marketing, registered_at, changed_at from raw.customers "
        "where customer_id = '12345678901234567890'"
    ) == [("a@x.am", "+37491000001", "Gyumri", False, DAY, DAY)]
    assert {request.method for request in account.vendor.requests} == {"GET"}
    account.vendor.put("contacts", 7, DAY, email="", phone="+37410000007", mobilephone="", hs_merged_object_ids="")
    account.load(full=True)
    assert account.ask("select email, phone, merged_ids from raw.customers where customer_id = '7'") == [
        (None, "+37410000007", None)  # a property that was emptied is an empty text
    ]
    account.vendor.forget_requests()
    again = account.load()
    assert (again.status, again.rows_sent, again.rows_changed) == ("published", 0, 0)
    (search,) = searches(account.vendor)
    between, walked = search["filterGroups"][0]["filters"]
    assert int(between["highValue"]) - int(between["value"]) > 3_500_000  # milliseconds: an hour back
    assert walked["value"] == "0"
    account.vendor.put("contacts", 3, now(), firstname="Anna")
    account.vendor.put("contacts", 8, now(), firstname="Eve", lastname="8")
    assert account.load().rows_changed == 2
    account.is_complete()


def test_more_changes_than_a_search_shows_are_read_by_walking_along_the_ids(account):
    account.search_in_pages_of(2)
    fill(account.vendor, 3)
    account.load()
    at = now()
    for number in range(1, 12):
        account.vendor.put("contacts", number, at, firstname="Eve", lastname=f"{number}")
    account.vendor.shown = 4
    account.vendor.forget_requests()
    assert account.load().rows_changed == 11
    account.is_complete()
    assert [search["filterGroups"][0]["filters"][1]["value"] for search in searches(account.vendor)] == [
        "0", "2", "4", "6", "8", "10", "11",
    ]  # fmt: skip


def test_what_changes_while_the_list_or_a_search_is_read_takes_no_other_contact_with_it(account):
    account.search_in_pages_of(2)
    fill(account.vendor, 11)

    def change(request):
        account.vendor.put("contacts", len(account.vendor.requests), datetime.now(UTC), firstname="Later")

    account.vendor.always = change
    account.load()
    account.vendor.always = None
    assert set(account.customers()) == {str(number) for number in range(1, 12)}
    for number in range(1, 12):
        account.vendor.put("contacts", number, now(), firstname="Eve")
    account.vendor.forget_requests()
    account.vendor.always = change
    account.load()
    account.vendor.always = None
    changed = {str(number) for number in range(1, len(account.vendor.requests) + 1)}
    assert {name.split()[0] for key, name in account.customers().items() if key not in changed} == {"Eve"}
    for number in changed:
        account.vendor.put("contacts", int(number), now(1.5))
    account.load()
    account.is_complete()


def test_what_the_search_tells_late_comes_with_a_later_load_and_a_time_in_the_future_holds_up_nothing(account):
    fill(account.vendor, 2)
    account.vendor.put("contacts", 9, DAY, firstname="Of", lastname="then")
    account.load()
    account.vendor.lag = timedelta(minutes=10)
    account.vendor.put("contacts", 2, now(), firstname="Late")
    assert account.load().rows_changed == 0
    account.vendor.put("contacts", 9, datetime.now(UTC) + timedelta(hours=18), firstname="Of the", lastname="future")
    account.vendor.lag = timedelta(0)
    assert account.load().rows_changed == 1
    account.vendor.put("contacts", 9, now(), firstname="Of", lastname="now")
    account.load()
    account.is_complete()


def test_who_was_archived_erased_or_merged_is_marked_and_who_remains_is_read(account):
    fill(account.vendor, 6)
    account.load()
    account.vendor.archive("contacts", 1, now())
    del account.vendor.things["contacts"][2]  # erased for good: nothing is left of it
    account.vendor.merge((3, 4), 77, now())
    assert account.load().rows_changed == 1
    assert mark_deleted(account.settings, "hubspot", "customers").missing == 4
    account.is_complete()
    assert account.ask("select customer_id from raw.customers where is_deleted order by 1") == [
        ("1",),
        ("2",),
        ("3",),
        ("4",),
    ]
    assert account.ask("select customer_id, merged_ids from raw.customers where merged_ids is not null") == [
        ("77", "3;4")
    ]
    assert {one.rows_restored for one in replay(account.settings)} == {0}


def test_deals_are_orders_where_retain_yml_says_so_and_follow_whom_they_belong_to(account):
    account.settings.path.write_text(
        account.settings.path.read_text().replace(
            "      customers:", "      orders: {params: {limit: 2}}\n      customers:"
        )
    )
    account.configure("", "    deals: orders\n    currency: EUR\n")
    fill(account.vendor, 2)
    account.load()
    won = {"hs_is_closed": "true", "hs_is_closed_won": "true", "closedate": "2025-03-05T10:00:00Z"}
    account.vendor.put("deals", 10, DAY, (1,), amount="10.10", **won)
    account.vendor.put("deals", 11, DAY, (2, 1), amount="12345678901234.50", deal_currency_code="EUR", **won)
    account.vendor.put("deals", 12, DAY, amount=None, hs_is_closed="true", hs_is_closed_won="false")
    account.vendor.put(
        "deals", 13, DAY, amount="", deal_currency_code="", hs_is_closed="false", hs_is_closed_won="false"
    )
    account.vendor.put("deals", 14, DAY, amount=None, **won)  # nobody wrote for how much
    outcome = account.load("orders")
    assert (outcome.status, outcome.rows_sent, outcome.rows_quarantined) == ("published", 5, 1), outcome.message
    assert account.ask(
        "select order_id, customer_id, status, gross_amount::text, currency, ordered_at from raw.orders order by 1"
    ) == [
        ("10", "1", "paid", "10.1000", "EUR", DAY + timedelta(days=4, hours=1)),
        ("11", "2", "paid", "12345678901234.5000", "EUR", DAY + timedelta(days=4, hours=1)),
        ("12", None, "cancelled", "0.0000", "EUR", DAY),
        ("13", None, "pending", "0.0000", "EUR", DAY),
    ]
    account.vendor.things["deals"][10]["contacts"] = (2,)  # of which the deal itself knows nothing
    assert account.load("orders").rows_changed == 1
    assert account.ask("select customer_id from raw.orders where order_id = '10'") == [("2",)]
    account.vendor.archive("deals", 13, now())
    mark_deleted(account.settings, "hubspot", "orders")
    assert account.ask("select order_id from raw.orders where is_deleted") == [("13",)]


def test_a_limit_of_a_second_is_waited_out_and_one_of_a_day_stops_the_load_which_goes_on_from_there(account):
    fill(account.vendor, 9)
    account.vendor.instead[2] = Answer(b'{"status": "error", "policyName": "SECONDLY", "message": "ten"}', 429)
    account.vendor.instead[4] = Answer(b"oops", 429, {"retry-after": "1"})
    assert account.load().status == "published"
    account.is_complete()
    account.vendor.left = 1
    account.vendor.forget_requests()
    stopped = account.load(full=True)
    assert "allows no more requests for now (429: You have reached your daily limit.)" in stopped.message
    assert len(account.vendor.requests) == 2  # nobody insisted
    account.vendor.left = 100
    account.vendor.forget_requests()
    assert account.load(full=True).rows_sent == 9
    assert [request.params["after"] for request in account.vendor.requests] == ["3", "6"]


def test_a_crash_between_the_pages_of_a_search_costs_the_running_page_alone(account):
    account.search_in_pages_of(2)
    fill(account.vendor, 1)
    account.load()
    for number in range(1, 8):
        account.vendor.put("contacts", number, now(), firstname="Eve", lastname=f"{number}")
    for answer in (KILLED, HTML, Answer(b'{"results": [{"id": "5"}, {"id'), Answer(b"", 503)):
        account.vendor.always = lambda request, answer=answer: answer if b'"value": "4"' in request.body else None
        assert account.load().status == "unreadable"
    account.vendor.always = None
    account.vendor.forget_requests()
    assert account.load().rows_sent == 7
    assert [search["filterGroups"][0]["filters"][1]["value"] for search in searches(account.vendor)] == ["4", "6", "7"]
    account.is_complete()


def test_an_answer_that_is_no_page_of_contacts_is_never_an_empty_one(account):
    fill(account.vendor, 4)
    for body in (b'{"status": "error", "message": "internal"}', b'{"total": 0}', b'{"results": null}', b"[]"):
        account.vendor.always = lambda request, body=body: Answer(body)
        assert account.load().status == "unreadable"
    account.vendor.always = None
    account.load()
    account.is_complete()


def test_a_page_that_comes_for_ever_stops_the_load(account):
    fill(account.vendor, 5)
    account.vendor.always = lambda request: request.params.pop("after", None) and None
    assert "the same 3 records as one before it, so the pages never end" in account.load().message


def test_a_window_of_the_past_is_searched_for_and_moves_no_cursor(account):
    fill(account.vendor, 4)
    account.vendor.put("contacts", 9, DAY + timedelta(days=2), firstname="Not", lastname="then")
    account.load()
    kept = account.ask("select state from ops.cursors")
    account.vendor.forget_requests()
    again = account.load(window=Window(DAY - timedelta(hours=1), DAY + timedelta(hours=1)))
    assert (again.status, again.rows_sent, again.rows_changed) == ("published", 4, 0)
    assert {request.method for request in account.vendor.requests} == {"POST"}
    assert account.ask("select state from ops.cursors") == kept


def test_check_says_what_is_wrong_and_which_scope_to_give(account, monkeypatch):
    fill(account.vendor, 1)
    assert [one for one in check_source(account.settings, "hubspot") if one.state == "wrong"] == []
    account.vendor.scopes = set()
    (finding,) = check_source(account.settings, "hubspot")
    assert "(403: This app hasn't been granted all required scopes" in finding.sentence
    assert "crm.objects.contacts.read" in finding.to_do
    monkeypatch.setattr("vendors.hubspot.ROOT", "/crm/objects/2030-03/")
    (finding,) = check_source(account.settings, "hubspot")
    assert "is not there (404: resource not found)" in finding.sentence
    assert "This version of the API is gone" in finding.to_do
    monkeypatch.setattr("vendors.hubspot.TOKEN", "another")
    (finding,) = check_source(account.settings, "hubspot")
    assert "does not accept the credentials (401: Authentication credentials not found.)" in finding.sentence
    assert "Service keys" in finding.to_do
    assert TOKEN not in finding.sentence + finding.to_do
