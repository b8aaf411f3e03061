"""A Shopify shop's GraphQL Admin API: bulk operations with their JSONL files, costs and throttling, scopes, versions, tokens.

It reads the queries it is sent: a connection of a shop, nested connections, objects and lists; every field that is asked for
is answered, null where the thing has none.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from vendors.server import Answer, Request, Vendor

TOKEN, CLIENT, SECRET = "shpat_of_the_shop", "client-of-the-shop", "shpss_of_the_shop"
SCOPES = ("read_customers", "read_orders", "read_all_orders", "read_products")
SCOPE_OF = {"customers": "read_customers", "orders": "read_orders", "products": "read_products"}
SCOPE_OF_FIELD = {"customer": "read_customers", "product": "read_products", "variant": "read_products"}
PEOPLE = ("email", "phone", "firstName", "lastName", "emailAddress", "phoneNumber", "shippingAddress", "defaultAddress")
CHILDREN = {"lineItems", "variants"}
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_$][\w$]*|\d+|\.\.\.|[{}():!]')
MOST_POINTS, POINTS_A_SECOND = 2000, 100


class Shopify(Vendor):
    """`things` by connection and number, as JSON texts with their time of change. Operations end when they are looked at
    for the `looks`-th time. `failing` are error codes that the next operations end with."""

    def __init__(self) -> None:
        super().__init__()
        self.things: dict[str, dict[int, dict[str, Any]]] = {"customers": {}, "products": {}, "orders": {}}
        self.scopes = list(SCOPES)
        self.tokens = [TOKEN]
        self.version = "2026-10"
        self.looks, self.failing = 1, list[str]()
        self.operations: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.may_see_people = True
        self.points = float(MOST_POINTS)
        self.shuffles, self.has_size = True, True

    def put(self, connection: str, thing: dict[str, Any], changed_at: datetime) -> None:
        number = int(thing["id"].rpartition("/")[2])
        self.things[connection][number] = {**thing, "updatedAt": written(changed_at)}

    def delete(self, connection: str, number: int) -> None:
        del self.things[connection][number]

    def answer(self, request: Request) -> Answer:
        if request.path == "/admin/oauth/access_token":
            return self._token(request)
        if request.path in self.files:
            return Answer(self.files[request.path], content_type="application/jsonl")
        if not re.fullmatch(r"/admin/api/\d{4}-\d\d/graphql\.json", request.path):
            return Answer(b'{"errors":"Not Found"}', 404)
        if request.headers.get("x-shopify-access-token") not in self.tokens:
            words = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return Answer(json.dumps({"errors": words}).encode(), 401)
        asked = json.loads(request.body)
        return self._graphql(asked["query"], asked.get("variables") or {})

    def _token(self, request: Request) -> Answer:
        sent = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if sent != {"client_id": CLIENT, "client_secret": SECRET, "grant_type": "client_credentials"}:
            return Answer(b'{"error":"invalid_client"}', 401)
        self.tokens = [f"shpat_{len(self.tokens) + 1}"]
        return Answer(
            json.dumps({"access_token": self.tokens[0], "scope": ",".join(self.scopes), "expires_in": 86399}).encode()
        )

    def _graphql(self, query: str, variables: dict[str, Any]) -> Answer:
        cost = 10
        if self.points < cost:
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return self._said({"errors": [error], "extensions": self._cost(cost)})
        parsed = selection_of(iter(TOKENS.findall(query[query.index("{") :])))
        (name, arguments, inner) = parsed[0]
        if name == "bulkOperationRunQuery":
            return self._said({"data": {name: self._begin(variables["query"])}})
        if name == "node":
            return self._said({"data": {name: self._look(variables["id"])}})
        if name == "currentAppInstallation":
            scopes = [{"handle": scope} for scope in self.scopes]
            return self._said({"data": {name: {"accessScopes": scopes}}})
        if denied := self._denied(name, inner):
            return self._said({"errors": [{"message": denied, "extensions": {"code": "ACCESS_DENIED"}}]})
        newest = sorted(self.things[name].values(), key=lambda one: one["updatedAt"], reverse=True)
        nodes = [self._shown(one, of(inner, "nodes")) for one in newest[: int(arguments["first"])]]
        return self._said({"data": {name: {"nodes": nodes}}, "extensions": self._cost(cost)})

    def _said(self, answer: dict[str, Any]) -> Answer:
        return Answer(json.dumps(answer).encode(), headers={"x-shopify-api-version": self.version})

    def _cost(self, cost: int) -> dict[str, Any]:
        status = {
            "maximumAvailable": float(MOST_POINTS),
            "currentlyAvailable": int(self.points),
            "restoreRate": float(POINTS_A_SECOND),
        }
        return {"cost": {"requestedQueryCost": cost, "actualQueryCost": None, "throttleStatus": status}}

    def _denied(self, connection: str, inner: Any) -> str | None:
        fields = [SCOPE_OF[connection], *(SCOPE_OF_FIELD[name] for name in names_in(inner) if name in SCOPE_OF_FIELD)]
        missing = [scope for scope in fields if scope not in self.scopes]
        return (
            f"Access denied for {connection} field. Required access: `{missing[0]}` access scope." if missing else None
        )

    def _begin(self, query: str) -> dict[str, Any]:
        ((connection, arguments, inner),) = selection_of(iter(TOKENS.findall(query)))
        number = f"gid://shopify/BulkOperation/{len(self.operations) + 1}"
        code = "ACCESS_DENIED" if self._denied(connection, inner) else self.failing.pop(0) if self.failing else None
        lines = [] if code else list(self._lines(connection, json.loads(arguments.get("query", '""')), inner))
        roots = sum("__parentId" not in line for line in lines)
        if self.shuffles:
            lines = [
                *(line for line in lines if "__parentId" in line),
                *(line for line in lines if "__parentId" not in line),
            ]
        file = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()
        path = f"/files/{len(self.operations) + 1}.jsonl"
        self.operations[number] = {
            "id": number,
            "status": "FAILED" if code else "COMPLETED",
            "errorCode": code,
            "objectCount": str(len(lines)),
            "rootObjectCount": str(roots),
            "fileSize": str(len(file)) if self.has_size and file else None,
            "url": f"{self.url}{path}?signature=s3cret" if file else None,
            "partialDataUrl": None,
            "looks": self.looks,
            "query": query,
        }
        self.files[path] = file
        return {"bulkOperation": {"id": number, "status": "CREATED"}, "userErrors": []}

    def _look(self, number: str) -> dict[str, Any] | None:
        found = self.operations.get(number)
        if found is None:
            return None
        found["looks"] -= 1
        shown = {name: value for name, value in found.items() if name not in ("looks", "query")}
        return shown if found["looks"] <= 0 else {**shown, "status": "RUNNING", "url": None, "fileSize": None}

    def _lines(self, connection: str, search: str, inner: Any) -> Iterator[dict[str, Any]]:
        node = of(of(inner, "edges"), "node")
        low, high = bounds(search)
        for thing in self.things[connection].values():
            if not (low <= thing["updatedAt"] <= high):
                continue
            yield self._shown(thing, [one for one in node if one[0] not in CHILDREN])
            for name, _, below in node:
                for child in thing.get(name, []) if name in CHILDREN else ():
                    yield {**self._shown(child, of(of(below, "edges"), "node")), "__parentId": thing["id"]}

    def _shown(self, thing: Any, fields: Any) -> Any:
        """What is asked of a thing; lists of things one by one."""
        if isinstance(thing, list):
            return [self._shown(one, fields) for one in thing]
        if thing is None or not fields:
            return thing
        shown = {}
        for name, _, below in fields:
            value = thing.get(name) if self.may_see_people or name not in PEOPLE else None
            if name in CHILDREN:
                shown[name] = {"nodes": [self._shown(one, of(below, "nodes")) for one in value or []]}
            else:
                shown[name] = self._shown(value, below)
        return shown


def selection_of(tokens: Iterator[str]) -> list[tuple[str, dict[str, str], Any]]:
    """(name, arguments, selection) of everything between two braces."""
    found: list[tuple[str, dict[str, str], Any]] = []
    for token in tokens:
        if token == "}":
            return found
        if token == "{":
            inner = selection_of(tokens)
            if not found:
                return inner
            found[-1] = (found[-1][0], found[-1][1], inner)
        elif token == "(":
            written = []
            while (token := next(tokens)) != ")":
                written.append(token)
            pairs = zip(written[::3], written[2::3], strict=False)
            found[-1] = (found[-1][0], dict(pairs), None)
        elif token != "...":
            found.append((token, {}, None))
    return found


def of(selection: Any, name: str) -> Any:
    return next(below for one, _, below in selection if one == name)


def names_in(selection: Any) -> Iterator[str]:
    for name, _, below in selection or ():
        yield name
        yield from names_in(below)


def bounds(search: str) -> tuple[str, str]:
    """Both ends of `updated_at:>='…' AND updated_at:<='…'`, which are counted in."""
    low = re.search(r"updated_at:>='([^']*)'", search)
    high = re.search(r"updated_at:<='([^']*)'", search)
    return (low[1] if low else "", high[1] if high else "9999")


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
        "shippingLine": {"taxLines": [{"rate": 0.2, "priceSet": money("3.00")}]},
        "totalRefundedSet": money("0.00"), "totalRefundedShippingSet": money("0.00"), "transactions": [],
        "lineItems": [line(f"{number}1")], **more,
    }  # fmt: skip


def refund(number: object, amount: str, status: str = "SUCCESS", at: str = "2025-03-05T10:00:00Z") -> dict[str, Any]:
    return {
        "id": gid("OrderTransaction", number), "kind": "REFUND", "status": status, "createdAt": at, "processedAt": at,
        "amountSet": money(amount),
    }  # fmt: skip
