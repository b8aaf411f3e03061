"""examples/salesforce/retain.yml as it stands, over a fake Salesforce with every way of misbehaving that a real one is known for."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from described import Described
from vendors.salesforce import CLIENT, ROOT, SECRET, Number, Salesforce
from vendors.server import HTML, Answer

from retain.config import load_settings
from retain.deletions import mark_deleted
from retain.replay import replay
from retain.source_checks import check_source
from retain.sources import Window

EXAMPLE = Path(__file__).parents[3] / "examples" / "salesforce" / "retain.yml"
DAY = datetime(2005, 3, 1, 9, tzinfo=UTC)  # nothing is too old to be read
KILLED = Answer(b"{}", cut_after=0)


class Org(Described):
    def load(self, entity="customers", **options):
        return super().load(entity, **options)

    def customers(self):
        return dict(self.ask("select customer_id, full_name from raw.customers where not is_deleted"))

    def is_complete(self):
        there = {key: one["Name"] for key, one in self.vendor.things["Contact"].items() if not one["IsDeleted"]}
        assert self.customers() == there
        assert self.does_not_add_up() == []


@pytest.fixture
def org(from_example):
    vendor = Salesforce()
    own = f"""    url: {{url}}{ROOT}
    auth: {{type: client_credentials, token_url: "{{url}}/services/oauth2/token", client_id: "${{SALESFORCE_CLIENT_ID}}",
      client_secret: "${{SALESFORCE_CLIENT_SECRET}}"}}
"""
    known = {"SALESFORCE_DOMAIN": "shop", "SALESFORCE_CLIENT_ID": CLIENT, "SALESFORCE_CLIENT_SECRET": SECRET}
    return Org(from_example(vendor, "salesforce", own, **known), vendor, "salesforce")


def fill(vendor, count):
    for number in range(1, count + 1):  # three of each second: ties across pages
        vendor.put("Contact", f"003{number:015}", DAY + timedelta(seconds=number // 3), Name=f"Ann {number}")


def now(minutes=2):
    return datetime.now(UTC) - timedelta(minutes=minutes)


def test_the_example_needs_no_more_than_a_domain_and_a_clients_credentials(monkeypatch):
    for name in ("DOMAIN", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.setenv(f"SALESFORCE_{name}", "open-sesame")
    source = load_settings(EXAMPLE).source("salesforce")
    assert source.url == "https://open-sesame.my.salesforce.com/services/data/v65.0"
    assert source.auth.token_url == "https://open-sesame.my.salesforce.com/services/oauth2/token"
    assert list(source.entities) == ["tickets", "customers"]
    assert "open-sesame" not in repr(source.auth.client_secret)


def test_contacts_of_any_age_are_in_raw_as_they_were_sent(org):
    known = {"Email": "a@x.am", "Phone": "+37410000001", "MobilePhone": "+37491000001", "HasOptedOutOfEmail": True}
    org.vendor.put("Contact", "12345678901234567890", DAY, Name="Ann", MailingCity="Gyumri", **known)
    fill(org.vendor, 8)
    outcome = org.load()
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    org.is_complete()
    assert org.ask(
        "select email, phone, city, accepts_marketing, registered_at, changed_at from raw.customers "
        "where customer_id = '12345678901234567890'"
    ) == [("a@x.am", "+37491000001", "Gyumri", False, DAY, DAY)]
    assert [request.path.rpartition("/")[0] for request in org.vendor.requests[2:]] == [f"{ROOT}/query"] * 2
    org.vendor.forget_requests()
    again = org.load()
    assert (again.status, again.rows_sent, again.rows_changed) == ("published", 0, 0)
    org.is_complete()


def test_each_load_reaches_back_for_what_a_long_transaction_published_late(org):
    fill(org.vendor, 2)
    org.load()
    org.vendor.put("Contact", "003late", now(45), Name="Late")
    assert org.load().rows_changed == 1
    org.vendor.put("Contact", "003late", datetime.now(UTC) + timedelta(hours=18), Name="Of the future")
    assert org.load().rows_changed == 0
    org.vendor.put("Contact", "003next", now(), Name="Next")
    org.load()
    assert {"003late": "Late", "003next": "Next"}.items() <= org.customers().items()


def test_a_contact_that_changes_while_pages_are_read_takes_no_other_one_with_it(org):
    fill(org.vendor, 10)

    def change(request):
        if request.path.startswith(f"{ROOT}/query/"):
            number = len(org.vendor.requests)
            org.vendor.put("Contact", f"003{number:015}", datetime.now(UTC), Name="Changed")

    org.vendor.always = change
    org.load()
    org.vendor.always = None
    changed = {key for key, one in org.vendor.things["Contact"].items() if one["Name"] == "Changed"}
    assert len(changed) == 3
    assert set(org.customers()) == set(org.vendor.things["Contact"])
    for key in changed:
        org.vendor.put("Contact", key, now())
    org.load()
    org.is_complete()


def test_who_was_deleted_or_merged_is_marked_and_the_cases_come_again_under_the_other_one(org):
    fill(org.vendor, 3)
    one, two, three = org.vendor.things["Contact"]
    org.vendor.put("Case", "500a", DAY, ContactId=one, Status="New", IsClosed=False, Origin="Web", Priority="High")
    org.vendor.put(
        "Case",
        "500b",
        DAY,
        SuppliedEmail="b@x.am",
        Status="Closed",
        IsClosed=True,
        ClosedDate="2005-03-02T09:00:00.000+0000",
    )
    org.load()
    assert org.load("tickets").rows_quarantined == 0
    assert org.ask(
        "select ticket_id, customer_id, email, status, channel, priority, opened_at, solved_at from raw.tickets order by 1"
    ) == [
        ("500a", one, None, "new", "web", "high", DAY, None),
        ("500b", None, "b@x.am", "closed", None, None, DAY, DAY + timedelta(days=1)),
    ]
    org.vendor.merge("Contact", one, two, now())
    org.vendor.put("Contact", three, now(), IsDeleted=True)
    assert (org.load().rows_changed, org.load("tickets").rows_changed) == (2, 1)
    assert set(org.customers()) == {two}
    assert org.ask("select customer_id from raw.tickets where ticket_id = '500a'") == [(two,)]
    assert org.ask("select customer_id, merged_into from raw.customers where merged_into is not null") == [(one, two)]
    org.is_complete()
    assert {restored.rows_restored for restored in replay(org.settings)} == {0}


def test_what_was_deleted_for_good_is_found_by_listing_everything_where_retain_yml_says_so(org):
    fill(org.vendor, 7)
    first, second, *_ = org.vendor.things["Contact"]
    org.vendor.put("Contact", first, DAY, IsDeleted=True)
    org.load()
    del org.vendor.things["Contact"][second]
    assert mark_deleted(org.settings, "salesforce", "customers") is None
    org.configure("", "    entities: {tickets: {}, customers: {find_deleted: true}}\n")
    compared = mark_deleted(org.settings, "salesforce", "customers")
    assert (compared.missing, compared.unread) == (1, 0)
    org.is_complete()


def test_companies_and_their_opportunities_are_read_where_retain_yml_says_so(org):
    org.configure("", "    customers: accounts\n    opportunities: of_accounts\n    currency: EUR\n")
    org.vendor.put("Account", "001a", DAY, Name="Cafe Gyumri", BillingCountry="Armenia")
    org.vendor.put("Case", "500a", DAY, AccountId="001a", ContactId="003a", Status="On Hold", IsClosed=False)
    won = {"AccountId": "001a", "CloseDate": "2005-03-01", "IsClosed": True}
    org.vendor.put("Opportunity", "006a", DAY, **won, IsWon=True, Amount=Number("12345678901234.10"))
    org.vendor.put("Opportunity", "006b", DAY, **won, IsWon=False, Amount=None)
    org.vendor.put("Opportunity", "006c", DAY, **won, IsWon=True, Amount=None)
    for entity, rows in (("customers", 1), ("tickets", 1), ("orders", 3)):
        assert org.load(entity).rows_sent == rows
    assert org.customers() == {"001a": "Cafe Gyumri"}
    assert org.ask("select customer_id, status from raw.tickets") == [("001a", "hold")]
    assert org.ask(
        "select order_id, customer_id, status, gross_amount::text, currency, ordered_at::date::text from raw.orders order by 1"
    ) == [
        ("006a", "001a", "paid", "12345678901234.1000", "EUR", "2005-03-01"),
        ("006b", "001a", "cancelled", "0.0000", "EUR", "2005-03-01"),
    ]
    (reasons,) = org.ask("select reasons from ops.quarantine")[0]
    assert any("gross_amount" in reason for reason in reasons)  # won, and nobody wrote for how much
    assert any(
        '"Amount": 12345678901234.10' in record
        for (record,) in org.ask("select _record from landing.salesforce__orders")
    )


def test_a_session_that_ends_early_is_renewed_and_the_walk_goes_on(org):
    fill(org.vendor, 9)
    org.vendor.instead[4] = lambda request: org.vendor.tokens.clear()
    assert org.load().status == "published"
    assert [request.path for request in org.vendor.requests].count("/services/oauth2/token") == 2
    org.is_complete()


def test_a_quota_of_requests_that_is_used_up_stops_the_load_which_goes_on_from_there(org):
    fill(org.vendor, 9)
    org.vendor.left = 2
    stopped = org.load()
    assert stopped.status == "unreadable"
    assert "the system allows no more requests for now (403: TotalRequests Limit exceeded.)" in stopped.message
    assert "a later load goes on from there" in stopped.message
    assert org.customers() == {}
    asked = len(org.vendor.requests)
    org.vendor.left = 100
    assert org.load().rows_sent == 9
    assert org.vendor.left == 99  # the third page alone
    assert asked == 4  # a token, two pages, and the refusal: nobody insisted
    org.is_complete()


def test_a_crash_between_pages_keeps_what_came_and_a_locator_that_is_gone_costs_one_load(org):
    fill(org.vendor, 9)
    for answer in (KILLED, HTML, Answer(b'{"records": [{"Id": "1"}, {"Id"'), Answer(b"[]", 500)):
        org.vendor.always = lambda request, answer=answer: answer if request.path.endswith("-6") else None
        assert org.load().status == "unreadable"
    assert org.ask("select rows_sent from ops.loads order by load_id desc limit 1") == [(6,)]
    org.vendor.always = None
    org.vendor.cursors.clear()
    assert "invalid query locator" in org.load().message
    assert org.load().status == "published"
    org.is_complete()


def test_a_pause_is_kept_and_an_answer_that_is_no_page_is_never_an_empty_one(org):
    fill(org.vendor, 7)
    org.vendor.instead[3] = Answer(b"", 503, {"retry-after": "1"})
    org.vendor.instead[5] = Answer(b"[]", 429)
    assert org.load().status == "published"
    org.is_complete()
    for body in (b'[{"message": "oops", "errorCode": "UNKNOWN_EXCEPTION"}]', b'{"done": true}', b'{"records": []}'):
        org.vendor.always = lambda request, body=body: None if request.method == "POST" else Answer(body)
        assert org.load().status == "unreadable"


def test_a_query_that_took_too_long_fails_the_load_and_marks_no_end(org):
    fill(org.vendor, 5)
    refused = b'[{"message": "Your query request was running for too long.", "errorCode": "QUERY_TIMEOUT"}]'
    org.vendor.instead[3] = Answer(refused, 400)
    outcome = org.load()
    assert outcome.status == "unreadable"
    assert "running for too long" in outcome.message
    assert org.ask("select count(*) from ops.cursors") == [(0,)]
    org.load()
    org.is_complete()


def test_a_page_that_comes_for_ever_stops_the_load(org):
    fill(org.vendor, 5)
    first = {}

    def first_page_again(request):
        if request.method == "GET":
            return first.setdefault("page", org.vendor.answer(request))
        return None

    org.vendor.always = first_page_again
    assert "the same 3 records as one before it, so the pages never end" in org.load().message


def test_a_window_of_the_past_is_read_again_and_moves_no_cursor(org):
    fill(org.vendor, 4)
    org.vendor.put("Contact", "003late", DAY + timedelta(days=2), Name="Not then")
    org.load()
    kept = org.ask("select state from ops.cursors")
    again = org.load(window=Window(DAY - timedelta(hours=1), DAY + timedelta(hours=1)))
    assert (again.status, again.rows_sent, again.rows_changed) == ("published", 4, 0)
    assert org.ask("select state from ops.cursors") == kept


def test_check_says_what_is_wrong_and_where_in_setup_it_is_put_right(org, monkeypatch):
    fill(org.vendor, 1)
    assert [one for one in check_source(org.settings, "salesforce") if one.state == "wrong"] == []
    org.vendor.hidden = {"SuppliedPhone"}
    (finding,) = (one for one in check_source(org.settings, "salesforce") if one.state == "wrong")
    assert "No such column 'SuppliedPhone' on entity 'Case'" in finding.sentence
    assert "permission set" in finding.to_do
    org.vendor.always = lambda request: (
        Answer(
            b'[{"message": "The REST API is not enabled for this Organization.", "errorCode": "API_DISABLED_FOR_ORG"}]',
            403,
        )
        if request.method == "GET"
        else None
    )
    (finding,) = check_source(org.settings, "salesforce")
    assert "(403: The REST API is not enabled" in finding.sentence
    assert "API Enabled" in finding.to_do
    org.vendor.always = lambda request: None if request.method == "POST" else Answer(b"", 410)
    findings = check_source(org.settings, "salesforce")
    assert all(
        "is no longer there (410" in one.sentence and "`url` must name a newer one" in one.to_do for one in findings
    )
    org.vendor.always = None
    monkeypatch.setattr("vendors.salesforce.SECRET", "another")
    (finding,) = check_source(org.settings, "salesforce")
    assert (
        "oauth2/token does not accept the credentials (400: invalid_client: invalid client credentials)"
        in finding.sentence
    )
    assert "client credentials" in finding.to_do
    assert SECRET not in finding.sentence + finding.to_do
