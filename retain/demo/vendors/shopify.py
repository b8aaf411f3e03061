"""A Shopify shop's GraphQL Admin API: a page of the newest, and bulk operations with their JSONL files.

It reads the queries it is sent: a connection of a shop, nested connections, objects and lists; every field that is asked for
is answered, null where the thing has none.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from retain.demo.vendors.server import Answer, Request, Vendor
from retain.sources.shopify_entities import VERSION

SCOPES = ("read_customers", "read_orders", "read_all_orders", "read_products")
CHILDREN = {"lineItems", "variants"}
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_$][\w$]*|\d+|\.\.\.|[{}():!]')
GRAPHQL = re.compile(r"/admin/api/\d{4}-\d\d/graphql\.json")
Selection = list[tuple[str, dict[str, str], Any]]


class Shopify(Vendor):
    """`things` by connection and number. A bulk operation has ended when it is first looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.things: dict[str, dict[int, dict[str, Any]]] = {"customers": {}, "products": {}, "orders": {}}
        self.scopes = list(SCOPES)
        self.tokens = ["made-up"]
        self.version = VERSION
        self.operations: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}

    def answer(self, request: Request) -> Answer:
        if request.path in self.files:
            return Answer(self.files[request.path], content_type="application/jsonl")
        if not GRAPHQL.fullmatch(request.path):
            return Answer(b'{"errors":"Not Found"}', 404)
        if request.headers.get("x-shopify-access-token") not in self.tokens:
            words = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return Answer(json.dumps({"errors": words}).encode(), 401)
        asked = json.loads(request.body)
        told = self.graphql(asked["query"], asked.get("variables") or {})
        return Answer(json.dumps(told).encode(), headers={"x-shopify-api-version": self.version})

    def graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The document that answers a query."""
        ((name, arguments, inner),) = selection_of(iter(TOKENS.findall(query[query.index("{") :])))
        if name == "bulkOperationRunQuery":
            return {"data": {name: self.begin(variables["query"])}}
        if name == "node":
            return {"data": {name: self.operations.get(variables["id"])}}
        if name == "currentAppInstallation":
            return {"data": {name: {"accessScopes": [{"handle": scope} for scope in self.scopes]}}}
        newest = sorted(self.things[name].values(), key=lambda one: str(one["updatedAt"]), reverse=True)
        nodes = [self.shown(one, of(inner, "nodes")) for one in newest[: int(arguments["first"])]]
        return {"data": {name: {"nodes": nodes}}}

    def begin(self, query: str) -> dict[str, Any]:
        """Run a bulk operation."""
        ((connection, arguments, inner),) = selection_of(iter(TOKENS.findall(query)))
        return self.ended(list(self.lines(connection, json.loads(arguments.get("query", '""')), inner)))

    def ended(self, lines: list[dict[str, Any]], code: str | None = None) -> dict[str, Any]:
        """Keep an operation with its file of `lines`, or with the error it ended with; the answer to who began it."""
        number = f"gid://shopify/BulkOperation/{len(self.operations) + 1}"
        file = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()
        path = f"/files/{len(self.operations) + 1}.jsonl"
        self.operations[number] = {
            "id": number,
            "status": "FAILED" if code else "COMPLETED",
            "errorCode": code,
            "objectCount": str(len(lines)),
            "rootObjectCount": str(sum("__parentId" not in line for line in lines)),
            "fileSize": str(len(file)) if file else None,
            "url": f"{self.url}{path}?signature=s3cret" if file else None,
            "partialDataUrl": None,
        }
        self.files[path] = file
        return {"bulkOperation": {"id": number, "status": "CREATED"}, "userErrors": []}

    def lines(self, connection: str, search: str, inner: Selection) -> Iterator[dict[str, Any]]:
        """What a bulk operation finds, children below their parents."""
        node = of(of(inner, "edges"), "node")
        low, high = bounds(search)
        for thing in self.things[connection].values():
            if not (low <= thing["updatedAt"] <= high):
                continue
            yield self.shown(thing, [one for one in node if one[0] not in CHILDREN])
            for name, _, below in node:
                for child in thing.get(name, []) if name in CHILDREN else ():
                    yield {**self.shown(child, of(of(below, "edges"), "node")), "__parentId": thing["id"]}

    def shown(self, thing: Any, fields: Selection | None) -> Any:
        """What is asked of a thing; lists of things one by one. What is asked for twice is put together."""
        if isinstance(thing, list):
            return [self.shown(one, fields) for one in thing]
        if thing is None or not fields:
            return thing
        shown: dict[str, Any] = {}
        for name, _, below in fields:
            value = thing.get(name)
            if name in CHILDREN:
                shown[name] = {"nodes": [self.shown(one, of(below, "nodes")) for one in value or []]}
            elif name in shown and isinstance(value, dict):
                shown[name] = {**shown[name], **self.shown(value, below)}
            else:
                shown[name] = self.shown(value, below)
        return shown


def selection_of(tokens: Iterator[str]) -> Selection:
    """(name, arguments, selection) of everything between two braces."""
    found: Selection = []
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


def bounds(search: str) -> tuple[str, str]:
    """Both ends of `updated_at:>='…' AND updated_at:<='…'`, which are counted in."""
    low = re.search(r"updated_at:>='([^']*)'", search)
    high = re.search(r"updated_at:<='([^']*)'", search)
    return (low[1] if low else "", high[1] if high else "9999")
