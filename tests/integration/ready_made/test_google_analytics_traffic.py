"""examples/google_analytics_traffic/retain.yml as it stands, over a Data API with every way of misbehaving that a real one is known for."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from described import Described
from vendors.google_analytics import EMAIL, KEY, PROPERTY, ROOT, GoogleAnalytics
from vendors.server import HTML, Answer

from retain.config import load_settings
from retain.deletions import is_due, mark_deleted
from retain.errors import UserError
from retain.loads import window_of_days
from retain.replay import replay
from retain.source_checks import check_source

EXAMPLE = Path(__file__).parents[3] / "examples" / "google_analytics_traffic" / "retain.yml"
KILLED = Answer(b"{}", cut_after=0)


class Property(Described):
    def load(self, **options):
        outcome = super().load("traffic", **options)
        if is_due(self.settings, self.source, "traffic"):
            mark_deleted(self.settings, self.source, "traffic")
        return outcome

    def there(self):
        return {
            (day, channel, origin): int(sessions)
            for day, channel, origin, sessions in self.ask(
                "select day_on, channel, origin, sessions from raw.traffic where not is_deleted"
            )
        }

    def is_complete(self):
        assert self.there() == {key: int(metrics[0]) for key, metrics in self.vendor.rows.items()}
        assert self.does_not_add_up() == []


@pytest.fixture
def ga4(from_example):
    vendor = GoogleAnalytics()
    own = f"    url: {{url}}{ROOT}\n    entities: {{traffic: {{paging: {{size: 4}}}}}}\n"
    settings = from_example(vendor, "google_analytics_traffic", own, GA4_PROPERTY=PROPERTY)
    key = settings.path.parent / "google-analytics-key.json"
    assert settings.source("google_analytics").auth.key_file == key
    vendor.key_file(key)
    return Property(settings, vendor, "google_analytics")


def back(days):
    return date.today() - timedelta(days=days + 1)  # within a day of what it is in Berlin: days here are far apart


def fill(vendor, days=5):
    for number in range(days):
        for channel, origin in (
            ("Direct", "(direct) / (none)"),
            ("Paid Search", "google / cpc"),
            ("(other)", "(other)"),
        ):
            vendor.put(back(10 + number), channel, origin, str(100 + number), "40", "90")


def test_the_example_needs_a_property_and_a_key_file(monkeypatch):
    monkeypatch.setenv("GA4_PROPERTY", PROPERTY)
    source = load_settings(EXAMPLE).source("google_analytics")
    assert source.url == "https://analyticsdata.googleapis.com/v1beta"
    assert source.entities["traffic"].path == "properties/123456789:runReport"
    assert source.auth.key_file == EXAMPLE.parent / "google-analytics-key.json"
    assert json.loads(source.entities["traffic"].body)["currencyCode"] == "EUR"


def test_days_are_in_raw_with_their_figures_as_they_were_sent(ga4):
    fill(ga4.vendor)
    ga4.vendor.put(back(20), "Email", "letter / mai l", "12345678901234", "1", "2", "3", "1234567890.10")
    ga4.vendor.put(back(21), "Email", "refund / none", "1", "1", "1", "0", "-3.5")
    outcome = ga4.load()
    assert (outcome.status, outcome.rows_sent, outcome.rows_quarantined, outcome.warnings) == (
        "published",
        17,
        0,
        (),
    ), outcome
    ga4.is_complete()
    assert ga4.ask(
        "select sessions::bigint, engaged_sessions::int, users::int, purchases::int, revenue::text, currency from raw.traffic "
        "where channel = 'Email' order by day_on"
    ) == [(1, 1, 1, 0, "-3.5000", "EUR"), (12345678901234, 1, 2, 3, "1234567890.1000", "EUR")]
    (first, *others) = ga4.vendor.reports()
    assert first["dateRanges"][0]["startDate"] == "2024-01-01"
    assert first["returnPropertyQuota"] is True
    assert [report["offset"] for report in (first, *others)] == [
        "0",
        "4",
        "8",
        "12",
        "16",
    ]  # 17 rows: none is asked in vain
    assert ga4.ask(
        "select distinct _file from landing.google_analytics__traffic where _record like '%Email%' order by 1"
    ) == [
        (f"{back(21)}",),
        (f"{back(20)}",),
    ]


def test_the_next_load_asks_for_four_days_again_and_what_was_put_right_takes_the_place_of_what_it_was(ga4):
    fill(ga4.vendor)
    for ago in (1, 2):
        ga4.vendor.put(back(ago), "Unassigned", "(not set)", "30")
        ga4.vendor.put(back(ago), "Direct", "(direct) / (none)", "7")
    ga4.load()
    ga4.vendor.forget_requests()
    again = ga4.load()
    assert (again.status, again.rows_sent, again.rows_changed) == ("published", 4, 0)
    (days,) = ga4.vendor.reports()[0]["dateRanges"]
    since, until = date.fromisoformat(days["startDate"]), date.fromisoformat(days["endDate"])
    assert (until - since).days == 4
    assert until < datetime.now(UTC).date() + timedelta(days=1)
    del ga4.vendor.rows[back(1), "Unassigned", "(not set)"]  # Google knows by now where they came from
    ga4.vendor.put(back(1), "Paid Search", "google / cpc", "28")
    ga4.vendor.put(back(1), "Direct", "(direct) / (none)", "9")
    del ga4.vendor.rows[back(2), "Unassigned", "(not set)"]  # of the day nothing is left
    del ga4.vendor.rows[back(2), "Direct", "(direct) / (none)"]
    assert ga4.load().rows_changed == 2
    ga4.is_complete()
    assert ga4.ask("select day_on, channel from raw.traffic where is_deleted order by 1, 2") == [
        (back(2), "Direct"),
        (back(2), "Unassigned"),
        (back(1), "Unassigned"),
    ]
    assert {one.rows_restored for one in replay(ga4.settings)} == {0}
    ga4.is_complete()


def test_a_property_without_sessions_is_a_load_without_rows_and_half_a_report_is_none(ga4):
    assert (ga4.load().status, ga4.load().rows_sent) == ("published", 0)
    fill(ga4.vendor, 2)
    whole = {"rowCount": 6, "kind": "analyticsData#runReport"}
    for body in (
        b"{}",
        b"[]",
        b'{"rows": null}',
        json.dumps(whole)[:-4].encode(),
        b'{"kind": "x", "error": {"message": "internal"}}',
    ):
        ga4.vendor.always = lambda request, body=body: Answer(body) if request.path.endswith("Report") else None
        assert ga4.load(full=True).status == "unreadable", body
    ga4.vendor.always = lambda request: HTML if request.path.endswith("Report") else None
    assert ga4.load(full=True).status == "unreadable"
    ga4.vendor.always = None
    ga4.load(full=True)
    ga4.is_complete()


def test_what_google_leaves_out_is_told_once_a_load(ga4):
    fill(ga4.vendor)
    ga4.vendor.metadata = {
        "dataLossFromOtherRow": True,
        "subjectToThresholding": False,
        "samplingMetadatas": [{"samplesReadCount": "1"}],
    }
    warnings = ga4.load().warnings
    assert [warning.partition(" (")[0].partition(",")[0] for warning in warnings] == [
        "Google lumped rare combinations together as",
        "Google counted a sample of the events",
    ]


def test_a_load_stops_before_others_get_no_tokens_any_more_and_goes_on_from_there(ga4):
    fill(ga4.vendor)
    ga4.vendor.left, ga4.vendor.cost = 5_025, 10
    stopped = ga4.load()
    assert "propertyQuota.tokensPerDay.remaining is 4995, and 5,000 are left to others" in stopped.message
    assert len(ga4.vendor.reports()) == 3
    ga4.vendor.left = 200_000
    ga4.vendor.forget_requests()
    assert ga4.load().rows_sent == 15
    assert [report["offset"] for report in ga4.vendor.reports()] == ["12"]
    ga4.is_complete()
    ga4.vendor.left = 0
    ga4.vendor.forget_requests()
    assert "allows no more requests for now (429: Exhausted property tokens for a day.)" in ga4.load(full=True).message
    assert len(ga4.vendor.reports()) == 1  # nobody insisted


def test_a_crash_between_pages_costs_the_running_page_alone(ga4):
    fill(ga4.vendor)
    for answer in (KILLED, HTML, Answer(b'{"rows": [{"dimensionValues": [{"va'), Answer(b"", 503)):
        ga4.vendor.always = lambda request, answer=answer: answer if b'"offset": "8"' in request.body else None
        assert ga4.load().status == "unreadable"
    ga4.vendor.always = None
    ga4.vendor.forget_requests()
    assert ga4.load().rows_sent == 15
    assert [report["offset"] for report in ga4.vendor.reports()] == ["8", "12"]
    ga4.is_complete()
    assert ga4.ask(
        "select sum(value::int) from ops.loads, jsonb_each_text(control_totals -> 'files') where status = 'published'"
    ) == [(15,)]


def test_days_of_the_past_are_read_again_by_themselves_and_move_no_cursor(ga4):
    fill(ga4.vendor)
    ga4.load()
    kept = ga4.ask("select state from ops.cursors")
    ga4.vendor.forget_requests()
    ga4.vendor.put(back(11), "Direct", "(direct) / (none)", "999")
    del ga4.vendor.rows[back(11), "(other)", "(other)"]
    again = ga4.load(window=window_of_days(ga4.settings, back(11), back(10)))
    assert (again.status, again.rows_changed) == ("published", 1), again.message
    (days,) = ga4.vendor.reports()[0]["dateRanges"]
    assert days["startDate"] <= f"{back(11)}" <= days["endDate"]
    ga4.is_complete()
    assert ga4.ask("select state from ops.cursors") == kept


def test_a_token_that_ends_early_is_asked_for_again_with_another_signed_request(ga4):
    fill(ga4.vendor)
    ga4.vendor.instead[4] = lambda request: ga4.vendor.tokens.clear()
    assert ga4.load().status == "published"
    assert [request.path for request in ga4.vendor.requests].count("/token") == 2
    ga4.is_complete()


def test_a_page_that_comes_for_ever_stops_the_load(ga4):
    fill(ga4.vendor)

    def same(request):
        if request.path.endswith("Report"):
            asked = {**json.loads(request.body), "offset": "0"}
            return ga4.vendor._report(asked)
        return None

    ga4.vendor.always = same
    assert "so the pages never end" in ga4.load().message


def test_check_says_what_to_ask_google_for(ga4):
    fill(ga4.vendor)

    def wrong():
        (finding,) = check_source(ga4.settings, "google_analytics")
        assert "PRIVATE KEY" not in finding.sentence + finding.to_do
        return finding

    assert [one for one in check_source(ga4.settings, "google_analytics") if one.state != "good"] == []
    ga4.vendor.is_enabled = False
    assert "(403: Google Analytics Data API has not been used" in wrong().sentence
    assert "enable the Google Analytics Data API" in wrong().to_do
    ga4.vendor.is_enabled, ga4.vendor.viewers = True, set()
    assert "sufficient permissions for this property.)" in wrong().sentence
    assert "with the role Viewer" in wrong().to_do
    ga4.vendor.viewers = {EMAIL}
    ga4.configure("${GA4_PROPERTY}", "G-ABC")
    assert "sufficient permissions" in wrong().sentence
    ga4.configure("G-ABC", "${GA4_PROPERTY}")
    ga4.configure("2024-01-01", "2014-01-01")
    assert "refused the request (400: startDate must be on or after" in wrong().sentence
    assert "`first_day`" in wrong().to_do
    ga4.configure("2014-01-01", "2024-01-01")
    path = ga4.settings.path.parent / "google-analytics-key.json"
    ga4.vendor.key_file(path, client_email="nobody@else.iam.gserviceaccount.com")
    assert "does not accept the credentials (400: invalid_grant: Invalid grant: account not found)" in wrong().sentence
    assert "this machine's clock" in wrong().to_do
    for text, words in (
        (None, "cannot be read (No such file or directory)"),
        ("[]", "is no key file of a service account"),
        ("half of {", "is no key file of a service account"),
        (
            json.dumps({"client_email": EMAIL, "token_uri": "x", "private_key": "-----BEGIN PRIVATE KEY-----\nMII"}),
            "is no key file",
        ),
    ):
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        assert words in wrong().sentence
        assert "make a key of type JSON" in wrong().to_do


def test_what_is_signed_is_good_for_an_hour_and_names_who_asks_for_what(ga4):
    fill(ga4.vendor, 1)
    ga4.load()
    form = next(request.body.decode() for request in ga4.vendor.requests if request.path == "/token")
    assertion = dict(part.split("=") for part in form.split("&"))["assertion"]
    claims = jwt.decode(assertion, KEY.public_key(), algorithms=["RS256"], options={"verify_aud": False})
    assert (claims["iss"], claims["exp"] - claims["iat"]) == (EMAIL, 3600)
    assert jwt.get_unverified_header(assertion)["kid"] == "k1"
    assert "PRIVATE" not in repr(ga4.settings.source("google_analytics"))


def test_days_can_only_be_replaced_where_whole_days_are_asked_for(ga4):
    with pytest.raises(
        UserError, match=r"replaces: `window` with `since`, `until` and `format` day is needed beside it"
    ):
        ga4.configure("entities: {traffic: {", "entities: {traffic: {window: {format: iso}, ")
