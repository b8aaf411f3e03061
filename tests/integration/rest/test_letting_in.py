"""How a `rest` source is let in, what is said when it is not, and that a secret is in no log, no error and no table."""

import logging
from datetime import UTC, datetime

import pytest
from vendors.any_system import CLIENT, SECRET
from vendors.server import Answer

from retain.sources import open_source

BEARER = 'auth: {type: bearer, token: "${CRM_TOKEN}"}'
AUTHS = {
    "bearer": BEARER,
    "header": 'auth: {type: api_key, key: "${CRM_TOKEN}", header: X-Api-Key}',
    "query": 'auth: {type: api_key, key: "${CRM_TOKEN}", query: api_key}',
    "basic": f'auth: {{type: basic, user: {CLIENT}, password: "${{CRM_TOKEN}}"}}',
    "client_credentials": f'auth: {{type: client_credentials, token_url: URL/token, client_id: {CLIENT}, client_secret: "${{CRM_TOKEN}}"}}',
}


def let_in_by(crm, auth):
    crm.system.auth = auth
    crm.configure(BEARER, AUTHS[auth].replace("URL", crm.system.url))


@pytest.fixture
def nothing_leaks(crm, caplog):
    """At the end: the secret is in no log, however much is logged, and in no row of the warehouse."""
    caplog.set_level(logging.DEBUG)
    yield
    assert SECRET not in caplog.text
    tables = crm.ask(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('ops', 'landing', 'raw', 'gate')"
    )
    for (table,) in tables:
        assert crm.ask(f"select count(*) from {table} as kept where kept::text like '%{SECRET}%'") == [(0,)], table


@pytest.mark.parametrize("auth", AUTHS)
def test_each_way_of_being_let_in_reads_everything(crm, auth, nothing_leaks):
    let_in_by(crm, auth)
    crm.fill(5)
    assert crm.load().status == "published"
    assert set(crm.raw()) == crm.there()


@pytest.mark.parametrize("auth", AUTHS)
def test_a_secret_that_is_not_accepted_is_told_without_it(crm, auth, nothing_leaks, monkeypatch):
    let_in_by(crm, auth)
    crm.fill(2)
    monkeypatch.setattr("vendors.any_system.SECRET", "another one")
    outcome = crm.load()
    assert outcome.status == "unreadable"
    assert "does not accept the credentials (401" in outcome.message
    assert "Make a new one at the system" in outcome.message
    assert SECRET not in outcome.message


def test_a_token_that_ends_early_is_renewed_and_the_walk_goes_on(crm, nothing_leaks):
    let_in_by(crm, "client_credentials")
    crm.system.paging = "cursor"
    crm.configure("paging: {style: page}", "paging: {style: cursor, param: after, next: next}")
    crm.fill(7)
    crm.system.instead[4] = lambda request: crm.system.tokens.append("withdrawn")
    assert crm.load().status == "published"
    assert set(crm.raw()) == crm.there()
    assert [request.path for request in crm.system.requests].count("/token") == 2


def test_a_key_that_the_system_repeats_in_its_links_is_not_kept(crm, nothing_leaks):
    let_in_by(crm, "query")
    crm.system.paging = "next_link"
    crm.configure("paging: {style: page}", "paging: {style: next_link, next: next}")
    crm.fill(7)
    crm.system.always = lambda request: Answer(b"", 500) if request.params.get("page") == "3" else None
    outcome = crm.load()
    assert "fails (500), again and again" in outcome.message
    assert SECRET not in outcome.message
    assert crm.ask("select progress is not null from ops.loads") == [(True,)]
    crm.system.always = None
    crm.load()
    assert set(crm.raw()) == crm.there()
    assert all(list(request.params).count("api_key") == 1 for request in crm.system.requests)


def test_a_secret_goes_to_no_other_host(crm, nothing_leaks):
    crm.fill(2)
    crm.configure("paging: {style: page}", "paging: {style: next_link, next: next}")
    elsewhere = crm.system.url.replace("127.0.0.1", "localhost")
    items = crm.system.records["orders"]["1"][1]
    crm.system.always = lambda request: Answer(
        f'{{"data": {{"items": [{items}]}}, "next": "{elsewhere}/api/orders?page=2"}}'.encode()
    )
    assert "the next page is said to be at http://localhost" in crm.load().message
    crm.system.always = lambda request: Answer(b"", 302, {"location": f"{elsewhere}/login?token={SECRET}"})
    assert "sends us on to localhost, and a secret does not follow" in crm.load().message
    assert all(request.headers["host"].startswith("127.0.0.1") for request in crm.system.requests)


def test_a_link_to_the_address_that_is_asked_at_another_one_is_followed_there(crm, nothing_leaks):
    crm.fill(7)
    crm.system.paging = "next_link"
    crm.configure("paging: {style: page}", "paging: {style: next_link, next: next}")
    crm.configure("    url:", "    links_at: http://shop.example/v1\n    url:")

    def as_the_system_links(request):
        answer = crm.system.answer(request)
        return Answer(answer.body.replace(f"{crm.system.url}/api".encode(), link.encode()), answer.status)

    crm.system.always = as_the_system_links
    link = "http://shop.example/v12"
    assert "the next page is said to be at http://shop.example" in crm.load().message
    link = "http://shop.example/v1"
    assert crm.load().status == "published"
    assert set(crm.raw()) == crm.there()
    assert all(request.headers["host"].startswith("127.0.0.1") for request in crm.system.requests)


def test_what_may_not_be_read_and_what_is_not_there_are_told_apart(crm):
    for status, words in (
        (403, "may not be read with these credentials (403: plan too small). Ask the system's owner for the right"),
        (404, "is not there (404: plan too small). Check `url`, with the name of the shop and the version"),
        (410, "is no longer there (410: plan too small)"),
        (422, "refused the request (422: plan too small)"),
    ):
        crm.system.always = lambda request, status=status: Answer(b'{"error": "plan too small"}', status)
        assert words in crm.load().message
    assert len(crm.system.requests) == 4  # asking again would not help


def test_a_system_that_does_not_answer_is_told_by_its_host(crm):
    crm.configure("/api\n", "/api \n")
    crm.configure(crm.system.url, "http://127.0.0.1:1")
    outcome = crm.load()
    assert outcome.message.startswith("Source crm: http://127.0.0.1:1 does not answer")


def test_it_is_asked_no_faster_than_its_rate(crm):
    crm.configure("overlap_minutes: 10", "overlap_minutes: 10\n    rate: {requests: 2, seconds: 1}")
    crm.system.paging = "cursor"
    crm.configure("paging: {style: page}", "paging: {style: cursor, param: after, next: next}")
    crm.fill(12)
    began = datetime.now(UTC)
    list(
        open_source(crm.settings, "crm")
        .read(open_source(crm.settings, "crm").plan("orders", None, began))
        .__enter__()
        .steps
    )
    assert (datetime.now(UTC) - began).total_seconds() > 0.9
    assert len(crm.system.requests) == 4
