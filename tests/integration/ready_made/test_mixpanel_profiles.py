"""Profiles of a Mixpanel project: pages of one answer, read whole each time, of those who can be known."""

from urllib.parse import parse_qsl

import pytest
from vendors.mixpanel import PROJECT, SECRET, USER, Mixpanel
from vendors.server import HTML, Answer

from retain.source_checks import check_source

KILLED = Answer(b"{}", cut_after=0)


@pytest.fixture
def project(described):
    vendor = Mixpanel()
    vendor.page_size = 3
    more = "    entities: {customers: {paging: {size: 3}}}\n"
    return described(vendor, "mixpanel_profiles", "/api/query", more, project=f"'{PROJECT}'", user=USER, secret=SECRET)


def fill(vendor, count):
    for number in range(1, count + 1):
        vendor.profiles[f"u{number:03}"] = {"$email": f"{number}@x.am", "$name": f"Ann {number}"}


def is_complete(one):
    there = {who: told["$email"] for who, told in one.vendor.profiles.items() if "$email" in told}
    assert dict(one.ask("select customer_id, email from raw.customers where email is not null")) == there
    assert one.does_not_add_up() == []


def form_of(request):
    return dict(parse_qsl(request.body.decode()))


def pages(one):
    asked = map(form_of, one.vendor.requests)
    return [(form.get("page"), form.get("session_id")) for form in asked]


def test_who_can_be_known_is_a_customer_and_nobody_else(project):
    fill(project.vendor, 7)
    project.vendor.profiles["12345678901234567890"] = {
        "$phone": "+37491000001", "$first_name": "Ani", "$last_name": "S", "$city": "Gyumri", "$country_code": "AM",
    }  # fmt: skip
    project.vendor.profiles["$device:9"] = {"$city": "Yerevan"}
    outcome = project.load("customers")
    assert (outcome.status, outcome.rows_sent, outcome.rows_quarantined) == ("published", 9, 0), outcome.message
    is_complete(project)
    assert project.ask(
        "select customer_id, phone, full_name, city, country from raw.customers where phone is not null"
    ) == [("12345678901234567890", "+37491000001", "Ani S", "Gyumri", "AM")]
    assert pages(project) == [("0", None), ("1", "1-EXAMPL"), ("2", "1-EXAMPL")]  # and none behind the last one
    project.vendor.profiles["u003"]["$email"] = "new@x.am"
    assert project.load("customers").rows_changed == 1
    is_complete(project)
    assert project.load("customers").rows_changed == 0


def test_what_changes_while_pages_are_read_takes_no_other_profile_with_it(project):
    fill(project.vendor, 8)
    project.vendor.instead[2] = lambda request: project.vendor.profiles.pop("u001") and None
    assert project.load("customers").rows_sent == 8
    assert len(project.ask("select 1 from raw.customers")) == 8


@pytest.mark.parametrize(("count", "asked_for"), [(8, ["2"]), (9, ["2", "3"])])
def test_a_crash_between_pages_costs_the_running_page_alone(project, count, asked_for):
    """Behind the first page nobody says how many there are: a last page that is full is known by the empty one after it."""
    fill(project.vendor, count)
    for answer in (KILLED, HTML, Answer(b'{"results": [{"$dis'), Answer(b"", 503), Answer(b'{"error": "later"}')):
        project.vendor.always = lambda request, answer=answer: answer if form_of(request).get("page") == "2" else None
        assert project.load("customers").status == "unreadable"
    project.vendor.always = None
    project.vendor.forget_requests()
    assert project.load("customers").rows_sent == count
    assert pages(project) == [(page, "1-EXAMPL") for page in asked_for]
    is_complete(project)


def test_a_project_without_profiles_is_a_load_without_rows_and_an_answer_without_a_total_none(project):
    assert (project.load("customers").status, project.load("customers").rows_sent) == ("published", 0)
    fill(project.vendor, 2)
    project.vendor.always = lambda request: Answer(
        b'{"results": [{"$distinct_id": "u1", "$properties": {}}], "session_id": "s"}'
    )
    assert "no total, which says how many records there are" in project.load("customers").message
    project.vendor.always = None
    project.load("customers")
    is_complete(project)


def test_check_says_what_is_wrong(project, monkeypatch):
    fill(project.vendor, 2)
    assert [one for one in check_source(project.settings, "one") if one.state == "wrong"] == []
    monkeypatch.setattr("vendors.mixpanel.PROJECT", "another")
    (finding,) = check_source(project.settings, "one")
    assert "(400" in finding.sentence
    assert "Check `project`" in finding.to_do
    monkeypatch.setattr("vendors.mixpanel.SECRET", "another")
    (finding,) = check_source(project.settings, "one")
    assert "does not accept the credentials (401: Invalid service account credentials)" in finding.sentence
    assert SECRET not in finding.sentence + finding.to_do
