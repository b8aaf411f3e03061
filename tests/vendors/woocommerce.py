"""A WooCommerce shop's REST API v3: Basic auth, numbered pages with totals, filters by GMT, a trash, guests, refunds apart."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from vendors.server import Answer, Request, Vendor

KEY, SECRET = "ck_of_the_shop", "cs_of_the_shop"
SITE = ZoneInfo("Europe/Berlin")
ROOT = "/wp-json/wc/v3/"
LISTS = ("customers", "products", "orders", "refunds")
KNOWN = {
    "customers": {"page", "per_page", "orderby", "order", "role"},
    "products": {
        "page",
        "per_page",
        "orderby",
        "order",
        "status",
        "modified_after",
        "modified_before",
        "dates_are_gmt",
    },
    "orders": {"page", "per_page", "orderby", "order", "status", "modified_after", "modified_before", "dates_are_gmt"},
    "refunds": {"page", "per_page", "orderby", "order"},
}


class WooCommerce(Vendor):
    """`things` by list and id. A parameter that it does not know is ignored; bounds are not counted in."""

    def __init__(self) -> None:
        super().__init__()
        self.things: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in LISTS}

    def put(self, name: str, thing: dict[str, Any], modified: datetime) -> None:
        """Store a thing; its four dates are written as WooCommerce does, to the second, two of them in the site's time."""
        whole = modified.replace(microsecond=0)
        created = (
            self.things[name].get(thing["id"], {}).get("date_created_gmt")
            or f"{whole.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
        )
        local = datetime.fromisoformat(created).replace(tzinfo=UTC).astimezone(SITE)
        dates = {
            "date_created": f"{local:%Y-%m-%dT%H:%M:%S}",
            "date_created_gmt": created,
            "date_modified": f"{whole.astimezone(SITE):%Y-%m-%dT%H:%M:%S}",
            "date_modified_gmt": f"{whole.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
        }
        self.things[name][thing["id"]] = {**thing, **dates}

    def delete(self, name: str, number: int) -> None:
        del self.things[name][number]

    def answer(self, request: Request) -> Answer:
        expected = f"Basic {b64encode(f'{KEY}:{SECRET}'.encode()).decode()}"
        if request.headers.get("authorization") != expected:
            return _refusal(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        name = request.path.removeprefix(ROOT)
        if name not in LISTS:
            return _refusal(404, "rest_no_route", "No route was found matching the URL and request method.")
        found = self._found(name, {key: value for key, value in request.params.items() if key in KNOWN[name]})
        size, page = int(request.params.get("per_page", 10)), int(request.params.get("page", 1))
        if size > 100:
            return _refusal(400, "rest_invalid_param", "Invalid parameter(s): per_page")
        shown = found[(page - 1) * size : page * size]
        pages = -(-len(found) // size)
        return Answer(
            json.dumps(shown).encode(), headers={"x-wp-total": str(len(found)), "x-wp-totalpages": str(pages)}
        )

    def _found(self, name: str, params: dict[str, str]) -> list[dict[str, Any]]:
        zone = UTC if params.get("dates_are_gmt") == "true" else SITE
        low, high = (_moment(params.get(bound), zone) for bound in ("modified_after", "modified_before"))
        return [
            thing
            for _, thing in sorted(self.things[name].items())
            if thing.get("status") != "trash"
            and (low is None or _modified(thing) > low)
            and (high is None or _modified(thing) < high)
        ]


def _modified(thing: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(thing["date_modified_gmt"]).replace(tzinfo=UTC)


def _moment(text: str | None, zone: Any) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _refusal(status: int, code: str, message: str) -> Answer:
    return Answer(json.dumps({"code": code, "message": message, "data": {"status": status}}).encode(), status)


def order(
    number: int, customer: int = 0, total: str = "129.90", status: str = "completed", **more: Any
) -> dict[str, Any]:
    """An order of goods for 100.00, 5.00 off, 19.90 tax and 15.00 shipping, as the documentation shows one."""
    return {
        "id": number, "status": status, "currency": "EUR", "customer_id": customer, "created_via": "checkout",
        "discount_total": "5.00", "discount_tax": "0.95", "shipping_total": "15.00", "total": total, "total_tax": "19.90",
        "billing": {"email": f"guest{number}@x.am", "phone": "", "state": "BE", "country": "DE"},
        "line_items": [{"id": 1, "product_id": 7, "quantity": 1, "subtotal": "100.00", "total": "95.00", "price": 95}],
        **more,
    }  # fmt: skip


def refund(
    number: int, of: int, amount: str = "11.90", goods: str | None = "-10.00", shipping: str | None = None
) -> dict[str, Any]:
    """What a refund gives back is told line by line, in negative amounts; one of an amount alone has no lines."""
    lines = [{"id": 1, "product_id": 7, "quantity": -1, "total": goods, "total_tax": "-1.90"}] if goods else []
    carried = [{"id": 2, "method_id": "flat_rate", "total": shipping, "total_tax": "0.00"}] if shipping else []
    return {
        "id": number, "parent_id": of, "amount": amount, "reason": "", "refunded_by": 1, "refunded_payment": False,
        "meta_data": [], "line_items": lines, "shipping_lines": carried, "tax_lines": [], "fee_lines": [],
    }  # fmt: skip
