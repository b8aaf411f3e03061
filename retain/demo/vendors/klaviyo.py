"""A Klaviyo: events as JSON:API, filtered by their own time in one parameter, with their metrics and profiles beside them."""

import json
import re
from base64 import b64decode, b64encode
from datetime import datetime
from math import inf
from typing import Any
from urllib.parse import quote

from retain.demo.vendors.server import Answer, Request, Vendor

REVISION = "2026-07-15"
FILTER = re.compile(r"greater-or-equal\(datetime,([^)]+)\),less-than\(datetime,([^)]+)\)")


class Klaviyo(Vendor):
    """`events` by id; `metrics` (their names) and `profiles` by id, of which an answer lists those that its page names."""

    token = "made-up"

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[str, dict[str, Any]] = {}
        self.metrics: dict[str, str] = {}
        self.profiles: dict[str, dict[str, Any]] = {}

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Klaviyo-API-Key {self.token}":
            return _refusal(401, "not_authenticated", "Incorrect authentication credentials.")
        if request.headers.get("revision") != REVISION:
            return _refusal(400, "invalid", "A revision header is required.")
        if request.path != "/api/events":
            return _refusal(404, "not_found", "The path is not there.")
        params = request.params
        bounds = FILTER.fullmatch(params.get("filter", ""))
        if "filter" in params and bounds is None:
            return _refusal(400, "invalid", "The filter is malformed.")
        low, high = (datetime.fromisoformat(at).timestamp() for at in bounds.groups()) if bounds else (-inf, inf)
        after: tuple[float, str] = (low, "")
        if "page[cursor]" in params:
            second, key = json.loads(b64decode(params["page[cursor]"]))
            after = (second, key)
        found = sorted(place for event in self.events.values() if after < (place := _place(event)) and place[0] < high)
        size = int(params.get("page[size]", 200))
        shown = [self.events[key] for _, key in found[:size]]
        following = None
        if len(found) > size:
            cursor = b64encode(json.dumps(found[size - 1]).encode()).decode()
            query = {**params, "page[cursor]": cursor}
            following = f"{self.url}{request.path}?{'&'.join(f'{quote(k)}={quote(v)}' for k, v in query.items())}"
        body = {"data": shown, "links": {"self": "", "next": following, "prev": None}}
        if params.get("include") == "metric,profile" and shown:
            body["included"] = self._included(shown)
        return Answer(json.dumps(body).encode(), content_type="application/vnd.api+json")

    def _included(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        named = {
            name: {event["relationships"][name]["data"]["id"] for event in events} for name in ("metric", "profile")
        }
        metrics = [
            {"type": "metric", "id": one, "attributes": {"name": self.metrics[one]}} for one in sorted(named["metric"])
        ]
        return metrics + [
            {"type": "profile", "id": one, "attributes": self.profiles[one]} for one in sorted(named["profile"])
        ]


def _place(event: dict[str, Any]) -> tuple[float, str]:
    """Where it stands among the events: by its second, then by its id."""
    return event["attributes"]["timestamp"], event["id"]


def _refusal(status: int, code: str, detail: str) -> Answer:
    errors = [{"id": "01JK", "status": status, "code": code, "title": "Not as it should be.", "detail": detail}]
    return Answer(json.dumps({"errors": errors}).encode(), status, content_type="application/vnd.api+json")
