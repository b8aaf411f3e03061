"""Each system that is read page by page, with what a test must know of it: how to fill it, and what raw calls its records."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vendors import hubspot, klaviyo, loyalty, salesforce, stripe, surveymonkey, twilio, typeform, woocommerce, zendesk
from vendors.server import Vendor

WOOCOMMERCE = (Path(__file__).parents[3] / "examples" / "woocommerce" / "retain.yml").read_text()


@dataclass(frozen=True)
class System:
    """`put(vendor, n, at)` gives the vendor its record n, new or changed at that time; `key(n)` is what raw calls it.

    `first` is the number of the request for the first page: others may ask for a token before.
    """

    vendor: type[Vendor]
    kind: str
    root: str
    entity: str
    id_field: str
    put: Callable[[Any, int, datetime], None]
    needs: dict[str, str]
    more: str = ""
    key: Callable[[int], str] = str
    first: int = 1

    def described(self, made: Callable[..., Any]) -> Any:
        """A warehouse that loads from it, in pages of two or three records."""
        return made(self.vendor(), self.kind, self.root, self.more, **self.needs)


def pages(entity: str, size: str) -> str:
    return f"    entities: {{{entity}: {{params: {{{size}}}}}}}\n"


def woocommerces_customers() -> str:
    """What the example says of them, with two records a page."""
    text = WOOCOMMERCE.partition("    timezone: UTC")[2].partition("      products:\n")[0]
    return "    timezone: UTC" + text.replace("size: 100", "size: 2")


def put_klaviyo(vendor: Any, number: int, at: datetime) -> None:
    vendor.put(str(number), "Received Email", "P1", at)


def put_smile(vendor: Any, number: int, at: datetime) -> None:
    row = {"id": number, "customer_id": 7, "points_change": 100, "description": "An order", "internal_note": None}
    vendor.put("points_transactions", row, at)


def put_lion(vendor: Any, number: int, at: datetime) -> None:
    person = {"id": 1, "merchant_id": "w7", "email": "a@x.am", "points_pending": 0, "points_approved": 100}
    row = {"id": number, "customer": person, "resource": "activity", "points_approved": 100, "points_pending": 0}
    vendor.put("transactions", row, at)


def put_woocommerce(vendor: Any, number: int, at: datetime) -> None:
    billing = {"phone": "", "country": "DE", "state": "BE", "city": "Berlin"}
    person = {"id": number, "email": f"c{number}@x.am", "first_name": "Ani", "last_name": "S", "billing": billing}
    vendor.put("customers", person, at)


def put_sms(vendor: Any, number: int, at: datetime) -> None:
    vendor.put(f"SM{number}", "+37491000001", at, "delivered", at)


def put_survey(vendor: Any, number: int, at: datetime) -> None:
    vendor.put(str(number), at, surveymonkey.stars(number % 5 + 1))


SURVEY = {"survey": surveymonkey.SURVEY, "question": "7", "kind": "csat", "lowest": "1", "highest": "5"}
FORM = {"form": "f0rm", "question": "how-was-it", "kind": "nps", "lowest": "0", "highest": "10"}
LET_IN = '{type: client_credentials, token_url: "{url}/services/oauth2/token", client_id: "%s", client_secret: "%s"}'

SYSTEMS = {
    "hubspot": System(
        hubspot.HubSpot, "hubspot", hubspot.ROOT.rstrip("/"), "customers", "customer_id",
        lambda vendor, number, at: vendor.put("contacts", number, at, firstname="Ann", lastname=str(number)),
        {"token": hubspot.TOKEN}, pages("customers", "limit: 3"),
    ),
    "klaviyo": System(
        klaviyo.Klaviyo, "klaviyo", "/api", "sends", "send_id", put_klaviyo, {"token": klaviyo.TOKEN},
        pages("sends", '"page[size]": 2'),
    ),
    "loyaltylion": System(
        loyalty.LoyaltyLion, "loyaltylion", "/v2", "loyalty_entries", "entry_id", put_lion,
        {"token": loyalty.TOKEN, "shop": "web"}, pages("loyalty_entries", "limit: 2"),
    ),
    "salesforce": System(
        salesforce.Salesforce, "salesforce", salesforce.ROOT, "customers", "customer_id",
        lambda vendor, number, at: vendor.put("Contact", f"003{number:020}", at, Name=f"Ann {number}"),
        {"domain": "shop", "client_id": salesforce.CLIENT, "client_secret": salesforce.SECRET,
         "auth": LET_IN % (salesforce.CLIENT, salesforce.SECRET)},
        key=lambda number: f"003{number:020}", first=2,
    ),
    "smile": System(
        loyalty.SmileIo, "smile", "/v1", "loyalty_entries", "entry_id", put_smile, {"token": loyalty.TOKEN},
        pages("loyalty_entries", "limit: 2"),
    ),
    "stripe": System(
        stripe.Stripe, "stripe", "/v1", "payments", "payment_id",
        lambda vendor, number, at: vendor.charge(f"ch_{number}", at, 1000, order=str(number)),
        {"token": stripe.KEY, "shop": "web"}, pages("payments", "limit: 3"), key=lambda number: f"ch_{number}",
    ),
    "surveymonkey": System(
        surveymonkey.SurveyMonkey, "surveymonkey", "/v3", "feedback", "feedback_id", put_survey,
        {"token": surveymonkey.TOKEN, **SURVEY}, pages("feedback", "per_page: 2"),
    ),
    "twilio": System(
        twilio.Twilio, "twilio", "/2010-04-01", "sends", "send_id", put_sms,
        {"account": twilio.ACCOUNT, "token": twilio.TOKEN}, pages("sends", "PageSize: 2"), key=lambda number: f"SM{number}",
    ),
    "typeform": System(
        typeform.Typeform, "typeform", "", "feedback", "feedback_id",
        lambda vendor, number, at: vendor.put(str(number), at, number % 11), {"token": typeform.TOKEN, **FORM},
        pages("feedback", "page_size: 2"),
    ),
    "woocommerce": System(
        woocommerce.WooCommerce, "rest", woocommerce.ROOT.rstrip("/"), "customers", "customer_id", put_woocommerce,
        {"auth": f'{{type: basic, user: "{woocommerce.KEY}", password: "{woocommerce.SECRET}"}}'},
        woocommerces_customers(),
    ),
    "zendesk": System(
        zendesk.Zendesk, "zendesk", "/api/v2", "tickets", "ticket_id",
        lambda vendor, number, at: vendor.put("tickets", zendesk.ticket(number, 101), at),
        {"subdomain": "shop", "user": zendesk.USER, "token": zendesk.TOKEN}, pages("tickets", "per_page: 3"),
    ),
}  # fmt: skip
