"""A Zendesk: cursor exports that leave out the last minute and link on at their end, ratings and survey answers, few requests a minute."""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

from vendors.server import HTML, Answer, Request, Vendor

USER, TOKEN = "admin@shop.example", "zendesk-token"
ROOT = "/api/v2/"
EXPORTS = {"incremental/tickets/cursor.json": "tickets", "incremental/users/cursor.json": "users"}
LISTS = {"satisfaction_ratings": 100, "guide/survey_responses": 50}


class Zendesk(Vendor):
    """`things` by kind and id, each with the second of its last change as the system counts it (`generated_timestamp`).

    `limit` is how many exports a minute are answered; `has_surveys` whether the plan has the newer satisfaction.
    """

    def __init__(self) -> None:
        super().__init__()
        self.things: dict[str, dict[Any, tuple[int, dict[str, Any]]]] = {
            kind: {} for kind in ("tickets", "users", "satisfaction_ratings", "survey_responses")
        }
        self.limit: int | None = None
        self.has_surveys = True
        self.is_there = True
        self._exports: list[datetime] = []

    def put(self, kind: str, thing: dict[str, Any], changed: datetime, generated: datetime | None = None) -> None:
        """Store a thing. Its time of change may be long before that of the export: a trigger or a merge wrote it."""
        text = f"{changed.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        before = self.things[kind].get(thing["id"])
        created = thing.get("created_at") or (before[1]["created_at"] if before else text)
        counted = int((generated or changed).timestamp())
        whole = {**thing, "created_at": created, "updated_at": text}
        if kind == "tickets":
            whole["generated_timestamp"] = counted
        self.things[kind][thing["id"]] = (counted, whole)

    def delete_ticket(self, number: Any, at: datetime) -> None:
        _, ticket = self.things["tickets"][number]
        gone = {**ticket, "status": "deleted", "subject": "SCRUBBED", "description": "SCRUBBED", "metric_set": None}
        self.put("tickets", gone, at)

    def merge_users(self, loser: int, winner: int, at: datetime) -> None:
        """The loser is no longer active, and who asked for the tickets is the winner."""
        self.put("users", {**self.things["users"][loser][1], "active": False, "email": None}, at)
        for _, ticket in list(self.things["tickets"].values()):
            if ticket["requester_id"] == loser:
                before = datetime.fromisoformat(ticket["updated_at"])
                self.put("tickets", {**ticket, "requester_id": winner}, before, generated=at)

    def answer(self, request: Request) -> Answer:
        if not self.is_there:
            return Answer(b"<html><h1>No help desk at wrong.zendesk.com</h1></html>", 404, content_type="text/html")
        if request.path.startswith("/login"):
            return HTML
        expected = f"Basic {b64encode(f'{USER}/token:{TOKEN}'.encode()).decode()}"
        if request.headers.get("authorization") != expected:
            return Answer(b'{"error": "Couldn\'t authenticate you"}', 401)
        path = request.path.removeprefix(ROOT)
        if path in EXPORTS:
            return self._export(EXPORTS[path], request)
        if path in LISTS and (path != "guide/survey_responses" or self.has_surveys):
            return self._list(path, request)
        return Answer(b'{"error": "InvalidEndpoint", "description": "Not found"}', 404)

    def _export(self, kind: str, request: Request) -> Answer:
        now = datetime.now(UTC)
        self._exports = [at for at in self._exports if now - at < timedelta(minutes=1)]
        if self.limit is not None and len(self._exports) >= self.limit:
            return Answer(b'{"error": "TooManyRequests"}', 429, {"retry-after": "1"})
        self._exports.append(now)
        params = request.params
        if "cursor" in params:
            after = tuple(json.loads(b64decode(params["cursor"])))
        elif "start_time" in params and int(params["start_time"]) <= now.timestamp() - 60:
            after = (int(params["start_time"]) - 1, "~")
        else:
            return Answer(b'{"error": "StartTimeTooRecent"}', 422)
        until = now.timestamp() - 60
        found = sorted(
            (generated, str(key), thing)
            for (key, (generated, thing)) in self.things[kind].items()
            if (generated, str(key)) > after and generated <= until
        )
        size = min(int(params.get("per_page", 1000)), 1000)
        shown = found[:size]
        at = b64encode(json.dumps((shown[-1][0], shown[-1][1]) if shown else after).encode()).decode()
        things = [thing for *_, thing in shown]
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
        low, high = (int(params[name]) if name in params else None for name in named)
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
        query = "&".join(f"{name}={value}" for name, value in params.items() if name != "page[after]")
        link = f"{self.url}{request.path}?{query}&page[after]={start + size}"
        body = {
            kind: shown,
            "meta": {"has_more": more, "after_cursor": str(start + size)},
            "links": {"next": link, "prev": None},
        }
        return Answer(json.dumps(body).encode())


def _seconds(thing: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(thing["created_at"]).timestamp())


def ticket(
    number: Any, requester: int, status: str = "open", minutes: int | None = None, **more: Any
) -> dict[str, Any]:
    """A ticket as the documentation shows one, answered after so many minutes; solved, its metrics say since when."""
    return {
        "id": number, "requester_id": requester, "status": status, "subject": "Where is my cap?", "type": "question",
        "priority": "normal", "tags": [], "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}},
        "metric_set": {"reply_time_in_minutes": {"calendar": minutes, "business": None},
                       "solved_at": "2025-03-02T09:00:00Z" if status in ("solved", "closed") else None}, **more,
    }  # fmt: skip


def user(number: int, role: str = "end-user", **more: Any) -> dict[str, Any]:
    email = f"c{number}@x.am"
    return {"id": number, "name": f"User {number}", "email": email, "phone": None, "role": role, "active": True, **more}


def response(key: str, responder: int, ticket_number: int, rating: int | None, at: datetime) -> dict[str, Any]:
    """An answer to a survey: a rating, and the words that belong to it, or only the words."""
    when = {"created_at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "updated_at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    rated = [{"type": "rating_scale", "rating": rating, **when}] if rating is not None else []
    return {
        "id": key, "responder_id": responder, "subject_zrns": [f"zen:ticket:{ticket_number}"],
        "survey": {"id": "01J58", "version": 3, "state": "enabled"}, "expires_at": None,
        "answers": [*rated, {"type": "open_ended", "value": "thanks", **when}],
    }  # fmt: skip
