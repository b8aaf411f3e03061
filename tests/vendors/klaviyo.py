"""A Klaviyo: events as JSON:API, filtered by their own time in one parameter, with their metrics and profiles beside them."""

import json
import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from vendors.server import Answer, Request, Vendor

TOKEN, REVISION = "pk_of_the_shop", "2026-07-15"
FILTER = re.compile(r"greater-or-equal\(datetime,([^)]+)\),less-than\(datetime,([^)]+)\)")


class Klaviyo(Vendor):
    """`events` by id; `metrics` and `profiles` by id, of which an answer lists those that its page names."""

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[str, dict[str, Any]] = {}
        self.metrics: dict[str, str] = {}
        self.profiles: dict[str, dict[str, Any]] = {}

    def put(
        self, key: str, metric: str, profile: str, at: datetime, message: str | None = "M1", **properties: Any
    ) -> None:
        number = next((one for one, name in self.metrics.items() if name == metric), f"m{len(self.metrics)}")
        self.metrics[number] = metric
        self.profiles.setdefault(profile, {"email": f"{profile}@x.am", "phone_number": None})
        told = {
            **({"$message": message, "Campaign Name": "May letter"} if message else {"$value": 129.90}),
            **properties,
        }
        when = {"timestamp": int(at.timestamp()), "datetime": at.astimezone(UTC).isoformat(sep=" ")}
        pairs = (("profile", profile), ("metric", number))
        self.events[key] = {
            "type": "event",
            "id": key,
            "attributes": {**when, "event_properties": told},
            "relationships": {name: {"data": {"type": name, "id": one}} for name, one in pairs},
        }

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Klaviyo-API-Key {TOKEN}":
            return _refusal(401, "not_authenticated", "Incorrect authentication credentials.")
        if request.headers.get("revision") != REVISION:
            return _refusal(400, "invalid", "A revision header is required.")
        if request.path != "/api/events":
            return _refusal(404, "not_found", "The path is not there.")
        params = request.params
        bounds = FILTER.fullmatch(params.get("filter", ""))
        if "filter" in params and bounds is None:
            return _refusal(400, "invalid", "The filter is malformed.")
        low, high = map(datetime.fromisoformat, bounds.groups()) if bounds else (None, None)
        found = sorted(
            (event for event in self.events.values() if low is None or (high is not None and low <= _at(event) < high)),
            key=lambda event: (_at(event), event["id"]),
        )
        if "page[cursor]" in params:
            after = tuple(json.loads(b64decode(params["page[cursor]"])))
            found = [event for event in found if (_at(event).isoformat(), event["id"]) > after]
        size = int(params.get("page[size]", 200))
        shown = found[:size]
        following = None
        if len(found) > size:
            cursor = b64encode(json.dumps([_at(shown[-1]).isoformat(), shown[-1]["id"]]).encode()).decode()
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


def _at(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["attributes"]["datetime"])


def _refusal(status: int, code: str, detail: str) -> Answer:
    errors = [{"status": status, "code": code, "title": detail, "message": detail}]
    return Answer(json.dumps({"errors": errors}).encode(), status, content_type="application/vnd.api+json")
