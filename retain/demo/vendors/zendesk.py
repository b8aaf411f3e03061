"""A Zendesk: cursor exports that leave out the last minute and link on at their end, and the answers to its surveys."""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any

from retain.demo.vendors.server import Answer, Request, Vendor

ROOT = "/api/v2/"
EXPORTS = {"incremental/tickets/cursor.json": "tickets", "incremental/users/cursor.json": "users"}
LISTS = {"satisfaction_ratings": 100, "guide/survey_responses": 50}  # the most that a page may hold


class Zendesk(Vendor):
    """`things` by kind and id, each with the second of its last change as the system counts it (`generated_timestamp`)."""

    user, token = "demo@aras.example", "made-up"

    def __init__(self) -> None:
        super().__init__()
        self.things: dict[str, dict[Any, tuple[int, dict[str, Any]]]] = {
            kind: {} for kind in ("tickets", "users", "satisfaction_ratings", "survey_responses")
        }

    def answer(self, request: Request) -> Answer:
        expected = f"Basic {b64encode(f'{self.user}/token:{self.token}'.encode()).decode()}"
        if request.headers.get("authorization") != expected:
            return Answer(b'{"error": "Couldn\'t authenticate you"}', 401)
        path = request.path.removeprefix(ROOT)
        if path in EXPORTS:
            return self.export(EXPORTS[path], request)
        if path in LISTS:
            return self._list(path, request)
        return Answer(b'{"error": "InvalidEndpoint", "description": "Not found"}', 404)

    def export(self, kind: str, request: Request) -> Answer:
        """A page of what changed, oldest change first."""
        now = datetime.now(UTC)
        params = request.params
        if "cursor" in params:
            after = tuple(json.loads(b64decode(params["cursor"])))
        elif "start_time" in params and int(params["start_time"]) <= now.timestamp() - 60:
            after = (int(params["start_time"]) - 1, "~")
        else:
            return Answer(b'{"error": "StartTimeTooRecent"}', 422)
        until = now.timestamp() - 60
        found = sorted(
            ((generated, str(key)), thing)
            for key, (generated, thing) in self.things[kind].items()
            if (generated, str(key)) > after and generated <= until
        )
        size = min(int(params.get("per_page", 1000)), 1000)
        shown = found[:size]
        at = b64encode(json.dumps(shown[-1][0] if shown else after).encode()).decode()
        things = [thing for _, thing in shown]
        if kind == "tickets" and params.get("include") != "metric_sets":
            things = [{key: value for key, value in thing.items() if key != "metric_set"} for thing in things]
        return Answer(
            json.dumps(
                {
                    kind: things,
                    "after_url": f"{self.url}{request.path}?cursor={at}&per_page={size}",
                    "after_cursor": at,
                    "before_cursor": None,
                    "end_of_stream": len(found) <= size,
                }
            ).encode()
        )

    def _list(self, path: str, request: Request) -> Answer:
        kind, params = path.rpartition("/")[2], request.params
        named = (
            ("filter[created_at_start]", "filter[created_at_end]")
            if kind == "survey_responses"
            else ("start_time", "end_time")
        )
        second = 1000 if kind == "survey_responses" else 1  # of surveys it is asked in milliseconds
        low, high = (int(params[name]) / second if name in params else None for name in named)
        size = int(params.get("page[size]", 100))
        if size > LISTS[path]:
            return Answer(b'{"errors": [{"code": "InvalidPaginationParameter"}]}', 400)
        found = [
            thing
            for _, thing in self.things[kind].values()
            if (low is None or _seconds(thing) >= low)
            and (high is None or _seconds(thing) <= high)
            and (params.get("score") != "received" or thing["score"] in ("good", "bad"))
        ]
        start = int(params.get("page[after]", 0))
        shown, more = found[start : start + size], start + size < len(found)
        body = {kind: shown, "meta": {"has_more": more, "before_cursor": str(start), "after_cursor": str(start + size)}}
        if kind != "survey_responses":  # only the older list links on, and does so at its end, too
            query = "&".join(f"{name}={value}" for name, value in params.items() if name != "page[after]")
            body["links"] = {"next": f"{self.url}{request.path}?{query}&page[after]={start + size}", "prev": None}
        return Answer(json.dumps(body).encode())


def _seconds(thing: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(thing["created_at"]).timestamp())
