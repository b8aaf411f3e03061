"""A Shopify for tests: it throttles, refuses scopes, fails in the middle, leaves people out, and gives tokens to a client."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from vendors.server import Answer, Request, Vendor

from retain.demo.vendors import server, shopify
from retain.demo.vendors.shopify import TOKENS, selection_of

TOKEN, CLIENT, SECRET = "shpat_of_the_shop", "client-of-the-shop", "shpss_of_the_shop"
SCOPE_OF = {"customers": "read_customers", "orders": "read_orders", "products": "read_products"}
SCOPE_OF_FIELD = {"customer": "read_customers", "product": "read_products", "variant": "read_products"}
PEOPLE = ("email", "phone", "firstName", "lastName", "emailAddress", "phoneNumber", "shippingAddress", "defaultAddress")
MOST_POINTS, POINTS_A_SECOND = 2000, 100
COST = 10


class Shopify(Vendor, shopify.Shopify):
    """Operations end when they are looked at for the `looks`-th time. `failing` are error codes that the next ones end with."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = [TOKEN]
        self.version = "2026-10"
        self.looks, self.failing = 1, list[str]()
        self.may_see_people = True
        self.points = float(MOST_POINTS)
        self.shuffles, self.has_size = True, True

    def put(self, connection: str, thing: dict[str, Any], changed_at: datetime) -> None:
        number = int(thing["id"].rpartition("/")[2])
        self.things[connection][number] = {**thing, "updatedAt": written(changed_at)}

    def delete(self, connection: str, number: int) -> None:
        del self.things[connection][number]

    def answer(self, request: Request) -> server.Answer:
        if request.path == "/admin/oauth/access_token":
            return self._token(request)
        return super().answer(request)

    def _token(self, request: Request) -> Answer:
        sent = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if sent != {"client_id": CLIENT, "client_secret": SECRET, "grant_type": "client_credentials"}:
            return Answer(b'{"error":"invalid_client"}', 401)
        self.tokens = [f"shpat_{len(self.tokens) + 1}"]
        return Answer(
            json.dumps({"access_token": self.tokens[0], "scope": ",".join(self.scopes), "expires_in": 86399}).encode()
        )

    def graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if self.points < COST:
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return {"errors": [error], "extensions": self._cost()}
        (name, _, inner) = selection_of(iter(TOKENS.findall(query[query.index("{") :])))[0]
        if name in SCOPE_OF:
            if denied := self._denied(name, inner):
                return {"errors": [{"message": denied, "extensions": {"code": "ACCESS_DENIED"}}]}
            return {**super().graphql(query, variables), "extensions": self._cost()}
        if name == "node":
            return {"data": {name: self._look(variables["id"])}}
        return super().graphql(query, variables)

    def _cost(self) -> dict[str, Any]:
        status = {
            "maximumAvailable": float(MOST_POINTS),
            "currentlyAvailable": int(self.points),
            "restoreRate": float(POINTS_A_SECOND),
        }
        return {"cost": {"requestedQueryCost": COST, "actualQueryCost": None, "throttleStatus": status}}

    def _denied(self, connection: str, inner: Any) -> str | None:
        fields = [SCOPE_OF[connection], *(SCOPE_OF_FIELD[name] for name in names_in(inner) if name in SCOPE_OF_FIELD)]
        missing = [scope for scope in fields if scope not in self.scopes]
        return (
            f"Access denied for {connection} field. Required access: `{missing[0]}` access scope." if missing else None
        )

    def begin(self, query: str) -> dict[str, Any]:
        ((connection, _, inner),) = selection_of(iter(TOKENS.findall(query)))
        code = "ACCESS_DENIED" if self._denied(connection, inner) else self.failing.pop(0) if self.failing else None
        answer = self.ended([], code) if code else super().begin(query)
        operation = self.operations[answer["bulkOperation"]["id"]]
        operation |= {"looks": self.looks, "query": query}
        if not self.has_size:
            operation["fileSize"] = None
        return answer

    def lines(self, connection: str, search: str, inner: Any) -> Iterator[dict[str, Any]]:
        lines = list(super().lines(connection, search, inner))
        if self.shuffles:
            lines.sort(key=lambda line: "__parentId" not in line)
        yield from lines

    def _look(self, number: str) -> dict[str, Any] | None:
        found = self.operations.get(number)
        if found is None:
            return None
        found["looks"] -= 1
        shown = {name: value for name, value in found.items() if name not in ("looks", "query")}
        return shown if found["looks"] <= 0 else {**shown, "status": "RUNNING", "url": None, "fileSize": None}

    def shown(self, thing: Any, fields: Any) -> Any:
        if isinstance(thing, dict) and fields and not self.may_see_people:
            thing = {name: None if name in PEOPLE else value for name, value in thing.items()}
        return super().shown(thing, fields)


def names_in(selection: Any) -> Iterator[str]:
    for name, _, below in selection or ():
        yield name
        yield from names_in(below)


def written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def gid(kind: str, number: object) -> str:
    return f"gid://shopify/{kind}/{number}"


def money(amount: str, currency: str = "EUR") -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}


def customer(number: object, **more: Any) -> dict[str, Any]:
    return {
        "id": gid("Customer", number), "legacyResourceId": str(number), "createdAt": "2024-05-01T08:00:00Z",
        "firstName": "Ani", "lastName": f"S{number}", "defaultPhoneNumber": None,
        "defaultEmailAddress": {"emailAddress": f"c{number}@x.am", "marketingState": "SUBSCRIBED"},
        "defaultAddress": {"countryCodeV2": "AM", "provinceCode": "ER", "city": "Yerevan"}, **more,
    }  # fmt: skip


def product(number: int, variants: tuple[int, ...] = (), price: str = "95.00", **more: Any) -> dict[str, Any]:
    own = {
        "id": gid("Product", number), "title": f"Cap {number}", "productType": "Caps", "isGiftCard": False,
        "updatedAt": "2025-03-01T09:00:00Z", "priceRangeV2": {"minVariantPrice": {"currencyCode": "EUR"}},
    }  # fmt: skip
    return {
        **own,
        "variants": [
            {
                "id": gid("ProductVariant", one), "legacyResourceId": str(one), "title": "Red" if len(variants) > 1 else "Default Title",
                "sku": f"CAP-{one}", "price": price, "updatedAt": "2025-03-01T09:00:00Z", "product": own,
            }
            for one in variants
        ],
        **more,
    }  # fmt: skip


def line(
    number: object, amount: str = "100.00", off: str = "5.00", tax: str = "19.00", rate: float = 0.2, variant: int = 71
) -> dict[str, Any]:
    return {
        "id": gid("LineItem", number), "title": "Cap", "quantity": 1, "isGiftCard": False, "product": {"id": gid("Product", 7)},
        "variant": {"id": gid("ProductVariant", variant)}, "originalTotalSet": money(amount),
        "discountAllocations": [{"allocatedAmountSet": money(off)}] if off else [],
        "taxLines": [{"rate": rate, "priceSet": money(tax)}] if tax else [],
    }  # fmt: skip


def shipping(price: str, paid: str | None = None, tax: str = "0.00", rate: float = 0.19) -> dict[str, Any]:
    """A shipping line, of which less is paid where a code makes it cheaper."""
    return {
        "originalPriceSet": money(price), "discountedPriceSet": money(paid or price),
        "taxLines": [{"rate": rate, "priceSet": money(tax)}],
    }  # fmt: skip


def order(number: object, of_customer: object = None, status: str = "PAID", **more: Any) -> dict[str, Any]:
    """An order of goods for 100.00, 5.00 off, 15.00 shipping, and 20 % tax on both, 22.00, on top of the prices."""
    return {
        "id": gid("Order", number), "legacyResourceId": str(number), "name": f"#{number}", "test": False, "cancelledAt": None,
        "createdAt": "2025-03-01T09:00:00Z", "processedAt": "2025-03-01T09:00:00Z", "displayFinancialStatus": status,
        "currencyCode": "EUR", "sourceName": "web", "email": f"guest{number}@x.am", "phone": None,
        "customer": {"id": gid("Customer", of_customer)} if of_customer else None,
        "shippingAddress": {"countryCodeV2": "DE", "provinceCode": "BE"}, "taxesIncluded": False,
        "subtotalPriceSet": money("95.00"), "totalDiscountsSet": money("5.00"), "totalTaxSet": money("22.00"),
        "totalShippingPriceSet": money("15.00"), "totalPriceSet": money("132.00"),
        "shippingLine": shipping("15.00", tax="3.00", rate=0.2),
        "totalRefundedSet": money("0.00"), "totalRefundedShippingSet": money("0.00"), "transactions": [],
        "lineItems": [line(f"{number}1")], **more,
    }  # fmt: skip


def refund(number: object, amount: str, status: str = "SUCCESS", at: str = "2025-03-05T10:00:00Z") -> dict[str, Any]:
    return {
        "id": gid("OrderTransaction", number), "kind": "REFUND", "status": status, "createdAt": at, "processedAt": at,
        "amountSet": money(amount),
    }  # fmt: skip
