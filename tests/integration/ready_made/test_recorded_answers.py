"""Answers as real systems send them, field by field and header by header, through the sources that read them."""

from datetime import UTC, datetime, timedelta

import pytest
from vendors.recorded import Exchange, Recorded

ZENDESK = {"subdomain": "shop", "user": "admin@shop.example", "token": "t"}
NEAR = datetime.now(UTC) - timedelta(days=3)


def milliseconds(at):
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def survey_response(key, ticket, *answers):
    """As Zendesk lists one: the responder is a text, and nothing but its answers says when."""
    return {
        "answers": list(answers),
        "expires_at": milliseconds(NEAR + timedelta(days=28)),
        "id": key,
        "responder_id": "39771850790000",
        "subject_zrns": [f"zen:ticket:{ticket}"],
        "subjects": [{"id": str(ticket), "type": "ticket", "zrn": f"zen:ticket:{ticket}"}],
        "survey": {"id": "01M4FMXHBW5WHJ6D7BEMA0RZ00", "state": "enabled", "version": 1},
    }


def survey_answer(kind, asked, **said):
    times = {"created_at": milliseconds(NEAR), "updated_at": milliseconds(NEAR)}
    return {**times, "question": {"id": f"01M4{asked}", **said.pop("question", {"type": kind})}, "type": kind, **said}


def rated(score):
    question = {"sub_type": "customer_satisfaction", "type": "rating_scale_numeric"}
    return survey_answer("rating_scale", "Q1", rating=score, rating_category="good", question=question)


@pytest.fixture
def zendesk(described):
    def made(*exchanges):
        return described(Recorded(*exchanges), "zendesk", "/api/v2", **ZENDESK)

    return made


def test_survey_responses_of_zendesk_are_paged_by_cursor_and_asked_for_in_milliseconds(zendesk):
    path = "/api/v2/guide/survey_responses"
    first = {
        "meta": {"after_cursor": "01M4C", "before_cursor": "01M4A", "has_more": True},
        "survey_responses": [
            survey_response("01M4A", 6, rated(5), survey_answer("open_ended", "Q2", value="Quick reply, thanks.")),
            survey_response("01M4B", 2),  # was sent, and not answered
            survey_response(
                "01M4C",
                3,
                rated(1),
                survey_answer("closed_ended", "Q3", selections=[{"option_id": "01M4O", "type": "predefined"}]),
                survey_answer("skipped", "Q2", question={"type": "open_ended"}),
            ),
        ],
    }
    second = {
        "meta": {"after_cursor": "01M4D", "before_cursor": "01M4D", "has_more": False},
        "survey_responses": [survey_response("01M4D", 7, rated(3))],
    }
    shop = zendesk(Exchange(path, first), Exchange(path, second, {"page[after]": "01M4C"}))
    outcome = shop.load("feedback")
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    assert shop.ask(
        "select feedback_id, customer_id, ticket_id, score::int, answered_at from raw.feedback order by 1"
    ) == [
        (key, "39771850790000", ticket, score, datetime.fromisoformat(milliseconds(NEAR)))
        for key, ticket, score in (("01M4A", "6", 5), ("01M4C", "3", 1), ("01M4D", "7", 3))
    ]
    until = int(shop.vendor.requests[0].params["filter[created_at_end]"])
    assert abs(datetime.fromtimestamp(until / 1000, UTC) - datetime.now(UTC)) < timedelta(minutes=10)


def klaviyo_event(key, metric, at, **properties):
    """As Klaviyo lists one: what it is about stands beside it, with links that nobody needs."""

    def about(name, number):
        links = {
            way: f"https://a.klaviyo.com/api/events/{key}/{path}/"
            for way, path in (("self", f"relationships/{name}"), ("related", name))
        }
        return {"data": {"type": name, "id": number}, "links": links}

    told = {
        "$ESP": 0,
        "$message": "UupF00",
        "$event_id": f"UupF00:{key}",
        "Campaign Name": "Spring letter",
        **properties,
    }
    return {
        "type": "event",
        "id": key,
        "attributes": {
            "timestamp": int(at.timestamp()),
            "event_properties": told,
            "datetime": at.isoformat(),
            "uuid": "9496ee00-7c2b-11ec-8001-000000000000",
        },
        "relationships": {
            "profile": about("profile", "01QqXc"),
            "metric": about("metric", metric),
            "attributions": {"data": []},
        },
        "links": {"self": f"https://a.klaviyo.com/api/events/{key}/"},
    }


def test_events_of_klaviyo_are_read_page_after_page_though_the_links_name_its_own_address(described):
    sent, cohort = NEAR.replace(microsecond=0), {"$_cohort$message_send_cohort": "1642928713:UupF00"}
    included = [
        {"type": "metric", "id": "Qfbz00", "attributes": {"name": "Received Email"}, "links": {"self": "…"}},
        {"type": "metric", "id": "Ropn00", "attributes": {"name": "Opened Email"}, "links": {"self": "…"}},
        {"type": "profile", "id": "01QqXc", "attributes": {"email": "ana@x.am", "phone_number": None}},
    ]
    opened = klaviyo_event("32CL00", "Ropn00", sent + timedelta(minutes=5), machine_open=True, **cohort)
    link = "https://a.klaviyo.com/api/events?page%5Bcursor%5D=bmV4dA&include=metric%2Cprofile&page%5Bsize%5D=1"
    first = {
        "data": [klaviyo_event("32CL01", "Qfbz00", sent, Subject="Hello", **cohort)],
        "included": included,
        "links": {"self": "https://a.klaviyo.com/api/events", "first": None, "last": None, "prev": None, "next": link},
    }
    second = {"data": [opened], "included": included, "links": {"self": link, "prev": link, "next": None}}
    limits = {"RateLimit-Limit": "350, 350;w=1, 3500;w=60", "RateLimit-Remaining": "3499", "RateLimit-Reset": "0"}
    kind = "application/vnd.api+json"
    vendor = Recorded(
        Exchange("/api/events", first, headers=limits, content_type=kind),
        Exchange("/api/events", second, {"page[cursor]": "bmV4dA"}, headers=limits, content_type=kind),
    )
    shop = described(vendor, "klaviyo", "/api", token="pk")
    outcome = shop.load("sends")
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    assert shop.ask(
        "select send_id, email, campaign, happened_at, delivered_at is not null, opened_at is not null from raw.sends order by 1"
    ) == [
        ("32CL00", "ana@x.am", "Spring letter", sent + timedelta(minutes=5), False, True),
        ("32CL01", "ana@x.am", "Spring letter", sent, True, False),
    ]
    assert shop.ask("select count(distinct message_id) from raw.sends") == [(1,)]


def test_contacts_of_hubspot_are_read_with_what_it_leaves_out_and_what_it_empties(described):
    def contact(number, **properties):
        stamps = {"createdate": milliseconds(NEAR), "hs_object_id": number, "lastmodifieddate": milliseconds(NEAR)}
        return {
            "archived": False,
            "createdAt": milliseconds(NEAR),
            "id": number,
            "properties": {**stamps, **properties},
            "updatedAt": milliseconds(NEAR),
            "url": f"https://app-na2.hubspot.com/contacts/247620000/record/0-1/{number}",
        }

    link = "https://api.hubapi.com/crm/objects/2026-09/contacts?limit=1&after=565212780001"
    first = {
        "paging": {"next": {"after": "565212780001", "link": link}},
        "results": [contact("565212780000", email="owner@x.am", firstname="Grace", lastname="T", phone=None)],
    }
    second = {
        "results": [
            contact("565212780001", email=None, firstname="", lastname=None, phone="+37491000001", mobilephone="")
        ]
    }
    limits = {
        "X-HubSpot-RateLimit-Daily-Remaining": "249664",
        "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        "X-HubSpot-RateLimit-Remaining": "0",
    }
    path = "/crm/objects/2026-09/contacts"
    vendor = Recorded(
        Exchange(path, first, headers=limits), Exchange(path, second, {"after": "565212780001"}, headers=limits)
    )
    account = described(vendor, "hubspot", "/crm/objects/2026-09", token="pat")
    outcome = account.load("customers")
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    assert account.ask("select customer_id, email, full_name, phone from raw.customers order by 1") == [
        ("565212780000", "owner@x.am", "Grace T", None),
        ("565212780001", None, None, "+37491000001"),
    ]


def test_tickets_of_zendesk_are_read_whether_they_have_metrics_a_type_and_a_priority(zendesk):
    def ticket(number, status, **more):
        return {
            "id": number,
            "external_id": None,
            "created_at": f"{NEAR:%Y-%m-%dT%H:%M:%SZ}",
            "updated_at": f"{NEAR:%Y-%m-%dT%H:%M:%SZ}",
            "generated_timestamp": int(NEAR.timestamp()),
            "requester_id": 39771664570000,
            "status": status,
            "type": None,
            "priority": None,
            "tags": [],
            "satisfaction_rating": {"score": "unoffered"},
            "via": {"channel": "email", "source": {"from": {"address": "c@x.am"}, "rel": None, "to": {}}},
            **more,
        }

    metrics = {
        "reply_time_in_minutes": {"business": 0, "calendar": 7},
        "full_resolution_time_in_minutes": {"business": None, "calendar": None},
        "solved_at": f"{NEAR + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "reopens": 0,
    }
    body = {
        "tickets": [ticket(1, "open"), ticket(2, "solved", metric_set=metrics), ticket(3, "deleted", metric_set=None)],
        "after_cursor": "MTc5MTQ5NDA2MC4wfHwz",
        "after_url": "https://shop.zendesk.com/api/v2/incremental/tickets/cursor.json?cursor=MTc5MTQ5NDA2MC4wfHwz",
        "before_cursor": None,
        "before_url": None,
        "end_of_stream": True,
    }
    limits = {
        "ratelimit-remaining": "382",
        "ratelimit-reset": "38",
        "zendesk-ratelimit-incremental-exports": "total=10; remaining=0; resets=38",
    }
    shop = zendesk(Exchange("/api/v2/incremental/tickets/cursor.json", body, headers=limits))
    outcome = shop.load("tickets")
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    replied, solved = (
        datetime.fromisoformat(f"{NEAR + later:%Y-%m-%dT%H:%M:%SZ}")
        for later in (timedelta(minutes=7), timedelta(hours=1))
    )
    assert shop.ask(
        "select ticket_id, status, first_replied_at, solved_at, is_deleted from raw.tickets order by 1"
    ) == [
        ("1", "open", None, None, False),
        ("2", "solved", replied, solved, False),
        ("3", "closed", None, None, True),
    ]
