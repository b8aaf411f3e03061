"""A HubSpot: lists by cursor, searches that lag, show few records and only the properties that are named, archives, merges."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from vendors.server import Answer, Request, Vendor

TOKEN = "pat-eu1-service-key"
ROOT = "/crm/objects/2026-09/"
CHANGED = {"contacts": "lastmodifieddate", "deals": "hs_lastmodifieddate"}


class HubSpot(Vendor):
    """`things` by kind and id, which is a number. A search shows `shown` records whatever it finds, and lags by `lag`."""

    def __init__(self) -> None:
        super().__init__()
        self.things: dict[str, dict[int, dict[str, Any]]] = {"contacts": {}, "deals": {}}
        self.shown, self.lag = 10_000, timedelta(0)
        self.scopes = {"crm.objects.contacts.read", "crm.objects.deals.read"}
        self.left = 650_000

    def put(self, kind: str, key: int, at: datetime, contacts: tuple[int, ...] = (), **properties: str | None) -> None:
        """Properties are texts, or null."""
        text, before = _written(at), self.things[kind].get(key)
        known = before["properties"] if before else {"createdate": text, "hs_merged_object_ids": None}
        stamps = {CHANGED[kind]: text, "hs_object_id": str(key)}
        self.things[kind][key] = {
            "id": str(key), "createdAt": before["createdAt"] if before else text, "updatedAt": text, "archived": False,
            "properties": {**known, **properties, **stamps}, "contacts": contacts or (before["contacts"] if before else ()),
        }  # fmt: skip

    def archive(self, kind: str, key: int, at: datetime) -> None:
        self.things[kind][key] |= {"archived": True, "archivedAt": _written(at)}

    def merge(self, keys: tuple[int, int], into: int, at: datetime) -> None:
        """Two contacts become one with an id of its own, which names them."""
        first, _ = (self.things["contacts"].pop(key) for key in keys)
        merged = ";".join(map(str, keys))
        self.put("contacts", into, at, **{**first["properties"], "hs_merged_object_ids": merged})

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _refusal(401, "Authentication credentials not found.", "INVALID_AUTHENTICATION")
        kind, _, way = request.path.removeprefix(ROOT).partition("/")
        if not request.path.startswith(ROOT) or kind not in self.things or way not in ("", "search"):
            return _refusal(404, "resource not found", "OBJECT_NOT_FOUND")
        scope = f"crm.objects.{kind}.read"
        if scope not in self.scopes:
            words = f"This app hasn't been granted all required scopes to make this call: {scope}."
            return _refusal(403, words, "MISSING_SCOPES")
        if self.left <= 0:
            told = {"status": "error", "message": "You have reached your daily limit.", "policyName": "DAILY"}
            return Answer(json.dumps({**told, "errorType": "RATE_LIMIT"}).encode(), 429)
        self.left -= 1
        if way == "search":
            return (
                self._search(kind, request) if request.method == "POST" else _refusal(405, "no", "METHOD_NOT_ALLOWED")
            )
        return self._list(kind, request.params)

    def _list(self, kind: str, params: dict[str, str]) -> Answer:
        limit = int(params.get("limit", 10))
        if limit > 100:
            return _refusal(400, "The limit is too high", "VALIDATION_ERROR")
        archived, after = params.get("archived") == "true", int(params.get("after", 0))
        found = [
            key for key in sorted(self.things[kind]) if self.things[kind][key]["archived"] is archived and key > after
        ]
        named = params.get("properties", "email").split(",")
        shown = [self._shown(kind, key, named, params.get("associations")) for key in found[:limit]]
        return _page(shown, str(found[limit - 1]) if len(found) > limit else None)

    def _search(self, kind: str, request: Request) -> Answer:
        asked = json.loads(request.body)
        if request.headers.get("content-type") != "application/json" or int(asked.get("limit", 10)) > 200:
            return _refusal(400, "Invalid input JSON", "VALIDATION_ERROR")
        indexed = datetime.now(UTC) - self.lag
        found = [
            key
            for key, thing in sorted(self.things[kind].items())
            if not thing["archived"]
            and datetime.fromisoformat(thing["updatedAt"]) <= indexed
            and all(_holds(one, thing["properties"]) for one in asked["filterGroups"][0]["filters"])
        ]
        if asked["sorts"] != [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]:
            return _refusal(400, "another order than the tests know", "VALIDATION_ERROR")
        start, limit = int(asked.get("after", 0)), min(asked["limit"], self.shown)
        if start + limit > self.shown:
            return _refusal(400, "There was a problem with the request.", "VALIDATION_ERROR")
        shown = [self._shown(kind, key, asked["properties"], None) for key in found[start : start + limit]]
        return _page(shown, str(start + limit) if len(found) > start + limit else None, total=len(found))

    def _shown(self, kind: str, key: int, named: list[str], associations: str | None) -> dict[str, Any]:
        thing = {name: value for name, value in self.things[kind][key].items() if name != "contacts"}
        named = [*named, "hs_object_id", CHANGED[kind], "createdate"]
        thing["properties"] = {name: thing["properties"].get(name) for name in named}
        contacts = self.things[kind][key]["contacts"]
        if associations == "contacts" and contacts:
            linked = [{"id": str(one), "type": "deal_to_contact"} for one in contacts]
            thing["associations"] = {"contacts": {"results": linked}}
        return thing


def _holds(one: dict[str, str], properties: dict[str, str | None]) -> bool:
    text = properties.get(one["propertyName"])
    if text is None:
        return False
    if one["propertyName"] == "hs_object_id":
        return one["operator"] == "GT" and int(text) > int(one["value"])
    moment = datetime.fromisoformat(text).timestamp() * 1000
    return one["operator"] == "BETWEEN" and int(one["value"]) <= moment <= int(one["highValue"])


def _page(results: list[dict[str, Any]], after: str | None, **more: Any) -> Answer:
    paging = {"paging": {"next": {"after": after, "link": "https://api.hubapi.com/…"}}} if after else {}
    return Answer(json.dumps({**more, "results": results, **paging}).encode())


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def _refusal(status: int, words: str, category: str) -> Answer:
    told = {"status": "error", "message": words, "correlationId": "a1", "category": category}
    return Answer(json.dumps(told).encode(), status)
