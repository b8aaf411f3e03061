"""A system that is described already needs its name and its secrets in retain.yml, and takes what else is said there."""

import re
from pathlib import Path

import pytest

from retain.config import load_settings
from retain.config.ready_made import description_of, ready_made
from retain.entities import ENTITIES
from retain.errors import UserError

HEAD = "business: {timezone: UTC, reporting_currency: EUR}\nwarehouse: {folder: state}\nsources:\n"
PAGES = Path(__file__).parents[2] / "docs" / "sources"


@pytest.fixture
def load(tmp_path):
    def loaded(*lines: str):
        path = tmp_path / "retain.yml"
        path.write_text(HEAD + "".join(f"  {line}\n" for line in lines))
        return load_settings(path, {"SECRET": "open sesame"})

    return loaded


DESK = ("- name: desk", "  type: zendesk", "  subdomain: shop", "  user: a@b.c", '  token: "${SECRET}"')


GIVEN = {"timezone": "UTC", "first_day": "2024-01-01", "currency": "EUR"}  # what may not be anything


@pytest.mark.parametrize("kind", list(ready_made()))
def test_every_description_is_a_source_that_retain_can_read_and_has_a_page(load, kind):
    needs = description_of(kind).get("needs", {})
    source = load("- name: one", f"  type: {kind}", *(f"  {key}: {GIVEN.get(key, 7)}" for key in needs)).source("one")
    assert source.type == "rest"
    assert set(source.entities) <= set(ENTITIES)
    assert "{" not in source.url
    for key in needs:
        with pytest.raises(UserError, match=f"6?  sources.one.{key}: this key is needed. "):
            load(
                "- name: one",
                f"  type: {kind}",
                *(f"  {other}: {GIVEN.get(other, 7)}" for other in needs if other != key),
            )
    page = (PAGES / f"{kind}.md").read_text()
    assert all(f" {key}:" in page for key in needs)


def test_only_the_entities_that_are_named_are_read_and_what_is_said_of_them_takes_the_place(load):
    own = (
        "  entities:",
        "    tickets:",
        "      fields: {topic: subject}",
        "      defaults: {channel: phone}",
        "  overlap_minutes: 5",
    )
    source = load(*DESK, *own).source("desk")
    assert (list(source.entities), source.overlap_minutes) == (["tickets"], 5)
    tickets = source.entities["tickets"]
    assert (tickets.fields["topic"], tickets.fields["ticket_id"]) == ("subject", "id")
    assert (tickets.defaults["channel"], "channel" in tickets.fields) == ("phone", False)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("  satisfaction: stars",), '9  sources.desk.satisfaction: found "stars"; allowed: surveys, ratings'),
        (("  entities: {visits: }",), "9  sources.desk.entities.visits: zendesk has no visits; allowed: customers, tickets, feedback"),
        (("  entities: {tickets: {fields: {subject: subject}}}",), "sources.desk.entities.tickets.fields.subject: tickets has no field"),
        (("  entities: {tickets: {recrods: tickets}}",), "no such key"),
        (("  colour: red",), "9  sources.desk.colour: no such key"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_its_line_and_without_the_secret(load, lines, words):
    with pytest.raises(UserError) as refused:
        load(*DESK, *lines)
    assert words in str(refused.value)
    assert "open sesame" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "region", "host"),
    [
        ("mixpanel", "", "data.mixpanel.com"),
        ("mixpanel", "eu", "data-eu.mixpanel.com"),
        ("mixpanel", "in", "data-in.mixpanel.com"),
        ("amplitude", "", "amplitude.com"),
        ("amplitude", "eu", "analytics.eu.amplitude.com"),
    ],
)
def test_a_region_is_an_address(load, kind, region, host):
    needs = [f"  {key}: {GIVEN.get(key, 7)}" for key in description_of(kind)["needs"]]
    one = load("- name: one", f"  type: {kind}", *needs, *([f"  region: {region}"] if region else [])).source("one")
    assert one.url.startswith(f"https://{host}/api/2")


def test_a_type_that_is_asked_at_another_address_may_link_to_its_own(load):
    given = ("- name: one", "  type: klaviyo", "  token: pk")
    assert load(*given).source("one").links_at is None
    assert load(*given, "  url: https://gateway.example/k").source("one").links_at == "https://a.klaviyo.com/api"


def test_a_region_that_is_none_is_told_with_those_that_are(load):
    needs = [f"  {key}: {GIVEN.get(key, 7)}" for key in description_of("mixpanel")["needs"]]
    with pytest.raises(UserError, match=r'sources.one.region: found "ue"; allowed: us, eu, in'):
        load("- name: one", "  type: mixpanel", *needs, "  region: ue")


def test_a_key_that_is_missing_is_told_once_and_what_it_would_fill_not_at_all(load):
    with pytest.raises(UserError) as refused:
        load("- name: one", "  type: google_analytics_traffic", "  property: 12", "  key_file: key.json")
    told = re.findall(r"sources\.one\.(\S+):", str(refused.value))
    assert told == ["currency", "first_day", "timezone"]


def test_a_type_that_is_none_is_told_with_those_that_are(load):
    with pytest.raises(UserError, match=r"allowed: sql, files, rest, .*zendesk.*did you mean zendesk"):
        load("- {name: desk, type: zendex, subdomain: shop}")


@pytest.mark.parametrize("kind", list(ready_made()))
def test_every_description_has_an_example_that_can_be_used_as_it_stands(kind):
    path = Path(__file__).parents[2] / "examples" / kind / "retain.yml"
    named = re.findall(r"\$\{(\w+)\}", path.read_text())
    settings = load_settings(path, dict.fromkeys(named, "open-sesame"))
    assert named
    assert {source.type for source in settings.sources} == {"rest"}
